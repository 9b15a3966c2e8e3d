"""Services without pods that nobody is known to use: a note in a survey, and an error where somebody may use them."""

from typing import Any

import pytest

from dualstack.gather.cluster import Asker
from dualstack.gather.reasons import reasons
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.evidence import Missing
from dualstack.model.question import Question
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_survey import client, variables

Object = dict[str, Any]


def old(**spec: Any) -> Object:
    found = w.service(selector={"app": "otel-old"}, **spec)
    found["metadata"]["name"] = "otel-old"
    found["spec"] |= {"clusterIP": "10.96.0.77", "clusterIPs": ["10.96.0.77"], "ipFamilies": ["IPv4"]}
    return found


def cart(endpoint: str = "http://otel.obs:4317", name: str = "a") -> Object:
    return client(name, "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint))


def stray() -> Object:
    """A Collector that no Service leads to."""
    found = w.pod("otel-c", "n1")
    found["metadata"]["labels"] = {"app": "otel-new"}
    return found


def idle() -> Object:
    pods = {"metadata": {"labels": {"app": "otel-old"}}, "spec": {"containers": [{"name": "otelcol", "image": "x"}]}}
    about = {"name": "otel-old", "namespace": "obs"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": {"replicas": 0, "template": pods}}


def surveyed(*more: Object, gap: str = "") -> Diagnosis:
    whole = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(), *more)])
    ask = Asker(Stored(whole, complete=True), "")
    world = survey(ask)
    reasons(ask, lambda _: None)
    world.gaps += [Missing(gap, "nobody knows")] if gap else []
    return conclude_all(world, Question())


def test_what_no_known_client_names_and_others_stand_in_for_is_a_note() -> None:
    found = surveyed(old(), cart())

    assert {x.severity for x in found.findings if "otel-old" in str(x.flows)} == {"warning"}
    (one,) = [x for x in found.findings if x.code == "DS509"]
    assert one.hint.startswith("Delete it, if nobody needs it")
    assert one.fix is not None
    assert not one.fix.commands
    assert found.verdict == "unknown"


@pytest.mark.parametrize(
    ("more", "gap"),
    [
        ([old()], ""),
        ([old(), cart("http://otel-old.obs:4317")], ""),
        ([old(), cart(), cart("http://otel-old.obs:4317", "bb")], ""),
        ([old(), cart(), stray()], ""),
        ([old(type="NodePort"), cart()], ""),
        ([old(externalIPs=["192.0.2.1"]), cart()], ""),
        ([old(), cart(), idle()], ""),
        ([old(), cart()], "clients"),
    ],
    ids=["no client", "its client", "clients of both", "a Collector without", "node port", "external", "idle", "gap"],
)
def test_what_somebody_may_use_is_an_error(more: list[Object], gap: str) -> None:
    found = surveyed(*more, gap=gap)

    assert "DS509" in {x.code for x in found.findings if x.severity == "error"}
    assert found.verdict == "degraded"
