"""What a client sends to its own loopback, and what is read of it."""

from copy import deepcopy

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.cluster import Asker
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import (
    ENDPOINT,
    V6,
    agent,
    cart,
    config_map,
    errors,
    gathered,
    on_host,
    sidecar,
    told,
)
from tests.cluster.test_survey import client, variables, whole


def test_whoever_expects_ipv6_of_a_sidecar_is_told_of_its_refusal() -> None:
    pod, *rest = sidecar()

    assert told(pod, more=rest, expect=(V6,)).verdict is not Verdict.HEALTHY


def test_the_resolver_of_a_node_is_a_warning_and_never_healthy() -> None:
    found = told(cart("http://otel.obs.svc:4317", dnsPolicy="Default"))

    (warning,) = [x for x in found.findings if x.code == "DS408"]
    assert warning.severity is Severity.WARNING
    assert found.verdict is Verdict.UNKNOWN
    assert {x.at(Hop.RESOLVE).status for x in found.traces} == {Status.UNKNOWN}


def test_a_stored_question_has_the_same_answer() -> None:
    world = gathered(cart("http://10.96.77.77:4317"))
    again = unpacked("x", packed(world, "test"))

    assert errors(conclude(again, Question())) == errors(conclude(world, Question())) == ["DS525"]


def test_variables_of_config_maps_are_read() -> None:
    said = config_map("env", ENDPOINT="http://otell.obs.svc:4317", PROTOCOL="grpc")
    pod = client("a", "n1", [])
    pod["spec"]["containers"][0]["envFrom"] = [{"prefix": "OTEL_EXPORTER_OTLP_", "configMapRef": {"name": "env"}}]

    found = told(pod, more=[said])

    assert [(x.variable, x.protocol) for x in found.exporters] == [(ENDPOINT, "grpc")]
    assert errors(found) == ["DS408"]


def test_each_signal_has_its_own_way() -> None:
    env = variables(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://otell.obs.svc:4317")
    found = told(cart("http://otel.obs:4317", *env))

    assert errors(found) == ["DS408"]
    assert found.verdict is Verdict.DEGRADED


def test_nobody_expects_both_families_of_an_agent_on_one_address() -> None:
    """Where a cluster has both, clients that send to one address of their node use that family."""
    mine = agent(host_network=True)
    mine["spec"]["containers"][0]["ports"] = []
    template = {"metadata": {"labels": {"app": "otel"}}, "spec": mine["spec"] | {"hostNetwork": True}}
    made = {**w.deployment(), "kind": "DaemonSet", "spec": {"template": template}}
    found = told(
        on_host(),
        pods=[mine],
        services=[],
        slices=[],
        workloads=[made],
        configs=[w.config(grpc="${env:MY_POD_IP}:4317", http="${env:MY_POD_IP}:4318")],
    )

    assert "DS204" not in {x.code for x in found.findings}


@pytest.mark.parametrize(("expect", "severity"), [((), "info"), ((Family.IPV4, Family.IPV6), "warning")])
def test_one_address_of_the_node_is_enough_unless_both_are_expected(expect: tuple[Family, ...], severity: str) -> None:
    pod = on_host()
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"}}
    template = {"metadata": {"labels": pod["metadata"]["labels"]}, "spec": deepcopy(pod["spec"])}
    kept = {"name": "cart-abc", "namespace": "shop", "ownerReferences": [{"kind": "Deployment", "name": "cart"}]}
    owners = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": kept},
        {**made, "spec": {"template": template}},
    ]
    found = told(pod, pods=[agent()], more=owners, expect=expect)

    assert [x.severity for x in found.findings if x.code == "DS604"] == [severity]


def test_a_loopback_that_refuses_is_no_place_for_a_receiver_but_the_wrong_destination() -> None:
    pod = cart("http://127.0.0.1:4317", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))
    pod["spec"]["containers"].append({"name": "helper", "image": "helper:1"})
    template = {"metadata": {"labels": deepcopy(pod["metadata"]["labels"])}, "spec": deepcopy(pod["spec"])}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"}}
    world = gathered(pod, more=[{**made, "spec": {"template": template}}])
    world.seen = Glimpses((Glimpse("pod shop/a", 4317, Protocol.GRPC, Way.LOOPBACK, Outcome.REFUSED),))

    found = conclude(world, Question())

    assert errors(found) == ["DS110"]
    (cause,) = [x for x in found.findings if x.code == "DS110"]
    assert cause.hint.startswith("Send to ")
    assert "grpc export through a forwarded port to port 4317 of the pod a" in {x.source for x in cause.evidence}


def test_of_all_services_those_who_send_to_their_node_are_told_as_not_seen() -> None:
    job = on_host()
    job["metadata"] |= {"name": "bb", "ownerReferences": [{"kind": "Job", "name": "load"}]}
    held = whole(on_host(), job, agent(), cart("http://otel.obs:4317"))
    found = conclude_all(survey(Asker(Stored(held), "")), Question())

    assert {x.needs: x.why for x in found.skipped if x.needs.startswith("the way of")} == {
        f"the way of {who} in shop": "it sends to `http://$(HOST_IP):4317`, which is no Service; "
        f"`dualstack diagnose {called} -n shop` asks about that"
        for who, called in (("Job load", "job/load"), ("Deployment cart", "deploy/cart"))
    }


@pytest.mark.parametrize(
    ("image", "families", "verdict"),
    [
        ("node:18", w.BOTH, "broken"),
        ("node:20", w.BOTH, "unknown"),
        ("node:18", ["IPv4"], "unknown"),
    ],
)
def test_what_an_older_node_finds_on_its_loopback_is_what_answers_on_the_first_address(
    image: str, families: list[str], verdict: str
) -> None:
    pod, made, held = sidecar(port=4318)
    for spec in (pod["spec"], made["spec"]["template"]["spec"]):
        spec["containers"][0] |= {"image": image, "env": variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://localhost:4318")}
    pod["status"]["podIPs"] = [x for x in pod["status"]["podIPs"] if (":" in x["ip"]) <= ("IPv6" in families)]
    found = told(pod, more=[made, held])

    assert found.verdict == verdict
    assert ("DS804" in {x.code for x in found.findings}) is (image == "node:18")


@pytest.mark.parametrize(("on_node", "of_pod", "told_of"), [(1, 1, False), (2, 2, True), (2, 1, True)])
def test_the_first_of_two_addresses_is_a_fault_where_there_are_two(on_node: int, of_pod: int, told_of: bool) -> None:
    pod = on_host()
    pod["metadata"]["labels"] = {"app": "cart"}
    pod["status"]["podIPs"] = pod["status"]["podIPs"][:of_pod]
    nodes = [w.node("n1", 1, w.BOTH[:on_node], w.BOTH[:of_pod]), w.node("n2", 2)]
    found = told(pod, pods=[agent()], nodes=nodes)

    assert any(x.code == "DS604" for x in found.findings) is told_of
