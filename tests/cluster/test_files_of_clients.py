"""Clients whose SDK is told everything by a file: what variables say of endpoints is then nothing to them."""

from typing import Any

import pytest

from dualstack.review import lint
from dualstack.testing.files import file
from tests.cluster.test_client_ways import cart, told
from tests.cluster.test_singly import asked
from tests.cluster.test_survey import client, variables
from tests.cluster.test_unaimed import why

Object = dict[str, Any]
FILE = variables(OTEL_EXPERIMENTAL_CONFIG_FILE="/etc/otel/otel.yaml")
BY_PROPERTY = variables(JAVA_TOOL_OPTIONS="-Dotel.config.file=/etc/otel/otel.yaml")
HELD = [{"name": "OTEL_CONFIG_FILE", "valueFrom": {"secretKeyRef": {"name": "sdk", "key": "file"}}}]
STALE = "http://otel.gone:4317"
SAID = "says where it exports to, and was not read; an SDK that takes it heeds no variable of an endpoint"


@pytest.mark.parametrize(
    ("env", "named"),
    [
        (FILE, "the file `/etc/otel/otel.yaml`"),
        (BY_PROPERTY, "the file `/etc/otel/otel.yaml`"),
        (HELD, "the file that Secret sdk names"),
    ],
)
@pytest.mark.parametrize("endpoint", [STALE, "http://localhost:4317", "http://otel.obs:4318"])
def test_a_file_decides_and_no_variable_is_followed(env: list[Object], named: str, endpoint: str) -> None:
    found = told(cart(endpoint, *env))

    assert not found.traces
    assert not found.findings
    (said,) = why(found)
    assert said.endswith(f"{named} {SAID}")
    every = asked(cart(endpoint, *env))
    assert not every.findings
    assert [x.why for x in every.skipped if x.needs == "the way of Deployment cart in shop"] == [f"{named} {SAID}"]


def test_where_a_file_decides_nobody_is_told_to_set_an_endpoint() -> None:
    (said,) = why(told(client("a", "n1", FILE)))

    assert "Set it" not in said
    assert said.endswith(SAID)


def test_a_file_beside_variables_may_hold_what_these_do_not_say() -> None:
    agent = variables(OTEL_JAVAAGENT_CONFIGURATION_FILE="/etc/otel/agent.properties")

    (said,) = why(told(client("a", "n1", agent)))
    assert "is not set, unless the file `/etc/otel/agent.properties` holds it" in said
    assert [x.code for x in told(cart("http://otel.gone.svc:4317", *agent)).findings] == ["DS408"]


@pytest.mark.parametrize(("more", "expected"), [("OTHER", ["DS110"]), ("OTEL_CONFIG_FILE", [])])
def test_in_files_as_well(more: str, expected: list[str]) -> None:
    env = f"{{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: 'http://localhost:4318'}}, {{name: {more}, value: /x}}"
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: shop}\nspec: {containers: [{name: shop, env: [%s]}]}\n"

    assert [x.code for x in lint(file(pod % env)).diagnosis.findings] == expected
