"""A small world of every family policy, as the objects that people and controllers would give an API server.

Nothing here runs: there are no controllers, so slices, pods and what is known of nodes are written by hand, in the
shapes that the controllers and the kubelet of Kubernetes 1.36 write. What an older server does not know, it drops.
"""

from collections.abc import Iterator, Sequence
from typing import Any

Object = dict[str, Any]
Families = Sequence[str]
"""`IPv4` and `IPv6`, the first one of the cluster first."""

SPACE, CLIENTS = "obs", "shop"
NODES = {"n1": 1, "n2": 2, "n3": 3}
POOR = "n3"
"""The node that has the first family alone."""

LED_BY = "kubernetes.io/service-name"
_PLURALS = {
    "Namespace": "namespaces", "ServiceAccount": "serviceaccounts", "Node": "nodes", "ConfigMap": "configmaps",
    "Service": "services", "Pod": "pods", "EndpointSlice": "endpointslices", "NetworkPolicy": "networkpolicies",
    "Ingress": "ingresses", "Deployment": "deployments", "ReplicaSet": "replicasets", "DaemonSet": "daemonsets",
    "ServiceCIDR": "servicecidrs", "CustomResourceDefinition": "customresourcedefinitions",
    "ClusterRoleBinding": "clusterrolebindings", "OpenTelemetryCollector": "opentelemetrycollectors",
}  # fmt: skip
_CONFIG = """receivers:
  otlp:
    protocols:
      grpc: {endpoint: "GRPC"}
      http: {endpoint: "HTTP"}
exporters: {debug: {}}
service:
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
"""
_IMAGE = "otel/opentelemetry-collector:0.161.0"
_PORTS = {"otlp-grpc": 4317, "otlp-http": 4318}
_RBAC = "rbac.authorization.k8s.io"


def place(item: Object) -> str:
    """The path of the objects of a kind, of its namespace where it has one."""
    version, about = item["apiVersion"], item["metadata"]
    within = f"/namespaces/{about['namespace']}" if "namespace" in about else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}{within}/{_PLURALS[item['kind']]}"


def objects(families: Families, now: str) -> Iterator[Object]:
    """Everything, in the order in which it can be made; `now` is when the containers began."""
    yield from _grounds(families)
    for name, binds in {"otel": "0.0.0.0", "first": "${env:MY_POD_IP}"}.items():
        yield _config(name, binds)
    yield from (
        *_deployed("otel", _pod_spec("otel"), ["n1", "n2"], families, now, 10),
        *_deployed("first", _pod_spec("first"), ["n1"], families, now, 20),
        *_deployed("waiting", _pod_spec("otel"), ["n2"], families, now, 30, ready=False),
        *_deployed("sidecar", _beside(), ["n1"], families, now, 40),
        *_daemons("poor", _pod_spec("otel"), families, now, 50),
        *_operated(families, now, 60),
        *_deployed("cart", _client("http://otel.obs.svc.cluster.local:4318"), ["n2"], families, now, 70, CLIENTS),
        *_deployed("hosted", _client("http://$(HOST):4318", "hostIP"), ["n1"], families, now, 80, CLIENTS),
    )
    yield from _services(families)
    yield _named("networking.k8s.io/v1", "NetworkPolicy", "blocked", spec={
        "podSelector": {"matchLabels": {"app": "first"}}, "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0" if families[0] == "IPv4" else "::/0"}}],
                     "ports": [{"port": 4317}, {"port": 4318}]}],
    })  # fmt: skip
    yield _named("networking.k8s.io/v1", "Ingress", "otel", spec={
        "ingressClassName": "nginx",
        "rules": [{"host": "otel.example.org", "http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": "otel", "port": {"name": "otlp-http"}}},
        }]}}],
    }, status={"loadBalancer": {"ingress": [{"ip": _outside(families[0], 80)}]}})  # fmt: skip
    cidrs = [{"IPv4": "10.97.0.0/24", "IPv6": "fd00:97::/112"}[x] for x in families]
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "more"},
           "spec": {"cidrs": cidrs}}  # fmt: skip


def _named(version: str, kind: str, name: str, namespace: str = SPACE, **more: Any) -> Object:
    """An object of a namespace; `labels` and `owner` belong to its metadata."""
    about = {"name": name, "namespace": namespace, **({"labels": more.pop("labels")} if "labels" in more else {})}
    owner = more.pop("owner", None)
    if owner:
        about["ownerReferences"] = [{**owner, "controller": True, "blockOwnerDeletion": True}]
    return {"apiVersion": version, "kind": kind, "metadata": about, **more}


def _grounds(families: Families) -> Iterator[Object]:
    """Namespaces with their accounts, who may look, nodes, kube-proxy, and the kind of the Operator."""
    for name in (SPACE, CLIENTS):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        yield _named("v1", "ServiceAccount", "default", name)
    yield {  # the role `view` itself is filled by a controller
        "apiVersion": f"{_RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "viewers"},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "system:aggregate-to-view"},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": "e2e:view"}],
    }  # fmt: skip
    for name, number in NODES.items():
        yield _node(name, number, _on(name, families))
    yield _named("v1", "ConfigMap", "kube-proxy", "kube-system",
                 data={"config.conf": "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nmode: nftables\n"})  # fmt: skip
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    yield {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "opentelemetrycollectors.opentelemetry.io"},
        "spec": {
            "group": "opentelemetry.io", "scope": "Namespaced",
            "names": {"kind": "OpenTelemetryCollector", "plural": "opentelemetrycollectors"},
            "versions": [{"name": "v1beta1", "served": True, "storage": True,
                          "schema": {"openAPIV3Schema": anything}}],
        },
    }  # fmt: skip


def _on(node: str, families: Families) -> Families:
    return families[:1] if node == POOR else families


def _node(name: str, number: int, families: Families) -> Object:
    held = {"IPv4": (f"192.0.2.{number}", f"10.244.{number}.0/24"),
            "IPv6": (f"2001:db8::{number}", f"fd00:244:0:{number}::/64")}  # fmt: skip
    ranges = [held[x][1] for x in families]
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": "a"}},
        "spec": {"podCIDR": ranges[0], "podCIDRs": ranges},
        "status": {
            "addresses": [*({"type": "InternalIP", "address": held[x][0]} for x in families),
                          {"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {"machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "6.1.0", "osImage": "Debian",
                         "containerRuntimeVersion": "containerd://2.1.0", "kubeletVersion": "v1.34.4",
                         "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64"},
        },
    }  # fmt: skip


def _config(name: str, binds: str) -> Object:
    text = _CONFIG.replace("GRPC", f"{binds}:4317").replace("HTTP", f"{binds}:4318")
    return _named("v1", "ConfigMap", name, data={"config.yaml": text})


def _pod_spec(config: str) -> Object:
    return {"containers": [_collector()], "volumes": [{"name": "conf", "configMap": {"name": config}}]}


def _collector(**more: Any) -> Object:
    return {
        "name": "otelcol", "image": _IMAGE, "args": ["--config=/conf/config.yaml"],
        "env": [{"name": "MY_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": k, "containerPort": v} for k, v in _PORTS.items()],
        "readinessProbe": {"tcpSocket": {"port": "otlp-grpc"}},
        "volumeMounts": [{"name": "conf", "mountPath": "/conf"}],
        **more,
    }  # fmt: skip


def _beside() -> Object:
    """A program with a native sidecar, whose probe servers before 1.29 refuse: to them it is a container that ends."""
    main = {"name": "web", "image": "registry.example.org/web:1"}
    return {**_pod_spec("otel"), "containers": [main], "initContainers": [_collector(restartPolicy="Always")]}


def _client(to: str, field: str = "") -> Object:
    host = {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": f"status.{field}"}}}
    env = [*([host] if field else []), {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": to}]
    return {"containers": [{"name": "app", "image": "registry.example.org/app:1", "env": env}]}


def _deployed(
    name: str, spec: Object, nodes: Sequence[str], families: Families, now: str, number: int,
    namespace: str = SPACE, *, ready: bool = True,
) -> Iterator[Object]:  # fmt: skip
    """A Deployment, its ReplicaSet and a pod on each of some nodes."""
    labels, hashed = {"app": name}, {"app": name, "pod-template-hash": "5d8f"}
    whole = {"replicas": len(nodes), "selector": {"matchLabels": labels}}
    yield _named("apps/v1", "Deployment", name, namespace, labels=labels,
                 spec={**whole, "template": {"metadata": {"labels": labels}, "spec": spec}},
                 status={"replicas": len(nodes), "observedGeneration": 1})  # fmt: skip
    above = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    yield _named("apps/v1", "ReplicaSet", f"{name}-5d8f", namespace, labels=hashed, owner=above,
                 spec={"replicas": len(nodes), "selector": {"matchLabels": hashed},
                       "template": {"metadata": {"labels": hashed}, "spec": spec}})  # fmt: skip
    above = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5d8f"}
    for count, node in enumerate(nodes):
        pod = _named("v1", "Pod", f"{name}-5d8f-{count}", namespace, labels=hashed, owner=above)
        yield _running(pod, spec, node, families, now, number + count, ready=ready)


def _daemons(name: str, spec: Object, families: Families, now: str, number: int) -> Iterator[Object]:
    """A DaemonSet with a pod on each node."""
    labels = {"app": name}
    yield _named("apps/v1", "DaemonSet", name, labels=labels,
                 spec={"selector": {"matchLabels": labels},
                       "template": {"metadata": {"labels": labels}, "spec": spec}})  # fmt: skip
    above = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": name}
    for count, node in enumerate(NODES):
        pod = _named("v1", "Pod", f"{name}-{count}", labels=labels, owner=above)
        yield _running(pod, spec, node, _on(node, families), now, number + count)


def _operated(families: Families, now: str, number: int) -> Iterator[Object]:
    """A Collector of the Operator with what the Operator makes of it."""
    yield _named("opentelemetry.io/v1beta1", "OpenTelemetryCollector", "gateway", spec={
        "mode": "deployment", "ipFamilyPolicy": "SingleStack",
        "config": {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "0.0.0.0:4317"}}}}},
    })  # fmt: skip
    labels = {"app.kubernetes.io/managed-by": "opentelemetry-operator", "app.kubernetes.io/instance": "obs.gateway"}
    above = {"apiVersion": "opentelemetry.io/v1beta1", "kind": "OpenTelemetryCollector", "name": "gateway"}
    spec, more = _pod_spec("otel"), {"selector": {"matchLabels": labels}}
    yield _named("apps/v1", "Deployment", "gateway-collector", owner=above,
                 spec={**more, "template": {"metadata": {"labels": labels}, "spec": spec}})  # fmt: skip
    above = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "gateway-collector"}
    yield _named("apps/v1", "ReplicaSet", "gateway-collector-7c", owner=above,
                 spec={**more, "template": {"metadata": {"labels": labels}, "spec": spec}})  # fmt: skip
    above = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "gateway-collector-7c"}
    pod = _named("v1", "Pod", "gateway-collector-7c-0", labels=labels, owner=above)
    yield _running(pod, spec, "n2", families, now, number)


def _address(family: str, node: str, number: int) -> str:
    return f"10.244.{NODES[node]}.{number}" if family == "IPv4" else f"fd00:244:0:{NODES[node]}::{number:x}"


def _running(
    pod: Object, spec: Object, node: str, families: Families, now: str, number: int, *, ready: bool = True
) -> Object:
    """A pod with what its kubelet says of it."""
    ips = [{"ip": _address(x, node, number)} for x in families]
    hosts = [{"ip": {"IPv4": f"192.0.2.{NODES[node]}", "IPv6": f"2001:db8::{NODES[node]}"}[x]} for x in families]
    conditions = {"PodReadyToStartContainers": True, "Initialized": True, "Ready": ready, "ContainersReady": ready,
                  "PodScheduled": True}  # fmt: skip
    return {
        **pod,
        "spec": {**spec, "nodeName": node},
        "status": {
            "phase": "Running", "podIP": ips[0]["ip"], "podIPs": ips, "hostIP": hosts[0]["ip"], "hostIPs": hosts,
            "startTime": now, "observedGeneration": 1,
            "conditions": [{"type": k, "status": str(v), "observedGeneration": 1, "lastTransitionTime": now}
                           for k, v in conditions.items()],
            "containerStatuses": [_status(x, now, ready=ready) for x in spec["containers"]],
            "initContainerStatuses": [_status(x, now, ready=ready) for x in spec.get("initContainers", ())],
        },
    }  # fmt: skip


def _status(container: Object, now: str, *, ready: bool) -> Object:
    return {
        "name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "started": True,
        "restartCount": 0, "state": {"running": {"startedAt": now}}, "lastState": {},
    }  # fmt: skip


def _services(families: Families) -> Iterator[Object]:
    """Services of every policy with their slices; the first has the addresses that end with 101, and so on."""
    second = families[1:] or {"IPv4": ["IPv6"], "IPv6": ["IPv4"]}[families[0]]
    both = {"ipFamilyPolicy": "PreferDualStack"}
    otel, got = {"app": "otel"}, list(families)
    local = {"type": "NodePort", "internalTrafficPolicy": "Local", "externalTrafficPolicy": "Local"}
    balanced = {"type": "LoadBalancer", "sessionAffinity": "ClientIP", "allocateLoadBalancerNodePorts": False}
    selected: list[tuple[str, Object, Object, list[str]]] = [
        ("otel", otel, {**both, "trafficDistribution": "PreferClose"}, got),
        ("plain", otel, {}, got[:1]),
        ("second", otel, {"ipFamilyPolicy": "SingleStack", "ipFamilies": second}, list(second)),
        ("require", otel, {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": [*second, families[0]]}, got[::-1]),
        ("headless", otel, {**both, "clusterIP": "None"}, got),
        ("local", otel, {**both, **local}, got),
        ("balanced", otel, {**both, **balanced}, got),
        ("first", {"app": "first"}, both, got),
        ("waiting", {"app": "waiting"}, both, got),
        ("sidecar", {"app": "sidecar"}, both, got),
        ("poor", {"app": "poor"}, both, got),
        ("gateway-collector", {"app.kubernetes.io/instance": "obs.gateway"}, {}, got[:1]),
        ("nothing", {"app": "nothing"}, both, got),
    ]
    for number, (name, selector, spec, held) in enumerate(selected, 101):
        yield _service(name, selector, spec, held, number)
        yield from _slices(name, held, families)
    yield _named("v1", "Service", "alias", spec={"type": "ExternalName",
                                                 "externalName": "otel.obs.svc.cluster.local"})  # fmt: skip
    yield _named("v1", "Service", "manual", spec={**both, "ports": [{"name": "otlp-grpc", "port": 4317}]})
    for family in families:
        ports = [{"name": "otlp-grpc", "port": 4317, "protocol": "TCP"}]
        yield _slice("manual", family, [{"addresses": [_outside(family, 7)], "conditions": {"ready": True}}], ports)


def _outside(family: str, number: int) -> str:
    """An address that no node has."""
    return f"198.51.100.{number}" if family == "IPv4" else f"2001:db8:7::{number}"


def _service(name: str, selector: Object, spec: Object, families: Sequence[str], number: int) -> Object:
    ports = [{"name": k, "port": v, "targetPort": k} for k, v in _PORTS.items()]
    if spec.get("type") == "NodePort":
        ports = [{**x, "nodePort": 30000 + number + n} for n, x in enumerate(ports)]
    if spec.get("clusterIP") != "None":
        ips = [{"IPv4": f"10.96.0.{number}", "IPv6": f"fd00:96::{number:x}"}[x] for x in families]
        spec = {**spec, "clusterIP": ips[0], "clusterIPs": ips}
    found = _named("v1", "Service", name, spec={"selector": selector, "ports": ports, **spec})
    given = {"loadBalancer": {"ingress": [{"ip": _outside(families[0], 90), "ipMode": "VIP"}]}}
    return {**found, "status": given} if spec.get("type") == "LoadBalancer" else found


_BACKENDS: dict[str, list[tuple[str, str, int]]] = {
    "first": [("n1", "first-5d8f-0", 20)],
    "waiting": [("n2", "waiting-5d8f-0", 30)],
    "sidecar": [("n1", "sidecar-5d8f-0", 40)],
    "poor": [("n1", "poor-0", 50), ("n2", "poor-1", 51), ("n3", "poor-2", 52)],
    "gateway-collector": [("n2", "gateway-collector-7c-0", 60)],
    "nothing": [],
}
_OTEL = [("n1", "otel-5d8f-0", 10), ("n2", "otel-5d8f-1", 11)]


def _slices(name: str, held: Sequence[str], families: Families) -> Iterator[Object]:
    """What the controller makes of the pods, a slice for each family of the Service."""
    for family in held:
        ready = name != "waiting"
        ends = [
            {
                "addresses": [_address(family, node, number)], "nodeName": node, "zone": "a",
                "conditions": {"ready": ready, "serving": ready, "terminating": False},
                "targetRef": {"kind": "Pod", "namespace": SPACE, "name": pod},
                **({"hints": {"forZones": [{"name": "a"}], "forNodes": [{"name": node}]}} if name == "otel" else {}),
            }
            for node, pod, number in _BACKENDS.get(name, _OTEL)
            if family in _on(node, families)
        ]  # fmt: skip
        ports = [{"name": k, "port": v, "protocol": "TCP"} for k, v in _PORTS.items()]
        yield _slice(name, family, ends, ports if ends else [])


def _slice(name: str, family: str, ends: list[Object], ports: list[Object]) -> Object:
    labels = {LED_BY: name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    return _named("discovery.k8s.io/v1", "EndpointSlice", f"{name}-{family.lower()}", labels=labels,
                  addressType=family, endpoints=ends, ports=ports)  # fmt: skip
