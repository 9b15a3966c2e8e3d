"""What the OpenTelemetry Operator makes of a resource."""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.kube import Service, ServicePort, Workload
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.source import Written
from dualstack.reach.start import numbered, port

OPERATED, INSTRUMENTED = "OpenTelemetryCollector", "Instrumentation"
MONITORING = "-monitoring"
"""The end of the name of the Service for the Collector's own metrics (operator internal/naming/main.go)."""

_PORT = re.compile(r":(?P<number>\d+)", re.ASCII)


def inferred(endpoint: DeclaredEndpoint) -> int:
    """The port that it reads in an endpoint: the first colon with digits behind it, or the default; 0 for none.

    Source: operator internal/components/component.go PortFromEndpoint.
    """
    found = _PORT.search(endpoint.text)
    return numbered(found["number"]) if found else port(endpoint)


def services(workload: Workload, config: Declared) -> Iterator[Service]:
    """The Services that come with a workload; the Operator adds a port for each receiver to those of the resource."""
    for service in workload.made:
        mine = workload.meta.kind == OPERATED and not service.meta.name.endswith(MONITORING)
        yield replace(service, ports=(*service.ports, *_ports(service, config))) if mine else service


def _ports(service: Service, config: Declared) -> Iterator[ServicePort]:
    taken = {(x.number.text, x.protocol) for x in service.ports}
    for endpoint in config.endpoints:
        key = (str(inferred(endpoint)), endpoint.transport.upper())
        serves = endpoint.component.startswith(("receivers/", "exporters/"))
        if serves and endpoint.location and inferred(endpoint) and key not in taken:
            taken.add(key)
            yield ServicePort("", Written(key[0], endpoint.location), None, key[1])
