"""Services without pods that nobody is known to use, as old ones and those whose workload somebody scaled to zero."""

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from dualstack.model.cluster import Cluster, Pod, Service
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.trace import Trace, Traces
from dualstack.reach.exporting import is_collector
from dualstack.reach.forward import NO_POD
from dualstack.reach.idle import idle
from dualstack.reach.verdict import verdict

RESTS = "No client that is known names the Service, so it may rest on purpose."
"""How what to do about such a one ends."""


def is_leftover(service: Service, whole: Cluster, clients: Collection[Exporter]) -> bool:
    """Whether known clients name other Services and none this one, and every Collector of its namespace has another.

    Of what can be reached from outside, and where an endpoint could not be read, nobody knows. A workload that makes no
    pods for it is another matter.
    """
    home = service.metadata.namespace
    here = [x for x in _collectors(whole) if x.metadata.namespace == home]
    served = all(_is_led(x, service, whole) for x in here)
    unused = bool(clients) and _is_unused(service, whole, clients)
    return bool(here) and served and unused and idle(whole, service) is None


def is_at_rest(service: Service, whole: Cluster, clients: Collection[Exporter]) -> bool:
    """Whether somebody scaled the workload of a Service to zero that no known client names, and there is another.

    Where no client is known at all, and no other Service leads to a Collector, who sends without a word of it loses
    what it sends.
    """
    why = idle(whole, service)
    scaled = why is not None and why.maker.spec.replicas == 0
    others = bool(clients) or any(_is_led(x, service, whole) for x in _collectors(whole))
    return scaled and others and _is_unused(service, whole, clients)


def _is_unused(service: Service, whole: Cluster, clients: Collection[Exporter]) -> bool:
    """Whether a Service is for the cluster alone, and of all clients there it is known that they send elsewhere."""
    inner = service.spec.type == "ClusterIP" and not service.spec.external_ips and not whole.fronts
    own = (service.metadata.namespace, service.metadata.name)
    called = {own, *((x.metadata.namespace, x.metadata.name) for x in whole.services if x.alias == own)}
    used = any(x.held or x.service in called or x.host in service.addresses for x in clients)
    return inner and not used


def _collectors(whole: Cluster) -> list[Pod]:
    return [x for x in whole.pods if is_collector(x) and not x.finished]


def _is_led(pod: Pod, service: Service, whole: Cluster) -> bool:
    """Whether another Service of its namespace leads to a pod."""
    about, mine = pod.metadata, service.metadata
    near = (x for x in whole.services if x.metadata.namespace == about.namespace)
    others = (x for x in near if (x.metadata.namespace, x.metadata.name) != (mine.namespace, mine.name))
    chosen = ((x.spec.selector or {}).items() for x in others)
    return any(x and x <= (about.labels or {}).items() for x in chosen)


def as_leftover(found: Diagnosis, *, at_rest: bool = False) -> Diagnosis:
    """A diagnosis of such a Service: what fails for want of pods is needed by nobody who is known.

    What is `at_rest` is to be scaled up, and not to be deleted.
    """
    empty = {x.key for x in found.traces if x.failing and x.failing.mark == NO_POD}
    traces = tuple(_spared(found.traces, empty))
    doubted = _resting if at_rest else _doubted
    findings = tuple(doubted(x) if x.flows and empty.issuperset(x.flows) else x for x in found.findings)
    return replace(found, traces=traces, findings=findings, verdict=verdict(Traces(traces), findings))


def _spared(traces: Iterable[Trace], idle: Collection[str]) -> Iterable[Trace]:
    return (replace(x, required=False) if x.key in idle else x for x in traces)


def _doubted(finding: Finding) -> Finding:
    hint = "Delete it, if nobody needs it: no client that is known names it, and others lead to the Collectors."
    if finding.because:
        return replace(finding, severity=Severity.WARNING)
    return replace(finding, severity=Severity.WARNING, hint=hint, fix=Fix("Delete the Service, or let it select pods"))


def _resting(finding: Finding) -> Finding:
    hint = f"{finding.hint} {RESTS}"
    return replace(finding, severity=Severity.WARNING, hint=finding.hint if finding.because else hint)
