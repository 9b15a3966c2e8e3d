"""What a file under review is, by what stands in it, and what it declares.

A document that can hold nothing of interest is told by its text alone and is not parsed: most of a repository is such.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dualstack.gather import glance
from dualstack.gather.errors import BadFile
from dualstack.gather.files import Text
from dualstack.gather.sections import SECTIONS, config_in, is_config
from dualstack.gather.yaml_tree import (
    BadYaml,
    Chunk,
    MappingNode,
    Node,
    Origin,
    ScalarNode,
    SequenceNode,
    chunks,
    compose,
    items,
    pairs,
    repeated,
    scalar,
    text_at,
    value,
)
from dualstack.model.address import Family
from dualstack.model.evidence import Missing
from dualstack.model.foreign import ForeignListener
from dualstack.model.gateway import KINDS, Gate
from dualstack.model.kube import SLICES, TEMPLATES, Meta, NetworkPolicy, Service, Slice, Workload
from dualstack.model.otel import Holder
from dualstack.model.review import Suppression
from dualstack.model.source import Location, Written
from dualstack.model.text import LINE_BREAK, printable
from dualstack.reach.suppress import ANNOTATION

if TYPE_CHECKING:
    from dualstack.gather.agents import Agent
    from dualstack.gather.charts import Rendered
    from dualstack.gather.yaml_slips import Slip

_RENDERED = "is a template; lint what it is rendered to, by `--helm` or from the output of `helm template`"
_TEMPLATE = "{{"
_CONFIG = re.compile(r"^[ \t]*[\"']?(?:receivers|exporters|extensions)[\"']?[ \t]*:", re.MULTILINE)
_PART = re.compile(rf"^[ \t]*{{?[ \t]*[\"']?(?:{'|'.join(SECTIONS)})[\"']?[ \t]*:", re.MULTILINE)
_AGENT = re.compile(r"^(?:sources|sinks|pipeline):(?=[\s\S]*opentelemetry)", re.MULTILINE)
_SLIPS, _DEPTH = 50, 8  # in one text; of a configuration inside another file


class Pending(NamedTuple):
    """A Collector configuration that was found: its nodes, their place, what holds it, and in which field of that."""

    root: Node
    origin: Origin
    holder: Holder | None = None
    within: str = ""


class Unwritten(NamedTuple):
    """A value that is no YAML as it stands: what it is, what was meant, and the rule that speaks of it."""

    written: Written
    meant: str
    code: str


class Found(msgspec.Struct):
    """What was found so far. `notes` say what was passed over, `errors` what could not be read.

    `asked` is the one configuration that the user named as such, `asked_of` its files. `parts` are configurations that
    mean something only together with others, `inlined` those in the words of a command. `lists` are variables that mean
    something only to who reads them, `lending` are pods and variables that do only where one names the other, and
    `waiting` are Services that are of interest only where something leads there. `first` are the families of the first
    addresses of pods and their nodes, by their fields. `compositions` are Compose files, which can belong together.
    `builds` are those of kustomize: groups of alternatives, each of which stands beside all the rest.
    """

    configs: list[Pending] = []
    parts: list[Pending] = []
    inlined: list[Pending] = []
    lists: list[Workload] = []
    lending: list[Origin] = []
    workloads: list[Workload] = []
    services: list[Service] = []
    policies: list[NetworkPolicy] = []
    namespaces: list[Meta] = []
    agents: list["Agent"] = []
    foreign: list[ForeignListener] = []
    gates: list[Gate] = []
    slices: list[Slice] = []
    families: list[tuple[str, Written]] = []
    first: set[tuple[str, Family]] = set()
    rendered: dict[str, "Rendered"] = {}
    slips: list[Unwritten] = []
    suppressions: list[Suppression] = []
    asked: Pending | None = None
    asked_of: tuple[Holder, ...] = ()
    notes: list[Missing] = []
    errors: list[BadFile] = []
    waiting: list[Origin] = []
    compositions: list[tuple[Node, Origin]] = []
    builds: list[list["Found"]] = []
    understood: int = 0


def take(text: Text, found: Found) -> None:
    """Read one file into what was found. What is not understood is passed over, or an error where the user named it."""
    before = found.understood + len(found.errors) + len(found.notes)
    if text.path not in found.rendered and _TEMPLATE in text.text and _is_template(text.path):
        found.notes.append(Missing(text.path, _RENDERED))
        return
    (_yaml if _is_yaml(text.path) else _settings)(text, found)
    if text.named and found.understood + len(found.errors) + len(found.notes) == before:
        _unknown(text, found)


def _unknown(text: Text, found: Found) -> None:
    """Why a file that the user named is not understood: it is broken, or it is something else."""
    before = len(found.errors) + len(found.notes)
    for chunk in chunks(text.text) if _is_yaml(text.path) else ():
        composed(Origin(text.path, chunk.text, chunk.line), found)
    if len(found.errors) + len(found.notes) == before:
        said = "holds nothing that is known here: no Collector configuration, manifest, Compose file or OTEL variable"
        found.errors.append(BadFile(text.path, said))


def _is_template(path: str) -> bool:
    from dualstack.gather.charts import is_template

    return is_template(path)


def _yaml(text: Text, found: Found) -> None:
    for chunk in chunks(text.text):
        kind = glance.told(chunk.text)
        serves = glance.serves(chunk.text, kind)
        if glance.speaks(chunk.text, kind, OBJECTS) or (serves and _TEMPLATE in chunk.text):
            _speaking(chunk, text, found)
        elif serves:
            found.waiting.append(Origin(text.path, chunk.text, chunk.line))
            found.understood += 1
        elif glance.lends(chunk.text, kind):
            found.lending.append(Origin(text.path, chunk.text, chunk.line))
            found.understood += text.named
        elif text.named and (glance.kind(chunk.text) or not chunk.text.strip()):
            found.understood += 1


def _speaking(chunk: Chunk, text: Text, found: Found) -> None:
    kind = glance.kind(chunk.text)
    silences = ANNOTATION in chunk.text
    if not kind or kind in OBJECTS or kind.endswith("List") or silences or _CONFIG.search(chunk.text):
        document(Origin(text.path, chunk.text, chunk.line), found)
    else:
        found.understood += text.named


def document(origin: Origin, found: Found) -> None:
    """Read one document into what was found."""
    root = composed(origin, found)
    before = found.understood
    if root is not None:
        read_object(*root, found)
        if found.understood > before:
            refuse_repeated(*root, found)


def refuse_repeated(root: Node, origin: Origin, found: Found) -> None:
    """A key that is there twice is an error; the first one is read."""
    for again, first in repeated(root):
        at, there = origin.location(again), origin.location(first)
        said = f"has the key `{printable(scalar(again))}` a second time, after line {there.line}; take one away"
        found.errors.append(BadFile(at.file, said, at.line, at.column))


def composed(origin: Origin, found: Found) -> tuple[Node, Origin] | None:
    """The nodes of a text, with what is plain in its slips put right; None where it is empty or no YAML."""
    for _ in range(_SLIPS):
        try:
            root = compose(origin)
        except BadYaml as error:
            from dualstack.gather.yaml_slips import slip

            wrong = slip(origin.text, error.near)
            if wrong is None:
                _refuse(origin, error, found)
                return None
            found.slips.append(_unwritten(wrong, origin))
            origin = _mended(wrong, origin)
        else:
            return (root, origin) if root is not None else None
    return None


def _refuse(origin: Origin, error: BadYaml, found: Found) -> None:
    if _TEMPLATE in origin.text:
        found.notes.append(Missing(f"{origin.file}:{error.line}", _RENDERED))
    else:
        found.errors.append(error)


def _unwritten(wrong: "Slip", origin: Origin) -> Unwritten:
    line, column = wrong.line + origin.line, wrong.column + origin.column
    at = Location(origin.file, line, column, line, column + len(wrong.value))
    return Unwritten(
        Written(wrong.value, origin.whole or at, "" if origin.whole else wrong.value), wrong.meant, wrong.code
    )


def _mended(wrong: "Slip", origin: Origin) -> Origin:
    """The text with the value in quotes."""
    starts = [0, *(x.end() for x in LINE_BREAK.finditer(origin.text))]
    start = starts[wrong.line - 1] + wrong.column - 1
    text = f'{origin.text[:start]}"{wrong.meant}"{origin.text[start + len(wrong.value) :]}'
    return Origin(origin.file, text, origin.line, origin.column, origin.whole)


def read_object(root: Node, origin: Origin, found: Found) -> None:
    """Read one object: of Kubernetes, a Compose file, a Collector configuration, or a file that holds one."""
    kind = text_at(root, "kind") if value(root, "apiVersion") is not None else ""
    if kind and (ANNOTATION in origin.text or type(origin) is not Origin):
        from dualstack.gather.objects import annotations

        found.suppressions += annotations(root, kind, origin)
    if kind.endswith("List") and items(value(root, "items")):
        for item in items(value(root, "items")):
            read_object(item, origin, found)
    elif kind in OBJECTS:
        found.understood += 1
        OBJECTS[kind](root, origin, found)
    elif config := config_in(root):
        found.understood += 1
        found.configs.append(Pending(config[0], origin, within=config[1]))
    elif isinstance(value(root, "services"), MappingNode) and not kind:
        _composition(root, origin, found)
    elif not _agent(root, origin, found, origin.holder):
        _held(root, origin, found, _DEPTH, set())
        from dualstack.gather.gateways import charts, families

        for values in charts(root):
            found.understood += 1
            found.families += families(values, origin)


def _composition(root: Node, origin: Origin, found: Found) -> None:
    from dualstack.gather import compose_file

    found.understood += 1
    found.compositions.append((root, origin))
    for name, body in compose_file.contents(root):
        _text(body, origin, Holder("config", origin.file, name, name), found)


def _held(node: Node, origin: Origin, found: Found, depth: int, seen: set[int]) -> None:
    """The Collector configurations inside another file, such as the values of a chart; each is looked at once."""
    if not depth or id(node) in seen:
        return
    seen.add(id(node))
    for key, body in pairs(node):
        holder = Holder("values", "", f"{origin.file}:{origin.location(key).line}", scalar(key))
        if is_config(body):
            from dualstack.gather import operated

            found.understood += 1
            found.configs.append(Pending(body, origin, holder))
            made = operated.values(node, key, origin, holder)
            found.workloads += [made] if made else []
        elif isinstance(body, MappingNode):
            if not _agent(body, origin, found, holder):
                _held(body, origin, found, depth - 1, seen)
        elif isinstance(body, SequenceNode):
            for item in body.value:
                _held(item, origin, found, depth - 1, seen)
        elif isinstance(body, ScalarNode) and body.style in ("|", ">"):
            _text(body, origin, holder, found)


def _text(node: ScalarNode, origin: Origin, holder: Holder, found: Found) -> None:
    """A configuration that an object holds as a text, of the Collector or of another agent."""
    if not _PART.search(node.value):
        _foreign(origin.inner(node), found, holder)
        return
    inner = composed(origin.inner(node), found)
    if inner and (config := config_in(inner[0])):
        found.understood += 1
        found.configs.append(Pending(config[0], inner[1], holder, config[1]))
        refuse_repeated(*inner, found)
    elif inner and _agent(*inner, found, holder):
        return
    elif inner and {scalar(x) for x, _ in pairs(inner[0])} & SECTIONS:
        found.parts.append(Pending(*inner, holder))
    elif inner:
        _held(*inner, found, _DEPTH // 2, set())


def _agent(root: Node, origin: Origin, found: Found, holder: Holder) -> bool:
    """Whether nodes are the configuration of another agent; it is kept then."""
    from dualstack.gather.agents import of_tree

    return _kept(of_tree(root, origin, holder), found)


def _kept(agent: "Agent | None", found: Found) -> bool:
    if agent is None:
        return False
    found.agents.append(agent)
    found.foreign += agent.foreign
    found.understood += 1
    return True


def _foreign(origin: Origin, found: Found, holder: Holder) -> bool:
    """Whether a text is the configuration of another agent than the Collector."""
    from dualstack.gather.agents import of_text

    try:
        if _kept(of_text(origin, holder), found):
            return True
    except BadFile as error:
        found.errors.append(error)
        return True
    inner = composed(origin, found) if _AGENT.search(origin.text) else None
    return inner is not None and _agent(*inner, found, holder)


def _config_map(root: Node, origin: Origin, found: Found) -> None:
    from dualstack.gather import manifests

    about = manifests.meta(root, origin)
    _listed(manifests.keys(root, origin), found)
    before = len(found.errors)
    for section in ("data", "stringData"):
        for key, body in pairs(value(root, section)):
            if isinstance(body, ScalarNode):
                _text(body, origin, Holder(about.kind, about.namespace, about.name, scalar(key)), found)
    for error in found.errors[before:] if about.stored and about.kind == "ConfigMap" else ():
        error.held = (about.namespace, about.name)


def _operated(root: Node, origin: Origin, found: Found) -> None:
    """A Collector that the Operator runs: its configuration is a text in v1alpha1 and a mapping in v1beta1."""
    from dualstack.gather import manifests, operated

    about = manifests.meta(root, origin)
    holder = Holder(about.kind, about.namespace, about.name)
    found.workloads.append(operated.resource(root, origin, holder))
    config = value(root, "spec", "config")
    if isinstance(config, ScalarNode):
        _text(config, origin, holder, found)
    elif config is not None:
        found.configs.append(Pending(config, origin, holder))


def _plain(root: Node, origin: Origin, found: Found) -> None:
    from dualstack.gather import objects

    found.first.update(objects.first(root))
    objects.take(root, origin, found)


OBJECTS: dict[str, Callable[[Node, Origin, Found], None]] = {
    **dict.fromkeys((*TEMPLATES, *KINDS, *SLICES, "Service", "NetworkPolicy", "Instrumentation", "Namespace"), _plain),
    "ConfigMap": _config_map,
    "Secret": _config_map,
    "OpenTelemetryCollector": _operated,
}


def _settings(text: Text, found: Found) -> None:
    """A file that is no YAML: the configuration of another agent, a unit of systemd, or variables."""
    if _foreign(whole := Origin(text.path, text.text), found, whole.holder):
        return
    from dualstack.gather import processes_files

    for workload in processes_files.workloads(text.path, text.text):
        found.understood += _listed(workload, found)


def _listed(workload: Workload, found: Found) -> bool:
    """Keep a program, or a list of variables; whether it is of interest by itself."""
    from dualstack.gather import processes_files

    wanted = processes_files.is_wanted(workload)
    (found.workloads if wanted else found.lists).append(workload)
    return wanted


_SETTINGS = (".env", ".service", ".conf", ".toml", ".alloy", ".river", ".properties")


def _is_yaml(path: str) -> bool:
    name = path.rpartition("/")[2]
    return not (name.endswith(_SETTINGS) or name.startswith(".env.") or name == "otelcol-options")
