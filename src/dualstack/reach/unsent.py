"""Clients whose SDK sends nothing, or to nobody, by their own variables: switched off, or told no endpoint."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dualstack.model.address import OTLP_PORTS
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.slim import ConfigMap
from dualstack.reach.arguments import started
from dualstack.reach.declarative import BESIDE, FILES
from dualstack.reach.exporting import owner, receives, silenced
from dualstack.reach.onward import is_agent
from dualstack.reach.sidecars import together
from dualstack.reach.unbegun import waits
from dualstack.reach.variables import environment

_SDK, _OTLP = "OTEL_", "OTEL_EXPORTER_OTLP_"
_ENDPOINT, _PROTOCOL = f"{_OTLP}ENDPOINT", f"{_OTLP}PROTOCOL"
READ = re.compile(r"OTEL_EXPORTER_(?:OTLP_(?:(?:TRACES|METRICS|LOGS|PROFILES)_)?|ZIPKIN_|JAEGER_)ENDPOINT")
"""Variables by which SDKs are told an endpoint (OpenTelemetry specification, environment variables)."""
_ALIKE = 0.86
"""Of a misspelt name; those of other settings of the exporter, such as its protocol, are less like it."""
_NAMED, _PREFIX = "_EXPORTER_OTLP_ENDPOINT", 0.6
"""What such a variable ends in, and how much alike one is that begins with a misspelt word."""
_PROPERTY = "-Dotel."
"""What properties of a JVM begin with, and may say an endpoint."""


def switched_off(cluster: Cluster) -> Iterator[Finding]:
    """One finding for each workload whose pods name an endpoint, or an exporter, and by a variable send nothing."""
    for who, pods in _workloads(cluster).items():
        said = [silenced(x, cluster.config_maps) for x in pods]
        if all(said):
            yield Finding(
                summary="The SDK is told to send no OTLP",
                detail=f"By {said[0]} the pods of {who} send nothing by OTLP, whatever endpoint they name.",
                hint="Take that out of the environment of the pods, where they are meant to send.",
                severity=Severity.WARNING,
                confidence=Confidence.DECLARED,
                evidence=(Evidence(said[0].replace("`", ""), pods[0].place, Layer.DECLARED),),
                causes=(),
            )


def aimless(cluster: Cluster) -> Iterator[Finding]:
    """One finding for each workload whose exporter is told everything but an endpoint: it sends to its own loopback."""
    for who, pods in _workloads(cluster).items():
        odd = [_lost(x, cluster.config_maps) for x in pods]
        if all(x is not None for x in odd):
            slip = f" (`{odd[0]}` is, which SDKs do not read)" if odd[0] else ""
            name = f"Rename `{odd[0]}` to `{_ENDPOINT}`."
            mend = name if odd[0] else f"Set it: `{wanted(_values(pods, cluster.config_maps))}"
            yield Finding(
                summary=f"`{odd[0]}` is misspelt" if odd[0] else "The exporter is told no endpoint",
                detail=f"`{_ENDPOINT}` of the pods of {who} is not set{slip}. Unless the program says an endpoint, SDKs"
                " send to the loopback of their pod, where nobody is known to listen.",
                hint=mend,
                severity=Severity.WARNING,
                confidence=Confidence.DECLARED,
                evidence=(Evidence(f"no {_ENDPOINT}", pods[0].place, Layer.DECLARED),),
                causes=(),
            )


def is_unsent(pod: Pod) -> bool:
    """Whether a pod is one of these, as far as it says so itself."""
    speaks = any(y.name.startswith(_SDK) for x in pod.spec.containers or () for y in x.env or ())
    return speaks and not receives(pod) and bool(waits(pod) or silenced(pod) or _lost(pod, ()) is not None)


def wanted(values: Iterable[Mapping[str, str]]) -> str:
    """The endpoint of a Service to set, as the end of a quotation, with the port of what the clients speak."""
    said = {x.get(_PROTOCOL, "").partition("/")[0] for x in values} - {""}
    ports = [x for x, spoken in OTLP_PORTS.items() if said == {str(spoken)}]
    given = f"{_ENDPOINT}=http://NAME.NAMESPACE:"
    return f"{given}{ports[0]}`." if ports else f"{given}4317`, or 4318 for HTTP."


def is_meant(name: str) -> bool:
    """Whether a variable seems to be meant for an endpoint, and is none that SDKs read."""
    if READ.fullmatch(name):
        return False
    ends = name.upper().endswith((_ENDPOINT, _NAMED)) or (name.startswith(_SDK) and name.endswith("_ENDPOINT"))
    return ends or _is_like(name)


def _is_like(name: str) -> bool:
    from difflib import SequenceMatcher

    return not is_its_own(name) and SequenceMatcher(None, name.upper(), _ENDPOINT).ratio() > _ALIKE


def is_its_own(name: str) -> bool:
    """Whether a variable is like the one of SDKs, and that of a program, a framework or a vendor."""
    from difflib import SequenceMatcher

    prefix, found, rest = name.upper().partition(_NAMED)
    alike = SequenceMatcher(None, prefix, _SDK[:-1]).ratio() > _PREFIX
    return bool(found) and not rest and (prefix.endswith(f"_{_SDK[:-1]}") or not alike)


def _workloads(cluster: Cluster) -> Mapping[str, Sequence[Pod]]:
    found = dict[str, list[Pod]]()
    for pod in (x for x in cluster.pods if not (receives(x) or is_agent(x) or x.finished or waits(x))):
        kind, _, name = owner(pod).partition(" ")
        found.setdefault(f"{kind} {pod.metadata.namespace}/{name}", []).append(pod)
    return found


def _lost(pod: Pod, config_maps: Iterable[ConfigMap]) -> str | None:
    """The variable that is like the one of the endpoint, empty for none; None where a pod may well send somewhere.

    In the network of a node others listen, and beside another container that one may. Some charts give other settings
    of the exporter to all pods, and a program may read an endpoint from a variable of its own.
    """
    maps = tuple(config_maps)
    every = [started(x, pod, maps) for x in pod.spec.containers or ()]
    values = {k: v for x in every for k, v in x.values.items()}
    names = {*values, *(y for x in every for y in x.held)}
    told = any(READ.fullmatch(x) for x in names) or any(x in names for x in (*FILES, BESIDE))
    words = (z for x in pod.spec.containers or () for y in (x.command, x.args) for z in y or ())
    open_ = any(x.unread for x in every) or any(_PROPERTY in x for x in (*values.values(), *words))
    odd = next((x for x in values if _is_like(x)), "")
    chosen = any(x.startswith(_OTLP) and x.endswith("_PROTOCOL") for x in names)
    exports = chosen or values.get("OTEL_TRACES_EXPORTER") == "otlp"
    alone = len(together(pod)) == 1 and not any(is_meant(x) or "COLLECTOR" in x for x in names)
    if told or open_ or pod.spec.host_network or not (odd or (exports and alone)):
        return None
    return odd


def _values(pods: Iterable[Pod], config_maps: Iterable[ConfigMap]) -> Iterator[Mapping[str, str]]:
    maps = tuple(config_maps)
    yield from (environment(y, x, maps).values for x in pods for y in x.spec.containers or ())
