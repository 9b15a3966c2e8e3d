"""Packet filters with a rule that could not be decided, and whether it can be why a connection failed."""

from collections.abc import Iterable

from dualstack.model.host import FilterVerdict
from dualstack.model.probe import Outcome

UNDECIDED = "undecided"
"""The mark of a policy hop with a rule that could not be decided and that can be why the connection was refused."""

_ERRORS = {
    Outcome.REFUSED: ("ECONNREFUSED",),
    Outcome.DENIED: ("EACCES", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOPROTOOPT"),
}
_UNREACHABLE = ("EHOSTUNREACH", "ENETUNREACH")


def suspect(said: Iterable[FilterVerdict], outcome: Outcome) -> FilterVerdict | None:
    """The first filter whose undecided rule can have ended a probe in this way."""
    return next((x for x in said if _can_end(x, outcome)), None)


def rejected(said: Iterable[FilterVerdict], outcome: Outcome) -> bool:
    """Whether a filter in sight sent what a probe took for the word of a router or of the kernel's own routes."""
    return outcome is Outcome.UNREACHABLE and any(x.verdict == "reject" and x.error in _UNREACHABLE for x in said)


def _can_end(verdict: FilterVerdict, outcome: Outcome) -> bool:
    """Whether one of the verdicts that an unknown one may turn out to be gives this outcome.

    A reject can look like silence: the kernel limits the rate of ICMP errors (icmp(7), icmp_ratelimit), and connect()
    may hear an ICMPv6 error only when it sends the SYN again, a second later (net/ipv6/tcp_ipv6.c, tcp_v6_err).
    """
    if outcome is Outcome.TIMED_OUT:
        return bool(verdict.may)
    errors = _ERRORS.get(outcome, ())
    rejects = "reject" in verdict.may and verdict.error in ("", *errors)
    return bool(errors) and (rejects or "unknown" in verdict.may)
