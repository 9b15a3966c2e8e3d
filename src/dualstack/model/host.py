"""A network namespace as the kernel sees it: interfaces, addresses, routes, sysctls, packet filters."""

from collections import defaultdict
from functools import cached_property

import msgspec

from dualstack.model.address import Family, Scope, family, scope, without_zone, zone


class InterfaceAddress(msgspec.Struct, frozen=True):
    """An address of an interface, with the flags of RTM_NEWADDR: tentative, dadfailed, deprecated, temporary."""

    address: str
    prefix: int
    flags: tuple[str, ...] = ()


class Interface(msgspec.Struct, frozen=True):
    """A link and its addresses. `disable_ipv6` is the sysctl of this interface, None where it could not be read."""

    name: str
    index: int
    up: bool
    loopback: bool = False
    mac: str = ""
    mtu: int = 0
    disable_ipv6: bool | None = None
    addresses: tuple[InterfaceAddress, ...] = ()


class Namespace(msgspec.Struct, frozen=True, dict=True):
    """The network settings of one place.

    `ipv6_absent` says that the kernel has no IPv6 at all (`ipv6.disable=1` or not built in): `socket(AF_INET6)`
    answers EAFNOSUPPORT. `bindv6only`, the `disable_ipv6` values and `tcp_mtu_probing` (true for 1 and 2) are sysctls,
    None where unreadable.
    """

    place: str
    interfaces: tuple[Interface, ...] = ()
    ipv6_absent: bool = False
    bindv6only: bool | None = None
    disable_ipv6_all: bool | None = None
    disable_ipv6_default: bool | None = None
    tcp_mtu_probing: bool | None = None
    source: str = "rtnetlink"

    def owner(self, address: str) -> Interface | None:
        """The interface that holds `address`; all of 127.0.0.0/8 is on the loopback one (RFC 1122 section 3.2.1.3)."""
        bare, device = without_zone(address), zone(address)
        for interface in self._holders.get(bare, ()):
            if not device or device in (interface.name, str(interface.index)):
                return interface
        if family(bare) is Family.IPV4 and scope(bare) is Scope.LOOPBACK:
            loopbacks = (x for x in self.interfaces if x.loopback)
            return next((x for x in loopbacks if any(family(y.address) is Family.IPV4 for y in x.addresses)), None)
        return None

    @cached_property
    def _holders(self) -> dict[str, list[Interface]]:
        """The interfaces by the addresses that they hold: a host can have thousands."""
        found: defaultdict[str, list[Interface]] = defaultdict(list)
        for interface in self.interfaces:
            for item in interface.addresses:
                found[item.address].append(interface)
        return found

    def addresses(self, wanted: Family) -> tuple[str, ...]:
        """Every address of a family here, loopback first, in the kernel's order; link-local ones carry their zone."""
        found = []
        for interface in sorted(self.interfaces, key=lambda x: not x.loopback):
            for item in interface.addresses:
                if family(item.address) is wanted:
                    is_local = wanted is Family.IPV6 and scope(item.address) is Scope.LINK_LOCAL
                    found.append(f"{item.address}%{interface.name}" if is_local else item.address)
        return tuple(found)


class Namespaces(msgspec.Struct, frozen=True):
    """The network namespaces that were read; the first is the vantage of the question."""

    items: tuple[Namespace, ...]

    def at(self, place: str) -> Namespace | None:
        """The namespace of that name."""
        return next((x for x in self.items if x.place == place), None)

    def owner(self, address: str) -> tuple[Namespace, Interface] | None:
        """The namespace and interface that hold `address`, the vantage before others."""
        for item in self.items:
            interface = item.owner(address)
            if interface is not None:
                return item, interface
        return None


class Route(msgspec.Struct, frozen=True):
    """What the kernel answers when asked how it would send to `destination` (RTM_GETROUTE).

    `error` is an errno name (ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL), empty where there is a route. `source` is the
    address that the kernel would choose, empty where it names none.
    """

    place: str
    destination: str
    interface: str = ""
    gateway: str = ""
    source: str = ""
    mtu: int = 0
    error: str = ""

    @property
    def silent(self) -> bool:
        """Whether there is a route whose next hop does not answer, and not one of type unreachable."""
        return self.error == "EHOSTUNREACH" and bool(self.interface)


class Routes(msgspec.Struct, frozen=True, dict=True):
    """The kernel's answers for the addresses in question."""

    items: tuple[Route, ...] = ()

    def to(self, place: str, destination: str) -> Route | None:
        """The answer for one destination."""
        return self._answers.get((place, destination))

    @property
    def sources(self) -> dict[str, str]:
        """The source by destination, absent where there is no route.

        A next hop that does not answer takes none away: connect(2) of a datagram socket, by which C libraries and Go
        find the source, sends nothing (glibc getaddrinfo.c, musl lookup_name.c, Go addrselect.go).
        """
        return {x.destination: x.source for x in self.items if x.silent or not x.error}

    @cached_property
    def _answers(self) -> dict[tuple[str, str], Route]:
        return {(x.place, x.destination): x for x in reversed(self.items)}


class Transit(msgspec.Struct, frozen=True):
    """A router on the way to `destination`, in a network namespace of this machine.

    Packets come in by `entering` and leave by `leaving`, and by `back` go those to the client; both are empty where the
    place has no such route, and `error` is then that of `Route` for the destination. `forwards` is the sysctl that lets
    the kernel forward packets of this family, None where it could not be read.
    """

    place: str
    destination: str
    entering: str
    leaving: str = ""
    back: str = ""
    error: str = ""
    forwards: bool | None = None

    @property
    def stops(self) -> bool:
        """Whether packets end there for want of a route or of forwarding."""
        return bool(self.error) or self.forwards is False


class Return(msgspec.Struct, frozen=True):
    """How the place that holds `destination` would answer the client: `error` is that of `Route` for `client`."""

    place: str
    destination: str
    client: str
    error: str = ""


class Transits(msgspec.Struct, frozen=True):
    """The routers in sight on the ways from the vantage, each way in order, and the ways back from where they end."""

    items: tuple[Transit, ...] = ()
    returns: tuple[Return, ...] = ()

    def to(self, destination: str) -> tuple[Transit, ...]:
        """Those on the way to one destination."""
        return tuple(x for x in self.items if x.destination == destination)

    def lost(self, destination: str) -> Return | None:
        """The way back from a destination, where there is none."""
        return next((x for x in self.returns if x.destination == destination and x.error), None)


class FilterVerdict(msgspec.Struct, frozen=True):
    """What the packet filter of a place does with new TCP connections to a port, as far as its rules could be read.

    `hook` is `input`, `forward` or `output`; `verdict` one of accept, drop, reject, unknown; `rule` the deciding one in
    the filter's own words, `source` the command that showed it. `address` is the destination that was asked about,
    `error` the errno name that the client's connect() reports for a reject, empty where it is not known.
    `station` is the hook of the chain with that rule where it is another one: a reply passes the opposite hook, and a
    datagram meets prerouting before input. `may` are the verdicts that an unknown one may turn out to be; `rule` is
    then one that could not be decided, and where `may` is empty some rules were not seen. `reply` is what stops the
    reply too, once the first segment is let pass. `moved` says that a dnat or redirect leads them, or may lead them, to
    another address or port.
    """

    place: str
    hook: str
    family: Family
    address: str
    port: int
    verdict: str
    rule: str = ""
    source: str = ""
    error: str = ""
    station: str = ""
    may: tuple[str, ...] = ()
    reply: "FilterVerdict | None" = None
    moved: bool = False

    @property
    def where(self) -> str:
        """The hook of the deciding rule."""
        return self.station or self.hook


class Filters(msgspec.Struct, frozen=True):
    """The verdicts for the addresses and ports in question."""

    items: tuple[FilterVerdict, ...] = ()

    def to(self, address: str, port: int) -> tuple[FilterVerdict, ...]:
        """The verdicts on connections to one destination, in the order of the way."""
        return tuple(x for x in self.items if (x.address, x.port) == (address, port))
