"""What belongs together in the files: configurations and their readers, Services and pods, names and Services."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.deployed import Deployed
from dualstack.model.kube import Container, Service, ServicePort, Volume, Workload
from dualstack.model.otel import Declared, Holder
from dualstack.model.sockets import Transport
from dualstack.model.source import Written
from dualstack.reach.start import configurations, port

_COLLECTOR = re.compile(r"(?:opentelemetry-collector|otelcol|otel-collector)[^:@/]*:v?(?P<version>\d+\.\d+\.\d+)")
"""Images of the Collector whose tag is its version: otel/opentelemetry-collector, -contrib, -k8s and their mirrors."""


def version(image: str) -> str:
    """The version of the Collector in an image, by its tag; empty for any other image."""
    found = _COLLECTOR.search(image)
    return found["version"] if found else ""


def same_namespace(one: str, other: str) -> bool:
    """Whether two namespaces can be one: a manifest without any goes wherever it is applied."""
    return one == other or not one or not other


def readers(holder: Holder, workloads: Iterable[Workload]) -> Iterator[tuple[Workload, Container]]:
    """The containers that mount what a holder holds and, where their words name a configuration, name this one.

    A folder of the host that a container sees can hold anything: there its words must name the configuration.
    """
    for workload in workloads:
        if workload.holds == holder:
            yield workload, workload.containers[0]
        if not same_namespace(workload.meta.namespace, holder.namespace):
            continue
        volumes = {x.name: x for x in workload.volumes if _is_held(holder, x)}
        for container in workload.containers:
            paths = [_path(holder, volumes[x.volume], x.path, x.part) for x in container.mounts if x.volume in volumes]
            named = [x for x in configurations([y.text for y in container.words]) if x.startswith("/")]
            folders = [x for x in volumes.values() if x.kind == "file" and x.source != holder.name]
            if paths and ((not named and not folders) or set(paths) & set(named)):
                yield workload, container


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


def sequence(workload: Workload, container: Container, holders: Iterable[Holder]) -> tuple[Holder, ...]:
    """The holders of the configurations that a container's words name, in the order in which they are merged."""
    named = configurations([x.text for x in container.words])
    there = dict[str, Holder]()
    for holder in holders if len(named) > 1 else ():
        if same_namespace(workload.meta.namespace, holder.namespace):
            volumes = {x.name: x for x in workload.volumes if _is_held(holder, x)}
            mounts = (x for x in container.mounts if x.volume in volumes)
            there |= {_path(holder, volumes[x.volume], x.path, x.part): holder for x in mounts}
    return tuple(there[x] for x in named if x in there)


def environment(container: Container) -> Mapping[str, str]:
    """The variables of a container that the file gives a value."""
    return {x.name: x.value.text for x in container.variables if x.value is not None}


def deployed(
    configs: Iterable[Declared], workloads: Sequence[Workload], services: Sequence[Service]
) -> Iterator[Deployed]:
    """Each configuration with those who read it."""
    configs = tuple(configs)
    merged = {x.parts for x in configs if x.parts}
    for config in configs:
        found = list(readers(config.holder, workloads)) if config.holder else []
        mine = [x for x in found if _runs(config, sequence(*x, {z for y in merged for z in y}), merged)]
        for workload, container in mine:
            made = (_with_ports(x, config) for x in workload.made)
            yield Deployed(config, workload, container, (*(x for x in services if selects(x, workload)), *made))
        if not found:
            yield Deployed(config)


def _runs(config: Declared, read: tuple[Holder, ...], merged: Collection[tuple[Holder, ...]]) -> bool:
    """Whether who reads these runs this configuration, and not one that it is merged into."""
    return read == config.parts if config.parts else config.holder not in read or read not in merged


def _with_ports(service: Service, config: Declared) -> Service:
    """A Service that the Operator makes, with a port for each that the configuration listens on for clients."""
    if service.ports:
        return service
    clients = (x for x in config.endpoints if x.component.startswith(("receivers/", "exporters/")))
    found = {(port(x), x.transport): x.location for x in clients if x.location and port(x)}
    ports = (ServicePort("", Written(str(number), at), None, kind.upper()) for (number, kind), at in found.items())
    return replace(service, ports=tuple(ports))


def selects(service: Service, workload: Workload) -> bool:
    """Whether a Service leads to the pods of a workload."""
    together = workload.pod and same_namespace(service.meta.namespace, workload.meta.namespace)
    return together and bool(service.selector) and service.selector.items() <= workload.labels.items()


def named(host: str, namespace: str, services: Iterable[Service]) -> Service | None:
    """The Service that a name stands for inside the cluster (Kubernetes DNS specification 1.1 section 2.3)."""
    name, _, rest = host.rstrip(".").partition(".")
    where, _, domain = rest.partition(".")
    if domain and not domain.startswith("svc"):
        return None
    wanted = where or namespace
    return next((x for x in services if x.meta.name == name and same_namespace(x.meta.namespace, wanted)), None)


def target(service_port: ServicePort, workload: Workload) -> int:
    """The port of the pod that a port of a Service leads to; 0 where its name is that of no port there."""
    said = service_port.target or service_port.number
    if said.text.isdigit():
        return int(said.text)
    ports = (y for x in workload.containers for y in x.ports)
    return next((int(x.number.text) for x in ports if x.name == said.text and x.number.text.isdigit()), 0)


def listens(config: Declared, number: int, transport: Transport = Transport.TCP) -> bool:
    """Whether a configuration listens on a port."""
    return any(port(x) == number and x.transport is transport for x in config.endpoints)
