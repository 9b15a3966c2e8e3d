"""Probes of the kubelet that ask a port on which nobody listens."""

import pytest

from dualstack.model.finding import Finding
from dualstack.review import lint
from dualstack.testing.files import file
from tests.rules.workloads import pod

OTLP = "receivers: {otlp: {protocols: {grpc: {endpoint: '${env:MY_POD_IP}:4317'}}}}\nexporters: {debug: {}}\n"
HEALTH = "extensions: {health_check: {endpoint: '${env:MY_POD_IP}:13133'}}\n"
SERVICE = "service: {extensions: [EXTENSIONS], pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}"
NOBODY = "Ask a port where the Collector listens; the extension `health_check` is made for that."
OPEN = "otlp/a: {protocols: {grpc: {endpoint: '0:${env:P}'}}}"
USED, IDLE = (OTLP + HEALTH + SERVICE.replace("EXTENSIONS", x) for x in ("health_check", ""))


def unheard(config: str, container: str, **instead: str) -> list[Finding]:
    return [x for x in lint(file(pod(config, container, **instead))).diagnosis.findings if x.code == "DS218"]


@pytest.mark.parametrize(
    ("config", "probe", "hint"),
    [
        (USED, "{httpGet: {port: 13134}}", "Ask port 13133, where `extensions/health_check` listens."),
        (IDLE, "{httpGet: {port: 13133}}", "Add `health_check` to `service.extensions`."),
        (IDLE.replace(HEALTH, ""), "{tcpSocket: {port: 13133}}", NOBODY),
        (IDLE, "{grpc: {port: 4318}}", NOBODY),
    ],
)
def test_a_probe_of_a_port_that_nobody_has_is_told(config: str, probe: str, hint: str) -> None:
    (found,) = unheard(config, f"readinessProbe: {probe}")

    assert found.hint == hint


def test_the_probes_of_one_port_are_told_once() -> None:
    probe = "{httpGet: {port: health}}"
    ports = "ports: [{name: health, containerPort: 13133}]"

    (found,) = unheard(IDLE, f"livenessProbe: {probe}\n          readinessProbe: {probe}\n          {ports}")

    assert "livenessProbe and readinessProbe" in found.detail
    assert len(found.evidence) == 3


ELSEWHERE = "readinessProbe: {httpGet: {port: 13134}}"
UNKNOWN = USED.replace("[health_check]", "[health_check, of_mine]").replace(
    "extensions: {", "extensions: {of_mine: {}, "
)


@pytest.mark.parametrize(
    ("config", "container", "spec"),
    [
        (USED, "readinessProbe: {httpGet: {port: 13133}}", ""),
        (USED, "readinessProbe: {httpGet: {port: 13134, host: example.com}}", ""),
        (USED, "readinessProbe: {exec: {command: [ls]}}", ""),
        (USED, "readinessProbe: {httpGet: {port: nobody}}", ""),
        (USED, ELSEWHERE, "hostNetwork: true"),
        (USED.replace("otlp:", f"{OPEN}, otlp:").replace("[otlp]", "[otlp/a]"), ELSEWHERE, ""),
        (UNKNOWN, ELSEWHERE, ""),
        (USED, f"{ELSEWHERE}\n        - {{name: other, image: other}}", ""),
    ],
    ids=["heard", "elsewhere", "program", "no-port", "node", "open-port", "unknown-component", "another-container"],
)
def test_a_probe_that_somebody_may_hear_is_not_told(config: str, container: str, spec: str) -> None:
    assert not unheard(config, container, spec=spec)
