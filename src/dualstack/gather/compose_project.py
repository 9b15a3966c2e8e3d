"""Compose files that are one project: overrides, what is included, and services that extend those of other files.

(https://github.com/compose-spec/compose-spec/blob/main/13-merge.md, 14-include.md; docker compose reads the override
beside the file by itself.)
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from dualstack.gather.merge import Origins, origins
from dualstack.gather.yaml_tree import Node, Origin, items, pairs, scalar, text_at, value

File = tuple[Node, Origin]

_BASES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = tuple(f"{x}.override.{y}" for x in ("compose", "docker-compose") for y in ("yml", "yaml"))
_DEEP = 8


class Project(msgspec.Struct):
    """The files of a project, those that win first. `load` gives another one by its path, None where there is none."""

    files: Sequence[File]
    load: Callable[[str], File | None]
    origin: Origins

    @property
    def path(self) -> str:
        """The file that the project is known by."""
        return self.origin.file

    def services(self) -> Iterator[tuple[Node, tuple[Node, ...]]]:
        """The services, each by its key, with what is said of it, nearest first, also where it is extended."""
        keys = {scalar(k): k for root, _ in reversed(self.files) for k, _ in pairs(value(root, "services"))}
        for name, key in keys.items():
            yield key, tuple(self._bodies(name, self.files, _DEEP))

    def config(self, name: str) -> Node | None:
        """An entry of `configs`."""
        return next((x for root, _ in self.files if (x := value(root, "configs", name)) is not None), None)

    def place(self, node: Node, path: str) -> str:
        """A path that a node names, from the folder of its own file."""
        return os.path.normpath(os.path.join(os.path.dirname(self.origin.at(node).file), path))

    def _bodies(self, name: str, files: Sequence[File], depth: int) -> Iterator[Node]:
        for root, _ in files:
            body = value(root, "services", name)
            if body is None:
                continue
            yield body
            extends = value(body, "extends")
            base, path = scalar(extends) or text_at(extends, "service"), text_at(extends, "file")
            if path and depth:
                other = self.load(self.place(body, path))
                if other:
                    self.origin.hold(*other)
                    yield from self._bodies(base, (other,), depth - 1)
            elif base and base != name and depth:
                yield from self._bodies(base, files, depth - 1)


def projects(files: Iterable[File], load: Callable[[str], File | None]) -> Iterator[Project]:
    """The projects of some Compose files; `load` gives others. One that another takes in is none of its own."""
    known = {os.path.abspath(x.file): (root, x) for root, x in files}

    def get(path: str) -> File | None:
        return known.get(os.path.abspath(path)) or load(path)

    heads = dict.fromkeys(_head(x.file, get) for _, x in known.values())
    held = {x: list(_held(x, get, (), _DEEP)) for x in heads}
    inner = {os.path.abspath(y.file) for k, x in held.items() for _, y in x[_own(x, k) :]}
    for head, each in held.items():
        if os.path.abspath(head) in inner or not each:
            continue
        own = next(x for _, x in each if os.path.abspath(x.file) == os.path.abspath(head))
        origin = origins(own)
        for root, where in each:
            origin.hold(root, where)
        yield Project(each, get, origin)


def _own(files: Sequence[File], head: str) -> int:
    """How many of the files are the project's own: its override and itself, which stand first."""
    there = [os.path.abspath(x.file) for _, x in files]
    return there.index(os.path.abspath(head)) + 1 if files else 0


def _beside(path: str, names: Iterable[str], get: Callable[[str], File | None]) -> str | None:
    folder = os.path.dirname(path)
    return next((y for x in names if get(y := os.path.join(folder, x))), None)


def _head(path: str, get: Callable[[str], File | None]) -> str:
    """The file that an override belongs to; any other one itself."""
    return (_beside(path, _BASES, get) if os.path.basename(path) in _OVERRIDES else None) or path


def _held(path: str, get: Callable[[str], File | None], chain: tuple[str, ...], depth: int) -> Iterator[File]:
    """The files that one brings: its override, itself, and those that it includes."""
    own = get(path)
    if own is None or os.path.abspath(path) in chain or not depth:
        return
    override = _beside(path, _OVERRIDES, get) if os.path.basename(path) in _BASES and not chain else None
    over = get(override) if override else None
    if over:
        yield over
    yield own
    for said in items(value(own[0], "include")):
        listed = [scalar(said)] if scalar(said) else _paths(value(said, "path"))
        for name in reversed(listed):
            target = os.path.normpath(os.path.join(os.path.dirname(path), name))
            yield from _held(target, get, (*chain, os.path.abspath(path)), depth - 1)


def _paths(node: Node | None) -> list[str]:
    return [scalar(x) for x in items(node)] or [scalar(node)]


def homes(made: Iterable[Project]) -> Mapping[str, str]:
    """The file that the project of a file is known by."""
    return {origin.file: x.path for x in made for _, origin in x.files}
