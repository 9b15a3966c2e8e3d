"""What the Operator writes is mended where it reads it: in its own resources, and not in what it makes of them."""

from copy import deepcopy
from typing import Any

import pytest
import yaml

from dualstack.model.cluster import Pod, PodSpec
from dualstack.model.deployed import Deployed, Deployments, Lag, Lags
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.kube import Meta, Workload
from dualstack.model.otel import Declared, Holder
from dualstack.model.slim import ConfigMapVolume, ObjectMeta, Volume
from dualstack.model.snapshot import Snapshot
from dualstack.model.source import Location
from dualstack.reach.runs import runs
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, told
from tests.cluster.test_survey import variables

Object = dict[str, Any]
CR = "OpenTelemetryCollector"
GRPC_ALONE = """receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
"""
LABELS = {
    "app.kubernetes.io/managed-by": "opentelemetry-operator",
    "app.kubernetes.io/component": "opentelemetry-collector",
    "app.kubernetes.io/instance": "obs.otel",
}


def operated(text: str, name: str = "otel-collector", labels: Object = LABELS, **spec: Any) -> dict[str, list[Object]]:
    """The objects of a Collector in obs that the Operator makes, its Service first."""
    pod, made, held = deepcopy(w.pod("otel-a", "n1")), w.deployment(), w.config()
    for each in (pod["spec"], made["spec"]["template"]["spec"]):
        each["containers"][0]["name"] = "otc-container"
    pod["status"]["containerStatuses"][0]["name"] = "otc-container"
    pod["metadata"]["labels"] |= labels
    made["spec"]["template"]["metadata"]["labels"] |= labels
    held["data"]["config.yaml"] = text
    service = w.service(**spec)
    service["metadata"]["name"] = name
    slices = w.endpoints([pod])
    for each in slices:
        each["metadata"]["labels"]["kubernetes.io/service-name"] = name
    return {"services": [service], "slices": slices, "pods": [pod], "workloads": [made], "configs": [held]}


def hints(found: Diagnosis) -> list[str]:
    return [x.hint for x in found.findings if x.severity == "error" and not x.because]


LOOPBACK = w.CONFIG.replace("GRPC", "127.0.0.1:4317").replace("HTTP", "0.0.0.0:4318")


@pytest.mark.parametrize(
    ("labels", "where"),
    [
        (LABELS, f"`spec.config` of {CR} otel"),
        ({"sidecar.opentelemetry.io/injected": "obs.side"}, f"`spec.config` of {CR} side"),
        ({"sidecar.opentelemetry.io/injected": "shop.side"}, "`obs/configmap/otel.yaml`, line 7,"),
        ({**LABELS, "app.kubernetes.io/component": "opentelemetry-targetallocator"}, "`obs/configmap/otel.yaml`"),
    ],
)
def test_a_listener_is_widened_in_the_resource_that_the_operator_reads(labels: Object, where: str) -> None:
    (hint,) = hints(w.diagnosed(w.healthy(**operated(LOOPBACK, labels=labels))))

    assert hint.startswith(f"Set `receivers.otlp.protocols.grpc.endpoint` in {where}")


ONE = [{"name": "otlp-grpc", "port": 4317, "targetPort": 4317}]
CLIENT = cart("http://otel-collector.obs:4318", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))


def test_a_port_that_the_pods_do_not_have_is_wanted_of_the_resource() -> None:
    objects = operated(GRPC_ALONE, ports=ONE)

    (hint,) = hints(told(CLIENT, **objects))
    assert hint == (
        f"Let a receiver in `spec.config` of {CR} obs/otel take OTLP/HTTP on port 4318, which the Service then gets, "
        "or let them send gRPC to 4317."
    )


def test_a_port_that_they_have_is_added_to_the_resource() -> None:
    text = GRPC_ALONE.replace("}}}}", '}, http: {endpoint: "0.0.0.0:14318"}}}}', 1)
    (hint,) = hints(told(CLIENT, **operated(text, ports=ONE)))

    assert hint.startswith(f"Add port 4318 with `targetPort: 14318` to `spec.ports` of {CR} obs/otel,")


def test_a_service_that_it_does_not_write_gets_the_port_itself() -> None:
    objects = operated(GRPC_ALONE, name="mine", ports=ONE)
    client = cart("http://mine.obs:4318", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))

    (hint,) = hints(told(client, **objects))
    assert hint == "Let the receiver take OTLP/HTTP, and give the Service port 4318, or let them send gRPC to 4317."


def test_a_program_with_an_sdk_of_the_operator_may_have_no_exporter_of_another_protocol() -> None:
    client = cart("http://mine.obs:4318", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))
    client["metadata"]["annotations"] = {"instrumentation.opentelemetry.io/inject-python": "true"}

    (hint,) = hints(told(client, **operated(GRPC_ALONE, name="mine", ports=ONE)))
    assert hint == "Let the receiver take OTLP/HTTP, and give the Service port 4318."


def test_a_listener_whose_address_nobody_can_read_may_take_what_comes() -> None:
    text = GRPC_ALONE.replace("}}}}", '}, http: {endpoint: "${env:HIDDEN}:4318"}}}}', 1)
    objects = operated(text, name="mine", ports=ONE)
    hidden = {"name": "HIDDEN", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}
    for each in (objects["pods"][0]["spec"], objects["workloads"][0]["spec"]["template"]["spec"]):
        each["containers"][0]["env"].append(hidden)
    client = cart("http://mine.obs:4318", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))

    (hint,) = hints(told(client, **objects))
    assert hint == "Add port 4318 to the Service, with `targetPort: 4318`."


PYTHON = "instrumentation.opentelemetry.io/inject-python"


def instrumented(said: str, *, own: bool = False, port: int = 4317) -> list[Object]:
    """A pod that has its endpoint from the Operator, and the Deployment as it was written."""
    pod = cart(f"http://otel.obs:{port}", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))
    template = {"metadata": {"labels": pod["metadata"]["labels"]}, "spec": deepcopy(pod["spec"])}
    template["metadata"]["annotations"] = {PYTHON: said} if said else {}
    if not own:
        del template["spec"]["containers"][0]["env"]
    owner = {"kind": "Deployment", "name": "cart", "controller": True}
    kept = {"name": "cart-abc", "namespace": "shop", "ownerReferences": [owner]}
    about = {"name": "cart", "namespace": "shop"}
    return [
        pod,
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": kept},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": {"template": template}},
    ]


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("true", "the Instrumentation in shop"),
        ("mine", "Instrumentation shop/mine"),
        ("obs/mine", "Instrumentation obs/mine"),
    ],
)
def test_clients_that_the_operator_instruments_are_led_elsewhere_by_its_resource(said: str, who: str) -> None:
    pod, *made = instrumented(said)

    (hint,) = hints(told(pod, more=made))
    assert hint == (
        "Send OTLP/HTTP to `http://otel.obs:4318`. The Operator gives the clients their endpoint: "
        f"`spec.exporter.endpoint` of {who}."
    )


def test_a_name_that_nobody_has_is_corrected_there() -> None:
    pod, *made = instrumented("true")
    pod["spec"]["containers"][0]["env"][-1]["value"] = "http://otle.obs:4317"

    (hint,) = hints(told(pod, more=made))
    assert "Correct the name" in hint or "Send to" in hint
    assert hint.endswith("of the Instrumentation in shop.")


OLD = "http://otle.obs:4317"


def resource(name: str = "mine", **spec: Any) -> Object:
    about = {"name": name, "namespace": "shop"}
    return {"apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation", "metadata": about, "spec": spec}


def with_resources(*resources: Object, endpoint: str = OLD, said: str = "true") -> str:
    """What to do about pods that have this endpoint from the Operator, where there are these resources."""
    pod, *made = instrumented(said)
    pod["spec"]["containers"][0]["env"][-1]["value"] = endpoint
    (hint,) = hints(told(pod, more=[*made, *resources]))
    return hint


@pytest.mark.parametrize(
    ("said", "who"), [("true", "The Instrumentation in shop"), ("mine", "Instrumentation shop/mine")]
)
def test_pods_that_are_older_than_their_instrumentation_are_made_anew(said: str, who: str) -> None:
    assert with_resources(resource(exporter={"endpoint": "http://otel.obs:4318"}), said=said) == (
        f"{who} says `http://otel.obs:4318` by now, and pods get that while they are made. Where it is right, "
        "`kubectl rollout restart deploy/cart -n shop` lets them have it."
    )


@pytest.mark.parametrize(
    "resources",
    [
        [resource(exporter={"endpoint": OLD})],
        [resource(exporter={"endpoint": "http://a"}), resource("other", exporter={"endpoint": "http://b"})],
        [resource(exporter={"endpoint": "http://a"}, java={"env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT"}]})],
        [resource(exporter="odd")],
    ],
)
def test_where_that_is_no_newer_endpoint_for_certain_it_is_mended_there(resources: list[Object]) -> None:
    assert with_resources(*resources).endswith("`spec.exporter.endpoint` of the Instrumentation in shop.")


def test_they_are_not_asked_to_speak_what_their_language_may_not() -> None:
    pod, *made = instrumented("true", port=4318)

    (hint,) = hints(told(pod, more=made, **operated(GRPC_ALONE, name="otel", ports=ONE)))
    assert hint == "Let the receiver take OTLP/HTTP, and give the Service port 4318."


@pytest.mark.parametrize(("said", "own"), [("", False), ("false", False), ("true", True)])
def test_an_endpoint_of_their_own_is_nothing_of_the_operator(said: str, own: bool) -> None:
    pod, *made = instrumented(said, own=own)

    (hint,) = hints(told(pod, more=made))
    assert "Operator" not in hint


ALL = {**LABELS, "app.kubernetes.io/name": "otel-collector", "app.kubernetes.io/part-of": "opentelemetry"}
RIGHT = w.CONFIG.replace("GRPC", "0.0.0.0:4317").replace("HTTP", "0.0.0.0:4318")
SAID = f"{CR} otel has `0.0.0.0:4317` there, and the Operator has not written it"
LEFT = f"the Operator leaves {CR} otel alone (`managementState: unmanaged`)"


def written(resource: str, mounted: str, *, state: str = "managed", template: str = "otel") -> Diagnosis:
    """A Collector whose pods mount a ConfigMap that the Operator wrote of its resource, which says this by now."""
    owners = [{"kind": CR, "name": "otel", "controller": True}]
    parts = operated(mounted, labels=ALL)
    (held,), (made,), (pod,) = parts["configs"], parts["workloads"], parts["pods"]
    made["metadata"]["ownerReferences"] = held["metadata"]["ownerReferences"] = owners
    made["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] = template
    pod["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "otel"}]
    pod["apiVersion"] = "v1"
    about = {"name": "otel", "namespace": "obs"}
    spec = {"config": yaml.safe_load(resource) if resource else None, "managementState": state}
    cr = {"apiVersion": "opentelemetry.io/v1beta1", "kind": CR, "metadata": about, "spec": spec}
    return w.diagnosed([*w.healthy(**parts), cr])


def test_pods_run_with_what_they_mount_and_not_with_the_resource() -> None:
    found = written(RIGHT, LOOPBACK)

    (first,) = [x for x in found.findings if x.code == "DS202"]
    assert first.severity == "error"
    assert SAID in first.detail
    assert first.hint == f"See that the Operator runs and what its log says; {CR} otel needs no change."


def test_a_resource_that_the_operator_leaves_alone_is_not_where_its_pods_are_mended() -> None:
    found = written(RIGHT, LOOPBACK, state="unmanaged")

    (hint,) = hints(found)
    assert hint.startswith("Set `receivers.otlp.protocols.grpc.endpoint` in `obs/configmap/otel.yaml`, line 7,")
    assert hint.endswith(f"Then restart the pods; {LEFT}.")


def test_pods_send_on_where_what_they_mount_says_and_not_where_the_resource_does() -> None:
    there, here = (RIGHT.replace("debug", "otlp").replace("{}}", f"{{endpoint: '{x}.obs.svc:4317'}}}}") for x in "ab")
    found = written(there, here)

    assert [x.why.partition(" (")[0] for x in found.skipped if x.needs.startswith("the way on")] == [
        "it sends on to `b.obs.svc:4317`"
    ]


@pytest.mark.parametrize("state", ["managed", "unmanaged"])
def test_a_fault_of_the_resource_alone_is_no_error(state: str) -> None:
    found = written(LOOPBACK, RIGHT, state=state)

    assert found.verdict == "unknown"
    assert {x.severity for x in found.findings} == ({"warning"} if state == "managed" else set())


def test_a_resource_that_is_wrong_as_well_is_mended_itself() -> None:
    (hint,) = hints(written(LOOPBACK.replace("127.0.0.1", "localhost"), LOOPBACK))

    assert hint.startswith(f"Set `receivers.otlp.protocols.grpc.endpoint` in `spec.config` of {CR} otel")


def test_what_the_operator_wrote_anew_comes_with_the_rollout() -> None:
    (hint,) = hints(written(RIGHT, LOOPBACK, template="otel-2"))

    assert hint == "Let the rollout of Deployment otel end: it replaces these pods."


@pytest.mark.parametrize("mounted", ["{", ""])
def test_where_the_mounted_text_is_none_the_resource_is_what_is_known(mounted: str) -> None:
    assert [x.code for x in written(LOOPBACK, mounted).findings if x.severity == "error" and not x.because] == ["DS202"]


def test_a_config_map_that_is_behind_says_nothing_of_pods_that_mount_another_one() -> None:
    lags = Lags((Lag("obs", "old", "gw"), Lag("shop", "new", "gw")))
    work = Workload(Meta("Deployment", "gw", "obs", Location("gw.yaml", 1)), {"app": "gw"})
    item = Deployed(Declared(holder=Holder(CR, "obs", "gw")), work)
    said = Snapshot({Lags: lags, Deployments: Deployments((item,))})
    about = ObjectMeta(name="gw-1", namespace="obs", labels={"app": "gw"})
    pods = [Pod(about, PodSpec(volumes=[Volume(config_map=ConfigMapVolume(x))])) for x in ("old", "new")]

    assert [list(runs(x, said)) for x in pods] == [[], [item]]


OWNERS = {"ownerReferences": [{"kind": CR, "name": "otel", "controller": True}]}
FOREIGN = {"ownerReferences": [{"kind": "TempoStack", "name": "main", "controller": True}]}
SCALE = f"kubectl scale {CR.lower()} otel -n obs --replicas=1"


@pytest.mark.parametrize(
    ("about", "where", "commands"),
    [
        ({"labels": LABELS}, f"in {CR} otel,", (SCALE,)),
        (OWNERS, f"in {CR} otel,", (SCALE,)),
        (FOREIGN, "in TempoStack main,", ()),
    ],
)
def test_a_workload_that_an_operator_writes_gets_its_replicas_there(
    about: Object, where: str, commands: tuple[str, ...]
) -> None:
    made = w.deployment()
    made["metadata"] |= about
    made["spec"] |= {"replicas": 0, "template": {"metadata": {"labels": {"app": "otel"}}, "spec": w.TEMPLATE}}

    (one,) = [x for x in w.diagnosed(w.healthy(pods=[], workloads=[made])).findings if x.code == "DS509"]
    assert one.detail.startswith("Deployment otel, whose pods Service otel selects, has `replicas: 0`")
    assert where in one.hint
    assert one.fix is not None
    assert one.fix.commands == commands


REMOVED = RIGHT.replace("debug", "logging")


def crashing(*, owned: bool, stored: bool, image: str = "") -> Diagnosis:
    """A Collector that ends for an exporter that is gone: whether the ConfigMap names its resource, and that is there.

    `image` is what the resource names, by default none.
    """
    parts = operated(REMOVED, labels=ALL)
    (held,), (made,), (pod,) = parts["configs"], parts["workloads"], parts["pods"]
    held["metadata"] |= OWNERS if owned else {"labels": ALL}
    made["metadata"] |= OWNERS
    pod["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "otel"}]
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    pod["status"] |= {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "otc-container", "ready": False, "state": state}],
    }
    cr = {
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": CR,
        "metadata": {"name": "otel", "namespace": "obs"},
        "spec": {"config": yaml.safe_load(REMOVED)} | ({"image": image} if image else {}),
    }
    return w.diagnosed([*w.healthy(**parts), *([cr] if stored else [])])


@pytest.mark.parametrize("owned", [True, False])
def test_what_stands_in_a_config_map_of_the_operator_is_mended_in_its_resource(owned: bool) -> None:
    (one,) = [x for x in crashing(owned=owned, stored=False).findings if x.code == "DS122"]

    assert one.location is not None
    assert one.location.file == "obs/configmap/otel.yaml"
    assert one.hint.endswith(f"The Operator writes this ConfigMap: its text is changed in `spec.config` of {CR} otel.")


@pytest.mark.parametrize("owned", [True, False])
@pytest.mark.parametrize(("image", "codes"), [("", ["DS122"]), ("otel/opentelemetry-collector:0.110.0", [])])
def test_a_resource_without_an_image_has_that_of_its_pods(image: str, codes: list[str], owned: bool) -> None:
    found = [x for x in crashing(owned=owned, stored=True, image=image).findings if x.code == "DS122"]

    assert [x.code for x in found] == codes
    assert {x.location.file for x in found if x.location} <= {f"obs/{CR.lower()}/otel.yaml"}
