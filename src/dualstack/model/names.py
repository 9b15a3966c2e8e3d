"""What a name yields, by source."""

import msgspec

from dualstack.model.address import Family, family


class Lookup(msgspec.Struct, frozen=True):
    """One getaddrinfo call: addresses in the order it gave them, or its error (`EAI_NONAME`, `EAI_AGAIN`, …)."""

    name: str
    addresses: tuple[str, ...] = ()
    error: str = ""
    source: str = "getaddrinfo"


class DnsAnswer(msgspec.Struct, frozen=True):
    """One nameserver's answer to one query.

    `rcode` is the mnemonic of RFC 6895 (NOERROR, NXDOMAIN, SERVFAIL, REFUSED) or `TIMEOUT` or `UNREACHABLE`;
    `cnames` the chain that led from the name asked to the owner of `addresses`; `milliseconds` the time to answer.
    """

    server: str
    name: str
    record: str
    rcode: str
    addresses: tuple[str, ...] = ()
    cnames: tuple[str, ...] = ()
    milliseconds: float = 0.0


class HostsEntry(msgspec.Struct, frozen=True):
    """One line of a hosts file."""

    line: int
    address: str
    names: tuple[str, ...]


class PolicyEntry(msgspec.Struct, frozen=True):
    """One line of gai.conf: the `precedence` or `label` of the destinations in an IPv6 prefix."""

    line: int
    kind: str
    prefix: str
    value: int


class ResolverFiles(msgspec.Struct, frozen=True):
    """The files that steer the C library's resolver, with the paths they were read from."""

    hosts: tuple[HostsEntry, ...] = ()
    sources: tuple[str, ...] = ("files", "dns")
    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    options: tuple[str, ...] = ()
    policy: tuple[PolicyEntry, ...] = ()
    hosts_path: str = "/etc/hosts"
    resolv_path: str = "/etc/resolv.conf"

    def hosts_of(self, name: str) -> tuple[HostsEntry, ...]:
        """The lines that speak of `name`, case folded, without a trailing dot."""
        wanted = name.rstrip(".").lower()
        return tuple(x for x in self.hosts if wanted in (n.lower() for n in x.names))

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """The addresses of those lines, in their order."""
        return tuple(x.address for x in self.hosts_of(name))


class Names(msgspec.Struct, frozen=True):
    """Everything that was learned about the names in question.

    `lookups` is what getaddrinfo said, `own` what the named client answers to itself instead.
    """

    lookups: tuple[Lookup, ...] = ()
    answers: tuple[DnsAnswer, ...] = ()
    files: ResolverFiles = ResolverFiles()
    own: tuple[Lookup, ...] = ()

    def lookup(self, name: str) -> Lookup | None:
        """What a client is told of a name."""
        return next((x for x in (*self.own, *self.lookups) if x.name == name), None)

    def addresses(self, name: str, wanted: Family) -> tuple[str, ...]:
        """The addresses of a family that a client is given for a name."""
        found = self.lookup(name)
        return tuple(x for x in found.addresses if family(x) is wanted) if found else ()
