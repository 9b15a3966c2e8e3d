"""A Compose file as workloads: one for each network that its services have, so that a pod is what is like it.

Services that share the network of another one are containers of its workload, as those of a pod are
(https://github.com/compose-spec/compose-spec/blob/main/05-services.md).
"""

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

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
from dualstack.model.kube import Container, ContainerPort, Meta, Mount, Variable, Volume, Workload
from dualstack.model.source import Written

FILE, CONFIG = "file", "configs"
"""Kinds of volumes: a file beside the Compose file, and an entry of its `configs`."""

_SHARED = "service:"
_DEEP = 8


class _Service(NamedTuple):
    """A service: its name, its own body and those that it extends, nearest first."""

    key: Node
    bodies: tuple[Node, ...]

    def field(self, name: str) -> Node | None:
        return next((x for body in self.bodies if (x := value(body, name)) is not None), None)

    def all(self, name: str) -> Iterator[Node]:
        """What each body says of a field, that of the service itself last."""
        return (x for body in reversed(self.bodies) if (x := value(body, name)) is not None)


def workloads(root: Node, origin: Origin) -> Iterator[Workload]:
    """The services of a Compose file."""
    services = {scalar(k): _Service(k, tuple(_bodies(v, root, _DEEP))) for k, v in pairs(value(root, "services"))}
    reader = _Reader(Page(origin, "a Compose file"))
    together = dict[str, list[tuple[str, _Service]]]()
    for name, service in services.items():
        together.setdefault(_host(name, services), []).append((name, service))
    for name, members in together.items():
        yield reader.workload(name, members, services[name])


def configurations(root: Node) -> Iterator[tuple[str, ScalarNode]]:
    """The texts that the file itself holds for its services, by name."""
    for key, body in pairs(value(root, "configs")):
        content = value(body, "content")
        if isinstance(content, ScalarNode):
            yield scalar(key), content


def _bodies(body: Node, root: Node, depth: int) -> Iterator[Node]:
    """A service and what it extends in the same file."""
    yield body
    extends = value(body, "extends")
    base = value(root, "services", scalar(extends) or text_at(extends, "service"))
    if base is not None and base is not body and depth and not text_at(extends, "file"):
        yield from _bodies(base, root, depth - 1)


def _host(name: str, services: dict[str, _Service]) -> str:
    """The service whose network a service uses; itself where that is not told."""
    for _ in range(_DEEP):
        mode = scalar(services[name].field("network_mode"))
        if not mode.startswith(_SHARED) or mode.removeprefix(_SHARED) not in services:
            return name
        name = mode.removeprefix(_SHARED)
    return name


class _Reader(NamedTuple):
    """What every service of one file is read with."""

    page: Page

    @property
    def origin(self) -> Origin:
        return self.page.origin

    def workload(self, name: str, members: list[tuple[str, _Service]], service: _Service) -> Workload:
        about = Meta("service", name, self.origin.file, self.origin.location(service.key))
        mounts = [y for _, x in members for y in self._mounted(x)]
        return Workload(
            about,
            containers=tuple(self._container(x, y) for x, y in members),
            volumes=tuple({x.name: x for x, _ in mounts}.values()),
            host_network=scalar(service.field("network_mode")) == "host",
            pod=False,
        )

    def _container(self, name: str, service: _Service) -> Container:
        files = (y for x in service.all("env_file") for y in (items(x) or [x]))
        commands = (service.field("entrypoint"), service.field("command"))
        return Container(
            name,
            self.origin.location(service.key),
            image=scalar(service.field("image")),
            words=tuple(y for x in commands for y in self._words(x)),
            variables=tuple(y for x in service.all("environment") for y in self._variables(x)),
            ports=tuple(y for x in service.all("ports") for z in items(x) for y in self._port(z)),
            mounts=tuple(x for _, x in self._mounted(service)),
            sources=tuple(x for x in (scalar(y) or text_at(y, "path") for y in files) if x),
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
                    yield self.page.written(start + span[0], start + span[1], word.text, exact=bool(node.style))

    def _start(self, node: ScalarNode) -> int | None:
        """Where the text of a scalar begins in the file, None where it is not spelled as it is meant."""
        start, end = node.start_mark.index, node.end_mark.index
        quoted = node.style in ("'", '"')
        inside = self.page.text[start + quoted : end - quoted]
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
        found = assignment(self.page, Word(item.value, item.value, start)) if equals and exact and start else None
        yield found or Variable(name, at, Written(said, at) if said else None)

    def _port(self, node: Node) -> Iterator[ContainerPort]:
        """A port as `host:published:target/protocol`, or as a mapping; a range is not taken apart."""
        written = self.origin.written(node) or self.origin.written(value(node, "target"))
        if written is None:
            return
        address, _, kind = written.text.partition("/")
        rest, _, target = address.rpartition(":")
        published = rest.rpartition(":")[2]
        if isinstance(node, MappingNode):
            kind, said = text_at(node, "protocol"), self.origin.written(value(node, "published"))
        else:
            said = Written(published, written.at) if published.isdigit() else None
        if target.isdigit():
            yield ContainerPort("", Written(target, written.at), said, (kind or "tcp").upper())

    def _mounted(self, service: _Service) -> Iterator[tuple[Volume, Mount]]:
        """The files and the configurations that a service sees."""
        for item in (y for x in service.all("volumes") for y in items(x)):
            source, _, rest = scalar(item).partition(":")
            target = text_at(item, "target") or rest.partition(":")[0]
            source = source or text_at(item, "source")
            if source.startswith((".", "/")) and target:
                path = posixpath.normpath(posixpath.join(posixpath.dirname(self.origin.file), source))
                yield Volume(path, FILE, path), Mount(target, path, "file")
        for item in (y for x in service.all("configs") for y in items(x)):
            name = scalar(item) or text_at(item, "source")
            yield Volume(name, CONFIG, name), Mount(text_at(item, "target") or f"/{name}", name, "file")
