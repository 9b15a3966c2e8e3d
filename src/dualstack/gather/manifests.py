"""Kubernetes objects from their YAML: what the rules read of a Service, a workload and a NetworkPolicy."""

from collections.abc import Iterator, Mapping

from dualstack.gather.yaml_tree import Node, Origin, get, is_null, items, pairs, scalar, text_at, value
from dualstack.model.kube import (
    TEMPLATES,
    Block,
    Container,
    ContainerPort,
    Except,
    Given,
    Meta,
    Mount,
    NetworkPolicy,
    PolicyPort,
    PolicyRule,
    Probe,
    Service,
    ServicePort,
    Variable,
    Volume,
    Workload,
)
from dualstack.model.otel import Holder
from dualstack.model.source import Written

_HELD = (("configMap", "ConfigMap"), ("secret", "Secret"))
"""How fields begin that name these kinds."""
_SHORT = 4096
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_CHECKS = ("httpGet", "tcpSocket", "grpc")


def meta(root: Node, origin: Origin) -> Meta:
    """What every object has."""
    named = get(root, "metadata", "name")
    return Meta(
        text_at(root, "kind"),
        scalar(named[1]) if named else "",
        text_at(root, "metadata", "namespace"),
        origin.location(named[1] if named else root),
        labels(value(root, "metadata", "labels")),
        annotations(value(root, "metadata", "annotations"), origin),
        any(text_at(root, "metadata", x) for x in ("uid", "resourceVersion")),
        tuple((text_at(x, "kind"), text_at(x, "name")) for x in items(value(root, "metadata", "ownerReferences"))),
    )


def labels(node: Node | None) -> Mapping[str, str]:
    """A map of texts."""
    return {scalar(k): scalar(v) for k, v in pairs(node)}


def annotations(node: Node | None, origin: Origin) -> Mapping[str, Written]:
    """A map of texts, each with its place."""
    found = ((scalar(k), origin.written(v)) for k, v in pairs(node))
    return {k: v for k, v in found if v is not None}


def service(root: Node, origin: Origin) -> Service:
    """A Service as its manifest has it."""
    pair = get(root, "spec")
    spec = pair[1] if pair else None
    families, selector = value(spec, "ipFamilies"), value(spec, "selector")
    listed = items(families)
    addresses = [value(spec, "clusterIP"), *items(value(spec, "clusterIPs"))]
    written = [x for x in (origin.written(y) for y in addresses) if x]
    return Service(
        meta(root, origin),
        origin.location(pair[0] if pair else root),
        type=text_at(spec, "type") or "ClusterIP",
        policy=origin.written(value(spec, "ipFamilyPolicy")) or None,
        families=tuple(x for x in map(origin.written, listed) if x),
        families_at=origin.location(families) if families is not None else None,
        selector=labels(selector),
        selector_at=origin.location(selector) if selector is not None else None,
        ports=tuple(_service_ports(spec, origin)),
        cluster_ips=tuple({x.text: x for x in reversed(written)}.values())[::-1],
        external_name=origin.written(value(spec, "externalName")) or None,
        listed=origin.span(listed[0], listed[-1]) if listed else None,
        balancer=text_at(spec, "loadBalancerClass"),
        room=origin.room(spec),
        ports_room=origin.room(value(spec, "ports")),
    )


def _service_ports(spec: Node | None, origin: Origin) -> Iterator[ServicePort]:
    for item in items(value(spec, "ports")):
        number = origin.written(value(item, "port"))
        if number:
            target = origin.written(value(item, "targetPort"))
            # To the API server 0 is none as well, which is the number of the port (pkg/apis/core/v1/defaults.go).
            led = target if target and target.text != "0" else None
            protocol, speaks = text_at(item, "protocol") or "TCP", text_at(item, "appProtocol")
            yield ServicePort(text_at(item, "name"), number, led, protocol, speaks)


def workload(root: Node, origin: Origin) -> Workload:
    """A workload as its manifest has it. Raises KeyError for a kind without pods."""
    path = TEMPLATES[text_at(root, "kind")]
    template = value(root, *path) if path else root
    spec = value(template, "spec")
    found = meta(root, origin)
    return Workload(
        found,
        labels=labels(value(template, "metadata", "labels")) if path else found.labels,
        annotations=annotations(value(template, "metadata", "annotations"), origin),
        containers=tuple(_containers(spec, origin)),
        volumes=tuple(_volumes(spec)),
        host_network=text_at(spec, "hostNetwork").lower() == "true",
        pinned=any(value(spec, x) is not None for x in ("nodeSelector", "affinity", "nodeName")),
        hosts=tuple(_hosts(spec, found)),
    )


_NAMES = {"Pod": "{}", "StatefulSet": "{}-[0-9]*"}
"""What pods are called after their maker, which is their host name unless they have another one."""


def _hosts(spec: Node | None, about: Meta) -> Iterator[str]:
    """The names in the hosts file of pods (kubernetes 1.34.4, pkg/kubelet/kubelet_pods.go managedHostsFileContent)."""
    yield text_at(spec, "hostname") or _NAMES.get(about.kind, "").format(about.name)
    for alias in items(value(spec, "hostAliases")):
        yield from (scalar(x) for x in items(value(alias, "hostnames")))


def _containers(spec: Node | None, origin: Origin) -> Iterator[Container]:
    for section, init in (("initContainers", True), ("containers", False)):
        for item in items(value(spec, section)):
            yield container(item, origin, init=init and text_at(item, "restartPolicy") != "Always")


def container(item: Node, origin: Origin, *, init: bool = False) -> Container:
    """One container of a pod."""
    named = value(item, "name")
    words = (*items(value(item, "command")), *items(value(item, "args")))
    return Container(
        scalar(named),
        origin.location(named if named is not None else item),
        image=text_at(item, "image"),
        words=tuple(x for x in map(origin.written, words) if x),
        variables=tuple(variables(value(item, "env"), origin)),
        given=tuple(_given(value(item, "envFrom"))),
        ports=tuple(_container_ports(item, origin)),
        probes=tuple(_probes(item, origin)),
        mounts=tuple(
            Mount(text_at(x, "mountPath"), text_at(x, "name"), text_at(x, "subPath"))
            for x in items(value(item, "volumeMounts"))
        ),
        init=init,
    )


def variables(node: Node | None, origin: Origin) -> Iterator[Variable]:
    """The list `env` of a container."""
    for item in items(node):
        name, held, source = value(item, "name"), value(item, "value"), value(item, "valueFrom")
        if name is not None:
            said = origin.written(held) if held is not None and not is_null(held) else None
            field, holder = (
                ("", None) if source is None else (text_at(source, "fieldRef", "fieldPath"), _holder(source))
            )
            yield Variable(scalar(name), origin.location(name), said, field, holder)


def _holder(source: Node) -> Holder | None:
    """The key of an object that a variable comes from."""
    found = ((kind, value(source, f"{field}KeyRef")) for field, kind in _HELD)
    return next((Holder(x, "", text_at(y, "name"), text_at(y, "key")) for x, y in found if y is not None), None)


def _given(node: Node | None) -> Iterator[Given]:
    """The list `envFrom` of a container."""
    for item in items(node):
        for field, kind in _HELD:
            name = text_at(item, f"{field}Ref", "name")
            if name:
                yield Given(kind, name, text_at(item, "prefix"))


def keys(root: Node, origin: Origin) -> Workload:
    """A ConfigMap or a Secret as what its short texts are to who takes them for variables: a list of variables."""
    about = meta(root, origin)
    held = pairs(value(root, "data" if about.kind == "ConfigMap" else "stringData"))
    short = ((k, x) for k, v in held if (x := origin.written(v)) and len(x.text) < _SHORT and "\n" not in x.text)
    found = (Variable(scalar(k), origin.location(k), x) for k, x in short)
    return Workload(about, containers=(Container(about.name, about.at, variables=tuple(found)),), pod=False)


def _container_ports(item: Node, origin: Origin) -> Iterator[ContainerPort]:
    for port in items(value(item, "ports")):
        number = origin.written(value(port, "containerPort"))
        if number:
            host = origin.written(value(port, "hostPort")) or None
            protocol, address = text_at(port, "protocol") or "TCP", text_at(port, "hostIP")
            yield ContainerPort(text_at(port, "name"), number, host, protocol, address)


def _probes(item: Node, origin: Origin) -> Iterator[Probe]:
    for name in _PROBES:
        probe = value(item, name)
        for kind in _CHECKS if probe is not None else ():
            check = value(probe, kind)
            port = origin.written(value(check, "port"))
            if port:
                yield Probe(name, kind, port, text_at(check, "host"))


def _volumes(spec: Node | None) -> Iterator[Volume]:
    for item in items(value(spec, "volumes")):
        for key, kind, field in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            yield from _volume(text_at(item, "name"), kind, value(item, key), field)
        for source in items(value(item, "projected", "sources")):
            for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                yield from _volume(text_at(item, "name"), kind, value(source, key), "name")


def _volume(name: str, kind: str, held: Node | None, field: str) -> Iterator[Volume]:
    if held is not None:
        paths = {text_at(x, "key"): text_at(x, "path") for x in items(value(held, "items"))}
        yield Volume(name, kind, text_at(held, field), paths)


def network_policy(root: Node, origin: Origin) -> NetworkPolicy:
    """A NetworkPolicy as its manifest has it."""
    spec = value(root, "spec")
    selector = value(spec, "podSelector")
    return NetworkPolicy(
        meta(root, origin),
        labels(value(selector, "matchLabels")),
        tuple(_rules(spec, origin)),
        plain=value(selector, "matchExpressions") is None,
    )


def _rules(spec: Node | None, origin: Origin) -> Iterator[PolicyRule]:
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in items(value(spec, direction)):
            peers = value(rule, side)
            held = [value(x, "ipBlock") for x in items(peers)]
            ports = (
                PolicyPort(text_at(x, "port"), text_at(x, "endPort"), text_at(x, "protocol") or "TCP")
                for x in items(value(rule, "ports"))
            )
            yield PolicyRule(
                direction,
                tuple(x for x in (_block(y, origin) for y in held) if x),
                tuple(ports),
                open=not held,
                others=None in held,
                room=origin.room(peers),
            )


def _block(node: Node | None, origin: Origin) -> Block | None:
    cidr = origin.written(value(node, "cidr"))
    if not cidr:
        return None
    excepts = value(node, "except")
    each = ((origin.written(x), x) for x in items(excepts))
    return Block(cidr, tuple(Except(x, origin.removal(y, excepts)) for x, y in each if x))
