"""Variables that the kubelet makes of the Services that there are when a pod starts.

kubernetes 1.34.4, pkg/kubelet/envvars/envvars.go: of those of the namespace of the pod that have an address.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from dualstack.model.address import join
from dualstack.model.cluster import Pod, Service

_LINK = re.compile(
    r"(?P<name>[A-Z0-9_]+?)_(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT(?:_\d+_[A-Z]+(?:_(?:PROTO|PORT|ADDR))?)?)"
)


def service_of(variable: str) -> str:
    """The name of the Service that a variable would be of; empty where it can be of none."""
    found = _LINK.fullmatch(variable)
    return found["name"].lower().replace("_", "-") if found else ""


def is_number(variable: str) -> bool:
    """Whether a variable would hold the number of a port if a Service gave it; `NAME_PORT` alone holds a URL."""
    return bool(service_of(variable)) and ("_SERVICE_PORT" in variable or variable.endswith(("_TCP_PORT", "_UDP_PORT")))


def links(pod: Pod, services: Iterable[Service], started: str) -> Mapping[str, str] | None:
    """The variables that some Services gave a container of a pod; None where it gets none.

    The kubelet looks for Services when it starts a container: older ones are there. Where no start is known, those that
    are older than the pod.
    """
    if pod.spec.enable_service_links is False:
        return None
    since, space = started or pod.metadata.creation_timestamp or "", pod.metadata.namespace
    known = (x for x in services if x.metadata.namespace == space and x.addresses)
    return {k: v for x in known if "" < (x.metadata.creation_timestamp or "") < since for k, v in _of(x)}


def later(pod: Pod, services: Iterable[Service], started: str) -> tuple[str, ...]:
    """The Services of a pod's namespace that were not there yet when one of its containers started."""
    if pod.spec.enable_service_links is False or not started:
        return ()
    mine = (x.metadata for x in services if x.metadata.namespace == pod.metadata.namespace)
    return tuple(x.name for x in mine if (x.creation_timestamp or "") > started)


def _of(service: Service) -> Iterator[tuple[str, str]]:
    name, address = _upper(service.metadata.name), service.addresses[0]
    yield f"{name}_SERVICE_HOST", address
    for number, port in enumerate(service.spec.ports or ()):
        url = f"{port.protocol.lower()}://{join(address, port.port)}"
        if not number:
            yield f"{name}_SERVICE_PORT", str(port.port)
            yield f"{name}_PORT", url
        if port.name:
            yield f"{name}_SERVICE_PORT_{_upper(port.name)}", str(port.port)
        prefix = f"{name}_PORT_{port.port}_{port.protocol}"
        yield from ((prefix, url), (f"{prefix}_PROTO", port.protocol.lower()))
        yield from ((f"{prefix}_PORT", str(port.port)), (f"{prefix}_ADDR", address))


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")
