"""The order in which a client tries the addresses of a name.

The rules are those of destination address selection, RFC 6724 section 6, as each implementation has them: glibc
`sysdeps/posix/getaddrinfo.c` rfc3484_sort, musl `src/network/lookup_name.c`, Go `net/addrselect.go`, gRPC C-core
`third_party/address_sorting/address_sorting.c`. Rules 3 (deprecated), 4 (home) and 7 (native transport) need live state
and are left out. The policy tables are `knowledge/policy.table`; who sorts how is `knowledge/runtimes.table`.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import Family, family, parse, unmapped, without_zone
from dualstack.model.names import PolicyEntry

LINK_LOCAL, SITE_LOCAL, GLOBAL = 2, 5, 14
"""Scopes as RFC 4291 section 2.7 numbers them; RFC 6724 section 3.1 gives one to every unicast address."""

_ANY = ipaddress.IPv6Network("::/0")
_REST = {"precedence": 40, "label": 1}
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")  # RFC 3879: deprecated, all four implementations still know it


class Sorter(msgspec.Struct, frozen=True):
    """How one implementation sorts.

    `policy` names its rows in the policy table; `ranks_unrouted` says whether precedence and scope also order
    destinations without a source; `ipv4_scopes` whether loopback and link-local IPv4 addresses are less than global
    (RFC 6724 section 3.2); `prefix` gives the value of rule 9, higher is better, from destination and source.
    """

    policy: str
    ranks_unrouted: bool
    ipv4_scopes: bool
    prefix: Callable[[str, str], int]


class Behaviour(msgspec.Struct, frozen=True):
    """One row of `knowledge/runtimes.table`: how a runtime sorts the addresses of a name, and how it then dials them.

    `until` is exclusive. `sort` is glibc, musl, go or grpc, `hosts` the same for the lines of a hosts file, empty where
    their order is left; `families` is verbatim, ipv4-first, ipv6-first or ipv4-only and applies after
    sorting. `delay` and `timeout` are milliseconds, None where there is none.
    """

    runtime: str
    title: str
    since: tuple[int, ...]
    until: tuple[int, ...]
    sort: str
    hosts: str
    families: str
    strategy: str
    delay: int | None
    timeout: int | None
    verified: bool
    source: str
    aliases: tuple[str, ...] = ()


def order(
    addresses: Iterable[str],
    runtime: str,
    version: tuple[int, ...],
    sources: Mapping[str, str],
    policy: tuple[PolicyEntry, ...] = (),
    hosts: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """The addresses as `runtime` tries them; those of a family that it never tries are left out.

    `addresses` are in the order in which the hosts file or the servers gave them. `sources[destination]` is the
    source address that the kernel would choose, absent where there is no route; it may carry its prefix length
    ("10.9.0.5/24"), which glibc's rule 9 needs to order IPv4 addresses among themselves. `policy` are the lines of a
    gai.conf, which glibc alone reads; one that gives both families the same precedence is not followed exactly, for
    glibc then compares in no strict order. `hosts` are the addresses that the lines of a hosts file give the name, in
    their order; where they are not those in question, it is the DNS that answers. Raises ValueError for an unknown
    runtime.
    """
    row = behaviour(runtime, version)
    held = tuple(addresses)
    unsorted = not row.hosts and set(hosts) == set(held)
    return _arrange(tuple(dict.fromkeys(hosts)) if unsorted else _sort(held, row.sort, sources, policy), row.families)


def behaviour(runtime: str, version: tuple[int, ...] = ()) -> Behaviour:
    """The row for a runtime or alias; without a version, the newest. Raises ValueError for an unknown runtime."""
    rows = [x for x in behaviours() if runtime == x.runtime or runtime in x.aliases]
    if not rows:
        known = ", ".join(dict.fromkeys(x.runtime for x in behaviours()))
        msg = f"`{runtime}` is no known client; known are {known}."
        raise ValueError(msg)
    return next((x for x in rows if version and version < x.until), rows[-1])


def clients() -> tuple[str, ...]:
    """Every runtime name and alias, in the order of the table."""
    return tuple(dict.fromkeys(name for x in behaviours() for name in (x.runtime, *x.aliases)))


@cache
def behaviours() -> tuple[Behaviour, ...]:
    """The rows of `knowledge/runtimes.table`, oldest version first for each runtime."""
    return tuple(
        Behaviour(
            runtime=row["runtime"],
            title=row["title"],
            since=_version(row["since"]),
            until=_version(row["until"]),
            sort=row["sort"],
            hosts=row["hosts"].strip("-"),
            families=row["families"],
            strategy=row["strategy"],
            delay=_milliseconds(row["delay"]),
            timeout=_milliseconds(row["timeout"]),
            verified=row["status"] == "verified",
            source=row["source"],
            aliases=tuple(x for x in row["aliases"].split() if x != "-"),
        )
        for row in table("runtimes")
    )


def _version(text: str) -> tuple[int, ...]:
    return () if text == "-" else tuple(int(x) for x in text.split("."))


def _milliseconds(text: str) -> int | None:
    return None if text == "-" else int(text)


def _arrange(addresses: tuple[str, ...], families: str) -> tuple[str, ...]:
    ipv4 = tuple(x for x in addresses if family(x) is Family.IPV4)
    ipv6 = tuple(x for x in addresses if family(x) is Family.IPV6)
    return {"verbatim": addresses, "ipv4-first": ipv4 + ipv6, "ipv6-first": ipv6 + ipv4, "ipv4-only": ipv4}[families]


def _sort(
    addresses: tuple[str, ...], name: str, sources: Mapping[str, str], policy: tuple[PolicyEntry, ...]
) -> tuple[str, ...]:
    """A stable sort is rule 10. No table gives IPv4 and IPv6 the same precedence, so that rule 9 may be a key too."""
    sorter = SORTERS[name]
    if name == "musl" and all(family(x) is Family.IPV4 for x in addresses):
        return addresses  # lookup_name.c: "No further processing is needed … if there are only IPv4 results"
    known = policy if sorter.policy == "glibc" else ()
    return tuple(sorted(addresses, key=lambda x: _key(sorter, x, sources.get(x, ""), known)))


def _key(sorter: Sorter, destination: str, source: str, policy: tuple[PolicyEntry, ...]) -> tuple[int, ...]:
    """Rules 1, 2, 5, 6, 8 and 9, in that order; the smallest key is tried first."""
    chosen = source.partition("/")[0]
    if not chosen and not sorter.ranks_unrouted:
        return (1,)
    precedence = _value("precedence", sorter.policy, policy, destination)
    label = _value("label", sorter.policy, policy, destination)
    reach = _scope(destination, sorter)
    if not chosen:
        return (1, 0, 0, -precedence, reach, 0)
    return (
        0,
        reach != _scope(chosen, sorter),
        label != _value("label", sorter.policy, policy, chosen),
        -precedence,
        reach,
        -sorter.prefix(destination, source),
    )


@cache
def _value(kind: str, table_name: str, policy: tuple[PolicyEntry, ...], address: str) -> int:
    """The precedence or label of the longest prefix that holds the address (RFC 6724 section 2.1).

    One line of gai.conf replaces all of glibc's own of its kind, but for what no prefix holds (gaiconf_init).
    """
    wide = ipaddress.IPv6Address(_bits(address))
    told = [(ipaddress.IPv6Network(x.prefix), x.value) for x in policy if x.kind == kind]
    rows = [*told, (_ANY, _REST[kind])] if told else [(net, int(row[kind])) for net, row in _networks(table_name)]
    return max(((net.prefixlen, value) for net, value in rows if wide in net), key=lambda x: x[0])[1]


@cache
def _networks(policy: str) -> tuple[tuple[ipaddress.IPv6Network, dict[str, str]], ...]:
    return tuple((ipaddress.IPv6Network(x["prefix"]), x) for x in table("policy") if x["policy"] == policy)


def _bits(address: str) -> int:
    """The 128 bits of an address, an IPv4 one as IPv4-mapped."""
    ip = parse(without_zone(unmapped(address)))
    return int(ip) if ip.version == 6 else 0xFFFF << 32 | int(ip)


def _scope(address: str, sorter: Sorter) -> int:
    ip = parse(without_zone(unmapped(address)))
    if isinstance(ip, ipaddress.IPv4Address) and not sorter.ipv4_scopes:
        return GLOBAL
    if ip.is_loopback or ip.is_link_local:
        return LINK_LOCAL
    return SITE_LOCAL if ip in _SITE_LOCAL else GLOBAL


def _common(destination: str, source: str) -> int:
    """How many leading bits of 128 two addresses share."""
    return 128 - (_bits(destination) ^ _bits(source.partition("/")[0])).bit_length()


def _common_ipv6(destination: str, source: str) -> int:
    return _common(destination, source) if family(destination) is Family.IPV6 else 0


def _common_in_subnet(destination: str, source: str) -> int:
    """As `_common_ipv6`; for IPv4 the shared bits where the destination is in the source's subnet, else 0 (glibc)."""
    if family(destination) is Family.IPV6:
        return _common(destination, source)
    shared = _common(destination, source) - 96
    return shared if shared >= int(source.partition("/")[2] or 32) else 0


def _common_64(destination: str, source: str) -> int:
    """Go compares the first 64 bits of IPv6 addresses (addrselect.go commonPrefixLen) and no IPv4 ones."""
    return min(_common_ipv6(destination, source), 64)


SORTERS: Mapping[str, Sorter] = {
    "glibc": Sorter("glibc", ranks_unrouted=True, ipv4_scopes=True, prefix=_common_in_subnet),
    "musl": Sorter("musl", ranks_unrouted=True, ipv4_scopes=False, prefix=_common),
    "go": Sorter("rfc6724", ranks_unrouted=False, ipv4_scopes=True, prefix=_common_64),
    "grpc": Sorter("rfc6724", ranks_unrouted=True, ipv4_scopes=False, prefix=_common_ipv6),
}
