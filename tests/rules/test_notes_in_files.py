"""Addresses that work where they stand, and values that are told of once."""

import pytest

from dualstack.review import lint
from dualstack.testing.files import file

SCRAPE = """\
receivers:
  prometheus/self: {config: {scrape_configs: [{static_configs: [{targets: ["%s"]}]}]}}
exporters: {debug: {}}
service:
  %s
  pipelines: {metrics: {receivers: [prometheus/self], exporters: [debug]}}
"""
METRICS = "telemetry: {metrics: {%s}}"


def told(text: str, code: str) -> list[str]:
    answer = lint(file(text))
    assert not answer.errors
    return [f"{x.severity} {x.location.line}" for x in answer.diagnosis.findings if x.code == code and x.location]


@pytest.mark.parametrize(
    ("target", "telemetry", "expected"),
    [
        ("0.0.0.0:8888", "extensions: []", ["info 2"]),
        ("0.0.0.0:8888", METRICS % "address: 0.0.0.0:8888", ["info 2"]),
        ("0.0.0.0:8888", METRICS % "level: none", ["warning 2"]),
        ("0.0.0.0:9999", "extensions: []", ["warning 2"]),
        # The listener has `localhost` of IPv4, or one address that is not the loopback.
        ("[::]:8888", "extensions: []", ["warning 2"]),
        ("0.0.0.0:8888", METRICS % "address: 10.9.0.5:8888", ["warning 2"]),
        ("0.0.0.0:8888", METRICS % 'address: "[::1]:8888"', ["warning 2"]),
        ("localhost:8888", "extensions: []", []),
    ],
)
def test_a_collector_that_scrapes_itself_over_a_wildcard_is_a_note(
    target: str, telemetry: str, expected: list[str]
) -> None:
    assert told(SCRAPE % (target, telemetry), "DS109") == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("{ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6]}", ["warning 3", "warning 3"]),
        ("{ipFamilies: [IPv6, IPv4]}", ["warning 3"]),
        ("\n  ipFamilies:\n    - IPv6 # first\n    - IPv4", ["warning 5"]),
        ("{ipFamilies: []}", []),
    ],
)
def test_families_that_a_chart_ignores_are_told_of_once_a_field(service: str, expected: list[str]) -> None:
    values = f"mode: deployment\nimage: {{repository: otel/opentelemetry-collector-k8s}}\nservice: {service}\n"
    assert told(values, "DS518") == expected
