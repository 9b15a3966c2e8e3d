"""What the C library's resolver makes of its settings, and of nameservers that do not say the same."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile

from dualstack.model.names import DnsAnswer, Names
from dualstack.reach.dns64 import synthesised
from dualstack.reach.lookup import answers_for

FILES = ("files",)
DNS = ("dns", "resolve")
"""The services of nsswitch.conf that read a hosts file, and those that ask nameservers (nss-resolve(8))."""

NEVER = "does not ask"

NO_AAAA = "no-aaaa"
"""The option of resolv.conf(5) with which glibc asks for no AAAA record, since 2.36."""

_STOPS = re.compile(r"(?<![A-Z!])(?!SUCCESS\b)!?[A-Z]+=return", re.IGNORECASE)
_NOTHING = ("TIMEOUT", "UNREACHABLE")
_DENIES = ("NOERROR", "NXDOMAIN")
_OPTION = re.compile(r"(?P<key>[a-z]+):(?P<value>\d{0,9})", re.ASCII)
_DEFAULTS = {"timeout": 5, "attempts": 2}  # RES_TIMEOUT, RES_DFLRETRY in resolv.h
_MOST = {"timeout": 30, "attempts": 5}  # RES_MAXRETRANS, RES_MAXRETRY in resolv.h


def obstacle(sources: Sequence[str], services: Collection[str]) -> str:
    """How a `hosts:` line can end a lookup before it asks any of `services`, as a verb; empty where it cannot.

    nsswitch.conf(5): an action in brackets belongs to the service before it, and `return` ends the lookup there. By
    default SUCCESS alone does.
    """
    if not any(x in services for x in sources):
        return NEVER
    before = takewhile(lambda x: x not in services, sources)
    return "can stop before" if any(map(_STOPS.search, before)) else ""


def disagreement(names: Names, host: str) -> tuple[DnsAnswer, DnsAnswer] | None:
    """A nameserver's denial of a record and the answer of a later one that has it; None where the first to say has it.

    glibc `resolv/res_send.c`: NXDOMAIN and an answer without records are taken as they are, and the next nameserver is
    asked after SERVFAIL, NOTIMP, REFUSED or silence.
    """
    said = answers_for(names, host)
    given = next((x for x in said if x.addresses), None)
    if given is None:
        return None
    earlier = takewhile(lambda x: x is not given, said)
    denied = (x for x in earlier if (x.name, x.record) == (given.name, given.record) and x.rcode in _DENIES)
    return next(((x, given) for x in denied), None)


def denials(names: Names, host: str) -> Iterator[tuple[tuple[DnsAnswer, ...], tuple[DnsAnswer, ...]]]:
    """For each nameserver that denies records of a host which another one has: its answers, and those of the other.

    Records that a DNS64 made do not count: that one nameserver makes them and another does not is meant so.
    """
    said = answers_for(names, host)
    real = {x for x in said if any(not synthesised(names, host, y) for y in x.addresses)}
    for server in dict.fromkeys(x.server for x in said):
        denied = (x for x in said if x.server == server and x.rcode in _DENIES and not x.addresses)
        pairs = [(x, y) for x in denied for y in said if y in real and (y.name, y.record) == (x.name, x.record)]
        mine = [x for x in pairs if x[1].server == pairs[0][1].server]
        if mine:
            yield tuple(x for x, _ in mine), tuple(y for _, y in mine)


def rivals(names: Names, host: str) -> tuple[DnsAnswer, ...]:
    """The answers that share no address with those that the C library took, of the same type from another nameserver.

    Nameservers shuffle what they have and may show a part of it alone: only an answer with nothing in common can be of
    another mind, and whether it is has to be tried.
    """
    found = names.lookup(host)
    taken = set(found.addresses) if found else set()
    said = answers_for(names, host)
    ours = {(x.name, x.record) for x in said if taken & set(x.addresses)}
    return tuple(x for x in said if x.addresses and (x.name, x.record) in ours and not taken & set(x.addresses))


def speaking(names: Names, host: str) -> tuple[str, ...]:
    """The nameservers that answered a query for a host, in the order in which they are asked."""
    said = answers_for(names, host)
    return tuple(dict.fromkeys(x.server for x in said if x.rcode not in _NOTHING))


def mute(names: Names, host: str) -> tuple[str, ...]:
    """The nameservers that answered none of the queries for a host, before the first that did."""
    awake = speaking(names, host)
    earlier = takewhile(lambda x: x.server not in awake[:1], answers_for(names, host))
    return tuple(dict.fromkeys(x.server for x in earlier if x.server not in awake and x.rcode == _NOTHING[0]))


def dead_end(names: Names, host: str) -> DnsAnswer | None:
    """An answer whose CNAME records lead to a name without an address of its type."""
    said = answers_for(names, host)
    return next((x for x in said if x.cnames and not x.addresses and x.rcode in _DENIES), None)


def patience(options: Sequence[str]) -> tuple[int, int]:
    """Seconds that the resolver waits in one try, and its tries: `timeout` and `attempts` of resolv.conf(5)."""
    given = {m["key"]: int(m["value"] or 0) for m in map(_OPTION.match, options) if m}
    timeout, attempts = (min(given.get(x, _DEFAULTS[x]), _MOST[x]) for x in _DEFAULTS)
    return max(timeout, 1), attempts  # res_send.c send_dg: "if (seconds <= 0) seconds = 1"
