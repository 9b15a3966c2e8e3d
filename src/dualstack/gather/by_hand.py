"""Endpoints that somebody wrote: whether a pod has their addresses, where these are in the ranges of pods."""

from collections.abc import Iterator

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import Refused
from dualstack.model.address import family, network
from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Missing
from dualstack.reach.nowhere import is_of_pods
from dualstack.reach.rights import Right, refused

_ADDRESSES = 8
_DENIED = 403


def by_hand(ask: Asker) -> None:
    """Note the addresses of endpoints, of no pod by their own word, that no pod has. Raises Unreachable."""
    for address in list(dict.fromkeys(_named(ask.world.cluster())))[:_ADDRESSES]:
        try:
            found = ask.api.objects(kinds.PODS, "", "", f"status.podIP={address}")
        except Refused as error:
            right = Right("list", "pods")
            why = refused(right, where=" in all namespaces") if error.status == _DENIED else error.why
            ask.world.gaps.append(Missing(f"pods with {address}", why))
            return
        if not found:
            ask.world.vacant = list(dict.fromkeys((*ask.world.vacant, address)))


def _named(known: Cluster) -> Iterator[str]:
    """The addresses of which an API server can tell the pod: it finds one by its first address alone."""
    held = {y for x in known.pods for y in x.addresses}
    ends = (y for x in known.slices if x.service for y in x.endpoints or () if y.ready and not y.target_ref)
    alone = [x for y in ends for x in y.addresses or () if x not in held]
    ranges = (network(next(iter(x.spec.pod_cidrs or ()), x.spec.pod_cidr or "")) for x in known.nodes if alone)
    first = {family(str(x.network_address)) for x in ranges if x}
    yield from (x for x in alone if family(x) in first and is_of_pods(x, known.nodes))
