"""Variables of containers that come from ConfigMaps and Secrets, with the values that those have in the files."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.gather.glance import LENDERS
from dualstack.model.kube import Container, Variable, Workload
from dualstack.model.otel import Holder
from dualstack.reach.neighbours import nearness
from dualstack.reach.wiring import same_namespace

_Named = tuple[str, str]


def given(workloads: Sequence[Workload], lists: Sequence[Workload]) -> list[Workload]:
    """Each workload with those values; an object that somebody takes variables from stands for nobody else."""
    known = dict[_Named, list[Workload]]()
    for each in (*lists, *workloads):
        if each.meta.kind in LENDERS:
            known.setdefault((each.meta.kind, each.meta.name), []).append(each)
    if not known:
        return list(workloads)
    read = set[int]()
    done = [(x, _filled(x, known, read) if x.meta.kind not in LENDERS else x) for x in workloads]
    return [y for x, y in done if id(x) not in read]


def _filled(workload: Workload, known: Mapping[_Named, Sequence[Workload]], read: set[int]) -> Workload:
    """A workload with what its containers are given; the objects are added to those that are read."""

    def found(kind: str, name: str) -> Workload | None:
        mine = (x for x in known.get((kind, name), ()) if same_namespace(x.meta.namespace, workload.meta.namespace))
        nearest = max(mine, key=lambda x: nearness(x.meta.at.file, workload.meta.at.file), default=None)
        read.update([id(nearest)] if nearest else [])
        return nearest

    def variables(container: Container) -> Iterator[Variable]:
        for each in container.given:
            there = found(each.kind, each.name)
            for x in there.containers[0].variables if there else ():
                yield replace(x, name=f"{each.prefix}{x.name}", held=Holder(each.kind, "", each.name, x.name))
        for own in container.variables:
            there = found(own.held.kind, own.held.name) if own.held else None
            said = there.containers[0].variable(own.held.key) if there and own.held else None
            yield replace(own, value=said.value) if said else own

    if not any(x.given or any(y.held for y in x.variables) for x in workload.containers):
        return workload
    return replace(workload, containers=tuple(replace(x, variables=tuple(variables(x))) for x in workload.containers))
