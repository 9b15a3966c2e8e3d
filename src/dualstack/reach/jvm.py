"""Flags that a container gives to its JVM."""

import re
from collections.abc import Iterator

import msgspec

from dualstack.model.address import Family, family, is_address
from dualstack.model.deployed import Senders
from dualstack.model.kube import Container, Workload
from dualstack.model.question import Question
from dualstack.model.source import Written
from dualstack.reach.destination import read
from dualstack.reach.java import AFTER, BEFORE, COMMAND, FLAG, IPV4_ALONE, IPV6_FIRST
from dualstack.reach.unknowns import wanted

_INJECTED = "instrumentation.opentelemetry.io/inject-java"
_RECEIVERS = re.compile(r"skywalking|zipkin|data-prepper")


class Told(msgspec.Struct, frozen=True):
    """An option, and the variable or the command line that has it."""

    field: str
    written: Written


def ipv4_stack(workload: Workload, container: Container) -> Told | None:
    """What takes IPv6 from the JVM of a container that sends or receives telemetry; None where nothing does."""
    found = _flag(container, IPV4_ALONE)
    return found if found and _has_to_do(workload, container) else None


def ipv6_first(container: Container) -> Told | None:
    """What makes the JVM of a container try IPv6 first; None where nothing does."""
    return _flag(container, IPV6_FIRST)


def _flag(container: Container, name: str) -> Told | None:
    """Where a flag is set to true; the last one of its name counts."""
    every = ((told, found) for told in _told(container) for found in FLAG.finditer(told.written.text))
    said = [(told, found["value"]) for told, found in every if found["name"] == name]
    return said[-1][0] if said and said[-1][1] == "true" else None


def _told(container: Container) -> Iterator[Told]:
    held = {x.name: x.value for x in container.variables}
    for names, words in ((BEFORE, container.words), (AFTER, ())):
        for name in names:
            if value := held.get(name):
                yield Told(name, value)
        yield from (Told(COMMAND, x) for x in words)


def _has_to_do(workload: Workload, container: Container) -> bool:
    texts = (*(x.written.text for x in _told(container)), *(x.name for x in container.variables))
    agent = any("opentelemetry" in x.lower() or x.startswith("OTEL_") for x in texts)
    return agent or _INJECTED in workload.annotations or bool(_RECEIVERS.search(container.image))


def uses_ipv6(container: Container, senders: Senders, question: Question) -> bool:
    """Whether IPv6 is known to be used, by the user's word or by an address that the container sends to."""
    mine = (x.destination for x in senders.items if x.container is container)
    hosts = (read(x.value, x.form).host for x in mine)
    return Family.IPV6 in wanted(question) or any(is_address(x) and family(x) is Family.IPV6 for x in hosts)
