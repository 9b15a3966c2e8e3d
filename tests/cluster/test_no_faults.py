"""What a cluster may have that is no fault."""

from typing import Any

import pytest

from dualstack.model.address import Family
from dualstack.model.finding import Severity
from tests.cluster import worlds as w
from tests.cluster.test_incidents import (
    LOCAL,
    NODE_PORTS,
    ONE,
    POOR,
    V4,
    V6,
    hosted,
)

IN_A_FILE = w.config()
IN_A_FILE["data"] = {
    "config.yaml": "receivers: ${file:/etc/otel/receivers.yaml}\nexporters: {debug: {}}\n"
    "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n"
}
PIPED = w.config("127.0.0.1:4317", "127.0.0.1:4318")
PIPED["data"] = {
    "config.yaml": "receivers: {otlp/a: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}\n"
    "exporters: {debug: {}}\nservice: {pipelines: {traces: '${file:/etc/otel/traces.yaml}'}}\n"
}
JAEGER = "${env:JAEGER_LISTEN_HOST:-localhost}:4317"
JAEGERS: dict[str, Any] = {"pods": [w.pod("otel-a", "n1")], "workloads": [w.deployment()]}
for each in (JAEGERS["pods"][0]["spec"], JAEGERS["workloads"][0]["spec"]["template"]["spec"]):
    each["containers"][0]["image"] = "docker.io/jaegertracing/jaeger:2.6.0"
TWINS = w.service()
TWINS["spec"]["ports"].append({"name": "quic", "port": 4317, "targetPort": 4317, "protocol": "UDP"})
GLOBAL = w.service()
GLOBAL["metadata"]["annotations"] = {"service.cilium.io/global": "true"}
OF_THE_NODE, ITS_MAKER = w.pod("otel-a", "n1"), w.deployment()
for each in (OF_THE_NODE["spec"], ITS_MAKER["spec"]["template"]["spec"]):
    each["hostNetwork"] = True
    for key in ("ports", "readinessProbe"):
        each["containers"][0].pop(key, None)
OF_THE_NODE["status"] |= {"hostIP": "10.100.0.1", "podIPs": [{"ip": "10.100.0.1"}, {"ip": "fd00:100::1"}]}
NO_FAULT: dict[str, tuple[dict[str, Any], tuple[Family, ...]]] = {
    "one family in a cluster of one": (
        {
            "services": [w.service(["IPv4"])],
            "slices": w.endpoints(ONE, ["IPv4"]),
            "ranges": [w.ranges("10.96.0.0/16")],
            "nodes": [w.node("n1", 1, ["IPv4"])],
            "pods": [w.pod("otel-a", "n1", ["IPv4"])],
        },
        (),
    ),
    "PreferDualStack in a cluster of one": (
        {
            "services": [w.service(["IPv4"], ipFamilyPolicy="PreferDualStack")],
            "ranges": [w.ranges("10.96.0.0/16")],
            "nodes": [w.node("n1", 1, ["IPv4"])],
            "pods": [w.pod("otel-a", "n1", ["IPv4"])],
            "slices": w.endpoints([w.pod("otel-a", "n1", ["IPv4"])], ["IPv4"]),
        },
        (),
    ),
    "a node without IPv6, and nobody insists": ({"nodes": POOR, "pods": ONE}, ()),
    "an agent on each node": ({"services": [w.service(**LOCAL)]}, ()),
    "a tainted node without an agent": (
        {
            "services": [w.service(**LOCAL)],
            "pods": ONE,
            "nodes": [
                w.node("n1", 1),
                {
                    **w.node("n2", 2),
                    "spec": {
                        "podCIDRs": ["10.244.2.0/24", "fd00:244:0:2::/64"],
                        "taints": [{"key": "x", "effect": "NoSchedule"}],
                    },
                },
            ],
        },
        (),
    ),
    "an alias": (
        {
            "services": [
                w.service(),
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "x", "namespace": "obs"},
                    "spec": {"type": "ExternalName", "externalName": "otel.obs.svc.cluster.local"},
                },
            ]
        },
        (),
    ),
    "a name of a host elsewhere": (
        {
            "services": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "x", "namespace": "obs"},
                    "spec": {"type": "ExternalName", "externalName": "otel.example.com", "ports": [{"port": 4318}]},
                }
            ]
        },
        (),
    ),
    "node ports of both families": ({"services": [w.service(**NODE_PORTS)]}, ()),
    "host ports": ({"services": [], "slices": [], "pods": [hosted()]}, (V4, V6)),
    "host ports on the wildcard of IPv4": ({"services": [], "slices": [], "pods": [hosted(hostIP="0.0.0.0")]}, ()),
    "receivers that are in another file": ({"configs": [IN_A_FILE]}, ()),
    "pipelines that are in another file": ({"configs": [PIPED]}, ()),
    "a variable that the image sets": ({"configs": [w.config(JAEGER)], **JAEGERS}, ()),
    "a Service of several clusters": ({"services": [GLOBAL], "pods": [], "slices": []}, ()),
    "an agent that keeps to the loopback of its node": (
        {
            "services": [],
            "slices": [],
            "pods": [OF_THE_NODE],
            "workloads": [ITS_MAKER],
            "configs": [w.config("127.0.0.1:4317", "127.0.0.1:4318")],
        },
        (),
    ),
    "a port beside that for TCP": ({"services": [TWINS]}, ()),
    "a port that is not for OTLP": (
        {
            "services": [
                w.service(ports=[{"name": "metrics", "port": 8888}, {"name": "j", "port": 6831, "protocol": "UDP"}])
            ]
        },
        (),
    ),
}


@pytest.mark.parametrize("name", NO_FAULT)
def test_what_is_no_fault_has_no_error(name: str) -> None:
    instead, expect = NO_FAULT[name]

    found = w.diagnosed(w.healthy(**instead), *expect)

    assert not [x for x in found.findings if x.severity is Severity.ERROR]
    assert not [x for x in found.traces if x.required and x.failed]
