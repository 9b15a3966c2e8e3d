"""A listener on one address behind a Service: by the families that the Service connects over."""

import pytest

from dualstack.model.finding import Finding
from dualstack.review import lint
from dualstack.testing.files import file

ALONE = """---
apiVersion: v1
kind: Service
metadata: {{name: otel}}
spec: {{selector: {{app: otel}}, {families} ports: [{{port: 4317}}]}}
"""
DUAL = "# dualstack lint --cluster-families IPv4,IPv6\n"
SIX_FIRST = "# dualstack lint --cluster-families IPv6,IPv4\n"


def told(call: str, address: str, *families: str) -> list[str]:
    """What DS204 says of a Collector on that address behind such Services."""
    every = found(call, address, *families)
    return [f"{x.severity} {x.families[0].title}" for x in every if x.code == "DS204"]


def found(call: str, address: str, *families: str) -> tuple[Finding, ...]:
    """What is said of such a Collector."""
    text = f"""{call}apiVersion: v1
kind: Pod
metadata: {{name: otel, labels: {{app: otel}}}}
spec:
  containers:
    - name: otel
      image: otel/opentelemetry-collector:0.139.0
      env: [{{name: IP, valueFrom: {{fieldRef: {{fieldPath: status.podIP}}}}}}]
      volumeMounts: [{{name: config, mountPath: /conf}}]
  volumes: [{{name: config, configMap: {{name: otel}}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: otel}}
data: {{config.yaml: 'receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "{address}"}}}}}}}}'}}
{"".join(ALONE.format(families=x) for x in families)}"""
    answer = lint(file(text))
    assert not answer.errors
    return answer.diagnosis.findings


@pytest.mark.parametrize(("address", "first"), [("${env:IP}:4317", True), ("0.0.0.0:4317", False)])
def test_a_receiver_on_one_address_comes_before_its_service(address: str, first: bool) -> None:
    """The Service that gets the other family leads it to pods that refuse it."""
    (one,) = [x for x in found(DUAL, address, "ipFamilyPolicy: SingleStack, ipFamilies: [IPv4],") if x.code == "DS501"]

    wants = "Let the receiver listen on every address and not on `${env:IP}:4317`; then set"
    assert one.hint.startswith(wants if first else "Set")
    assert one.fix is not None
    assert (one.fix.applicability == "safe") is not first


@pytest.mark.parametrize(
    ("call", "address", "families", "expected"),
    [
        (DUAL, "[${env:IP}]:4317", ["ipFamilyPolicy: SingleStack, ipFamilies: [IPv6],"], ["error IPv6"]),
        (DUAL, "[${env:IP}]:4317", ["ipFamilies: [IPv6],"], ["error IPv6"]),
        (DUAL, "[${env:IP}]:4317", ["ipFamilyPolicy: SingleStack, ipFamilies: [IPv4],"], []),
        (DUAL, "[${env:IP}]:4317", [""], []),
        (SIX_FIRST, "[${env:IP}]:4317", ["ipFamilies: [IPv4],"], ["error IPv4"]),
        (SIX_FIRST, "[${env:IP}]:4317", ["ipFamilies: [IPv6],"], []),
        (DUAL, "[${env:IP}]:4317", ["ipFamilyPolicy: RequireDualStack,"], ["error IPv6"]),
        (DUAL, "[${env:IP}]:4317", ["ipFamilies: [IPv4],", "ipFamilies: [IPv6],"], ["error IPv6"]),
        (DUAL, "[${env:IP}]:4317", [], ["warning IPv6"]),
        ("", "10.9.0.5:4317", ["ipFamilies: [IPv6],"], ["error IPv6"]),
        ("", "[fd00:9::5]:4317", ["ipFamilies: [IPv6],"], []),
        ("", "[fd00:9::5]:4317", ["clusterIP: 10.96.0.9,"], ["error IPv4"]),
        ("", "[${env:IP}]:4317", ["ipFamilies: [IPv6],"], []),
        ("", "10.9.0.5:4317", [""], []),
        ("", "10.9.0.5:4317", ["ipFamilyPolicy: PreferDualStack,"], ["warning IPv6"]),
        ("# dualstack lint --expect dual\n", "10.9.0.5:4317", ["ipFamilies: [IPv4],"], ["warning IPv6"]),
    ],
)
def test_a_listener_is_judged_by_the_families_that_its_services_connect_over(
    call: str, address: str, families: list[str], expected: list[str]
) -> None:
    assert told(call, address, *families) == expected
