"""What an agent in a pod does where nobody says it, by the version of its file or of the image that it comes from."""

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.cluster import Pod
from dualstack.model.container import Container
from dualstack.reach.variables import Variables
from dualstack.reach.versions import numbers

_TOLD = {"protocol": "OTEL_EXPORTER_OTLP_PROTOCOL", "logs": "OTEL_LOGS_EXPORTER"}
"""The variables that say what the table has."""
_CONFIGURED = re.compile(r"otel[\w.-]*(?:config[\w.-]*file|file[\w.-]*config)", re.IGNORECASE)
"""What names a file that may say them as well."""


def with_defaults(found: Variables, container: Container, pod: Pod) -> Variables:
    """The variables of a container, with those by which its agent goes where neither they nor files may say it."""
    texts = (*(container.command or ()), *(container.args or ()), *(f"{k}={v}" for k, v in found.values.items()))
    open_ = found.unread or any(map(_CONFIGURED.search, (*texts, *found.held)))
    row = {} if open_ else next(_rows(" ".join(texts), pod), {})
    told = {y: row[x] for x, y in _TOLD.items() if row.get(x) and y not in found.values and y not in found.held}
    return replace(found, values={**found.values, **told}) if told else found


def _rows(said: str, pod: Pod) -> Iterator[Mapping[str, str]]:
    """What is known of the agents that a program names."""
    for row in table("agent_protocols"):
        named = re.search(row["where"], said)
        images = (re.search(row["image"], x.image) for x in pod.spec.init_containers or ()) if row["image"] else [named]
        version = next((numbers(x["version"]) for x in images if x), ()) if named else ()
        if version and (not row["until"] or version < numbers(row["until"])):
            yield row
