"""The nameserver of a cluster: whether there is anybody behind its Service."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.cluster import Cluster, EndpointSlice
from dualstack.model.evidence import Evidence
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop

NAMESPACE, NAME = "kube-system", "kube-dns"
"""How its Service is called, whatever answers behind it (Kubernetes documentation, Customizing DNS Service)."""
KEYS = ((NAMESPACE, NAME), ("openshift-dns", "dns-default"))
"""The same with that of OpenShift, whose pods listen on port 5353 (openshift/cluster-dns-operator)."""
SILENT = "dns-0"
"""Mark of the hop `resolve`: nobody is behind the nameserver that gives the name."""
SHUT_IN = "network-policy-of-names"
"""Mark of the hop `policy`: no NetworkPolicy lets these clients ask the nameserver of the cluster."""


def endpoints(cluster: Cluster) -> tuple[EndpointSlice, ...]:
    """The slices of its Service, as far as they are known."""
    found = (tuple(x for x in cluster.slices if (x.metadata.namespace, x.service) == key) for key in KEYS)
    return next(filter(None, found), ())


def unanswered(traces: Iterable[Trace], cluster: Cluster) -> Iterator[Trace]:
    """The traces, those not known whose name the nameserver of the cluster gives, where nobody is behind its Service.

    Nodes may ask another one, such as that of a cloud, so nothing fails for certain.
    """
    mine = endpoints(cluster)
    silent = bool(mine) and not any(y.ready for x in mine for y in x.endpoints or ())
    names = ", ".join(x.metadata.called for x in mine)
    service = next((f"{x.metadata.namespace}/{x.service}" for x in mine), "")
    for trace in traces:
        hop = trace.at(Hop.RESOLVE)
        asked = hop.status is Status.PASS and hop.mark == trace.family.record
        yield _doubted(trace, hop, service, names) if silent and asked else trace


def _doubted(trace: Trace, hop: TracedHop, service: str, names: str) -> Trace:
    why = f"the nameserver of the cluster, Service {service}, has no ready endpoint"
    open_ = TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, SILENT, (Evidence(why, names), *hop.evidence))
    end = Disposition.INSUFFICIENT_INFO if trace.accepted else trace.disposition
    return replace(trace, hops=tuple(open_ if x.hop is Hop.RESOLVE else x for x in trace.hops), disposition=end)
