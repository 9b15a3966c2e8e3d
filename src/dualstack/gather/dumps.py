"""Objects of a cluster from files that others wrote: `kubectl get`, `kubectl cluster-info dump`, a support bundle."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from dualstack.gather import kinds
from dualstack.gather.archive import MAGIC, unpacked
from dualstack.gather.bundle import GZIP, files_in
from dualstack.gather.derived import derive_slices, nameserver
from dualstack.gather.enforcers import running
from dualstack.gather.errors import BadFile
from dualstack.gather.extent import note
from dualstack.gather.files import Text, decoded, found, text_of
from dualstack.gather.kube_objects import slim, text
from dualstack.gather.regular import read
from dualstack.gather.yaml_tree import BadYaml, Origin, chunks, compose, plain
from dualstack.model.evidence import Missing
from dualstack.model.world import World, part

_NEVER = ("Secret",)
_LARGEST = 500_000_000  # bytes of a snapshot
_IN_BUNDLE = re.compile(r"(?:^|/)cluster-resources/(?P<kind>[a-z-]+)(?:/[^/]+)?\.json$")
_ERRORS = re.compile(r"(?:^|/)cluster-resources/(?P<kind>[a-z-]+)-errors\.json$")
_ONE_MAP = re.compile(r"(?:^|/)configmaps/[^/]+/.+\.json$")
"""Paths of a support bundle (troubleshoot pkg/collect cluster_resources.go, configmap.go; pkg/constants)."""
_OLD = ("", "extensions")
"""The core group, and one that had kinds of others at first: what is of these is what its name says."""
_POLICY = kinds.POLICIES.kind
_TWICE = "objects of one time"
_HIDDEN = "***HIDDEN***"
"""What a support bundle has in the place of what was redacted (troubleshoot pkg/redact)."""


class _Where(NamedTuple):
    """The file that a document comes from: its path, and the kind of object that the path says."""

    path: str
    kind: str = ""
    version: str = ""


def read_world(path: str) -> World:
    """The world in a snapshot, a support bundle, or a folder or a file of objects. Raises BadInput."""
    texts = _texts(path)
    if isinstance(texts, World):
        return texts
    world = world_of(texts, os.path.basename(path.rstrip("/")))
    if not world.objects:
        raise BadFile(path, "holds no object of Kubernetes and is no snapshot.")
    derive_slices(world)
    world.engines = [*running(world.objects)]
    world.dns = [y for x in nameserver(world) for y in x.addresses]
    return world


def _texts(path: str) -> World | Iterable[Text]:
    if not os.path.isdir(path):
        try:
            raw = read(path, _LARGEST)
        except OSError as error:
            raise BadFile(
                path, f"cannot be read: {error.strerror}. Name a snapshot, or a folder of objects."
            ) from error
        if raw.startswith(MAGIC):
            return unpacked(path, raw)
        if raw.startswith(GZIP):
            return (y for x, body in files_in(path, raw) if (y := decoded(x, body, named=False)))
    return (y for x, named in found((path,)) if (y := text_of(x, named=named)))


class _Shelf:
    """The objects of a world, of several of one name the newest one alone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._places: dict[tuple[str, str, str], int] = {}

    def add(self, kind: str, item: Mapping[str, Any], path: str) -> None:
        """Note an object. Versions count up (Kubernetes documentation, API concepts, Resource versions)."""
        known, about = self.world.objects.setdefault(kind, []), part(item, "metadata")
        key = (kind, str(about.get("namespace") or ""), str(about.get("name") or ""))
        place = self._places.setdefault(key, len(known))
        if place == len(known):
            known.append(item)
            return
        one, other = _version(known[place]), _version(item)
        if one != other:
            known[place] = item if other > one else known[place]
            self._tell("/".join(filter(None, key)), path)

    def _tell(self, called: str, path: str) -> None:
        """Note once that there are files of more than one time."""
        if any(x.needs == _TWICE for x in self.world.gaps):
            return
        said = f"{called} is there in two versions, once more in {os.path.basename(path)}; the newer one counts"
        self.world.gaps.append(Missing(_TWICE, f"{said}, and what is in older files alone may be gone by now"))


def _version(item: Mapping[str, Any]) -> int:
    said = part(item, "metadata").get("resourceVersion")
    return int(said) if isinstance(said, str) and said.isdecimal() else 0


def world_of(texts: Iterable[Text], context: str) -> World:
    """The objects in texts; what is no object of Kubernetes is passed over, what cannot be read is a gap."""
    world, hidden = World(context), 0
    shelf = _Shelf(world)
    for each in texts:
        hidden += each.text.count(_HIDDEN)
        where = _where(each.path)
        try:
            for document in _documents(each):
                _take(shelf, document, where)
        except (BadYaml, BadFile) as error:
            world.gaps.append(Missing(error.file, error.sentence))
        world.gaps += _refused(each)
    if hidden:
        world.gaps.append(Missing("values that the bundle hides", f"{hidden} were redacted by who made it"))
    return world


def _where(path: str) -> _Where:
    said = _IN_BUNDLE.search(path)
    kind = kinds.BY_FOLDER.get(said["kind"]) if said else None
    return _Where(path, kind.kind, kind.api_version) if kind else _Where(path)


def _documents(text: Text) -> Iterator[Any]:
    """The documents of a text; JSON is read as such, which is quicker, and as YAML where it is none."""
    if text.path.endswith(".json"):
        try:
            yield msgspec.json.decode(text.text)
        except msgspec.DecodeError:
            pass
        else:
            return
    for chunk in chunks(text.text):
        root = compose(Origin(text.path, chunk.text, chunk.line))
        yield plain(root) if root is not None else None


def _take(shelf: _Shelf, document: Any, where: _Where) -> None:  # noqa: ANN401 -- whatever a file holds
    """Note the objects of a document, those of a List one by one: an item may leave to its list what it is."""
    if isinstance(document, list):
        for item in document:
            _take(shelf, item, where)
    elif isinstance(document, Mapping) and _ONE_MAP.search(where.path) and "configMapExists" in document:
        for item in _config_map(document):
            shelf.add(kinds.CONFIG_MAPS.kind, item, where.path)
    elif isinstance(document, Mapping):
        kind, version = document.get("kind") or where.kind, document.get("apiVersion") or where.version
        if not (kind and version and isinstance(kind, str) and isinstance(version, str)) or kind in _NEVER:
            return
        if kind.endswith("List") and "spec" not in document:
            _take_list(
                shelf, document.get("items"), _Where(where.path, where.kind or kind.removesuffix("List"), version)
            )
        elif "metadata" in document:
            _take_object(shelf, kind, version, document, where)


def _take_object(shelf: _Shelf, kind: str, version: str, document: Mapping[str, Any], where: _Where) -> None:
    """Note one object; of what has the name of another kind alone, no more than that it is there."""
    called, about = _called(kind, version), dict(part(document, "metadata"))
    if called == kind:
        shelf.add(kind, slim({**document, "apiVersion": version, "kind": kind, "metadata": about}), where.path)
    if _POLICY in kind and called != _POLICY:
        found = (called, text(document, "metadata", "namespace"))
        shelf.world.other_policies = list(dict.fromkeys((*shelf.world.other_policies, found)))


def _called(kind: str, version: str) -> str:
    """A kind, with its API group where that is another one's than of the kind that is known by this name."""
    group = version.rpartition("/")[0]
    return kind if group in (kinds.GROUPS.get(kind, group), *_OLD) else f"{kind}.{group}"


def _take_list(shelf: _Shelf, found: Any, where: _Where) -> None:  # noqa: ANN401 -- whatever a file holds
    """Note the objects of a list; a kind of which there are none was looked for all the same.

    What `kubectl get` writes of none does not say of which kind; the name of the file may, as the words of the command.
    """
    asked = kinds.BY_WORD.get(os.path.splitext(os.path.basename(where.path))[0].lower()) if found == [] else None
    kind = where.kind or (asked.kind if asked else "")
    if kind and kind not in _NEVER:
        shelf.world.keep(kind)
    note(shelf.world, found, where.kind)
    _take(shelf, found, where)


def _config_map(said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A ConfigMap as a support bundle has one that was asked for by its name: whole, or one key with its value."""
    data = said.get("data") or ({said["key"]: said["value"]} if said.get("key") and "value" in said else None)
    if said["configMapExists"] and isinstance(data, Mapping):
        about = {"name": said.get("name"), "namespace": said.get("namespace")}
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": dict(data)}


def _refused(text: Text) -> Iterator[Missing]:
    """What whoever made a bundle could not get, and why."""
    kind = _ERRORS.search(text.path)
    try:
        said = msgspec.json.decode(text.text) if kind and text.text.strip() else None
    except msgspec.DecodeError:
        return
    reasons = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    if kind:
        yield from (Missing(kind["kind"], f"the bundle says: {x}") for x in dict.fromkeys(map(str, reasons)))
