"""Probe results, one line each."""

import msgspec

from dualstack.model.address import family
from dualstack.model.probe import Outcome, ProbeResult, Probes
from dualstack.model.text import printable
from dualstack.reach.outcomes import MEANINGS

_GOOD = (Outcome.ACCEPTED, Outcome.CONNECTED)


def as_json(found: Probes) -> str:
    """The results as one JSON object."""
    document = {
        "schema": "dualstack.probes/1",
        "probes": [{**msgspec.to_builtins(x)} for x in found.items],
        "left_out": found.left_out,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def as_text(found: Probes) -> str:
    """`family protocol endpoint outcome`, then the answer and the time of each stage."""
    if not found.items:
        return "Nothing to probe: the name has no address.\n"
    rows = [_row(x) for x in found.items]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ("  ".join((*(c.ljust(w) for c, w in zip(row[:4], widths, strict=True)), row[4])).rstrip() for row in rows)
    return "".join(f"{x}\n" for x in (*lines, *(f"{printable(x)}." for x in found.left_out)))


def _row(result: ProbeResult) -> tuple[str, str, str, str, str]:
    task = result.task
    stages = ", ".join(f"{x.name} {x.milliseconds:.1f} ms{f' {x.reason}' if x.reason else ''}" for x in result.stages)
    said = "; ".join(x for x in (result.status, result.detail) if x) or MEANINGS[result.outcome].why
    spoken = f"{task.protocol}{'s' if task.tls else ''}"
    return (
        family(task.address).title,
        spoken,
        task.endpoint,
        str(result.outcome),
        f"{said} ({stages})" if stages else said,
    )


def status(found: Probes) -> int:
    """The exit status of the verb."""
    if any(x.outcome is Outcome.CANCELLED for x in found.items):
        return 130
    if not found.items:
        return 3
    return 0 if all(x.outcome in _GOOD for x in found.items) else 1
