"""Objects of a cluster as the files that `kubectl get -o yaml` would make of them, and what these declare.

So everything that judges files judges a cluster as well, and a finding has the line that the user sees.
"""

from collections.abc import Iterator

import yaml

from dualstack.gather.evidence import evidence_of
from dualstack.gather.files import Included, Text
from dualstack.gather.recognise import Found, take
from dualstack.model.evidence import Missing
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.world import Object, World

_LEFT_OUT = ("Node", "EndpointSlice", "ServiceCIDR")
"""Kinds that say nothing of what was asked for."""


class _Dumper(yaml.CSafeDumper):
    """Writes as kubectl does: keys in order, texts of several lines as blocks, no references."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 -- the signature of its base
        """Whether equal parts are written out each time."""
        return True


def _text(dumper: _Dumper, data: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _text)


def declared(world: World, question: Question) -> tuple[Snapshot, dict[str, Text]]:
    """What the objects declare, and their texts by the names that locations have."""
    found, texts = Found(), {}
    for path, item in _files(world):
        texts[path] = Text(path, yaml.dump(item, Dumper=_Dumper, width=2**31 - 1, allow_unicode=True), named=False)
        take(texts[path], found)
    snapshot = evidence_of(found, question, {}, "", Included(set(), {}))
    gaps = (*found.notes, *(Missing(x.file, x.sentence) for x in found.errors))
    return Snapshot(snapshot.facts, (*snapshot.gaps, *gaps)), texts


def _files(world: World) -> Iterator[tuple[str, Object]]:
    for kind, items in world.objects.items():
        for item in items if kind not in _LEFT_OUT else ():
            if not _is_made(item, world):
                yield _path(item), item


def _path(item: Object) -> str:
    about = item.get("metadata") or {}
    where = "/".join(filter(None, (about.get("namespace"), str(item.get("kind")).lower(), about.get("name"))))
    return f"{where}.yaml"


def _is_made(item: Object, world: World) -> bool:
    """Whether what makes an object is there, too, and says more than the copy."""
    made_by = {(x.get("kind"), x.get("name")) for x in (item.get("metadata") or {}).get("ownerReferences") or ()}
    every = (x for found in world.objects.values() for x in found)
    return any((x.get("kind"), (x.get("metadata") or {}).get("name")) in made_by for x in every)
