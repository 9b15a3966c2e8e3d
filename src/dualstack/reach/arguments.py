"""What a command line says of where a program exports to: `--otlp-endpoint otel:4317`, and variables in a script.

Such flags are no part of a specification. Of two that say the same, variable and flag, mostly the flag counts; here the
variable does, since it is the one whose meaning is known.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from dualstack.model.container import Container
from dualstack.reach.destination import read
from dualstack.reach.scripts import MENTIONED, How, Said, said
from dualstack.reach.variables import Variables, expanded

_FLAG = re.compile(r"(?P<flag>--?(?:[\w-]+[.-])*otlp(?:[.-][\w-]+)*[.-]endpoint)(?:=(?P<value>.*))?", re.IGNORECASE)
_SHELL = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SCRIPT = "the command of the container"
_UNCLEAR = "$"
_QUOTES = dict.fromkeys(map(ord, "\"'"))
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
    within = dict[str, str]()
    for each in said((*(container.command or ()), *(container.args or ()))):
        known = each.name in found.values or each.name in found.held
        text = _filled(each.value, {**found.values, **within})
        if each.how is not How.EXPORTED:
            within[each.name] = text if each.how in (How.SET, How.WITHIN) else _UNCLEAR
        if each.name.startswith("OTEL_") and (known or found.unread or each.how is not How.WITHIN):
            found = _told(found, each, within.get(each.name) if each.how is How.EXPORTED else text, known=known)
    return found


def _filled(value: str, known: Mapping[str, str]) -> str:
    return _SHELL.sub(lambda x: known.get(x[1] or x[2], x[0]), value)


def _told(found: Variables, said: Said, text: str | None, *, known: bool) -> Variables:
    """The variables with what a script says of one; who exports what is not set in it changes nothing."""
    if text is None:
        return found
    values, held, by = ({k: v for k, v in x.items() if k != said.name} for x in (found.values, found.held, found.by))
    if said.how is How.MAYBE or (said.how is How.WITHIN and not known) or _UNCLEAR in text or "`" in text:
        held[said.name] = _SCRIPT
    elif said.how is not How.UNSET:
        values[said.name], by[said.name] = text.translate(_QUOTES), f"command: {said.name}"
    return replace(found, values=values, held=held, by=by)


def names_endpoint(container: Container) -> bool:
    """Whether an argument may say where a container exports to."""
    words = (*(container.command or ()), *(container.args or ()))
    return any(_FLAG.search(x) or MENTIONED.search(x) for x in words)


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
