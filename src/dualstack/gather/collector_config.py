"""A Collector configuration as the endpoints that it declares, each with its place in the file."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dualstack.gather.errors import BadInput
from dualstack.gather.expand import expand
from dualstack.knowledge import table
from dualstack.model.address import Protocol
from dualstack.model.otel import Declared, DeclaredEndpoint, Location
from dualstack.model.sockets import Transport

_BYTES, _DEPTH, _ALIASES = 10_000_000, 100, 1000
_PROMETHEUS = ("pull", "exporter", "prometheus")
_SECTIONS = {"receivers", "processors", "exporters", "connectors", "extensions", "service"}
_NOTHING = MappingNode("tag:yaml.org,2002:map", [])
_Row = Mapping[str, str]


class BadConfig(BadInput):
    """A file that is no Collector configuration; `sentence` says why and what to do.

    `line` and `column` count from 1 and are 0 where the whole file is meant. `code` is the rule that speaks of the
    fault, where one does.
    """

    def __init__(self, file: str, line: int, column: int, sentence: str, code: str = "") -> None:
        super().__init__(f"{file}:{line}:{column}: {sentence}" if line else f"{file}: {sentence}")
        self.file, self.line, self.column, self.sentence, self.code = file, line, column, sentence, code


# What people write that is no YAML, by the text of the line that the parser stopped at.
_NO_YAML = (
    (
        re.compile(r":\s+(?P<value>\[(?:\$\{[^}]*\}|[^]\s,{}])*\]:(?:\$\{[^}]*\}|[^\s,{}])+)"),
        '`{value}` begins with a bracket and so reads as a list; quote it: "{value}"',
        "DS118",
    ),
    (
        re.compile(r":\s+(?P<value>\*:[^\s,}]+)"),
        '`{value}` begins with * and so reads as a YAML alias; to listen on every address write "0.0.0.0{port}"',
        "DS120",
    ),
)


def declared(path: str, read: Callable[[str], bytes], environ: Mapping[str, str], version: str) -> Declared:
    """Every endpoint that the configuration at `path` listens on, with the defaults of a Collector of `version`.

    An empty version means the newest known. Where there is a `service` section, only components that it uses count.
    Raises BadConfig.
    """
    root = _composed(path, _text(path, read))
    if root is None or not {_scalar(key) for key, _ in _pairs(root)} & _SECTIONS:
        raise BadConfig(
            path, 1, 1, "is no Collector configuration: no receivers, exporters or service at the top level"
        )
    reading = _Reading(path, environ, version)
    found = [*_components(root, reading), *_telemetry(root, reading)]
    return Declared(tuple(x for x in found if x), version, path)


def _text(path: str, read: Callable[[str], bytes]) -> str:
    try:
        raw = read(path)
    except OSError as error:
        raise BadConfig(path, 0, 0, f"cannot be read: {error.strerror or error}") from error
    if len(raw) > _BYTES:
        raise BadConfig(path, 0, 0, f"is larger than {_BYTES // 1_000_000} MB: no Collector configuration")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadConfig(path, 0, 0, "is not text in UTF-8") from error
    if "\0" in text:
        raise BadConfig(path, 0, 0, "is not text: it holds a zero byte")
    return text


def _composed(path: str, text: str) -> Node | None:
    try:
        _limit(path, text)
        return yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _no_yaml(path, text, error) from error
    except yaml.YAMLError as error:
        raise BadConfig(path, 0, 0, f"is not YAML: {str(error).splitlines()[0]}") from error


def _limit(path: str, text: str) -> None:
    """Refuse what would exhaust the stack or the memory before anything is built from it."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > _DEPTH:
            raise BadConfig(path, 0, 0, f"nests deeper than {_DEPTH} levels: no Collector configuration")
        if aliases > _ALIASES:
            raise BadConfig(path, 0, 0, f"holds more than {_ALIASES} aliases: no Collector configuration")


def _no_yaml(path: str, text: str, error: yaml.MarkedYAMLError) -> BadConfig:
    lines = text.splitlines()
    marks = [x for x in (error.problem_mark, error.context_mark) if x]
    for line in sorted({y for x in marks for y in (x.line, x.line - 1) if 0 <= y < len(lines)}, reverse=True):
        for pattern, sentence, code in _NO_YAML:
            found = pattern.search(lines[line])
            if found:
                value = found["value"]
                said = sentence.format(value=value, port=value.lstrip("*"))
                return BadConfig(path, line + 1, found.start("value") + 1, said, code)
    said = " ".join(filter(None, (error.context, error.problem)))
    mark = marks[0]
    return BadConfig(path, mark.line + 1, mark.column + 1, f"is not YAML: {said}; mend the file at this place")


def _pairs(node: Node | None) -> Iterator[tuple[Node, Node]]:
    """The keys and values of a mapping, what `<<` merges in after its own; nothing for any other node."""
    pending, seen = [node], set()
    while pending:
        mapping = pending.pop(0)
        if not isinstance(mapping, MappingNode) or id(mapping) in seen:
            continue
        seen.add(id(mapping))
        for key, value in mapping.value:
            if key.value == "<<":
                pending += value.value if isinstance(value, SequenceNode) else [value]
            else:
                yield key, value


def _get(node: Node | None, *path: str) -> tuple[Node, Node] | None:
    """The key and the value at a path of keys."""
    pair = None
    for name in path:
        pair = next(((k, v) for k, v in _pairs(node) if k.value == name), None)
        if pair is None:
            return None
        node = pair[1]
    return pair


def _value(node: Node | None, *path: str) -> Node | None:
    pair = _get(node, *path)
    return pair[1] if pair else None


def _scalar(node: Node | None) -> str:
    """The text of a scalar; empty for none, for null and for anything else."""
    return node.value if isinstance(node, ScalarNode) and not node.tag.endswith(":null") else ""


def _items(node: Node | None) -> list[Node]:
    return node.value if isinstance(node, SequenceNode) else []


def _used(root: Node) -> dict[str, set[str]] | None:
    """The component ids that `service` names, by section; None where there is no such section."""
    service = _value(root, "service")
    if service is None:
        return None
    pipelines = [value for _, value in _pairs(_value(service, "pipelines"))]
    used = {
        section: {_scalar(x) for pipeline in pipelines for x in _items(_value(pipeline, section))}
        for section in ("receivers", "exporters")
    }
    return {**used, "extensions": {_scalar(x) for x in _items(_value(service, "extensions"))}}


def _components(root: Node, reading: "_Reading") -> Iterator[DeclaredEndpoint | None]:
    used = _used(root)
    for section in ("receivers", "exporters", "extensions"):
        for key, body in _pairs(_value(root, section)):
            name = _scalar(key)
            if used is None or name in used[section]:
                for row in _rows(section, name.partition("/")[0].strip()):
                    yield reading.endpoint(row, f"{section}/{name}", f"{section}.{name}", (key, body))


def _rows(section: str, kind: str) -> list[_Row]:
    rows = (x for x in table("components") if x["section"] == section)
    return [x for x in rows if kind in (x["type"], *x["aliases"].split(","))]


def _telemetry(root: Node, reading: "_Reading") -> Iterator[DeclaredEndpoint | None]:
    """What `service.telemetry.metrics` listens on: the readers, or the address of old, or the default."""
    component, metrics = "service/telemetry", "service.telemetry.metrics"
    pair = _get(root, *metrics.split("."))
    body = pair[1] if pair else None
    if expand(_scalar(_value(body, "level")), reading.environ).value == "none":
        return
    reader, address = _rows("telemetry", "prometheus")[0], _rows("telemetry", "address")[0]
    readers, prometheus = _value(body, "readers"), ".".join(_PROMETHEUS)
    for index, item in enumerate(_items(readers)):
        found = _get(item, *_PROMETHEUS)
        if found:
            yield reading.endpoint(reader, component, f"{metrics}.readers[{index}].{prometheus}", found)
    if readers is not None:
        return
    if pair and _value(body, "address"):
        yield reading.endpoint(address, component, metrics, pair)
    else:
        default = (pair[0] if pair else _NOTHING, _NOTHING)
        yield reading.endpoint(reader, component, f"{metrics}.readers[0].{prometheus}", default)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What every endpoint of one file is read with."""

    file: str
    environ: Mapping[str, str]
    version: str

    def endpoint(self, row: _Row, component: str, path: str, pair: tuple[Node, Node]) -> DeclaredEndpoint | None:
        """The endpoint that a row of the table finds in a component, None where there is none."""
        *sections, leaf = row["field"].split(".")
        holder = _get(pair[1], *sections) if sections else pair
        hidden = _hidden(pair[1], sections)
        if holder is None and row["when"] == "section" and not hidden:
            return None
        body = holder[1] if holder else None
        network, wrong = self._network(row, body)
        node = _value(body, leaf)
        text = hidden or _scalar(node)
        if not network.startswith(("tcp", "udp")) or text.startswith("unix:"):
            return None
        default = row["default"] if _version(self.version) >= _version(row["since"] or "0") else row["before"]
        value, problem = (hidden, "") if hidden else self._address(row, body, text, default)
        cause = "DS108" if wrong else "DS118" if isinstance(node, SequenceNode) else ""
        return DeclaredEndpoint(
            component=component,
            field=f"{path}.{row['field']}",
            text=text,
            value=value,
            default=default,
            network=network,
            call=row["call"],
            transport=Transport(network[:3]),
            protocol=_protocol(row, network),
            tls=_value(body, "tls") is not None and not _is_null(_value(body, "tls")),
            location=_location(self.file, node if node is not None else (holder or pair)[0]),
            problem=wrong or problem or _missing(row["field"], node, hidden, value or default),
            cause=cause,
        )

    def _network(self, row: _Row, body: Node | None) -> tuple[str, str]:
        """Go's network string, and what is wrong with naming it in this version."""
        text = _scalar(_value(body, row["transport"])) if row["transport"] else ""
        since = row["transport since"]
        if text and _version(self.version) < _version(since or "0"):
            return row["network"], f"transport is unknown here before Collector {since}, and this is {self.version}"
        return expand(text, self.environ).value or row["network"], ""

    def _address(self, row: _Row, body: Node | None, text: str, default: str) -> tuple[str, str]:
        """The address string that the component binds, and the variables in it that have no value."""
        value, unset = expand(text, self.environ)
        plain = any(_within(self.version, x) for x in row["unbracketed"].split(",") if x)
        if row["port"]:
            port, more = expand(_scalar(_value(body, row["port"])), self.environ)
            value, unset = _joined(value, port, default, plain=plain), (*unset, *more)
        elif plain and value:
            host, _, port = value.rpartition(":")
            value = f"{host.strip('[]')}:{port}"
        if row["host ignored"]:
            value = f":{(value or default).rpartition(':')[2]}"
        return value, f"{' and '.join(unset)} has no value here" if unset else ""


def _joined(host: str, port: str, default: str, *, plain: bool) -> str:
    """Host and port as one text; empty where neither is written."""
    if not host and not port:
        return ""
    default_host, _, default_port = default.rpartition(":")
    host, port = host or default_host, port or default_port
    if plain:
        return f"{host}:{port}"
    bare = host.removeprefix("[").removesuffix("]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def _hidden(node: Node | None, sections: list[str]) -> str:
    """The reference that stands where a section should be (`grpc: ${env:GRPC}`), empty where there is none."""
    nodes = [node, *(_value(node, *sections[: i + 1]) for i in range(len(sections)))]
    return next((_scalar(x) for x in nodes if "${" in _scalar(x)), "")


def _missing(field: str, node: Node | None, hidden: str, effective: str) -> str:
    if hidden:
        return f"the section comes from {hidden}, which is not followed"
    if node is not None and not isinstance(node, ScalarNode):
        return "is a list or a mapping where a text is wanted; quote it"
    return "" if effective else f"{field} is required and not written"


def _protocol(row: _Row, network: str) -> Protocol:
    """What clients speak; a receiver that takes another transport (statsd over TCP) speaks its own protocol there."""
    switched = row["network"][:3] != network[:3]
    return Protocol(network[:3] if switched else row["protocol"])


def _is_null(node: Node | None) -> bool:
    return isinstance(node, ScalarNode) and node.tag.endswith(":null")


def _location(file: str, node: Node) -> Location | None:
    if node is _NOTHING:
        return None
    start, end = node.start_mark, node.end_mark
    return Location(file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _version(text: str) -> tuple[int, ...]:
    """`0.139.0` as numbers; an empty text is newer than all."""
    return tuple(map(int, re.findall(r"[0-9]+", text))) or (1 << 30,)


def _within(version: str, span: str) -> bool:
    first, last = span.split("..")
    return _version(first) <= _version(version) <= _version(last)
