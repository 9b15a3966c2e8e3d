"""What the Operator cannot make of its resource, or makes otherwise than it is meant, as version 0.153.0 does it."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker
from dualstack.gather.errors import BadInput
from dualstack.gather.facts import plainly
from dualstack.gather.kube_objects import Refused
from dualstack.gather.unmade import unmade
from dualstack.model.address import family
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces
from dualstack.model.inspection import Inspection
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listener, Listeners, Transport
from dualstack.model.target import kube_target
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart
from tests.cluster.test_client_ways import told as asked
from tests.cluster.test_nowhere import folder, of, told, told_all
from tests.cluster.test_operated_services import MISREAD, OWNED, by_operator, one
from tests.cluster.test_operator import CR, RIGHT
from tests.cluster.test_survey import variables

Object = dict[str, Any]
OPERATED = {
    "apiVersion": "opentelemetry.io/v1beta1",
    "kind": "OpenTelemetryCollector",
    "metadata": {"name": "made", "namespace": "obs"},
    "spec": {"mode": "deployment", "config": {}},
}
TWO = {**OPERATED, "spec": {**OPERATED["spec"], "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "SingleStack"}}
MADE = "the Operator has not made it of OpenTelemetryCollector made"


def test_a_service_that_is_refused_is_what_its_clients_do_not_find(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://made-collector.obs:4317"), TWO)

    for found in (told(path), told_all(path)):
        (cause,), (symptom,) = of(found, "DS515"), of(found, "DS408")
        assert cause.because == ()
        assert symptom.because == ("DS515",)
        assert MADE in symptom.detail


@pytest.mark.parametrize("namespace", ["obs", "legacy"])
def test_what_is_wrong_with_another_resource_is_no_reason(namespace: str, tmp_path: Path) -> None:
    other = {**TWO, "metadata": {"name": "other", "namespace": namespace}}
    path = folder(tmp_path, cart("http://made-collector.obs:4317"), OPERATED, other)

    for found in (told(path), told_all(path)):
        (one,) = of(found, "DS408")
        assert one.because == ()
        assert one.location is None
    assert not of(told(path), "DS515")
    assert of(told_all(path), "DS515")


SAID = (
    'failed to create objects for made: Service "made-collector-headless" is invalid: spec.ports: Invalid value: 0.\n'
    'services "made-collector" is forbidden: exceeded quota: few\nServices "other" is forbidden: exceeded quota: many'
)


def event(said: str, name: str = "made", at: str = "2026-03-01T10:00:00Z") -> Object:
    about = {"kind": CR, "name": name, "namespace": "obs"}
    known = {"name": f"{name}.{len(said)}", "namespace": "obs", "creationTimestamp": at}
    return {"kind": "Event", "metadata": known, "involvedObject": about, "reason": "Error", "message": said}


NO = f"{MADE}, which the API server does not let it: it is"


@pytest.mark.parametrize(
    ("events", "why", "hint"),
    [
        ([event(SAID)], f"{NO} forbidden: exceeded quota: few.", "Raise that quota"),
        ([event(SAID), event("applied status", at="2026-03-01T11:00:00Z")], "exceeded quota: few.", "Raise that quota"),
        ([event('services "made-collector" is forbidden: User "x" cannot create')], "cannot create.", "Give the Oper"),
        ([event('services "made-collector" is forbidden: it ends')], f"{NO} forbidden: it ends.", "See what forbids"),
        ([event('Service "made-collector" is invalid: x: y\nmore')], f"{NO} invalid: x: y.", "Mend that in the `spec`"),
        ([event('PodDisruptionBudget.policy "made-collector" is invalid: spec')], f"{MADE}.", "Let the Operator run"),
        ([event(SAID, name="other")], f"{MADE}.", "Let the Operator run"),
        ([event("applied status changes")], f"{MADE}.", "Let the Operator run"),
        ([event(SAID.partition("forbidden")[0])], f"{MADE}.", "Let the Operator run"),
    ],
)
def test_what_the_server_said_to_the_operator_is_told(
    events: list[Object], why: str, hint: str, tmp_path: Path
) -> None:
    path = folder(tmp_path, cart("http://made-collector.obs:4317"), OPERATED, *events)

    for found in (told(path), told_all(path)):
        (one,) = of(found, "DS408")
        assert one.detail.endswith(why)
        assert one.hint.startswith(hint)


LEFT = {**TWO, "spec": {**TWO["spec"], "managementState": "unmanaged"}}


@pytest.mark.parametrize("held", [TWO, OPERATED, LEFT])
def test_of_all_it_is_told_without_a_client_as_well(held: Object, tmp_path: Path) -> None:
    assert len(of(told_all(folder(tmp_path, held)), "DS515")) == (held is TWO)


def test_of_a_resource_that_is_left_alone_nothing_is_made(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://made-collector.obs:4317"), LEFT)

    for found in (told(path), told_all(path)):
        assert {(x.code, x.because) for x in found.findings if x.severity == "error"} == {("DS408", ())}


def test_who_asks_about_it_is_told_of_what_it_would_be_made(tmp_path: Path) -> None:
    path = folder(tmp_path, OPERATED)

    with pytest.raises(BadInput, match=rf"{MADE}\. Ask about `collector/made`\.$"):
        stored(ClusterRequest(kube_target("svc/made-collector"), stored=path, namespace="obs"))


@pytest.mark.parametrize("spec", [{"mode": "sidecar"}, {"managementState": "unmanaged"}])
def test_who_asks_about_a_service_that_it_does_not_make_is_not_told_to_wait(spec: Object, tmp_path: Path) -> None:
    path = folder(tmp_path, {**OPERATED, "spec": spec})

    with pytest.raises(BadInput, match="There are: `otel`"):
        stored(ClusterRequest(kube_target("svc/made-collector"), stored=path, namespace="obs"))


class Live:
    """An API server that has this one resource."""

    asked: tuple[str, ...] = ()

    def object(self, _: object, namespace: str, name: str) -> Object:
        """It, or a refusal."""
        self.asked += (name,)
        if (namespace, name) != ("obs", "made"):
            raise Refused(404, "not found")
        return OPERATED


@pytest.mark.parametrize(
    ("name", "asked", "kept"),
    [
        ("made-collector", ("made",), [OPERATED]),
        ("made-collector-headless", ("made",), [OPERATED]),
        ("other-collector", ("other",), []),
        ("made", (), []),
    ],
)
def test_a_server_is_asked_for_the_one_resource(name: str, asked: tuple[str, ...], kept: list[Object]) -> None:
    api, world = Live(), World()

    unmade(Asker(api, "shop", world), ("obs", name))  # type: ignore[arg-type]

    assert api.asked == asked
    assert world.objects.get(CR, []) == kept
    assert not world.unseen


RESOURCE = {"apiVersion": "opentelemetry.io/v1beta1", "kind": CR, "metadata": {"name": "otel", "namespace": "obs"}}


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ({"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}, "Delete the Service to have it made anew: the API"),
        ({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}, "Delete the Service"),
        ({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]}, "Update the Operator, or delete"),
        ({"ipFamilyPolicy": "PreferDualStack"}, "Update the Operator, or delete"),
    ],
)
def test_no_update_changes_the_first_family_of_a_service(spec: Object, hint: str) -> None:
    resource = {**RESOURCE, "spec": {**spec, "config": yaml.safe_load(RIGHT)}}
    found = w.diagnosed([*w.healthy(**by_operator(RIGHT, OWNED, ("IPv4",))), resource])

    assert one(found, "DS517").hint.startswith(hint)


def misread() -> dict[str, list[Object]]:
    """A Collector at whose Service the Operator has the port 244, which it read in an address."""
    parts = by_operator(MISREAD, OWNED, ports=[{"name": "otlp-grpc", "port": 244, "targetPort": 244}])
    for each in parts["slices"]:
        each["ports"] = [{"name": "otlp-grpc", "port": 244}]
    parts["workloads"][0]["metadata"] |= OWNED
    parts["pods"][0]["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "otel", "controller": True}]
    return parts


def test_that_nobody_listens_on_a_port_that_was_misread_is_no_fault_of_its_own() -> None:
    parts = misread()
    (pod,) = parts["pods"]
    addresses = tuple(InterfaceAddress(x["ip"], 128 if ":" in x["ip"] else 32) for x in pod["status"]["podIPs"])
    space = Namespace("host", (Interface("eth0", 2, up=True, disable_ipv6=False, addresses=addresses),))
    socket = Listener("host", Transport.TCP, "fd00:244::7", 4317, family("fd00:244::7"), None, source="sock_diag")
    facts = {Namespaces: Namespaces((space,)), Listeners: Listeners((socket,), ("host",))}
    world = w.world([*w.healthy(**parts), {**RESOURCE, "spec": {"config": yaml.safe_load(MISREAD)}}])
    world.inspections = [Inspection("n1", "obs", pod["metadata"]["name"], plainly(Snapshot(facts)))]
    found = conclude(world, Question())

    assert {(x.code, x.because) for x in found.findings} == {("DS516", ()), ("DS211", ("DS516",))}


NAMED = [{"name": "otlp-grpc", "port": 244, "targetPort": 244}, {"name": "otlp", "port": 4317}]


@pytest.mark.parametrize(
    ("about", "ports", "told"),
    [(OWNED, NAMED, {4317}), ({}, NAMED, {244, 4317}), (OWNED, NAMED[:1], {244})],
)
def test_a_port_that_was_misread_beside_the_right_one_is_meant_by_nobody(
    about: Object, ports: list[Object], told: set[int]
) -> None:
    parts = by_operator(MISREAD, about, ports=ports)
    for each in parts["slices"]:
        each["ports"] = [{"name": x["name"], "port": x["port"]} for x in ports]
    found = w.diagnosed(w.healthy(**parts))

    assert {x.target.port for x in found.traces} == told


def test_a_port_that_was_misread_and_that_another_receiver_has_is_meant_by_its_clients() -> None:
    both = MISREAD.replace("}}}}", '}, http: {endpoint: "0.0.0.0:244"}}}}', 1)
    parts = by_operator(both, OWNED, ports=NAMED)
    found = w.diagnosed(w.healthy(**parts))

    assert {x.target.port for x in found.traces} == {244, 4317}


@pytest.mark.parametrize(("address", "more"), [("fd00:244::7", ", or name port 4317 in `spec.ports`."), ("::1", ".")])
def test_to_name_a_port_mends_nothing_at_the_loopback(address: str, more: str) -> None:
    text = MISREAD.replace("fd00:244::7", address)
    (parts, resource) = misread(), {**RESOURCE, "spec": {"config": yaml.safe_load(text)}}
    parts["configs"][0]["data"]["config.yaml"] = text
    found = w.diagnosed([*w.healthy(**parts), resource])

    assert one(found, "DS516").hint == f"Write `[::]:4317`{more}"


def half() -> tuple[Object, dict[str, list[Object]]]:
    """A Collector of the Operator that takes gRPC well, and whose port for HTTP is misread: its resource, and these."""
    text = RIGHT.replace("0.0.0.0:4318", "[fd00:244::7]:4318").replace("0.0.0.0", "[::]")
    ports = [{"name": "otlp-grpc", "port": 4317}, {"name": "otlp-http", "port": 244}]
    parts: dict[str, list[Object]] = by_operator(text, OWNED, ports=ports)
    parts["workloads"][0]["metadata"] |= OWNED
    parts["pods"][0]["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "otel", "controller": True}]
    for each in parts["slices"]:
        each["ports"] = [{"name": x["name"], "port": x["port"]} for x in ports]
    return {**RESOURCE, "spec": {"config": yaml.safe_load(text)}}, parts


@pytest.mark.parametrize(("protocol", "port", "how"), [("grpc", 4317, "warning"), ("http/protobuf", 4318, "error")])
def test_a_misread_port_is_a_fault_to_those_who_send_there(protocol: str, port: int, how: str) -> None:
    asking = cart(f"http://otel-collector.obs:{port}", *variables(OTEL_EXPORTER_OTLP_PROTOCOL=protocol))
    resource, parts = half()

    assert one(asked(asking, more=[resource], **parts), "DS516").severity == how


def test_a_service_for_metrics_has_no_port_that_was_misread(tmp_path: Path) -> None:
    resource, parts = half()
    for name, ports in (("headless", parts["services"][0]["spec"]["ports"]), ("monitoring", [{"port": 8888}])):
        service = deepcopy(parts["services"][0])
        service["metadata"]["name"] = f"otel-collector-{name}"
        service["spec"] |= {"clusterIP": "None", "clusterIPs": ["None"], "ports": ports}
        parts["services"].append(service)
    found = told_all(folder(tmp_path, resource, **parts))

    assert one(found, "DS516").detail.endswith(" The same is true of Service otel-collector-headless.")


def test_a_port_of_a_service_that_the_operator_writes_is_named_in_the_resource() -> None:
    parts = misread()
    for each in (parts["pods"][0]["spec"], parts["workloads"][0]["spec"]["template"]["spec"]):
        each["hostNetwork"] = True
    finding = one(w.diagnosed(w.healthy(**parts)), "DS508")

    assert finding.summary == "Nobody listens on port 244"
    assert finding.hint == f"Name `4317`, where the receiver listens in `spec.ports` of {CR} otel."
    assert finding.fix
    assert not finding.fix.edits


def operator(replicas: int, available: str = "True", **status: Any) -> Object:
    container = {"name": "manager", "image": "ghcr.io/open-telemetry/opentelemetry-operator/opentelemetry-operator:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "operator", "namespace": "system"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
        "status": {"conditions": [{"type": "Available", "status": available}], **status},
    }


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([operator(0)], ", and no pod of it runs: Deployment system/operator has `replicas: 0`."),
        ([operator(1, "False")], ", and no pod of it runs: Deployment system/operator is not available."),
        ([operator(3, "False", readyReplicas=1)], "."),
        ([operator(1)], "."),
        ([], "."),
    ],
)
def test_a_service_that_the_operator_has_not_made_is_told_so(more: list[Object], said: str, tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://made-collector.obs:4317"), OPERATED, *more)

    for found in (told(path), told_all(path)):
        (one,) = of(found, "DS408")
        assert one.summary == "The Operator has not made the Service"
        assert one.detail.endswith(
            "there is no Service `made-collector` in the namespace `obs`: the Operator has not made it of "
            f"OpenTelemetryCollector made{said}"
        )
        assert one.hint.startswith("Let the Operator run")


EMPTY = {
    "receivers": {"otlp": {"protocols": {}}},
    "exporters": {"debug": {}},
    "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["debug"]}}},
}


@pytest.mark.parametrize(("more", "because"), [([], ("DS122",)), ([operator(0)], ())])
def test_a_receiver_without_a_protocol_gets_no_service_of_the_operator(
    more: list[Object], because: tuple[str, ...], tmp_path: Path
) -> None:
    """As `kubectl apply` leaves it of protocols without a value."""
    held = {**OPERATED, "spec": {"mode": "deployment", "config": EMPTY}}
    path = folder(tmp_path, cart("http://made-collector.obs:4317"), held, *more)

    for found in (told(path), told_all(path)):
        (cause,), (symptom,) = of(found, "DS122"), of(found, "DS408")
        assert cause.because == ()
        assert symptom.because == because


@pytest.mark.parametrize(("spec", "refused"), [({"mode": "sidecar"}, True), ({"managementState": "unmanaged"}, False)])
def test_a_sidecar_that_does_not_start_is_told_of_all(spec: Object, refused: bool, tmp_path: Path) -> None:
    held = {**OPERATED, "spec": {**spec, "config": EMPTY}}

    assert bool(of(told_all(folder(tmp_path, held)), "DS122")) is refused


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("made-collector", {"mode": "sidecar"}),
        ("made-collector", {"managementState": "unmanaged"}),
        ("other-collector", {"mode": "daemonset"}),
        ("made", {"mode": "daemonset"}),
    ],
)
def test_a_resource_that_makes_no_such_service_is_not_waited_for(name: str, spec: Object, tmp_path: Path) -> None:
    held = {**OPERATED, "spec": spec}

    (one,) = of(told(folder(tmp_path, cart(f"http://{name}.obs:4317"), held, operator(0))), "DS408")
    assert one.summary == "No Service has this name"
