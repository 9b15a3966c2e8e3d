"""What files foretell of containers that run all the same."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec.structs import replace

from dualstack.model.address import family
from dualstack.model.cluster import Cluster, Node, Service
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding, Severity
from dualstack.model.kube import Services, Workloads
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.source import Location
from dualstack.model.trace import Hop, Status, Trace
from dualstack.reach.blame import is_loopback
from dualstack.reach.kubelet_probes import LIVENESS, READINESS
from dualstack.reach.lanes import selected
from dualstack.reach.live import written
from dualstack.reach.pods import Place
from dualstack.reach.ports import LEFT_OUT
from dualstack.reach.runs import is_of
from dualstack.reach.stacks import place
from dualstack.reach.states import status_of
from dualstack.reach.unready import ENDING

_UNHEARD, _ONE_FAMILY, _ONE_OF_TWO = "DS218", "DS501", "DS604"
_SURE = tuple(x for x in ENDING if x != "DS102")
_CODES = (*_SURE, _UNHEARD)
"""Of these a container that runs knows better; DS102 speaks of addresses as well that it may get another day."""

_LOOPBACK = ("DS214", "DS216")
"""Those of what listens on the loopback alone."""
_LISTENERS = ("DS508", "DS902")
"""Those that tell by the configurations of files who listens where others send to."""

_SEVERITIES = list(Severity).index


def standing(
    static: Iterable[Finding], places: Collection[Place], workloads: Workloads, nodes: Iterable[Node]
) -> Iterator[Finding]:
    """The findings of files but those of what would keep a container from running, or ready, that is both.

    Nor those of one of two addresses where there is one alone, nor of the loopback where more is known. What was
    written after the start is about the next one.
    """
    later = _written_later(places)
    all_later = bool(later) and all(y.config.file in later for x in places for y in x.configs)
    refuted, beyond = _bound(places) | _read(places, workloads), _beyond(places)
    single = _single(places, workloads, nodes)
    for each in static:
        alone = each.code == _ONE_OF_TWO and each.location is not None and each.location.file in single
        if each.location and each.location.file in later and each.code in _SURE:
            yield _next(each, later[each.location.file])
        elif all_later and each.code in _LISTENERS:
            yield replace(each, severity=max(each.severity, Severity.WARNING, key=_SEVERITIES))
        elif each.code in _LOOPBACK and each.location in beyond:
            continue
        elif not alone and (each.location not in refuted or each.code not in _CODES):
            yield each


def _written_later(places: Iterable[Place]) -> Mapping[str, str]:
    """The files of configurations that no container has read as they are now: why, where all that read them are ready.

    One that is not may have started with it.
    """
    read = [(x, item) for x in places for item in x.configs]
    every = [(item.config.file, x, item.container.name) for x, item in read if item.container]
    kept = {file for file, x, name in every if not (x.outdated and status_of(name, x.pod).ready)}
    return {file: x.outdated for file, x, _ in every if file not in kept}


def _next(finding: Finding, why: str) -> Finding:
    """A finding of what ends a Collector, as one about its next start."""
    return replace(
        finding,
        summary="The next start of the Collector fails",
        detail=f"{why}. With what is there now it does not start again. {finding.detail}",
        hint=f"{finding.hint} Do that before anything restarts the pods.",
        severity=max(finding.severity, Severity.WARNING, key=_SEVERITIES),
    )


def useful(static: Iterable[Finding], cluster: Cluster, services: Services) -> Iterator[Finding]:
    """The findings of files but those of Services that lack a family of which none of their pods has an address."""
    for finding in static:
        mine = (x for x in cluster.services if finding.code == _ONE_FAMILY and finding.location == _at(services, x))
        there = {y for x in mine for pod in selected(cluster, x) for y in pod.families}
        if not there or not finding.families or there & {*finding.families}:
            yield finding


def _at(services: Services, service: Service) -> Location | None:
    text = written(services, service)
    return place(text) if text else None


def unneeded(finding: Finding, traces: Iterable[Trace], workloads: Workloads) -> Finding:
    """A finding of what keeps pods from being ready, which is a warning where flows come to them all the same.

    So they do where a Service publishes addresses that are not ready. A liveness probe ends the container in any case.
    """
    met = [x.at(Hop.ENDPOINTS).status for x in traces]
    if finding.code != _UNHEARD or not met or Status.FAIL in met:
        return finding
    every = (x.probes for y in workloads.items for x in y.containers)
    mine = next((x for x in every if any(y.port.at == finding.location for y in x)), ())
    asked = next((x.port.text for x in mine if x.port.at == finding.location), "")
    ends = any(x.name != READINESS and x.port.text == asked for x in mine)
    return finding if ends else replace(finding, severity=max(finding.severity, Severity.WARNING, key=_SEVERITIES))


def unmissed(finding: Finding, clients: Collection[Exporter]) -> Finding:
    """A finding of a port that a Service leaves out, which is a remark where clients of a cluster are known.

    One of them that wants that port fails there, and is told of.
    """
    remark = clients and finding.summary.startswith(LEFT_OUT)
    return replace(finding, severity=max(finding.severity, Severity.INFO, key=_SEVERITIES)) if remark else finding


def said_at(endpoint: DeclaredEndpoint) -> tuple[Location, ...]:
    """Where a file says something of an endpoint."""
    said = (endpoint.location, *(x.at for x in (endpoint.written, endpoint.pinned) if x))
    return tuple(x for x in said if x)


def _single(places: Iterable[Place], workloads: Workloads, nodes: Iterable[Node]) -> frozenset[str]:
    """The files of workloads all of whose pods have addresses of one family alone, and are on nodes that do."""
    those = {x.metadata.name for x in nodes if len(set(map(family, x.addresses))) == 1}
    running = [x.pod for x in places if not x.pod.finished]
    found = set[str]()
    for work in workloads.items:
        mine = [x for x in running if is_of(x, work)]
        if mine and all(len(x.families) == 1 and x.spec.node_name in those for x in mine):
            found.add(work.meta.at.file)
    return frozenset(found)


def _bound(places: Iterable[Place]) -> set[Location]:
    """The places of endpoints that keep no container from running: every one that reads them does."""
    every = [x for y in places for x in y.opened]
    kept = {y for x in every if not x.runs for y in said_at(x.endpoint)}
    return {y for x in every if x.runs for y in said_at(x.endpoint)} - kept


def _beyond(places: Iterable[Place]) -> set[Location]:
    """The places of endpoints that are known to listen beyond the loopback in every pod."""
    every = [x for y in places for x in y.opened]
    kept = {y for x in every if all(is_loopback(z.address) for z in x.bound.sockets) for y in said_at(x.endpoint)}
    return {y for x in every for y in said_at(x.endpoint)} - kept


def _read(places: Collection[Place], workloads: Workloads) -> set[Location]:
    """The places in words, probes and configurations of a container that is ready in all of its pods.

    One that is ready now may be ended for a liveness probe after a while.
    """
    found = set[Location]()
    for work in workloads.items:
        mine = [x for x in places if is_of(x.pod, work)]
        for container in work.containers if mine else ():
            if all(status_of(container.name, x.pod).ready and not x.outdated for x in mine):
                found.update(y.at for y in container.words)
                found.update(y.port.at for y in container.probes if y.name != LIVENESS)
                read = (y for x in mine for y in x.configs if y.container and y.container.name == container.name)
                found.update(y.at for x in read for y in x.config.refused)
    return found
