"""Clients outside of the mesh of Istio, whom the proxies of receivers turn away where mTLS is demanded.

A policy for the pods themselves says it before one for their namespace, and that before one for the namespace of the
control plane (Istio documentation, PeerAuthentication). What else decides on the redirection is not judged.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import Family, family
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.mutual import PeerAuthentication
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import OUTSIDE
from dualstack.reach.netpol import selects
from dualstack.reach.pods import Place, Places
from dualstack.reach.sidecars import ONLY, SKIPS, sidecar

ROOT = "istio-system"
"""The namespace of the control plane; what is there holds in all of them."""
_MESH, _DEMANDS = "Istio", "STRICT"
_PORTS = "traffic.sidecar.istio.io/"
"""How the annotations begin that say what is led to the proxy of a pod."""
AMBIENT = ("ambient.istio.io/redirection", "istio.io/dataplane-mode")
"""The annotation and the label of pods, or of their namespace, whose node takes part in the mesh for them."""
_APART = ("none", "disabled", "false")
"""The values of labels of Istio that keep pods out."""


def mutual(traces: Iterable[Trace], cluster: Cluster, places: Places) -> Iterator[Trace]:
    """The traces, those ended of clients without a proxy that come to pods where one demands mTLS."""
    for trace in traces:
        met = [x for y in trace.servers if (x := places.named(y))]
        said = [demanded(x, trace, cluster.mutual) for x in met]
        demands = said[0] if said and all(said) else None
        by_node = any(x.sidecar is None for x in met)
        yield _ended(trace, demands) if demands and _is_outside(trace, cluster, by_node=by_node) else trace


def _is_outside(trace: Trace, cluster: Cluster, *, by_node: bool) -> bool:
    """Whether the clients of a flow, which nothing else ends, are known and none of them is in a mesh.

    What comes from the network of a node, as the kubelet does, goes round a mesh that works on the nodes (Istio
    documentation, Ambient and Kubernetes NetworkPolicy).
    """
    mine = askers_of(trace, cluster)
    within = any(may_be_in(x, cluster) or (by_node and x.spec.host_network) for x in mine)
    return trace.failing is None and not trace.accepted and bool(mine) and not within


def askers_of(trace: Trace, cluster: Cluster) -> list[Pod]:
    """The pods that are asked about and that a flow is of."""
    return [x for x in cluster.askers if not trace.nodes or x.spec.node_name in trace.nodes]


def is_in_mesh(pod: Pod, over: Family) -> bool:
    """Whether the proxy of Istio in a pod surely takes what that sends over a family."""
    found, noted = sidecar(pod), pod.metadata.annotations or ()
    apart = any(_PORTS in x for x in noted)
    return found is not None and found.mesh == _MESH and over in found.led and not apart


def may_be_in(pod: Pod, cluster: Cluster) -> bool:
    """Whether a pod is in a mesh, or will be once it is made."""
    return not pod.is_placed or sidecar(pod) is not None or is_ambient(pod, cluster)


def may_join(client: Exporter, cluster: Cluster) -> bool:
    """Whether the pods of a client may be in the mesh, as far as their labels and those of their namespace say.

    Who has its proxy has labels of Istio (its files/injection-template.yaml); what is yet to be made may get any.
    """
    wide = cluster.labels_of(client.namespace)
    said = {**(wide or {}), **dict(client.labels)}
    asked = any("istio" in x and y not in _APART for x, y in said.items())
    return not client.host_network and (asked or wide is None or not client.pod)


def is_ambient(pod: Pod, cluster: Cluster) -> bool:
    """Whether the node of a pod takes part in the mesh for it: others of the mesh come to port 15008 of the pod then.

    Istio documentation, Ambient and Kubernetes NetworkPolicy, and Add workloads to the mesh: a pod's label `none` takes
    it out of what its namespace asks for, and none in the network of its node is in.
    """
    noted, label = pod.metadata.annotations or {}, AMBIENT[1]
    own, wide = (x or {} for x in (pod.metadata.labels, cluster.labels_of(pod.metadata.namespace)))
    wanted = "ambient" in (own.get(label), wide.get(label)) and own.get(label) != "none"
    return not pod.spec.host_network and (wanted or noted.get(AMBIENT[0], "disabled") != "disabled")


def _is_captured(pod: Pod, over: Family) -> bool:
    """Whether the node of a pod surely takes what comes to it over a family; of two that may be IPv4 alone.

    Istio documentation, Platform-Specific Prerequisites and Install: the option AMBIENT_IPV6 of istio-cni.
    """
    taken = (pod.metadata.annotations or {}).get(AMBIENT[0]) == "enabled"
    return taken and over is (Family.IPV4 if Family.IPV4 in pod.families else Family.IPV6)


def is_led(place: Place, trace: Trace) -> bool:
    """Whether what comes over the family of a flow is surely led to the proxy of Istio in a pod."""
    led = [x for x in place.pod.addresses if family(x) is trace.family and place.before(x, trace.port)]
    apart = any(_PORTS in x and x not in (ONLY, SKIPS) for x in place.pod.metadata.annotations or ())
    return bool(led) and place.sidecar is not None and place.sidecar.mesh == _MESH and not apart


def demanded(place: Place, trace: Trace, policies: Sequence[PeerAuthentication]) -> PeerAuthentication | None:
    """The policy by which the proxy of a pod demands mTLS of what comes over the family of a flow."""
    about = place.pod.metadata
    if not (is_led(place, trace) or _is_captured(place.pod, trace.family)):
        return None
    home = [x for x in policies if x.metadata.namespace == about.namespace]
    own = [x for x in home if not x.wide and selects(x.spec.selector, about.labels or {})]
    root = [x for x in policies if x.metadata.namespace == ROOT and x.wide]
    for level in (own, [x for x in home if x.wide], root):
        said = [(y, x) for x in level if (y := x.mode(trace.port))]
        if said:
            return said[0][1] if {x for x, _ in said} == {_DEMANDS} else None
    return None


def _ended(trace: Trace, policy: PeerAuthentication) -> Trace:
    fact = Evidence(f"mtls: {_DEMANDS}", f"PeerAuthentication {policy.metadata.called}", Layer.DECLARED)
    why = f"{_MESH} demands mTLS there, and the {trace.vantage} are not in the mesh"
    stop = TracedHop(Hop.HANDSHAKE, Status.FAIL, why, OUTSIDE, (fact,))
    after = TracedHop(Hop.EXPORT, Status.UNKNOWN)
    hops = (stop if x.hop is stop.hop else after if x.hop is after.hop else x for x in trace.hops)
    return replace(trace, hops=tuple(hops), disposition=Disposition.HANDSHAKE_FAILED)
