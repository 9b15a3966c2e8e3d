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
_STACK = re.compile(r"-Djava\.net\.preferIPv4Stack=(?P<value>\w+)")
_PROPERTY = re.compile(r"-D(?P<name>otel\.[a-z.]+)=(?P<value>[^\s\"']+)")


def with_properties(found: Variables, container: Container) -> Variables:
    """The variables of a container, with what its JVM is told instead of them; what comes last counts."""
    told = {_variable(x["name"]): x["value"] for y in _texts(found, container) for x in _PROPERTY.finditer(y)}
    held = {k: v for k, v in found.held.items() if k not in told}
    return replace(found, values={**found.values, **told}, held=held) if told else found


def dialled(families: tuple[Family, ...], found: Variables, container: Container) -> tuple[Family, ...]:
    """Of the families of a pod those that its JVM dials: IPv4 alone where it is told so."""
    said = [x["value"] for text in _texts(found, container) for x in _STACK.finditer(text)]
    return tuple(x for x in families if x is Family.IPV4) if said[-1:] == ["true"] else families


def _texts(found: Variables, container: Container) -> tuple[str, ...]:
    """What a JVM reads, in this order."""
    return (*_held(_BEFORE, found), *(container.command or ()), *(container.args or ()), *_held(_AFTER, found))


def _held(names: tuple[str, ...], found: Variables) -> Iterator[str]:
    yield from (found.values[x] for x in names if x in found.values)


def _variable(name: str) -> str:
    return name.upper().replace(".", "_")
