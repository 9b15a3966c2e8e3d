"""The configuration that the command line of a Collector makes: `--config` and `--set`, in the order of the Collector.

Every `--set` comes after every `--config` (otelcol, flags.go), and a later one wins.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from dualstack.gather.errors import BadFile, BadInput
from dualstack.gather.files import SETTINGS, Text
from dualstack.gather.merge import Part, merged
from dualstack.gather.recognise import Found, Pending, composed, refuse_repeated
from dualstack.gather.yaml_tree import MappingNode, Origin, chunks, is_null
from dualstack.model.otel import Holder
from dualstack.model.source import Location

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<rest>.*)", re.DOTALL)


def take_given(
    configs: Sequence[str],
    settings: Sequence[str],
    read: Callable[[str], Text],
    environ: Mapping[str, str],
    found: Found,
) -> None:
    """Read what the user named as one configuration into what was found. `read` gives a file, and raises BadInput."""
    parts = []
    for each in configs:
        try:
            parts += _part(each, read, environ, found)
        except BadFile as error:
            found.errors.append(error)
    parts += [x for number, each in enumerate(settings, 1) for x in _setting(number, each, found)]
    if parts:
        found.understood += 1
        found.asked = Pending(*merged(parts))
        found.asked_of = tuple(dict.fromkeys(Holder("file", "", x.file) for _, x in parts))


def _part(named: str, read: Callable[[str], Text], environ: Mapping[str, str], found: Found) -> list[Part]:
    """The configuration that one `--config` names; none where it holds nothing, or was no YAML."""
    scheme = _SCHEME.fullmatch(named)
    kind, rest = (scheme["scheme"], scheme["rest"]) if scheme else ("file", named)
    if kind == "file":
        text = read(rest)
        origin = Origin(text.path, text.text)
    elif kind == "yaml":
        origin = Origin(f"--config {named}", rest)
    elif kind == "env" and rest in environ:
        origin = Origin(f"${rest}", environ[rest])
    elif kind == "env":
        raise BadInput(f"`--config {named}`: {rest} is not set here. Set it, or name a file.")
    else:
        raise BadInput(f"`--config {named}` is not followed: name a file, `yaml:…` or `env:…`.")
    # The Collector reads the first document of a file alone.
    first = next((x for x in chunks(origin.text) if x.text.strip().strip("-")), None)
    inner = composed(Origin(origin.file, first.text, first.line), found) if first else None
    if inner is None or is_null(inner[0]):
        return []
    if not isinstance(inner[0], MappingNode):
        raise BadFile(origin.file, "is no Collector configuration: it holds no mapping", 1, 1)
    refuse_repeated(*inner, found)
    return [inner]


def _setting(number: int, said: str, found: Found) -> list[Part]:
    """What one `--set` sets: `a.b::c=value`, the value being YAML."""
    path, equals, value = said.partition("=")
    if not equals or not path.strip():
        raise BadInput(f"`--set {said}` is not of the form KEY=VALUE, such as receivers.otlp.protocols.grpc.endpoint=…")
    start = len(path) + 2 + len(value) - len(value.lstrip())
    at = Location(SETTINGS, number, start, number, max(start + 1, len(said) + 1))
    text = f"{path.replace('.', '::').strip()}: {value.strip()}"
    inner = composed(Origin(SETTINGS, text, whole=at), found)
    return [inner] if inner else []
