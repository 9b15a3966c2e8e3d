"""Flows that do not work and of which no rule has anything to say: their own reason is told, under the nearest rule."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import Family
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Disposition, Hop, Trace, TracedHop, Traces
from dualstack.reach.arrival import LOOPBACK_ONLY
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
    Hop.LISTEN: "DS201",
    Hop.HANDSHAKE: "DS905",
    Hop.EXPORT: "DS904",
}
"""The rule that a reader is sent to, by the hop at which a flow ends."""
_SILENT, _LOCAL = "DS906", "DS202"
_ALONE, _BIND = "The port takes connections to localhost alone", "Bind the receiver to a wildcard address."
_MARKED = {LOOPBACK_ONLY: _LOCAL}


def unexplained(traces: Traces, found: Iterable[Finding]) -> Iterator[tuple[str, Finding]]:
    """One finding, with its code, for each reason of flows that no error among what was `found` speaks of."""
    told = {y for x in found if x.severity is Severity.ERROR for y in x.flows}
    alike: dict[tuple[str, Hop, str], list[Trace]] = {}
    for trace, end in ((x, y) for x in traces.broken if x.key not in told and (y := x.failing)):
        code = _SILENT if trace.disposition is Disposition.TIMED_OUT else _MARKED.get(end.mark, _NEAREST[end.hop])
        alike.setdefault((code, end.hop, _why(end, trace.family)), []).append(trace)
    for (code, hop, why), flows in alike.items():
        told_ = _finding(hop, why, flows)
        yield code, replace(told_, summary=_ALONE, hint=_BIND) if code == _LOCAL else told_


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
