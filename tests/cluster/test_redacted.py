"""Values that somebody hid before the objects were stored: nobody knows what they were, and they are no fault."""

from typing import Any

import pytest

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.reach.redacted import hides_host, is_redacted
from tests.cluster import test_onward as onward
from tests.cluster.test_client_ways import cart, config_map, told
from tests.cluster.test_survey import client, variables

Object = dict[str, Any]
HIDDEN = [
    "***HIDDEN***",
    "http://***HIDDEN***:4317",
    "<redacted>",
    "REDACTED",
    "http://xxxx:4317",
    "http://10.x.x.x:4317",
]


def is_open(found: Diagnosis) -> bool:
    return found.verdict is Verdict.UNKNOWN and not found.traces and not found.findings


@pytest.mark.parametrize("value", HIDDEN)
def test_a_hidden_endpoint_is_not_known(value: str) -> None:
    found = told(cart(value))

    assert is_open(found)
    (why,) = [x.why for x in found.skipped if x.needs == "ports for OTLP"]
    said = "was hidden by who stored it, so nobody knows where it leads"
    assert why == f"`OTEL_EXPORTER_OTLP_ENDPOINT={value}` of the pod a {said}"
    assert "its value was hidden by who stored it" in {x.why for x in found.skipped}


def test_one_that_speaks_of_a_hidden_variable_is_hidden_too() -> None:
    assert is_open(told(cart("http://$(HOST):4317", *variables(HOST="<redacted>"))))


def test_one_in_a_config_map_or_a_property_is_no_other() -> None:
    source = {"configMapRef": {"name": "tele"}}
    pod = client("a", "n1", [], envFrom=[source])
    pod["spec"]["containers"][0]["envFrom"] = [source]
    kept = config_map("tele", OTEL_EXPORTER_OTLP_ENDPOINT="[REDACTED]")
    by_property = client("a", "n1", variables(JAVA_TOOL_OPTIONS="-Dotel.exporter.otlp.endpoint=http://***:4317"))

    assert is_open(told(pod, more=[kept]))
    assert is_open(told(by_property))


def test_what_hides_who_a_client_is_leaves_where_it_sends() -> None:
    found = told(cart("http://***HIDDEN***@otel.obs:4317"))

    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}


def test_a_hidden_exporter_may_be_that_of_otlp() -> None:
    names = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")
    hidden = variables(**dict.fromkeys(names, "***HIDDEN***"))

    assert told(cart("http://otel.obs:4317", *hidden)).traces


def test_where_a_collector_sends_on_may_be_hidden() -> None:
    found = onward.asked("otlp: {endpoint: '***HIDDEN***', tls: {insecure: true}}")

    assert is_open(found)


@pytest.mark.parametrize(
    "endpoint",
    ["http://otel:4317", "http://hidden:4317", "http://xxl:4317", "http://otel-redactor:4317", "", "http://o/***"],
)
def test_names_are_no_marks(endpoint: str) -> None:
    assert not hides_host(endpoint)


def test_marks_are_of_any_value() -> None:
    assert all(map(is_redacted, ("[MASKED]", "HIDDEN", "x.x.x.x", "<redacted:env>", "*****")))
    assert not is_redacted("$(HOST)")
