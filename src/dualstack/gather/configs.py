"""The configurations that were found, read as those who run them would."""

import os
from collections.abc import Iterator, Mapping

from dualstack.gather.collector_config import listening, unread, uses
from dualstack.gather.collector_sends import balancers, destinations, expressions
from dualstack.gather.recognise import Found, Pending
from dualstack.gather.yaml_tree import value
from dualstack.model.otel import Declared, Holder
from dualstack.reach.neighbours import neighbours
from dualstack.reach.wiring import environment, held, mounting, placed, readers, version


def declared(found: Found, environ: Mapping[str, str], wanted: str) -> Iterator[Declared]:
    """Each configuration as what it declares.

    `environ` are the variables of those that no container in the files reads, `wanted` the version of the Collector,
    empty where the image tells it, or nobody.
    """
    pendings = [_with_holder(x) for x in found.configs]
    objects = (placed(x.meta) for x in found.workloads)
    near = neighbours((*objects, *(held(x.holder, x.origin.file) for x in pendings if x.holder)))
    mounted = mounting(found.workloads)
    for pending in pendings:
        there = list(readers(pending.holder, mounted, pending.origin.file, near)) if pending.holder else []
        versions = {version(x.image) for _, x in there}
        said = wanted or (versions.pop() if len(versions) == 1 else "")
        yield _declared(pending, environment(there[0][1]) if there else environ, said)


def _with_holder(pending: Pending) -> Pending:
    """A configuration that is a file of its own is held by that file."""
    return pending._replace(holder=pending.holder or Holder("file", "", os.path.normpath(pending.origin.file)))


def _declared(pending: Pending, environ: Mapping[str, str], said: str) -> Declared:
    root, origin, holder = pending
    used = uses(root)
    return Declared(
        listening(root, origin, environ, said),
        said,
        origin.file,
        tuple(destinations(root, origin, environ, used)),
        tuple(expressions(root, origin, used)),
        tuple(balancers(root, origin, used)),
        holder,
        origin.location(root),
        value(root, "service") is not None,
        dict(unread(root, origin)),
    )
