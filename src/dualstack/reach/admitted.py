"""What NetworkPolicies do to the flows of a cluster, as far as they are enforced there."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.address import family
from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.engines import engine
from dualstack.reach.netpol import Let, ingress, isolating
from dualstack.reach.pods import Places

SHUT_OUT, CHOOSES = "network-policy", "network-policy-for-some"
"""Marks of the hop `policy`: no NetworkPolicy lets these clients in; one lets in some that it chooses."""
_PROVED = (Hop.HANDSHAKE, Hop.EXPORT)


def admitted(traces: Iterable[Trace], cluster: Cluster, places: Places) -> Iterator[Trace]:
    """The traces, those denied that nothing else fails before and that no policy lets in.

    Where nothing shows that policies are enforced, what becomes of these is not known.
    """
    by = engine(cluster.nodes)
    for trace in traces:
        place = places.named(trace.server)
        policies = isolating(cluster.policies, place.pod) if place and not place.pod.spec.host_network else ()
        if not place or not policies or _fails_before(trace):
            yield trace
            continue
        let = ingress(policies, place.pod, trace.port, trace.family, tuple(_ranges(trace, cluster)))
        names = ", ".join(f"NetworkPolicy {x.metadata.called}" for x in policies)
        fact = Evidence(f"lets {let.value} of these clients in over {trace.family.title}", names, Layer.DECLARED)
        yield _judged(trace, let, fact, by)


def _fails_before(trace: Trace) -> bool:
    """Whether a flow never gets to the pod, whatever a policy says of it."""
    order = tuple(Hop)
    return trace.failing is not None and order.index(trace.failing.hop) < order.index(Hop.LISTEN)


def _ranges(trace: Trace, cluster: Cluster) -> Iterator[str]:
    """The ranges of the pods of the nodes that a flow comes from, in its family."""
    for node in filter(None, map(cluster.node, trace.nodes)):
        ranges = node.spec.pod_cidrs or ([node.spec.pod_cidr] if node.spec.pod_cidr else [])
        yield from (x for x in ranges if family(x.partition("/")[0]) is trace.family)


def _judged(trace: Trace, let: Let, fact: Evidence, by: str) -> Trace:
    hop = trace.at(Hop.POLICY)
    if let is not Let.NONE:
        passed = replace(hop, mark=CHOOSES if let is Let.SOME else hop.mark, evidence=(fact, *hop.evidence))
        return replace(trace, hops=tuple(passed if x.hop is Hop.POLICY else x for x in trace.hops))
    why = f"no policy lets the {trace.vantage} in to port {trace.port} over {trace.family.title}"
    said = f"{why}, and {by} enforces policies" if by else f"{why}, if anything here enforces policies"
    stop = TracedHop(Hop.POLICY, Status.FAIL if by else Status.UNKNOWN, said, SHUT_OUT, (fact,))
    after = (replace(x, status=Status.UNKNOWN) if x.hop in _PROVED else x for x in trace.hops)
    hops = tuple(stop if x.hop is Hop.POLICY else x for x in after)
    became = Disposition.DENIED if by else trace.disposition if trace.failing else Disposition.INSUFFICIENT_INFO
    return replace(trace, hops=hops, disposition=became)
