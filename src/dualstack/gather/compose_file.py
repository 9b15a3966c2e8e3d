"""A Compose file as workloads: one for each service, with its variables, command, ports, files and names.

(https://github.com/compose-spec/compose-spec/blob/main/05-services.md)
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from dualstack.gather.compose_project import Project
from dualstack.gather.processes_files import assignment
from dualstack.gather.text_tree import Page
from dualstack.gather.words import Word, words
from dualstack.gather.yaml_tree import (
    MappingNode,
    Node,
    Origin,
    ScalarNode,
    SequenceNode,
    items,
    pairs,
    scalar,
    text_at,
    value,
)
from dualstack.model.address import Family
from dualstack.model.kube import Container, ContainerPort, Meta, Mount, Variable, Volume, Workload
from dualstack.model.source import Written

_HOST_FOLDER = re.compile(r"^\$(?:PWD|\{PWD\})(?=/|$)")
_BOUND = (".", "/", "~")
_OTHERS = ("service:", "container:")
_INSTEAD = ("!reset", "!override")


class _Service(NamedTuple):
    """A service: its name, its own body and those that it extends, nearest first."""

    key: Node
    bodies: tuple[Node, ...]

    def field(self, name: str) -> Node | None:
        return next((x for body in self.bodies if (x := value(body, name)) is not None), None)

    def all(self, name: str) -> Iterator[Node]:
        """What each body says of a field, that of the service itself last; one can take back those before it."""
        held = list[Node]()
        for body in reversed(self.bodies):
            said = value(body, name)
            if said is not None:
                held = [said] if said.tag in _INSTEAD else [*held, said]
        yield from held


def workloads(project: Project) -> Iterator[Workload]:
    """The services of a project."""
    reader = _Reader(project)
    return (reader.workload(scalar(key), _Service(key, bodies)) for key, bodies in project.services())


def contents(root: Node) -> Iterator[tuple[str, ScalarNode]]:
    """The configs whose text stands in the file itself."""
    for key, body in pairs(value(root, "configs")):
        held = value(body, "content")
        if isinstance(held, ScalarNode):
            yield scalar(key), held


def _names(name: str, service: _Service) -> Iterator[str]:
    """The names that other services reach one by (Compose specification, services and networks)."""
    yield name
    yield from (x for y in ("container_name", "hostname") if (x := scalar(service.field(y))))
    for _, network in pairs(service.field("networks")):
        yield from map(scalar, items(value(network, "aliases")))


class _Reader(msgspec.Struct):
    """What every service of one project is read with."""

    project: Project
    pages: dict[str, Page] = {}

    @property
    def origin(self) -> Origin:
        return self.project.origin

    def _page(self, node: Node) -> Page:
        origin = self.origin.at(node)
        if origin.file not in self.pages:
            self.pages[origin.file] = Page(origin, "a Compose file")
        return self.pages[origin.file]

    def workload(self, name: str, service: _Service) -> Workload:
        mode = scalar(service.field("network_mode"))
        return Workload(
            Meta("service", name, self.origin.file, self.origin.location(service.key)),
            containers=(self._container(name, service),),
            volumes=tuple({x.name: x for x, _ in self._mounted(service)}.values()),
            host_network=mode == "host",
            pod=False,
            names=tuple(dict.fromkeys(_names(name, service))),
            shares=mode.partition(":")[2] if mode.startswith(_OTHERS) else "",
            families=(Family.IPV4,) if self._lacks_ipv6(service) else (),
        )

    def _lacks_ipv6(self, service: _Service) -> bool:
        """Whether IPv6 is switched off on every interface of a network that is its own."""
        each = (y for x in service.all("sysctls") for y in self._variables(x))
        said = {x.name: x.value.text for x in each if x.value}
        return said.get("net.ipv6.conf.all.disable_ipv6") == "1" and service.field("network_mode") is None

    def _container(self, name: str, service: _Service) -> Container:
        files = (y for x in service.all("env_file") for y in (items(x) or [x]))
        commands = (service.field("entrypoint"), service.field("command"))
        return Container(
            name,
            self.origin.location(service.key),
            image=scalar(service.field("image")),
            words=tuple(y for x in commands for y in self._words(x)),
            variables=tuple(y for x in service.all("environment") for y in self._variables(x)),
            ports=tuple(self._ports(service)),
            mounts=tuple(x for _, x in self._mounted(service)),
            sources=tuple(self._source(x, y) for x in files if (y := scalar(x) or text_at(x, "path"))),
        )

    def _source(self, node: Node, path: str) -> str:
        """A file of variables, from the folder of the project."""
        home, own = os.path.dirname(self.project.path), os.path.dirname(self.origin.at(node).file)
        return (
            path if os.path.isabs(path) or home == own else os.path.relpath(self.project.place(node, path), home or ".")
        )

    def _words(self, node: Node | None) -> Iterator[Written]:
        """A command as a list, or as one text that is taken apart as a shell does."""
        if isinstance(node, SequenceNode):
            yield from filter(None, map(self.origin.written, node.value))
        elif isinstance(node, ScalarNode):
            for word in words(node.value):
                start = self._start(node)
                span = word.span(word.text) if start is not None else None
                if start is None or span is None:
                    yield Written(word.text, self.origin.location(node))
                else:
                    yield self._page(node).written(start + span[0], start + span[1], word.text, exact=bool(node.style))

    def _start(self, node: ScalarNode) -> int | None:
        """Where the text of a scalar begins in the file, None where it is not spelled as it is meant."""
        start, end = node.start_mark.index, node.end_mark.index
        quoted = node.style in ("'", '"')
        inside = self._page(node).text[start + quoted : end - quoted]
        return start + quoted if inside == node.value else None

    def _variables(self, node: Node) -> Iterator[Variable]:
        """`environment` as a mapping, or as a list of `NAME=value`; one without a value is that of who starts it."""
        for key, held in pairs(node):
            yield Variable(scalar(key), self.origin.location(key), self.origin.written(held) or None)
        for item in items(node):
            flow = isinstance(node, SequenceNode) and bool(node.flow_style)
            yield from self._variable(item, flow=flow) if isinstance(item, ScalarNode) else ()

    def _variable(self, item: ScalarNode, *, flow: bool) -> Iterator[Variable]:
        """One that is spelled as it is meant can be changed; without quotes it must not be inside brackets."""
        name, equals, said = item.value.partition("=")
        start, at = self._start(item), self.origin.location(item)
        exact = start is not None and (bool(item.style) or not flow)
        found = (
            assignment(self._page(item), Word(item.value, item.value, start)) if equals and exact and start else None
        )
        yield found or Variable(name, at, Written(said, at) if said else None)

    def _ports(self, service: _Service) -> Iterator[ContainerPort]:
        """`ports`, which are reached through the host, and `expose`; a range is not taken apart."""
        for item in (y for x in service.all("ports") for y in items(x)):
            written = self.origin.written(item) or self.origin.written(value(item, "target"))
            if written is None:
                continue
            address, _, kind = written.text.partition("/")
            rest, _, target = address.rpartition(":")
            published = rest.rpartition(":")[2]
            said = Written(published, written.at) if published.isdigit() else written
            if isinstance(item, MappingNode):
                kind, said = text_at(item, "protocol"), self.origin.written(value(item, "published")) or written
            if target.isdigit():
                yield ContainerPort("", Written(target, written.at), said, (kind or "tcp").upper())
        for item in (y for x in service.all("expose") for y in items(x)):
            said_to_others = self.origin.written(item)
            if said_to_others:
                yield ContainerPort("", said_to_others)

    def _mounted(self, service: _Service) -> list[tuple[Volume, Mount]]:
        """What it sees, the last one of each place."""
        return list({x[1].path: x for x in self._held(service)}.values())

    def _held(self, service: _Service) -> Iterator[tuple[Volume, Mount]]:
        """The files and folders of the host that a service sees, and the `configs` that it is given."""
        for item in (y for x in service.all("volumes") for y in items(x)):
            source, _, target = scalar(item).partition(":")
            if not source:
                source, target = text_at(item, "source"), text_at(item, "target")
            path = _HOST_FOLDER.sub(".", source)
            if path.startswith(_BOUND):
                yield self._file(item, path, target.partition(":")[0])
        for item in (y for x in service.all("configs") for y in items(x)):
            name = scalar(item) or text_at(item, "source")
            target, config = text_at(item, "target") or f"/{name}", self.project.config(name)
            held = value(config, "file")
            if held is not None:
                yield self._file(held, scalar(held), target)
            elif value(config, "content") is not None:
                yield Volume(name, "config", name), Mount(target, name, name)

    def _file(self, node: Node, path: str, target: str) -> tuple[Volume, Mount]:
        """A file beside the Compose file, and where it is seen."""
        place = self.project.place(node, path)
        return Volume(place, "file", place), Mount(target, place)
