"""Files that tell an SDK everything: with one it heeds none of the variables that say where it exports to.

OpenTelemetry specification, SDK environment variables, Declarative configuration. What such a file says is not read.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dualstack.reach.variables import Variables

FILES = ("OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE")
"""Variables that name one."""
BESIDE = "OTEL_JAVAAGENT_CONFIGURATION_FILE"
"""The one of a file that may say what no variable does (opentelemetry-java-instrumentation, Agent configuration)."""
_FILE = "the file "


def file_variable(found: "Variables") -> str:
    """The variable by which a container is told such a file; empty where it is told none."""
    return next((x for x in FILES if found.values.get(x) or x in found.held), "")


def holder(name: str, found: "Variables") -> str:
    """What holds the endpoint then, in words."""
    said = found.values.get(name)
    return f"{_FILE}`{said}`" if said else f"{_FILE}that {found.held[name]} names"


def is_file(held: str) -> bool:
    """Whether a file holds an endpoint."""
    return held.startswith(_FILE)


def unread_file(held: str) -> str:
    """What is said of such a file."""
    return f"{held} says where it exports to, and was not read; an SDK that takes it heeds no variable of an endpoint"
