"""Clients that are switched off, or told no endpoint: a warning, where they and where all are asked about."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.overview import conclude_all
from dualstack.rules.registry import rules
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import config_map, gathered, told
from tests.cluster.test_survey import client, variables

Object = dict[str, Any]
OTEL = "http://otel.obs:4317"
OFF = variables(OTEL_EXPORTER_OTLP_ENDPOINT=OTEL, OTEL_SDK_DISABLED="true")
SLIP = variables(OTEL_EXPORTER_OLTP_ENDPOINT=OTEL)
HTTP = variables(OTEL_SERVICE_NAME="cart", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")


def of_all(*pods: Object, **more: Any) -> Diagnosis:
    held = Stored(w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(), *pods)]), complete=True)
    return conclude_all(survey(Asker(held, "")), Question(), **more)


def said(found: Diagnosis) -> list[tuple[str, str, str]]:
    return [(x.code, str(x.severity), x.hint) for x in found.findings]


@pytest.mark.parametrize(
    ("env", "code", "hint"),
    [
        (OFF, "DS808", "Take that out of the environment of the pods, where they are meant to send."),
        (SLIP, "DS110", "Rename `OTEL_EXPORTER_OLTP_ENDPOINT` to `OTEL_EXPORTER_OTLP_ENDPOINT`."),
        (HTTP, "DS110", "Set it: `OTEL_EXPORTER_OTLP_ENDPOINT=http://NAME.NAMESPACE:4318`."),
        (
            variables(OTEL_TRACES_EXPORTER="otlp"),
            "DS110",
            "Set it: `OTEL_EXPORTER_OTLP_ENDPOINT=http://NAME.NAMESPACE:4317`, or 4318 for HTTP.",
        ),
    ],
    ids=["off", "misspelt", "without an endpoint", "without a protocol"],
)
def test_who_sends_nothing_is_told_so_by_a_warning(env: list[Object], code: str, hint: str) -> None:
    for found in (told(client("a", "n1", env)), of_all(client("a", "n1", env), client("bb", "n2", env))):
        assert said(found) == [(code, "warning", hint)]
        assert "Deployment shop/cart" in found.findings[0].detail
        assert found.verdict == "unknown"


AGENT = {"name": "proxy", "image": "example.com/agent:1"}


@pytest.mark.parametrize(
    "pod",
    [
        client("a", "n1", [*HTTP, *variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.obs:4318")]),
        client("a", "n1", [*HTTP, *variables(OTEL_EXPERIMENTAL_CONFIG_FILE="/etc/otel.yaml")]),
        client("a", "n1", [*HTTP, *variables(JAVA_OPTS="-Dotel.javaagent.configuration-file=/x")]),
        client("a", "n1", [], containers=[{"name": "x", "env": HTTP, "args": ["-Dotel.config.file=/x"]}]),
        client("a", "n1", HTTP, hostNetwork=True),
        client("a", "n1", HTTP, containers=[{"name": "cart", "image": "cart", "env": HTTP}, AGENT]),
        client("a", "n1", variables(OTEL_COLLECTOR_ENDPOINT=OTEL)),
        client("a", "n1", [*HTTP, *variables(OTEL_COLLECTOR_NAME="otel.obs")]),
        client("a", "n1", variables(OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="cumulative")),
        client("a", "n1", variables(OTEL_METRICS_EXPORTER="none")),
        client("a", "n1", []),
        client("a", "n1", [], containers=[{"name": "x", "env": HTTP, "envFrom": [{"secretRef": {"name": "s"}}]}]),
        client("a", "n1", [], containers=[{"name": "x", "env": HTTP, "ports": [{"containerPort": 4318}]}]),
    ],
)
def test_who_may_send_somewhere_is_left_alone(pod: Object) -> None:
    assert not of_all(pod).findings
    assert not {x.code for x in told(pod).findings} & {"DS808", "DS110"}


@pytest.mark.parametrize("name", ["QUARKUS_OTEL_EXPORTER_OTLP_ENDPOINT", "LS_EXPORTER_OTLP_ENDPOINT"])
def test_a_variable_of_a_framework_is_no_slip(name: str) -> None:
    pod = client("a", "n1", [*variables(**{name: OTEL}), *HTTP])

    assert not of_all(pod).findings
    (why,) = [x.why for x in told(pod).skipped if x.needs == "ports for OTLP"]
    assert "Rename" not in why


def by_script(script: str, *env: Object) -> Object:
    words = {"command": ["sh", "-c"], "args": [script]}
    return client("a", "n1", [], containers=[{"name": "cart", "image": "cart", "env": [*HTTP, *env], **words}])


@pytest.mark.parametrize(
    ("pod", "codes"),
    [
        (by_script("OTEL_SDK_DISABLED=true ./app; touch /done", *OFF[:1]), ["DS808"]),
        (by_script("exec env -u OTEL_SDK_DISABLED ./app", *OFF), []),
        (by_script(f"export OTEL_EXPORTER_OTLP_ENDPOINT={OTEL}; exec ./app"), []),
        (by_script("export OTEL_EXPORTER_OTLP_ENDPOINT=$(cat /x); exec ./app"), []),
        (by_script("exec env -u OTEL_EXPORTER_OTLP_ENDPOINT ./app", *OFF[:1]), ["DS110"]),
    ],
    ids=["off", "on", "told", "perhaps told", "not told"],
)
def test_what_a_script_sets_and_takes_away_counts(pod: Object, codes: list[str]) -> None:
    for found in (told(pod), of_all(pod)):
        assert [x.code for x in found.findings if x.code in {"DS808", "DS110"}] == codes


NO_KEY = "couldn't find key endpoint in ConfigMap shop/tele"
KEY = [
    {
        "name": "OTEL_EXPORTER_OTLP_ENDPOINT",
        "valueFrom": {"configMapKeyRef": {"name": "tele", "key": "endpoint"}},
    }
]


def waiting(pod: Object, message: str = NO_KEY) -> Object:
    (container,) = pod["spec"]["containers"]
    state = {"waiting": {"reason": "CreateContainerConfigError", "message": message}}
    status = {"phase": "Pending", "conditions": [], "containerStatuses": [{"name": container["name"], "state": state}]}
    return {**pod, "status": {**pod["status"], **status}}


def test_who_waits_for_a_key_is_told_that_nothing_runs() -> None:
    pod, held = waiting(client("a", "n1", KEY)), config_map("tele", ENDPOINT=OTEL)
    for found in (told(pod, more=[held]), of_all(pod, held)):
        (one,) = found.findings
        assert (one.code, one.severity, one.summary) == ("DS507", "warning", "Pods of the client do not run")
        assert NO_KEY in one.detail
        assert "ConfigMap tele has no key `endpoint`, where they read it; it has `ENDPOINT`" in one.hint
        assert found.verdict == "unknown"
        assert "loopback" not in str(found.skipped)
    asked = told(pod, more=[held])
    assert [x.why.endswith("see to that first") for x in asked.skipped if x.needs == "ports for OTLP"] == [True]


def test_what_else_pods_wait_for_is_told_with_how_many_do() -> None:
    secret = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}]
    pods = [client("a", "n1", secret), waiting(client("bb", "n2", secret), 'secret "keys" not found')]
    world = gathered(pods[0])
    world.objects["Pod"].append(pods[1])
    (one,) = conclude(world, Question()).findings

    assert one.summary == "1 of the client's 2 pods does not run"
    assert 'for its container cart: secret "keys" not found' in one.detail
    assert one.hint == "Make what they wait for, or correct its name in the pods."
    assert not of_all(*pods).findings


def test_who_leaves_a_rule_out_is_not_told_of_it() -> None:
    some = tuple(x for x in rules() if x.code not in ("DS110", "DS808"))

    assert not of_all(client("a", "n1", SLIP), chosen=some).findings
    assert not of_all(client("a", "n1", OFF), chosen=some).findings


def test_one_of_several_that_sends_is_no_reason_to_say_it_of_all() -> None:
    assert not told(client("a", "n1", OFF), client("bb", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT=OTEL))).traces


def test_those_of_whom_the_same_is_true_are_told_together() -> None:
    others = [client(x, "n1", OFF) for x in ("bb", "ccc")]
    for number, each in enumerate(others):
        each["metadata"]["ownerReferences"] = [{"kind": "StatefulSet", "name": f"s{number}", "controller": True}]
    (found,) = of_all(client("a", "n1", OFF), *others).findings

    assert found.detail.endswith(" The same is true of pod shop/bb, pod shop/ccc.")


def test_who_sends_nothing_by_otlp_alone_is_told_so_where_it_is_asked_about() -> None:
    off = variables(OTEL_METRICS_EXPORTER="prometheus", OTEL_TRACES_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
    found = told(client("a", "n1", off))

    (why,) = [x.why for x in found.skipped if x.needs == "ports for OTLP"]
    assert why.startswith("by `OTEL_TRACES_EXPORTER=none`, `OTEL_METRICS_EXPORTER=prometheus`")
    assert not of_all(client("a", "n1", off)).findings


SECRET = {"envFrom": [{"secretRef": {"name": "keys"}}]}
RUNS = {"running": {"startedAt": "2026-03-01T10:00:00Z"}}


@pytest.mark.parametrize(
    ("env", "more", "beside", "told_of"),
    [
        (variables(OTEL_SERVICE_NAME="cart"), {}, {"name": "backup", **SECRET}, False),
        ([], SECRET, {"name": "backup"}, True),
        ([], {}, {"name": "backup"}, False),
        ([], {}, {"name": "istio-proxy"}, True),
    ],
)
def test_a_container_that_exports_nothing_does_not_stand_for_its_pod(
    env: list[Object], more: Object, beside: Object, *, told_of: bool
) -> None:
    """The one that cannot be made is `backup` where another one of the pod is told to export."""
    pod = client("a", "n1", env)
    pod["spec"]["containers"][0] |= more
    stuck, fine = (beside, pod["spec"]["containers"][0]) if env else (pod["spec"]["containers"][0], beside)
    pod["spec"]["containers"].append(beside)
    state = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "keys" not found'}}
    pod["status"]["containerStatuses"] = [
        {"name": stuck["name"], "state": state},
        {"name": fine["name"], "state": RUNS},
    ]

    said = [x for x in told(pod).findings if x.summary == "Pods of the client do not run"]
    assert bool(said) is told_of
