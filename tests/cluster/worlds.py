"""Objects of a small cluster for tests: two nodes, one Collector, a Service with both families, all of it healthy."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from dualstack.conclusion import conclude
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.glimpse import Glimpses
from dualstack.model.question import Question
from dualstack.model.world import World

Object = dict[str, Any]

CONFIG = """receivers:
  otlp:
    protocols:
      grpc: {endpoint: "GRPC"}
      http: {endpoint: "HTTP"}
exporters: {debug: {}}
service:
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
"""
BOTH = ("IPv4", "IPv6")
PORTS = ((4317, Protocol.GRPC), (4318, Protocol.HTTP))
"""The ports of the Collector with what it speaks there."""


def node(name: str, number: int, families: Iterable[str] = BOTH, ranges: Iterable[str] | None = None) -> Object:
    """A node with an address and a range of each family."""
    held = {"IPv4": f"10.100.0.{number}", "IPv6": f"fd00:100::{number}"}
    pods = {"IPv4": f"10.244.{number}.0/24", "IPv6": f"fd00:244:0:{number}::/64"}
    families = list(families)
    return {
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"podCIDRs": [pods[x] for x in (families if ranges is None else ranges)]},
        "status": {"addresses": [{"type": "InternalIP", "address": held[x]} for x in families]},
    }


def pod(name: str, on: str, families: Iterable[str] = BOTH, **status: Any) -> Object:
    """A ready pod of the Deployment otel."""
    number = sum(map(ord, name)) % 200
    held = {"IPv4": f"10.244.9.{number}", "IPv6": f"fd00:244::{number}"}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "obs",
            "labels": {"app": "otel"},
            "creationTimestamp": "2026-03-01T10:00:00Z",
            "ownerReferences": [{"kind": "ReplicaSet", "name": "otel-1"}],
        },
        "spec": {**deepcopy(TEMPLATE), "nodeName": on},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": held[x]} for x in families],
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "otelcol", "ready": True, "state": {"running": {"startedAt": "2026-03-01T10:00:05Z"}}}
            ],
            **status,
        },
    }


TEMPLATE: Object = {
    "containers": [
        {
            "name": "otelcol",
            "image": "otel/opentelemetry-collector:0.161.0",
            "args": ["--config=/conf/config.yaml"],
            "env": [{"name": "MY_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "ports": [
                {"name": "otlp-grpc", "containerPort": 4317},
                {"name": "otlp-http", "containerPort": 4318},
            ],
            "readinessProbe": {"tcpSocket": {"port": "otlp-grpc"}},
            "volumeMounts": [{"name": "conf", "mountPath": "/conf"}],
        }
    ],
    "volumes": [{"name": "conf", "configMap": {"name": "otel"}}],
}


def deployment() -> Object:
    """What made the pods."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "otel", "namespace": "obs"},
        "spec": {"template": {"metadata": {"labels": {"app": "otel"}}, "spec": deepcopy(TEMPLATE)}},
    }


def config(grpc: str = "0.0.0.0:4317", http: str = "0.0.0.0:4318", **about: Any) -> Object:
    """Its configuration."""
    text = CONFIG.replace("GRPC", grpc).replace("HTTP", http)
    metadata = {"name": "otel", "namespace": "obs", "creationTimestamp": "2026-03-01T09:00:00Z", **about}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": text}}


def service(families: Iterable[str] = BOTH, **spec: Any) -> Object:
    """The Service otel."""
    held, families = {"IPv4": "10.96.0.9", "IPv6": "fd00:96::9"}, list(families)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "otel", "namespace": "obs"},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": held[families[0]],
            "clusterIPs": [held[x] for x in families],
            "ipFamilies": families,
            "ipFamilyPolicy": "PreferDualStack" if len(families) > 1 else "SingleStack",
            "selector": {"app": "otel"},
            "ports": [
                {"name": "otlp-grpc", "port": 4317, "targetPort": "otlp-grpc"},
                {"name": "otlp-http", "port": 4318, "targetPort": "otlp-http"},
            ],
            **spec,
        },
    }


def endpoints(pods: Iterable[Object], families: Iterable[str] = BOTH, **more: Any) -> list[Object]:
    """The slices that the controller makes of these pods; `ports` of its own where given."""
    found = []
    for family in families:
        mine = [x for x in pods if _address(x, family)]
        found.append(
            {
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"otel-{family.lower()}",
                    "namespace": "obs",
                    "labels": {"kubernetes.io/service-name": "otel"},
                },
                "addressType": family,
                "endpoints": [
                    {
                        "addresses": [_address(x, family)],
                        "conditions": {"ready": _ready(x), "serving": _ready(x), "terminating": False},
                        "nodeName": x["spec"].get("nodeName"),
                        "targetRef": {"kind": "Pod", "name": x["metadata"]["name"], "namespace": "obs"},
                    }
                    for x in mine
                ],
                "ports": [{"name": "otlp-grpc", "port": 4317}, {"name": "otlp-http", "port": 4318}] if mine else [],
                **more,
            }
        )
    return found


def _address(item: Object, family: str) -> str:
    held = (x["ip"] for x in item["status"].get("podIPs") or ())
    return next((x for x in held if (":" in x) is (family == "IPv6")), "")


def _ready(item: Object) -> bool:
    return any(x["type"] == "Ready" and x["status"] == "True" for x in item["status"].get("conditions") or ())


def ranges(*cidrs: str, **about: Any) -> Object:
    """The ranges of Services."""
    said = list(cidrs) or ["10.96.0.0/16", "fd00:96::/112"]
    return {"kind": "ServiceCIDR", "metadata": {"name": "kubernetes", **about}, "spec": {"cidrs": said}}


def healthy(**instead: Any) -> list[Object]:
    """The objects of the healthy cluster, some of them replaced: nodes, pods, services, slices, configs, ranges."""
    pods = instead.get("pods", [pod("otel-a", "n1"), pod("otel-b", "n2")])
    parts: Mapping[str, list[Object]] = {
        "nodes": [node("n1", 1), node("n2", 2)],
        "pods": pods,
        "services": [service()],
        "slices": endpoints(pods),
        "configs": [config()],
        "ranges": [ranges()],
        "workloads": [deployment()],
        **instead,
    }
    return [y for x in parts.values() for y in x]


def world(
    objects: Iterable[Mapping[str, Any]],
    *,
    unseen: Iterable[str] = (),
    seen: Glimpses | None = None,
    clients: Iterable[Exporter] = (),
) -> World:
    """These objects as a world; kinds that are not unseen are all there."""
    found = World("test", unseen=set(unseen), seen=seen or Glimpses(), clients=list(clients))
    for each in objects:
        found.keep(str(each.get("kind")), each)
    return found


def diagnosed(objects: Iterable[Mapping[str, Any]], *expect: Family, **more: Any) -> Diagnosis:
    """The diagnosis of a cluster of these objects."""
    return conclude(world(objects, **more), Question(expect=expect))


def roots(found: Diagnosis) -> list[str]:
    """The codes of the findings that nothing explains."""
    return [x.code for x in found.findings if not x.because]


def codes(found: Diagnosis) -> set[str]:
    """The codes of all findings."""
    return {x.code for x in found.findings}
