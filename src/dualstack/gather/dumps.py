"""Objects of a cluster from files that `kubectl get -o yaml` or `-o json` wrote."""

import os
from collections.abc import Iterable, Iterator

from dualstack.gather.archive import MAGIC, unpacked
from dualstack.gather.errors import BadFile
from dualstack.gather.files import Text, found, text_of
from dualstack.gather.regular import read
from dualstack.gather.yaml_tree import BadYaml, Node, Origin, chunks, compose, items, plain, text_at, value
from dualstack.model.evidence import Missing
from dualstack.model.world import World

_NEVER = ("Secret",)
_LARGEST = 500_000_000  # bytes of a snapshot


def read_world(path: str) -> World:
    """The world that a snapshot holds, or a folder or a file of what `kubectl get` wrote. Raises BadInput."""
    if not os.path.isdir(path):
        try:
            raw = read(path, _LARGEST)
        except OSError as error:
            raise BadFile(
                path, f"cannot be read: {error.strerror}. Name a snapshot, or a folder of objects."
            ) from error
        if raw.startswith(MAGIC):
            return unpacked(path, raw)
    texts = (y for x, named in found((path,)) if (y := text_of(x, named=named)))
    world = world_of(texts, os.path.basename(path.rstrip("/")))
    if not world.objects:
        raise BadFile(path, "holds no object of Kubernetes and is no snapshot.")
    return world


def world_of(texts: Iterable[Text], context: str) -> World:
    """The objects in texts; what is no object of Kubernetes is passed over, what cannot be read is a gap."""
    world = World(context)
    for text in texts:
        for chunk in chunks(text.text):
            try:
                root = compose(Origin(text.path, chunk.text, chunk.line))
            except (BadYaml, BadFile) as error:
                world.gaps.append(Missing(error.file, error.sentence))
                continue
            for item in _objects(root):
                if text_at(item, "kind") not in _NEVER:
                    world.keep(text_at(item, "kind"), plain(item))
    return world


def _objects(root: Node | None) -> Iterator[Node]:
    """The objects of a document, those of a List one by one."""
    if root is None or value(root, "apiVersion") is None:
        return
    if text_at(root, "kind").endswith("List"):
        for item in items(value(root, "items")):
            yield from _objects(item)
    elif text_at(root, "kind"):
        yield root
