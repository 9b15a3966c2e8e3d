"""Clients that send to a port that their Service does not have."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import BOTH, OTLP_PORTS, TITLES, Protocol, Target, family
from dualstack.model.cluster import Cluster, Service, ServicePort
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Applicability, Finding, Fix
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status, Trace, TracedHop, Traces
from dualstack.reach.aliases import end_of
from dualstack.reach.arrival import Flow, traced
from dualstack.reach.callers import serves
from dualstack.reach.lanes import host, selected, spoken
from dualstack.reach.live import MISREAD, by_service, families_of, keys, misread_in, taken_on
from dualstack.reach.operator import writer
from dualstack.reach.pods import Place, Places

ANYBODY = "pods"
"""The clients of a port of which nobody says who uses it."""
NOT_OFFERED = "not-offered"
"""Mark of the hop `service`: the Service does not have the port."""
_PLAIN = 80
"""The port of HTTP without TLS (IANA Service Name and Transport Protocol Port Number Registry)."""


def unoffered(cluster: Cluster, exporters: Iterable[Exporter], question: Question) -> Iterator[Trace]:
    """A trace for each port that clients name and their Service lacks, in each family that it has.

    A headless Service stands for the addresses of its pods, which listen on what ports they like, and an alias for the
    Service that it is another name for.
    """
    every = list(exporters)
    for service in cluster.services:
        led = end_of(service, cluster).service if service.spec.type == "ExternalName" else service
        if led is None or led.headless:
            continue
        ports = {x.port for x in led.spec.ports or () if x.protocol == "TCP"}
        named = [x for x in every if service.is_meant_by(x)]
        lost = {
            (x.namespace, x.owner, y.port, y.protocol, x.literal and x.host): (x, y)
            for x in named
            if (y := x.target) and y.port not in ports
        }
        for one, target in lost.values():
            said = Evidence(one.says, one.place, Layer.DECLARED)
            for trace in _ended((service, led), sent_by(one, service, cluster), target, question, said):
                yield from by_address(trace, one)


def sent_by(one: Exporter, service: Service, cluster: Cluster) -> str:
    """What the flows of a client to a Service are said to be of; one of another namespace is told with that."""
    away = one.namespace != service.metadata.namespace
    return f"pods of {one.made_by(ambiguous=cluster.ambiguous or away)}"


def by_address(trace: Trace, one: Exporter) -> Iterator[Trace]:
    """A flow to a Service as that of a client which may name it by one of its addresses, of this family or not."""
    if not one.literal:
        yield trace
    elif family(one.host) is trace.family:
        hop = TracedHop(Hop.RESOLVE, Status.NOT_APPLICABLE, "the endpoint is an address")
        yield replace(trace, hops=tuple(hop if x.hop is Hop.RESOLVE else x for x in trace.hops), asked=one.host)


def not_offered(service: Service, port: int, *said: Evidence) -> TracedHop:
    """The hop at which a flow to a port ends that a Service does not have; `said` is where a client names it."""
    have = ", ".join(_port(x) for x in service.spec.ports or ()) or "none"
    twin = _twin(service, port)
    why = f"{service.called} has port {port} for {twin.protocol} alone, and OTLP is sent over TCP" if twin else ""
    why = why or f"{service.called} has no port {port}: it has {have}"
    return TracedHop(Hop.SERVICE, Status.FAIL, why, NOT_OFFERED, (Evidence(f"ports: {have}", service.called), *said))


def _port(port: ServicePort) -> str:
    return f"{port.port}" if port.protocol == "TCP" else f"{port.port}/{port.protocol}"


def _twin(service: Service, number: int) -> ServicePort | None:
    """The port of a Service of the same number and another protocol than TCP, where it has none for that."""
    mine = [x for x in service.spec.ports or () if x.port == number]
    return mine[0] if mine and all(x.protocol != "TCP" for x in mine) else None


def untransported(cluster: Cluster, question: Question) -> Iterator[Trace]:
    """A trace for each port for OTLP, by its number or name, that a Service has for another protocol than TCP alone.

    OTLP is sent over gRPC or HTTP, and so over TCP (OTLP specification 1.10). No proxy stands before a headless one.
    """
    for service in cluster.services:
        every = (service.spec.ports or ()) if not service.headless and service.spec.type != "ExternalName" else ()
        for number in dict.fromkeys(x.port for x in every if x.port in OTLP_PORTS or "otlp" in x.name.split("-")):
            if _twin(service, number):
                target = Target(host(service), host(service), number, OTLP_PORTS.get(number, Protocol.GRPC))
                yield from _ended((service, service), ANYBODY, target, question)


def _ended(
    ways: tuple[Service, Service], who: str, target: Target, question: Question, *said: Evidence
) -> Iterator[Trace]:
    """The traces by the name of one Service to another one, which lacks the port; where it is no alias both are one."""
    service, led = ways
    held = led.families or BOTH
    hops = (
        TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses"),
        TracedHop(Hop.RESOLVE, Status.PASS, f"the name of {service.called}"),
        not_offered(led, target.port, *said),
    )
    for each in (x for x in question.expect or held if x in held):
        flow = Flow(who, (), replace(target, host=host(service)), each, ())
        yield traced(flow, hops)


def lost_on_the_way(cluster: Cluster, traces: Traces, places: Places) -> Iterator[Finding]:
    """One finding for each port that clients name and their Service lacks."""
    failing = [x for x in traces.broken if x.failing and x.failing.mark == NOT_OFFERED]
    for service, flows in by_service(cluster, failing):
        sent = dict.fromkeys((x.target.port, x.protocol) for x in flows)
        for port, protocol in sent:
            mine = tuple(x for x in flows if x.target.port == port and x.protocol is protocol)
            several = len([x for x in sent if x[0] == port]) > 1
            yield _finding(cluster, service, port, mine, places, several=several)


def _addition(service: Service, port: int, protocol: Protocol, places: Sequence[Place]) -> str:
    """How a Service gets a port on which its pods take what is sent, and they one where they surely have none."""
    if _twin(service, port):
        return f"Write `protocol: TCP` in port {port} of the Service"
    taken = next((y for x in places if (y := taken_on(x, protocol, x.pod.addresses))), 0)
    made = next((z for x in places if (z := writer(service.metadata.name, x.pod.metadata))), "")
    if taken and made:
        return f"Add port {port} with `targetPort: {taken}` to `spec.ports` of {made}, by which the Service is written"
    if taken:
        return f"Add port {port} to the Service, with `targetPort: {taken}`"
    if not _is_silent(protocol, places):
        return f"Give the Service port {port}"
    title = TITLES[protocol]
    if made:
        return f"Let a receiver in `spec.config` of {made} take {title} on port {port}, which the Service then gets"
    return f"Let the receiver take {title}, and give the Service port {port}"


def _is_silent(protocol: Protocol, places: Sequence[Place]) -> bool:
    """Whether surely none of the pods takes a protocol, whatever is not known of listeners for something else."""
    served = (replace(x, opened=tuple(y for y in x.opened if serves(y.endpoint))) for x in places)
    known = bool(places) and all(x.known for x in served)
    return known and not any(taken_on(x, protocol, x.pod.addresses) for x in places)


def _promises(service: Service, port: int) -> bool:
    """Whether an alias has a port: a name leads to all ports (Kubernetes documentation, Type: ExternalName)."""
    return service.spec.type == "ExternalName" and any(x.port == port for x in service.spec.ports or ())


def _elsewhere(target: Target, usable: Sequence[int], title: str, add: str) -> str:
    """Where to send instead of a port of a Service of which no port is known to be for OTLP."""
    if len(usable) == 1 and target.port not in OTLP_PORTS:
        plain = " with `http://`" if target.tls and usable[0] == _PLAIN else ""
        whole = f"Send to port {usable[0]}{plain}, the only one of this Service, if its pods take {title} there"
        return f"{whole}; else to the Service of a receiver"
    why = "no port of this one is known to be for OTLP"
    return f"Send to the Service of a receiver: {why}. Or, where its pods take {title}, {add}"


def _finding(
    cluster: Cluster, service: Service, port: int, flows: tuple[Trace, ...], places: Places, *, several: bool
) -> Finding:
    """What is told of flows that speak the same; `several` protocols are for one port of the pods each."""
    stop, protocol = flows[0].at(Hop.SERVICE), flows[0].protocol
    held = [x for y in selected(cluster, service) if (x := places.items.get((y.metadata.namespace, y.metadata.name)))]
    add = _addition(service, port, protocol, held)
    usable = [x.port for x in service.spec.ports or () if x.protocol == "TCP"]
    slices = cluster.slices_of(service)
    taking = {x.port: spoken(service, x, slices, places.items) for x in service.spec.ports or ()}
    ports = " or ".join(str(x) for x, said in taking.items() if protocol in said)
    silent = not ports and not _twin(service, port) and _is_silent(protocol, held)
    other = next((x for x in usable if silent and x in OTLP_PORTS), 0)
    ports = f"{TITLES[OTLP_PORTS[other]]} to {other}" if other else ports and f"to {ports}"
    about = service.metadata
    others = [f"`{y}.{x}`" for *which, x, y in cluster.meant if which == [x, about.name] and x == about.namespace]
    if others:
        add, ports = f"Let them send to {' or '.join(others)}, which has port {port} and leads to the same pods", ""
    elif add.startswith("Give") and usable and not any(taking.values()):
        add = _elsewhere(flows[0].target, usable, TITLES[protocol], f"{add[0].lower()}{add[1:]}")
    alias = next((x for x in cluster.services if _promises(x, port) and host(x) == flows[0].target.host), None)
    if (alias or several) and ports:
        why = "no port of an alias leads to another one" if alias else "others speak another protocol to this one"
        add, ports = f"Let them send {ports}: {why}", ""
    every = dict.fromkeys(x.vantage for x in flows)
    who = " and ".join(x for x in every if len(every) == 1 or x != ANYBODY)
    through = f"{alias.called} is another name alone, whatever ports it has. " if alias else ""
    return Finding(
        summary=f"The Service has no port {port}{' for TCP' if _twin(service, port) else ''}",
        detail=f"The {who} send OTLP over {protocol} to port {port}. {through}{stop.why[:1].upper()}{stop.why[1:]}.",
        hint=f"{add}, or let them send {ports}." if ports else f"{add}.",
        families=families_of(flows),
        evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.SERVICE).evidence)),
        fix=Fix("Offer the port", Applicability.MANUAL),
        flows=keys(flows),
        causes=(MISREAD,) if port in misread_in(cluster, service, places) else None,
    )
