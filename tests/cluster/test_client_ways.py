"""A question about clients: by their own names, resolver and protocol, to wherever their variables lead."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_survey import KINDS, Object, client, variables

V4, V6 = Family.IPV4, Family.IPV6
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADLESS = {"clusterIP": "None", "clusterIPs": ["None"]}


def cart(endpoint: str, *more: Object, on: str = "n1", **spec: Any) -> Object:
    """A pod whose container exports there; `more` are further variables, which come first."""
    return client("a", on, [*more, *variables(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)], **spec)


def gathered(*pods: Object, more: Iterable[Object] = (), **instead: Any) -> World:
    """What is gathered for a question about the pod `a`, in a cluster with these."""
    held = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), *pods, *more)])
    for kind in KINDS:
        held.objects.setdefault(kind, [])
    found = of(Asker(Stored(held, complete=True), "shop"), KubeTarget("pod", "a"))
    found.namespace, found.target = "shop", "pod/a"
    return found


def told(*pods: Object, expect: tuple[Family, ...] = (), **instead: Any) -> Diagnosis:
    return conclude(gathered(*pods, **instead), Question(expect=expect))


def errors(found: Diagnosis) -> list[str]:
    return [x.code for x in found.findings if x.severity is Severity.ERROR and not x.because]


def alias(name: str, to: str) -> Object:
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"type": "ExternalName", "externalName": to},
    }


def config_map(name: str, **data: str) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data}


def sidecar(grpc: str = "localhost:4317", *, native: bool = False, port: int = 4317, **spec: Any) -> list[Object]:
    """A pod that exports to its own loopback, with a Collector beside it, and what that one reads."""
    pod = cart(f"http://localhost:{port}", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc"), **spec)
    beside: Object = {
        "name": "otelcol",
        "image": "otel/opentelemetry-collector:0.161.0",
        "args": ["--config=/conf/config.yaml"],
        "volumeMounts": [{"name": "conf", "mountPath": "/conf"}],
    }
    if native:
        pod["spec"]["initContainers"] = [{**beside, "restartPolicy": "Always"}]
    else:
        pod["spec"]["containers"].append(beside)
    pod["spec"]["volumes"] = [{"name": "conf", "configMap": {"name": "conf"}}]
    template = {"metadata": {"labels": deepcopy(pod["metadata"]["labels"])}, "spec": deepcopy(pod["spec"])}
    text = w.CONFIG.replace("GRPC", grpc).replace("HTTP", "localhost:4318")
    about = {"namespace": "shop"}
    made = {"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": {"name": "cart-abc", **about}}
    return [pod, {**made, "spec": {"template": template}}, config_map("conf", **{"config.yaml": text})]


def agent(*, host_network: bool = False, on: str = "n1") -> Object:
    """The Collector of a node, by a host port or in the network of the node."""
    pod = deepcopy(w.pod("otel-agent", on))
    if host_network:
        pod["spec"]["hostNetwork"] = True
        held = {"n1": 1, "n2": 2}[on]
        pod["status"]["podIPs"] = [{"ip": f"10.100.0.{held}"}, {"ip": f"fd00:100::{held}"}]
    else:
        pod["spec"]["containers"][0]["ports"][0]["hostPort"] = 4317
    return pod


HOST_IP = [{"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]


def on_host(**spec: Any) -> Object:
    pod = cart("http://$(HOST_IP):4317", *HOST_IP, **spec)
    pod["status"]["hostIP"] = "10.100.0.1"
    return pod


def named_endpoints(name: str) -> list[Object]:
    pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
    found = w.endpoints(pods)
    for each in found:
        each["endpoints"][0]["hostname"] = name
    return found


NO_SEARCH: dict[str, Any] = {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["169.254.20.10"]}}
OWN_SEARCH: dict[str, Any] = {
    "dnsConfig": {"searches": ["obs.svc.cluster.local"], "options": [{"name": "ndots", "value": "2"}]}
}


def node_port(**more: Any) -> Object:
    """A Service that nodes offer."""
    return {"type": "NodePort", "ports": [{"name": "otlp-grpc", "port": 4317, "nodePort": 30317}], **more}


BROKEN: dict[str, tuple[list[Object], dict[str, Any], list[str]]] = {
    "no such Service": ([cart("http://otell.obs.svc:4317")], {}, ["DS408"]),
    "a short name of another namespace": ([cart("http://otel:4317")], {}, ["DS408"]),
    "no search domains": ([cart("http://otel.obs.svc:4317", **NO_SEARCH)], {}, ["DS408"]),
    "one label and nameservers elsewhere": (
        [cart("http://otel:4317", dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"]})], {}, ["DS408"]),
    "half a name and nameservers elsewhere": (
        [cart("http://otel.obs.svc:4317", dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"]})], {}, ["DS408"]),
    "a dot at the end": ([cart("http://otel.obs.svc.:4317")], {}, ["DS408"]),
    "a variable that comes later": (
        [client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://$(TO):4317", TO="otel.obs"))],
        {},
        ["DS408"],
    ),
    "an alias of an alias that is gone": (
        [cart("http://x:4317")],
        {"more": [alias("x", "y.shop.svc.cluster.local"), alias("y", "gone.obs.svc.cluster.local")]},
        ["DS408"],
    ),
    "an alias that is gone, asked of other nameservers": (
        [cart("http://x:4317", dnsPolicy="Default")], {"more": [alias("x", "gone.obs.svc.cluster.local")]}, ["DS408"]),
    "an alias of half a name": ([cart("http://x:4317")], {"more": [alias("x", "otel.obs.svc")]}, ["DS408"]),
    "an alias of an address": ([cart("http://x:4317")], {"more": [alias("x", "10.96.0.9")]}, ["DS408"]),
    "aliases of each other": (
        [cart("http://x:4317")],
        {"more": [alias("x", "y.shop.svc.cluster.local"), alias("y", "x.shop.svc.cluster.local")]},
        ["DS408"],
    ),
    "a pod that is not there": (
        [cart("http://otel-9.otel.obs.svc:4317")],
        {"services": [w.service(**HEADLESS)], "slices": named_endpoints("otel-0")},
        ["DS408"],
    ),
    "an address that no Service has": ([cart("http://10.96.77.77:4317")], {}, ["DS525"]),
    "a port that the Service has not": ([cart("http://otel.obs:4319")], {}, ["DS508"]),
    "no brackets": ([cart("http://fd00:96::9:4317")], {}, ["DS101"]),
    "gRPC to the port of HTTP": (
        [cart("http://otel.obs:4318", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))], {}, ["DS902"]),
    "HTTP to the port of gRPC": (
        [cart("http://otel.obs:4317", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))], {}, ["DS902"]),
    "TLS to a receiver without": (
        [cart("https://otel.obs:4317", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))], {}, ["DS902"]),
    "a sidecar on another port": ([*sidecar(port=4319)[:1]], {"more": sidecar(port=4319)[1:]}, ["DS211"]),
    "a sidecar on the address of the pod": (
        [*sidecar("10.244.7.1:4317")[:1]], {"more": sidecar("10.244.7.1:4317")[1:]}, ["DS204"]),
    "nobody on the loopback": ([cart("http://localhost:4317")], {}, ["DS110"]),
    "nobody on the loopback of a property": (
        [cart("http://otel.obs:4317", *variables(JAVA_TOOL_OPTIONS="-Dotel.exporter.otlp.endpoint=http://localhost:4317"))],
        {},
        ["DS110"],
    ),
    "nobody behind a wildcard": ([cart("http://0.0.0.0:4317")], {}, ["DS109"]),
    "a host file": (
        [cart("http://otel.obs:4317", hostAliases=[{"ip": "10.96.77.77", "hostnames": ["otel.obs"]}])],
        {},
        ["DS525"],
    ),
    "a node port of one family": (
        [cart("http://[fd00:100::1]:30317")], {"services": [w.service(["IPv4"], **node_port())]}, ["DS501"]),
    "a node port that leads nowhere": (
        [cart("http://10.100.0.1:30317")],
        {"services": [w.service(**node_port())], "configs": [w.config(grpc="localhost:4317")]},
        ["DS202"],
    ),
    "an agent of another node on its address": (
        [on_host()], {"pods": [agent()], "configs": [w.config(grpc="localhost:4317")]}, ["DS202"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_client_is_its_cause(name: str) -> None:
    pods, more, causes = BROKEN[name]

    found = told(*pods, **more)

    assert errors(found) == causes, [(x.code, x.severity, x.summary, x.detail) for x in found.findings]
    assert found.verdict is Verdict.BROKEN
    assert all(x.hint.endswith(".") and x.detail.endswith(".") for x in found.findings)


FINE: dict[str, tuple[list[Object], dict[str, Any]]] = {
    "the whole name": ([cart("http://otel.obs.svc.cluster.local:4317")], {}),
    "the whole name with a dot at its end": ([cart("http://otel.obs.svc.cluster.local.:4317")], {}),
    "the whole name without search domains": ([cart("http://otel.obs.svc.cluster.local:4317", **NO_SEARCH)], {}),
    "a search domain of its own": ([cart("http://otel:4317", **OWN_SEARCH)], {}),
    "an alias of an alias": (
        [cart("http://x:4317")],
        {"more": [alias("x", "y.shop.svc.cluster.local"), alias("y", "otel.obs.svc.cluster.local")]},
    ),
    "one pod of a headless Service": (
        [cart("http://otel-0.otel.obs.svc:4317")],
        {"services": [w.service(**HEADLESS)], "slices": named_endpoints("otel-0")},
    ),
    "another port of a headless Service": (
        [cart("http://otel.obs:4318")],
        {"services": [w.service(**HEADLESS, ports=[{"name": "otlp-grpc", "port": 4317}])]},
    ),
    "the address of a Service": ([cart("http://10.96.0.9:4317")], {}),
    "its other address": ([cart("http://[fd00:96::9]:4317")], {}),
    "the address of a pod": ([cart(f"http://{w.pod('otel-a', 'n1')['status']['podIPs'][0]['ip']}:4317")], {}),
    "an agent by a host port": ([on_host()], {"pods": [agent()]}),
    "a node port": ([cart("http://10.100.0.1:30317")], {"services": [w.service(**node_port())]}),
    "a node port that stays at home": (
        [cart("http://10.100.0.1:30317")], {"services": [w.service(**node_port(externalTrafficPolicy="Local"))]}),
    "a node port without a pod at home": (
        [cart("http://10.100.0.1:30317")],
        {"services": [w.service(**node_port(externalTrafficPolicy="Local"))], "pods": [w.pod("otel-a", "n2")]},
    ),
    "an agent in the network of the node": ([on_host()], {"pods": [agent(host_network=True)]}),
    "the loopback of the node": (
        [on_host() | {"spec": cart("http://localhost:4317", hostNetwork=True)["spec"]}],
        {"pods": [agent(host_network=True)]},
    ),
    "a loopback of the node without an agent": ([cart("http://localhost:4317", hostNetwork=True)], {}),
    "an agent on no node of the client": ([on_host()], {"pods": [agent(on="n2")]}),
    "a host elsewhere": ([cart("https://ingest.vendor.example:443")], {}),
    "a host of many labels": ([cart("http://otel.eu.vendor.example:4317")], {}),
    "a pod by half of its name": (
        [cart("http://otel-0.otel.obs:4317")],
        {"services": [w.service(**HEADLESS)], "slices": named_endpoints("otel-0")},
    ),
    "an agent that has ended": ([on_host()], {"pods": [agent() | {"status": {"phase": "Failed"}}]}),
    "an address elsewhere": ([cart("http://192.0.2.7:4317")], {}),
    "an alias of a host elsewhere": ([cart("http://x:4317")], {"more": [alias("x", "otel.vendor.example")]}),
    "a hosts file": ([cart("http://x:4317", hostAliases=[{"ip": "10.96.0.9", "hostnames": ["X"]}])], {}),
    "the resolver of the node": ([cart("http://otel.obs.svc:4317", dnsPolicy="Default")], {}),
    "a shell's variable": ([cart("http://${COLLECTOR}:4317")], {}),
    "a name without search domains and nameservers elsewhere": (
        [cart("http://otel.obs:4317", dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"]})], {}),
    "a socket": ([cart("unix:///var/run/otel.sock")], {}),
    "an SDK that is off": (
        [cart("http://otell:4317", *variables(OTEL_SDK_DISABLED="true"))], {}),
    "an SDK that exports in another way": (
        [cart("http://otell:4317", *variables(OTEL_TRACES_EXPORTER="zipkin", OTEL_METRICS_EXPORTER="none",
                                              OTEL_LOGS_EXPORTER="none"))], {}),
    "signals that go elsewhere": (
        [cart("http://otel.obs:4317", *variables(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="http://otell:4317",
                                                   OTEL_METRICS_EXPORTER="none"))], {}),
    "a Service of a time before": ([cart("http://$(OTEL_SERVICE_HOST):4317")], {}),
    "a secret address": (
        [client("a", "n1", [{"name": ENDPOINT, "valueFrom": {"secretKeyRef": {"name": "otel", "key": "to"}}}])], {}),
    "a sidecar": ([sidecar()[0]], {"more": sidecar()[1:]}),
    "a sidecar of every family": ([sidecar("[::]:4317")[0]], {"more": sidecar("[::]:4317")[1:]}),
    "a native sidecar": ([sidecar(native=True)[0]], {"more": sidecar(native=True)[1:]}),
    "TLS to somebody unknown": (
        [cart("https://otel.obs:9999")],
        {"configs": [], "services": [w.service(ports=[{"name": "otlp-grpc", "port": 9999}])]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
def test_what_is_odd_and_works_is_no_error(name: str) -> None:
    pods, more = FINE[name]

    found = told(*pods, **more)

    assert not errors(found), [(x.code, x.summary, x.detail) for x in found.findings]
    assert found.verdict is not Verdict.BROKEN
    assert not [x for x in found.traces if x.required and x.failed]


def of_daemon(on: str) -> Object:
    pod = w.pod("otel-a", on)
    pod["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "otel"}]
    return pod


@pytest.mark.parametrize(("on", "verdict", "severity"), [("n2", "broken", ["error"]), ("n1", "unknown", [])])
def test_a_daemonset_that_spares_the_node_of_a_client_loses_what_that_sends(
    on: str, verdict: str, severity: list[str]
) -> None:
    local = w.service(internalTrafficPolicy="Local")

    found = told(cart("http://otel.obs:4317", on="n1"), services=[local], pods=[of_daemon(on)])

    assert found.verdict == verdict
    assert [x.severity for x in found.findings if x.code == "DS510"] == severity
    assert all(x.required for x in found.traces)


@pytest.mark.parametrize("kept", [True, False])
def test_of_a_node_whose_pod_is_not_ready_the_policy_and_the_ready_ones_are_told(kept: bool) -> None:
    sick = of_daemon("n1")
    sick["metadata"]["name"] = "otel-b"
    sick["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    local = w.service(**({"internalTrafficPolicy": "Local"} if kept else {}))
    found = told(cart("http://otel.obs:4317", on="n1"), services=[local], pods=[sick, of_daemon("n2")])

    said = [x.detail for x in found.findings if x.code == "DS507"]
    policy = "; `internalTrafficPolicy: Local` keeps clients to those of their own node, and ready ones are on n2."
    assert [x.endswith(policy) for x in said] == ([True] if kept else [])


def test_of_several_clients_the_ones_without_the_daemonset_are_lost() -> None:
    local = w.service(internalTrafficPolicy="Local")
    other = cart("http://otel.obs:4317", on="n2")
    other["metadata"]["name"] = "b"
    many = w.world([{"apiVersion": "v1", **x} for x in (
        *w.healthy(services=[local], pods=[of_daemon("n1")]),
        cart("http://otel.obs:4317", on="n1"),
        other,
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
         "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {}}},
    )])  # fmt: skip

    found = conclude(of(Asker(Stored(many, complete=True), "shop"), KubeTarget("deploy", "cart")), Question())

    assert found.verdict == "degraded"
    assert {x.nodes for x in found.traces if x.failed} == {("n2",)}


def forwarded(port: int = 4317) -> Glimpses:
    return Glimpses((Glimpse("pod shop/a", port, Protocol.GRPC, Way.LOOPBACK, Outcome.ACCEPTED),
                     Glimpse("pod a", port, Protocol.GRPC, Way.LOOPBACK, Outcome.ACCEPTED)))  # fmt: skip


@pytest.mark.parametrize("native", [False, True])
def test_a_sidecar_that_takes_what_the_loopback_brings_is_healthy(*, native: bool) -> None:
    pod, *rest = sidecar(native=native)
    world = gathered(pod, more=rest)
    world.seen = forwarded()

    found = conclude(world, Question())

    assert found.verdict is Verdict.HEALTHY
    assert {x.family: x.required for x in found.traces} == {V4: True, V6: False}


@pytest.mark.parametrize(
    ("grpc", "address", "over"),
    [("localhost:4317", "fd00:244::7:1", V4), ("[::1]:4317", "10.244.7.1", V6)],
)
def test_a_pod_has_the_loopbacks_of_both_families_whatever_its_addresses(grpc: str, address: str, over: Family) -> None:
    pod, *rest = sidecar(grpc)
    ready = [{"name": x, "ready": True, "state": {"running": {}}} for x in ("cart", "otelcol")]
    pod["status"].update(podIPs=[{"ip": address}], containerStatuses=ready)

    found = told(pod, more=rest)

    assert not found.findings
    assert {x.family: x.failed for x in found.traces if x.required} == {over: False}


def test_one_that_takes_neither_loopback_is_broken_over_the_family_of_the_pod() -> None:
    pod, *rest = sidecar("[::]:14317")
    pod["status"]["podIPs"] = [{"ip": "fd00:244::7:1"}]

    found = told(pod, more=rest)

    assert found.verdict is Verdict.BROKEN
    assert {x.family for x in found.traces} == {V6}
