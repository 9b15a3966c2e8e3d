"""Which pods export where: from the variables of the OpenTelemetry SDKs in their containers."""

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from dualstack.model.cluster import Pod
from dualstack.model.exporter import Exporter
from dualstack.model.slim import OwnerReference
from dualstack.reach.brings import brings
from dualstack.reach.pods import environment

_ENDPOINT = re.compile(r"OTEL_EXPORTER_OTLP_(?:(?P<signal>TRACES|METRICS|LOGS)_)?ENDPOINT")
"""OpenTelemetry specification, OTLP exporter configuration."""
_HASH = "pod-template-hash"

Key = tuple[str, str, str, str, str, object, bool]


class Clients:
    """Groups pods that export alike, as they come."""

    def __init__(self) -> None:
        """Nobody yet."""
        self._found: dict[Key, list[Exporter]] = {}
        self._counts: dict[Key, int] = {}

    def see(self, pod: Pod) -> None:
        """Note where a pod exports to."""
        if pod.finished:
            return
        for written, exporter in exporters(pod):
            one = exporter
            key = (one.namespace, one.owner, one.variable, written, one.protocol, one.families, one.host_network)
            self._found.setdefault(key, [one])
            self._counts[key] = self._counts.get(key, 0) + 1

    @property
    def items(self) -> list[Exporter]:
        """The groups, the largest first."""
        found = [replace(x[0], pods=self._counts[k]) for k, x in self._found.items()]
        return sorted(found, key=lambda x: (-x.pods, x.namespace, x.owner, x.variable, x.endpoint))


def exporters(pod: Pod) -> Iterator[tuple[str, Exporter]]:
    """The endpoints that a pod names, each with the text as it is written."""
    for container in pod.spec.containers or ():
        named = [(x, found) for x in container.env or () if (found := _ENDPOINT.fullmatch(x.name))]
        if not named:
            continue
        values = environment(container, pod)
        for variable, found in named:
            value = values.get(variable.name) or variable.value
            if value:
                signal, names = (found["signal"] or "").lower(), {x.name for x in container.env or ()}
                brought = brings(signal, value, values, names)
                made = _exporter(pod, variable.name, value, _protocol(found["signal"], values))
                made = replace(made, **brought._asdict())
                text = variable.value or value
                yield text, replace(made, written=text) if text != value else made


def _protocol(signal: str | None, values: Mapping[str, str]) -> str:
    own = values.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "") if signal else ""
    return own or values.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")


def _exporter(pod: Pod, variable: str, value: str, protocol: str) -> Exporter:
    return Exporter(
        pod.metadata.namespace,
        owner(pod),
        pod.metadata.name,
        variable,
        value,
        protocol,
        pod.families,
        host_network=bool(pod.spec.host_network),
    )


def owner(pod: Pod) -> str:
    """What made a pod, in words. The ReplicaSet of a Deployment is called after it and the hash of a template."""
    made = list(pod.metadata.owner_references or ())
    itself = OwnerReference(kind="Pod", name=pod.metadata.name)
    by = next((x for x in made if x.controller), (*made, itself)[0])
    hashed = (pod.metadata.labels or {}).get(_HASH)
    if by.kind == "ReplicaSet" and hashed and by.name.endswith(f"-{hashed}"):
        return f"Deployment {by.name.removesuffix(f'-{hashed}')}"
    return f"{by.kind} {by.name}"


def of(pods: Iterable[Pod]) -> list[Exporter]:
    """The clients among some pods."""
    found = Clients()
    for pod in pods:
        found.see(pod)
    return found.items
