"""Clients of a cluster that name what is not there: a Service of another name, a loopback where nobody listens."""

from collections.abc import Iterable, Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.kube import Workloads
from dualstack.model.trace import Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import Flow, traced
from dualstack.reach.company import Company, company, is_own
from dualstack.reach.destination import read
from dualstack.reach.injected import aimed
from dualstack.reach.lanes import NO_SERVICE


def deserted(senders: Senders, workloads: Workloads, deployments: Deployments) -> Iterator[tuple[str, str]]:
    """The variables, with what they say, that lead to a loopback where nobody takes OTLP."""
    for each in senders.items:
        said = each.destination
        port = read(said.value, said.form).port
        own = (x for x in aimed(each, workloads) if is_own(x, wildcard=True))
        if any(company(x, port, workloads, deployments) is Company.NOBODY for x in own):
            yield said.field, said.written.text


def lost(exporters: Iterable[Exporter], cluster: Cluster) -> Iterator[Trace]:
    """The traces of clients to Services that are known not to be there."""
    for exporter in exporters:
        (namespace, name), target = exporter.service or ("", ""), exporter.target
        why = f"there is no Service `{name}` in the namespace `{namespace}`"
        pod = f"{exporter.namespace}/{exporter.pod}" if cluster.ambiguous else exporter.pod
        said = Evidence(f"{exporter.variable}={exporter.endpoint}", f"pod {pod}", Layer.DECLARED)
        hop = TracedHop(Hop.RESOLVE, Status.FAIL, why, NO_SERVICE, (said,))
        who = f"pods of {exporter.made_by(ambiguous=cluster.ambiguous)}"
        for flow in (Flow(who, (), target, x, ()) for x in exporter.families) if target else ():
            yield traced(flow, (TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses"), hop))
