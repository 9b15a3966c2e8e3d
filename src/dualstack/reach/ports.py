"""Which ports of pods somebody listens on, and which listeners an address leads to, as far as the files tell."""

from collections.abc import Iterator

from dualstack.model.address import OTLP_PORTS, Protocol
from dualstack.model.deployed import Deployed, Sender
from dualstack.model.kube import Container, Service, ServicePort, Workload
from dualstack.model.otel import Declared, DeclaredEndpoint, Destination
from dualstack.model.sockets import Transport
from dualstack.model.source import Written
from dualstack.reach import sources
from dualstack.reach.destination import read
from dualstack.reach.landscape import Landscape
from dualstack.reach.operator import OPERATED
from dualstack.reach.stacks import is_otlp, same
from dualstack.reach.start import numbered, port
from dualstack.reach.wiring import target

_INJECTED = "sidecar.opentelemetry.io/inject"
_RECEIVERS = ("receivers/otlp", "receivers/otelarrow")
_TRANSPORTS = {"TCP": Transport.TCP, "UDP": Transport.UDP}
_SPEAKS = (Protocol.GRPC, Protocol.HTTP)

LEFT_OUT = "Service leaves out port"
"""What it is called that a Service does not lead to a port where its Collector takes OTLP."""


def otlp(config: Declared) -> Iterator[DeclaredEndpoint]:
    """The endpoints of its OTLP receivers."""
    return (x for x in config.endpoints if x.component.startswith(_RECEIVERS) and x.protocol in _SPEAKS)


def silent(workload: Workload, number: int, transport: Transport, land: Landscape) -> bool:
    """Whether surely nobody listens on a port of these pods: all that runs there is known, and its configuration."""
    running = [x for x in workload.containers if not x.init]
    if _INJECTED in workload.annotations or not running:
        return False
    return all(
        _never(x, number, transport, [y.config for y in land.read_by(workload) if y.container is x]) for x in running
    )


def _never(container: Container, number: int, transport: Transport, read_by: list[Declared]) -> bool:
    """Whether a container surely does not listen on a port: it runs a Collector with one configuration, all known.

    What a Collector refuses says nothing of the ports that are meant.
    """
    if len(read_by) != 1 or not sources.is_all(read_by[0], container):
        return False
    config = read_by[0]
    # A host that nobody knows here has its port all the same.
    open_ended = any(not port(x) or (x.problem and "$" not in x.effective) for x in config.endpoints)
    mine = any(port(x) == number and x.transport is transport for x in config.endpoints)
    # Of what no table knows only this much is sure: OTLP's ports are the default of OTLP receivers alone.
    others = config.unread.values()
    maybe = any(str(number) in x or "$" in x for x in others) if number in OTLP_PORTS else bool(others)
    # A program that has the receivers of the Collector within a configuration of its own has ports of its own.
    own = number not in OTLP_PORTS and any(x.within for x in config.endpoints)
    return config.whole and not (open_ended or mine or maybe or own or config.refused)


def unnamed(workload: Workload, name: str) -> bool:
    """Whether surely no container of these pods has a port of that name."""
    if workload.meta.kind == OPERATED or _INJECTED in workload.annotations:
        return False
    return all(y.name != name for x in workload.containers for y in x.ports)


def led_to(service: Service, each: ServicePort) -> Written:
    """Where a port of a Service says which port of the pods it is; of a headless one clients use it as it is."""
    return each.number if service.headless else each.target or each.number


def leads(service: Service, each: ServicePort, behind: list[Workload]) -> tuple[str, int]:
    """Where a port that leads to nobody leads, in words, and the port of the pods; 0 where none has that name."""
    said = led_to(service, each).text
    first = next((x for x in behind if target(each, x)), behind[0])
    number = numbered(said) or target(each, first)
    if not number:
        return f"`{said}` of {first.meta.called}, and no container there has a port of that name", 0
    called = "" if numbered(said) else f"`{said}`, which is "
    return f"{called}port {number} of {first.meta.called}, and no receiver listens there", number


def deaf(service: Service, each: ServicePort, workload: Workload, land: Landscape) -> bool:
    """Whether a port of a Service surely leads to nobody in these pods."""
    led = led_to(service, each).text
    if not led.isdigit() and unnamed(workload, led):
        return True
    number = numbered(led) or target(each, workload)
    said = _TRANSPORTS.get(each.protocol)
    # Clients of a headless Service connect to its pods themselves, over whichever transport they like.
    transports = tuple(_TRANSPORTS.values()) if service.headless else (said,)
    return bool(number and said) and all(silent(workload, number, x, land) for x in transports if x)


def across(service: Service, each: ServicePort, behind: list[Workload], land: Landscape) -> DeclaredEndpoint | None:
    """What listens on the number that a port leads to, over the other transport, where no other port is for that.

    Nothing where that decides nothing: clients of a headless Service connect to its pods themselves.
    """
    if service.headless:
        return None
    led = {(x, y.protocol.lower()) for z in behind for y in service.ports if (x := target(y, z))}
    for workload in behind:
        number, mine = target(each, workload), each.protocol.lower()
        there = (y for x in land.read_by(workload) for y in x.config.endpoints if number and port(y) == number)
        found = next((x for x in there if x.transport != mine and (number, x.transport) not in led), None)
        if found:
            return found
    return None


def is_otlp_receiver(endpoint: DeclaredEndpoint | None) -> bool:
    """Whether OTLP is taken there, which is over TCP alone."""
    return endpoint is not None and endpoint.component.startswith(_RECEIVERS)


def matters(service: Service, each: ServicePort, behind: list[Workload], land: Landscape) -> bool:
    """Whether a port of a Service is for OTLP, and somebody behind it receives that, as far as is known.

    Clients of a headless one can as well use another port than those that it has.
    """
    if service.headless and numbered(each.number.text) not in OTLP_PORTS:
        return False
    said = (each.target or each.number).text
    receives = any(True for x in behind for y in land.read_by(x) for _ in otlp(y.config))
    return is_otlp(each.name, each.number.text, said) and (receives or not numbered(said))


def meant(each: ServicePort, behind: list[Workload], land: Landscape) -> str:
    """The one port on which what this port is for is received; empty where that is not plain.

    Nor is it where a receiver gives both protocols one port, which one of them alone gets.
    """
    speaks = Protocol.HTTP if "http" in each.name or each.number.text == "4318" else Protocol.GRPC
    mine = [y.config for x in behind for y in land.read_by(x)]
    others = {port(y) for x in mine for y in otlp(x) if y.protocol is not speaks}
    found = {port(y) for x in mine for y in otlp(x) if y.protocol is speaks and port(y)} - others
    return str(found.pop()) if len(found) == 1 and is_otlp(each.name, each.number.text) else ""


def reached(sender: Sender, land: Landscape) -> Iterator[DeclaredEndpoint]:
    """The OTLP receivers that an address leads to: through a Service, in the same pod, or by a name of Compose."""
    place = read(sender.destination.value, sender.destination.form)
    for item, number in _ports(sender, place.host, numbered(place.port), land, inside=place.loopback):
        yield from (x for x in otlp(item.config) if number and port(x) == number)


def _ports(sender: Sender, host: str, number: int, land: Landscape, *, inside: bool) -> Iterator[tuple[Deployed, int]]:
    """The configurations that an address leads to, and the ports of their pods."""
    service, sends = sender.service, sender.workload
    if service:
        ports = [x for x in service.ports if x.number.text == str(number)]
        for item in land.leading.get(service.meta.name, ()):
            if item.workload and any(same(service, x) for x in item.services):
                yield from ((item, target(x, item.workload)) for x in ports)
    elif sends and inside:
        yield from ((x, number) for x in land.read_by(sends))
    elif sends:
        for item in land.called.get(host, ()):
            if item.workload and item.workload.meta.namespace == sends.meta.namespace:
                yield item, number


def carries_otlp(service: Service, land: Landscape) -> bool:
    """Whether clients send OTLP through a Service: by its ports, or because OTLP receivers are behind them."""
    if any(is_otlp(x.name, x.number.text, x.target.text if x.target else "") for x in service.ports):
        return True
    led = land.leading.get(service.meta.name, ())
    return any(_receives(x, y) for x in led for y in x.services if same(service, y))


def _receives(item: Deployed, service: Service) -> bool:
    workload = item.workload
    return workload is not None and any(exposes(service, workload, port(x)) for x in otlp(item.config) if port(x))


def sends_otlp(sent: Destination) -> bool:
    """Whether a destination is for OTLP: a variable of the SDKs, or one of the Collector's OTLP exporters."""
    return sent.field.startswith("OTEL_EXPORTER_OTLP_") or sent.owner.startswith("exporters/otlp")


def exposes(service: Service, workload: Workload, number: int) -> bool:
    """Whether a Service leads to a port of these pods."""
    return any(target(x, workload) == number for x in service.ports)


def is_twin(each: ServicePort, service: Service) -> bool:
    """Whether a port is beside the one that clients of OTLP come to, of the same number and another transport."""
    alike = (x for x in service.ports if x.number.text == each.number.text)
    return each.protocol != "TCP" and any(x.protocol == "TCP" for x in alike)
