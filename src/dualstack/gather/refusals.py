"""What a Collector refuses of a configuration before it binds anything, as far as it surely does.

Measured with 0.139 and 0.161: an unknown key is refused in any component that is written, used or not; names are told
apart by case, and an older Collector may not do so.
"""

from collections.abc import Iterator

from dualstack.gather.yaml_tree import MappingNode, Node, Origin, get, is_null, items, pairs, scalar, value
from dualstack.knowledge import table
from dualstack.model.otel import Refusal
from dualstack.reach.versions import before

_OTLP = "otlp"
_PROTOCOLS = ("grpc", "http")
_SECTIONS = ("receivers", "processors", "exporters")
_READERS_ALONE = "0.128.0"
"""The first version whose own metrics take no `address` (opentelemetry-collector service/telemetry/internal/migration;
measured with 0.139, 0.149 and 0.161)."""
_READERS = "Write `readers` with a `pull` exporter `prometheus`, its `host` and its `port`."
_SHARED = ("receivers", "exporters")
"""The sections whose place in a pipeline a connector can take."""


def refusals(root: Node, origin: Origin, version: str, *, core: bool = False) -> Iterator[Refusal]:
    """What is refused, in the order of the file, by a Collector of a version, or where that is empty by any.

    Where it is the `core` distribution components of others are refused as well.
    """
    for key, body in pairs(value(root, "receivers")):
        if scalar(key).partition("/")[0].strip() == _OTLP and not _is_elsewhere(body):
            yield from _of_otlp((key, body), origin)
    if version:
        yield from _removed(root, origin, version)
        yield from _renamed_fields(root, origin, version)
    if version and core:
        yield from _foreign(root, origin, version)
    yield from _of_pipelines(root, origin)


def _removed(root: Node, origin: Origin, version: str) -> Iterator[Refusal]:
    for row in table("removed_components"):
        said = row["said"] or _unknown_type(row["type"])
        gone = row["since"] and not before(version, row["since"])
        when = f"it is gone since {row['since']}" if gone else f"it is there since {row['before']} alone"
        if gone or (row["before"] and before(version, row["before"])):
            for key in _of_type(root, row["section"], row["type"]):
                yield Refusal(origin.location(key), said, f"{row['mend']}: {when}.")


def _of_type(root: Node, section: str, *types: str) -> Iterator[Node]:
    """The names of the components of some types."""
    yield from (x for x, _ in pairs(value(root, section)) if scalar(x).partition("/")[0].strip() in types)


def _unknown_type(name: str) -> str:
    return f'unknown type: "{name}"'


def _foreign(root: Node, origin: Origin, version: str) -> Iterator[Refusal]:
    """The components that the core distribution does not have."""
    for row in table("contrib_components"):
        if not before(version, row["from"]) and not before(row["to"], version):
            for key in _of_type(root, row["section"], *row["types"].split()):
                said = _unknown_type(scalar(key).partition("/")[0].strip())
                mend = "Take an image that has it, such as `opentelemetry-collector-contrib`, or take it out."
                yield Refusal(origin.location(key), said, mend)


def _renamed_fields(root: Node, origin: Origin, version: str) -> Iterator[Refusal]:
    """The address of the Collector's own metrics as older versions take it."""
    for key, _ in pairs(value(root, "service", "telemetry", "metrics")):
        if scalar(key) == "address" and not before(version, _READERS_ALONE):
            yield _invalid(key, _READERS, origin)


def _of_otlp(pair: tuple[Node, Node], origin: Origin) -> Iterator[Refusal]:
    strange = tuple(_unknown(pair[1], ("protocols",), origin))
    yield from strange
    protocols = get(pair[1], "protocols")
    named = {scalar(x) for x, _ in pairs(protocols[1])} if protocols else set[str]()
    if strange or (protocols and _is_elsewhere(protocols[1])):
        return
    if not named:
        said = "must specify at least one protocol when using the OTLP receiver"
        mend = "Write `grpc: {}` or `http: {}` under `protocols`."
        yield Refusal(origin.location((protocols or pair)[0]), said, mend, whole=True)
        return
    yield from _unknown(value(pair[1], "protocols"), _PROTOCOLS, origin)
    for key, _ in pairs(value(pair[1], "protocols", "grpc")):
        if scalar(key) == "http":
            yield _invalid(key, "Write it beside `grpc`, as far to the left.", origin)
    for name in _PROTOCOLS:
        for key, _ in pairs(value(pair[1], "protocols", name)):
            if scalar(key).lower() != "endpoint" and _alike(scalar(key), ("endpoint",), 0.8):
                yield _invalid(key, "Write `endpoint`.", origin)


def _alike(name: str, known: tuple[str, ...], cutoff: float = 0.6) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, known, 1, cutoff)


def _unknown(body: Node | None, known: tuple[str, ...], origin: Origin) -> Iterator[Refusal]:
    for key, held in pairs(body):
        name = scalar(key)
        if name.lower() in known or "$" in name:
            continue
        meant = _alike(name, known)
        moved = " or ".join(f"`{x}`" for x in known)
        mend = f"Write `{meant[0]}`." if meant else f"Write it under {moved}." if not _is_section(held) else ""
        yield _invalid(key, mend or f"Take it away: {moved} can stand there.", origin)


def _invalid(key: Node, mend: str, origin: Origin) -> Refusal:
    return Refusal(origin.location(key), f"has invalid keys: {scalar(key)}", mend)


def _is_section(node: Node) -> bool:
    return isinstance(node, MappingNode) or is_null(node)


def _is_elsewhere(node: Node | None) -> bool:
    """Whether a reference stands in the place of a section."""
    return "${" in scalar(node)


def _of_pipelines(root: Node, origin: Origin) -> Iterator[Refusal]:
    """The components that a pipeline or the list of extensions names, and nothing configures."""
    service = value(root, "service")
    for key, pipeline in pairs(value(service, "pipelines")):
        for section in _SECTIONS:
            held = (section, "connectors") if section in _SHARED else (section,)
            for item in _absent(root, held, items(value(pipeline, section))):
                kind, name = section.removesuffix("s"), scalar(item)
                said = f'service::pipelines::{scalar(key)}: references {kind} "{name}" which is not configured'
                yield Refusal(origin.location(item), said, _define(section, name), whole=True)
    for item in _absent(root, ("extensions",), items(value(service, "extensions"))):
        said = f'service::extensions: references extension "{scalar(item)}" which is not configured'
        yield Refusal(origin.location(item), said, _define("extensions", scalar(item)), whole=True)


def _define(section: str, name: str) -> str:
    return f"Configure `{name}` under `{section}`, or take it out here."


def _absent(root: Node, sections: tuple[str, ...], named: list[Node]) -> Iterator[Node]:
    bodies = [value(root, x) for x in sections]
    if any(map(_is_elsewhere, bodies)):
        return
    known = {scalar(key).strip() for x in bodies for key, _ in pairs(x)}
    open_ended = any("$" in x for x in known)
    yield from (x for x in named if scalar(x).strip() not in known and "$" not in scalar(x) and not open_ended)
