"""Pods of one Service that listen on different ports: what leads to some of them would leave out the others."""

from dualstack.model.finding import Finding
from tests.cluster import worlds as w


def rolled(name: str, config: str, on: str = "n2") -> w.Object:
    """A pod of another template of the same Deployment, which reads a ConfigMap of its own."""
    made = {"apiVersion": "v1", **w.pod(name, on)}
    made["metadata"]["labels"] |= {"pod-template-hash": config}
    made["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"otel-{config}"}]
    made["spec"]["volumes"] = [{"name": "conf", "configMap": {"name": config}}]
    return made


def template(config: str) -> w.Object:
    made = w.deployment()
    made["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] = config
    return made


def told(pods: list[w.Object], ports: dict[str, str], of: str = "newer", **more: list[w.Object]) -> list[Finding]:
    """What is said of ports without a listener where these pods read ConfigMaps that say where HTTP is taken."""
    configs = [w.config(http=f"0.0.0.0:{port}", name=name) for name, port in ports.items()]
    parts = {"pods": pods, "slices": w.endpoints(pods), "configs": configs, "workloads": [template(of)], **more}
    return [x for x in w.diagnosed(w.healthy(**parts)).findings if x.code == "DS508"]


FIELD = "`receivers.otlp.protocols.http.endpoint` in ConfigMap newer"


PORTS = {"otel": "4318", "newer": "14318"}


def test_of_pods_that_differ_the_one_that_listens_elsewhere_is_named_and_the_service_is_left_alone() -> None:
    (first,) = told([rolled("otel-a", "otel"), rolled("otel-b", "newer")], PORTS)

    assert first.summary == "Some pods do not listen on port 4318"
    assert first.detail == (
        "Port 4318 of Service otel leads to 4318, where 1 other listens; the pod otel-b takes http on 14318 instead, "
        f"by {FIELD}."
    )
    assert first.hint == (
        f"Let it listen on 4318 as the others do: change {FIELD}. "
        "A `targetPort` of 14318 would lead to none of the others."
    )
    assert first.location
    assert first.location.file == "obs/configmap/newer.yaml"
    assert first.fix
    assert first.fix.applicability == "manual"


def test_several_of_them_are_counted() -> None:
    (first,) = told([rolled("otel-a", "otel"), rolled("otel-b", "newer"), rolled("otel-c", "newer")], PORTS)

    assert "the pods otel-b, otel-c take http on 14318" in first.detail
    assert first.hint.startswith("Let them listen on 4318 as the others do")


def test_those_that_are_older_than_their_template_are_replaced() -> None:
    (first,) = told([rolled("otel-a", "otel"), rolled("otel-b", "newer")], PORTS, of="otel")

    assert first.detail.endswith("older than the template of Deployment otel, which has `0.0.0.0:4318`.")
    assert first.hint.startswith("Let the rollout of Deployment otel end")


def test_all_pods_that_listen_on_one_other_port_are_led_to_by_the_service() -> None:
    (first,) = told([rolled("otel-b", "newer"), rolled("otel-c", "newer")], PORTS)

    assert first.hint == "Set its `targetPort` to 14318."


def test_no_target_port_fits_pods_that_listen_on_two_others() -> None:
    ports = {"newer": "14318", "newest": "24318"}
    found = told([rolled("otel-b", "newer"), rolled("otel-c", "newest")], ports, of="newest")

    assert ["where none of its pods listens" in x.detail for x in found] == [True, True]
    assert "targetPort" not in "".join(x.hint for x in found if "24318" not in x.hint and "14318" not in x.hint)


def test_clients_of_a_headless_service_connect_to_the_ports_that_pods_have() -> None:
    headless = [w.service(clusterIP="None", clusterIPs=["None"])]
    (first,) = told([rolled("otel-a", "otel"), rolled("otel-b", "newer")], PORTS, services=headless)

    assert first.detail.startswith("Service otel is headless: clients connect to port 4318 of the pods themselves")
    assert "targetPort" not in first.hint


def test_others_of_which_nothing_is_known_may_be_well() -> None:
    other = rolled("otel-a", "otel")
    other["spec"]["containers"][0]["args"] = ["--config=env:CONFIG"]
    (first,) = told([other, rolled("otel-b", "newer")], PORTS)

    assert "where others may listen" in first.detail
    assert first.hint.startswith("Let it listen on 4318: change")


def test_a_node_whose_pod_fares_otherwise_is_apart_from_the_others() -> None:
    """Each node leads to its own pod."""
    pods = [rolled("otel-a", "otel", "n1"), rolled("otel-b", "local", "n2"), rolled("otel-c", "otel", "n3")]
    for each in pods:
        each["spec"]["containers"][0]["ports"] = [{"containerPort": 4318, "hostPort": 4318}]
    nodes = [w.node(f"n{x}", x) for x in (1, 2, 3)]
    configs = [w.config(), w.config(http="127.0.0.1:4318", name="local")]
    found = w.diagnosed(w.healthy(nodes=nodes, pods=pods, slices=[], services=[], configs=configs))

    assert [(x.vantage, x.target.host, x.failed, x.nodes) for x in found.traces] == [
        ("host port of n1 and n3", "n1 and n3", False, ("n1", "n3")),
        ("host port of n2", "n2", True, ("n2",)),
    ]
    assert [x.addresses for x in found.traces] == [("10.100.0.1",), ("10.100.0.2",)]
