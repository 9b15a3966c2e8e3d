"""Families that the pods of a client have and the client itself does not dial."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.aims import Aim

UNDIALLED = "DS209"
"""Mark of the hop `select`: the client is told to leave out the family. It is the rule that speaks of that."""

WITHOUT = "and its pod has none"
"""How the reason ends where the pod has no address of the family that is left."""


def dialled(aim: Aim, traces: Sequence[Trace]) -> Iterator[Trace]:
    """The traces; a family that the pods have, and the client does not dial, is no way."""
    have = next((x.families for x in aim.pods if x.metadata.name == aim.exporter.pod), ())
    dials = aim.exporter.families
    left = {*have} - {*dials}
    spared = any(x.family in dials for x in traces)
    why = "the JVM of the client dials IPv4 alone (`preferIPv4Stack`)" + ("" if dials else f", {WITHOUT}")
    stop = TracedHop(Hop.SELECT, Status.FAIL, why, UNDIALLED, (aim.said,))
    for trace in traces:
        if trace.family not in left or trace.at(Hop.RESOLVE).status is Status.FAIL:
            yield trace
            continue
        hops = tuple(stop if x.hop is Hop.SELECT else x for x in trace.hops)
        required = trace.required and not spared
        yield replace(trace, hops=hops, disposition=Disposition.NOT_TRIED, required=required)
