"""Collectors that an object describes as a whole, configuration and all: as the workload that is made of it.

A resource of the Operator becomes a workload and Services of its own, and so do the values of the chart. Here they are
read as what is made of them, so that the rules need not know.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.gather import manifests
from dualstack.gather.yaml_tree import Node, Origin, items, pairs, scalar, text_at, value
from dualstack.knowledge import table
from dualstack.model.kube import Container, ContainerPort, Meta, Probe, Service, ServicePort, Variable, Workload
from dualstack.model.otel import Holder
from dualstack.model.source import Written
from dualstack.reach.operator import CONTAINER, MONITORING

MODES = {"deployment": "Deployment", "daemonset": "DaemonSet", "statefulset": "StatefulSet"}
"""Those that get a Service; one in the mode `sidecar` gets none."""

_IMAGE = "otel/opentelemetry-collector"


def resource(root: Node, origin: Origin, holder: Holder) -> Workload:
    """What the Operator makes of an OpenTelemetryCollector (operator internal/manifests/collector)."""
    about, spec = manifests.meta(root, origin), value(root, "spec")
    mode = text_at(spec, "mode") or "deployment"
    served = mode in MODES
    name = f"{about.name}-collector"
    labels = {
        "app.kubernetes.io/name": name,
        **manifests.labels(value(root, "metadata", "labels")),
        "app.kubernetes.io/component": "opentelemetry-collector",
        "app.kubernetes.io/instance": f"{about.namespace}.{about.name}",
        "app.kubernetes.io/managed-by": "opentelemetry-operator",
        "app.kubernetes.io/part-of": "opentelemetry",
    }
    mine = Container(
        CONTAINER,
        about.at,
        image=text_at(spec, "image"),
        words=tuple(_flags(value(spec, "args"), origin)),
        variables=tuple(manifests.variables(value(spec, "env"), origin)),
        ports=tuple(_ports(spec, origin)),
    )
    more = (manifests.container(x, origin) for x in items(value(spec, "additionalContainers")))
    return Workload(
        about,
        labels=labels,
        annotations=manifests.annotations(value(spec, "podAnnotations"), origin),
        containers=(mine, *more),
        host_network=text_at(spec, "hostNetwork").lower() == "true",
        pinned=_pinned(spec),
        holds=holder,
        made=_services(root, origin, about, name) if served else (),
    )


def _flags(node: Node | None, origin: Origin) -> Iterator[Written]:
    """`spec.args`, flags by their names without the dashes, beside the configuration of the resource itself."""
    for key, held in pairs(node):
        yield Written(f"--{scalar(key)}={scalar(held)}", origin.location(held))


def _ports(spec: Node | None, origin: Origin) -> Iterator[ContainerPort]:
    """`spec.ports` of the resource: ports of the Service and of the container, whatever their `targetPort`.

    Source: operator internal/manifests/collector/container.go toContainerPorts.
    """
    for item in items(value(spec, "ports")):
        number = origin.written(value(item, "port"))
        if number:
            host = origin.written(value(item, "hostPort")) or None
            yield ContainerPort(text_at(item, "name"), number, host, text_at(item, "protocol") or "TCP")


def _services(root: Node, origin: Origin, about: Meta, name: str) -> tuple[Service, ...]:
    """The Services of the Operator: for clients, for clients that balance, and for its own metrics."""
    main = replace(manifests.service(root, origin), meta=Meta("Service", name, about.namespace, about.at))
    headless = replace(
        main,
        meta=Meta("Service", f"{name}-headless", about.namespace, about.at),
        cluster_ips=(Written("None", about.at),),
    )
    monitoring = replace(main, meta=Meta("Service", f"{name}{MONITORING}", about.namespace, about.at), ports=())
    return main, headless, monitoring


def _pinned(spec: Node | None) -> bool:
    return any(value(spec, x) is not None for x in ("nodeSelector", "affinity"))


def values(node: Node, key: Node, origin: Origin, holder: Holder) -> Workload | None:
    """What the chart opentelemetry-collector makes of its values; None for those of another chart.

    They are known by their `mode`, which the chart demands.
    """
    mode = text_at(node, "mode")
    if mode not in MODES:
        return None
    at = origin.location(key)
    both = tuple(_charted(value(node, "ports"), origin, at_key := Written(mode, at), node_wide=mode == "daemonset"))
    enabled = text_at(node, "service", "enabled") or str(mode != "daemonset")
    served = "true" in (enabled.lower(), text_at(node, "ingress", "enabled").lower())
    image = f"{text_at(node, 'image', 'repository') or _IMAGE}:{text_at(node, 'image', 'tag')}".rstrip(":")
    mine = Container(
        "opentelemetry-collector",
        at,
        image=image,
        words=tuple(x for y in items(value(node, "command", "extraArgs")) if (x := origin.written(y))),
        variables=(Variable("MY_POD_IP", at, None, "status.podIP"), *_variables(node, origin)),
        ports=tuple(x for x, _ in both),
        probes=tuple(_probes(node, origin, at_key)),
    )
    more = (manifests.container(x, origin) for x in items(value(node, "extraContainers")))
    service = Service(
        Meta("Service", "of the chart", "", at),
        at,
        ports=tuple(x for _, x in both),
    )
    return Workload(
        Meta(MODES[mode], "of the chart", "", at),
        annotations=manifests.annotations(value(node, "podAnnotations"), origin),
        containers=(mine, *more),
        host_network=text_at(node, "hostNetwork").lower() == "true",
        pinned=_pinned(node),
        holds=holder,
        made=(service,) if served else (),
    )


def _variables(node: Node, origin: Origin) -> Iterator[Variable]:
    return manifests.variables(value(node, "extraEnvs"), origin)


def _charted(
    node: Node | None, origin: Origin, at: Written, *, node_wide: bool
) -> Iterator[tuple[ContainerPort, ServicePort]]:
    """The ports of the pod and of the Service: those that the chart has, as the values change them."""
    known = {x["name"]: x for x in table("chart_ports")}
    written = {scalar(k): v for k, v in pairs(node)}
    for name in dict.fromkeys((*known, *written)):
        said, row = written.get(name), known.get(name, {})
        if (text_at(said, "enabled") or row.get("enabled", "")).lower() != "true":
            continue
        default, protocol = Written(row.get("port", ""), at.at), text_at(said, "protocol") or row.get("protocol", "TCP")
        number = origin.written(value(said, "containerPort")) or default
        if number:
            host = origin.written(value(said, "hostPort")) or Written(row.get("host", ""), at.at)
            served = origin.written(value(said, "servicePort")) or default
            yield (
                ContainerPort(name, number, host if node_wide and host else None, protocol),
                ServicePort(name, served or number, number, protocol),
            )


def _probes(node: Node, origin: Origin, at: Written) -> Iterator[Probe]:
    """The probes of the pod, which ask the health_check extension."""
    for name in ("livenessProbe", "readinessProbe"):
        port = origin.written(value(node, name, "httpGet", "port")) or Written("13133", at.at)
        yield Probe(name, "httpGet", port)
