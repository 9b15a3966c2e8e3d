"""What a mapping of YAML is that holds sections of a Collector configuration."""

import re
from functools import cache

from dualstack.gather.yaml_tree import MappingNode, Node, pairs, scalar, value
from dualstack.knowledge import table
from dualstack.model.otel import TEMPO

SECTIONS = {"receivers", "processors", "exporters", "connectors", "extensions", "service"}


def is_config(node: Node | None) -> bool:
    """Whether a mapping is a Collector configuration, or a part of one that is merged with others."""
    held = {scalar(k): v for k, v in reversed(list(pairs(node)))}
    sections = {k for k, v in held.items() if k in SECTIONS and isinstance(v, MappingNode)}
    if value(node, "service", "pipelines") is not None or len(sections - {"service"}) > 1:
        return bool(sections)
    return bool(held) and held.keys() <= SECTIONS and any(_is_known(x, held[x]) for x in sections)


def config_in(root: Node) -> tuple[Node, str] | None:
    """The Collector configuration that a document is, or holds as Grafana Tempo does, and in which field it does.

    None where there is none. The receivers of Tempo's distributor are the Collector's, and are written as there
    (grafana/tempo modules/distributor/config.go); all of them are in use.
    """
    if is_config(root):
        return root, ""
    distributor = value(root, TEMPO)
    return (distributor, TEMPO) if distributor and value(distributor, "receivers") is not None else None


def _is_known(section: str, body: Node) -> bool:
    """Whether a section has a component that the tables know."""
    return any(scalar(k).partition("/")[0].strip() in types(section) for k, _ in pairs(body))


@cache
def types(section: str) -> frozenset[str]:
    """The types of a section that a table knows."""
    names = ("components", "destinations", "silent_components")
    rows = (x for name in names for x in table(name) if x["section"] == section)
    return frozenset(y for x in rows for y in (x["type"], *re.split("[ ,]+", x.get("aliases", ""))) if y)
