"""What files say together: drop-ins and their units, files of variables and who reads them, and what `--set` sets."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.gather.files import Text
from dualstack.gather.given import given
from dualstack.gather.inlined import inlined
from dualstack.gather.processes_files import permitted
from dualstack.gather.recognise import Found, composed
from dualstack.gather.settle import settle_lending
from dualstack.gather.words import words
from dualstack.gather.yaml_tree import Node, Origin
from dualstack.model.evidence import Missing
from dualstack.model.kube import Container, Meta, Mount, Volume, Workload
from dualstack.model.otel import Holder
from dualstack.model.source import Written
from dualstack.reach.start import configurations

_OPERATOR = ".opentelemetry.io"


def join(found: Found, read: Callable[[str], Text | None] = lambda _: None) -> None:
    """Put together what was found in files of its own; `read` gives others that they name."""
    settle_lending(found)
    _compose(found, read)
    files = [os.path.normpath(x.origin.file) for x in found.configs if x.holder is None]
    lent = given(_with_dropins(found.workloads), found.lists)
    programs = _with_environment(lent, found.lists)
    found.workloads = [_reading(x, files) for x in _of_namespaces(programs, found.namespaces)]
    found.inlined += inlined(found.workloads, found)
    unread = [x for x in found.errors if x.held and _is_unread(*x.held, found.workloads)]
    found.notes += (Missing(f"{x.file}:{x.line}", f"{x.sentence} Nothing reads it.") for x in unread)
    found.errors[:] = [x for x in found.errors if x not in unread]


def _is_unread(namespace: str, name: str, workloads: Sequence[Workload]) -> bool:
    """Whether there are pods in a namespace, and none of them names a ConfigMap."""
    near = [x for x in workloads if x.pod and x.meta.namespace == namespace]
    named = {y.source for x in near for y in x.volumes if y.kind == "ConfigMap"}
    named |= {y.name for x in near for z in x.containers for y in z.given}
    named |= {y.held.name for x in near for z in x.containers for y in z.variables if y.held}
    return bool(near) and name not in named


def _compose(found: Found, read: Callable[[str], Text | None]) -> None:
    """The services of Compose projects, and the projects that configurations inside Compose files belong to."""
    if not found.compositions:
        return
    from dualstack.gather.compose_file import workloads
    from dualstack.gather.compose_project import homes, projects

    def load(path: str) -> tuple[Node, Origin] | None:
        text = read(path) if os.path.isfile(path) else None
        return composed(Origin(text.path, text.text), found) if text else None

    made = list(projects(found.compositions, load))
    found.workloads += [y for x in made for y in workloads(x)]
    home = homes(made)
    found.configs = [x._replace(holder=_moved(x.holder, home)) for x in found.configs]
    found.agents = [
        x._replace(declared=replace(x.declared, holder=_moved(x.declared.holder, home))) for x in found.agents
    ]


def _moved(holder: Holder | None, home: Mapping[str, str]) -> Holder | None:
    """What holds a configuration inside a Compose file, by the project of that file."""
    if holder is None or holder.kind != "config":
        return holder
    return replace(holder, namespace=home.get(holder.namespace, holder.namespace))


def _of_namespaces(workloads: Sequence[Workload], namespaces: Sequence[Meta]) -> list[Workload]:
    """Pods with what their namespace tells the Operator to inject; their own word counts more (operator README)."""
    told = {
        x.name: {k: v for k, v in x.annotations.items() if k.partition("/")[0].endswith(_OPERATOR)} for x in namespaces
    }
    own = ((x, told.get(x.meta.namespace) if x.pod else None) for x in workloads)
    return [replace(x, annotations={**more, **x.annotations}) if more else x for x, more in own]


def _with_dropins(workloads: Sequence[Workload]) -> list[Workload]:
    """Each unit with the drop-ins of its folder, which come after it (systemd.unit(5))."""
    units = {_path(x.meta.namespace) for x in workloads if x.meta.kind == "unit"}
    dropins = dict[str, list[Workload]]()
    for workload in workloads:
        owner = os.path.dirname(_path(workload.meta.namespace)).removesuffix(".d")
        if workload.meta.kind == "unit" and owner in units:
            dropins.setdefault(owner, []).append(workload)
    own = {id(y) for x in dropins.values() for y in x}
    return [_merged(x, dropins.get(_path(x.meta.namespace), [])) for x in workloads if id(x) not in own]


def _merged(unit: Workload, dropins: Sequence[Workload]) -> Workload:
    for dropin in dropins:
        mine, more = unit.containers[0], dropin.containers[0]
        both = replace(
            mine,
            words=more.words or mine.words,
            variables=(*mine.variables, *more.variables),
            sources=(*mine.sources, *more.sources),
        )
        unit = replace(unit, containers=(both,), restricts=(*unit.restricts, *dropin.restricts))
    return unit


def _with_environment(workloads: Sequence[Workload], lists: Sequence[Workload]) -> list[Workload]:
    """Each program with the variables of the files that it names; a file that somebody names stands for nobody else."""
    files = {_path(x.meta.namespace): x for x in (*lists, *workloads) if x.meta.kind == "file"}
    read = set[int]()

    def filled(workload: Workload) -> Workload:
        containers = []
        for container in workload.containers:
            mine = [x for y in container.sources if (x := _named(y, workload, files))]
            read.update(id(x) for x in mine)
            more = tuple(y for x in mine for y in x.containers[0].variables)
            own = container.variables
            both = (*own, *more) if workload.meta.kind == "unit" else (*more, *own)
            containers.append(_worded(replace(container, variables=both)))
        return replace(workload, containers=tuple(containers))

    done = [(x, filled(x) if not x.pod else x) for x in workloads]
    return [y for x, y in done if id(x) not in read]


def _reading(workload: Workload, files: Sequence[str]) -> Workload:
    """A unit with what its sockets can be, and the files here that stand for the configurations that it names."""
    if workload.meta.kind != "unit":
        return workload
    container = workload.containers[0]
    named = [x for x in configurations([y.text for y in container.words]) if os.path.isabs(x)]
    there = {x: y for x in named if (y := _file(x, workload, files))}
    return replace(
        workload,
        families=permitted(workload.restricts),
        containers=(replace(container, mounts=tuple(Mount(k, v) for k, v in there.items())),),
        volumes=tuple(Volume(x, "file", x) for x in dict.fromkeys(there.values())),
    )


def _file(path: str, workload: Workload, files: Sequence[str]) -> str | None:
    """The one file that is installed at a path: one whose path ends so, or one of that name beside the unit."""
    beside = os.path.join(os.path.dirname(_path(workload.meta.namespace)), os.path.basename(path))
    under = [x for x in files if _path(x).endswith(os.path.normpath(path))]
    found = under or [x for x in files if _path(x) == beside]
    return found[0] if len(found) == 1 else None


def _named(name: str, workload: Workload, files: dict[str, Workload]) -> Workload | None:
    """The file of variables that a program names; an absolute path also stands for a file of that name beside it."""
    folder = os.path.dirname(_path(workload.meta.namespace))
    beside = os.path.join(folder, os.path.basename(name) if os.path.isabs(name) else name)
    under = (y for x, y in files.items() if os.path.isabs(name) and x.endswith(os.path.normpath(name)))
    return next(under, None) or files.get(_path(beside))


def _worded(container: Container) -> Container:
    """The container with the words of `$NAME` where a variable of its own holds them (systemd.service(5))."""
    return replace(container, words=tuple(y for x in container.words for y in _words(x, container)))


def _words(word: Written, container: Container) -> Iterator[Written]:
    found = container.variable(word.text.strip("${}")) if word.text.startswith("$") else None
    if found is None or found.value is None:
        yield word
    else:
        yield from (Written(x.text, found.value.at) for x in words(found.value.text))


def _path(path: str) -> str:
    return os.path.abspath(path)
