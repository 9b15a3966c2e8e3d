"""Whom a finding concerns: what known clients meet, and what is said of ports that none of them sends to."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model.cluster import Cluster
from dualstack.model.deployed import Deployments
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding, Severity
from dualstack.model.kube import Services
from dualstack.model.snapshot import Snapshot
from dualstack.model.source import Location
from dualstack.model.trace import Trace
from dualstack.reach.exports import destination, hosts
from dualstack.reach.exports import met as met_by
from dualstack.reach.lanes import carrying, selected
from dualstack.reach.onward import is_agent
from dualstack.reach.pods import Place
from dualstack.reach.refuted import said_at
from dualstack.reach.sidecars import together
from dualstack.reach.start import numbered, port

_OF_PORTS = ("DS202", "DS203", "DS204", "DS205", "DS208", "DS214", "DS217", "DS508", "DS516")
"""The rules that speak of one port: who sends to another one does not meet it."""
UNSENT, _UNASKED = "No client that is known sends there.", "The clients that are asked about do not send there."
_ORDER = tuple(Severity)


def deciding(traces: Sequence[Trace], clients: Collection[Exporter], cluster: Cluster) -> tuple[Trace, ...]:
    """The flows that tell how the pods that are asked about fare.

    Where nothing that a client sends arrives, nobody needs the way on of the Collector beside it. One that is there for
    itself has more than its client to send.
    """
    own, on = (met_by(traces, [x for x in clients if x.configured is y]) for y in (False, True))
    mine = tuple(x for x in traces if x.required and x.key in own and x.key not in on)
    beside = bool(cluster.askers and on) and not any(map(is_agent, cluster.askers))
    return mine if beside and mine and all(x.failed for x in mine) else tuple(traces)


class Concern(NamedTuple):
    """What known clients send to, by the keys of flows and by places in files.

    `met` are the flows of clients, `needed` those of them that are not known to work. `missed` are flows to ports of a
    Service that none of its known clients sends to, and `unused` are the places in files of such ports and of their
    listeners. `asked` says that clients are asked about. `told` is what is said of ports that none sends to, empty
    where they are asked about themselves.
    """

    met: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    asked: bool = False
    missed: frozenset[str] = frozenset()
    unused: frozenset[Location] = frozenset()
    told: str = ""

    def judged(self, finding: Finding) -> Finding:
        """A finding with whether known clients meet it; of a port that none of them sends to it may be no error."""
        flows = set(finding.flows)
        spare = flows <= self.missed if flows else finding.code in _OF_PORTS and finding.location in self.unused
        if spare and self.told:
            severity = max(finding.severity, Severity.WARNING, key=_ORDER.index)
            finding = replace(finding, severity=severity, detail=f"{finding.detail} {self.told}")
        mine = self.met if finding.severity is Severity.ERROR else self.needed
        missed = spare or (bool(flows and self.met) and not self.asked and not flows & self.met)
        return replace(finding, met=True if flows & mine else False if missed else None)

    def spared(self, traces: Iterable[Trace]) -> tuple[Trace, ...]:
        """The traces; what fails at ports that may be of no concern is needed by nobody who is known."""
        away = self.missed if self.told else ()
        return tuple(replace(x, required=False) if x.failed and x.key in away else x for x in traces)


def concern(
    traces: Sequence[Trace],
    clients: Collection[Exporter],
    cluster: Cluster,
    places: Collection[Place],
    said: Snapshot,
    *,
    everything: bool,
) -> Concern:
    """What the clients that are asked about send to, or else those that are known; nothing where none is.

    Where `everything` is asked about, nobody knows all who come to a Service that can be reached from outside.
    """
    asked, named = bool(cluster.askers), hosts(traces)
    met = met_by(traces, clients)
    needed = frozenset(x.key for x in traces if x.key in met and x.required and not x.accepted)
    aims = {(destination(x, named), x.target.port) for x in clients if x.target}
    known = {x for x, _ in aims} - {""}
    ports = {x for _, x in aims} | {x.target.port for x in traces if asked}
    if not ports or (everything and _is_open(cluster)):
        return Concern(met, needed, asked)
    missed = (x for x in traces if not asked and x.target.host in known and x.target.port not in ports)
    unused = frozenset(_unused(traces, ports, cluster, places, said))
    told = _UNASKED if asked else UNSENT if everything else ""
    return Concern(met, needed, asked, frozenset(x.key for x in missed if not x.through), unused, told)


def _is_open(cluster: Cluster) -> bool:
    outer = (x.spec.type != "ClusterIP" or x.spec.external_ips for x in cluster.services)
    return bool(cluster.fronts) or any(outer)


def _unused(
    traces: Iterable[Trace], ports: Collection[int], cluster: Cluster, places: Collection[Place], said: Snapshot
) -> Iterator[Location]:
    """Where files say something of ports of Services, and of listeners, that none of these clients sends to.

    What keeps a pod from being ready concerns everybody. The pods that are asked about are not only clients.
    """
    own = [(x.metadata.namespace, (x.metadata.labels or {}).items()) for x in cluster.askers]
    for service in (said.having(Services) or Services()).items:
        if any(x == service.meta.namespace and service.selector.items() <= y for x, y in own if service.selector):
            continue
        for each in (x for x in service.ports if numbered(x.number.text) not in ports):
            yield from (x.at for x in (each.number, each.target) if x)
    led = {x.port for x in traces if x.target.port in ports} | {*ports, *_led(ports, cluster)}
    asking = {(x.metadata.namespace, x.metadata.name) for x in cluster.askers}
    others = [x for x in places if (x.pod.metadata.namespace, x.pod.metadata.name) not in asking]
    for opened in (y for x in others if x.pod.ready for y in x.opened):
        yield from said_at(opened.endpoint) if opened.port not in led else ()
    ready = all(x.pod.ready for x in others)
    for item in (said.having(Deployments) or Deployments()).foreign if ready else ():
        work = item.workload
        if work and not any(x == work.meta.namespace and work.labels.items() <= y for x, y in own):
            yield from (y for x in item.config.endpoints if port(x) not in led for y in said_at(x))


def _led(ports: Collection[int], cluster: Cluster) -> Iterator[int]:
    """The ports of pods that ports of Services with these numbers lead to."""
    for service in cluster.services:
        for each in (x for x in service.spec.ports or () if x.port in ports):
            if isinstance(each.target_port, int):
                yield each.target_port
            yield from (y.port for x in cluster.slices_of(service) for y in carrying(x, each) if y.port)
            running = (y for x in selected(cluster, service) for y in together(x))
            yield from (y.container_port for x in running for y in x.ports or () if y.name == each.target_port)
