"""Where the containers of pods export to, by the variables of the OpenTelemetry SDKs.

OpenTelemetry specification, environment variables and OTLP exporter configuration.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.cluster import Pod, Service
from dualstack.model.container import Container
from dualstack.model.exporter import Exporter
from dualstack.model.slim import ConfigMap, ContainerStatus, OwnerReference
from dualstack.reach.arguments import names_endpoint, with_arguments
from dualstack.reach.brings import SIGNALS, brings, exports, idle
from dualstack.reach.java import AFTER, BEFORE
from dualstack.reach.properties import dialled, with_properties
from dualstack.reach.proxy import diverted, proxies, variable
from dualstack.reach.variables import Variables, environment

_OTLP = "OTEL_EXPORTER_OTLP_"
_GENERAL = f"{_OTLP}ENDPOINT"
_HASH = "pod-template-hash"
COLLECTOR = re.compile(r"otelcol|otel-collector|opentelemetry-collector")
"""Images of the OpenTelemetry Collector and of its distributions; knowledge/otlp_receivers.table."""


def exporters(pod: Pod, config_maps: Iterable[ConfigMap] = (), services: Iterable[Service] = ()) -> Iterator[Exporter]:
    """The endpoints that a pod names and uses, also those whose value stands where nobody here may read."""
    maps, linked = tuple(config_maps), tuple(services)
    ended = {x.name for x in pod.status.init_container_statuses or () if _is_done(x)}
    for container in (*(pod.spec.containers or ()), *(pod.spec.init_containers or ())):
        if container.name not in ended and _may_export(container):
            found = with_properties(environment(container, pod, maps, linked), container)
            found = found if COLLECTOR.search(container.image) else with_arguments(found, container)
            yield from (_exporter(pod, container, x, found) for x in _used(found))


def _may_export(container: Container) -> bool:
    """Whether a container may say where it exports to: in variables, in those of other things, or in its arguments."""
    named = (x.name for x in container.env or ())
    told = any(x.startswith(_OTLP) or x in (*BEFORE, *AFTER) for x in named)
    return told or bool(container.env_from) or names_endpoint(container)


def _is_done(status: ContainerStatus) -> bool:
    """Whether an init container has done its work, so that it exports no more."""
    ended = status.state.terminated if status.state else None
    return ended is not None and not ended.exit_code


def unread(pod: Pod, config_maps: Iterable[ConfigMap] = ()) -> tuple[str, ...]:
    """What may hold the endpoints of a pod that names none: Secrets, and ConfigMaps that could not be read."""
    maps = tuple(config_maps)
    every = [environment(x, pod, maps) for x in pod.spec.containers or ()]
    return tuple(dict.fromkeys(y for x in every for y in x.unread))


def silenced(pod: Pod, config_maps: Iterable[ConfigMap] = ()) -> str:
    """Why a pod that names an endpoint sends nothing by OTLP, as the variables say; empty where it may send."""
    maps = tuple(config_maps)
    found = ((x, environment(x, pod, maps)) for x in pod.spec.containers or ())
    mine = [idle(y.values) for x, y in found if any(z.startswith(_OTLP) for z in y.values)]
    return mine[0] if mine and all(mine) else ""


def _used(found: Variables) -> Iterator[str]:
    """The variables of endpoints that lead anywhere: the general one is for the signals that have none of their own."""
    if idle(found.values):
        return
    exported = [x.upper() for x in SIGNALS if exports(x, found.values)]
    own = [x for x in exported if _has(f"{_OTLP}{x}_ENDPOINT", found)]
    if _has(_GENERAL, found) and len(own) < len(exported):
        yield _GENERAL
    yield from (f"{_OTLP}{x}_ENDPOINT" for x in own)


def _has(name: str, found: Variables) -> bool:
    return bool(found.values.get(name) or found.held.get(name))


def _exporter(pod: Pod, container: Container, name: str, found: Variables) -> Exporter:
    signal = name.removeprefix(_OTLP).removesuffix("ENDPOINT").rstrip("_")
    own = found.values.get(f"{_OTLP}{signal}_PROTOCOL", "") if signal else ""
    said = next((x.value for x in container.env or () if x.name == name and x.value), "")
    endpoint = found.values.get(name) or said
    made = Exporter(
        pod.metadata.namespace,
        owner(pod),
        pod.metadata.name,
        name,
        endpoint,
        own or found.values.get(f"{_OTLP}PROTOCOL", ""),
        dialled(pod.families, found, container),
        host_network=bool(pod.spec.host_network),
        written=said if said != endpoint else "",
        container=container.name,
        held=found.held.get(name, ""),
        labels=tuple((pod.metadata.labels or {}).items()),
        by=found.by.get(name, ""),
        protocol_by=_named(f"{_OTLP}{signal}_PROTOCOL", found) if own else found.by.get(f"{_OTLP}PROTOCOL", ""),
        **brings(signal.lower(), endpoint, found.values, {*found.values, *found.held})._asdict(),
    )
    return diverting(made, found)


def _named(variable: str, found: Variables) -> str:
    """What says the value of a variable."""
    return found.by.get(variable, variable)


def diverting(made: Exporter, found: Variables) -> Exporter:
    """An exporter with the variable by which it sends to a proxy, where one leads there."""
    away = proxies(found.values)
    heeding = diverted(made.target, away, None) if made.target and away.variables else ()
    return replace(made, proxy=variable(made.target, away, heeding)) if made.target and heeding else made


def owner(pod: Pod) -> str:
    """What made a pod, in words. The ReplicaSet of a Deployment is called after it and the hash of a template."""
    made = list(pod.metadata.owner_references or ())
    itself = OwnerReference(kind="Pod", name=pod.metadata.name)
    by = next((x for x in made if x.controller), (*made, itself)[0])
    hashed = (pod.metadata.labels or {}).get(_HASH)
    if by.kind == "ReplicaSet" and hashed and by.name.endswith(f"-{hashed}"):
        return f"Deployment {by.name.removesuffix(f'-{hashed}')}"
    return f"{by.kind} {by.name}"


def is_collector(pod: Pod) -> bool:
    """Whether a container of a pod runs a Collector, by its image."""
    return any(COLLECTOR.search(x.image) for x in pod.spec.containers or ())


def asked(pod: Pod, config_maps: Iterable[ConfigMap] = (), services: Iterable[Service] = ()) -> tuple[Exporter, ...]:
    """What containers of a pod export beside its Collector: what that one does is its own affair."""
    every = (*(pod.spec.containers or ()), *(pod.spec.init_containers or ()))
    own = {x.name for x in every if COLLECTOR.search(x.image)}
    return tuple(x for x in exporters(pod, config_maps, services) if x.container not in own)
