"""What kustomize sets in every object: namespace, names and what refers to them, labels, annotations and images.

The fields are those of kustomize's own tables (api/internal/konfig/builtinpluginconsts), for the kinds that are read
here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from dualstack.gather.graft import Grafts, within
from dualstack.gather.merge import Origins
from dualstack.gather.yaml_tree import Node, ScalarNode, items, pairs, scalar, text_at, value
from dualstack.model.kube import TEMPLATES

_UNNAMED = ("Namespace", "CustomResourceDefinition", "APIService")
"""Kinds whose names stay."""
_CLUSTER = ("Namespace", "GatewayClass")
"""Kinds that are read here and are in no namespace."""
_DEFAULT = "default"
_IMAGE = re.compile(r"(?P<name>.+?)(?P<tag>:[^:/@]+)?(?P<digest>@.+)?")
_CONTAINERS = ("containers", "initContainers")
_TERM = re.compile(r"[ \t]*(?P<name>[^=!, \t]+)[ \t]*(?:(?P<sign>==?|!=)[ \t]*(?P<value>[^=!, \t]*)[ \t]*)?")


class Object(msgspec.Struct):
    """One object of a build: its nodes, all names that it has had, and the texts that it was made of.

    A name is a namespace and a name. `affixes` are the prefixes and suffixes that it was given.
    """

    root: Node
    origin: Origins
    texts: list[str]
    names: list[tuple[str, str]] = []
    affixes: list[tuple[str, str]] = []

    def __post_init__(self) -> None:
        """Begin with the name that is written."""
        self.names = [self.name]

    @property
    def kind(self) -> str:
        """Its kind."""
        return text_at(self.root, "kind")

    @property
    def name(self) -> tuple[str, str]:
        """Its namespace and its name as they are now."""
        return text_at(self.root, "metadata", "namespace"), text_at(self.root, "metadata", "name")

    @property
    def group(self) -> tuple[str, str]:
        """The group and the version of its API."""
        group, _, version = text_at(self.root, "apiVersion").rpartition("/")
        return group, version

    def renamed(self) -> None:
        """Remember the name that it has now."""
        if self.names[-1] != self.name:
            self.names.append(self.name)

    def was(self, kind: str, namespace: str, name: str) -> bool:
        """Whether this is, or was, the object of this name."""
        known = ((x or _DEFAULT, y) for x, y in self.names)
        return self.kind == kind and (namespace or _DEFAULT, name) in known


def chosen(objects: Iterable[Object], target: Node) -> Iterator[Object]:
    """The objects that the `target` of a patch selects: by patterns of what they are called now or first."""
    wanted = {x: re.compile(text_at(target, x) or ".*") for x in ("group", "version", "kind", "name", "namespace")}
    labels = text_at(target, "labelSelector"), text_at(target, "annotationSelector")
    for each in objects:
        group, version = each.group
        said = {"group": group, "version": version, "kind": each.kind}
        names = (each.names[0], each.name)
        fits = all(wanted[k].fullmatch(v) for k, v in said.items()) and all(
            any(wanted[k].fullmatch(x[i]) for x in names) for i, k in ((0, "namespace"), (1, "name"))
        )
        held = (value(each.root, "metadata", x) for x in ("labels", "annotations"))
        if fits and all(_fits(x, y) for x, y in zip(labels, held, strict=True)):
            yield each


def _fits(selector: str, held: Node | None) -> bool:
    """Whether labels fit a selector. Raises ValueError for one of sets."""
    known = {scalar(k): scalar(v) for k, v in pairs(held)}
    for term in filter(None, selector.split(",")):
        found = _TERM.fullmatch(term)
        if not found:
            raise ValueError(selector)
        there = known.get(found["name"])
        if (there is None) if not found["sign"] else (there == found["value"]) is (found["sign"] == "!="):
            return False
    return True


def set_namespace(grafts: Grafts, objects: Iterable[Object], said: Node) -> None:
    """Put all objects into one namespace."""
    for each in objects:
        if each.kind not in _CLUSTER:
            grafts.put(each.root, ("metadata", "namespace"), grafts.text(scalar(said), grafts.location(said)))
            each.renamed()


def set_names(grafts: Grafts, objects: Iterable[Object], prefix: str, suffix: str) -> None:
    """Put something before and after the names of all objects."""
    for each in objects:
        held = value(each.root, "metadata", "name")
        if held is not None and each.kind not in _UNNAMED:
            made = grafts.text(f"{prefix}{scalar(held)}{suffix}", grafts.location(held))
            grafts.put(each.root, ("metadata", "name"), made)
            each.affixes.append((prefix, suffix))
            each.renamed()


def set_labels(
    grafts: Grafts, objects: Iterable[Object], said: Node | None, *, selectors: bool, templates: bool
) -> None:
    """Give all objects labels, and their pods and selectors where that is asked."""
    for each in objects:
        for path in _labelled(each, selectors=selectors, templates=templates):
            for key, body in pairs(said):
                grafts.put(each.root, (*path, scalar(key)), grafts.text(scalar(body), grafts.location(body)))


def _labelled(each: Object, *, selectors: bool, templates: bool) -> Iterator[tuple[str, ...]]:
    yield ("metadata", "labels")
    template = TEMPLATES.get(each.kind, ())
    if template and (selectors or templates):
        yield (*template, "metadata", "labels")
    if not selectors:
        return
    if each.kind == "Service":
        yield ("spec", "selector")
    if each.kind in ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"):
        yield ("spec", "selector", "matchLabels")
    if each.kind in ("Job", "NetworkPolicy"):
        path = ("spec", "selector" if each.kind == "Job" else "podSelector", "matchLabels")
        if value(each.root, *path) is not None:
            yield path


def set_annotations(grafts: Grafts, objects: Iterable[Object], said: Node | None) -> None:
    """Give all objects and their pods annotations."""
    for each in objects:
        template = TEMPLATES.get(each.kind, ())
        for path in dict.fromkeys(((), template)):
            for key, body in pairs(said):
                named = (*path, "metadata", "annotations", scalar(key))
                grafts.put(each.root, named, grafts.text(scalar(body), grafts.location(body)))


def set_images(grafts: Grafts, objects: Iterable[Object], said: Node | None) -> None:
    """Give containers other images, by the names of those that they have."""
    for each in objects:
        for container in _containers(each.root):
            for change in items(said):
                before = text_at(container, "image")
                after = _image(before, change)
                if after != before:
                    grafts.put(container, ("image",), grafts.text(after, grafts.location(_told(change))))


def _told(change: Node) -> Node:
    """The part of a change that tells the version, or else all of it."""
    return next((x for y in ("newTag", "digest", "newName") if (x := value(change, y)) is not None), change)


def _image(before: str, change: Node) -> str:
    found = _IMAGE.fullmatch(before)
    if not found or found["name"] != text_at(change, "name"):
        return before
    name, tag, digest = (text_at(change, x) for x in ("newName", "newTag", "digest"))
    kept = f"{found['tag'] or ''}{found['digest'] or ''}"
    said = f"{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"
    return f"{name or found['name']}{said or kept}"


def _containers(node: Node) -> Iterator[Node]:
    """The containers of whatever is in an object."""
    pending = [node]
    while pending:
        inner = pending.pop()
        for key, body in pairs(inner):
            if scalar(key) in _CONTAINERS:
                yield from items(body)
            pending.append(body)
        pending += items(inner)


def refer(grafts: Grafts, objects: Sequence[Object]) -> None:
    """Let every reference name its object as that is called now, where it is plain which one is meant."""
    for each in objects:
        for kind, held, field in _references(each):
            name = text_at(held, field)
            found = [x for x in objects if x.kind == kind and name in [y for _, y in x.names]]
            found = [x for x in found if x.name[0] == each.name[0]]
            found = [x for x in found if x.affixes == each.affixes] or found
            if len(found) == 1 and found[0].name[1] != name:
                spelled = within(held, field)
                if isinstance(spelled, ScalarNode):
                    grafts.put(held, (field,), grafts.text(found[0].name[1], grafts.location(spelled)))


def _references(each: Object) -> Iterator[tuple[str, Node, str]]:
    """What a workload and the rules of an Ingress name: its kind, and the mapping and the field that the name is in."""
    template = TEMPLATES.get(each.kind)
    spec = value(each.root, *template, "spec") if template is not None else None
    for volume in items(value(spec, "volumes")):
        for part in (volume, *items(value(volume, "projected", "sources"))):
            yield from _lenders(part, "")
    for container in (y for x in _CONTAINERS for y in items(value(spec, x))):
        yield from (y for x in items(value(container, "envFrom")) for y in _lenders(x, "Ref"))
        yield from (y for x in items(value(container, "env")) for y in _lenders(value(x, "valueFrom"), "KeyRef"))
    if each.kind == "Ingress":
        paths = (y for x in items(value(each.root, "spec", "rules")) for y in items(value(x, "http", "paths")))
        backends = (
            value(each.root, "spec", "defaultBackend", "service"),
            *(value(x, "backend", "service") for x in paths),
        )
        yield from (("Service", x, "name") for x in backends if x is not None)


def _lenders(part: Node | None, ending: str) -> Iterator[tuple[str, Node, str]]:
    """The ConfigMap and the Secret that a volume or a variable comes from."""
    for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
        held = within(part, f"{key}{ending}")
        if held is not None:
            yield kind, held, "secretName" if within(held, "secretName") is not None else "name"
