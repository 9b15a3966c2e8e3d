"""What containers export for a client, and what a client posts."""

from typing import Any

import pytest

from dualstack.conclusion import sight
from dualstack.gather.inside import Errand
from dualstack.looks import errand
from dualstack.model.diagnosis import Verdict
from dualstack.model.probe import Options
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status
from dualstack.report.verbs.flows import clients
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import ENDPOINT, OWN_SEARCH, cart, gathered, sidecar, told
from tests.cluster.test_survey import Object, client, variables


def test_what_a_secret_holds_is_told_as_a_gap() -> None:
    pod = client("a", "n1", [])
    pod["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "otel"}}]

    assert "Secret otel may hold where it exports to, and Secrets are never read" in {x.why for x in told(pod).skipped}
    held = client("a", "n1", [{"name": ENDPOINT, "valueFrom": {"secretKeyRef": {"name": "otel", "key": "to"}}}])
    assert "Secret otel holds it, which was not read" in {x.why for x in told(held).skipped}


def test_a_collector_that_a_service_leads_to_is_asked_about_as_a_receiver() -> None:
    pod, *rest = sidecar()
    service = {
        "kind": "Service",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"selector": {"app": "cart"}, "ports": [{"port": 4317}]},
    }

    assert not gathered(pod, more=[*rest, service]).clients
    service["spec"]["ports"] = [{"port": 8080}]  # type: ignore[index]
    assert gathered(pod, more=[*rest, service]).clients


def planned(*pods: Object, **instead: Any) -> Errand:
    world = gathered(*pods, **instead)
    return errand(sight(world, Question()), world, Options(1.0))


def test_containers_export_where_the_client_does_as_it_resolves_names() -> None:
    found = planned(cart("http://otel:4317", **OWN_SEARCH, hostAliases=[{"ip": "10.0.0.7", "hostnames": ["x"]}]))

    assert "grpc://otel:4317" in found.targets
    assert found.nodes == ("n1",)
    assert [x.metadata.name for x in found.askers] == ["a"]
    assert {x.metadata.name for x in found.pods} == {"otel-a"}
    assert found.resolver == {
        "dnsConfig": OWN_SEARCH["dnsConfig"],
        "hostAliases": [{"ip": "10.0.0.7", "hostnames": ["x"]}],
    }


@pytest.mark.parametrize(("policy", "used"), [(None, "Default"), ("ClusterFirst", "Default"), ("None", "None")])
def test_a_job_looks_names_up_as_a_pod_in_the_network_of_its_node(policy: str | None, used: str) -> None:
    said = {"dnsPolicy": policy} if policy else {}

    assert planned(cart("http://otel.obs:4317", hostNetwork=True, **said)).resolver == {"dnsPolicy": used}


def test_the_loopback_of_a_client_is_tried_in_its_pod_alone() -> None:
    pod, *rest = sidecar()
    found = planned(pod, more=rest)

    assert found.own == ("grpc://localhost:4317", "grpc://[::1]:4317")
    assert not found.targets


@pytest.mark.parametrize("endpoint", ["http://$(TO):4317", "http://fd00:96::9:4317"])
def test_what_is_no_address_is_not_tried(endpoint: str) -> None:
    assert planned(cart(endpoint)).targets == ()


def test_literals_and_whole_services_are_tried_as_they_are_written() -> None:
    assert "grpc://10.96.0.9:4317" in planned(cart("http://10.96.0.9:4317")).targets
    assert "grpcs://otel.obs:4317" in planned(cart("https://otel.obs:4317")).targets

    whole = w.world(w.healthy())
    assert "grpc://otel.obs.svc:4317" in errand(sight(whole, Question()), whole, Options(1.0)).targets


PATHS = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.obs:4318", ""),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.obs:4318/", ""),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.obs:4318/v1/traces", "/v1/traces/v1/traces"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://otel.obs:4318", "/"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://otel.obs:4318/v1/traces", ""),
]


@pytest.mark.parametrize(("variable", "endpoint", "path"), PATHS)
def test_the_path_that_a_client_posts_to_is_that_of_the_specification(variable: str, endpoint: str, path: str) -> None:
    found = told(client("a", "n1", variables(**{variable: endpoint})))

    assert [x.detail for x in found.findings if x.code == "DS904"] == (
        [f"Clients post to `{path}`, and the receiver serves `/v1/traces` and its like."] if path else []
    )
    right = "http://otel.obs:4318" + ("/v1/traces" if "TRACES" in variable else "")
    assert all(x.hint.startswith(f"Set `{variable}={right}`: ") for x in found.findings if x.code == "DS904")


@pytest.mark.parametrize(
    ("sent", "verdict"),
    [
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "none"}, "broken"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "otlp"}, "broken"),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, "unknown"),
    ],
    ids=["metrics-alone", "no-traces", "traces-too"],
)
def test_a_client_nothing_of_which_has_a_pipeline_is_broken(sent: dict[str, str], verdict: str) -> None:
    found = told(cart("http://otel.obs:4318", *variables(**sent)))

    assert found.verdict == verdict
    assert not any(x.signals for x in found.traces)


def at(**paths: str) -> Object:
    """A Collector that takes signals at these paths."""
    config = w.config()
    said = "".join(f", {k}_url_path: {v}" for k, v in paths.items())
    text = config["data"]["config.yaml"]
    config["data"]["config.yaml"] = text.replace('"0.0.0.0:4318"', f'"0.0.0.0:4318"{said}')
    return config


BELOW = at(traces="otlp/v1/traces", metrics="/otlp/v1/metrics", logs="/otlp/v1/logs")
HTTP = "http://otel.obs:4318"
OWN_PATHS = {
    "right": (BELOW, f"{HTTP}/otlp", "", ""),
    "slash": (BELOW, f"{HTTP}/otlp/", "", ""),
    "wrong": (BELOW, HTTP, "/otlp/v1/traces", f"`{ENDPOINT}={HTTP}/otlp`: it is a base"),
    "others": (at(metrics="/in"), HTTP, "", ""),
    "unknown": (at(traces='"${env:NOWHERE}"'), HTTP, "", ""),
    "no-base": (
        at(traces="/in"),
        HTTP,
        "/in",
        " and ".join(
            f"`OTEL_EXPORTER_OTLP_{x.upper()}_ENDPOINT={HTTP}{path}`"
            for x, path in (("traces", "/in"), ("metrics", "/v1/metrics"), ("logs", "/v1/logs"))
        ),
    ),
}


@pytest.mark.parametrize(("config", "endpoint", "served", "right"), OWN_PATHS.values(), ids=OWN_PATHS)
def test_a_receiver_of_paths_of_its_own(config: Object, endpoint: str, served: str, right: str) -> None:
    found = told(cart(endpoint), configs=[config])

    said = [x for x in found.findings if x.code == "DS904"]
    wanted = [f"Clients post to `/v1/traces`, and the receiver serves `{served}`."] if served else []
    assert [x.detail for x in said] == wanted
    assert all(x.hint.startswith(f"Set {right}") for x in said)
    assert (found.verdict is Verdict.BROKEN) is bool(served)


def test_exports_are_made_where_a_receiver_takes_them() -> None:
    world = w.world(w.healthy(configs=[BELOW]))
    seen = sight(world, Question())

    made = errand(seen, world, Options(1.0)).targets

    assert {x.partition("4318")[2] for x in made if "4318" in x} == {"/otlp"}
    assert {x.partition("4317")[2] for x in made if "4317" in x} == {""}


def test_what_an_init_container_exports_counts() -> None:
    pod = client("a", "n1", [])
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.obs:4316")
    pod["spec"]["initContainers"] = [{"name": "first", "image": "first", "env": env}]

    assert "DS508" in {x.code for x in told(pod).findings}


def test_whether_a_client_takes_an_endpoint_of_http_without_a_scheme_is_not_known() -> None:
    found = told(cart("otel.obs:4318"))

    assert {x.at(Hop.ENDPOINT).status for x in found.traces} == {Status.UNKNOWN}
    assert found.verdict is Verdict.UNKNOWN
    assert {x.at(Hop.ENDPOINT).status for x in told(cart("otel.obs:4317")).traces} == {Status.PASS}


def test_a_pod_with_a_variable_for_each_signal_is_one_pod() -> None:
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", *(f"OTEL_EXPORTER_OTLP_{x}_ENDPOINT" for x in ("TRACES", "METRICS")))
    pod = client("a", "n1", variables(**dict.fromkeys(names, "http://otel.obs:4318/v1/traces")))
    pod["spec"]["containers"].append({**pod["spec"]["containers"][0], "name": "second"})

    found = told(pod)

    assert {x.pods for x in found.exporters} == {1}
    lines = [x.text for x in clients(found.exporters, found.traces, found.skipped)]
    assert "    - otel.obs: 1 pod, of Deployment cart in shop" in lines
