"""Clients of a cluster that name what is not there: a Service of another name, a loopback where nobody listens."""

from collections.abc import Iterable, Iterator

from dualstack.model.address import BOTH, family
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
from dualstack.reach.nowhere import is_meant, unowned, without_service


def deserted(senders: Senders, workloads: Workloads, deployments: Deployments) -> Iterator[tuple[str, str]]:
    """The variables, with what they say, that lead to a loopback where nobody takes OTLP."""
    for each in senders.items:
        said = each.destination
        port = read(said.value, said.form).port
        own = (x for x in aimed(each, workloads) if is_own(x, wildcard=True))
        if any(company(x, port, workloads, deployments) is Company.NOBODY for x in own):
            yield said.field, said.written.text


def lost(exporters: Iterable[Exporter], cluster: Cluster) -> Iterator[Trace]:
    """The traces of clients to Services and addresses that are known not to be there.

    Pods that would be made, as by a CronJob, have no addresses yet: they may get those that others have.
    """
    for exporter in exporters:
        target, host = exporter.target, exporter.host
        owner = exporter.made_by(ambiguous=cluster.ambiguous)
        pod = f"{exporter.namespace}/{exporter.pod}" if cluster.ambiguous else exporter.pod
        where = f"pod {pod}" if exporter.pod else owner
        said = Evidence(exporter.says, where, Layer.DECLARED)
        who = f"pods of {owner}"
        may = exporter.families or cluster.families or BOTH
        only, addresses = ((family(host),), (host,)) if exporter.literal else (may, ())
        parses = TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses", "", (said,))
        for flow in (Flow(who, (), target, x, addresses) for x in only) if target else ():
            yield traced(flow, (parses, *_end(exporter, cluster, said)))


def _end(exporter: Exporter, cluster: Cluster, said: Evidence) -> Iterator[TracedHop]:
    if exporter.literal:
        yield from (TracedHop(x, Status.NOT_APPLICABLE) for x in (Hop.RESOLVE, Hop.SELECT))
        yield from unowned(exporter.host, cluster)
        return
    key, plain = exporter.service or ("", ""), exporter.target is not None and not exporter.target.tls
    sure = exporter.certain or (plain and is_meant(key, cluster) is True)
    yield without_service(key, cluster, said, sure=sure)
