"""Endpoints of one configuration that cannot be bound side by side, as far as the files tell."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product

import msgspec

from dualstack.model.address import is_address, without_zone
from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.sockets import Listener, Runtime
from dualstack.reach.bind import BindRequest, bind
from dualstack.reach.blame import is_wildcard
from dualstack.reach.start import conflicts, port

_LOCALHOST = "localhost"
_TELEMETRY = "service/telemetry"
_NAMES = 254  # as many as there are addresses for documentation in 192.0.2.0/24 (RFC 5737 section 3)


class Clash(msgspec.Struct, frozen=True):
    """Two endpoints of one configuration of which the second cannot be bound beside the first.

    `split` says that both are wildcards of one kind of component, written as if each were for one family.
    """

    deployed: Deployed
    first: DeclaredEndpoint
    second: DeclaredEndpoint
    split: bool


def clashes(deployments: Deployments) -> Iterator[Clash]:
    """Each endpoint that cannot be bound beside an earlier one of its configuration, with the first of those."""
    for item in deployments.items:
        endpoints = sorted(item.config.endpoints, key=_order)
        often = Counter((port(x), x.transport) for x in endpoints)
        several = (x for x in endpoints if often[port(x), x.transport] > 1)
        bound = [(x, y) for x in several if (y := _socket(x, endpoints))]
        told = set[str]()
        for (first, one), (second, other) in combinations(bound, 2):
            if second.field not in told and conflicts(one, other):
                told.add(second.field)
                wildcards = is_wildcard(one) and is_wildcard(other)
                yield Clash(item, first, second, wildcards and _is_split(first, second))


def in_pods(deployments: Deployments) -> Iterator[tuple[Deployed, Clash]]:
    """Each endpoint that cannot be bound beside one that another container of its pod binds, and who binds that.

    Of its own metrics a Collector is not known to end.
    """
    pods = defaultdict[int, list[Deployed]](list)
    for item in deployments.items:
        if item.workload and item.container and not item.container.init and item.config.whole:
            pods[id(item.workload)].append(item)
    for items in pods.values():
        for one, other in combinations(items, 2):
            among = (*one.config.endpoints, *other.config.endpoints)
            for first, second in product(_own(one), _own(other)) if one.container is not other.container else ():
                pair = _socket(first, among), _socket(second, among)
                if pair[0] and pair[1] and conflicts(pair[0], pair[1]):
                    yield one, Clash(other, first, second, split=False)


def _own(item: Deployed) -> list[DeclaredEndpoint]:
    return [x for x in item.config.endpoints if x.component != _TELEMETRY]


def _is_split(one: DeclaredEndpoint, other: DeclaredEndpoint) -> bool:
    """Whether one of two endpoints is spelled in IPv6 and the other is not, and both are of one kind of component."""
    kinds = {x.component.split("/")[:2][-1] for x in (one, other)}
    return len(kinds) == 1 and bool(one.text and other.text) and ("[::]" in one.text) != ("[::]" in other.text)


def _order(endpoint: DeclaredEndpoint) -> tuple[int, int]:
    """The place in the file; what nobody wrote comes first, so that there is a place to speak of."""
    at = endpoint.location
    return (at.line, at.column) if at else (0, 0)


def _socket(endpoint: DeclaredEndpoint, among: Sequence[DeclaredEndpoint]) -> Listener | None:
    """What an endpoint binds on a host with both families that holds every address; None where nobody can tell.

    A name or a variable stands for an address of its own, and so meets itself and wildcards alone. `localhost` is
    127.0.0.1: Go takes the IPv4 address of a name where it has one.
    """
    number, host = port(endpoint), _host(endpoint)
    if not number or endpoint.cause:
        return None
    names = [x for x in dict.fromkeys(map(_host, among)) if x and not is_address(x) and x != _LOCALHOST]
    held = {_LOCALHOST: "127.0.0.1"} | {x: f"192.0.2.{i}" for i, x in enumerate(names[:_NAMES], 1)}
    if host and not is_address(host) and host not in held:
        return None
    address = f"{held[host]}:{number}" if host in held else endpoint.effective
    literals = tuple(x for x in map(_host, among) if is_address(x))
    interfaces = (
        Interface("lo", 1, up=True, loopback=True, disable_ipv6=False, addresses=_held("127.0.0.1", "::1")),
        Interface("eth0", 2, up=True, disable_ipv6=False, addresses=_held(*literals, *held.values())),
    )
    space = Namespace("", interfaces, bindv6only=False)
    return next(iter(bind(BindRequest(address, endpoint.network, endpoint.call, Runtime.GO, space)).sockets), None)


def _host(endpoint: DeclaredEndpoint) -> str:
    return endpoint.effective.rpartition(":")[0].removeprefix("[").removesuffix("]")


def _held(*addresses: str) -> tuple[InterfaceAddress, ...]:
    return tuple(InterfaceAddress(without_zone(x), 0) for x in addresses)
