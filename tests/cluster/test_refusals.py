"""Ports that refuse in pods of which the objects tell little: what two looks prove, and what they do not."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Applicability, Confidence, Finding
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from tests.cluster import worlds as w

REFUSED, ACCEPTED = Outcome.REFUSED, Outcome.ACCEPTED
HIDDEN = w.config("${env:NOWHERE}:4317")


def looks(pod: str, port: int, *fates: Outcome) -> list[Glimpse]:
    """What came from the address of a pod, and from its loopback."""
    spoken = Protocol.HTTP if port == 4318 else Protocol.GRPC
    return [Glimpse(f"pod {pod}", port, spoken, x, y) for x, y in zip((Way.ADDRESS, Way.LOOPBACK), fates, strict=False)]


def diagnosed(*seen: Glimpse, **instead: Any) -> Diagnosis:
    pods = [w.pod("otel-a", "n1")]
    return w.diagnosed(w.healthy(**{"pods": pods, "slices": w.endpoints(pods), **instead}), seen=Glimpses(seen))


def only(found: Diagnosis, code: str) -> Finding:
    assert set(w.roots(found)) == {code}
    return next(x for x in found.findings if x.code == code)


def test_what_answers_at_the_loopback_alone_listens_there() -> None:
    found = only(diagnosed(*looks("otel-a", 4317, REFUSED, ACCEPTED), configs=[HIDDEN]), "DS202")

    assert found.families == (Family.IPV4,)
    assert "`127.0.0.1:4317`" in found.detail
    assert "line 7" in found.hint


@pytest.mark.parametrize(
    ("families", "bind"),
    [(("IPv4", "IPv6"), "`0.0.0.0:4317`, or `[::]:4317` without IPV6_V6ONLY,"), (("IPv6", "IPv4"), "`[::]:4317`")],
)
def test_without_a_configuration_it_may_listen_for_the_other_family_alone(families: tuple[str, str], bind: str) -> None:
    pods = [w.pod("otel-a", "n1", families)]
    pods[0]["spec"] |= {"containers": [{"name": "gateway", "image": "shop"}], "volumes": []}
    ports = [{"name": "otlp-grpc", "port": 4317, "targetPort": 4317}]
    slices = w.endpoints(pods, ports=[{"name": "otlp-grpc", "port": 4317}])

    seen = looks("otel-a", 4317, REFUSED, ACCEPTED)
    these = {"pods": pods, "services": [w.service(ports=ports)], "slices": slices}
    found = next(x for x in diagnosed(*seen, **these).findings if x.code == "DS202")

    assert found.summary == f"Port 4317 takes no {families[0]} from outside"
    assert f"The socket is one of the loopback alone, or of {families[1]} alone, held by the c" in found.detail
    assert found.hint.startswith(f"Bind {bind} in the configuration of the container `gateway`; `--inspect`")
    assert (found.confidence, found.fix) == (Confidence.INFERRED, None)


def test_what_answers_nowhere_is_not_there() -> None:
    found = only(diagnosed(*looks("otel-a", 4317, REFUSED, REFUSED), configs=[HIDDEN]), "DS211")

    assert found.families == (Family.IPV4,)
    assert found.summary == "Nothing listens on port 4317"


def test_one_look_alone_tells_neither() -> None:
    found = diagnosed(*looks("otel-a", 4317, REFUSED), configs=[HIDDEN])

    assert not w.codes(found) & {"DS202", "DS211"}


def test_a_port_of_another_container_is_not_that_of_the_receiver() -> None:
    pod = w.pod("otel-a", "n1")
    pod["spec"]["containers"].append(
        {"name": "side", "image": "shop", "ports": [{"name": "grpc", "containerPort": 9090}]}
    )
    slices = w.endpoints([pod], ports=[{"name": "otlp-grpc", "port": 9090}, {"name": "otlp-http", "port": 4318}])

    found = only(diagnosed(*looks("otel-a", 9090, REFUSED, REFUSED), pods=[pod], slices=slices), "DS508")

    assert found.hint == "Set its `targetPort` to 4317."


def shop(**about: Any) -> w.Object:
    """A pod of another workload, which the selector takes in as well."""
    found = w.pod("web-a", "n2")
    found["spec"] |= {"containers": [{"name": "web", "image": "shop"}], "volumes": []}
    found["metadata"] |= about
    return found


@pytest.mark.parametrize(
    ("about", "called"),
    [
        ({"labels": {"app": "otel", "pod-template-hash": "5f"},
          "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5f"}]}, "Deployment web"),
        ({"ownerReferences": []}, "pod web-a"),
    ],
)  # fmt: skip
def test_pods_of_another_workload_are_what_the_selector_takes_in(about: Any, called: str) -> None:
    pods = [w.pod("otel-a", "n1"), shop(**about)]
    seen = [y for port in (4317, 4318) for y in looks("web-a", port, REFUSED, REFUSED)]
    taken = [y for port in (4317, 4318) for y in looks("otel-a", port, ACCEPTED, ACCEPTED)]

    found = diagnosed(*seen, *taken, pods=pods, slices=w.endpoints(pods))

    told = only(found, "DS508")
    assert f"takes in pods of {called}, where nothing listens on ports 4317 and 4318." in told.detail
    whose = called if called.startswith("pod ") else f"the pods of {called}"
    assert (
        told.hint == f"No label tells {whose} from those of ReplicaSet otel-1: give the first another value of `app`."
    )
    assert found.verdict is Verdict.DEGRADED


@pytest.mark.parametrize(("kind", "code"), [("DaemonSet", "DS508"), ("StatefulSet", "DS202")])
def test_agents_that_listen_for_their_own_host_are_what_the_selector_takes_in(kind: str, code: str) -> None:
    """Of another workload the listener can be what is wrong."""
    own = deepcopy(w.TEMPLATE)
    own["volumes"][0]["configMap"]["name"] = "agent"
    other = {"apiVersion": "v1", **w.pod("agent-a", "n2"), "spec": {**own, "nodeName": "n2"}}
    other["metadata"] |= {"ownerReferences": [{"kind": kind, "name": "agent"}]}
    gateway = w.pod("otel-a", "n1")
    gateway["metadata"]["labels"] = {"pod-template-hash": "5f", "app": "otel", "tier": "gateway"}
    reads = w.config("localhost:4317", "localhost:4318")
    reads["metadata"]["name"] = "agent"
    pods = [gateway, other]

    found = diagnosed(pods=pods, slices=w.endpoints(pods), configs=[w.config(), reads])

    (first, *_) = [x for x in found.findings if x.severity == "error" and not x.because]
    assert first.code == code
    if kind == "DaemonSet":
        assert first.summary == "The Service takes in agents"
        right = "the pods of ReplicaSet otel-1, by their label `tier: gateway`"
        assert first.hint == f"Narrow the selector to {right}."
        assert {x.because for x in found.findings if x.code == "DS202"} == {("DS508",)}


def test_pods_of_another_workload_may_take_it_on_a_port_of_their_own() -> None:
    other = shop(labels={"app": "otel", "pod-template-hash": "5f"})
    other["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "scraper-5f"}]
    own = deepcopy(w.TEMPLATE)
    own["volumes"][0]["configMap"]["name"] = "scraper"
    other |= {"apiVersion": "v1", "spec": {**own, "nodeName": "n2"}}
    reads = w.config("0.0.0.0:5317")
    reads["metadata"]["name"] = "scraper"
    pods = [w.pod("otel-a", "n1"), other]

    seen = [*looks("otel-a", 4317, ACCEPTED, ACCEPTED), *looks("web-a", 4317, REFUSED, REFUSED)]
    found = diagnosed(*seen, pods=pods, slices=w.endpoints(pods), configs=[w.config(), reads])
    told = only(found, "DS508")

    assert told.summary == "Some pods do not listen on port 4317"
    assert told.detail.endswith("where nothing listens on port 4317: grpc is taken on 5317 there.")
    whose = "the pods of Deployment scraper from those of ReplicaSet otel-1"
    or_else = "or let the receiver of Deployment scraper listen on port 4317"
    assert told.hint == f"No label tells {whose}: give the first another value of `app`, {or_else}."
    assert told.fix is not None
    assert told.fix.applicability is Applicability.MANUAL


def test_pods_of_one_workload_are_not_taken_in_by_mistake() -> None:
    pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
    seen = [*looks("otel-a", 4317, ACCEPTED, ACCEPTED), *looks("otel-b", 4317, REFUSED, REFUSED)]

    found = diagnosed(*seen, pods=pods, slices=w.endpoints(pods), configs=[HIDDEN])

    assert only(found, "DS211")


def test_a_port_that_is_expected_to_take_the_family_is_not_to_be_bound_to_it() -> None:
    found = only(diagnosed(*looks("otel-a", 4317, REFUSED, ACCEPTED)), "DS201")

    assert "other sockets are there by now, or a packet filter answers by reset" in found.detail
    assert "Bind" not in found.hint
    assert found.fix is None


def test_what_answers_nowhere_is_not_there_whatever_a_configuration_says() -> None:
    seen = [*looks("otel-a", 4317, REFUSED, REFUSED), *looks("otel-a", 4318, REFUSED, REFUSED)]
    found = diagnosed(*seen)

    told = only(found, "DS211")
    assert (found.verdict, told.summary) == (Verdict.BROKEN, "Nothing listens on port 4317 or 4318")
    assert told.families == (Family.IPV4, Family.IPV6)
    assert told.detail.endswith("(image `otel/opentelemetry-collector:0.161.0`) has `0.0.0.0:4317` all the same.")
    assert told.hint.startswith("See in its log, image and command whether the container `otelcol` (image")


def test_a_port_beside_it_that_is_silent_too_is_not_where_to_send_instead() -> None:
    both = w.config()
    both["data"]["config.yaml"] = (
        both["data"]["config.yaml"]
        .replace("  otlp:\n", "  otlp/2: {protocols: {grpc: {endpoint: '0.0.0.0:5317'}}}\n  otlp:\n", 1)
        .replace("[otlp]", "[otlp, otlp/2]")
    )
    seen = [y for x in (4317, 4318, 5317) for y in looks("otel-a", x, REFUSED, REFUSED)]

    found = w.codes(diagnosed(*seen, configs=[both]))
    assert "DS211" in found
    assert "DS508" not in found


def test_an_address_of_its_own_is_not_refuted_by_the_loopback() -> None:
    seen = looks("otel-a", 4317, REFUSED, REFUSED)

    assert "DS211" not in w.codes(diagnosed(*seen, configs=[w.config("${env:MY_POD_IP}:4317")]))


def unset(**container: Any) -> list[w.Object]:
    """A pod of a Collector whose gRPC port is a variable, with this in its container."""
    pod = w.pod("otel-a", "n1")
    pod["spec"]["containers"][0] |= container
    return [pod]


def test_a_port_from_a_variable_that_nobody_sets_is_the_cause() -> None:
    seen, text = looks("otel-a", 4317, REFUSED, REFUSED), w.config("0.0.0.0:${env:GRPC_PORT}")
    found = only(diagnosed(*seen, configs=[text]), "DS211")

    assert "`0.0.0.0:${env:GRPC_PORT}`, and the container `otelcol` has no variable `GRPC_PORT`" in found.detail
    assert found.hint.startswith("Set `GRPC_PORT` to 4317 in the container `otelcol`, or write that port in `receivers")


@pytest.mark.parametrize(
    ("image", "root"),
    [("otel/opentelemetry-collector-contrib:0.161.0", ["DS211"]), ("acme/opentelemetry-collector:0.161.0", [])],
)
def test_without_a_look_an_image_that_sets_no_variable_tells_the_same(image: str, root: list[str]) -> None:
    found = diagnosed(configs=[w.config("0.0.0.0:${env:GRPC_PORT}")], pods=unset(image=image))

    assert [x.code for x in found.findings if x.severity == "error"] == root
    assert [x.hint[:23] for x in found.findings if x.code == "DS211"] == ["Set `GRPC_PORT` to 4317"] * len(root)


@pytest.mark.parametrize(
    "held",
    [
        {"envFrom": [{"secretRef": {"name": "otel"}}]},
        {"env": [{"name": "GRPC_PORT", "valueFrom": {"secretKeyRef": {"name": "otel", "key": "port"}}}]},
    ],
)
def test_one_that_may_be_set_where_nobody_may_read_is_not(held: dict[str, Any]) -> None:
    seen, text = looks("otel-a", 4317, REFUSED, REFUSED), w.config("0.0.0.0:${env:GRPC_PORT}")

    assert "GRPC_PORT" not in only(diagnosed(*seen, configs=[text], pods=unset(**held)), "DS211").detail


def test_nor_is_one_that_a_service_may_give() -> None:
    seen, text = looks("otel-a", 4317, REFUSED, REFUSED), w.config("0.0.0.0:${env:OTEL_SERVICE_PORT}")

    assert "OTEL_SERVICE_PORT" not in only(diagnosed(*seen, configs=[text]), "DS211").detail


def test_nor_is_one_of_another_protocol() -> None:
    seen, text = looks("otel-a", 4317, REFUSED, REFUSED), w.config("${env:NOWHERE}:4317", "0.0.0.0:${env:HTTP_PORT}")

    assert "HTTP_PORT" not in next(x for x in diagnosed(*seen, configs=[text]).findings if x.code == "DS211").detail
