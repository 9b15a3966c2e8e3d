"""What belongs together in the files: configurations and their readers, Services and pods, names and Services."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from dualstack.model.deployed import Deployed
from dualstack.model.exporter import ABROAD
from dualstack.model.kube import Container, Meta, Service, ServicePort, Volume, Workload
from dualstack.model.otel import Declared, DeclaredEndpoint, Holder
from dualstack.model.sockets import Transport
from dualstack.reach import operator, sources
from dualstack.reach.images import newest, own_file
from dualstack.reach.neighbours import Neighbours, Placed, nearness, neighbours
from dualstack.reach.sources import INLINE
from dualstack.reach.start import configurations, numbered, port

ALONE = Neighbours()


Mounted: TypeAlias = Mapping[tuple[str, str], Sequence[Workload]]
Held: TypeAlias = tuple[Holder, str]
"""A holder and the file that it stands in."""
Shelved: TypeAlias = Mapping[tuple[str, str], Sequence[Held]]
Called: TypeAlias = Mapping[str, Sequence[Service]]


def is_told(item: Deployed, endpoint: DeclaredEndpoint) -> bool:
    """Whether the files say what the default of an endpoint is in the Collector that runs."""
    return not endpoint.assumed or (item.container is not None and newest(item.container.image))


def same_namespace(one: str, other: str) -> bool:
    """Whether two namespaces can be one: a manifest without any goes wherever it is applied."""
    return one == other or not one or not other


def mounting(workloads: Iterable[Workload]) -> Mounted:
    """The workloads by what they hold or have a volume of: its kind and name, and `file` alone outside Kubernetes."""
    found: dict[tuple[str, str], list[Workload]] = {}
    for workload in workloads:
        volumes = (_shelf(x.kind, x.source) for x in workload.volumes)
        own = (_shelf(workload.holds.kind, workload.holds.name),) if workload.holds else ()
        said = (_shelf(y.kind, y.name) for x in workload.containers for y in inlined(x))
        for key in dict.fromkeys((*own, *volumes, *said)):
            found.setdefault(key, []).append(workload)
    return found


def shelved(holders: Iterable[Held]) -> Shelved:
    """Holders by what workloads name them by, as `mounting` has it."""
    found: dict[tuple[str, str], list[Held]] = {}
    for each in holders:
        found.setdefault(_shelf(each[0].kind, each[0].name), []).append(each)
    return found


def inlined(container: Container) -> tuple[Holder, ...]:
    """The holders of the configurations that the words of a container have in themselves."""
    return tuple(sources.holder(x, container) for x in sources.of(container) if x.inside and x.kind != "set")


def _shelf(kind: str, name: str) -> tuple[str, str]:
    return kind, "" if kind == "file" else name


def placed(meta: Meta) -> Placed:
    """An object by its identity and its file."""
    return Placed((meta.kind, meta.namespace, meta.name), meta.at.file)


def held(holder: Holder, file: str) -> Placed:
    """What holds a configuration, by its identity and its file."""
    return Placed((holder.kind, holder.namespace, holder.name), file)


def readers(
    holder: Holder, mounted: Mounted, file: str = "", near: Neighbours = ALONE
) -> Iterator[tuple[Workload, Container]]:
    """The containers that mount what a holder holds and, where their words name a configuration, name this one.

    One of a cluster that is told nothing reads the file of its image, where it is known which that is; in files the
    words may come from elsewhere. A folder of the host that a container sees can hold anything: there its words must
    name the configuration.
    """
    here = held(holder, file)
    for workload in mounted.get(_shelf(holder.kind, holder.name), ()):
        if workload.holds == holder:
            yield workload, workload.containers[0]
        if holder.kind == INLINE:
            yield from ((workload, x) for x in workload.containers if holder in inlined(x))
            continue
        together = same_namespace(workload.meta.namespace, holder.namespace)
        if not together or not near.belong(here, placed(workload.meta)):
            continue
        volumes = [x for x in workload.volumes if _is_held(holder, x)]
        for container in workload.containers:
            pairs = ((x, y) for x in container.mounts for y in volumes if y.name == x.volume)
            paths = [_path(holder, y, x.path, x.part) for x, y in pairs]
            own = own_file(container.image) if workload.meta.stored and not container.words else ""
            said = (own,) if own else configurations([y.text for y in container.words])
            named = [x for x in said if x.startswith("/")]
            folders = [x for x in volumes if x.kind == "file" and x.source != holder.name]
            reads = (not named and not folders and not _is_told_all(container)) or set(paths) & set(named)
            if paths and reads:
                yield workload, container


def _is_told_all(container: Container) -> bool:
    """Whether the words of a container have all of its configuration in themselves."""
    named = [x for x in sources.of(container) if x.kind != "set"]
    return bool(named) and all(x.inside for x in named)


def _is_held(holder: Holder, volume: Volume) -> bool:
    if volume.kind == holder.kind == "file":
        return f"{holder.name}/".startswith(f"{volume.source}/") or volume.source == "."
    same = (volume.kind, volume.source) == (holder.kind, holder.name)
    return same and (not volume.paths or holder.key in volume.paths)


def _path(holder: Holder, volume: Volume, mount: str, part: str) -> str:
    if volume.kind == "file":
        inner = holder.name.removeprefix(f"{volume.source}/")
        return mount if holder.name == volume.source else f"{mount.rstrip('/')}/{inner}"
    return mount if part else f"{mount.rstrip('/')}/{volume.paths.get(holder.key, holder.key)}"


def sequence(
    workload: Workload, container: Container, known: Shelved, near: Neighbours = ALONE
) -> tuple[tuple[Holder, str], ...]:
    """What a container's words name, or have in themselves, of what is known, in the order in which it is merged.

    Nothing where that is one text, or where no more than settings are known: they are laid over something else.
    """
    named = sources.of(container)
    holds = workload.holds if workload.holds and container is workload.containers[0] else None
    if len(named) + bool(holds) < 2:
        return ()
    base = _kept(holds, known) if holds else ()
    files = dict(_seen(workload, container, known, near))
    each = (
        _kept(sources.holder(x, container), known)
        if x.inside
        else (files[x.text],)
        if x.kind == "file" and x.text in files
        else ()
        for x in named
    )
    found = (*base, *(y for x in each for y in x))
    settings = {sources.holder(x, container) for x in named if x.kind == "set"}
    return found if any(x not in settings for x, _ in found) else ()


def _kept(holder: Holder, known: Shelved) -> tuple[Held, ...]:
    return tuple(x for x in known.get(_shelf(holder.kind, holder.name), ()) if x[0] == holder)[:1]


def _seen(workload: Workload, container: Container, known: Shelved, near: Neighbours) -> Iterator[tuple[str, Held]]:
    """The paths at which a container sees what is known, as far as it belongs to it."""
    for mount in container.mounts:
        for volume in (x for x in workload.volumes if x.name == mount.volume):
            for holder, file in known.get(_shelf(volume.kind, volume.source), ()):
                together = same_namespace(workload.meta.namespace, holder.namespace)
                if together and _is_held(holder, volume) and near.belong(held(holder, file), placed(workload.meta)):
                    yield _path(holder, volume, mount.path, mount.part), (holder, file)


def environment(container: Container) -> Mapping[str, str]:
    """The variables of a container that the file gives a value."""
    return {x.name: x.value.text for x in container.variables if x.value is not None}


def deployed(
    configs: Iterable[Declared], workloads: Sequence[Workload], services: Sequence[Service]
) -> Iterator[Deployed]:
    """Each configuration with those who read it."""
    mounted = mounting(workloads)
    configs = list(configs)
    merged = {x.parts for x in configs if x.parts}
    known = shelved((y, x.file) for x in configs for y in x.parts)
    chosen = [(x, placed(x.meta)) for x in services if x.selector]
    objects = [placed(x.meta) for y in (workloads, services) for x in y]
    near = neighbours((*objects, *(held(x.holder, x.file) for x in configs if x.holder)))
    for config in configs:
        found = list(readers(config.holder, mounted, config.file, near)) if config.holder else []
        runs = [x for x in found if _runs(config, sequence(*x, known, near), merged)] if merged else found
        for workload, container in runs:
            here = placed(workload.meta)
            mine = (x for x, at in chosen if near.belong(at, here) and selects(x, workload))
            yield Deployed(config, workload, container, (*mine, *operator.services(workload, config)))
        if not found:
            yield Deployed(config)


def _runs(config: Declared, read: tuple[tuple[Holder, str], ...], merged: Collection[tuple[Holder, ...]]) -> bool:
    """Whether who reads these runs this configuration, and not one that it is merged into."""
    holders = tuple(x for x, _ in read)
    return holders == config.parts if config.parts else config.holder not in holders or holders not in merged


def selects(service: Service, workload: Workload) -> bool:
    """Whether a Service leads to the pods of a workload."""
    together = workload.pod and same_namespace(service.meta.namespace, workload.meta.namespace)
    return together and bool(service.selector) and service.selector.items() <= workload.labels.items()


def together(receives: Workload | None, sends: Workload | None) -> bool:
    """Whether a receiver is on the loopback of a sender.

    Both are one pod, or they are services of Compose in one network namespace, or in that of a node, and the receiver
    is on every one.
    """
    if receives is None or sends is None or receives is sends:
        return receives is sends and receives is not None
    if receives.host_network and sends.host_network and receives.pod == sends.pod:
        return receives.meta.kind == "DaemonSet" or (not receives.pod and _is_project(receives, sends))
    nets = (receives.shares or receives.meta.name, sends.shares or sends.meta.name)
    return _is_project(receives, sends) and nets[0] == nets[1]


def _is_project(one: Workload, other: Workload) -> bool:
    return not one.pod and one.meta.namespace == other.meta.namespace


def called(services: Iterable[Service]) -> Called:
    """Services by their names, which those of several namespaces can share."""
    found: dict[str, list[Service]] = {}
    for service in services:
        found.setdefault(service.meta.name, []).append(service)
    return found


def named(host: str, namespace: str, services: Called, file: str = "") -> Service | None:
    """The Service that a name stands for inside the cluster (Kubernetes DNS specification 1.1 section 2.3).

    Of several of one name it is the one nearest to the file that names it.
    """
    name, _, rest = host.rstrip(".").partition(".")
    where, _, domain = rest.partition(".")
    if domain == ABROAD or (domain and not domain.startswith("svc")):
        return None
    wanted = where or namespace
    found = (x for x in services.get(name, ()) if same_namespace(x.meta.namespace, wanted))
    return max(found, key=lambda x: nearness(x.meta.at.file, file), default=None)


def target(service_port: ServicePort, workload: Workload) -> int:
    """The port of the pod that a port of a Service leads to; 0 where its name is that of no port there."""
    said = (service_port.target or service_port.number).text
    ports = (y for x in workload.containers for y in x.ports)
    return numbered(said) or next((numbered(x.number.text) for x in ports if x.name == said), 0)


def listens(config: Declared, number: int, transport: Transport = Transport.TCP) -> bool:
    """Whether a configuration listens on a port."""
    return any(port(x) == number and x.transport is transport for x in config.endpoints)
