"""What clients of a cluster name that is no Service of it, and which of its Services' ports they mean."""

from collections.abc import Iterable, Iterator

from dualstack.model.address import BOTH
from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import Flow, traced
from dualstack.reach.crowds import crowds
from dualstack.reach.lanes import host

NO_SERVICE = "no-service"
"""Mark of the hop `resolve`: there is no Service of that name."""


def meant(traces: Iterable[Trace], cluster: Cluster) -> Iterator[Trace]:
    """The traces to the ports that the clients name; all of a Service of which they name none that it has."""
    wanted = {(_name(x), x.target.port) for x in cluster.exporters if x.target}
    every = list(traces)
    hosts = {x.target.host for x in every if (x.target.host, x.target.port) in wanted}
    for trace in every:
        if trace.target.host not in hosts or (trace.target.host, trace.target.port) in wanted:
            yield trace


def _name(exporter: Exporter) -> str:
    namespace, name = exporter.service or ("", "")
    return f"{name}.{namespace}.svc"


def strays(cluster: Cluster, question: Question) -> Iterator[Trace]:
    """The traces of the pods that are asked about to names that lead to no Service that is known."""
    known = {host(x) for x in cluster.services}
    for exporter in {(x.variable, x.endpoint): x for x in reversed(cluster.exporters)}.values():
        if exporter.target is None or _name(exporter) in known:
            continue
        hop = _resolve(exporter, cluster)
        for crowd in crowds(cluster):
            for family in question.expect or crowd.families or BOTH:
                flow = Flow(crowd.name, crowd.nodes, exporter.target, family, ())
                yield traced(flow, (TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses"), hop))


def lost(exporters: Iterable[Exporter], cluster: Cluster) -> Iterator[Trace]:
    """The traces of clients to Services that are known not to be there."""
    for exporter in exporters:
        hop, target = _resolve(exporter, cluster), exporter.target
        who = f"pods of {exporter.made_by(ambiguous=cluster.ambiguous)}"
        for flow in (Flow(who, (), target, x, ()) for x in exporter.families) if target else ():
            yield traced(flow, (TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses"), hop))


def _resolve(exporter: Exporter, cluster: Cluster) -> TracedHop:
    pod = f"{exporter.namespace}/{exporter.pod}" if cluster.ambiguous else exporter.pod
    fact = Evidence(f"{exporter.variable}={exporter.endpoint}", f"pod {pod}", Layer.DECLARED)
    if exporter.literal:
        return TracedHop(Hop.RESOLVE, Status.NOT_APPLICABLE, "the endpoint is an address", "", (fact,))
    if exporter.certain and exporter.service and "Service" not in cluster.unseen:
        namespace, name = exporter.service
        why = f"there is no Service `{name}` in the namespace `{namespace}`"
        return TracedHop(Hop.RESOLVE, Status.FAIL, why, NO_SERVICE, (fact,))
    why = f"`{exporter.host}` is no Service that is known here, and was not looked up"
    return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, "", (fact,))
