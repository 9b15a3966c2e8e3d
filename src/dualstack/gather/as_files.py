"""Objects of a cluster as the files that `kubectl get -o yaml` would make of them, and what these declare.

So everything that judges files judges a cluster as well, and a finding has the line that the user sees.
"""

from collections.abc import Iterator, Mapping

import yaml

from dualstack.gather.evidence import evidence_of
from dualstack.gather.files import Included, Text
from dualstack.gather.recognise import Found, document
from dualstack.gather.yaml_tree import Origin
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
        shown = yaml.dump(
            _shown(item), Dumper=_Dumper, width=2**31 - 1, allow_unicode=True, sort_keys=not world.pseudonymised
        )
        texts[path] = Text(path, shown, named=False)
        document(Origin(path, shown, 0), found)
    snapshot = evidence_of(found, question, {}, "", Included(set(), {}))
    gaps = (*found.notes, *(Missing(x.file, x.sentence) for x in found.errors))
    return Snapshot(snapshot.facts, (*snapshot.gaps, *gaps)), texts


def _shown(item: Object) -> Object:
    """An object as `kubectl get -o yaml` shows it, which leaves out who wrote its fields."""
    return {**item, "metadata": {k: v for k, v in _about(item).items() if k != "managedFields"}}


def _files(world: World) -> Iterator[tuple[str, Object]]:
    """The objects with their paths, but those whose maker is there, too: it says more than the copy."""
    every = {_key(y, y.get("kind"), _about(y).get("name")) for x in world.objects.values() for y in x}
    for kind, items in world.objects.items():
        for item in items if kind not in _LEFT_OUT else ():
            if not every.intersection(_makers(item)):
                yield _path(item), item


def _path(item: Object) -> str:
    about = _about(item)
    said = (about.get("namespace"), str(item.get("kind")).lower(), about.get("name"))
    return f"{'/'.join(str(x) for x in said if x)}.yaml"


def _makers(item: Object) -> Iterator[tuple[str, ...]]:
    """What made an object is in the same namespace (Kubernetes documentation, Owners and Dependents)."""
    owners = _about(item).get("ownerReferences")
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, Mapping):
            yield _key(item, owner.get("kind"), owner.get("name"))


def _key(item: Object, kind: object, name: object) -> tuple[str, ...]:
    return str(_about(item).get("namespace") or ""), str(kind), str(name)


def _about(item: Object) -> Object:
    about = item.get("metadata")
    return about if isinstance(about, Mapping) else {}
