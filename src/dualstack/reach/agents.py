"""What an agent in a pod speaks where nobody says it, by the version of its file or of the image that it comes from."""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.cluster import Pod
from dualstack.model.container import Container
from dualstack.reach.variables import Variables
from dualstack.reach.versions import numbers

_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_CONFIGURED = re.compile(r"otel[\w.-]*(?:config[\w.-]*file|file[\w.-]*config)", re.IGNORECASE)
"""What names a file that may say it as well."""


def with_protocol(found: Variables, container: Container, pod: Pod) -> Variables:
    """The variables of a container, with the protocol that its agent speaks where neither they nor files may say it."""
    texts = (*(container.command or ()), *(container.args or ()), *(f"{k}={v}" for k, v in found.values.items()))
    open_ = found.unread or _PROTOCOL in found.held or any(map(_CONFIGURED.search, (*texts, *found.held)))
    spoken = "" if open_ or _PROTOCOL in found.values else next(_spoken(" ".join(texts), pod), "")
    return replace(found, values={**found.values, _PROTOCOL: spoken}) if spoken else found


def _spoken(said: str, pod: Pod) -> Iterator[str]:
    """What the agents speak that a program names."""
    for row in table("agent_protocols"):
        named = re.search(row["where"], said)
        images = (re.search(row["image"], x.image) for x in pod.spec.init_containers or ()) if row["image"] else [named]
        version = next((numbers(x["version"]) for x in images if x), ()) if named else ()
        if version and (not row["until"] or version < numbers(row["until"])):
            yield row["protocol"]
