"""What the files tell of a client beside where it sends: its runtime, its version, its flags and its proxies."""

import re
from collections.abc import Iterator

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import OTLP_PORTS, Family, Protocol, Scope, Target, family, is_address, scope
from dualstack.model.client import Proxies
from dualstack.model.deployed import Deployments, Sender, Senders
from dualstack.model.kube import Container
from dualstack.model.otel import DeclaredEndpoint, Destination
from dualstack.model.question import Client
from dualstack.model.source import Written
from dualstack.reach.destination import read
from dualstack.reach.localhost import LOCALHOST
from dualstack.reach.proxy import diverted, meant, proxies, variable
from dualstack.reach.start import port
from dualstack.reach.wiring import environment, together

_NODE = re.compile(r"(?:^|/)node:v?(?P<version>\d+(?:\.\d+)*)")
_PORTS = {"https": 443, "http": 80}  # RFC 9110 section 4.2
_OPTIONS = {"jvm": ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"), "node": ("NODE_OPTIONS",)}
_VERBATIM = "--dns-result-order=verbatim"
_VERBATIM_SINCE, _TRIES_ALL = (17,), (20,)  # Node.js change logs of 17 and 20; knowledge/runtimes.table
_SIBLINGS = ("127.0.0.1",)
_EXCEPTIONS = ("no_proxy", "NO_PROXY")


def filled_in(senders: Senders) -> Iterator[Sender]:
    """Those whose endpoint has no variable that stays as it is: Kubernetes fills in `$(NAME)`, and no `${NAME}`."""
    for sender in senders.items:
        by_kubelet = (
            sender.workload is not None and sender.workload.pod and sender.destination.field.startswith("OTEL_")
        )
        if not (by_kubelet and "${" in sender.destination.written.text):
            yield sender


def target(said: Destination) -> Target | None:
    """The target that a destination names; None where a variable or a fault leaves it open."""
    reading = read(said.value, said.form)
    if reading.fault or not reading.host or "$" in said.value or not (reading.port or reading.scheme in _PORTS):
        return None
    if reading.port and not reading.port.isdecimal():  # it holds a variable of another kind, such as {PORT}
        return None
    port = int(reading.port) if reading.port else _PORTS[reading.scheme]
    spoken = said.protocol if said.protocol in OTLP_PORTS.values() else OTLP_PORTS.get(port, Protocol.HTTP)
    return Target(said.value, reading.host, port, spoken, tls=reading.scheme == "https")


def flag(container: Container, runtime: str) -> tuple[str, Written] | None:
    """The client that the options of a runtime make of it, and the option; the last one counts."""
    rows = [x for x in table("client_marks") if x["runtime"] == runtime and x["mark"] == "word"]
    found = (
        (row["client"], written)
        for written in options(container, runtime)
        for row in rows
        if re.search(rf"(?:^|\s){row['pattern']}(?:$|\s)", written.text)
    )
    return next(iter(list(found)[::-1]), None)


def options(container: Container, runtime: str) -> Iterator[Written]:
    """What sets options of a runtime: the words of the command, and the variable that the runtime heeds."""
    yield from container.words
    values = (container.variable(x) for x in _OPTIONS[runtime])
    yield from (x.value for x in values if x is not None and x.value is not None)


def trying_first_alone(sender: Sender) -> bool | None:
    """Whether a Node.js dials the first address of a name alone, in the order of getaddrinfo.

    False where only an option says that order, and the version that decides the rest is not told; None for any other.
    """
    container = sender.container
    if container is None or not _is_node(sender):
        return None
    said = flag(container, "node")
    verbatim = any(_VERBATIM in x.text for x in options(container, "node"))
    version = node_version(container)
    if said or version >= _TRIES_ALL:
        return None
    return True if version and (verbatim or version >= _VERBATIM_SINCE) else False if verbatim else None


def dialling_first(senders: Senders) -> Iterator[tuple[str, str]]:
    """The variables, with what they say, of those who surely dial the first address of a name alone."""
    for each in senders.items:
        there = target(each.destination)
        if there and there.protocol is Protocol.HTTP and trying_first_alone(each):
            yield each.destination.field, each.destination.written.text


def node_version(container: Container) -> tuple[int, ...]:
    """The version of Node.js in an image; empty where its tag tells none."""
    found = _NODE.search(container.image)
    return tuple(map(int, found["version"].split("."))) if found else ()


def _is_node(sender: Sender) -> bool:
    container = sender.container
    words = [x.text.rpartition("/")[2] for x in container.words[:1]] if container else []
    return sender.destination.client in ("otel-js", "node") or words == ["node"]


def beside(sender: Sender, deployments: Deployments, number: int) -> Iterator[DeclaredEndpoint]:
    """What listens on a port of the sender's own loopback, on IPv4 alone: Go takes that of `localhost`, too."""
    for item in deployments.items:
        if not together(item.workload, sender.workload):
            continue
        there = [(x, x.effective.rpartition(":")[0]) for x in item.config.endpoints if port(x) == number]
        if not any(host in ("[::1]", "::1") for _, host in there):
            yield from (x for x, host in there if host == LOCALHOST or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    return is_address(host) and family(host) is Family.IPV4 and scope(host) is Scope.LOOPBACK


class Diversion(msgspec.Struct, frozen=True):
    """A target that a proxy gets although `entry` of the NO_PROXY that is `written` beside it was to spare it.

    `variable` names the proxy, `clients` are those that read it so, and `mended` says that adding the literal helps.
    """

    target: Target
    entry: str
    written: Written
    variable: str
    clients: str
    owner: str
    mended: bool


def diversions(senders: Senders) -> Iterator[Diversion]:
    """The IPv6 literals that a proxy gets although NO_PROXY was to spare them."""
    for sender in senders.items:
        place, said = target(sender.destination), spared(sender)
        if place is None or said is None or not place.literal or family(place.host) is not Family.IPV6:
            continue
        client, (told, written) = heeding(sender.destination), said
        entry = meant(place.host, told.exceptions, _SIBLINGS if scope(place.host) is Scope.LOOPBACK else ())
        found = diverted(place, told, client) if entry else ()
        more = Proxies(told.variables, (*told.exceptions, place.host, f"[{place.host}]"))
        left = diverted(place, more, client)
        helped = tuple(x for x in found if x not in left)
        if helped or (found and client):
            clients = ", ".join(x.clients[0] for x in helped or found)
            caught = variable(place, told, found)
            yield Diversion(place, entry, written, caught, clients, sender.destination.owner, bool(helped))


def spared(sender: Sender) -> tuple[Proxies, Written] | None:
    """The proxies of a sender's environment and the text of its NO_PROXY; None where the files do not tell."""
    container = sender.container
    said = proxies(environment(container)) if container else None
    found = [x for name in _EXCEPTIONS if container and (x := container.variable(name)) and x.value]
    if said is None or not found or found[0].value is None or "$" in found[0].value.text:
        return None
    return said, found[0].value


def heeding(said: Destination) -> Client | None:
    """The client of a destination; None where the files do not tell it and any may be meant."""
    return Client(said.client) if said.client else None
