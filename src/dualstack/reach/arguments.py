"""What a command line says of where a program exports to: `--otlp-endpoint otel:4317`, and variables in a script.

Such flags are no part of a specification. Of two that say the same, variable and flag, mostly the flag counts; here the
variable does, since it is the one whose meaning is known.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from dualstack.model.cluster import Pod, Service
from dualstack.model.container import Container
from dualstack.model.slim import ConfigMap
from dualstack.reach.destination import read
from dualstack.reach.scripts import EVERY, MENTIONED, How, Said, said
from dualstack.reach.variables import Variables, environment, expanded

_FLAG = re.compile(r"(?P<flag>--?(?:[\w-]+[.-])*otlp(?:[.-][\w-]+)*[.-]endpoint)(?:=(?P<value>.*))?", re.IGNORECASE)
_SHELL = re.compile(r"'[^']*'|\$(?:\{(?P<name>\w+)(?P<default>:?-[^{}$`]*)?\}|(?P<bare>\w+))")
"""What a shell fills in, and what it does not."""
SCRIPT = "the command of the container"
"""What holds a variable of which a script decides in a way that is not followed."""
_UNCLEAR = "$"
_FOLLOWED = re.compile(r"[^$`\\]*")
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


def started(
    container: Container, pod: Pod, config_maps: Iterable[ConfigMap] = (), services: Iterable[Service] = ()
) -> Variables:
    """The variables that the program of a container has: those of its environment, as a script in its command says."""
    return with_script(environment(container, pod, config_maps, services), container)


def with_script(found: Variables, container: Container) -> Variables:
    """The variables of a container as a script in its command leaves them; of what depends on more nobody knows it."""
    within, exported = dict[str, str](), set[str]()
    words = [expanded(x, found)[0] or x for x in (*(container.command or ()), *(container.args or ()))]
    for each in said(words):
        if each.name == EVERY:
            within.clear()
            found = _emptied(found, each.how)
            continue
        known = each.name in found.values or each.name in found.held or each.name in exported
        text = _filled(each.value, {**found.values, **within})
        if each.how is How.EXPORTED:
            exported.add(each.name)
        else:
            within[each.name] = text if each.how in (How.SET, How.WITHIN) else _UNCLEAR
        if each.name.startswith("OTEL_") and (known or found.unread or each.how is not How.WITHIN):
            found = _told(found, each, within.get(each.name) if each.how is How.EXPORTED else text, known=known)
    return found


def _emptied(found: Variables, how: How) -> Variables:
    """The variables after all were taken away, or others put in their place that nobody here may read."""
    if how is How.UNSET:
        return replace(found, values={}, held={}, unread=(), by={})
    held = dict.fromkeys((*found.values, *found.held), SCRIPT)
    return replace(found, values={}, held=held, unread=(*found.unread, SCRIPT), by={})


def _filled(value: str, known: Mapping[str, str]) -> str:
    """A value with its variables filled in (POSIX.1-2017, Shell Command Language, 2.6.2); the others stay."""

    def fill(found: re.Match[str]) -> str:
        said = known.get(found["name"] or found["bare"] or "")
        return found[0] if said is None or (found["default"] and not said) else said

    return _SHELL.sub(fill, value)


def _told(found: Variables, said: Said, text: str | None, *, known: bool) -> Variables:
    """The variables with what a script says of one; who exports what is not set in it changes nothing."""
    if text is None:
        return found
    values, held, by = ({k: v for k, v in x.items() if k != said.name} for x in (found.values, found.held, found.by))
    if said.how is How.MAYBE or (said.how is How.WITHIN and not known) or not _FOLLOWED.fullmatch(text):
        held[said.name] = SCRIPT
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
