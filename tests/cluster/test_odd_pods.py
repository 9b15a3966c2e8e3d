"""Pods of one Service that listen on different ports: what leads to some of them would leave out the others."""

from dualstack.model.finding import Finding
from tests.cluster import worlds as w


def rolled(name: str, config: str) -> w.Object:
    """A pod of another template of the same Deployment, which reads a ConfigMap of its own."""
    made = {"apiVersion": "v1", **w.pod(name, "n2")}
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
