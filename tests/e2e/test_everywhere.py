"""Of a whole cluster, exports are made to the Services of each namespace, and what is left out is said."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from dualstack import looks
from dualstack.cluster import ClusterRequest, gather
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.errors import BadInput
from dualstack.gather.inside import Inside
from dualstack.model.glimpse import Way
from dualstack.model.probe import Options, Outcome
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, kube_target
from dualstack.model.trace import Disposition
from dualstack.overview import conclude_all
from tests.e2e import control_plane
from tests.e2e.cluster import COLLECTOR, EXPORTER, PROJECT, Cluster

pytestmark = pytest.mark.cluster

OPEN, SHUT = "everywhere-open", "everywhere-shut"
LABELS = {"app": "otel"}


def objects(space: str, listen: str) -> Iterator[dict[str, Any]]:
    """A namespace with a Collector, all of one name, that listens there for HTTP."""
    config = f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "{listen}:4318"}}}}}}}}
exporters: {{debug: {{}}}}
service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}}}
"""
    about = {"name": "otel", "namespace": space, "labels": LABELS}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"config.yaml": config}}
    mount = {"name": "conf", "mountPath": "/conf"}
    container = {"name": "otelcol", "image": COLLECTOR, "args": ["--config=/conf/config.yaml"], "volumeMounts": [mount]}
    volume = {"name": "conf", "configMap": {"name": "otel"}}
    spec = {"nodeName": "n1", "containers": [container], "volumes": [volume], "terminationGracePeriodSeconds": 0}
    yield {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}
    ports = [{"name": "otlp-http", "port": 4318}]
    yield {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": {"selector": LABELS, "ports": ports}}


def client(space: str, of: str) -> dict[str, Any]:
    env = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": f"http://otel.{of}.svc:4318"},
           {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "http/protobuf"}]  # fmt: skip
    container = {"name": "c", "image": EXPORTER, "args": ["-c", "import signal; signal.pause()"], "env": env}
    spec = {"nodeName": "n1", "containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client", "namespace": space}, "spec": spec}


@pytest.fixture(scope="module")
def user(cluster: Cluster) -> Iterator[str]:
    """The kubeconfig of who may do everything, where two namespaces have a Collector, of which one lets nobody in."""
    made = [*objects(OPEN, "0.0.0.0"), *objects(SHUT, "127.0.0.1"), client(OPEN, SHUT)]
    try:
        control_plane.apply(cluster.kubeconfig(), *made)
        for space in (OPEN, SHUT):
            cluster.kubectl("-n", space, "wait", "pod", "--all", "--for=condition=Ready", "--timeout=90s")
        yield cluster.kubeconfig()
    finally:
        for space in (OPEN, SHUT):
            cluster.kubectl("delete", "namespace", space, "--ignore-not-found", "--timeout=120s")


def request(user: str, target: str = str(EVERYTHING), namespace: str = "") -> ClusterRequest:
    return ClusterRequest(kube_target(target), kubeconfig=user, namespace=namespace, options=Options(3.0))


def test_each_service_fares_as_if_it_alone_was_asked_about(user: str) -> None:
    world = gather(request(user))
    found = conclude_all(unpacked("w", packed(world, "1.0")), Question())

    for space in (OPEN, SHUT):
        alone = gather(request(user, "svc/otel", space)).seen.items
        mine = [x for x in world.seen.items if x.place == f"pod {space}/otel"]
        assert [(x.port, x.protocol, x.way, x.outcome) for x in mine] == [
            (x.port, x.protocol, x.way, x.outcome) for x in alone
        ]
        assert {x.way for x in alone} == {Way.ADDRESS, Way.LOOPBACK}
    ends = {x.target.host: x.disposition for x in found.traces if x.required}
    assert ends[f"otel.{OPEN}.svc"] is Disposition.ACCEPTED
    assert ends[f"otel.{SHUT}.svc"] is Disposition.REFUSED


def test_what_is_not_tried_is_said_and_those_with_clients_come_first(
    user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "_EVERYWHERE", 1)

    world = gather(request(user))

    assert {(x.place, x.outcome) for x in world.seen.items} == {
        (f"pod {SHUT}/otel", Outcome.REFUSED),
        (f"pod {SHUT}/otel", Outcome.ACCEPTED),
    }
    (said,) = [x.why for x in world.gaps if x.needs == "exports from outside"]
    services = [x["metadata"]["namespace"] for x in world.objects["Service"]]
    assert said == f"{len(services) - 1} Service{'s' * (len(services) > 2)} left out; ask for one by its name"


def test_nodes_that_are_not_there_are_refused_and_nothing_is_made(user: str) -> None:
    inside = Inside(jobs=True, image=PROJECT, nodes=("n1", "n9"))

    with pytest.raises(BadInput, match=r"There is no node `n9`\. There are: n1, n2, n3\."):
        gather(replace(request(user, "svc/otel", OPEN), inside=inside))


def test_an_image_that_cannot_be_pulled_is_said_with_the_way_out(user: str) -> None:
    inside = Inside(jobs=True, image="localhost/absent:1", nodes=("n1",))

    found = gather(replace(request(user, "svc/otel", OPEN), inside=inside))

    (said,) = [x.why for x in found.gaps if x.needs == "exports from the node n1"]
    assert said.startswith("name an image that can be pulled, with `--image`; ")


def test_of_one_target_the_ports_that_are_not_tried_are_said(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "_WINDOWS", 0)

    world = gather(request(user, "svc/otel", OPEN))

    assert world.seen.items == ()
    (said,) = [x.why for x in world.gaps if x.needs == "exports from outside"]
    assert said == "1 pod port left out; ask for one by its name"
