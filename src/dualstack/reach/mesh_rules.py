"""What the proxies of Istio at the ends of a flow go by, and that is not read."""

from collections.abc import Collection

from dualstack.model.address import is_address
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.mutual import MeshRule
from dualstack.reach.crowds import listed
from dualstack.reach.mutual import ROOT, may_be_in
from dualstack.reach.netpol import selects

_OF_RECEIVERS = "AuthorizationPolicy"
"""The kind that the proxies of receivers go by; those of clients go by the others."""


def unread(host: str, clients: Collection[str], server: Pod, cluster: Cluster) -> str:
    """What there is for a receiver, and for clients in the mesh, of these namespaces; empty where there is none.

    Istio takes it from the namespace of an end, or from that of the control plane, which is for all (Istio
    documentation, Configuration scoping, Global namespace).
    """
    home, met = server.metadata.namespace, may_be_in(server, cluster)
    of_clients = {ROOT, home, *clients} if clients else set()
    of_server = {ROOT, home} if met else set()
    rules = (x for x in cluster.mesh_rules if x.metadata.namespace in (of_server if is_of_receivers(x) else of_clients))
    found = [f"{x.kind} {x.metadata.namespace}/{x.metadata.name}" for x in rules if may_be_for(x, host, server)]
    return f"Istio goes by {listed(found, 3)}, which {'is' if len(found) == 1 else 'are'} not read" if found else ""


def is_of_receivers(rule: MeshRule) -> bool:
    """Whether the proxies of receivers go by it, and not those of clients."""
    return rule.kind == _OF_RECEIVERS


def may_be_for(rule: MeshRule, host: str, server: Pod) -> bool:
    """Whether it may be for a receiver, by its labels or by the first label of the host that clients name."""
    if is_of_receivers(rule):
        return selects(rule.spec.selector, server.metadata.labels or {})
    said = rule.spec.host.partition(".")[0]
    return not said or "*" in said or is_address(host) or said == host.partition(".")[0]
