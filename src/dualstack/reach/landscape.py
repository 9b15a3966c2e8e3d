"""Who runs what and what leads where in the files, each found without looking at everything again."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.kube import Service, Services, Workload, Workloads
from dualstack.reach.images import is_collector
from dualstack.reach.neighbours import Neighbours, neighbours
from dualstack.reach.wiring import placed, selects

_Label = tuple[str, str]
K = TypeVar("K")
V = TypeVar("V")


class Landscape(msgspec.Struct, frozen=True):
    """The objects of a review by what they are looked for: objects by identity, pods and Services by a label.

    `titled` are the Services of the files by name, `leading` the configurations behind a Service of a name.
    """

    reading: Mapping[int, Sequence[Deployed]] = {}
    leading: Mapping[str, Sequence[Deployed]] = {}
    called: Mapping[str, Sequence[Deployed]] = {}
    pods: Mapping[_Label, Sequence[Workload]] = {}
    choosing: Mapping[_Label, Sequence[Service]] = {}
    titled: Mapping[str, Sequence[Service]] = {}
    near: Neighbours = Neighbours()

    def read_by(self, workload: Workload) -> Sequence[Deployed]:
        """The configurations that a workload reads."""
        return self.reading.get(id(workload), ())

    def selected(self, service: Service) -> list[Workload]:
        """The workloads whose labels a Service selects, in any folder."""
        found = [self.pods.get(x, ()) for x in service.selector.items()]
        return [x for x in min(found, key=len, default=()) if selects(service, x)]

    def behind(self, service: Service) -> list[Workload]:
        """Those of them that belong to it: no namesake of either is nearer to the other."""
        return [x for x in self.selected(service) if self.near.belong(placed(service.meta), placed(x.meta))]

    def is_served(self, workload: Workload) -> bool:
        """Whether some Service selects these pods."""
        return any(selects(y, workload) for x in workload.labels.items() for y in self.choosing.get(x, ()))

    def is_collector(self, workload: Workload) -> bool:
        """Whether pods run a Collector, by what they read or by their image."""
        return workload.pod and bool(self.read_by(workload) or any(is_collector(x.image) for x in workload.containers))


def landscape(
    deployments: Deployments, services: Services | None = None, workloads: Workloads | None = None
) -> Landscape:
    """The objects of a review, in order."""
    chosen, pods = services.items if services else (), workloads.items if workloads else ()
    objects = (placed(x.meta) for y in (chosen, pods) for x in y)
    return Landscape(
        _sorted((id(x.workload), x) for x in deployments.items),
        _sorted((y.meta.name, x) for x in deployments.items for y in x.services),
        _sorted((y, x) for x in deployments.items if x.workload for y in x.workload.names),
        _sorted((y, x) for x in pods for y in x.labels.items()),
        _sorted((y, x) for x in chosen for y in list(x.selector.items())[:1]),
        _sorted((x.meta.name, x) for x in chosen),
        neighbours(objects),
    )


def _sorted(pairs: Iterable[tuple[K, V]]) -> Mapping[K, Sequence[V]]:
    found = defaultdict[K, list[V]](list)
    for key, value in pairs:
        found[key].append(value)
    return found
