"""Addresses, endpoints and targets, as values.

An address is canonical text everywhere in this project ("10.9.0.5", "fe80::1%eth0"), because that is what
people read, what JSON carries and what hashes fast; the functions here say what such a text is.
"""

import enum
import ipaddress
from functools import lru_cache

import msgspec


class Family(enum.StrEnum):
    """An IP address family, spelled as in the JSON contract."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title is of no use here
        """`IPv4` or `IPv6`, for sentences."""
        return "IPv4" if self is Family.IPV4 else "IPv6"

    @property
    def record(self) -> str:
        """The DNS record type that carries this family (RFC 1035 section 3.4.1, RFC 3596 section 2.1)."""
        return "A" if self is Family.IPV4 else "AAAA"

    @property
    def other(self) -> "Family":
        """The one that this is not."""
        return Family.IPV6 if self is Family.IPV4 else Family.IPV4


BOTH = (Family.IPV4, Family.IPV6)


class Protocol(enum.StrEnum):
    """What a client speaks to a port. `TCP` and `UDP` are for endpoints that carry no OTLP."""

    GRPC = "grpc"
    HTTP = "http"
    TCP = "tcp"
    UDP = "udp"


TITLES = {Protocol.GRPC: "gRPC", Protocol.HTTP: "OTLP/HTTP"}
"""How the transports of OTLP are called."""
OTLP_PORTS = {4317: Protocol.GRPC, 4318: Protocol.HTTP}
"""The ports of OTLP by transport (OTLP specification 1.0, OTLP/gRPC Default Port and OTLP/HTTP Default Port)."""


class Scope(enum.StrEnum):
    """How far an address reaches, as far as this project needs to tell."""

    WILDCARD = "wildcard"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    UNIQUE_LOCAL = "unique-local"
    PRIVATE = "private"
    NAT64 = "nat64"
    GLOBAL = "global"


_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")  # RFC 4193 section 3.1
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))  # RFC 1918 section 3


@lru_cache(maxsize=65536)
def parse(text: str) -> _Ip:
    """The address that `text` spells; raises ValueError where it spells none. Brackets are not accepted."""
    return ipaddress.ip_address(text)


def network(text: str) -> Network | None:
    """The block of addresses that `text` spells, such as `10.0.0.0/8`; None where it spells none."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def canonical(text: str) -> str:
    """One spelling for each address (RFC 5952); the zone is kept. Raises ValueError for anything else."""
    address = parse(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return f"::ffff:{mapped}{''.join(text.partition('%')[1:])}" if mapped else str(address)


@lru_cache(maxsize=65536)
def is_address(text: str) -> bool:
    """Whether `text` is an IP literal, with or without a zone."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=65536)
def family(address: str) -> Family:
    """The family in which a peer sees `address`; an IPv4-mapped IPv6 address is IPv4 (RFC 4291 section 2.5.5.2)."""
    return Family.IPV4 if parse(unmapped(address)).version == 4 else Family.IPV6


def unmapped(address: str) -> str:
    """The IPv4 address inside an IPv4-mapped one; any other address unchanged."""
    parsed = parse(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return address


def without_zone(address: str) -> str:
    """`fe80::1` for `fe80::1%eth0`."""
    return address.partition("%")[0]


def zone(address: str) -> str:
    """`eth0` for `fe80::1%eth0`, empty where there is none."""
    return address.partition("%")[2]


@lru_cache(maxsize=65536)
def scope(address: str) -> Scope:
    """The reach of `address`: the first of the rows below that holds it."""
    ip = parse(unmapped(address))
    if ip.is_unspecified:
        return Scope.WILDCARD
    if ip.is_loopback:
        return Scope.LOOPBACK
    if ip.is_link_local:
        return Scope.LINK_LOCAL
    if isinstance(ip, ipaddress.IPv4Address):
        return Scope.PRIVATE if any(ip in net for net in _PRIVATE) else Scope.GLOBAL
    if ip in _UNIQUE_LOCAL:
        return Scope.UNIQUE_LOCAL
    return Scope.NAT64 if ip in _NAT64 else Scope.GLOBAL


def join(host: str, port: int) -> str:
    """`host:port` with an IPv6 literal in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Target(msgspec.Struct, frozen=True):
    """One place that a client sends to: a name or literal, a port and a protocol.

    `assumed` says that the port or the protocol is this tool's reading and not the user's word: a bare host
    stands for both OTLP ports, and a port other than 4317 and 4318 for both protocols. `addresses` are those of a
    listener found on this host, where no name has to be resolved; empty for everything that the user named.
    """

    text: str
    host: str
    port: int
    protocol: Protocol
    tls: bool = False
    path: str = ""
    assumed: bool = False
    addresses: tuple[str, ...] = ()

    @property
    def literal(self) -> bool:
        """Whether the host is an address and needs no resolver."""
        return is_address(self.host)

    @property
    def endpoint(self) -> str:
        """`host:port` as a client would write it."""
        return join(self.host, self.port)

    @property
    def scheme(self) -> str:
        """The scheme of this tool that names protocol and TLS at once."""
        return self.protocol + ("s" if self.tls else "")
