"""Exports of 12 KiB from inside of a cluster that ended otherwise than the empty ones before them."""

from collections.abc import Collection, Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.address import family
from dualstack.model.inspection import Crossing
from dualstack.model.probe import ProbeResult
from dualstack.model.trace import Hop, Status, Trace
from dualstack.reach.pods import Places


def differing(traces: Iterable[Trace], made: Collection[Crossing], places: Places) -> Iterator[tuple[str, ProbeResult]]:
    """The flows that took an empty export and not a larger one, by their keys, each as a probe of it would tell.

    An export to the address of a flow tells most, then one to the pod that the flow ends at. Where backends differ each
    export to a Service may come to another one, so that the second tells nothing of the first.
    """
    told = [x for x in made if x.result.larger]
    for trace in traces if told else ():
        place = places.named(trace.server)
        held = [x for x in place.pod.addresses if family(x) is trace.family] if place else []
        shared = "-of-" in trace.at(Hop.ENDPOINTS).mark and trace.at(Hop.SERVICE).status is not Status.NOT_APPLICABLE
        through = () if shared else trace.addresses
        ends = [*((x, trace.target.port) for x in through), *((x, trace.port) for x in held)]
        found = (x.result for end in ends for x in told if x.to == (*end, trace.protocol))
        result = next(found, None) if trace.accepted else None
        if result:
            task = replace(result.task, address=trace.addresses[0], port=trace.target.port)
            yield trace.key, replace(result, task=task)
