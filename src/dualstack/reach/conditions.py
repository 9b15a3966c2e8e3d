"""Whether a datagram meets a condition of a packet filter rule: yes, no, or nobody can say from the rules alone."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial

import msgspec

from dualstack.model.address import Family, parse, without_zone
from dualstack.model.filters import Owner

_Comparison = Callable[[str, str], bool | None]  # what the datagram has, what the rule wants
ABSENT = "\0"  # a field that this datagram does not have: its rule does not match, negated or not


class Datagram(msgspec.Struct, frozen=True):
    """An IP datagram at one station of its way. None is a value that is not known; a port may be a range.

    `iif` and `oif` are empty where there is no such device yet or any more. `tracked` is false before conntrack saw it,
    `leaving` is where a router sends it on, `translated` says whether a dnat rule changed its destination, `local`
    whether the destination is this place. `owner` is that of the socket which sent it.
    """

    hook: str
    family: Family
    source: str | None
    destination: str | None
    sport: str | None
    dport: str | None
    iif: str | None
    oif: str | None
    local: bool | None
    route_back: str | None = None
    leaving: str | None = None
    protocol: str = "tcp"
    flags: tuple[str, ...] = ("syn",)
    state: str | None = "new"
    direction: str = "original"
    tracked: bool = True
    translated: bool | None = False
    owner: Owner | None = None


def holds(datagram: Datagram, field: str, wanted: Iterable[str], *, negate: bool = False) -> bool | None:
    """Whether a field of the datagram is among the wanted values, or among none; None where that is not known.

    Raises nothing for odd fields or values: what cannot be read cannot be decided.
    """
    names = _names(field)
    have = [value(datagram, name) for name in names]
    if ABSENT in have:
        return False
    if len(names) == 1:
        met = _among(names[0], have[0], wanted)
    else:
        rows = {_row(names, have, element.split(" . ")) for element in wanted}
        met = True if True in rows else None if None in rows else False
    return met if met is None else met is not negate


def value(datagram: Datagram, field: str) -> str | None:
    """A field's value; `ABSENT` where the datagram has no such header, None where nobody knows."""
    header, reader = _reader(field)
    if header and header not in _headers(datagram):
        return ABSENT
    return reader(datagram)


@lru_cache(maxsize=4096)
def _names(field: str) -> tuple[str, ...]:
    return tuple(field.split(" . "))


@lru_cache(maxsize=4096)
def _reader(field: str) -> tuple[str, Callable[[Datagram], str | None]]:
    """The header that a field stands in, empty for one of no header, and how to read it."""
    header, (name, _, mask) = field.partition(" ")[0], field.partition(" & ")
    if name == "tcp flags" and mask:
        return header, partial(_masked, mask=mask)
    return header if header in _HEADERS else "", FIELDS.get(field, lambda _: None)


def _headers(datagram: Datagram) -> tuple[str, str]:
    return ("ip" if datagram.family is Family.IPV4 else "ip6", datagram.protocol)


_HEADERS = frozenset(
    {"ip", "ip6", "tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "esp", "ah", "comp"}
)


def _row(names: tuple[str, ...], have: list[str | None], wanted: list[str]) -> bool | None:
    if len(wanted) != len(names):
        return None
    answers = [_among(*cell) for cell in zip(names, have, [[x] for x in wanted], strict=True)]
    return False if False in answers else None if None in answers else True


def _among(field: str, have: str | None, wanted: Iterable[str]) -> bool | None:
    if have is None:
        return None
    same, doubt = _same(field), False
    try:
        for text in wanted:
            met = text == "*" or same(have, text)
            if met:
                return True
            doubt = doubt or met is None
    except ValueError:
        doubt = True
    return None if doubt else False


@lru_cache(maxsize=4096)
def _same(field: str) -> _Comparison:
    if field.startswith("tcp flags &"):
        return _flags
    return COMPARISONS.get(field, COMPARISONS.get(field.rpartition(" ")[2], _equal))


def _equal(have: str, wanted: str) -> bool:
    return have == _ALIASES.get(wanted, wanted)


_ALIASES = {"6": "tcp", "17": "udp", "2048": "ip", "0x0800": "ip", "0x86dd": "ip6", "ipv6-icmp": "icmpv6"}


def _within(have: str, wanted: str) -> bool:
    low, high, width = span(wanted)
    address = parse(have)
    return address.max_prefixlen == width and low <= int(address) <= high


@lru_cache(maxsize=65536)
def span(text: str) -> tuple[int, int, int]:
    """The first and last address of an address, prefix or range, and the width in bits.

    Raises ValueError for another text.
    """
    first, _, last = text.partition("-")
    if last:
        return int(parse(first)), int(parse(last)), parse(first).max_prefixlen
    base, _, length = text.partition("/")
    address = parse(base)
    width = address.max_prefixlen
    if "." in length or ":" in length:
        length = str(_contiguous(int(parse(length)), width))
    host = (1 << (width - (int(length) if length else width))) - 1
    return int(address) & ~host, int(address) | host, width


def _contiguous(mask: int, width: int) -> int:
    """The length of a dotted mask; raises ValueError for one with holes (iptables allows them)."""
    length = mask.bit_count()
    if mask != ((1 << length) - 1) << (width - length):
        msg = "mask with holes"
        raise ValueError(msg)
    return length


def _number_in(have: str, wanted: str) -> bool | None:
    """Whether a number is the wanted one or in the wanted range; a range is in doubt where it is only partly inside."""
    low, high = _numbers(have)
    first, last = _numbers(wanted)
    if high < first or last < low:
        return False
    return True if first <= low and high <= last else None


def _numbers(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _device(have: str, wanted: str) -> bool:
    """A trailing `*` (nft) or `+` (iptables) stands for any rest."""
    return have.startswith(wanted[:-1]) if wanted[-1:] in {"*", "+"} else have == wanted


def _flag(have: str, wanted: str) -> bool:
    return wanted in have.split(",")


def _flags(have: str, wanted: str) -> bool:
    return _flag_set(have) == _flag_set(wanted)


def _flag_set(text: str) -> set[str]:
    return {x.lower() for x in text.split(",")} - {"", "0", "0x0", "none"}


def _known(words: frozenset[str]) -> _Comparison:
    """Equality that raises ValueError for a word that stands for something else than the field's reader tells."""

    def same(have: str, wanted: str) -> bool:
        if wanted not in words:
            raise ValueError(wanted)
        return have == wanted

    return same


COMPARISONS: dict[str, _Comparison] = {
    "saddr": _within,
    "daddr": _within,
    "sport": _number_in,
    "dport": _number_in,
    "skuid": _number_in,
    "skgid": _number_in,
    "iif": _device,
    "iifname": _device,
    "oif": _device,
    "oifname": _device,
    "flags": _flag,
    "fib saddr,iif oif": _known(frozenset({"exists", "missing"})),
    "fib saddr,mark,iif oif": _known(frozenset({"exists", "missing"})),
    "type": _known(frozenset({"local", "unicast", "broadcast", "multicast"})),
    "status": _known(frozenset({"dnat"})),
    "state": _known(frozenset({"new", "established", "related", "invalid", "untracked"})),
}


def _masked(datagram: Datagram, mask: str) -> str | None:
    """The flags under a mask; ECN may set ecn and cwr on a SYN (RFC 3168 section 6.1.1), so they are not known."""
    bits = _flag_set(mask)
    known = {"fin", "syn", "rst", "psh", "ack", "urg"}
    return ",".join(x for x in datagram.flags if x in bits) if bits <= known else None


def _state(datagram: Datagram) -> str | None:
    return datagram.state if datagram.tracked else None


def _status(datagram: Datagram) -> str | None:
    """`dnat` or nothing: the other status bits are not known, and no rule set in common use asks for them."""
    return None if datagram.translated is None or not datagram.tracked else "dnat" if datagram.translated else "none"


def _destination_type(datagram: Datagram) -> str | None:
    if datagram.local is None or datagram.translated is not False:
        return None
    return "local" if datagram.local else "unicast"


def _source_type(datagram: Datagram) -> str | None:
    """Whatever came in by no device or by lo was sent from here."""
    return "local" if datagram.iif in {"", "lo"} else None


def _way_back(datagram: Datagram) -> str | None:
    """`fib saddr . iif oif`: whether the way back to the source leads out where the datagram came in.

    For lo the kernel answers lo itself (net/ipv4/netfilter/nft_fib_ipv4.c, nft_fib_is_loopback).
    """
    if datagram.iif == "lo":
        return "exists"
    if not datagram.iif or not datagram.route_back:
        return None
    return "exists" if datagram.iif == datagram.route_back else "missing"


def _packet_type(datagram: Datagram) -> str | None:
    return "host" if datagram.hook in {"prerouting", "input"} and datagram.iif not in {None, "lo"} else None


FIELDS: dict[str, Callable[[Datagram], str | None]] = {
    "meta nfproto": lambda d: d.family.value,
    "meta protocol": lambda d: _headers(d)[0],
    "meta l4proto": lambda d: d.protocol,
    "ip protocol": lambda d: d.protocol,
    "ip6 nexthdr": lambda d: d.protocol,
    "ip saddr": lambda d: d.source,
    "ip daddr": lambda d: d.destination,
    "ip6 saddr": lambda d: d.source,
    "ip6 daddr": lambda d: d.destination,
    "tcp sport": lambda d: d.sport,
    "tcp dport": lambda d: d.dport,
    "th sport": lambda d: d.sport,
    "th dport": lambda d: d.dport,
    "tcp flags": lambda d: ",".join(d.flags),
    "meta iif": lambda d: d.iif,
    "meta iifname": lambda d: d.iif,
    "meta oif": lambda d: d.oif,
    "meta oifname": lambda d: d.oif,
    "meta pkttype": _packet_type,
    "meta skuid": lambda d: str(d.owner.uid) if d.owner else None,
    "meta skgid": lambda d: str(d.owner.gid) if d.owner else None,
    "ct state": _state,
    "ct status": _status,
    "ct direction": lambda d: d.direction if d.tracked else None,
    "fib daddr type": _destination_type,
    "fib saddr type": _source_type,
    "fib saddr,iif oif": _way_back,
    "fib saddr,mark,iif oif": _way_back,
}


def addresses_of(destination: str) -> tuple[str, Family]:
    """An address without its zone, and its family."""
    bare = without_zone(destination)
    return bare, Family.IPV6 if ":" in bare else Family.IPV4
