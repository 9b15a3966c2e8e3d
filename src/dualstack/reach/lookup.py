"""What rules ask of the answers of nameservers."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from dualstack.model.address import Family, family
from dualstack.model.names import DnsAnswer, Lookup, Names
from dualstack.model.question import Client
from dualstack.model.trace import Trace, Traces
from dualstack.reach.select import behaviour

_MUSL = {"NXDOMAIN": "EAI_NONAME", **dict.fromkeys(("TIMEOUT", "SERVFAIL", "REFUSED"), "EAI_AGAIN")}


def family_of(answer: DnsAnswer) -> Family:
    """The family of the addresses that a query asked for."""
    return Family.IPV6 if answer.record == Family.IPV6.record else Family.IPV4


def is_answer_for(host: str, answer: DnsAnswer) -> bool:
    """Whether a query asked for a host, as it stands or with a domain of the search list."""
    wanted, asked = host.rstrip(".").lower(), answer.name.rstrip(".").lower()
    return asked == wanted or asked.startswith(f"{wanted}.")


def asked_as(traces: Traces, names: Names, name: str) -> tuple[Trace, ...]:
    """The flows whose host led to queries for a name."""
    answers = [x for x in names.answers if x.name == name]
    return tuple(x for x in traces.items if any(is_answer_for(x.target.host, y) for y in answers))


def answers_for(names: Names, host: str) -> tuple[DnsAnswer, ...]:
    """What the nameservers said of a host, under all names that the search list makes of it."""
    return tuple(x for x in names.answers if is_answer_for(host, x))


def published(names: Names, host: str) -> tuple[str, ...]:
    """The addresses that any nameserver has for a host."""
    return tuple(dict.fromkeys(address for x in answers_for(names, host) for address in x.addresses))


def is_late(names: Names, host: str) -> bool:
    """Whether the C library has an IPv6 address of a host that no file and no nameserver in the time of its query gave.

    The answer came after that time, and every resolver that waits as long gets it.
    """
    given = {*published(names, host), *names.files.addresses_of(host)}
    held = next((x.addresses for x in names.lookups if x.name == host), ())
    return any(family(x) is Family.IPV6 and x not in given for x in held)


def as_taken(names: Names, client: Client | None) -> Names:
    """The names as the client's resolver takes the answers.

    musl has no address where one of its two queries is denied, fails or gets no answer, whatever the other one brings
    (run of 1.2.3). Where another nameserver or search domain answers both, it is left to what getaddrinfo said.
    """
    if client is None or behaviour(client.runtime, client.version).sort != "musl":
        return names
    wanted = [x.name for x in names.lookups if x.addresses and not names.files.hosts_of(x.name)]
    wanted = [x for x in wanted if not is_late(names, x)]
    lost = ((x, _refusal(answers_for(names, x))) for x in wanted)
    return replace(names, own=(*names.own, *(Lookup(x, error=y, source="musl") for x, y in lost if y)))


def _refusal(answers: Sequence[DnsAnswer]) -> str:
    """What musl says where no server answers both queries of a name; empty where one does, or none has an address."""
    given = [x for x in answers if x.addresses]
    beside = [[_MUSL[y.rcode] for y in answers if _is_beside(x, y) and y.rcode in _MUSL] for x in given]
    return beside[0][0] if beside and all(beside) else ""


def _is_beside(one: DnsAnswer, two: DnsAnswer) -> bool:
    return (one.server, one.name) == (two.server, two.name) and one.record != two.record


def spared(client: Client | None, traces: Iterable[Trace]) -> bool:
    """Whether the named client takes one family's answer where the other query fails, and there was one.

    Measured with an AAAA query that gets NXDOMAIN: glibc, Go, gRPC and the Collector do. musl wants both answers
    (musl src/network/lookup_name.c, name_from_dns).
    """
    resolver = behaviour(client.runtime, client.version).sort if client else "musl"
    return resolver != "musl" and any(x.addresses for x in traces)
