"""The configurations that were found, read as those who run them would."""

from collections.abc import Callable, Iterator, Sequence

from dualstack.gather.collector_config import TELEMETRY, Reader, idle, listening, unread, uses
from dualstack.gather.collector_sends import balancers, destinations, expressions
from dualstack.gather.errors import BadFile
from dualstack.gather.expand import Environ
from dualstack.gather.files import Included, Text
from dualstack.gather.recognise import Found, Pending
from dualstack.gather.refusals import refusals
from dualstack.gather.yaml_tree import Node, Origin, items, pairs, scalar, value
from dualstack.model.kube import Container, Workload
from dualstack.model.otel import Declared, Holder
from dualstack.reach.features import switched
from dualstack.reach.images import is_core, variables_of, version
from dualstack.reach.neighbours import Neighbours, neighbours
from dualstack.reach.operator import OPERATED, completed
from dualstack.reach.sources import INLINE
from dualstack.reach.wiring import held, mounting, placed, readers, sequence, shelved

_Reader = tuple[Workload, Container]
_SECTIONS = ("receivers", "extensions", "service")
"""Sections that say who listens."""


def declared(found: Found, environ: Environ, wanted: str, included: Included) -> Iterator[Declared]:
    """Each configuration as what it declares.

    `environ` are the variables of those that no container in the files reads, `wanted` the version of the Collector,
    empty where the image tells it, or nobody. `included` gives the files that references name.
    """
    if found.asked:
        yield _declared(found.asked, [], (environ, wanted), included.anywhere, found, found.asked_of)
    pendings = [_with_holder(x) for x in found.configs]
    parts = [_with_holder(x) for x in found.parts]
    objects = (placed(x.meta) for x in found.workloads)
    near = neighbours((*objects, *(held(x.holder, x.origin.file) for x in (*pendings, *parts) if x.holder)))
    mounted = mounting(found.workloads)
    together = _together(found.workloads, (*parts, *pendings, *found.inlined), near)
    taken = {x.holder for group, _ in together for x in group}
    # A configuration in the words of a command that is merged is nothing else; a file can be read by others, too.
    for pending in (*pendings, *(x for x in found.inlined if x.holder not in taken)):
        there = list(readers(pending.holder, mounted, pending.origin.file, near)) if pending.holder else []
        # What an object holds is read in a container, whose files are not those of this machine.
        read = included.near if pending.holder and pending.holder.kind in ("file", "values") else _nowhere
        yield _declared(pending, there, (environ, wanted), read, found)
    for group, reader in together:
        from dualstack.gather.merge import merged

        try:
            root, origin = merged([(x.root, x.origin) for x in group])
        except BadFile as error:
            found.errors.append(error)
            continue
        whole = Pending(root, origin, group[0].holder, group[0].within)
        holders = tuple(x.holder for x in group if x.holder)
        yield _declared(whole, [reader], (environ, wanted), _nowhere, found, holders)


def _with_holder(pending: Pending) -> Pending:
    """A configuration that is a file of its own is held by that file."""
    return pending._replace(holder=pending.holder or pending.origin.holder)


def _nowhere(_: str) -> Text | None:
    return None


def _together(
    workloads: Sequence[Workload], pendings: Sequence[Pending], near: Neighbours
) -> list[tuple[tuple[Pending, ...], _Reader]]:
    """The configurations that a container reads one after the other, and one such container."""
    known = {(x.holder, x.origin.file): x for x in pendings if x.holder}
    shelves = shelved(known)
    read = {sequence(x, y, shelves, near): (x, y) for x in workloads for y in x.containers}
    return [(tuple(known[x] for x in k), v) for k, v in read.items() if len(k) > 1]


def _declared(
    pending: Pending,
    there: list[_Reader],
    given: tuple[Environ, str],
    read: Callable[[str], Text | None],
    found: Found,
    parts: tuple[Holder, ...] = (),
) -> Declared:
    """One configuration, for those who read it."""
    runs = {(version(x.image), tuple(switched([y.text for y in x.words]).items())) for _, x in there}
    told, gates = runs.pop() if len(runs) == 1 else ("", ())
    said = given[1] or told
    # What a variable is said to be by default does not count where something else gives it a value.
    environ: Environ = given[0]
    if there:
        mine = there[0][1]
        environ = {**variables_of(mine.image), **{x.name: x.value.text if x.value else None for x in mine.variables}}
    root, origin = _followed(pending, environ, read, found)
    used = uses(root)
    reader = Reader(said, dict(gates), _is_in_words(pending, parts))
    within = pending.within
    every = (x for x in listening(root, origin, environ, reader) if not within or x.component != TELEMETRY)
    endpoints = tuple(x.inside_of(within) for x in every)
    return Declared(
        tuple(map(completed, endpoints)) if pending.holder and pending.holder.kind == OPERATED else endpoints,
        said,
        origin.file,
        tuple(destinations(root, origin, environ, used)),
        tuple(expressions(root, origin, used)),
        tuple(balancers(root, origin, environ, used)),
        pending.holder,
        origin.location(root),
        whole=bool(within or value(root, "service") is not None) and not _is_open(root),
        unread=dict(unread(root, origin)),
        parts=parts,
        refused=tuple(refusals(root, origin, said, core=bool(there) and all(is_core(x.image) for _, x in there))),
        idle=idle(root, origin, environ, reader),
    )


def _is_open(root: Node) -> bool:
    """Whether what says who listens is what a reference stands for that was not followed."""
    service = value(root, "service")
    sections = (value(root, x) for x in _SECTIONS)
    return any("${" in scalar(x) for x in (*sections, *_choosing(service)))


def _choosing(service: Node | None) -> Iterator[Node | None]:
    """What says which receivers and extensions are in use: the names, or what stands in their place."""
    yield from (y := value(service, "extensions"), *items(y))
    pipelines = value(service, "pipelines")
    yield pipelines
    for _, each in pairs(pipelines):
        yield from (each, (y := value(each, "receivers")), *items(y))


def _is_in_words(pending: Pending, parts: tuple[Holder, ...]) -> bool:
    """Whether a configuration stands in the words of a command, or a part of it does."""
    return any(x.kind == INLINE for x in (pending.holder, *parts) if x)


def _followed(
    pending: Pending, environ: Environ, read: Callable[[str], Text | None], found: Found
) -> tuple[Node, Origin]:
    """A configuration with what its references stand for; most have none."""
    root, origin = pending.root, pending.origin
    if "${" not in origin.text and type(origin) is Origin:
        return root, origin
    from dualstack.gather.follow import Follower

    follower = Follower(environ, read)
    try:
        root, origin = follower.follow(root, origin)
    except BadFile as error:
        found.errors.append(error)
    found.notes += follower.notes
    found.errors += follower.errors.values()
    return root, origin
