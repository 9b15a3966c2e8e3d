"""Reviews of files, as values, for the tests of reports."""

from enum import Enum
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from dualstack.model.address import Family
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Edit, Finding, Fix, Severity, Skipped
from dualstack.model.question import FILES, Question
from dualstack.model.source import Location
from dualstack.model.trace import Hop

AT = Location("deploy/collector.yaml", 5, 19, 5, 31)
UNBRACKETED = Finding(
    summary="IPv6 address without brackets",
    detail="In `fd00::5:4317` the colons of the address and that of the port cannot be told apart.",
    hint="Write `[fd00::5]:4317`.",
    families=(Family.IPV6,),
    confidence=Confidence.DECLARED,
    evidence=(Evidence("fd00::5:4317", "receivers.otlp.protocols.grpc.endpoint", Layer.DECLARED),),
    location=AT,
    fix=Fix("Write `[fd00::5]:4317`", Applicability.SAFE, (Edit(AT.file, "fd00::5:4317", '"[fd00::5]:4317"', AT),)),
    code="DS101",
    name="unbracketed-ipv6-endpoint",
    hop=Hop.ENDPOINT,
    excerpt="        endpoint: fd00::5:4317",
)
FORCED = Finding(
    summary="Transport takes one family",
    detail="`tcp4` takes IPv4 alone.",
    hint="Leave `transport` out.",
    confidence=Confidence.DECLARED,
    location=Location("deploy/a b.yaml", 2, 14, 2, 18),
    fix=Fix(
        "Leave it out",
        Applicability.UNSAFE,
        (Edit("deploy/a b.yaml", "tcp4", "tcp", Location("deploy/a b.yaml", 2, 14, 2, 18)),),
    ),
    code="DS208",
    name="transport-pins-family",
    severity=Severity.WARNING,
    hop=Hop.LISTEN,
    excerpt="  transport: tcp4",
)
NOTED = Finding(
    summary="Name of another cluster",
    detail="Nobody here knows its families.",
    confidence=Confidence.DECLARED,
    location=Location("deploy/a b.yaml", 9, 3),
    code="DS511",
    name="external-name-families-elsewhere",
    severity=Severity.INFO,
    hop=Hop.SERVICE,
)
UNREADABLE = Skipped(
    "broken.yaml:3", "is not YAML: a key was expected", unreadable=True, location=Location("broken.yaml", 3, 7)
)
TEMPLATE = Skipped("chart/service.yaml:4", "is a template; lint what it is rendered to")
QUESTION = Question(place=FILES)
SAMPLE = Diagnosis(QUESTION, Verdict.BROKEN, findings=(UNBRACKETED, FORCED, NOTED), skipped=(TEMPLATE, UNREADABLE))
CLEAN = Diagnosis(QUESTION, Verdict.HEALTHY)
UNKNOWN = Diagnosis(QUESTION, Verdict.UNKNOWN)

EVIL = {
    "line breaks": "\r\n::error::owned\n",
    "commands": "::warning file=x,line=1::owned%0A,title=x",
    "cdata": "]]><script>alert(1)</script><![CDATA[",
    "tags": "\"'><img src=x onerror=alert(1)>&lt;",
    "markdown": "| [x](javascript:alert(1)) ![y](http://x/) ``` ~~~ @admin <b> \\` `code` *bold* #1",
    "control characters": "\x00\x1b[2J\x07\x9b31m\x7f\u202e\u2028\ufffe",
    "no text": "caf\udce9\udcff",
    "half a surrogate": "\ud800x",
    "percent": "100%25%0A",
    "wide": "日本語\t\u0301",
}
"""What somebody may write into a file, or into its name."""


def hostile(value: Any, evil: str) -> Any:
    """The value with `evil` at the end of every text that it holds, but those that the rules choose themselves."""
    if isinstance(value, Struct):
        kept = ("code", "name", "because", "codes", "place")
        return replace(
            value, **{x.name: hostile(getattr(value, x.name), evil) for x in fields(value) if x.name not in kept}
        )
    if isinstance(value, tuple):
        return tuple(hostile(x, evil) for x in value)
    return value + evil if value and isinstance(value, str) and not isinstance(value, Enum) else value
