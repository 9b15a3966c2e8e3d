"""Routes, Gateways and what makes proxies of them, and chart values that ask for families."""

from collections.abc import Iterator

from dualstack.gather import manifests
from dualstack.gather.operated import MODES
from dualstack.gather.yaml_tree import Node, Origin, get, items, pairs, text_at, value
from dualstack.model.gateway import Gate
from dualstack.model.source import Written

ROUTES = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")
KINDS = (*ROUTES, "Gateway", "GatewayClass", "EnvoyProxy")
PROXIES = KINDS[len(ROUTES) :]
"""Those that say nothing of telemetry themselves."""

_COLLECTOR = "opentelemetry-collector"
_CHART = ("config", "alternateConfig", "presets", "configMap", "command")
_DEPTH = 3


def gate(root: Node, origin: Origin) -> Gate:
    """One of these objects."""
    spec = value(root, "spec")
    return Gate(
        manifests.meta(root, origin),
        tuple(_leads(spec)),
        tuple(_backends(spec)),
        origin.written(value(spec, "ipFamily")) or None,
    )


def _leads(spec: Node | None) -> Iterator[tuple[str, str]]:
    for parent in items(value(spec, "parentRefs")):
        yield text_at(parent, "kind") or "Gateway", text_at(parent, "name")
    if value(spec, "gatewayClassName") is not None:
        yield "GatewayClass", text_at(spec, "gatewayClassName")
    for reference in (value(spec, "parametersRef"), value(spec, "infrastructure", "parametersRef")):
        if reference is not None:
            yield text_at(reference, "kind"), text_at(reference, "name")


def _backends(spec: Node | None) -> Iterator[tuple[str, str]]:
    for rule in items(value(spec, "rules")):
        for backend in items(value(rule, "backendRefs")):
            yield text_at(backend, "name"), text_at(backend, "port")


def charts(root: Node, depth: int = _DEPTH) -> Iterator[Node]:
    """The values of the chart opentelemetry-collector in a file, also as those of a chart inside another.

    They are known by the `mode`, which that chart demands, beside another of its keys or the image of a Collector.
    """
    collector = _COLLECTOR in text_at(root, "image", "repository")
    if text_at(root, "mode") in MODES and (collector or any(get(root, x) for x in _CHART)):
        yield root
    for _, body in pairs(root) if depth else ():
        yield from charts(body, depth - 1)


def families(values: Node, origin: Origin) -> Iterator[tuple[str, Written]]:
    """The families that values of the chart ask for."""
    service = value(values, "service")
    policy, listed = value(service, "ipFamilyPolicy"), value(service, "ipFamilies")
    for field, nodes in (("ipFamilyPolicy", [policy]), ("ipFamilies", items(listed))):
        yield from ((f"service.{field}", x) for x in map(origin.written, nodes) if x)
