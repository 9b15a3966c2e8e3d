"""What a command line says of where a program exports to: `--otlp-endpoint otel:4317`, and variables in a script.

Such flags are no part of a specification. Of two that say the same, variable and flag, mostly the flag counts; here the
variable does, since it is the one whose meaning is known.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.container import Container
from dualstack.reach.destination import read
from dualstack.reach.scripts import ASSIGNED, UNSET
from dualstack.reach.variables import Variables, expanded

_FLAG = re.compile(r"(?P<flag>--?(?:[\w-]+[.-])*otlp(?:[.-][\w-]+)*[.-]endpoint)(?:=(?P<value>.*))?", re.IGNORECASE)
_MAYBE = re.compile(r"\b(?:if|case|test|while|for)\s|\[|\|\|")
_SHELL = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SCRIPT = "the command of the container"
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


def with_script(found: Variables, container: Container) -> Variables:
    """The variables of a container as a script in its command leaves them; of what depends on more nobody knows it."""
    words = [*(container.command or ()), *(container.args or ())]
    for word in (x for x in words if "OTEL_" in x):
        for said in sorted((*ASSIGNED.finditer(word), *UNSET.finditer(word)), key=re.Match.start):
            found = _assigned(found, said, sure=not _MAYBE.search(word))
    return found


def _assigned(found: Variables, said: re.Match[str], *, sure: bool) -> Variables:
    name, value = said["name"], said.groupdict().get("value")
    values, held, by = ({k: v for k, v in x.items() if k != name} for x in (found.values, found.held, found.by))
    text = _SHELL.sub(lambda x: found.values.get(x[1] or x[2], x[0]), (value or "").strip("\"'"))
    if not sure or "$" in text or "`" in text:
        held[name] = _SCRIPT
    elif value is not None:
        values[name], by[name] = text, f"command: {name}"
    return replace(found, values=values, held=held, by=by)


def names_endpoint(container: Container) -> bool:
    """Whether an argument may say where a container exports to."""
    words = (*(container.command or ()), *(container.args or ()))
    return any(_FLAG.search(x) or ASSIGNED.search(x) for x in words)


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
