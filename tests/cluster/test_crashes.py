"""Pods whose containers do not run: that is the cause, and what their configurations foretell is none."""

import re
from typing import Any

import pytest

from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.trace import Hop
from dualstack.reach.states import error_in
from tests.cluster import worlds as w
from tests.cluster.test_incidents import DOWN, hosted, waiting
from tests.cluster.test_kube_api import api

__all__ = ["api"]

LOG = "Error: cannot unmarshal the configuration\n\n'protocols.grpc' has invalid keys: endpiont\n"
LOCAL = w.config(grpc="localhost:4317", http="localhost:4318")
CRASHED = {"exitCode": 1, "reason": "Error"}


def crashed(name: str = "otel-a", **end: Any) -> w.Object:
    """A pod whose container ends again and again."""
    return w.pod(name, "n1", **waiting(terminated={**CRASHED, **end}))


@pytest.mark.parametrize("configs", [[w.config()], [LOCAL]], ids=["every-address", "loopback"])
@pytest.mark.parametrize(
    "pod",
    [
        crashed(),
        w.pod("otel-a", "n1", **DOWN | {"containerStatuses": [{"name": "otelcol", "state": {"terminated": CRASHED}}]}),
        w.pod("otel-a", "n1", **waiting("ImagePullBackOff")),
        w.pod("otel-a", "n1", **waiting("CreateContainerConfigError")),
    ],
    ids=["crash-loop", "ended", "no-image", "no-configuration"],
)
def test_where_no_container_runs_that_is_the_cause(pod: w.Object, configs: list[w.Object]) -> None:
    refused = (Glimpse("pod otel-a", x, y, Way.ADDRESS, Outcome.REFUSED) for x, y in w.PORTS)

    found = w.diagnosed(w.healthy(pods=[pod], configs=configs), seen=Glimpses(tuple(refused)))

    assert [(x.code, x.because) for x in found.findings] == [("DS507", ())]
    assert found.verdict is Verdict.BROKEN


def in_the_network_of(node: str, number: int, **end: Any) -> w.Object:
    """A pod in the network of a node, whose container ends again and again."""
    found = w.pod(f"otel-{node}", node, **waiting(terminated={**CRASHED, **end}))
    found["spec"]["hostNetwork"] = True
    held = [f"10.100.0.{number}", f"fd00:100::{number}"]
    found["status"] |= {"hostIP": held[0], "podIPs": [{"ip": x} for x in held]}
    return found


@pytest.mark.parametrize("answer", [Outcome.ACCEPTED, Outcome.REFUSED])
def test_who_else_answers_on_the_node_is_no_proof_of_a_container_that_does_not_run(answer: Outcome) -> None:
    taken = "Error: cannot start pipelines: listen tcp 0.0.0.0:4317: bind: address already in use"
    pods = [in_the_network_of("n1", 1, message=taken), in_the_network_of("n2", 2)]
    seen = (Glimpse("pod otel-n1", x, y, Way.ADDRESS, answer) for x, y in w.PORTS)

    found = w.diagnosed(w.healthy(pods=pods, services=[], slices=[]), seen=Glimpses(tuple(seen)))

    assert found.verdict is Verdict.BROKEN
    (one,) = found.findings
    assert one.code == "DS507"
    assert one.detail.startswith("In the pod otel-n1 and 1 more of ReplicaSet otel-1 the container otelcol ended")
    assert one.hint.startswith("Give one of the two another port: a process of the node n1")
    said = [x.at(Hop.LISTEN).why.startswith("another program answers there") for x in found.traces]
    assert any(said) == (answer is Outcome.ACCEPTED)


def test_a_port_that_was_left_out_is_not_why_a_container_ends() -> None:
    text = w.config()
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace('{endpoint: "0.0.0.0:4317"}', "{}")
    nobody = w.deployment()
    nobody["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/otelcol:7"

    found = w.diagnosed(w.healthy(pods=[crashed()], configs=[text], workloads=[nobody]))

    assert [(x.code, x.because) for x in found.findings] == [("DS507", ())]


def test_what_the_container_said_is_told_with_the_command_that_shows_all_of_it() -> None:
    found = w.diagnosed(w.healthy(pods=[crashed(log=error_in(LOG))]))

    (fault,) = found.findings
    assert (
        "ended with code 1: Error: cannot unmarshal the configuration 'protocols.grpc' has invalid keys" in fault.detail
    )
    assert fault.fix is not None
    assert fault.fix.commands == ("kubectl logs otel-a -n obs -c otelcol --previous",)


def test_a_reason_of_the_kubelet_is_told() -> None:
    found = w.diagnosed(w.healthy(pods=[crashed(exitCode=137, reason="OOMKilled")]))

    assert "ended with code 137 (OOMKilled)." in found.findings[0].detail


@pytest.mark.parametrize(
    ("limits", "reads", "hint"),
    [
        ({"memory": "512Mi"}, "otel", "Raise the memory limit of the container otelcol, `512Mi`, or let a"),
        ({"memory": 536870912}, "gone", "Raise the memory limit of the container otelcol, `536870912`."),
        ({"cpu": 1}, "otel", "Give otelcol more memory, or let a `memory_limiter` keep it below."),
        (None, "otel", "Give otelcol more memory, or"),
    ],
)
def test_a_container_without_memory_left_gets_more(limits: Any, reads: str, hint: str) -> None:
    """It says nothing of that itself."""
    pod, config = crashed(exitCode=137, reason="OOMKilled"), w.config(name=reads)
    pod["spec"]["containers"][0]["resources"] = {"limits": limits}

    first = w.diagnosed(w.healthy(pods=[pod], configs=[config])).findings[0]
    assert (first.code, first.because) == ("DS507", ())
    assert first.hint.startswith(hint)
    assert first.fix
    assert first.fix.commands == ("kubectl describe pod otel-a -n obs",)


@pytest.mark.parametrize(("ends", "hint"), [("OOMKilled", "Give otelcol more memory"), ("Error", "See what keeps the")])
def test_one_that_runs_again_and_is_not_ready_gets_more_memory_as_well(ends: str, hint: str) -> None:
    pod = crashed(exitCode=137, reason=ends)
    pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": "2026-03-01T10:00:05Z"}}

    first = w.diagnosed(w.healthy(pods=[pod])).findings[0]
    assert (first.code, first.because) == ("DS507", ())
    assert first.hint.startswith(hint)
    assert [x.fact for x in first.evidence] == ["not ready: 10.244.9.178", "not ready: fd00:244::178"]


@pytest.mark.parametrize("kept", [True, False])
def test_where_clients_are_kept_to_their_node_its_pod_is_what_to_mend(kept: bool) -> None:
    pods = [crashed(exitCode=137, reason="OOMKilled"), w.pod("otel-b", "n2")]
    for each in pods:
        each["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "otel", "controller": True}]
        each["metadata"]["labels"]["controller-revision-hash"] = "5f"
    local = w.service(**({"internalTrafficPolicy": "Local"} if kept else {}))

    found = w.diagnosed(w.healthy(pods=pods, services=[local]))

    (one,) = [x for x in found.findings if x.code == "DS507"]
    where = "No pod of the Service runs on the nodes of its clients"
    assert one.summary == (where if kept else "Another pod of the workload does not run")
    assert one.hint.startswith("Give otelcol more memory")
    assert one.severity == ("error" if kept else "warning")


def test_a_configuration_that_shows_why_is_the_cause() -> None:
    found = w.diagnosed(w.healthy(pods=[crashed(log=error_in(LOG))], configs=[w.config(grpc="10.9.9.9:4317")]))

    assert w.roots(found) == ["DS212"]


def test_a_listener_that_runs_beside_a_container_that_crashes_is_judged() -> None:
    pod = w.pod("otel-a", "n1", **DOWN)
    pod["spec"]["containers"].append({"name": "shop"})
    pod["status"]["containerStatuses"].append(waiting(terminated=CRASHED)["containerStatuses"][0] | {"name": "shop"})
    work = w.deployment()
    work["spec"]["template"]["spec"]["containers"].append({"name": "shop"})

    found = w.diagnosed(w.healthy(pods=[pod], configs=[LOCAL], workloads=[work]))

    assert {*w.roots(found)} == {"DS507", "DS202"}


def of_a_template(pod: w.Object) -> w.Object:
    pod["metadata"]["labels"] |= {"pod-template-hash": "1"}
    return pod


@pytest.mark.parametrize(
    ("said", "network", "hint"),
    [
        ("out of disk", False, "Correct what the container said"),
        ("listen tcp 0.0.0.0:4317: bind: address already in use", True, "Run no two of them on one node"),
        ("listen tcp 0.0.0.0:4317: bind: address already in use", False, "Give one of the two another port"),
    ],
)
def test_one_pod_of_several_that_crashes_is_a_warning(said: str, network: bool, hint: str) -> None:
    pods = [of_a_template(x) for x in (crashed(message=said), w.pod("otel-b", "n1"), w.pod("otel-c", "n1"))]
    for each in pods:
        each["spec"]["hostNetwork"] = network

    (one,) = w.diagnosed(w.healthy(pods=pods)).findings

    assert (one.code, one.severity, one.summary) == ("DS507", "warning", "Another pod of the workload does not run")
    assert said in one.detail
    assert one.hint.startswith(hint)


def test_one_pod_that_crashes_beside_those_of_another_template_is_no_error() -> None:
    found = w.diagnosed(w.healthy(pods=[crashed(), w.pod("otel-b", "n2")]))

    assert not [x for x in found.findings if x.severity is Severity.ERROR]


@pytest.mark.parametrize(("reason", "verb"), [("CrashLoopBackOff", "logs"), ("ErrImagePull", "describe")])
def test_agents_at_host_ports_that_do_not_run_are_told(reason: str, verb: str) -> None:
    agent = hosted()
    last = {"terminated": CRASHED} if verb == "logs" else {}
    agent["status"] |= waiting(reason, **last)

    found = w.diagnosed(w.healthy(services=[], slices=[], pods=[agent], configs=[LOCAL]))

    (fault,) = found.findings
    assert (fault.code, fault.hop) == ("DS507", Hop.ENDPOINTS)
    assert fault.summary == "A container of the receiver does not run"
    assert fault.fix is not None
    assert fault.fix.commands[0].startswith(f"kubectl {verb}")


@pytest.mark.parametrize("host", ["$(MY_POD_IP)", "[$(MY_POD_IP)]"])
def test_the_collector_does_not_fill_in_what_kubernetes_does(host: str) -> None:
    text = w.config(grpc=f"{host}:4317")
    work = w.deployment()
    inline = w.deployment()
    words = ["--config=yaml:" + w.config(grpc="$(MY_POD_IP):4317")["data"]["config.yaml"]]
    pod = crashed()
    pod["spec"]["containers"][0]["args"] = inline["spec"]["template"]["spec"]["containers"][0]["args"] = words

    found = w.diagnosed(w.healthy(pods=[crashed()], configs=[text], workloads=[work]))
    filled_in = w.diagnosed(w.healthy(pods=[pod], configs=[], workloads=[inline]))
    runs = w.diagnosed(w.healthy(configs=[text], workloads=[work]))

    assert w.roots(found) == ["DS120"]
    assert next(x.hint for x in found.findings) == "Write `[${env:MY_POD_IP}]:4317`."
    assert "DS120" not in w.codes(filled_in) | w.codes(runs)


@pytest.mark.parametrize(
    ("name", "roots"),
    [
        ("otel", ["DS212"]),
        ("otel.obs.svc.cluster.local", ["DS212"]),
        ("otel.shop", ["DS507"]),
        ("nobody", ["DS507"]),
    ],
)
def test_a_pod_does_not_hold_the_address_of_its_service(name: str, roots: list[str]) -> None:
    found = w.diagnosed(w.healthy(pods=[crashed()], configs=[w.config(grpc=f"{name}:4317")]))

    assert w.roots(found) == roots
    assert all(f"`{name}` stands for it." in x.detail for x in found.findings if x.code == "DS212")


@pytest.mark.parametrize(
    "own", [{"hostname": "otel"}, {"hostAliases": [{"ip": "127.0.0.1", "hostnames": ["other", "otel"]}]}]
)
def test_a_name_in_the_hosts_file_of_a_pod_is_no_service_there(own: dict[str, Any]) -> None:
    pod, work = crashed(), w.deployment()
    pod["spec"] |= own
    work["spec"]["template"]["spec"] |= own

    found = w.diagnosed(w.healthy(pods=[pod], workloads=[work], configs=[w.config(grpc="otel:4317")]))

    assert w.roots(found) == ["DS507"]


def test_a_node_may_hold_the_address_of_a_service() -> None:
    pod, work = crashed(), w.deployment()
    pod["spec"]["hostNetwork"] = work["spec"]["template"]["spec"]["hostNetwork"] = True

    found = w.diagnosed(w.healthy(pods=[pod], workloads=[work], configs=[w.config(grpc="otel.obs.svc:4317")]))

    assert w.roots(found) == ["DS507"]


@pytest.mark.parametrize(("port", "roots"), [(4317, ["DS115"]), (4327, ["DS507"])])
def test_two_containers_of_a_pod_cannot_have_one_port(port: int, roots: list[str]) -> None:
    second = {"name": "second", "image": "otel/opentelemetry-collector:0.161.0", "args": ["--config=/two/config.yaml"]}
    second["volumeMounts"] = [{"name": "two", "mountPath": "/two"}]
    pod, work = w.pod("otel-a", "n1", **DOWN), w.deployment()
    for held in (pod["spec"], work["spec"]["template"]["spec"]):
        held["containers"].append(second)
        held["volumes"].append({"name": "two", "configMap": {"name": "two"}})
    pod["status"]["containerStatuses"] = [
        {"name": "otelcol", "ready": True, "state": {"running": {}}},
        waiting(terminated=CRASHED)["containerStatuses"][0] | {"name": "second"},
    ]
    text = w.config(grpc=f"0.0.0.0:{port}", http="0.0.0.0:4328")
    text["metadata"]["name"] = "two"

    found = w.diagnosed(w.healthy(pods=[pod], workloads=[work], configs=[w.config(), text]))
    ready = w.pod("otel-a", "n1")
    ready["spec"] = pod["spec"]
    ready["status"]["containerStatuses"].append(ready["status"]["containerStatuses"][0] | {"name": "second"})

    assert [x for x in w.roots(found) if x != "DS521"] == roots
    assert "DS115" not in w.codes(w.diagnosed(w.healthy(pods=[ready], workloads=[work], configs=[w.config(), text])))


def test_what_is_refused_ends_a_container_and_is_refuted_by_one_that_is_ready() -> None:
    text = w.config()
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace("grpc:", "gprc:")

    crashes = w.diagnosed(w.healthy(pods=[crashed()], configs=[text]))
    runs = w.diagnosed(w.healthy(configs=[text]))

    assert w.roots(crashes) == ["DS122"]
    assert crashes.findings[0].hint == "Write `grpc`."
    assert "DS122" not in w.codes(runs)


@pytest.mark.parametrize("way", [Way.ADDRESS, Way.LOOPBACK])
def test_between_two_starts_what_is_refused_is_the_cause_as_well(way: Way) -> None:
    text = w.config()
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace("grpc:", "gprc:")
    seen = Glimpses(tuple(Glimpse("pod otel-a", x, y, way, Outcome.REFUSED) for x, y in w.PORTS))
    again = {"name": "otelcol", "ready": False, "state": {"running": {}}, "lastState": {"terminated": CRASHED}}
    pods = [w.pod("otel-a", "n1", **DOWN | {"containerStatuses": [again]})]

    found = w.diagnosed(w.healthy(pods=pods, slices=w.endpoints([w.pod("otel-a", "n1")]), configs=[text]), seen=seen)

    assert w.roots(found) == ["DS122"]
    assert {x.code for x in found.findings} == {"DS122", "DS507"}


def test_the_variable_of_an_address_that_cannot_be_bound_is_no_cause_of_its_own() -> None:
    pod, work = crashed(), w.deployment()
    host = {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}
    for held in (pod["spec"], work["spec"]["template"]["spec"]):
        held["containers"][0]["env"].append(host)
    pod["status"]["hostIP"] = "10.100.0.1"

    found = w.diagnosed(w.healthy(pods=[pod], workloads=[work], configs=[w.config(grpc="${env:HOST_IP}:4317")]))

    assert w.roots(found) == ["DS212"]


def test_addresses_without_brackets_are_one_cause_with_texts_that_are_yaml() -> None:
    first = {"grpc": "${env:MY_POD_IP}:4317", "http": "${env:MY_POD_IP}:4318"}
    text = w.config(**first)
    bare = re.sub(r'{endpoint: "(.*)"}', r"\n        endpoint: \1", text["data"]["config.yaml"])
    text["data"]["config.yaml"] = bare
    alone = {
        "nodes": [w.node("n1", 1, ["IPv6"])],
        "services": [w.service(["IPv6"])],
        "ranges": [w.ranges("fd00:96::/112")],
        "pods": [w.pod("otel-a", "n1", ["IPv6"], **waiting(terminated=CRASHED))],
    }
    found = w.diagnosed(w.healthy(configs=[text], **alone))
    whole = w.diagnosed(w.healthy(configs=[w.config(**first)], **alone))

    (fault,) = [x for x in found.findings if x.code == "DS102"]
    assert fault.hint == 'Write `"[${env:MY_POD_IP}]:4317"`, `"[${env:MY_POD_IP}]:4318"`.'
    facts = [(x.fact, x.source) for x in fault.evidence]
    assert len(facts) == len(set(facts)) == 6
    for port, field in ((4317, "grpc"), (4318, "http")):
        said = [fact for fact, source in facts if f"protocols.{field}." in source]
        assert len(said) == 3
        assert all(f":{port}" in x for x in said)
    (quoted,) = [x for x in whole.findings if x.code == "DS102"]
    assert quoted.hint == "Write `[${env:MY_POD_IP}]:4317`, `[${env:MY_POD_IP}]:4318`."


def test_a_variable_that_the_pods_have_not_is_no_single_address() -> None:
    def said(template: w.Object) -> set[str]:
        pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
        made = w.deployment()
        for each in (*pods, made["spec"]["template"]):
            each["spec"]["containers"][0] |= template
        configs = [w.config(grpc="[${env:MY_POD_IP}]:4317", http="[${env:MY_POD_IP}]:4318")]
        return w.codes(w.diagnosed(w.healthy(pods=pods, workloads=[made], configs=configs)))

    assert "DS204" in said({})
    assert "DS204" not in said({"env": []})
    assert "DS204" in said({"env": [], "envFrom": [{"configMapRef": {"name": "given"}}]})
