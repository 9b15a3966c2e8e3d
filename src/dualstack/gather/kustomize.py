"""Kustomizations composed as `kustomize build` does, with every value at its place in the base, the patch or the file.

What is not followed (remote resources, plugins, charts, replacements, variables) is named and left out. Names keep
without the hash of their content, which is the same wherever they stand. A kustomization that another one takes in is
judged there alone, and those that share files are alternatives: `dev` and `prod` are never one cluster
(https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/).
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from dualstack.gather import glance
from dualstack.gather.errors import BadFile
from dualstack.gather.files import KUSTOMIZATIONS, Text
from dualstack.gather.graft import Grafts, within
from dualstack.gather.kustomize_fields import (
    Object,
    chosen,
    refer,
    set_annotations,
    set_images,
    set_labels,
    set_names,
    set_namespace,
)
from dualstack.gather.kustomize_patch import Refused, json, strategic
from dualstack.gather.kustomize_tree import Documents, Tree
from dualstack.gather.recognise import OBJECTS, Found, read_object
from dualstack.gather.yaml_tree import (
    MappingNode,
    Node,
    Origin,
    ScalarNode,
    SequenceNode,
    get,
    items,
    pairs,
    scalar,
    text_at,
    value,
)
from dualstack.model.kube import TEMPLATES
from dualstack.model.source import Location
from dualstack.model.text import LINE_BREAK

_REMOTE = re.compile(r"://|^git@|[?&](?:ref|version)=|^(?:github\.com|gitlab\.com|bitbucket\.org)[/:]|//")
_LEFT_OUT = ("helmCharts", "generators", "transformers", "replacements", "vars", "configurations", "crds", "openapi")
_LOCAL = "config.kubernetes.io/local-config"
_MOST = 1000
"""Folders that one build takes in."""


class Build(msgspec.Struct):
    """One build: its nodes, the files it is made of, and the folders it takes in."""

    tree: Tree
    grafts: Grafts = msgspec.field(default_factory=Grafts)
    files: set[str] = set()
    folders: set[str] = set()
    visits: int = 0

    def objects(self, folder: str) -> list[Object]:
        """What a kustomization makes. Raises BadFile where it leads back to itself."""
        made = list[Object]()
        self.into(made, folder, ())
        refer(self.grafts, made)
        return [x for x in made if text_at(x.root, "metadata", "annotations", _LOCAL) != "true"]

    def into(self, made: list[Object], folder: str, chain: tuple[str, ...]) -> None:
        """Put what a folder makes to the objects there; a component changes those, too."""
        real = os.path.realpath(folder)
        self.visits += 1
        if real in chain or self.visits > _MOST:
            said = "takes in a folder that leads back to it" if real in chain else f"takes in more than {_MOST} folders"
            raise BadFile(os.path.join(folder, KUSTOMIZATIONS[0]), said)
        found = self.tree.kustomization(folder)
        if found is None:
            return
        self.folders.add(real)
        level = _Level(self, folder, *found)
        component = text_at(found[0], "kind") == "Component"
        mine = made if component else list[Object]()
        level.resources(mine, (*chain, real))
        level.generate(mine)
        for part in items(value(level.root, "components")):
            target = os.path.normpath(os.path.join(folder, scalar(part)))
            if os.path.isdir(target):
                self.into(mine, target, (*chain, real))
            else:
                level.left_out(part)
        level.transform(mine)
        if not component:
            made += mine

    def take(self, path: str, *, every: bool = True) -> Documents:
        """The documents of a file, which is part of the build from now on."""
        self.files.add(path)
        return self.tree.documents(path, every=every)


class _Level(msgspec.Struct):
    """One kustomization of a build."""

    build: Build
    folder: str
    root: Node
    origin: Origin

    def __post_init__(self) -> None:
        self.build.files.add(self.origin.file)
        for key, _ in pairs(self.root):
            if scalar(key) in _LEFT_OUT:
                said = f"`{scalar(key)}` is not followed; lint what `kustomize build` makes of it, too"
                self.build.tree.note(self.origin.file, self.origin.location(key), said)

    @property
    def _grafts(self) -> Grafts:
        return self.build.grafts

    def _listed(self, *names: str) -> Iterator[Node]:
        for name in names:
            yield from items(value(self.root, name))

    def _path(self, said: str) -> str | None:
        """A file below the folder; what lies elsewhere is refused, as kustomize does."""
        path = os.path.normpath(os.path.join(self.folder, said))
        here, there = os.path.realpath(self.folder), os.path.realpath(path)
        return path if os.path.isfile(path) and os.path.commonpath((here, there)) == here else None

    def left_out(self, said: Node) -> None:
        """Say that something is not there."""
        remote = _REMOTE.search(scalar(said))
        why = (
            "is not on this machine, and not followed" if remote else "is not there, no text, or not below this folder"
        )
        self.build.tree.note(self.origin.file, self.origin.location(said), f"`{scalar(said)}` {why}")

    def resources(self, made: list[Object], chain: tuple[str, ...]) -> None:
        """Take in the objects and the folders that are named."""
        for said in self._listed("resources", "bases"):
            target = os.path.normpath(os.path.join(self.folder, scalar(said)))
            path = self._path(scalar(said))
            if path:
                for root, origin in self.build.take(path, every=False):
                    made += self._objects(root, origin)
            elif os.path.isdir(target) and self.build.tree.kustomization(target):
                self.build.into(made, target, chain)
            else:
                self.left_out(said)

    def _objects(self, root: Node, origin: Origin) -> Iterator[Object]:
        if text_at(root, "kind").endswith("List") and items(value(root, "items")):
            for item in items(value(root, "items")):
                yield from self._objects(item, origin)
        elif isinstance(root, MappingNode):
            yield Object(self._grafts.copy(root, origin), self._grafts.origins(origin), [origin.text])

    def generate(self, made: list[Object]) -> None:
        """Make the ConfigMaps and Secrets that are asked for, or change those that are there."""
        for section, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for asked in self._listed(section):
                new = self._generated(asked, kind)
                how = text_at(asked, "behavior")
                old = next((x for x in made if x.was(kind, *new.name)), None) if how in ("merge", "replace") else None
                if old is None:
                    made.append(new)
                    continue
                if how == "replace":
                    self._grafts.put(old.root, ("data",), self._grafts.mapping(self.origin.location(asked)))
                for path in (("data",), ("metadata", "labels"), ("metadata", "annotations")):
                    for key, body in pairs(value(new.root, *path)):
                        self._grafts.put(old.root, (*path, scalar(key)), body)
                old.texts += new.texts

    def _generated(self, asked: Node, kind: str) -> Object:
        at = self.origin.location(asked)
        named = value(asked, "name")
        here = self.origin.location(named) if named is not None else at
        about: dict[str, Node] = {"name": self._grafts.text(scalar(named), here)}
        if text_at(asked, "namespace"):
            about["namespace"] = self._grafts.text(text_at(asked, "namespace"), at)
        held = dict(self._data(asked))
        root = self._grafts.mapping(
            here,
            {
                "apiVersion": self._grafts.text("v1", here),
                "kind": self._grafts.text(kind, here),
                "metadata": self._grafts.mapping(here, about),
                "data": self._grafts.mapping(here, held),
            },
        )
        made = Object(root, self._grafts.origins(Origin(self.origin.file, "")), [scalar(x) for x in held.values()])
        for options in (value(self.root, "generatorOptions"), value(asked, "options")):
            for field in ("labels", "annotations"):
                for key, body in pairs(value(options, field)):
                    said = self._grafts.text(scalar(body), self.origin.location(body))
                    self._grafts.put(root, ("metadata", field, scalar(key)), said)
        return made

    def _data(self, asked: Node) -> Iterator[tuple[str, Node]]:
        """The keys and texts of what is generated."""
        single = [x for y in ("env", "envs") if (x := value(asked, y)) is not None]
        for said in (y for x in single for y in (items(x) or [x])):
            text = self._file(said, scalar(said))
            for number, line in enumerate(LINE_BREAK.split(text.text) if text else (), 1):
                key, equals, body = line.lstrip().partition("=")
                if text and equals and not key.startswith("#"):
                    yield key, self._grafts.text(body, Location(text.path, number))
        for said in items(value(asked, "literals")):
            key, _, body = scalar(said).partition("=")
            quoted = len(body) > 1 and body[0] == body[-1] and body[0] in "\"'"
            yield key, self._grafts.text(body[1:-1] if quoted else body, self.origin.location(said))
        for said in items(value(asked, "files")):
            key, equals, name = scalar(said).partition("=")
            text = self._file(said, name if equals else key)
            if text:
                yield (key if equals else os.path.basename(key)), self._grafts.file(text.path, text.text)

    def _file(self, said: Node, name: str) -> Text | None:
        path = self._path(name)
        text = self.build.tree.text(path) if path else None
        if path and text:
            self.build.files.add(path)
        else:
            self.left_out(said)
        return text

    def transform(self, made: list[Object]) -> None:
        """Change all objects, in the order of kustomize (api/internal/target/kusttarget_configplugin.go)."""
        for said in self._listed("patchesStrategicMerge"):
            for patch, origin in self._patch(said, said):
                self._merge(made, patch, origin, None)
        for each in self._listed("patches"):
            self._patches(made, each)
        namespace = get(self.root, "namespace")
        if namespace and scalar(namespace[1]):
            set_namespace(self._grafts, made, self._held(namespace[1]))
        prefix, suffix = text_at(self.root, "namePrefix"), text_at(self.root, "nameSuffix")
        if prefix or suffix:
            set_names(self._grafts, made, prefix, suffix)
        set_labels(self._grafts, made, self._copy("commonLabels"), selectors=True, templates=True)
        for each in self._listed("labels"):
            selectors, templates = (text_at(each, x) == "true" for x in ("includeSelectors", "includeTemplates"))
            pair = get(each, "pairs")
            labels = self._held(pair[1]) if pair else None
            set_labels(self._grafts, made, labels, selectors=selectors, templates=templates)
        set_annotations(self._grafts, made, self._copy("commonAnnotations"))
        for each in self._listed("patchesJson6902"):
            self._patches(made, each)
        set_images(self._grafts, made, self._copy("images"))

    def _held(self, node: Node) -> Node:
        return self._grafts.copy(node, self.origin)

    def _copy(self, name: str) -> Node | None:
        said = value(self.root, name)
        return self._held(said) if said is not None else None

    def _patches(self, made: list[Object], each: Node) -> None:
        said = next((x for y in ("path", "patch") if (x := value(each, y)) is not None), None)
        target = value(each, "target")
        for patch, origin in self._patch(said, each) if said is not None else ():
            try:
                wanted = list(chosen(made, target)) if target is not None else None
            except (ValueError, re.error):
                self.left_out(each)
                continue
            if not isinstance(patch, SequenceNode):
                self._merge(made, patch, origin, wanted)
            for object_ in wanted or () if isinstance(patch, SequenceNode) else ():
                object_.texts.append(origin.text)
                try:
                    json(self._grafts, object_.root, patch, origin)
                except Refused as error:
                    note = f"a patch does not fit {object_.kind} {object_.name[1]}: there is no `{error}`"
                    self.build.tree.note(origin.file, origin.location(patch), note)
                object_.renamed()

    def _patch(self, said: Node, whole: Node) -> Documents:
        """The documents of a patch that is a file, or a text."""
        path = self._path(scalar(said)) if "\n" not in scalar(said) else None
        if path:
            return self.build.take(path)
        if isinstance(said, ScalarNode) and (":" in said.value or said.value.lstrip().startswith("[")):
            return list(self.build.tree.parsed(self.origin.inner(said)))
        self.left_out(said if isinstance(said, ScalarNode) else whole)
        return ()

    def _merge(self, made: list[Object], patch: Node, origin: Origin, wanted: list[Object] | None) -> None:
        kind, name = text_at(patch, "kind"), text_at(patch, "metadata", "name")
        where = text_at(patch, "metadata", "namespace")
        version = text_at(patch, "apiVersion")
        named = [x for x in made if x.was(kind, where, name) and version == text_at(x.root, "apiVersion")]
        for each in named if wanted is None else wanted:
            kept = {x: within(value(each.root, "metadata"), x) for x in ("name", "namespace")}
            builtin = each.kind if each.kind in _BUILTIN else ""
            each.texts.append(origin.text)
            try:
                stays = strategic(self._grafts, each.root, patch, origin, builtin)
            except Refused as error:
                note = f"`{error}` in a patch of {each.kind} {each.name[1]} is not followed"
                self.build.tree.note(origin.file, origin.location(patch), note)
                continue
            if not stays:
                made[:] = [x for x in made if x is not each]
            for field, held in kept.items():
                if held is not None:
                    self._grafts.put(each.root, ("metadata", field), held)


_BUILTIN = (*TEMPLATES, "Service", "NetworkPolicy", "ConfigMap", "Secret")


def take_builds(files: Sequence[str], read: Callable[[str], Text | None], seen: Found) -> Mapping[str, Text]:
    """Compose the kustomizations among some files into what was found; gives every file that they are made of."""
    tree = Tree(read, seen)
    builds = dict[str, Build]()
    made = dict[str, list[Object]]()
    for file in files:
        folder = os.path.dirname(file)
        if not tree.kustomization(folder or "."):
            continue
        build = builds[folder] = Build(tree)
        try:
            made[folder] = build.objects(folder)
        except BadFile as error:
            seen.errors.append(error)
    inner = {y for k, x in builds.items() for y in x.folders - {os.path.realpath(k)}}
    outer = [x for x in builds if os.path.realpath(x) not in inner]
    for group in _groups({x: builds[x].files for x in outer}):
        seen.builds.append([_found(made.get(x, ()), seen) for x in group])
    used = {y for x in builds.values() for y in x.files}
    return {k: v for k, v in tree.texts.items() if k in used and v}


def _groups(files: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """The folders, those together that have a file in common."""
    left = dict(files)
    while left:
        first = next(iter(left))
        group, held = [first], left.pop(first)
        while more := [x for x, y in left.items() if y & held]:
            for name in more:
                group.append(name)
                held = held | left.pop(name)
        yield group


def _found(objects: Sequence[Object], seen: Found) -> Found:
    """What the objects of one build declare; those are passed over of which no rule can speak."""
    mine = Found(notes=seen.notes, errors=seen.errors, slips=seen.slips)
    for each in objects:
        meant = any(glance.speaks(x, y, OBJECTS) or glance.lends(x, y) for x in each.texts for y in (glance.told(x),))
        if meant or each.kind in ("Service", *glance.LENDERS):
            read_object(each.root, each.origin, mine)
    seen.understood += mine.understood
    seen.suppressions += [x for x in mine.suppressions if x not in seen.suppressions]
    return mine
