"""Ingresses, routes, Gateways and what makes proxies of them, and chart values that ask for families."""

from collections.abc import Iterator

from dualstack.gather import manifests
from dualstack.gather.operated import MODES
from dualstack.gather.yaml_tree import Node, Origin, get, items, pairs, text_at, value
from dualstack.model.gateway import INGRESS, Gate, Way
from dualstack.model.source import Written

_COLLECTOR = "opentelemetry-collector"
_CHART = ("config", "alternateConfig", "presets", "configMap", "command")
_CLASS = "kubernetes.io/ingress.class"
_PATH = ("Exact", "PathPrefix", "")  # the types of HTTPRoute that are no regular expression
_REWRITING = ("URLRewrite", "ExtensionRef")
"""Types of filters that may change a path."""
_DEPTH = 3


def gate(root: Node, origin: Origin) -> Gate:
    """One of these objects."""
    spec, about = value(root, "spec"), manifests.meta(root, origin)
    listeners = items(value(spec, "listeners"))
    return Gate(
        about,
        tuple(_leads(spec, text_at(root, "metadata", "annotations", _CLASS))),
        tuple((_of_ingress if about.kind == INGRESS else _of_route)(spec, origin, about.namespace)),
        origin.written(value(spec, "ipFamily")) or None,
        tuple(x for x in (text_at(y, "hostname") for y in listeners) if x),
        tuple(text_at(x, "port") for x in listeners),
    )


def _leads(spec: Node | None, ingress_class: str) -> Iterator[tuple[str, str]]:
    for parent in items(value(spec, "parentRefs")):
        yield text_at(parent, "kind") or "Gateway", text_at(parent, "name")
    said = {"GatewayClass": text_at(spec, "gatewayClassName"), "IngressClass": text_at(spec, "ingressClassName")}
    yield from ((kind, name) for kind, name in said.items() if name)
    if ingress_class:
        yield "IngressClass", ingress_class
    for reference in (value(spec, "parametersRef"), value(spec, "infrastructure", "parametersRef")):
        if reference is not None:
            yield text_at(reference, "kind"), text_at(reference, "name")


def _of_ingress(spec: Node | None, origin: Origin, namespace: str) -> Iterator[Way]:
    """The ways of an Ingress; before networking.k8s.io/v1 a backend was flat, and the default one had another name."""
    for rule in items(value(spec, "rules")):
        host = text_at(rule, "host")
        for each in items(value(rule, "http", "paths")):
            yield from _backend(value(each, "backend"), origin, namespace, host, text_at(each, "path"))
    for key in ("defaultBackend", "backend"):
        yield from _backend(value(spec, key), origin, namespace)


def _backend(backend: Node | None, origin: Origin, namespace: str, host: str = "", path: str = "") -> Iterator[Way]:
    said = [get(backend, *x) for x in (("service", "name"), ("serviceName",))]
    ports = [get(backend, *x) for x in (("service", "port", "number"), ("service", "port", "name"), ("servicePort",))]
    service = next((origin.written(x[1]) for x in said if x), None)
    port = next((origin.written(x[1]) for x in ports if x), None)
    if service:
        yield Way(service, port or None, namespace, (host,) if host else (), "" if path == "/" else path)


def _of_route(spec: Node | None, origin: Origin, namespace: str) -> Iterator[Way]:
    """The ways of a route; a backend without weight gets no request, and one that is no Service is another's."""
    hosts = tuple(x.text for x in map(origin.written, items(value(spec, "hostnames"))) if x)
    for rule in items(value(spec, "rules")):
        paths = list(dict.fromkeys((_path(x), _is_narrow(x)) for x in items(value(rule, "matches")))) or [("", False)]
        for each in items(value(rule, "backendRefs")):
            service = origin.written(value(each, "name"))
            own = text_at(each, "kind") in ("", "Service") and not text_at(each, "group")
            if service and own and text_at(each, "weight") != "0":
                port, where = origin.written(value(each, "port")) or None, text_at(each, "namespace") or namespace
                filters = (*items(value(rule, "filters")), *items(value(each, "filters")))
                rewritten = any(text_at(x, "type") in _REWRITING for x in filters)
                yield from (Way(service, port, where, hosts, *x, rewritten=rewritten) for x in paths)


def _path(match: Node) -> str:
    """The path of a match, as a request has it: that of a gRPC method is `/service/method`."""
    service, method = text_at(match, "method", "service"), text_at(match, "method", "method")
    if service and text_at(match, "method", "type") in ("", "Exact"):
        return f"/{service}/{method}"
    plain = text_at(match, "path", "type") in _PATH
    found = text_at(match, "path", "value") if plain else ""
    return "" if found == "/" else found


def _is_narrow(match: Node) -> bool:
    """Whether a match wants more of a request than `_path` tells."""
    more = any(items(value(match, x)) for x in ("headers", "queryParams")) or text_at(match, "method")
    pattern = text_at(match, "path", "type") not in _PATH or (value(match, "method") is not None and not _path(match))
    return bool(more) or pattern


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
    listed = items(value(service, "ipFamilies"))
    spelled = (origin.span(listed[0], listed[-1]) or origin.written(listed[0])) if listed else None
    for field, written in (
        ("ipFamilyPolicy", origin.written(value(service, "ipFamilyPolicy"))),
        ("ipFamilies", spelled),
    ):
        if written:
            yield f"service.{field}", written
