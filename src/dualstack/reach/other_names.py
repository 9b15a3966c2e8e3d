"""Hosts of clients that are names of something else than a Service: of a node, or of a set of clusters."""

from dualstack.model.cluster import Cluster
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.aims import Aim
from dualstack.reach.client_dns import is_of_set
from dualstack.reach.resolved import UNTRIED

_SET = "the host is a name of the Multi-Cluster Services API, which Services of any cluster of a set may have"
_NODE = "the host is the name of a node, which nameservers outside of the cluster may know or not"


def of_another(aim: Aim, cluster: Cluster) -> TracedHop | None:
    """The hop of a name that no Service has, where it is known what else has it; None where it is not.

    The nameserver of a cluster knows no nodes. It forwards to nameservers of which those of some clouds do, and pods
    get the search domains of their nodes (Kubernetes documentation, DNS for Services and Pods).
    """
    host = aim.host.lower()
    if is_of_set(host):
        return TracedHop(Hop.RESOLVE, Status.UNKNOWN, f"{_SET}, and {UNTRIED}", "", (aim.said,))
    nodes = {y for x in cluster.nodes for y in x.names} | {(x.spec.node_name or "").lower() for x in aim.pods}
    if host not in nodes:
        return None
    return TracedHop(Hop.RESOLVE, Status.UNKNOWN, f"{_NODE}, and {UNTRIED}", "", (aim.said,))
