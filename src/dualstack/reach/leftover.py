"""Services without pods that nobody is known to use, beside others that lead to all the Collectors there."""

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from dualstack.model.cluster import Cluster, Service
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.trace import Trace, Traces
from dualstack.reach.exporting import is_collector
from dualstack.reach.forward import NO_POD
from dualstack.reach.idle import idle
from dualstack.reach.verdict import verdict


def is_leftover(service: Service, whole: Cluster, clients: Collection[Exporter]) -> bool:
    """Whether known clients name other Services and none this one, and every Collector of its namespace has another.

    Of what can be reached from outside, and where an endpoint could not be read, nobody knows. A workload that makes no
    pods for it is another matter.
    """
    home, named = service.metadata.namespace, {x.service for x in clients}
    here = [x for x in whole.pods if x.metadata.namespace == home and is_collector(x) and not x.finished]
    others = [x for x in whole.services if x.metadata.namespace == home and x.metadata.name != service.metadata.name]
    chosen = [(x.spec.selector or {}).items() for x in others]
    served = all(any(x and x <= (pod.metadata.labels or {}).items() for x in chosen) for pod in here)
    inner = service.spec.type == "ClusterIP" and not service.spec.external_ips and not whole.fronts
    unused = bool(named) and not any(x.held for x in clients) and (home, service.metadata.name) not in named
    return bool(here) and served and inner and unused and idle(whole, service) is None


def as_leftover(found: Diagnosis) -> Diagnosis:
    """A diagnosis of such a Service: what fails for want of pods is needed by nobody who is known."""
    empty = {x.key for x in found.traces if x.failing and x.failing.mark == NO_POD}
    traces = tuple(_spared(found.traces, empty))
    findings = tuple(_doubted(x) if x.flows and empty.issuperset(x.flows) else x for x in found.findings)
    return replace(found, traces=traces, findings=findings, verdict=verdict(Traces(traces), findings))


def _spared(traces: Iterable[Trace], idle: Collection[str]) -> Iterable[Trace]:
    return (replace(x, required=False) if x.key in idle else x for x in traces)


def _doubted(finding: Finding) -> Finding:
    hint = "Delete it, if nobody needs it: no client that is known names it, and others lead to the Collectors."
    if finding.because:
        return replace(finding, severity=Severity.WARNING)
    return replace(finding, severity=Severity.WARNING, hint=hint, fix=Fix("Delete the Service, or let it select pods"))
