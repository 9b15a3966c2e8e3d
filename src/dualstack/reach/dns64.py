"""Addresses that a DNS64 made of IPv4 ones (RFC 6147); they lead nowhere without a NAT64 (RFC 6146)."""

import ipaddress
from collections.abc import Iterable, Iterator

import msgspec

from dualstack.model.address import Family, family, parse, without_zone
from dualstack.model.names import DnsAnswer, Names
from dualstack.reach.lookup import published

PROBE = "ipv4only.arpa"
"""The name whose AAAA records tell the prefix of a DNS64: it has A records alone (RFC 7050 section 2.2)."""

_PROBE_ADDRESSES = ("192.0.0.170", "192.0.0.171")
_WELL_KNOWN = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1
_LOCAL_USE = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215 section 3
_LENGTHS = (96, 64, 56, 48, 40, 32)  # RFC 6052 section 2.2


class Synthesised(msgspec.Struct, frozen=True):
    """An address that a DNS64 made, the NAT64 prefix that it is in, and the IPv4 address that it stands for."""

    address: str
    prefix: str
    ipv4: str


def synthesised(names: Names, host: str, address: str) -> Synthesised | None:
    """What a DNS64 made of a host's IPv4 address; None for an address that none is known to have made.

    An IPv4 address inside an IPv6 one proves nothing, for people number hosts so. It has to follow a prefix that is set
    aside for it, or the one that the nameservers use.
    """
    if family(address) is Family.IPV4:
        return None
    known = (*learned(names), _WELL_KNOWN, *_local_use(address, _own(names, host)))
    prefix = next((x for x in known if parse(without_zone(address)) in x), None)
    return Synthesised(address, str(prefix), embedded(address, prefix.prefixlen)) if prefix else None


def doubtful(answers: Iterable[DnsAnswer], host: str) -> bool:
    """Whether nameservers give a host an address that a DNS64 with a prefix of its own may have made of another one."""
    known = published(Names(answers=tuple(answers)), host)
    found = (x for x in known if family(x) is Family.IPV6 and parse(x) not in _WELL_KNOWN)
    return any(embedded(x, length) in known for x in found for length in _LENGTHS)


def embedded(address: str, length: int) -> str:
    """The IPv4 address inside an IPv6 one, after a prefix of that many bits; it leaves octet 8 out (RFC 6052)."""
    octets = parse(without_zone(address)).packed
    start = min(length // 8, 11)
    return str(ipaddress.IPv4Address((octets[:8] + octets[9:])[start : start + 4]))


def _local_use(address: str, own: set[str]) -> Iterator[ipaddress.IPv6Network]:
    """The prefixes for local use that one of a host's IPv4 addresses follows; their length is the operator's choice."""
    if parse(without_zone(address)) in _LOCAL_USE:
        yield from (_network(address, x) for x in _LENGTHS if x >= _LOCAL_USE.prefixlen and embedded(address, x) in own)


def learned(names: Names) -> Iterator[ipaddress.IPv6Network]:
    """The prefixes that nameservers use: those before the addresses of `PROBE` (RFC 7050 section 3)."""
    found = (address for x in names.answers if x.name == PROBE for address in x.addresses if x.record == "AAAA")
    for address in dict.fromkeys(found):
        yield from (_network(address, x) for x in _LENGTHS if embedded(address, x) in _PROBE_ADDRESSES)


def _network(address: str, length: int) -> ipaddress.IPv6Network:
    return ipaddress.IPv6Network((int(parse(without_zone(address))), length), strict=False)


def _own(names: Names, host: str) -> set[str]:
    """The addresses of a host that the C library or a nameserver gives."""
    found = names.lookup(host)
    return {*(found.addresses if found else ()), *published(names, host)}
