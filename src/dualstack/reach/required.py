"""Which flows a client depends on. A family that nobody is handed and nobody asked for is no fault."""

from collections.abc import Iterator, Sequence

import msgspec

from dualstack.model.address import BOTH, Family, Protocol, Scope, Target, family, scope, without_zone
from dualstack.model.host import Namespaces
from dualstack.model.names import Names
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition, Trace

CAP = 16
"""How many addresses of a family are looked at for one target: more would be a load test and no diagnosis."""

_OTHER_LANGUAGE = ("http1_spoken", "http2_spoken")


def addresses_of(target: Target, names: Names | None) -> tuple[str, ...]:
    """The addresses that a client of this target is handed, in the resolver's order."""
    if target.addresses or target.literal:
        return target.addresses or (target.host,)
    found = names.lookup(target.host) if names else None
    return found.addresses if found else ()


def examined(addresses: Sequence[str]) -> tuple[str, ...]:
    """The first `CAP` addresses of each family, in the order given."""
    unique = dict.fromkeys(addresses)
    kept = {x for wanted in BOTH for x in [y for y in unique if family(y) is wanted][:CAP]}
    return tuple(x for x in unique if x in kept)


def required(snapshot: Snapshot, question: Question, target: Target, wanted: Family, became: Disposition) -> bool:
    """Whether a client depends on this family.

    Whoever is handed an address of it does, but for a host that has no address of that family beyond its own links
    while it has one of the other, and so has the name: RFC 6724 section 5 rule 1 puts unusable destinations last.
    """
    if question.expect or target.protocol is Protocol.UDP:
        return wanted in question.expect
    known = addresses_of(target, snapshot.having(Names))
    single = all(family(x) is wanted for x in known)
    if single or became is not Disposition.NO_ROUTE or _reaches_out(snapshot, question.place, wanted, known):
        return True
    return not any(_reaches_out(snapshot, question.place, x, known) for x in BOTH)


def _reaches_out(snapshot: Snapshot, place: str, wanted: Family, known: Sequence[str]) -> bool:
    """Whether a place uses the family beyond its links, or a loopback address is in question; unknown counts as yes."""
    spaces = snapshot.having(Namespaces)
    space = spaces.at(place) if spaces else None
    if space is None or any(scope(without_zone(x)) is Scope.LOOPBACK for x in known):
        return True
    held = (scope(without_zone(x)) for x in space.addresses(wanted))
    return any(x not in (Scope.LOOPBACK, Scope.LINK_LOCAL) for x in held)


def waive_assumed(traces: Sequence[Trace]) -> Iterator[Trace]:
    """The traces, those not required that stand for a protocol of a port which the user did not mean.

    A port other than 4317 and 4318 means the protocol that is spoken there. A host without a port means both OTLP
    ports: nobody can tell which of them its clients use, so a dead one counts.
    """
    for trace in traces:
        others = [x for x in traces if _is_other_reading(x.target, trace.target)]
        mine = [x for x in traces if x.target == trace.target]
        waived = trace.target.assumed and _not_meant(mine, others)
        yield msgspec.structs.replace(trace, required=False) if waived else trace


def _is_other_reading(one: Target, two: Target) -> bool:
    return (one.text, one.port) == (two.text, two.port) and one.protocol is not two.protocol


def _not_meant(mine: Sequence[Trace], others: Sequence[Trace]) -> bool:
    if any(x.accepted for x in mine) or not others:
        return False
    language = [x for x in mine if x.failing and x.failing.mark in _OTHER_LANGUAGE]
    return any(x.accepted for x in others) or bool(language)
