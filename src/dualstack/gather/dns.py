"""What each nameserver says of a name, for A and for AAAA.

getaddrinfo shows what a client gets; this shows where it comes from: which server, which type, which response code.
Queries go to the configured nameservers alone.
"""

import socket
import time
from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from dualstack.gather.apart import apart
from dualstack.gather.env import Env
from dualstack.gather.resolver import MAX_NAMESERVERS
from dualstack.model.address import canonical, is_address
from dualstack.model.names import DnsAnswer, ResolverFiles

if TYPE_CHECKING:
    import dns.message
    import dns.name

PORT = 53
RECORDS = ("A", "AAAA")
ATTEMPTS = 2  # RES_DFLRETRY, resolv.h: a lost datagram is no silent server
NO_ANSWER = frozenset({"TIMEOUT", "UNREACHABLE"})


def answers(
    env: Env,  # noqa: ARG001 (as every gatherer)
    name: str,
    files: ResolverFiles,
    timeout: float,
    records: Sequence[str] = RECORDS,
) -> tuple[DnsAnswer, ...]:
    """Each nameserver's answers for `name`, at most `timeout` seconds a query, all of one name at once.

    The names of the search list are asked one after the other, as glibc does: up to the first that has an address, or
    that no server answers (`resolv/res_query.c` __res_context_search). Nothing is asked for an address, for `localhost`
    (RFC 6761 section 6.3) and for what cannot be a name.
    """
    found: list[DnsAnswer] = []
    for asked in () if is_address(name) else candidates(name, files):
        pairs = product(files.nameservers[:MAX_NAMESERVERS], records)
        here = apart(*(partial(_ask, server, record, asked, timeout) for server, record in pairs))
        found += here
        if any(x.addresses for x in here) or all(x.rcode in NO_ANSWER for x in here):
            break
    return tuple(found)


def candidates(name: str, files: ResolverFiles) -> tuple[str, ...]:
    """The absolute names that the C library tries for `name`, in order and without the trailing dot.

    Source: resolv.conf(5), `search` and `ndots`; glibc `resolv/res_query.c` __res_context_search.
    """
    bare = name.removesuffix(".")
    searched = tuple(f"{bare}.{x}".strip(".") for x in files.search) if name and bare == name else ()
    at_once = bare != name or bare.count(".") >= files.ndots
    found = dict.fromkeys((bare, *searched) if at_once else (*searched, bare))
    return tuple(x for x in found if x.lower() != "localhost" and _absolute(x) is not None)


def _absolute(name: str) -> "dns.name.Name | None":
    import dns.exception
    import dns.name

    try:
        return dns.name.from_text(name) if name else None
    except (dns.exception.DNSException, UnicodeError):
        return None


def _ask(server: str, record: str, name: str, timeout: float) -> DnsAnswer:
    import dns.exception

    start = time.monotonic()
    rcode: str = "TIMEOUT"
    addresses: tuple[str, ...] = ()
    cnames: tuple[str, ...] = ()
    for _ in range(ATTEMPTS):
        try:
            rcode, addresses, cnames = _read(_exchange(server, record, name, timeout / ATTEMPTS))
        except dns.exception.Timeout:
            continue
        except (OSError, EOFError, dns.exception.DNSException):
            rcode = "UNREACHABLE"
        break
    return DnsAnswer(server, name, record, rcode, addresses, cnames, (time.monotonic() - start) * 1000)


def _exchange(server: str, record: str, name: str, timeout: float) -> "dns.message.Message":
    """One query over UDP, then over TCP where the answer was cut.

    The UDP socket is connected, as glibc's is: a refusal is then seen at once. Messages that are no answer to the query
    are passed over until the time is up.
    """
    import dns.inet
    import dns.message
    import dns.query

    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    query = dns.message.make_query(name + ".", record)
    with socket.socket(family, socket.SOCK_DGRAM) as connected:
        connected.settimeout(0)
        connected.connect(dns.inet.low_level_address_tuple((server, PORT), family))
        connected.send(query.to_wire())
        try:
            until = time.time() + timeout
            answer: dns.message.Message = dns.query.receive_udp(
                connected, None, until, raise_on_truncation=True, ignore_errors=True, query=query
            )[0]
        except dns.message.Truncated:
            answer = dns.query.tcp(query, server, timeout, PORT)
    return answer


def _read(answer: "dns.message.Message") -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The response code, the addresses, and the names that CNAME records led over."""
    import dns.exception
    import dns.rcode

    rcode = dns.rcode.to_text(answer.rcode())
    try:
        chain = answer.resolve_chaining()  # type: ignore[attr-defined]
    except dns.exception.DNSException:
        return rcode, (), ()
    addresses = tuple(canonical(x.address) for x in chain.answer or ())
    return rcode, addresses, tuple(x[0].target.to_text(omit_final_dot=True) for x in chain.cnames)
