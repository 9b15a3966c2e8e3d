"""Services, resources of the Operator and gateways in files: their families, and what a fix writes."""

import json

import pytest

from dualstack.review import lint
from dualstack.testing.files import file
from tests.review.clusters import found, mended

JSON = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "a"},
    "spec": {"ipFamilies": ["IPv4", "IPv6"], "ports": [{"name": "otlp-grpc", "port": 4317}]},
}


class TestEditsOfServices:
    @pytest.mark.parametrize("indent", [None, 2])
    def test_json_stays_json(self, indent: int | None) -> None:
        after = json.loads(mended(json.dumps(JSON, indent=indent)))

        assert after["spec"].pop("ipFamilyPolicy") == "PreferDualStack"
        assert after == JSON

    def test_a_list_and_carriage_returns(self) -> None:
        text = (
            "apiVersion: v1\r\nkind: List\r\nitems:\r\n"
            "- apiVersion: v1\r\n  kind: Service\r\n  metadata: {name: otlp}\r\n"
            "  spec:\r\n    # both\r\n    ipFamilies: [IPv4, IPv6]\r\n    ports:\r\n    - port: 4317\r\n"
        )

        after = mended(text)

        assert after.replace("    ipFamilyPolicy: PreferDualStack\r\n", "", 1) == text

    def test_a_patch_of_the_same_name_may_set_the_policy(self) -> None:
        head = "apiVersion: v1\nkind: Service\nmetadata: {name: otlp}\n"
        base = f"{head}spec: {{ipFamilies: [IPv4, IPv6], ports: [{{port: 4317}}]}}\n"
        patch = f"---\n{head}spec: {{ipFamilyPolicy: RequireDualStack}}\n"

        assert found(base, "DS522")
        assert not found(base + patch, "DS522")

    def test_families_with_a_comment_between_are_left_to_a_person(self) -> None:
        text = (
            "# dualstack lint --cluster-families IPv4\napiVersion: v1\nkind: Service\nmetadata: {name: otlp}\nspec:\n"
            "  ipFamilyPolicy: PreferDualStack\n  ipFamilies:\n  - IPv4  # first\n  - IPv6\n  ports: [{port: 4317}]\n"
        )

        assert found(text, "DS502")
        assert mended(text) == text


class TestOperator:
    TEXT = """\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gw}
spec:
  {MORE config: {receivers: {otlp: {protocols: {grpc: {endpoint: "[fd00:10:244::5]:4317"}}}}, exporters: {debug: {}}}}
"""

    def test_a_port_that_the_resource_names_is_not_inferred(self) -> None:
        assert [x.summary for x in found(self.TEXT.replace("MORE", ""), "DS516")] == [
            "Operator reads port 10, not 4317"
        ]
        assert not found(self.TEXT.replace("MORE", "ports: [{name: otlp, port: 4317}],"), "DS516")
        assert not found(self.TEXT.replace("MORE", "mode: sidecar,"), "DS516")

    def test_the_families_of_a_resource_are_those_of_its_service(self) -> None:
        text = "# dualstack lint --cluster-families IPv4\n" + self.TEXT.replace("MORE", "ipFamilies: [IPv6],")

        assert found(text, "DS502")
        assert found(text.replace("ipFamilies: [IPv6]", "ipFamilyPolicy: RequireDualStack"), "DS503")


class TestGateways:
    TEXT = """\
# dualstack lint --expect ipv6
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: edge}
spec: {logging: {}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: envoy}
spec: {parametersRef: {kind: EnvoyProxy, name: edge}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: envoy}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: otlp}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: otel-collector, port: 4318}]}]}
"""

    def test_the_class_leads_to_the_proxy_whose_default_is_ipv4(self) -> None:
        assert [x.summary for x in found(self.TEXT, "DS706")] == ["Gateway does not listen on IPv6"]
        assert not found(self.TEXT.replace("logging: {}", "ipFamily: DualStack"), "DS706")
        assert not found(self.TEXT.replace("--expect ipv6", "--expect ipv4"), "DS706")
        assert not found(self.TEXT.replace("4318", "8080"), "DS706")

    def test_objects_that_name_themselves_end(self) -> None:
        assert not found(self.TEXT.replace("kind: EnvoyProxy, name: edge", "kind: GatewayClass, name: envoy"), "DS706")


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("PreferDualStack", {"DS505"}),
        ("RequireDualStack", {"DS505"}),
        ("SingleStack", {"DS505"}),
    ],
)
def test_a_copy_of_what_the_server_has_is_an_update(written: str, codes: set[str]) -> None:
    text = """\
apiVersion: v1
kind: Service
metadata: {name: otel, uid: 1-2}
spec: {ipFamilyPolicy: %s, ipFamilies: [IPv4], clusterIPs: [10.96.0.9, "fd00:96::9"], ports: [{port: 4317}]}
"""
    stored, new = lint(file(text % written)), lint(file(text.replace(", uid: 1-2", "") % written))

    assert {x.code for x in stored.diagnosis.findings} == codes
    assert {x.code for x in new.diagnosis.findings} == (codes if written == "SingleStack" else set())
