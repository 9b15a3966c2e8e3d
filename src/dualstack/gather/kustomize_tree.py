"""The files of kustomizations: each read once, and parsed as far as it can be of interest."""

import os
from collections.abc import Callable, Iterator, Sequence

import msgspec

from dualstack.gather import glance
from dualstack.gather.files import KUSTOMIZATIONS, Text
from dualstack.gather.recognise import OBJECTS, Found, composed, refuse_repeated
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, chunks, scalar, value
from dualstack.model.evidence import Missing
from dualstack.model.source import Location

_API = "kustomize.config.k8s.io/"

Documents = Sequence[tuple[Node, Origin]]


class Tree(msgspec.Struct):
    """The files of all builds, each read once. `read` gives one by its path, None for one that is no text."""

    read: Callable[[str], Text | None]
    seen: Found
    texts: dict[str, Text | None] = {}
    known: dict[tuple[str, bool], Documents] = {}

    def text(self, path: str) -> Text | None:
        """The text of a file; None where it is not there."""
        if path not in self.texts:
            self.texts[path] = self.read(path) if os.path.isfile(path) else None
        return self.texts[path]

    def documents(self, path: str, *, every: bool = True) -> Documents:
        """What a file holds: every document, or those that can be of interest by themselves."""
        if (path, every) not in self.known:
            text = self.text(path)
            self.known[path, every] = list(self.parsed(Origin(path, text.text), every=every)) if text else ()
        return self.known[path, every]

    def parsed(self, origin: Origin, *, every: bool = True) -> Iterator[tuple[Node, Origin]]:
        """The documents of a text, as far as they are YAML."""
        for chunk in chunks(origin.text):
            if every or _matters(chunk.text):
                inner = Origin(origin.file, chunk.text, origin.line + chunk.line, origin.column, origin.whole)
                found = composed(inner, self.seen)
                if found:
                    refuse_repeated(*found, self.seen)
                    yield found

    def kustomization(self, folder: str) -> tuple[Node, Origin] | None:
        """The kustomization of a folder; None where it has none."""
        for name in KUSTOMIZATIONS:
            path = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(path):
                found = next(iter(self.documents(path)), None)
                return found if found and is_kustomization(found[0]) else None
        return None

    def note(self, file: str, at: Location, said: str) -> None:
        """Say what is not followed, once."""
        missing = Missing(f"{file}:{at.line}", said)
        if missing not in self.seen.notes:
            self.seen.notes.append(missing)


def is_kustomization(root: Node) -> bool:
    """Whether a file of such a name is one; Flux has objects of the same kind."""
    said = value(root, "apiVersion")
    return isinstance(root, MappingNode) and (said is None or scalar(said).startswith(_API))


def _matters(text: str) -> bool:
    kind = glance.kind(text)
    return not kind or kind in OBJECTS or kind.endswith("List") or glance.speaks(text, glance.told(text), OBJECTS)
