"""Endpoints that programs are told on their command line: `--otlp-endpoint otel:4317`.

Such flags are no part of a specification. Of two that say the same, variable and flag, mostly the flag counts; here the
variable does, since it is the one whose meaning is known.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.container import Container
from dualstack.reach.destination import read
from dualstack.reach.variables import Variables, expanded

_FLAG = re.compile(r"(?P<flag>--?(?:[\w-]+[.-])*otlp(?:[.-][\w-]+)*[.-]endpoint)(?:=(?P<value>.*))?", re.IGNORECASE)
_INSECURE = re.compile(r"--?(?:[\w-]+[.-])*insecure(?:=true)?", re.IGNORECASE)
_OTLP = "OTEL_EXPORTER_OTLP_"
_PROTOCOLS = {"grpc": "grpc", "http": "http/protobuf"}


def with_arguments(found: Variables, container: Container) -> Variables:
    """The variables of a container, with what its arguments say where no variable names an endpoint."""
    if any(x.startswith(_OTLP) and x.endswith("ENDPOINT") for x in (*found.values, *found.held)):
        return found
    words = [y for x in (*(container.command or ()), *(container.args or ())) for y in x.split()]
    flag, value = next(_endpoints(words, found), ("", ""))
    if not flag:
        return found
    told = {f"{_OTLP}ENDPOINT": value}
    told |= {f"{_OTLP}PROTOCOL": y for x, y in _PROTOCOLS.items() if x in re.split(r"\W", flag.lower())}
    told |= {f"{_OTLP}INSECURE": "true" for x in words if _INSECURE.fullmatch(x)}
    return replace(found, values={**found.values, **told}, by={**found.by, f"{_OTLP}ENDPOINT": flag})


def names_endpoint(container: Container) -> bool:
    """Whether an argument may say where a container exports to."""
    return any(_FLAG.search(x) for x in (*(container.command or ()), *(container.args or ())))


def _endpoints(words: list[str], found: Variables) -> Iterator[tuple[str, str]]:
    """The flags that name the host and the port of somebody else, with their values; others are to listen on."""
    for word, after in zip(words, (*words, "")[1:], strict=True):
        flag = _FLAG.fullmatch(word)
        said = flag["value"] if flag and flag["value"] is not None else after
        value, _ = expanded(said, found) if flag else (None, "")
        aimed = read(value or "", "url")
        known = aimed.host and aimed.port and not (aimed.fault or aimed.wildcard or aimed.loopback)
        if flag and value and known and "$" not in value:
            yield flag["flag"], value
