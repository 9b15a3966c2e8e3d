"""A Compose file as workloads: one for each service, with its variables, its command and its ports."""

from collections.abc import Iterator

from dualstack.gather.yaml_tree import MappingNode, Node, Origin, get, items, pairs, scalar, text_at, value
from dualstack.model.kube import Container, Meta, Variable, Workload
from dualstack.model.source import Written


def workloads(root: Node, origin: Origin) -> Iterator[Workload]:
    """The services of a Compose file."""
    for key, body in pairs(value(root, "services")):
        name = scalar(key)
        at = origin.location(key)
        words = (value(body, "entrypoint"), value(body, "command"))
        container = Container(
            name,
            at,
            image=text_at(body, "image"),
            words=tuple(x for node in words for x in _words(node, origin)),
            variables=tuple(_variables(body, origin)),
        )
        host = text_at(body, "network_mode") == "host"
        yield Workload(Meta("service", name, origin.file, at), containers=(container,), host_network=host, pod=False)


def _words(node: Node | None, origin: Origin) -> Iterator[Written]:
    for each in items(node) or ([node] if node is not None else []):
        written = origin.written(each)
        if written:
            yield written


def _variables(body: Node, origin: Origin) -> Iterator[Variable]:
    """`environment` as a mapping or as a list of `NAME=value`."""
    pair = get(body, "environment")
    held = pair[1] if pair else None
    if isinstance(held, MappingNode):
        for key, said in pairs(held):
            yield Variable(scalar(key), origin.location(key), origin.written(said) or None)
    for item in items(held):
        written = origin.written(item)
        if written and "=" in written.text:
            name, _, text = written.text.partition("=")
            raw = written.raw.partition("=")[2] if not written.raw.startswith(("'", '"')) else ""
            start = written.at.column + len(name) + 1
            at = (
                written.at
                if not raw
                else type(written.at)(
                    written.at.file, written.at.line, start, written.at.end_line, written.at.end_column
                )
            )
            yield Variable(name, written.at, Written(text, at, raw))
