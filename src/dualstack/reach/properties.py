"""System properties of a JVM, which the OpenTelemetry SDK for Java takes before variables.

opentelemetry-java, sdk-extensions/autoconfigure: `otel.exporter.otlp.endpoint` is OTEL_EXPORTER_OTLP_ENDPOINT.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model import kube
from dualstack.model.address import Family
from dualstack.model.container import Container
from dualstack.model.source import Written
from dualstack.reach.java import AFTER, BEFORE, COMMAND, FLAG, IPV4_ALONE
from dualstack.reach.variables import Variables

_PROPERTY = re.compile(r"-D(?P<name>otel\.[a-z.]+)=(?P<value>[^\s\"']+)")
_AGENT = re.compile(r"-javaagent:\S*(?:opentelemetry|otel)\S*\.jar")
_OF_SHELL = re.compile(r"\$(?![({])")
"""What a shell fills in, and nobody here."""


def as_variables(container: kube.Container) -> Iterator[tuple[str, kube.Variable]]:
    """What the JVM of a container in files is told by properties, as the variables that it then does not heed.

    Each with what says it; of those of one name the last one counts.
    """
    held = {x: y.value for x in (*BEFORE, *AFTER) if (y := container.variable(x)) and y.value}
    texts = (*((x, held[x]) for x in BEFORE if x in held), *((COMMAND, x) for x in container.words))
    for who, text in (*texts, *((x, held[x]) for x in AFTER if x in held)):
        for found in (x for x in _PROPERTY.finditer(text.text) if not _OF_SHELL.search(x["value"])):
            at = text.part(found["value"])
            told = kube.Variable(_variable(found["name"]), at, Written(found["value"], at))
            yield f"{who}: -D{found['name']}", told


def with_properties(found: Variables, container: Container) -> Variables:
    """The variables of a container, with what its JVM is told instead of them; what comes last counts."""
    every = [(who, x) for who, text in _texts(found, container) for x in _PROPERTY.finditer(text)]
    told = {_variable(x["name"]): x["value"] for _, x in every}
    by = {_variable(x["name"]): f"{who}: -D{x['name']}" for who, x in every}
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


def _variable(name: str) -> str:
    return name.upper().replace(".", "_")
