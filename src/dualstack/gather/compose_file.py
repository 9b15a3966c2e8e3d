"""A Compose file as workloads: one for each service, with its variables, command, ports, files and names."""

import os
import re
from collections.abc import Iterator

from dualstack.gather.yaml_tree import MappingNode, Node, Origin, ScalarNode, get, items, pairs, scalar, text_at, value
from dualstack.model.kube import Container, ContainerPort, Meta, Mount, Variable, Volume, Workload
from dualstack.model.source import Written

_HOST_FOLDER = re.compile(r"^\$(?:PWD|\{PWD\})(?=/|$)")
_BOUND = (".", "/", "~")
_OTHERS = ("service:", "container:")


def workloads(root: Node, origin: Origin) -> Iterator[Workload]:
    """The services of a Compose file."""
    for key, body in pairs(value(root, "services")):
        name = scalar(key)
        at = origin.location(key)
        words = (value(body, "entrypoint"), value(body, "command"))
        held = [*_bound(body, origin), *_configs(root, body, origin)]
        container = Container(
            name,
            at,
            image=text_at(body, "image"),
            words=tuple(x for node in words for x in _words(node, origin)),
            variables=tuple(_variables(body, origin)),
            ports=tuple(_ports(body, origin)),
            mounts=tuple(x for _, x in held),
        )
        mode = text_at(body, "network_mode")
        yield Workload(
            Meta("service", name, origin.file, at),
            containers=(container,),
            volumes=tuple({x.name: x for x, _ in held}.values()),
            host_network=mode == "host",
            pod=False,
            names=tuple(dict.fromkeys(_names(name, body))),
            shares=mode.partition(":")[2] if mode.startswith(_OTHERS) else "",
        )


def contents(root: Node) -> Iterator[tuple[str, ScalarNode]]:
    """The configs whose text stands in the file itself."""
    for key, body in pairs(value(root, "configs")):
        held = value(body, "content")
        if isinstance(held, ScalarNode):
            yield scalar(key), held


def _names(name: str, body: Node) -> Iterator[str]:
    """The names that other services reach one by (Compose specification, services and networks)."""
    yield name
    yield from filter(None, (text_at(body, "container_name"), text_at(body, "hostname")))
    for _, network in pairs(value(body, "networks")):
        yield from map(scalar, items(value(network, "aliases")))


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


def _ports(body: Node, origin: Origin) -> Iterator[ContainerPort]:
    """`ports`, which are reached through the host, and `expose` (Compose specification, services)."""
    for item in items(value(body, "ports")):
        said = origin.written(item)
        if said:
            place, _, protocol = said.text.partition("/")
            number = Written(place.rpartition(":")[2], said.at)
            yield ContainerPort("", number, said, protocol.upper() or "TCP")
        else:
            target = origin.written(value(item, "target"))
            if target:
                published = origin.written(value(item, "published")) or target
                yield ContainerPort("", target, published, text_at(item, "protocol").upper() or "TCP")
    for item in items(value(body, "expose")):
        said = origin.written(item)
        if said:
            yield ContainerPort("", said)


def _bound(body: Node, origin: Origin) -> Iterator[tuple[Volume, Mount]]:
    """The files and folders of the host that a service sees."""
    for item in items(value(body, "volumes")):
        source, _, target = scalar(item).partition(":")
        if not source:
            source, target = text_at(item, "source"), text_at(item, "target")
        path = _HOST_FOLDER.sub(".", source)
        if path.startswith(_BOUND):
            yield _file(path, target.partition(":")[0], origin)


def _file(path: str, target: str, origin: Origin) -> tuple[Volume, Mount]:
    """A file beside the Compose file, and where it is seen."""
    place = os.path.normpath(os.path.join(os.path.dirname(origin.file), path))
    return Volume(place, "file", place), Mount(target, place)


def _configs(root: Node, body: Node, origin: Origin) -> Iterator[tuple[Volume, Mount]]:
    """The `configs` of a service: files of the host, or texts in the Compose file itself."""
    for item in items(value(body, "configs")):
        name = scalar(item) or text_at(item, "source")
        target = text_at(item, "target") or f"/{name}"
        path = text_at(root, "configs", name, "file")
        if path:
            yield _file(path, target, origin)
        elif value(root, "configs", name, "content") is not None:
            yield Volume(name, "config", name), Mount(target, name, name)
