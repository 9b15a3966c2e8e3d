"""What files foretell of containers that run all the same."""

from collections.abc import Collection, Iterable, Iterator

from dualstack.model.finding import Finding
from dualstack.model.kube import Workloads
from dualstack.model.source import Location
from dualstack.reach.kubelet_probes import LIVENESS
from dualstack.reach.pods import Opened, Place, status_of
from dualstack.reach.runs import is_of
from dualstack.reach.unready import ENDING

_CODES = (*(x for x in ENDING if x != "DS102"), "DS218")
"""Of these a container that runs knows better; DS102 speaks of addresses as well that it may get another day."""


def standing(static: Iterable[Finding], places: Collection[Place], workloads: Workloads) -> Iterator[Finding]:
    """The findings of files but those of what would keep a container from running, or ready, that is both."""
    refuted = _bound(places) | _read(places, workloads)
    yield from (x for x in static if x.location not in refuted or x.code not in _CODES)


def said_at(opened: Opened) -> tuple[Location, ...]:
    """Where a file says something of an endpoint."""
    endpoint = opened.endpoint
    said = (endpoint.location, *(x.at for x in (endpoint.written, endpoint.pinned) if x))
    return tuple(x for x in said if x)


def _bound(places: Iterable[Place]) -> set[Location]:
    """The places of endpoints that keep no container from running: every one that reads them does."""
    every = [x for y in places for x in y.opened]
    kept = {y for x in every if not x.runs for y in said_at(x)}
    return {y for x in every if x.runs for y in said_at(x)} - kept


def _read(places: Collection[Place], workloads: Workloads) -> set[Location]:
    """The places in words, probes and configurations of a container that is ready in all of its pods.

    One that is ready now may be ended for a liveness probe after a while.
    """
    found = set[Location]()
    for work in workloads.items:
        mine = [x for x in places if is_of(x.pod, work)]
        for container in work.containers if mine else ():
            if all(status_of(container.name, x.pod).ready and not x.outdated for x in mine):
                found.update(y.at for y in container.words)
                found.update(y.port.at for y in container.probes if y.name != LIVENESS)
                read = (y for x in mine for y in x.configs if y.container and y.container.name == container.name)
                found.update(y.at for x in read for y in x.config.refused)
    return found
