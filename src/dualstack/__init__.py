"""Finds why a client cannot send telemetry to an OpenTelemetry Collector over IPv4 or IPv6.

>>> from dualstack import Question, Request, diagnose, parse_target
>>> found = diagnose(Request(Question(targets=parse_target("http://localhost:4318"))))
>>> found.verdict, [x.code for x in found.findings]
>>> from dualstack import Review, lint
>>> found = lint(Review(("deploy/", "collector.yaml")))
>>> [(x.code, x.location) for x in found.diagnosis.findings]
"""

import importlib

__version__ = "0.1.0"

_PUBLIC = {
    "BadTarget": "dualstack.model.target",
    "Diagnosis": "dualstack.model.diagnosis",
    "Finding": "dualstack.model.finding",
    "Options": "dualstack.probe.run",
    "Question": "dualstack.model.question",
    "Request": "dualstack.pipeline",
    "Review": "dualstack.review",
    "Snapshot": "dualstack.model.snapshot",
    "Verdict": "dualstack.model.diagnosis",
    "diagnose": "dualstack.pipeline",
    "lint": "dualstack.review",
    "mend": "dualstack.review",
    "parse_target": "dualstack.model.target",
}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 -- the names are strings


def __getattr__(name: str) -> object:
    """The public names, imported when they are asked for: `dualstack --version` needs none of them."""
    if name not in _PUBLIC:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    found: object = getattr(importlib.import_module(_PUBLIC[name]), name)
    return found
