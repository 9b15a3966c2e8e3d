"""Where a JVM reads its options, in which order, the flags that decide which families it dials, and what it exports to.

JVM TI section JAVA_TOOL_OPTIONS; java(1) section JDK_JAVA_OPTIONS. Start scripts put JAVA_OPTS on the command line.
"""

from collections.abc import Iterator

from dualstack.model.kube import Container, Variable
from dualstack.model.patterns import pattern
from dualstack.model.source import Written

BEFORE, AFTER = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS"), ("_JAVA_OPTIONS",)
"""Variables whose options a JVM reads before and after those of its command line; what comes last counts."""
_READ = frozenset((*BEFORE, *AFTER))
COMMAND = "the command"
IPV4_ALONE, IPV6_FIRST = "preferIPv4Stack", "preferIPv6Addresses"
FLAG = pattern(rf"-Djava\.net\.(?P<name>{IPV4_ALONE}|{IPV6_FIRST})=(?P<value>\w+)")
PROPERTY = pattern(r"-D(?P<name>otel\.[a-z.]+)=(?P<value>[^\s\"']+)")
"""A property of the OpenTelemetry SDK for Java."""
_OF_SHELL = pattern(r"\$(?![({])")
"""What a shell fills in, and nobody here."""


def as_variables(container: Container) -> Iterator[tuple[str, Variable]]:
    """What the JVM of a container in files is told by properties, as the variables that it then does not heed.

    Each with what says it; of those of one name the last one counts.
    """
    held = {x.name: x.value for x in container.variables if x.name in _READ and x.value}
    texts = (*((x, held[x]) for x in BEFORE if x in held), *((COMMAND, x) for x in container.words))
    for who, text in (*texts, *((x, held[x]) for x in AFTER if x in held)):
        for found in (x for x in PROPERTY.finditer(text.text) if not _OF_SHELL.search(x["value"])):
            at = text.part(found["value"])
            told = Variable(as_variable(found["name"]), at, Written(found["value"], at))
            yield f"{who}: -D{found['name']}", told


def as_variable(name: str) -> str:
    """The variable that means the same as a property."""
    return name.upper().replace(".", "_")
