"""Services without pods that nobody is known to use: a note in a survey, and an error where somebody may use them."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.reasons import reasons
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.evidence import Missing
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
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


def held() -> Object:
    """A client whose endpoint nobody here may read."""
    found = cart()
    ref = {"secretKeyRef": {"name": "otel", "key": "to"}}
    found["spec"]["containers"][0]["env"] = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "valueFrom": ref}]
    return found


def stray() -> Object:
    """A Collector that no Service leads to."""
    found = w.pod("otel-c", "n1")
    found["metadata"]["labels"] = {"app": "otel-new"}
    return found


def idle() -> Object:
    pods = {"metadata": {"labels": {"app": "otel-old"}}, "spec": {"containers": [{"name": "otelcol", "image": "x"}]}}
    about = {"name": "otel-old", "namespace": "obs"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": {"replicas": 0, "template": pods}}


def refused() -> Object:
    """The same where a quota keeps its pods away."""
    why = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    made = idle()
    return {**made, "spec": {**made["spec"], "replicas": 1}, "status": {"conditions": [why]}}


def alias() -> Object:
    about = {"name": "otlp", "namespace": "obs"}
    spec = {"type": "ExternalName", "externalName": "otel-old.obs.svc.cluster.local"}
    return {"kind": "Service", "metadata": about, "spec": spec}


def surveyed(*more: Object, gap: str = "", **instead: Any) -> Diagnosis:
    whole = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), *more)])
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
        ([old(), cart(), refused()], ""),
        ([old(), cart("http://10.96.0.77:4317")], ""),
        ([old(), alias(), cart("http://otlp.obs:4317")], ""),
        ([old(), cart()], "clients"),
    ],
    ids=[
        "no client",
        "its client",
        "clients of both",
        "a Collector without",
        "node port",
        "external",
        "refused",
        "by address",
        "by an alias",
        "gap",
    ],
)
def test_what_somebody_may_use_is_an_error(more: list[Object], gap: str) -> None:
    found = surveyed(*more, gap=gap)

    assert "DS509" in {x.code for x in found.findings if x.severity == "error"}
    assert found.verdict == "degraded"


NOBODY: Object = {"pods": [], "slices": w.endpoints([])}


@pytest.mark.parametrize(
    ("more", "instead", "gap", "severity"),
    [
        ([cart()], {}, "", "warning"),
        ([], {}, "", "warning"),
        ([cart(), stray()], {}, "", "warning"),
        ([client("bystander", "n1", [])], NOBODY, "", "error"),
        ([cart()], {}, "clients", "error"),
        ([cart("http://otel-old.obs:4317")], {}, "", "error"),
        ([cart("http://10.96.0.77:4317")], {}, "", "error"),
        ([alias(), cart("http://otlp.obs:4317")], {}, "", "error"),
        ([held()], {}, "", "error"),
    ],
    ids=["others", "no client", "a Collector without", "nobody at all", "gap", "its client", "by address",
         "by an alias", "an endpoint in a Secret"],
)  # fmt: skip
def test_what_somebody_scaled_to_zero_is_a_note_where_no_client_of_it_is_known(
    more: list[Object], instead: Object, gap: str, severity: str
) -> None:
    found = surveyed(old(), idle(), *more, gap=gap, **instead)

    (one,) = [x for x in found.findings if x.code == "DS509" and "otel-old" in x.detail]
    assert one.severity == severity
    assert one.hint.startswith("Scale it up")
    assert one.hint.endswith("it may rest on purpose.") is (severity == "warning")
    assert one.fix is not None
    assert one.fix.commands
    assert any(x.required for x in found.traces if x.target.host == "otel-old.obs.svc") is (severity == "error")


def test_what_rests_is_told_with_another_service_of_its_workload_that_clients_use() -> None:
    twin = old()
    twin["metadata"]["name"] = "otel-headless"

    found = surveyed(twin, old(), idle(), cart("http://otel-old.obs:4317"))

    (one,) = [x for x in found.findings if x.code == "DS509"]
    assert one.severity == "error"
    assert one.detail.endswith("whose pods Service otel-old selects, has `replicas: 0`. The same is true of Service "
                               "otel-headless.")  # fmt: skip


def test_who_asks_about_it_alone_is_told_an_error() -> None:
    whole = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(), old(), idle(), cart())])
    ask = Asker(Stored(whole, complete=True), "obs")
    world = of(ask, KubeTarget("svc", "otel-old"))
    reasons(ask, lambda _: None)

    (one,) = [x for x in conclude(world, Question()).findings if x.code == "DS509"]
    assert one.severity == "error"


def test_one_that_a_client_names_is_told_apart_from_one_at_rest() -> None:
    used, of_it = deepcopy(old()), deepcopy(idle())
    used["metadata"]["name"] = of_it["metadata"]["name"] = "otel-used"
    used["spec"] |= {"clusterIP": "10.96.0.78", "clusterIPs": ["10.96.0.78"], "selector": {"app": "otel-used"}}
    of_it["spec"]["template"]["metadata"]["labels"] = {"app": "otel-used"}

    found = surveyed(old(), idle(), used, of_it, cart("http://otel-used.obs:4317"))

    told = {x.detail.split()[1].rstrip(","): x for x in found.findings if x.code == "DS509"}
    assert {k: str(v.severity) for k, v in told.items()} == {"otel-old": "warning", "otel-used": "error"}
    assert all(x.fix and f"deployment {k} " in x.fix.commands[0] for k, x in told.items())
