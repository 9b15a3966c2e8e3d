"""System properties of a JVM, which the OpenTelemetry SDK for Java takes before variables.

opentelemetry-java, sdk-extensions/autoconfigure: `otel.exporter.otlp.endpoint` is OTEL_EXPORTER_OTLP_ENDPOINT.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.address import Family
from dualstack.model.container import Container
from dualstack.reach.java import AFTER, BEFORE, COMMAND, FLAG, IPV4_ALONE, PROPERTY, as_variable
from dualstack.reach.variables import Variables

_AGENT = re.compile(r"-javaagent:\S*(?:opentelemetry|otel)\S*\.jar")


def with_properties(found: Variables, container: Container) -> Variables:
    """The variables of a container, with what its JVM is told instead of them; what comes last counts."""
    every = [(who, x) for who, text in _texts(found, container) for x in PROPERTY.finditer(text)]
    told = {as_variable(x["name"]): x["value"] for _, x in every}
    by = {as_variable(x["name"]): f"{who}: -D{x['name']}" for who, x in every}
    held = {k: v for k, v in found.held.items() if k not in told}
    return replace(found, values={**found.values, **told}, held=held, by={**found.by, **by}) if told else found


def dialled(families: tuple[Family, ...], found: Variables, container: Container) -> tuple[Family, ...]:
    """Of the families of a pod those that its JVM dials: IPv4 alone where it is told so."""
    every = (x for _, text in _texts(found, container) for x in FLAG.finditer(text))
    said = [x["value"] for x in every if x["name"] == IPV4_ALONE]
    return tuple(x for x in families if x is Family.IPV4) if said[-1:] == ["true"] else families


def runs_agent(found: Variables, container: Container) -> bool:
    """Whether a JVM is told to run the Java agent of OpenTelemetry."""
    return any(_AGENT.search(x) for _, x in _texts(found, container))


def _texts(found: Variables, container: Container) -> Iterator[tuple[str, str]]:
    """What a JVM reads, in this order, each with who holds it."""
    yield from ((x, found.values[x]) for x in BEFORE if x in found.values)
    yield from ((COMMAND, x) for x in (*(container.command or ()), *(container.args or ())))
    yield from ((x, found.values[x]) for x in AFTER if x in found.values)
