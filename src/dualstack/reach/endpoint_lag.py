"""Endpoints that contradict the pods they are made from: their controller is behind, or nobody writes them.

kube-controller-manager writes EndpointSlices a moment after a pod became ready or went away, one slice after the other.
"""

from collections.abc import Iterable, Iterator

from dualstack.model.address import family
from dualstack.model.cluster import Cluster, EndpointSlice, Pod, Service
from dualstack.reach.lanes import of_family, selected


def lagging(cluster: Cluster) -> Iterator[Service]:
    """The Services with a selector whose slices are not what their pods should have made of them."""
    for service in cluster.services:
        slices = [x for x in cluster.slices_of(service) if _is_of_pods(x)]
        pods = selected(cluster, service)
        if slices and (_gone(slices, pods) or any(missed(slices, x, service) for x in pods)):
            yield service


def missed(slices: Iterable[EndpointSlice], pod: Pod, service: Service) -> bool:
    """Whether a ready pod is no ready endpoint in a family that both the pod and the Service have."""
    every = tuple(slices)
    for each in service.families if pod.ready else ():
        held = [x for x in pod.addresses if family(x) is each]
        mine = [y for x in of_family(every, each) for y in x.endpoints or () if set(held) & set(y.addresses or ())]
        if held and not any(x.ready or x.conditions.terminating for x in mine):
            return True
    return False


def _is_of_pods(item: EndpointSlice) -> bool:
    """Whether the controller of kube-controller-manager writes a slice."""
    by = (item.metadata.labels or {}).get("endpointslice.kubernetes.io/managed-by", "")
    return by == "endpointslice-controller.k8s.io"


def _gone(slices: Iterable[EndpointSlice], pods: Iterable[Pod]) -> bool:
    """Whether an endpoint takes connections for a pod that is no more."""
    there = {x.metadata.name for x in pods}
    named = (y.target_ref for x in slices for y in x.endpoints or () if y.ready and y.target_ref)
    return any(x.kind == "Pod" and x.name not in there for x in named)
