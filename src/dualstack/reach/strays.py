"""What clients of a cluster name that is no Service of it, and which of its Services' ports they mean."""

from collections.abc import Collection, Iterable, Iterator

from dualstack.model.address import BOTH, Family, family
from dualstack.model.cluster import Cluster
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.kube import Workloads
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import NOTHING, Flow, traced
from dualstack.reach.company import Company, company, is_own
from dualstack.reach.crowds import crowds
from dualstack.reach.destination import read
from dualstack.reach.injected import aimed
from dualstack.reach.lanes import NO_SERVICE, host


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


def deserted(senders: Senders, workloads: Workloads, deployments: Deployments) -> Iterator[tuple[str, str]]:
    """The variables, with what they say, that lead to a loopback where nobody takes OTLP."""
    for each in senders.items:
        said = each.destination
        port = read(said.value, said.form).port
        own = filter(is_own, aimed(each, workloads))
        if any(company(x, port, workloads, deployments) is Company.NOBODY for x in own):
            yield said.field, said.written.text


def strays(cluster: Cluster, question: Question, vain: Collection[tuple[str, str]] = ()) -> Iterator[Trace]:
    """The traces of the pods that are asked about to names that lead to no Service that is known.

    `vain` are the variables, with what they say, that lead to a loopback where nobody listens.
    """
    known = {host(x) for x in cluster.services}
    for exporter in {(x.variable, x.endpoint): x for x in reversed(cluster.exporters)}.values():
        if exporter.target is None or _name(exporter) in known:
            continue
        hops = [TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses"), _resolve(exporter, cluster)]
        if (exporter.variable, exporter.endpoint) in vain:
            why = f"nothing listens on the loopback of the pod {exporter.pod}"
            hops.append(TracedHop(Hop.LISTEN, Status.FAIL, why, NOTHING, (_said(exporter, cluster),)))
        for crowd in crowds(cluster):
            for each in _families(exporter, question.expect or crowd.families or BOTH):
                yield traced(Flow(crowd.name, crowd.nodes, exporter.target, each, ()), hops)


def _families(exporter: Exporter, every: tuple[Family, ...]) -> tuple[Family, ...]:
    """The families of a destination: that of an address, else all that there are."""
    return (family(exporter.host),) if exporter.literal else every


def lost(exporters: Iterable[Exporter], cluster: Cluster) -> Iterator[Trace]:
    """The traces of clients to Services that are known not to be there."""
    for exporter in exporters:
        hop, target = _resolve(exporter, cluster), exporter.target
        who = f"pods of {exporter.made_by(ambiguous=cluster.ambiguous)}"
        for flow in (Flow(who, (), target, x, ()) for x in exporter.families) if target else ():
            yield traced(flow, (TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses"), hop))


def _resolve(exporter: Exporter, cluster: Cluster) -> TracedHop:
    fact = _said(exporter, cluster)
    if exporter.literal:
        return TracedHop(Hop.RESOLVE, Status.NOT_APPLICABLE, "the endpoint is an address", "", (fact,))
    if exporter.host.lower() == "localhost":
        return TracedHop(Hop.RESOLVE, Status.PASS, "`localhost` is the pod itself", "", (fact,))
    if exporter.certain and exporter.service and "Service" not in cluster.unseen:
        namespace, name = exporter.service
        why = f"there is no Service `{name}` in the namespace `{namespace}`"
        return TracedHop(Hop.RESOLVE, Status.FAIL, why, NO_SERVICE, (fact,))
    why = f"`{exporter.host}` is no Service that is known here, and was not looked up"
    return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, "", (fact,))


def _said(exporter: Exporter, cluster: Cluster) -> Evidence:
    pod = f"{exporter.namespace}/{exporter.pod}" if cluster.ambiguous else exporter.pod
    return Evidence(f"{exporter.variable}={exporter.endpoint}", f"pod {pod}", Layer.DECLARED)
