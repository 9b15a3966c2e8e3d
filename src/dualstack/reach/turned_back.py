"""What was refused at pods, but for what a policy may have said in their place.

What enforces policies may answer as a closed port does: who is refused is told the same (measured with kube-router
2.1.0).
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.address import family
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.glimpse import Glimpse, Way
from dualstack.model.inspection import Crossing
from dualstack.model.probe import Outcome
from dualstack.reach.engines import engine
from dualstack.reach.netpol import End, Let, Spot, isolating, lets
from dualstack.reach.netpol import Way as Direction


def told_by_pods(looks: Iterable[Glimpse], cluster: Cluster) -> Iterator[Glimpse]:
    """The looks, without the refusals at an address of which nobody knows whether they are those of the pod.

    That is where policies let in some, or nobody could read them, of what comes from the API server. A refusal at the
    loopback tells by itself: not of who listens at the address of the pod alone.
    """
    pods = {x.place: x for x in cluster.pods} if engine(cluster.nodes, cluster.engines).rejects else {}
    for look in looks:
        pod = pods.get(look.place) if look.way is Way.ADDRESS and look.outcome is Outcome.REFUSED else None
        if pod is None or _lets_all(pod, look.port, cluster):
            yield look


def doubted(made: Iterable[Crossing], cluster: Cluster) -> Iterator[Crossing]:
    """The exports, those in doubt that were refused where a policy may do that."""
    rejects = engine(cluster.nodes, cluster.engines).rejects
    yield from (replace(x, doubted=rejects and x.result.outcome is Outcome.REFUSED) for x in made)


def _lets_all(pod: Pod, port: int, cluster: Cluster) -> bool:
    """Whether anybody may come to a port of a pod, at the address that the API server dials."""
    mine = isolating(cluster.policies, pod.metadata.namespace, pod.metadata.labels or {})
    if pod.spec.host_network or not pod.addresses:
        return True
    if not mine:
        return "NetworkPolicy" not in cluster.unseen
    return lets(mine, Direction.IN, Spot(pod, port, family(pod.addresses[0]), End())) is Let.ALL
