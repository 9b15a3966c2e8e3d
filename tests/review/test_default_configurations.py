"""Collectors that are given no configuration and run with the one in their image."""

import pytest

from dualstack.review import lint
from dualstack.testing.files import file

WORLD = """\
# dualstack lint --cluster-families IPv4,IPv6
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: otel}
spec:
  podSelector: {matchLabels: {app: otel}}
  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [%s]}]
---
apiVersion: v1
kind: Pod
metadata: {name: otel, labels: {app: otel}}
spec: {containers: [{name: otel, image: "%s"%s}]}
"""


def told(ports: str, image: str, more: str = "") -> list[str]:
    answer = lint(file(WORLD % (ports, image, more)))
    assert not answer.errors
    return [f"{x.severity} {x.detail.partition(' of the')[0]}" for x in answer.diagnosis.findings if x.code == "DS701"]


@pytest.mark.parametrize(
    ("ports", "image", "more", "found"),
    [
        ("{port: 4317}", "otel/opentelemetry-collector:0.139.0", "", 1),
        (
            "{port: 4318}",
            "ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-contrib",
            "",
            1,
        ),
        ("{port: 4318}", "registry.example:5000/otel/opentelemetry-collector-contrib:0.139.0@sha256:00", "", 1),
        ("{port: 4319}", "otel/opentelemetry-collector:0.139.0", "", 0),
        ("{port: 4317, protocol: UDP}", "otel/opentelemetry-collector:0.139.0", "", 0),
        # These images have none, and without arguments they do not start.
        ("{port: 4317}", "otel/opentelemetry-collector-k8s:0.139.0", "", 0),
        # Another configuration may be given.
        ("{port: 4317}", "otel/opentelemetry-collector:0.139.0", ", args: [--config=/etc/x.yaml]", 0),
        (
            "{port: 4317}",
            "otel/opentelemetry-collector:0.139.0",
            ", volumeMounts: [{name: x, mountPath: /etc/otelcol}]",
            0,
        ),
        ("{port: 4318}", "otel/opentelemetry-collector:0.139.0", ", ports: [{containerPort: 4317}]", 0),
    ],
)
def test_a_policy_is_judged_by_the_ports_of_the_configuration_in_the_image(
    ports: str, image: str, more: str, found: int
) -> None:
    assert len(told(ports, image, more)) == found


def test_a_container_that_prepares_the_pod_takes_no_telemetry() -> None:
    text = (WORLD % ("{port: 4317}", "otel/opentelemetry-collector:0.139.0", "")).replace(
        "{containers: [", "{containers: [{name: app, image: shop}], initContainers: ["
    )
    assert not [x for x in lint(file(text)).diagnosis.findings if x.code == "DS701"]
