"""Flows that do not work and of which no rule has anything to say: their own reason is told, under the nearest rule."""

from collections.abc import Iterable, Iterator, Sequence

from dualstack.model.address import BOTH, Family
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop, Traces
from dualstack.reach.live import families_of, keys

_NEAREST = {
    Hop.ENDPOINT: "DS101",
    Hop.RESOLVE: "DS408",
    Hop.SELECT: "DS404",
    Hop.ROUTE: "DS305",
    Hop.POLICY: "DS702",
    Hop.SERVICE: "DS508",
    Hop.ENDPOINTS: "DS507",
    Hop.POD: "DS507",
    Hop.HOST: "DS306",
    Hop.LISTEN: "DS211",
    Hop.HANDSHAKE: "DS905",
    Hop.EXPORT: "DS904",
}
"""The rule that a reader is sent to, by the hop at which a flow ends."""
_SILENT, _LED = "DS906", "DS508"


def unexplained(traces: Traces, found: Iterable[Finding]) -> Iterator[tuple[str, Finding]]:
    """One finding, with its code, for each reason of flows that no error among what was `found` speaks of.

    An error that names no flows, such as one of a file, may be about any.
    """
    errors = [x for x in found if x.severity is Severity.ERROR]
    told = {y for x in errors for y in x.flows}
    wide = {y for x in errors if not x.flows for y in x.families or BOTH}
    alike: dict[tuple[str, Hop, str], list[Trace]] = {}
    silent = (x for x in traces.broken if x.key not in told and x.family not in wide)
    for trace, end in ((x, y) for x in silent if (y := x.failing)):
        alike.setdefault((_nearest(trace, end), end.hop, _why(end, trace.family)), []).append(trace)
    for (code, hop, why), flows in alike.items():
        yield code, _finding(hop, why, flows)


def _nearest(trace: Trace, end: TracedHop) -> str:
    led = end.hop is Hop.LISTEN and trace.at(Hop.SERVICE).status is Status.PASS
    return _SILENT if trace.disposition is Disposition.TIMED_OUT else _LED if led else _NEAREST[end.hop]


def _why(end: TracedHop, family: Family) -> str:
    """The reason without the family, which flows of one reason may differ in."""
    said = end.why or "it ends there"
    return said.replace(f" {family.title}", "").replace(f"{family.title} ", "")


def _finding(hop: Hop, why: str, flows: Sequence[Trace]) -> Finding:
    families = families_of(flows)
    which = " and ".join(dict.fromkeys(x.target.endpoint for x in flows))
    over = f" over {families[0].title}" if len(families) == 1 else ""
    return Finding(
        summary=f"Exports end at the hop {hop}{over}",
        detail=f"Of {which}: {why}.",
        hint="Look at what the evidence names.",
        families=families,
        evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(hop).evidence)),
        flows=keys(flows),
        causes=(),
    )
