"""Where the containers of pods export to, by the variables of the OpenTelemetry SDKs.

OpenTelemetry specification, environment variables and OTLP exporter configuration.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model.address import OTLP_PORTS
from dualstack.model.cluster import Pod, Service
from dualstack.model.container import Container
from dualstack.model.exporter import Exporter
from dualstack.model.slim import ConfigMap, ContainerStatus, OwnerReference
from dualstack.reach.agents import with_defaults
from dualstack.reach.arguments import names_endpoint, started, with_arguments
from dualstack.reach.brings import CERTIFICATE, HEADERS, SIGNALS, Brought, brings, exports, idle
from dualstack.reach.declarative import FILES, file_variable, holder
from dualstack.reach.java import AFTER, BEFORE
from dualstack.reach.properties import dialled, runs_agent, with_properties
from dualstack.reach.proxy import diverted, proxies, variable
from dualstack.reach.redacted import HIDDEN, hides_host
from dualstack.reach.variables import Variables, environment

_OTLP = "OTEL_EXPORTER_OTLP_"
_GENERAL = f"{_OTLP}ENDPOINT"
_HASHES = {"pod-template-hash": "Deployment", "rollouts-pod-template-hash": "Rollout"}
"""What makes ReplicaSets, by the label with which it tells their pods apart (Kubernetes documentation, Deployments;
argo-rollouts 1.8, pkg/apis/rollouts/v1alpha1, DefaultRolloutUniqueLabelKey)."""
INJECT = "instrumentation.opentelemetry.io/inject-"
"""How annotations begin by which pods ask the Operator for an agent (operator internal/instrumentation)."""
COLLECTOR = re.compile(r"otelcol|otel-collector|opentelemetry-collector")
"""Images of the OpenTelemetry Collector and of its distributions; knowledge/otlp_receivers.table."""


def exporters(pod: Pod, config_maps: Iterable[ConfigMap] = (), services: Iterable[Service] = ()) -> Iterator[Exporter]:
    """The endpoints that a pod names and uses, also those whose value stands where nobody here may read."""
    maps, linked = tuple(config_maps), tuple(services)
    ended = {x.name for x in pod.status.init_container_statuses or () if _is_done(x)}
    for container in (*(pod.spec.containers or ()), *(pod.spec.init_containers or ())):
        if container.name not in ended and _may_export(container):
            found = started(container, pod, maps, linked)
            found = with_properties(found, container)
            if file := file_variable(found):
                yield _exporter(pod, container, _Way(file, "", ()), found, holder(file, found))
                continue
            found = with_defaults(found, container, pod)
            found = found if COLLECTOR.search(container.image) else with_arguments(found, container)
            yield from (_exporter(pod, container, x, found) for x in _used(found))


def _may_export(container: Container) -> bool:
    """Whether a container may say where it exports to: in variables, in those of other things, or in its arguments."""
    named = (x.name for x in container.env or ())
    told = any(x.startswith(_OTLP) or x in (*BEFORE, *AFTER, *FILES) for x in named)
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


def silenced(pod: Pod, config_maps: Iterable[ConfigMap] = (), named: str = _OTLP) -> str:
    """Why a pod sends nothing by OTLP, as the variables say; empty where it may send.

    Of its containers those count that have a variable whose name begins with `named`.
    """
    maps = tuple(config_maps)
    found = ((x, with_properties(started(x, pod, maps), x)) for x in pod.spec.containers or ())
    mine = [idle(y.values, y.by) for x, y in found if any(z.startswith(named) for z in y.values)]
    return mine[0] if mine and all(mine) else ""


class _Way(NamedTuple):
    """The variable of an endpoint that leads somewhere, the one that says the protocol there, and who goes there."""

    endpoint: str
    protocol: str
    signals: tuple[str, ...]


def _used(found: Variables) -> Iterator[_Way]:
    """The ways that signals go: the general endpoint is for those without one of their own, each in its protocol."""
    if idle(found.values):
        return
    exported = [x for x in SIGNALS if exports(x, found.values)]
    own = [x for x in exported if _has(_variable(x, "ENDPOINT"), found)]
    rest = [x for x in exported if x not in own] if _has(_GENERAL, found) else []
    for protocol in dict.fromkeys(found.values.get(_spoken(x, found), "") for x in rest):
        alike = tuple(x for x in rest if found.values.get(_spoken(x, found), "") == protocol)
        yield _Way(_GENERAL, _spoken(alike[0], found), alike)
    yield from (_Way(_variable(x, "ENDPOINT"), _spoken(x, found), (x,)) for x in own)


def _variable(signal: str, what: str) -> str:
    return f"{_OTLP}{signal.upper()}_{what}"


def _spoken(signal: str, found: Variables) -> str:
    """The variable that says the protocol of a signal: its own, or else that of all."""
    own = _variable(signal, "PROTOCOL")
    return own if found.values.get(own) else f"{_OTLP}PROTOCOL"


def _has(name: str, found: Variables) -> bool:
    return bool(found.values.get(name) or found.held.get(name))


def _exporter(pod: Pod, container: Container, way: _Way, found: Variables, file: str = "") -> Exporter:
    """An exporter; where a `file` says the endpoint, that is not known."""
    name, signal = way.endpoint, "" if way.endpoint == _GENERAL or file else way.signals[0]
    said = "" if file else next((x.value for x in container.env or () if x.name == name and x.value), "")
    endpoint = "" if file else found.values.get(name) or said
    made = Exporter(
        pod.metadata.namespace,
        owner(pod),
        pod.metadata.name,
        name,
        endpoint,
        found.values.get(way.protocol, ""),
        dialled(pod.families, found, container),
        host_network=bool(pod.spec.host_network),
        written=said if said != endpoint else "",
        container=container.name,
        held=file or found.held.get(name, HIDDEN if hides_host(endpoint) else ""),
        labels=tuple((pod.metadata.labels or {}).items()),
        by=found.by.get(name, ""),
        protocol_by=_said_by(way.protocol, found),
        java=runs_agent(found, container),
        tls_held=_held_tls(signal, found),
        asks=next((v for k, v in (pod.metadata.annotations or {}).items() if k.startswith(INJECT)), ""),
        **_brought(signal, endpoint, found, way)._asdict(),
    )
    return diverting(made, found)


def _brought(signal: str, endpoint: str, found: Variables, way: _Way) -> Brought:
    """What goes with an export; a Secret whose names nobody here may read can hold any credentials."""
    brought = brings(signal, endpoint, found.values, {*found.values, *found.held}, way.signals)
    return brought._replace(credentials=(HEADERS, CERTIFICATE)) if found.unread else brought


def _held_tls(signal: str, found: Variables) -> str:
    """Why nobody can say whether a client without a scheme uses TLS; empty where nothing hides it."""
    named = (*([_variable(signal, "INSECURE")] if signal else []), f"{_OTLP}INSECURE")
    name = next((x for x in named if _has(x, found)), "")
    return unknown_tls(name, found.held[name]) if name in found.held else ""


def unknown_tls(said: str, holder: str) -> str:
    """Why nobody can say whether clients use TLS: something decides whose value nobody here may read."""
    return f"whether the clients use TLS is in `{said}` ({holder}), whose value is not known"


def _said_by(protocol: str, found: Variables) -> str:
    """What says the protocol where that is not the usual variable."""
    return found.by.get(protocol, "" if protocol == f"{_OTLP}PROTOCOL" else protocol)


def diverting(made: Exporter, found: Variables) -> Exporter:
    """An exporter with the variable by which it sends to a proxy, where one leads there."""
    away = proxies(found.values)
    heeding = diverted(made.target, away, None) if made.target and away.variables else ()
    return replace(made, proxy=variable(made.target, away, heeding)) if made.target and heeding else made


def owner(pod: Pod) -> str:
    """What made a pod, in words. The ReplicaSet of a Deployment is called after it and the hash of a template.

    A Node owns the pods that its kubelet has from files; nothing else made these (pkg/kubelet/pod/mirror_client.go).
    """
    made = [x for x in pod.metadata.owner_references or () if x.kind != "Node"]
    itself = OwnerReference(kind="Pod", name=pod.metadata.name)
    by = next((x for x in made if x.controller), (*made, itself)[0])
    for label, kind in _HASHES.items():
        hashed = (pod.metadata.labels or {}).get(label)
        if by.kind == "ReplicaSet" and hashed and by.name.endswith(f"-{hashed}"):
            return f"{kind} {by.name.removesuffix(f'-{hashed}')}"
    return f"{by.kind} {by.name}"


def is_collector(pod: Pod) -> bool:
    """Whether a container of a pod runs a Collector, by its image."""
    return any(COLLECTOR.search(x.image) for x in pod.spec.containers or ())


def receives(pod: Pod) -> bool:
    """Whether a pod may be of those that receive."""
    ports = (y for x in pod.spec.containers or () for y in x.ports or ())
    return is_collector(pod) or any(x.container_port in OTLP_PORTS for x in ports)


def asked(pod: Pod, config_maps: Iterable[ConfigMap] = (), services: Iterable[Service] = ()) -> tuple[Exporter, ...]:
    """What containers of a pod export beside its Collector: what that one does is its own affair."""
    every = (*(pod.spec.containers or ()), *(pod.spec.init_containers or ()))
    own = {x.name for x in every if COLLECTOR.search(x.image)}
    return tuple(x for x in exporters(pod, config_maps, services) if x.container not in own)
