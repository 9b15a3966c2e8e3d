"""Endpoints beside those of the receiver: pods of another workload, and addresses that no pod has."""

from typing import Any

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored, unheld
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from tests.cluster import worlds as w

Object = dict[str, Any]


def other(*ports: int, labels: Object | None = None) -> Object:
    """A ready pod of another workload, which names these ports."""
    found = w.pod("ta-1", "n2")
    found["metadata"]["labels"] = labels or {"app": "otel", "role": "allocator"}
    found["metadata"]["ownerReferences"] = [{"kind": "StatefulSet", "name": "ta"}]
    named = [{"containerPort": x} for x in ports]
    found["spec"] = {"nodeName": "n2", "containers": [{"name": "ta", "image": "ta:1", "ports": named}]}
    return found


def told(found: Diagnosis) -> list[tuple[str, str, str]]:
    return [(x.code, x.severity, x.summary) for x in found.findings]


def test_pods_of_another_workload_that_name_other_ports_are_a_warning() -> None:
    found = w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1"), other(8080)]))

    assert told(found) == [("DS508", "warning", "The Service takes in another workload")]
    (one,) = found.findings
    assert "takes in pods of StatefulSet ta beside those of ReplicaSet otel-1. They name port 8080 alone" in one.detail
    assert one.families == ("ipv4", "ipv6")
    assert found.verdict == "unknown"


def test_pods_of_another_workload_that_may_take_it_are_none() -> None:
    for ports in ((4317, 4318), ()):
        assert not told(w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1"), other(*ports)])))


def test_pods_that_export_to_the_service_that_selects_them_are_a_warning() -> None:
    def exporting(to: str, *ports: int) -> Object:
        found = other(*ports)
        found["spec"]["containers"][0]["env"] = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": to}]
        return found

    found = w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1"), exporting("http://otel.obs:4317")]))

    assert told(found) == [("DS508", "warning", "The Service takes in another workload")]
    assert "pods of StatefulSet ta beside those of ReplicaSet otel-1. They export to it, so" in found.findings[0].detail
    for pod in (exporting("http://another.obs:4317"), exporting("http://otel.obs:4317", 4317, 4318)):
        assert not told(w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1"), pod])))


def test_a_workload_that_is_alone_behind_a_service_is_beside_nobody() -> None:
    assert not told(w.diagnosed(w.healthy(pods=[other(8080)], workloads=[])))


def by_hand(address: str) -> Object:
    """A slice that somebody wrote."""
    (found,) = w.endpoints([], ["IPv4"])
    found["metadata"]["name"] = "by-hand"
    ports = [{"name": "otlp-grpc", "port": 4317}, {"name": "otlp-http", "port": 4318}]
    return found | {"endpoints": [{"addresses": [address]}], "ports": ports}


def stored(address: str, *more: Object, **instead: Any) -> Diagnosis:
    pods = [w.pod("otel-a", "n1")]
    elsewhere = w.pod("dns", "n2")
    elsewhere["metadata"] |= {"namespace": "kube-system", "labels": {}}
    whole = w.world(
        [*w.healthy(pods=[*pods, elsewhere], slices=[*w.endpoints(pods), by_hand(address)], **instead), *more]
    )
    part = of(Asker(Stored(whole), "obs"), KubeTarget("svc", "otel"))
    part.unheld = list(unheld(whole, part))
    return conclude(part, Question())


def test_an_endpoint_that_no_pod_has_is_a_warning() -> None:
    found = stored("10.244.2.201")

    assert told(found) == [("DS508", "warning", "An endpoint is of no pod that is known")]
    assert "EndpointSlice by-hand leads to 10.244.2.201" in found.findings[0].detail
    assert found.findings[0].families == ("ipv4",)


def test_what_flows_may_meet_is_told_before_what_only_objects_say() -> None:
    found = stored("10.244.2.201", services=[w.service(["IPv4"])])

    assert [x.code for x in found.findings] == ["DS508", "DS501"]


def test_an_endpoint_elsewhere_is_none() -> None:
    """Outside of the ranges of pods, or on a node of which no pod is known, or of a pod."""
    assert not told(stored("192.0.2.7"))
    assert not told(stored("10.244.7.7", w.node("n7", 7)))
    held = w.pod("v", "n2", podIPs=[{"ip": "10.244.2.50"}])
    held["metadata"]["namespace"] = "kube-system"
    assert told(stored("10.244.2.50"))
    assert not told(stored("10.244.2.50", held))
