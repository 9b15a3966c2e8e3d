"""Objects of one name in two namespaces are told apart, in every place that is named."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import sight
from dualstack.gather.archive import packed
from dualstack.gather.as_files import declared
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.veil import veiled_world
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING
from dualstack.model.world import World
from dualstack.overview import conclude_all
from dualstack.report.json import render
from tests.cluster import worlds as w
from tests.cluster.test_inside import in_pod
from tests.cluster.test_survey import client, everything, variables, whole

Object = dict[str, Any]


def twins(**of_lab: Any) -> list[Object]:
    """The Collector of the namespace obs once more, in the namespace lab; some of its objects replaced."""
    shared: dict[str, list[Object]] = {"nodes": [], "ranges": []}
    made = []
    for item in deepcopy(w.healthy(**shared, **of_lab)):
        item["metadata"]["namespace"] = "lab"
        for endpoint in item.get("endpoints") or ():
            endpoint["targetRef"]["namespace"] = "lab"
        made.append(item)
    return made


def look(place: str, outcome: Outcome) -> Glimpse:
    return Glimpse(place, 4317, Protocol.GRPC, Way.ADDRESS, outcome, "")


def both(*more: Object, **of_lab: Any) -> World:
    found = everything(whole(*twins(**of_lab), *more))
    found.target = str(EVERYTHING)
    return found


def told(found: Diagnosis) -> list[tuple[str, str]]:
    return [(x.code, x.detail) for x in found.findings]


def test_a_pod_is_named_with_its_namespace() -> None:
    found = conclude_all(both(configs=[w.config(grpc="127.0.0.1:4317")]), Question())

    assert {x.server for x in found.traces if x.target.host == "otel.obs.svc"} == {"pod obs/otel-a"}
    assert {y for x in found.traces if x.failed for y in x.servers} == {"pod lab/otel-a", "pod lab/otel-b"}
    (fault,) = [x for x in found.findings if not x.because]
    assert fault.code == "DS202"
    assert {y for x in found.traces if x.key in fault.flows for y in (x.target.host,)} == {"otel.lab.svc"}


def test_one_namespace_is_not_named() -> None:
    found = conclude_all(everything(whole()), Question())

    assert {x.server for x in found.traces} == {"pod otel-a"}


def test_the_same_fault_of_two_services_of_one_name_is_told_of_both() -> None:
    alone = {"services": [w.service(selector={"app": "nobody"})], "slices": w.endpoints([])}
    world = everything(whole(*twins(**alone), **deepcopy(alone)))

    (fault,) = [x for x in conclude_all(world, Question()).findings if x.code == "DS509"]

    assert "of Service obs/otel" in fault.detail
    assert "The same is true of Service lab/otel." in fault.detail


def test_a_look_at_one_says_nothing_of_the_other() -> None:
    world = both()
    world.seen = Glimpses((look("pod lab/otel-a", Outcome.REFUSED),))

    seen = sight(world, Question())

    ended = {x.server for x in seen.traces.items if x.failed}
    assert ended == {"pod lab/otel-a"}


def test_a_look_inside_of_one_says_nothing_of_the_other() -> None:
    world = both()
    world.inspections = [replace(in_pod(), namespace="lab", pod="otel-a")]

    seen = sight(world, Question())

    assert [k for k, x in seen.places.items() if x.observed is not None] == [("lab", "otel-a")]


def test_a_look_is_known_again_in_a_narrower_question(tmp_path: Path) -> None:
    world = both()
    world.seen = Glimpses((look("pod obs/otel-a", Outcome.REFUSED),))
    (tmp_path / "w").write_bytes(packed(world, "1"))

    again = stored(ClusterRequest(None, stored=str(tmp_path / "w"), namespace="obs"))

    assert {x.server for x in sight(again, Question()).traces.items if x.failed} == {"pod otel-a"}


def test_clients_of_one_name_are_told_apart() -> None:
    lost = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://gone.obs.svc:4317")
    other = client("a", "n1", lost)
    other["metadata"]["namespace"] = "market"

    found = conclude_all(everything(whole(client("a", "n1", lost), other)), Question())

    vantages = {x.vantage for x in found.traces if x.target.host == "gone.obs.svc"}
    assert vantages == {"pods of Deployment market/cart", "pods of Deployment shop/cart"}
    facts = {(y.evidence[0].source) for x in found.traces for y in x.hops if x.target.host == "gone.obs.svc" and y.mark}
    assert facts == {"pod market/a", "pod shop/a"}


def test_a_pod_is_not_hidden_by_a_workload_of_another_namespace() -> None:
    owned = [w.pod("otel-a", "n1")]
    owned[0]["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "otel"}]
    world = everything(whole(*twins(pods=owned, workloads=[]), pods=deepcopy(owned)))

    _, texts = declared(world, Question())

    assert "lab/pod/otel-a.yaml" in texts
    assert "obs/deployment/otel.yaml" in texts


def test_a_snapshot_says_the_same(tmp_path: Path) -> None:
    world = both(configs=[w.config(grpc="127.0.0.1:4317")])
    world.seen = Glimpses((look("pod lab/otel-a", Outcome.REFUSED), look("pod obs/otel-a", Outcome.CONNECTED)))
    (tmp_path / "w").write_bytes(packed(world, "1"))

    again = conclude_all(stored(ClusterRequest(None, stored=str(tmp_path / "w"))), Question())
    veiled = conclude_all(veiled_world(world, Pseudonyms(b"k" * 32)), Question())

    first = conclude_all(world, Question())
    assert render(again) == render(first)
    assert [x.code for x in veiled.findings] == [x.code for x in first.findings]
    assert [(x.family, x.disposition) for x in veiled.traces] == [(x.family, x.disposition) for x in first.traces]
    assert {x.server.count("/") for x in veiled.traces if x.server} == {1}
