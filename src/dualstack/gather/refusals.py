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
_SHARED = ("receivers", "exporters")
"""The sections whose place in a pipeline a connector can take."""


def refusals(root: Node, origin: Origin, version: str) -> Iterator[Refusal]:
    """What is refused, in the order of the file, by a Collector of a version, or where that is empty by any."""
    for key, body in pairs(value(root, "receivers")):
        if scalar(key).partition("/")[0].strip() == _OTLP and not _is_elsewhere(body):
            yield from _of_otlp((key, body), origin)
    yield from _removed(root, origin, version)
    yield from _of_pipelines(root, origin)


def _removed(root: Node, origin: Origin, version: str) -> Iterator[Refusal]:
    for row in table("removed_components") if version else ():
        for key, _ in pairs(value(root, row["section"])):
            if scalar(key).partition("/")[0].strip() == row["type"] and not before(version, row["since"]):
                mend = f"Write `{row['instead']}` in its place, and in the pipelines: it is gone since {row['since']}."
                yield Refusal(origin.location(key), row["said"], mend)


def _of_otlp(pair: tuple[Node, Node], origin: Origin) -> Iterator[Refusal]:
    strange = tuple(_unknown(pair[1], ("protocols",), origin))
    yield from strange
    protocols = get(pair[1], "protocols")
    named = {scalar(x) for x, _ in pairs(protocols[1])} if protocols else set[str]()
    if strange or (protocols and _is_elsewhere(protocols[1])):
        return
    if not named:
        said = "must specify at least one protocol when using the OTLP receiver"
        mend = "Write `grpc:` or `http:` under `protocols`."
        yield Refusal(origin.location((protocols or pair)[0]), said, mend, whole=True)
        return
    yield from _unknown(value(pair[1], "protocols"), _PROTOCOLS, origin)
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
