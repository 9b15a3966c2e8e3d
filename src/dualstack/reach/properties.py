"""System properties of a JVM, which the OpenTelemetry SDK for Java takes before variables.

opentelemetry-java, sdk-extensions/autoconfigure: `otel.exporter.otlp.endpoint` is OTEL_EXPORTER_OTLP_ENDPOINT.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.address import Family
from dualstack.model.container import Container
from dualstack.reach.variables import Variables

_BEFORE, _AFTER = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS"), ("_JAVA_OPTIONS",)
"""Variables whose options a JVM reads before and after those of its command line (reach/jvm.py)."""
OPTIONS = (*_BEFORE, *_AFTER)
_COMMAND = "the command"
_STACK = re.compile(r"-Djava\.net\.preferIPv4Stack=(?P<value>\w+)")
_PROPERTY = re.compile(r"-D(?P<name>otel\.[a-z.]+)=(?P<value>[^\s\"']+)")


def with_properties(found: Variables, container: Container) -> Variables:
    """The variables of a container, with what its JVM is told instead of them; what comes last counts."""
    every = [(who, x) for who, text in _texts(found, container) for x in _PROPERTY.finditer(text)]
    told = {_variable(x["name"]): x["value"] for _, x in every}
    by = {_variable(x["name"]): f"{who}: -D{x['name']}" for who, x in every}
    held = {k: v for k, v in found.held.items() if k not in told}
    return replace(found, values={**found.values, **told}, held=held, by={**found.by, **by}) if told else found


def dialled(families: tuple[Family, ...], found: Variables, container: Container) -> tuple[Family, ...]:
    """Of the families of a pod those that its JVM dials: IPv4 alone where it is told so."""
    said = [x["value"] for _, text in _texts(found, container) for x in _STACK.finditer(text)]
    return tuple(x for x in families if x is Family.IPV4) if said[-1:] == ["true"] else families


def _texts(found: Variables, container: Container) -> Iterator[tuple[str, str]]:
    """What a JVM reads, in this order, each with who holds it."""
    yield from ((x, found.values[x]) for x in _BEFORE if x in found.values)
    yield from ((_COMMAND, x) for x in (*(container.command or ()), *(container.args or ())))
    yield from ((x, found.values[x]) for x in _AFTER if x in found.values)


def _variable(name: str) -> str:
    return name.upper().replace(".", "_")
