"""What the API server's proxy met at pods, but for what a policy may have said in their place."""

from collections.abc import Iterable, Iterator

from dualstack.model.address import family
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.glimpse import Glimpse, Way
from dualstack.model.probe import Outcome
from dualstack.reach.engines import engine
from dualstack.reach.netpol import End, Let, Spot, isolating, lets
from dualstack.reach.netpol import Way as Direction


def told_by_pods(looks: Iterable[Glimpse], cluster: Cluster) -> Iterator[Glimpse]:
    """The looks, without the refusals at an address of which nobody knows whether they are those of the pod.

    Where no policy lets in what comes from the API server, what enforces policies may answer as a closed port does: the
    proxy tells both alike (measured with kube-router 2.1.0). A port that is closed at the loopback as well is closed.
    """
    every = tuple(looks)
    closed = {(x.place, x.port) for x in every if x.way is Way.LOOPBACK and x.outcome is Outcome.REFUSED}
    doubtful = engine(cluster.nodes, cluster.engines).rejects
    pods = {x.place: x for x in cluster.pods} if doubtful and cluster.policies else {}
    for look in every:
        pod = pods.get(look.place) if look.way is Way.ADDRESS and look.outcome is Outcome.REFUSED else None
        if pod is None or (look.place, look.port) in closed or _lets_all(pod, look.port, cluster):
            yield look


def _lets_all(pod: Pod, port: int, cluster: Cluster) -> bool:
    """Whether anybody may come to a port of a pod, at the address that the API server dials."""
    mine = isolating(cluster.policies, pod.metadata.namespace, pod.metadata.labels or {})
    if not mine or pod.spec.host_network or not pod.addresses:
        return True
    return lets(mine, Direction.IN, Spot(pod, port, family(pod.addresses[0]), End())) is Let.ALL
