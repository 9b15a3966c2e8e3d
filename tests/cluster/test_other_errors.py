"""Services of one cluster, and pods of one Service, that end each by an error of its own."""

import pytest

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding
from dualstack.model.question import Question
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_no_pods import NOT_READY, crashed


def two(error: str, *clients: Exporter) -> Diagnosis:
    """What becomes of the Service otel, and of the Service gw whose pods end with an error of their own."""
    one, other = w.pod("otel-a", "n1", **crashed("Error: invalid keys")), w.pod("gw-a", "n2", **crashed(error))
    other["metadata"]["labels"] = {"app": "gw"}
    gateway = w.service(selector={"app": "gw"}, clusterIP="10.96.0.8", clusterIPs=["10.96.0.8", "fd00:96::8"])
    gateway["metadata"]["name"] = "gw"
    ends = w.endpoints([other])
    for each in ends:
        each["metadata"] = {
            **each["metadata"],
            "name": each["metadata"]["name"].replace("otel", "gw"),
            "labels": {"kubernetes.io/service-name": "gw"},
        }
    slices = [*w.endpoints([one]), *ends]
    objects = w.healthy(pods=[one, other], services=[w.service(), gateway], slices=slices)
    return conclude_all(w.world(objects, clients=clients), Question())


@pytest.mark.parametrize(
    ("error", "number"),
    [
        ("Error: invalid keys", 1),
        ("Error: cannot start pipelines", 2),
        ("Error: listen tcp 0.0.0.0:4317: bind: address already in use", 2),
    ],
)
def test_services_whose_pods_end_with_other_errors_are_told_apart(error: str, number: int) -> None:
    told = [x.detail for x in two(error).findings if x.code == "DS507"]

    assert len(told) == number
    assert all(any(y in x for x in told) for y in (error, "Error: invalid keys"))
    assert any("The same is true of Service gw." in x for x in told) is (number == 1)


def test_what_is_true_of_several_is_told_of_the_one_that_clients_use() -> None:
    client = Exporter("shop", "Deployment cart", "cart-1", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://gw.obs:4317")
    (told,) = [x for x in two("Error: invalid keys", client).findings if x.code == "DS507"]

    assert "the pod gw-a " in told.detail
    assert told.detail.endswith("The same is true of Service otel.")
    assert told.fix is not None
    assert any("gw-a" in x for x in told.fix.commands)


def apart(*pods: w.Object) -> list[Finding]:
    """What is told of the pods of one Service; the node n1 does not report."""
    silent = w.node("n1", 1)
    silent["status"]["conditions"] = [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting."}]
    objects = w.healthy(pods=list(pods), slices=w.endpoints(pods), nodes=[silent, w.node("n2", 2), w.node("n3", 3)])
    return [x for x in w.diagnosed(objects).findings if x.code == "DS507"]


def test_a_pod_of_a_node_that_does_not_report_is_told_apart_from_one_that_ends() -> None:
    down, ends = apart(w.pod("otel-a", "n1", **NOT_READY), w.pod("otel-b", "n2", **crashed("Error: invalid keys")))

    assert {down.summary, ends.summary} == {"Service has no ready endpoint"}
    assert down.detail.endswith("The node n1 of the pod otel-a is not ready: Kubelet stopped posting.")
    assert down.hint.startswith("See why the kubelet of n1 does not report")
    assert ends.hint == "Correct what the container said when it ended."
    assert ends.fix is not None
    assert ends.fix.commands == ("kubectl logs otel-b -n obs -c otelcol --previous",)
