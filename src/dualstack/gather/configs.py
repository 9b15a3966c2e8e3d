"""The configurations that were found, read as those who run them would."""

import os
from collections.abc import Iterator, Mapping

from dualstack.gather.collector_config import listening, unread, uses
from dualstack.gather.collector_sends import balancers, destinations, expressions
from dualstack.gather.recognise import Found, Pending
from dualstack.model.otel import Declared, Holder
from dualstack.reach.wiring import environment, readers, version


def declared(found: Found, environ: Mapping[str, str], wanted: str) -> Iterator[Declared]:
    """Each configuration as what it declares.

    `environ` are the variables of those that no container in the files reads, `wanted` the version of the Collector,
    empty where the image tells it, or nobody.
    """
    for pending in found.configs:
        holder = pending.holder or Holder("file", "", os.path.normpath(pending.origin.file))
        there = list(readers(holder, found.workloads))
        versions = {version(x.image) for _, x in there}
        said = wanted or (versions.pop() if len(versions) == 1 else "")
        yield _declared(pending._replace(holder=holder), environment(there[0][1]) if there else environ, said)


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
        dict(unread(root, origin)),
    )
