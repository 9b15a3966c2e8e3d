"""Listeners on the loopback of one family, and who wants the other."""

from collections.abc import Iterator

import msgspec

from dualstack.model.address import Family, family, is_address
from dualstack.model.deployed import Deployed, Deployments, Sender, Senders
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.source import Written
from dualstack.reach.callers import callers, is_loopback, serves
from dualstack.reach.heard import Heard, heard
from dualstack.reach.served import beside, taken
from dualstack.reach.start import port
from dualstack.reach.wiring import together

_AS_WRITTEN = {Family.IPV4: "127.0.0.1", Family.IPV6: "[::1]"}


class Half(msgspec.Struct, frozen=True):
    """A listener that has the loopback of one family, and the text that shows that the other one is wanted.

    `instead` is what stands in that text and what to write; empty where that mends nothing.
    """

    endpoint: DeclaredEndpoint
    family: Family
    written: Written
    instead: tuple[str, str] | tuple[()] = ()


def halves(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Half]:
    """Every such listener, once for each sender beside it that uses the other address."""
    told = heard(senders)
    for item in deployments.items:
        for endpoint in item.config.endpoints:
            has = taken(endpoint, question) if is_loopback(endpoint) else frozenset()
            if len(has) == 1 and next(iter(has)).other not in beside(item, endpoint, question):
                yield from _wanted(item, endpoint, next(iter(has)), told, question)


def _wanted(item: Deployed, endpoint: DeclaredEndpoint, has: Family, told: Heard, question: Question) -> Iterator[Half]:
    for host, sender in told.local.get(str(port(endpoint)), ()):
        if is_address(host) and family(host) is has.other and _is_beside(sender, item):
            written = sender.destination.written
            yield Half(endpoint, has, written, (_AS_WRITTEN[has.other], _AS_WRITTEN[has]))
    if has.other in question.expect and serves(endpoint) and endpoint.written and not callers(item, endpoint, told):
        yield Half(endpoint, has, endpoint.written)


def _is_beside(sender: Sender, item: Deployed) -> bool:
    """Whether a sender shares the loopback of what reads a configuration."""
    if item.workload is not None:
        return together(item.workload, sender.workload)
    return sender.destination in item.config.destinations
