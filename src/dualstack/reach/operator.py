"""What the OpenTelemetry Operator makes of a resource."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.kube import Service, ServicePort, Workload
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.patterns import pattern
from dualstack.model.source import Location, Written
from dualstack.reach.start import numbered, port

if TYPE_CHECKING:
    from dualstack.model.slim import ObjectMeta

OPERATED, INSTRUMENTED = "OpenTelemetryCollector", "Instrumentation"
CONTAINER = "otc-container"
"""The container of the Collector in the pods that the Operator makes, or puts a Collector into."""
INJECTED = "sidecar.opentelemetry.io/injected"
"""The label of the latter (operator internal/webhook/podmutation)."""
MONITORING = "-monitoring"
"""The end of the name of the Service for the Collector's own metrics (operator internal/naming/main.go)."""

_SERVICES = re.compile(r"(?P<name>.+)-collector(?:-headless|-monitoring)?")
_PORT = pattern(r":(?P<number>\d+)", re.ASCII)
_OWN = ("endpoint", "listen_address")
_MADE = ["opentelemetry-operator", "opentelemetry-collector"]
_Row = Mapping[str, str]


def resource(about: "ObjectMeta") -> str:
    """The OpenTelemetryCollector by which the Operator made an object or put a Collector into a pod; empty for others.

    Of one that it leaves alone it takes nothing back that somebody writes elsewhere.
    Source: operator internal/manifests/manifestutils/labels.go.
    """
    said = about.labels or {}
    owner = next((x.name for x in about.owner_references or () if x.kind == OPERATED), "")
    if owner and not about.unmanaged:
        return f"{OPERATED} {about.beside(owner)}"
    made = [said.get(f"app.kubernetes.io/{x}", "") for x in ("managed-by", "component")] == _MADE
    namespace, _, name = said.get("app.kubernetes.io/instance" if made else INJECTED, "").partition(".")
    mine = name and namespace == about.namespace and not about.unmanaged
    return f"{OPERATED} {about.beside(name)}" if mine else ""


def writer(service: str, about: "ObjectMeta") -> str:
    """The resource by which the Operator writes a Service for OTLP, from what is said of it, or of its pods.

    It takes back what somebody else writes there (operator internal/naming/main.go; internal/manifests/mutate.go, where
    that is all of `spec` since 0.153.0).
    """
    made = resource(about)
    name = made.rpartition(" ")[2].rpartition("/")[2]
    return made if service in (f"{name}-collector", f"{name}-collector-headless") else ""


def resource_for(service: str) -> str:
    """The name of the resource of which it would make a Service of that name; empty where it would make none.

    Source: operator internal/naming/main.go.
    """
    found = _SERVICES.fullmatch(service)
    return found["name"] if found else ""


def inferred(endpoint: DeclaredEndpoint) -> int:
    """The port that it reads in an endpoint: the first colon with digits behind it, or its own default; 0 for none.

    Source: operator internal/components/component.go PortFromEndpoint and single_endpoint.go.
    """
    row = _known(endpoint.component, endpoint.field)
    if row is None and not (endpoint.component.startswith("receivers/") and _leaf(endpoint) in _OWN):
        return 0
    found = _PORT.search(endpoint.text)
    return (numbered(found["number"]) if found else 0) or (numbered(row["port"]) if row else 0)


def probed(workload: Workload, endpoint: DeclaredEndpoint) -> Iterator[Location]:
    """The place of an endpoint that the probes ask which it gives to what it makes of a resource.

    Source: operator internal/manifests/collector/container.go and internal/components/extensions/healthcheckv1.go.
    """
    mine = workload.meta.kind == OPERATED and workload.made and endpoint.component.startswith("extensions/")
    if mine and endpoint.location and inferred(endpoint) == port(endpoint):
        yield endpoint.location


def misread(configs: Iterable[Declared]) -> Mapping[int, int]:
    """The ports of receivers, with those that it reads there instead and gives its Service."""
    every = [y for x in configs for y in x.endpoints if y.component.startswith("receivers/")]
    return {port(x): inferred(x) for x in every if port(x) and inferred(x) not in (0, port(x))}


def completed(endpoint: DeclaredEndpoint) -> DeclaredEndpoint:
    """An endpoint as it is after the webhook of the Operator has written what is left out.

    Source: operator internal/otelconfig/config.go ApplyDefaults and internal/components/single_endpoint.go
    AddressDefaulter.
    """
    row = _known(endpoint.component, endpoint.field)
    if row is None or not row["address"] or (endpoint.problem and endpoint.default):
        return endpoint
    if not endpoint.text:
        # It completes no reader that somebody has written.
        theirs = endpoint.component == "service/telemetry" and endpoint.vacant is not None
        whole = f"{row['address']}:{row['port']}"
        return endpoint if theirs else replace(endpoint, default=whole, problem="", cause="")
    last = endpoint.text.rpartition(":")[2]
    hostless = endpoint.text.startswith(":") or endpoint.text == last
    mended = row["mends"] and numbered(last) and hostless
    return replace(endpoint, value=f"{row['address']}:{last}") if mended else endpoint


def _leaf(endpoint: DeclaredEndpoint) -> str:
    """The field inside the component."""
    return endpoint.field[len(endpoint.component) + 1 :]


@lru_cache(maxsize=1024)
def _known(component: str, field: str) -> _Row | None:
    section, _, name = component.partition("/")
    kind, leaf = name.partition("/")[0].strip(), field[len(component) + 1 :]
    rows = (x for x in table("operator_ports") if (x["section"], x["field"]) == (section, leaf))
    return next((x for x in rows if kind in (x["type"], x["aliases"])), None)


def services(workload: Workload, config: Declared) -> Iterator[Service]:
    """The Services that come with a workload; the Operator adds a port for each receiver to those of the resource."""
    for service in workload.made:
        mine = workload.meta.kind == OPERATED and not service.meta.name.endswith(MONITORING)
        yield replace(service, ports=(*service.ports, *_ports(service, config))) if mine else service


def _ports(service: Service, config: Declared) -> Iterator[ServicePort]:
    taken = {(x.number.text, x.protocol) for x in service.ports}
    for endpoint in config.endpoints:
        row = _known(endpoint.component, endpoint.field)
        key = (str(inferred(endpoint)), row["protocol"] if row else "TCP")
        serves = endpoint.component.startswith(("receivers/", "exporters/"))
        if serves and endpoint.location and inferred(endpoint) and key not in taken:
            taken.add(key)
            yield ServicePort("", Written(key[0], endpoint.location), None, key[1])
