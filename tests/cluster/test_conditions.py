"""Defaults of a version, nodes out of sight, their labels, readiness gates, and ports that are crossed or twofold."""

import pytest

from dualstack.conclusion import conclude
from dualstack.model.exporter import Exporter
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status
from dualstack.report.verbs.flows import unknown
from tests.cluster import worlds as w
from tests.cluster.test_crashes import crashed, error_in
from tests.cluster.test_incidents import ONE, pending, waiting
from tests.cluster.test_no_pods import NOT_READY, event


def test_an_object_of_another_form_is_one_gap() -> None:
    world = w.world([*w.healthy(), {"kind": "Pod", "metadata": {"name": ["odd"]}}])
    world.cluster()
    world.cluster()

    assert len(world.gaps) == 1


def left_out(image: str, *words: str) -> list[w.Object]:
    """The cluster with an endpoint left to its default, of this image and with these words after the others."""
    text, work, there = w.config(), w.deployment(), w.pod("otel-a", "n1")
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace('{endpoint: "0.0.0.0:4317"}', "{}")
    for held in (work["spec"]["template"]["spec"], there["spec"]):
        held["containers"][0] |= {"image": image, "args": [*held["containers"][0]["args"], *words]}
    return w.healthy(configs=[text], workloads=[work], pods=[there])


GATE = "component.UseLocalHostAsDefaultHost"


@pytest.mark.parametrize(
    ("image", "words", "roots"),
    [
        ("otel/opentelemetry-collector:0.106.1", [f"--feature-gates=-{GATE}"], []),
        ("otel/opentelemetry-collector:0.106.1", [f"--feature-gates=-other,{GATE}"], ["DS202"]),
        ("otel/opentelemetry-collector:0.103.1", ["--feature-gates", GATE], ["DS202"]),
        ("otel/opentelemetry-collector:0.103.1", [], []),
        ("registry/otelcol:7", [f"--feature-gates=-{GATE}"], []),
        ("public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3", [], ["DS202"]),
        ("public.ecr.aws/aws-observability/aws-otel-collector:v0.40.1", [], []),
    ],
)
def test_the_default_is_that_of_the_version_and_of_its_feature_gate(
    image: str, words: list[str], roots: list[str]
) -> None:
    found = w.diagnosed(left_out(image, *words))

    assert w.roots(found) == roots
    assert {x.at(Hop.LISTEN).status for x in found.traces if not roots} <= {Status.PASS}


def with_health(probe: str, **spec: object) -> list[w.Object]:
    """The same with its other endpoints left out as well, a probe of its health check, and nothing of the version."""
    objects = left_out("registry/otelcol:7")
    text = next(x for x in objects if x["kind"] == "ConfigMap")["data"]
    said = text["config.yaml"].replace('{endpoint: "0.0.0.0:4318"}', "{}")
    said = said.replace("service:", "service:\n  extensions: [health_check]")
    text["config.yaml"] = f"{said}extensions: {{health_check: {{}}}}\n"
    for held in (x for x in objects if x["kind"] in ("Deployment", "Pod")):
        inner = held["spec"]["template"]["spec"] if held["kind"] == "Deployment" else held["spec"]
        inner |= spec
        inner["containers"][0].pop("readinessProbe")
        inner["containers"][0][probe] = {"httpGet": {"path": "/", "port": 13133}}
    return objects


def test_a_health_check_that_the_kubelet_reaches_tells_the_default_of_the_version() -> None:
    found = w.diagnosed(with_health("readinessProbe"))

    assert not found.findings
    assert {x.at(Hop.LISTEN).status for x in found.traces} == {Status.PASS}


@pytest.mark.parametrize(("probe", "spec"), [("livenessProbe", {}), ("readinessProbe", {"hostNetwork": True})])
def test_a_health_check_that_nobody_is_known_to_reach_tells_nothing(probe: str, spec: dict[str, object]) -> None:
    found = w.diagnosed(with_health(probe, **spec))

    assert "DS216" in w.codes(found)
    assert Status.PASS not in {x.at(Hop.LISTEN).status for x in found.traces}


@pytest.mark.parametrize(
    ("said", "name", "severity"),
    [
        ('Get "http://10.244.9.1:13133/": dial tcp 10.244.9.1:13133: connect: connection refused', "otel-a", "error"),
        ("dial tcp [fd00:10:244:9::1]:13133: connect: connection refused", "otel-a", "error"),
        ("dial tcp 10.244.9.1:4317: connect: connection refused", "otel-a", "warning"),
        ('Get "http://10.244.9.1:13133/": context deadline exceeded', "otel-a", "warning"),
        ("dial tcp 10.244.9.1:13133: connect: connection refused", "loki-0", "warning"),
        ("dial tcp 10.244.9.1:13133: connect: connection refused", "otel-agent-a", "warning"),
        ("HTTP probe failed with statuscode: 503", "otel-a", "warning"),
    ],
)
def test_what_the_kubelet_says_of_its_probe_tells_the_default_of_the_version(
    said: str, name: str, severity: str
) -> None:
    objects = with_health("readinessProbe")
    pod = next(x for x in objects if x["kind"] == "Pod")
    pod["status"] |= {**NOT_READY, "containerStatuses": [{"name": "otelcol", "ready": False, "state": {"running": {}}}]}
    found = w.diagnosed([*objects, event("Unhealthy", f"Readiness probe failed: {said}", name=name)])
    (health,) = [x for x in found.findings if x.code == "DS216"]

    assert (health.severity, health.confidence == "observed") == (severity, severity == "error")
    assert any(said in x.fact for x in health.evidence) is (severity == "error")


def test_what_a_configuration_is_refused_for_is_refuted_by_a_container_that_runs() -> None:
    text = w.config()
    pinned = text["data"]["config.yaml"].replace('"0.0.0.0:4318"', '"0.0.0.0:4318", transport: tcp')
    text["data"]["config.yaml"] = pinned
    work = w.deployment()
    work["spec"]["template"]["spec"]["containers"][0]["image"] = "otel/opentelemetry-collector:0.139.0"

    runs = w.diagnosed(w.healthy(configs=[text], workloads=[work], pods=ONE))
    crashes = w.diagnosed(w.healthy(configs=[text], workloads=[work], pods=[w.pod("otel-a", "n1", **waiting())]))

    assert "DS108" not in w.codes(runs)
    assert "DS108" in w.codes(crashes)


def test_the_line_of_a_transport_is_where_it_stands() -> None:
    text = w.config()
    block = "grpc:\n        endpoint: 0.0.0.0:4317\n        transport: tcp4"
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace('grpc: {endpoint: "0.0.0.0:4317"}', block)

    (fault,) = (x for x in w.diagnosed(w.healthy(configs=[text])).findings if x.code == "DS208")

    assert fault.location is not None
    assert f"line {fault.location.line + 1}, to `tcp`" in fault.hint


def test_pods_on_a_node_that_could_not_be_read_are_not_made_anew() -> None:
    """The node may be what lacks the family: new pods there would lack it as well."""
    nodes = [w.node("n2", 2)]
    found = w.diagnosed(w.healthy(nodes=nodes, pods=[w.pod("otel-a", "n1", ["IPv4"])]))

    (told,) = (x for x in found.findings if x.code == "DS601")
    assert told.hint.startswith("See whether the node n1, which could not be read, has IPv6 and a range of it")
    assert told.fix is not None
    assert [x for x in told.fix.commands if "delete" in x] == []

    pods = [w.pod("otel-a", "n1", ["IPv4"]), w.pod("otel-b", "n3", ["IPv4"])]
    (told,) = (x for x in w.diagnosed(w.healthy(nodes=nodes, pods=pods)).findings if x.code == "DS601")
    assert told.hint.startswith("See whether the nodes n1, n3, which could not be read, have IPv6")


def test_a_readiness_gate_that_nobody_opens_is_told() -> None:
    closed = 'corresponding condition of pod readiness gate "example.com/lb" does not exist.'
    ready = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": closed}
    found = w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1", conditions=[ready])]))

    (told,) = (x for x in found.findings if x.code == "DS507")
    assert f"the pod otel-a is not ready: {closed.rstrip('.')}." in told.detail
    assert "The containers of the pod otel-a are ready" in told.detail
    assert told.hint.startswith("See why the controller that has to set this condition")


def test_ports_that_lead_each_to_the_other_receiver_are_told_without_an_export() -> None:
    ports = [
        {"name": "otlp-grpc", "port": 4317, "targetPort": "otlp-http"},
        {"name": "otlp-http", "port": 4318, "targetPort": "otlp-grpc"},
    ]
    slices = w.endpoints([w.pod("otel-a", "n1")])
    for item in slices:
        item["ports"] = [{"name": "otlp-grpc", "port": 4318}, {"name": "otlp-http", "port": 4317}]
    found = w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1")], services=[w.service(ports=ports)], slices=slices))

    assert [(x.code, x.severity) for x in found.findings] == [("DS521", "warning")] * 2


def test_why_nobody_knows_begins_with_what_was_not_done() -> None:
    """Without the nodes nobody knows which families clients have, and an export would have told."""
    found = w.diagnosed(w.healthy(nodes=[]))

    told = " ".join(x.text.strip() for x in unknown(found))
    assert "a listener is there; nothing was exported" in told
    assert "no node could be read" in told


def test_a_port_that_a_service_leaves_out_is_a_remark_where_its_clients_are_known() -> None:
    ports = [{"name": "otlp-grpc", "port": 4317, "targetPort": 4317}]
    alone = w.world(w.healthy(services=[w.service(ports=ports)]))
    used = w.world(w.healthy(services=[w.service(ports=ports)]))
    used.clients = [Exporter("obs", "Deployment cart", "a", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4317")]

    for world, severity in ((alone, "warning"), (used, "info")):
        (told,) = (x for x in conclude(world, Question()).findings if x.code == "DS521")
        assert (told.summary, told.severity) == ("Service leaves out port 4318", severity)


def test_a_receiver_that_gives_both_protocols_one_port_is_told_once_what_to_change() -> None:
    log = error_in("Error: cannot start pipelines: listen tcp 0.0.0.0:4317: bind: address already in use")
    service = w.service(ports=[{"name": x, "port": y} for x, y in (("otlp-grpc", 4317), ("otlp-http", 4318))])
    pods = [crashed(log=log)]
    found = w.diagnosed(w.healthy(pods=pods, services=[service], configs=[w.config(http="0.0.0.0:4317")]))

    hints = {x.code: x.hint for x in found.findings}
    grpc, http = (f"`receivers.otlp.protocols.{x}.endpoint`" for x in ("grpc", "http"))
    assert hints["DS115"] == f"Give {http} or {grpc} another port."
    assert "4317" not in hints.get("DS508", "")


@pytest.mark.parametrize(
    ("held", "more", "said"),
    [
        (("hdd", "hdd"), 0, ["which no node has; there are nodes with `disktype=hdd`."]),
        (("", ""), 0, ["which no node has."]),
        (("ssd", ""), 0, []),
        ((None, ""), 0, []),
        (("", ""), 3, []),
    ],
)
def test_a_label_that_a_pod_asks_for_and_no_node_has_is_named(
    held: tuple[str | None, ...], more: int, said: list[str]
) -> None:
    pod = pending("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.")
    pod["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux", "disktype": "ssd"}
    nodes = [w.node("n1", 1), w.node("n2", 2)]
    for node, kind in zip(nodes, held, strict=True):
        labels = {"kubernetes.io/os": "linux", **({"disktype": kind} if kind else {})}
        node["metadata"]["labels"] = {} if kind is None else labels
    world = w.world(w.healthy(pods=[pod], nodes=nodes, slices=w.endpoints([])))
    world.left_out["Node"] = more

    (found,) = conclude(world, Question()).findings

    asks = "The nodeSelector of the pod otel-a asks for `disktype=ssd`, "
    assert [found.detail.partition(asks)[2]] == (said or [""])
    assert found.hint == ("Give a node that label, or correct the selector." if said else found.hint)
