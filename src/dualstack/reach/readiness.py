"""What keeps pods from being ready, where it is what their listeners take."""

from msgspec.structs import replace

from dualstack.model.finding import Finding
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.pods import Place, Places
from dualstack.reach.states import probed


def spread(finding: Finding, traces: Traces, places: Places) -> Finding:
    """A finding about a listener with the other flows that fail for it.

    Where the kubelet is refused like a flow, at the first address of the pod, the pod is not ready, and gets none of
    its flows: over no family, and on no port.
    """
    mine = {x.key: x for x in traces.items if x.key in finding.flows}
    unready = [x for x in mine.values() if is_unready(x) and _is_probe(x, places.named(x.server))]
    held = {y for x in unready for y in x.servers}
    further = (x.key for x in traces.broken if is_unready(x) and held.issuperset(x.servers))
    return replace(finding, flows=tuple(dict.fromkeys((*finding.flows, *further)))) if held else finding


def is_unready(trace: Trace) -> bool:
    """Whether a flow ends because none of the pods that it leads to is ready."""
    return bool(trace.servers) and trace.failing is not None and trace.failing.hop is Hop.ENDPOINTS


def _is_probe(trace: Trace, place: Place | None) -> bool:
    """Whether the kubelet comes the same way to see whether the pod is ready."""
    return place is not None and trace.family in place.pod.families[:1] and trace.port in probed(place.pod)
