"""Configurations of other agents that listen for OTLP or send it, by `knowledge/agents.table`."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from dualstack.gather import alloy_tree, fluent_tree, toml_tree
from dualstack.gather.errors import BadFile
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, ScalarNode, items, pairs, scalar
from dualstack.knowledge import table
from dualstack.model.address import Protocol, is_address
from dualstack.model.foreign import ForeignListener
from dualstack.model.otel import Declared, DeclaredEndpoint, Destination, Holder
from dualstack.model.sockets import Transport
from dualstack.model.source import Location, Written
from dualstack.reach.unknowns import REFERENCE

_Row = Mapping[str, str]

_MOST = 10_000_000  # characters

_LANGUAGES: tuple[tuple[re.Pattern[str], Callable[[Origin], Node]], ...] = (
    (re.compile(r"^[ \t]*otelcol\.(?:receiver|exporter)\.\w+[ \t]+[\"`]", re.MULTILINE), alloy_tree.tree),
    (re.compile(r"^[ \t]*\[\[?[ \t]*(?:inputs|outputs)\.opentelemetry\b", re.MULTILINE), toml_tree.tree),
    (
        re.compile(r"^[ \t]*type[ \t]*=[ \t]*[\"']opentelemetry[\"']|^[ \t]*\[(?:sources|sinks)\.", re.MULTILINE),
        toml_tree.tree,
    ),
    (re.compile(r"^[ \t]*\[(?:INPUT|OUTPUT)\][ \t]*\r?$", re.MULTILINE | re.IGNORECASE), fluent_tree.tree),
)
"""What a line of a configuration that is no YAML looks like, and who reads it."""
_MORE = re.compile(
    r"^[ \t]*(?:import\.(?:file|git|http|string)[ \t]+\"|@include\b|includes[ \t]*:)", re.MULTILINE | re.IGNORECASE
)
"""What takes more into a configuration of Alloy or Fluent Bit, from a place that it names."""


_BARE = re.compile(r"\$([A-Za-z_]\w*)")
"""A variable without braces, as Telegraf and Vector take it (their documentation, environment variables)."""
_SET = re.compile(r"^[ \t]*@SET[ \t]+(\w+)[ \t]*=[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
"""What gives a variable a value in the classic configuration of Fluent Bit (Fluent Bit documentation, Commands)."""
_YES = ("on", "true", "yes", "1")
_OPEN = "${an expression}"
"""What stands for a value that nobody but the agent knows, as a variable without one does."""


class Agent(NamedTuple):
    """What a configuration says: where it listens and sends, and how the rules of other programs see its listeners."""

    declared: Declared = Declared()
    foreign: tuple[ForeignListener, ...] = ()


def of_text(origin: Origin, holder: Holder) -> Agent | None:
    """What a text that is no YAML says; None where it is no configuration with OTLP in it. Raises BadFile."""
    if "otelcol." not in origin.text and "opentelemetry" not in origin.text.lower():
        return None
    if len(origin.text) > _MOST:
        raise BadFile(origin.file, f"is larger than {_MOST // 1_000_000} MB: no configuration")
    reader = next((x for pattern, x in _LANGUAGES if pattern.search(origin.text)), None)
    return of_tree(reader(origin), origin, holder) if reader else None


def of_tree(root: Node, origin: Origin, holder: Holder) -> Agent | None:
    """What nodes say; None where they are no configuration with OTLP in it."""
    listens, sends, found, open_ = list[DeclaredEndpoint](), list[Destination](), False, False
    for row in table("agents"):
        for path, component in _at(root, row["where"].split("/"), ""):
            if not _has(component, row["having"]):
                continue
            found = True
            place = _Place(row, path, component, origin)
            open_ = open_ or (row["does"] == "listens" and not place.is_told)
            listens += place.listeners() if row["does"] == "listens" else ()
            sends += place.destinations() if row["does"] == "sends" else ()
    whole = bool(listens) and not open_ and not _MORE.search(origin.text)
    declared = Declared(
        tuple(listens),
        file=origin.file,
        destinations=tuple(sends),
        holder=holder,
        at=origin.location(root),
        whole=whole,
    )
    return Agent(declared, tuple(map(_foreign, listens))) if found else None


def _foreign(endpoint: DeclaredEndpoint) -> ForeignListener:
    """A listener whose host may stand apart from its port, or be left out; then nothing can be changed in place."""
    row = next(x for x in table("agents") if x["product"] == endpoint.component)
    host, usual = endpoint.default.rpartition(":")[0], bool(row["port"])
    at = endpoint.location or Location("", 0)
    written = endpoint.written or Written(host if usual else endpoint.default, at)
    wildcard = "::" if usual else "[::]"
    return ForeignListener(
        endpoint.component,
        endpoint.field,
        written,
        endpoint.effective,
        endpoint.runtime,
        endpoint.network,
        wildcard=wildcard,
    )


def _at(node: Node, steps: list[str], path: str) -> Iterator[tuple[str, Node]]:
    """The nodes at a path in which `*` stands for any key and `[]` for each item of a list."""
    if not steps:
        yield path, node
    elif steps[0] == "[]":
        for index, item in enumerate(items(node)):
            yield from _at(item, steps[1:], f"{path}[{index}]")
    else:
        for key, held in pairs(node):
            if steps[0] in ("*", scalar(key).lower()):
                yield from _at(held, steps[1:], f"{path}.{scalar(key)}".lstrip("."))


def _has(component: Node, wanted: str) -> bool:
    name, _, said = wanted.partition("=")
    return isinstance(component, MappingNode) and (not name or scalar(_get(component, name)).lower() == said)


def _get(node: Node | None, path: str) -> Node | None:
    """The value at a path of names, whatever their case."""
    for name in path.split("/"):
        node = next((v for k, v in pairs(node) if scalar(k).lower() == name), None)
    return node


class _Place(NamedTuple):
    """A component and the row that speaks of it."""

    row: _Row
    path: str
    component: Node
    origin: Origin

    @property
    def field(self) -> str:
        return f"{self.path}.{self.row['field'].replace('/', '.')}"

    @property
    def is_told(self) -> bool:
        """Whether a text says the address, or none is written; it can be an expression of Alloy as well."""
        return isinstance(_get(self.component, self.row["field"]), ScalarNode | None)

    def listeners(self) -> Iterator[DeclaredEndpoint]:
        """The address that it listens on; none where an expression says it, or nothing does."""
        row, node = self.row, _get(self.component, self.row["field"])
        text = self._valued(self._joined(scalar(node)))
        if not self.is_told or text.startswith("unix:") or not (text or row["default"]):
            return
        network = scalar(_get(self.component, row["transport"])) if row["transport"] else ""
        yield DeclaredEndpoint(
            component=row["product"],
            field=self.field,
            text=scalar(node),
            value=text,
            default=row["default"],
            network=network or row["network"],
            call=row["call"],
            transport=Transport.TCP,
            protocol=Protocol(row["protocol"]),
            tls=None,
            otlp=True,
            location=self.origin.location(node if node is not None else self.component),
            written=self.origin.written(node),
            runtime=row["runtime"],
            host_apart=bool(row["port"]),
        )

    def _joined(self, said: str) -> str:
        """The address with the port that stands beside it; empty where neither is written."""
        port = scalar(_get(self.component, self.row["port"])) if self.row["port"] else ""
        if not self.row["port"] or not (said or port):
            return said
        host, _, usual = self.row["default"].rpartition(":")
        bare = (said or host).removeprefix("[").removesuffix("]")
        return f"[{bare}]:{port or usual}" if ":" in bare else f"{bare}:{port or usual}"

    def destinations(self) -> Iterator[Destination]:
        """The address that it sends to, where a text says it."""
        written = self.origin.written(_get(self.component, self.row["field"]))
        if written:
            yield self._destination(written)

    def _destination(self, written: Written) -> Destination:
        row, url = self.row, "://" in written.text
        form, protocol, client = (_choice(row[x], url=url) for x in ("form", "protocol", "client"))
        port = scalar(_get(self.component, row["port"])) if row["port"] else ""
        port = port or row["default"].rpartition(":")[2]
        text, alone = written.text, is_address(written.text.removeprefix("[").removesuffix("]"))
        apart = f"{text}:{port}" if port and ":" not in text else text
        said = self._valued(self._joined(text) if row["port"] and alone else apart)
        unset = tuple(dict.fromkeys(REFERENCE.findall(said)))
        switch = self._said(row["unless"]).lower() if row["unless"] else ""
        insecure = self._said(row["insecure"])
        as_grpc = switch in _YES and insecure == "true"
        open_ = switch in (*_YES, "auto") or "$" in switch
        return Destination(
            row["product"],
            self.field,
            written,
            said,
            form,
            Protocol.GRPC if as_grpc else Protocol(protocol),
            client,
            unset,
            otlp=as_grpc or not open_,
            insecure=insecure,
            authority="" if as_grpc else self._said(row["authority"]),
            unverified=self._said(row["unverified"]),
            server_name=self._said(row["server"]),
            since=row["since"] if as_grpc else "",
        )

    def _valued(self, text: str) -> str:
        """A text with the variables that the configuration itself gives a value, and others as references."""
        found = _BARE.sub(r"${\1}", text)
        for name, value in _SET.findall(self.origin.text) if "${" in found else ():
            found = found.replace(f"${{{name}}}", value)
        return found

    def _said(self, cell: str) -> str:
        """What a cell of the table comes to here: the first of its fields, or what that is where it is left out."""
        fields, _, usual = cell.removeprefix("!").partition("=")
        held = (y for x in fields.split() for _, y in _at(self.component, x.split("/"), ""))
        node = next(held, None)
        said = _OPEN if isinstance(node, MappingNode) else scalar(node) or usual
        return said if cell[:1] != "!" or "$" in said else str(said.lower() not in _YES).lower()


def _choice(cell: str, *, url: bool) -> str:
    """One of a cell's words: the second is for an address with a scheme."""
    plain, _, other = cell.partition(" ")
    return other if url and other else plain
