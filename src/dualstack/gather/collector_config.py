"""A Collector configuration as the endpoints that it declares, each with its place in the file."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import msgspec

from dualstack.gather.errors import BadInput
from dualstack.gather.expand import Environ, expand
from dualstack.gather.sections import SECTIONS, types
from dualstack.gather.vacancies import vacancy
from dualstack.gather.yaml_tree import (
    BadYaml,
    MappingNode,
    Node,
    Origin,
    ScalarNode,
    SequenceNode,
    compose,
    get,
    is_null,
    items,
    pairs,
    scalar,
    text_at,
    value,
)
from dualstack.knowledge import table
from dualstack.model.address import Protocol
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.patterns import pattern
from dualstack.model.sockets import Transport
from dualstack.model.source import Location, Room
from dualstack.reach.brings import CERTIFICATE, HEADERS
from dualstack.reach.features import is_on

TELEMETRY = "service/telemetry"
"""The component that shows the Collector's own metrics."""
_BYTES = 10_000_000
_PROMETHEUS = ("pull", "exporter", "prometheus")
_OTLP = {"yes": True, "open": None, "": False}
_KUBELET = pattern(r"\$\([A-Za-z_][-A-Za-z0-9_.]*\)")
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


def declared(path: str, read: Callable[[str], bytes], environ: Environ, version: str) -> Declared:
    """Every endpoint that the configuration at `path` listens on, with the defaults of a Collector of `version`.

    An empty version means the newest known. Where there is a `service` section, only components that it uses count.
    Raises BadConfig.
    """
    origin = Origin(path, _text(path, read))
    root = _composed(origin)
    if root is None or not {scalar(key) for key, _ in pairs(root)} & SECTIONS:
        raise BadConfig(
            path, 1, 1, "is no Collector configuration: no receivers, exporters or service at the top level"
        )
    reader = Reader(version)
    unused = idle(root, origin, environ, reader)
    return Declared(listening(root, origin, environ, reader), version, path, idle=unused)


class Reader(msgspec.Struct, frozen=True):
    """The Collector that reads a configuration; an empty version means the newest known.

    `gates` are the feature gates that its command line switches on or off. `words` says that the configuration stands
    in its words, where the kubelet fills in `$(NAME)`; the Collector does not.
    """

    version: str = ""
    gates: Mapping[str, bool] = {}
    words: bool = False


def listening(root: Node, origin: Origin, environ: Environ, reader: Reader) -> tuple[DeclaredEndpoint, ...]:
    """The endpoints that a configuration listens on."""
    reading = _reading(root, origin, environ, reader)
    return tuple(x for x in (*_components(root, reading, uses(root)), *_telemetry(root, reading)) if x)


def idle(root: Node, origin: Origin, environ: Environ, reader: Reader) -> tuple[DeclaredEndpoint, ...]:
    """Those that it would listen on if it used every component that it has."""
    used = uses(root)
    unused = _components(root, _reading(root, origin, environ, reader), lambda section, name: not used(section, name))
    return tuple(x for x in unused if x)


def _reading(root: Node, origin: Origin, environ: Environ, reader: Reader) -> "_Reading":
    pipelines = get(root, "service", "pipelines")
    at = origin.location(pipelines[0]) if pipelines else None
    return _Reading(origin, environ, reader, signals(root, "receivers"), at)


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


def _composed(origin: Origin) -> Node | None:
    try:
        return compose(origin)
    except BadYaml as error:
        from dualstack.gather.yaml_slips import slip

        found = slip(origin.text, error.near)
        if found:
            raise BadConfig(error.file, found.line, found.column, found.sentence, found.code) from error
        raise BadConfig(error.file, error.line, error.column, error.sentence) from error


def _used(root: Node) -> dict[str, set[str]] | None:
    """The component ids that `service` names, by section; None where there is no such section."""
    service = value(root, "service")
    if service is None:
        return None
    pipelines = [held for _, held in pairs(value(service, "pipelines"))]
    used = {
        section: {scalar(x) for pipeline in pipelines for x in items(value(pipeline, section))}
        for section in ("receivers", "processors", "exporters")
    }
    return {**used, "extensions": {scalar(x) for x in items(value(service, "extensions"))}}


def signals(root: Node, section: str) -> Mapping[str, tuple[str, ...]]:
    """The signals whose pipelines each component of a section is in, by its path (`receivers/otlp`)."""
    found: dict[str, dict[str, None]] = {}
    for key, pipeline in pairs(value(root, "service", "pipelines")):
        for component in items(value(pipeline, section)):
            found.setdefault(f"{section}/{scalar(component)}", {})[scalar(key).partition("/")[0].strip()] = None
    return {k: tuple(v) for k, v in found.items()}


def uses(root: Node) -> Callable[[str, str], bool]:
    """Whether the configuration uses a component of a section; where it has no `service`, every one counts."""
    used = _used(root)
    return lambda section, name: used is None or name in used[section]


def _components(root: Node, reading: "_Reading", used: Callable[[str, str], bool]) -> Iterator[DeclaredEndpoint | None]:
    for section in ("receivers", "processors", "exporters", "extensions"):
        for key, body in pairs(value(root, section)):
            name = scalar(key)
            if used(section, name):
                for row in _rows(section, name.partition("/")[0].strip()):
                    yield reading.endpoint(row, f"{section}/{name}", f"{section}.{name}", (key, body))


@lru_cache(maxsize=1024)
def _rows(section: str, kind: str) -> list[_Row]:
    rows = (x for x in table("components") if x["section"] == section)
    return [x for x in rows if kind in (x["type"], *x["aliases"].split(","))]


def unread(root: Node, origin: Origin) -> Iterator[tuple[str, str]]:
    """The used receivers and extensions that no table knows, with their texts: they may listen anywhere."""
    used = uses(root)
    for section in ("receivers", "extensions"):
        for key, body in pairs(value(root, section)):
            kind = scalar(key).partition("/")[0].strip()
            if used(section, scalar(key)) and kind not in types(section):
                yield f"{section}/{scalar(key)}", origin.text[body.start_mark.index : body.end_mark.index]


def _telemetry(root: Node, reading: "_Reading") -> Iterator[DeclaredEndpoint | None]:
    """What `service.telemetry.metrics` listens on: the readers, or the address of old, or the default."""
    component, metrics = TELEMETRY, "service.telemetry.metrics"
    pair = get(root, *metrics.split("."))
    body = pair[1] if pair else None
    if expand(scalar(value(body, "level")), reading.environ).value == "none":
        return
    reader, address = _rows("telemetry", "prometheus")[0], _rows("telemetry", "address")[0]
    readers, prometheus = value(body, "readers"), ".".join(_PROMETHEUS)
    for index, item in enumerate(items(readers)):
        found = get(item, *_PROMETHEUS)
        if found:
            yield reading.endpoint(reader, component, f"{metrics}.readers[{index}].{prometheus}", found)
    if readers is not None:
        return
    if pair and value(body, "address"):
        yield reading.endpoint(address, component, metrics, pair)
    else:
        default = (pair[0] if pair else _NOTHING, _NOTHING)
        yield reading.endpoint(reader, component, f"{metrics}.readers[0].{prometheus}", default)


class _Reading(msgspec.Struct, frozen=True):
    """What every endpoint of one file is read with."""

    origin: Origin
    environ: Environ
    reader: Reader
    signals: Mapping[str, tuple[str, ...]]
    pipelines: Location | None

    @property
    def version(self) -> str:
        """That of the Collector, empty where nobody says."""
        return self.reader.version

    def endpoint(self, row: _Row, component: str, path: str, pair: tuple[Node, Node]) -> DeclaredEndpoint | None:
        """The endpoint that a row of the table finds in a component, None where there is none."""
        *sections, leaf = row["field"].split(".")
        holder = get(pair[1], *sections) if sections else pair
        hidden = _hidden(pair[1], sections)
        if (holder is None and row["when"] == "section" and not hidden) or self._silent(row, pair[1]):
            return None
        body = holder[1] if holder else None
        network, wrong = self._network(row, body)
        node = value(body, leaf)
        text = hidden or scalar(node)
        if not network.startswith(("tcp", "udp")) or text.startswith("unix:"):
            return None
        local = is_on(row["gate"], self.version, self.reader.gates) if row["gate"] else True
        default = row["before"] if local is False else row["default"]
        address, problem, cause = (hidden, "", "") if hidden else self._address(row, body, text, default)
        cause = "DS108" if wrong else "DS118" if isinstance(node, SequenceNode) else cause
        return DeclaredEndpoint(
            component=component,
            field=f"{path}.{row['field']}",
            text=text,
            value=address,
            default=default,
            network=network,
            call=row["call"],
            transport=Transport(network[:3]),
            protocol=_protocol(row, network),
            tls=_tls(value(body, "tls")),
            location=self._location(node if node is not None else (holder or pair)[0]),
            written=self.origin.written(node),
            vacant=self._vacant(holder) if node is None else None,
            pinned=self.origin.written(value(body, row["transport"])) if row["transport"] else None,
            problem=wrong or problem or _missing(row["field"], node, hidden, address or default),
            cause=cause,
            host_ignored=bool(row["host ignored"]),
            host_apart=bool(row["port"]),
            room=self._room(row, body),
            signals=self.signals.get(component, ()),
            pipelines=self.pipelines,
            wants=tuple(_wanted(body)),
            paths=tuple(
                expand(text_at(body, f"{x}_url_path"), self.environ).value for x in ("traces", "metrics", "logs")
            ),
            assumed=local is None and not address,
            otlp=_OTLP[row["otlp"]],
        )

    def _silent(self, row: _Row, body: Node) -> bool:
        """Whether the component does not listen there: it is switched off, or another section is written instead."""
        instead = row["when"].removeprefix("without ").split() if row["when"].startswith("without ") else ()
        switch = expand(scalar(value(body, *row["enabled"].split("."))), self.environ).value.lower()
        off = row["enabled"] and switch != "true" and "$" not in switch
        return bool(off) or any(value(body, x) is not None for x in instead)

    def _vacant(self, holder: tuple[Node, Node] | None) -> Room | None:
        return vacancy(*holder, self.origin) if holder and holder[1] is not _NOTHING else None

    def _location(self, node: Node) -> Location | None:
        return None if node is _NOTHING else self.origin.location(node)

    def _network(self, row: _Row, body: Node | None) -> tuple[str, str]:
        """Go's network string, and what is wrong with naming it in this version."""
        text = scalar(value(body, row["transport"])) if row["transport"] else ""
        since = row["transport since"]
        if text and _version(self.version) < _version(since or "0"):
            return row["network"], f"transport is unknown here before Collector {since}, and this is {self.version}"
        network = expand(text, self.environ).value.lower() or row["network"]
        if "$" not in network and row["transports"] and network not in row["transports"].split():
            return row["network"], f'unsupported transport "{network}": it takes {row["transports"]} alone'
        return network, ""

    def _room(self, row: _Row, body: Node | None) -> Room | None:
        """Where a transport for one family can be written, if every version that is meant takes it there."""
        since, taken = row["transport since"], row["transports"].split()
        known = not since or (self.version and _version(self.version) >= _version(since))
        held = value(body, row["transport"]) if row["transport"] else None
        pins = not taken or f"{row['network']}6" in taken
        return self.origin.room(body) if row["transport"] and known and pins and held is None else None

    def _address(self, row: _Row, body: Node | None, text: str, default: str) -> tuple[str, str, str]:
        """The address string that the component binds, what is wrong with it, and the rule that speaks of that."""
        found, unset = expand(text, self.environ)
        plain = any(_within(self.version, x) for x in row["unbracketed"].split(",") if x)
        if row["port"]:
            port, more = expand(scalar(value(body, row["port"])), self.environ)
            found, unset = _joined(found, port, default, plain=plain), (*unset, *more)
        elif plain and found:
            host, _, port = found.rpartition(":")
            found = f"{host.strip('[]')}:{port}"
        if row["host ignored"]:
            found = f":{(found or default).rpartition(':')[2]}"
        if unset:
            return found, f"{' and '.join(unset)} has no value here", ""
        if _KUBELET.search(found) and not self.reader.words:
            host = found.rpartition(":")[0].strip("[]")
            return found, f"listen {row['network']}: lookup {host}: no such host", "DS120"
        if plain and ":" in found.rpartition(":")[0] and not found.startswith("["):
            return found, f"listen {row['network']}: address {found}: too many colons in address", "DS113"
        return found, "", ""


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
    for name in sections:
        if "${" in scalar(node):
            break
        node = value(node, name)
    return scalar(node) if "${" in scalar(node) else ""


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


@lru_cache(maxsize=1024)
def _version(text: str) -> tuple[int, ...]:
    """`0.139.0` as numbers; an empty text is newer than all."""
    return tuple(map(int, re.findall(r"[0-9]+", text))) or (1 << 30,)


def _tls(section: Node | None) -> bool | None:
    """Whether a server speaks TLS; None where a reference stands for the section."""
    return None if "${" in scalar(section) else section is not None and not is_null(section)


def _within(version: str, span: str) -> bool:
    first, last = span.split("..")
    return _version(first) <= _version(version) <= _version(last)


def _wanted(body: Node | None) -> Iterator[str]:
    """The credentials that a server asks for (configtls.ServerConfig, configauth.Config)."""
    if text_at(body, "tls", "client_ca_file"):
        yield CERTIFICATE
    if text_at(body, "auth", "authenticator"):
        yield HEADERS
