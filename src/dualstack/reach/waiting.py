"""Which clients in files wait for a dead address, or never get to another one.

Of a Service only what is certain is told: of the addresses that it may have, and of the C libraries that the image of
the client may have, each has to keep it waiting.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import msgspec

from dualstack.model.address import Family, Protocol, Scope, family, is_address, scope
from dualstack.model.deployed import Deployments, Sender, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Severity
from dualstack.model.kube import NetworkPolicies, Service
from dualstack.model.question import Client, Question
from dualstack.reach.client import QUICK
from dualstack.reach.dial import ACCEPTED, REFUSED, TIMED_OUT, dial
from dualstack.reach.jvm import ipv6_first
from dualstack.reach.localhost import LOCALHOST
from dualstack.reach.select import behaviour, order
from dualstack.reach.sent import beside, flag, node_version, target
from dualstack.reach.unserved import dropped, unserved

_IPV4, _LOCAL, _GLOBAL = "10.96.0.9", "fd00:96::9", "2600:96::9"
"""Addresses that a Service may have; clients sort unique local ones and global ones differently."""
_SOURCES = {_IPV4: "10.244.0.2", _LOCAL: "fd00:244::2", _GLOBAL: "2600:244::2"}
"""Those of a pod that sends there."""
_OVER_GRPC = {"python-otel": "grpc-core", "otel-js": "grpc-js", "go": "grpc-go", "otel-ruby": "grpc-core"}
"""Who dials for an SDK that speaks gRPC, where that is somebody else."""
_GLIBC = ("node", "python", "ruby", "golang", "openjdk", "eclipse-temurin", "amazoncorretto")
"""Official images, which are Debian or Ubuntu where their tag does not say `alpine`; hub.docker.com/_/python."""


NEVER_TRIES = "This client never tries an address"
NEVER_LEAVES = "This client never leaves a dead address"
WAITS = "This client waits for a dead address"


class Waiting(msgspec.Struct, frozen=True):
    """A sender that waits for an address of a family, or never gets to another one, in the words of a finding."""

    sender: Sender
    dead: Family
    summary: str
    detail: str
    hint: str
    severity: Severity = Severity.WARNING
    evidence: tuple[Evidence, ...] = ()


def literals(senders: Senders) -> Iterator[Waiting]:
    """The JVMs that use IPv4 alone and are given an IPv6 literal."""
    for sender in senders.items:
        place = target(sender.destination)
        found = flag(sender.container, "jvm") if sender.container and place and place.literal else None
        if place and found and family(place.host) is Family.IPV6 and behaviour(found[0]).families == "ipv4-only":
            yield Waiting(
                sender,
                Family.IPV6,
                NEVER_TRIES,
                f"{behaviour(found[0]).title} uses IPv4 alone, and `{place.endpoint}` is IPv6.",
                "Take the option out, or give this client an IPv4 address or a name that has one.",
                Severity.ERROR,
                (Evidence(found[1].text, "options of the JVM", Layer.DECLARED),),
            )


def waiting(
    senders: Senders, deployments: Deployments, policies: NetworkPolicies, question: Question
) -> Iterator[Waiting]:
    """The clients in pods that a dead family of their Service costs more than a second, or telemetry."""
    for sender in senders.items:
        workload, service = sender.workload, sender.service
        if service is None or workload is None or workload.host_network or not workload.pod:
            continue
        gone = dropped(sender, deployments, policies, question)
        dead = gone or unserved(sender, deployments, question)
        outcome = TIMED_OUT if gone else REFUSED
        each = list(_each(sender, service, dict.fromkeys(dead, outcome))) if len(dead) == 1 else []
        if each and all(x is None or x > QUICK for _, x in each):
            yield _found(sender, service, dead[0], outcome, each[0][0], [x for _, x in each if x is not None])


def dead_ipv6(
    sender: Sender, deployments: Deployments, policies: NetworkPolicies, question: Question
) -> tuple[str, str] | None:
    """Why IPv6 gets nowhere from a sender to a place that has IPv4, and what mends it; None where that is not known."""
    service, place = sender.service, target(sender.destination)
    if service and dropped(sender, deployments, policies, question) == (Family.IPV6,):
        return f"A NetworkPolicy drops IPv6 behind {service.meta.called}", "let IPv6 in"
    if service and unserved(sender, deployments, question) == (Family.IPV6,):
        return f"No listener behind {service.meta.called} takes IPv6", "let the receiver take IPv6"
    local = place is not None and place.host == LOCALHOST
    near = next(beside(sender, deployments, place.port), None) if place and local else None
    return (
        (f"The Collector beside it listens on `{near.effective}`, on IPv4 alone", "send to 127.0.0.1") if near else None
    )


def _each(sender: Sender, service: Service, dead: Mapping[Family, str]) -> Iterator[tuple[Client, int | None]]:
    """Each client that it may be, with how long it waits, for each kind of address that may be there."""
    for client, library, address in product(_clients(sender), _libraries(sender), _addresses(service)):
        yield client, _waited(client, library, address, dead)


def _found(
    sender: Sender, service: Service, dead: Family, outcome: str, client: Client, waits: Sequence[int]
) -> Waiting:
    title = behaviour(client.runtime, client.version).title
    opening = f"{service.meta.called} has both families; {title} tries {dead.title} first"
    fate = "which a NetworkPolicy drops there" if outcome == TIMED_OUT else "which no listener there takes"
    after = f"has {dead.other.title} after {min(waits) // 1000} s" if waits else f"never gets to {dead.other.title}"
    summary = WAITS if waits else NEVER_LEAVES
    mend = f"Let {dead.title} in" if outcome == TIMED_OUT else f"Let the receiver take {dead.title}"
    detail = f"{opening}, {fate}, and {after}."
    return Waiting(sender, dead, summary, detail, f"{mend}, or send to a name of {dead.other.title} alone.")


def _clients(sender: Sender) -> Iterator[Client]:
    """What dials for a sender; none where nothing is known. A flag that puts IPv6 first is the matter of DS803."""
    said, container, place = sender.destination, sender.container, target(sender.destination)
    if not said.client or container is None or place is None or ipv6_first(container):
        return
    jvm = flag(container, "jvm") if said.client == "otel-java" else None
    if jvm:
        yield Client(jvm[0])
    elif place.protocol is Protocol.GRPC:
        yield Client(_OVER_GRPC.get(said.client, said.client))
    else:
        version = node_version(container)
        yield Client("node", version) if said.client == "otel-js" and version else Client(said.client)


def _libraries(sender: Sender) -> tuple[str, ...]:
    image = sender.container.image if sender.container else ""
    name, _, tag = image.rpartition("/")[2].partition(":")
    if "alpine" in tag:
        return ("musl",)
    return ("glibc",) if name in _GLIBC else ("glibc", "musl")


def _addresses(service: Service) -> tuple[str, ...]:
    """The kinds of IPv6 address that a Service can have: what its manifest names, or either."""
    told = [x.text for x in service.cluster_ips if is_address(x.text) and family(x.text) is Family.IPV6]
    if told:
        return (_LOCAL,) if scope(told[0]) is Scope.UNIQUE_LOCAL else (_GLOBAL,)
    return (_LOCAL, _GLOBAL)


def _waited(client: Client, library: str, address: str, dead: Mapping[Family, str]) -> int | None:
    """The milliseconds that a client waits for a Service of IPv4 and this address; None where it never connects."""
    row, both = behaviour(client.runtime, client.version), (_IPV4, address)
    if row.sort == "glibc" and row.families == "verbatim":
        tried = order(both, library, (), _SOURCES)
    else:
        tried = order(both, client.runtime, client.version, _SOURCES)
    return dial(tried, {x: dead.get(family(x), ACCEPTED) for x in both}, client).waited
