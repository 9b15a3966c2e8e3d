"""What containers on nodes got for the names of Services, against what the objects promise: an answer beats them."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import family
from dualstack.model.evidence import Evidence
from dualstack.model.names import Lookup, Names
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop

UNTOLD = "untold"
"""Mark of the hop `resolve`: the Service has an address of the family, and its name gives none."""


def resolved(traces: Iterable[Trace], seen: Sequence[tuple[str, Names]]) -> Iterator[Trace]:
    """The traces, those without an address whose name gives none. `seen` are the nodes with what was answered there."""
    for trace in traces:
        answers = [(node, x) for node, names in seen if (x := names.lookup(trace.target.host))]
        lacking = [x for x in answers if trace.family not in {family(y) for y in x[1].addresses}]
        promised = trace.at(Hop.RESOLVE).status in (Status.PASS, Status.UNKNOWN)
        yield _untold(trace, *lacking[0]) if promised and answers and len(lacking) == len(answers) else trace


def _untold(trace: Trace, node: str, said: Lookup) -> Trace:
    why = f"does not resolve: {said.error}" if said.error else f"gives no {trace.family.title} address"
    got = said.error or ", ".join(said.addresses)
    fact = Evidence(f"`{said.name}`: {got}", f"{said.source} on the node {node}")
    stop = TracedHop(Hop.RESOLVE, Status.FAIL, f"`{said.name}` {why}", UNTOLD, (fact, *trace.at(Hop.RESOLVE).evidence))
    after = (x if x.hop is Hop.ENDPOINT else replace(x, status=Status.UNKNOWN) for x in trace.hops)
    hops = tuple(stop if x.hop is Hop.RESOLVE else x for x in after)
    return replace(trace, hops=hops, disposition=Disposition.NO_ADDRESS)
