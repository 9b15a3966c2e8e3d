"""The configurations that were found, read as those who run them would."""

import os
from collections.abc import Callable, Iterator, Mapping

from dualstack.gather.collector_config import listening, uses
from dualstack.gather.collector_sends import balancers, destinations, expressions
from dualstack.gather.errors import BadFile
from dualstack.gather.files import Included, Text
from dualstack.gather.follow import Follower
from dualstack.gather.merge import merged
from dualstack.gather.recognise import Found, Pending
from dualstack.model.kube import Container, Workload
from dualstack.model.otel import Declared, Holder
from dualstack.reach.wiring import environment, readers, sequence, version

_Reader = tuple[Workload, Container]


def declared(found: Found, environ: Mapping[str, str], wanted: str, included: Included) -> Iterator[Declared]:
    """Each configuration as what it declares.

    `environ` are the variables of those that no container in the files reads, `wanted` the version of the Collector,
    empty where the image tells it, or nobody. `included` gives the files that references name.
    """
    if found.asked:
        yield _declared(found.asked, [], (environ, wanted), included.anywhere, found, found.asked_of)
    for pending in found.configs:
        holder = _holder(pending)
        there = list(readers(holder, found.workloads))
        # What an object holds is read in a container, whose files are not those of this machine.
        read = included.near if holder.kind in ("file", "values") else _nowhere
        yield _declared(pending._replace(holder=holder), there, (environ, wanted), read, found)
    for parts, reader in _together(found).items():
        try:
            root, origin = merged([(x.root, x.origin) for x in parts])
        except BadFile as error:
            found.errors.append(error)
            continue
        whole = Pending(root, origin, _holder(parts[0]))
        yield _declared(whole, [reader], (environ, wanted), _nowhere, found, tuple(map(_holder, parts)))


def _holder(pending: Pending) -> Holder:
    """What holds a configuration; a file that is none holds itself."""
    return pending.holder or Holder("file", "", os.path.normpath(pending.origin.file))


def _nowhere(_: str) -> Text | None:
    return None


def _together(found: Found) -> dict[tuple[Pending, ...], _Reader]:
    """The configurations that a container reads one after the other, and one such container."""
    known = {_holder(x): x for x in (*found.parts, *found.configs)}
    each = ((x, y) for x in found.workloads for y in x.containers)
    read = {tuple(known[z] for z in sequence(x, y, known)): (x, y) for x, y in each}
    return {k: v for k, v in read.items() if len(k) > 1}


def _declared(
    pending: Pending,
    there: list[_Reader],
    given: tuple[Mapping[str, str], str],
    read: Callable[[str], Text | None],
    found: Found,
    parts: tuple[Holder, ...] = (),
) -> Declared:
    """One configuration, for those who read it."""
    versions = {version(x.image) for _, x in there}
    said = given[1] or (versions.pop() if len(versions) == 1 else "")
    environ = environment(there[0][1]) if there else given[0]
    follower = Follower(environ, read)
    root, origin = pending.root, pending.origin
    try:
        root, origin = follower.follow(root, origin)
    except BadFile as error:
        found.errors.append(error)
    found.notes += follower.notes
    found.errors += follower.errors.values()
    used = uses(root)
    return Declared(
        listening(root, origin, environ, said),
        said,
        origin.file,
        tuple(destinations(root, origin, environ, used)),
        tuple(expressions(root, origin, used)),
        tuple(balancers(root, origin, used)),
        pending.holder,
        origin.location(root),
        parts,
    )
