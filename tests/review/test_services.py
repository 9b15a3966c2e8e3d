"""Services, policies and clients in files together: what is found, what is left alone, and what a fix writes."""

import json
from pathlib import Path

import pytest
import yaml

from dualstack.model.finding import Applicability, Finding, Severity
from dualstack.review import Review, lint, mend
from dualstack.testing.files import file

COLLECTOR = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  template:
    metadata: {labels: {app: otel-collector}}
    spec:
      containers:
        - name: collector
          image: otel/opentelemetry-collector:0.139.0
          args: [--config=/conf/config.yaml%(args)s]
          ports: [{name: otlp, containerPort: 4317%(host)s}]
          volumeMounts: [{name: conf, mountPath: /conf}]
%(more)s      volumes: [{name: conf, configMap: {name: otel-collector}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: otel-collector}
data:
  config.yaml: |
    receivers:
      otlp: {protocols: {grpc: {endpoint: "%(grpc)s"}, http: {endpoint: "%(http)s"}}}
%(receivers)s
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp%(used)s], exporters: [debug]}}}
"""


def collector(**given: str) -> str:
    """A Collector of Kubernetes and its configuration."""
    plain = {"args": "", "host": "", "more": "", "grpc": "0.0.0.0:4317", "http": "0.0.0.0:4318", "receivers": ""}
    return COLLECTOR % {**plain, "used": "", **given}


def service(ports: str) -> str:
    return (
        "apiVersion: v1\nkind: Service\nmetadata: {name: otel-collector}\n"
        f"spec: {{selector: {{app: otel-collector}}, ports: [{ports}]}}\n---\n"
    )


def client(protocol: str, endpoint: str) -> str:
    return (
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: shop}\nspec:\n  containers:\n    - name: shop\n      env:\n"
        f"        - {{name: OTEL_EXPORTER_OTLP_PROTOCOL, value: {protocol}}}\n"
        f'        - {{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "{endpoint}"}}\n'
    )


def found(text: str, code: str) -> list[Finding]:
    """The findings of one rule."""
    return [x for x in lint(file(text)).diagnosis.findings if x.code == code]


def mended(text: str, *, unsafe: bool = False) -> str:
    asked = file(text)
    return mend(asked, lint(asked), unsafe=unsafe).after.get(asked.stdin_name, text)


BOTH = service("{name: otlp-grpc, port: 4317}, {name: otlp-http, port: 4318}")


class TestPortsOfServices:
    def test_a_port_that_nobody_listens_on_is_led_to_the_receiver(self) -> None:
        text = service("{name: otlp-grpc, port: 4317, targetPort: 4320}, {port: 4318}") + collector()

        (wrong,) = found(text, "DS508")

        assert wrong.severity is Severity.ERROR
        assert "targetPort: 4317" in mended(text, unsafe=True)
        assert mended(text) == text

    def test_a_port_that_is_not_for_otlp_is_a_warning(self) -> None:
        text = service("{name: otlp-grpc, port: 4317}, {name: zipkin, port: 9411}") + collector()

        assert [x.severity for x in found(text, "DS508")] == [Severity.WARNING]

    def test_a_collector_that_receives_no_otlp_has_ports_left_over(self) -> None:
        text = BOTH + collector(used=", hostmetrics", receivers="      hostmetrics: {}").replace("[otlp, host", "[host")

        assert {x.severity for x in found(text, "DS508")} == {Severity.WARNING}

    @pytest.mark.parametrize(
        "given",
        [
            {"args": ', "--set=receivers.otlp.protocols.grpc.endpoint=0.0.0.0:4320"'},
            {"args": ", --config=/conf/more.yaml"},
            {"more": "        - {name: proxy, image: envoy}\n"},
            {"receivers": "      receiver_of_ours: {listen: 0.0.0.0:4320}", "used": ", receiver_of_ours"},
            {"grpc": "0.0.0.0:${env:PORT}"},
        ],
        ids=["set", "two configurations", "sidecar", "unknown component", "variable"],
    )
    def test_nothing_is_said_where_somebody_may_listen(self, given: dict[str, str]) -> None:
        text = service("{name: otlp-grpc, port: 4317, targetPort: 4320}, {port: 4318}") + collector(**given)

        assert not found(text, "DS508")

    def test_an_unknown_component_without_the_port_of_otlp_does_not_take_it(self) -> None:
        known = collector(grpc="0.0.0.0:4320", receivers="      of_ours: {a: b}", used=", of_ours")

        assert [x.location.line for x in found(BOTH + known, "DS508") if x.location] == [4]

    def test_components_that_listen_on_nothing_leave_no_doubt(self) -> None:
        known = collector(receivers="      hostmetrics: {}", used=", hostmetrics")

        assert found(service("{name: otlp, port: 4320}") + known, "DS508")

    def test_a_sidecar_that_the_operator_adds_may_listen(self) -> None:
        injected = 'metadata: {labels: {app: otel-collector}, annotations: {sidecar.opentelemetry.io/inject: "true"}}'
        text = collector().replace("metadata: {labels: {app: otel-collector}}", injected)

        assert not found(service("{port: 4317, targetPort: nobody}") + text, "DS508")

    def test_the_pods_of_the_operator_have_ports_of_their_own(self) -> None:
        text = """\
apiVersion: v1
kind: Service
metadata: {name: mine, namespace: o}
spec: {selector: {app.kubernetes.io/instance: o.gw}, ports: [{port: 4317, targetPort: otlp-grpc}]}
---
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gw, namespace: o}
spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, exporters: {debug: {}}}}
"""
        assert not found(text, "DS508")

    def test_pods_of_several_workloads_may_listen_one_for_another(self) -> None:
        text = service("{port: 4317, targetPort: 4320}") + collector()
        pod = "kind: Pod\nmetadata: {name: x, labels: {app: otel-collector}}\nspec: {containers: [{}]}\n"
        other = f"---\napiVersion: v1\n{pod}"

        assert found(text, "DS508")
        assert not found(text + other, "DS508")


class TestPortsLeftOut:
    ONE = service("{name: otlp-grpc, port: 4317}")

    def test_the_other_port_is_added_unsafely(self) -> None:
        text = self.ONE + collector()

        (dropped,) = found(text, "DS521")
        ports = next(iter(yaml.safe_load_all(mended(text, unsafe=True))))["spec"]["ports"]

        assert dropped.severity is Severity.WARNING
        assert ports == [
            {"name": "otlp-http", "port": 4318, "targetPort": 4318},
            {"name": "otlp-grpc", "port": 4317},
        ]

    def test_a_port_is_added_in_block_style_too(self) -> None:
        block = self.ONE.replace("ports: [{name: otlp-grpc, port: 4317}]}", "").replace("spec: {", "spec:\n  ")
        block = block.replace(", \n", "\n  ports:\n    - name: otlp-grpc\n      port: 4317\n")

        ports = next(iter(yaml.safe_load_all(mended(block + collector(), unsafe=True))))["spec"]["ports"]

        assert [x["port"] for x in ports] == [4318, 4317]

    def test_an_unnamed_port_is_left_to_a_person(self) -> None:
        (dropped,) = found(service("{port: 4317}") + collector(), "DS521")

        assert dropped.fix
        assert dropped.fix.applicability is Applicability.MANUAL

    @pytest.mark.parametrize(
        "given",
        [
            {"http": "127.0.0.1:4318"},
            {"http": "0.0.0.0:${env:PORT}"},
            {"host": "}, {containerPort: 4318, hostPort: 4318"},
        ],
        ids=["loopback", "unknown", "host port"],
    )
    def test_a_port_that_others_cannot_use_or_reach_otherwise_is_left_alone(self, given: dict[str, str]) -> None:
        assert not found(self.ONE + collector(**given), "DS521")

    def test_a_service_without_otlp_does_not_count(self) -> None:
        assert not found(service("{name: metrics, port: 8888}") + collector(), "DS521")


class TestWrongProtocol:
    def test_a_client_on_the_port_of_the_other_protocol(self) -> None:
        text = BOTH + collector()

        assert found(text + client("http/protobuf", "http://otel-collector:4317"), "DS902")
        assert found(text + client("grpc", "http://otel-collector:4318"), "DS902")
        assert not found(text + client("grpc", "http://otel-collector:4317"), "DS902")
        assert not found(text + client("http/protobuf", "http://otel-collector:4318"), "DS902")

    def test_the_port_of_the_service_is_followed_to_the_pod(self) -> None:
        text = service("{name: otlp, port: 80, targetPort: 4318}") + collector()

        assert found(text + client("grpc", "http://otel-collector:80"), "DS902")
        assert not found(text + client("grpc", "http://otel-collector:4318"), "DS902")

    def test_the_operators_services_lead_to_its_collector(self) -> None:
        gateway = """\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gw}
spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, exporters: {debug: {}}}}
"""
        for name in ("gw-collector", "gw-collector-headless"):
            assert found(gateway + client("http/protobuf", f"http://{name}:4317"), "DS902")
        assert not found(gateway + client("http/protobuf", "http://gw-collector-monitoring:4317"), "DS902")

    def test_python_that_the_operator_instruments_speaks_http(self) -> None:
        gateway = """\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gw}
spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, exporters: {debug: {}}}}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: all}
spec: {exporter: {endpoint: "http://gw-collector:4317"}, LANGUAGE}
"""
        alone, beside = gateway.replace("LANGUAGE", "python: {}"), gateway.replace("LANGUAGE", "python: {}, java: {}")
        told = gateway.replace("LANGUAGE", "python: {env: [{name: OTEL_EXPORTER_OTLP_PROTOCOL, value: grpc}]}")

        assert found(alone, "DS902")
        assert not found(beside, "DS902")
        assert not found(told, "DS902")
        assert not found(gateway.replace(", LANGUAGE", ""), "DS902")

    def test_the_loopback_is_that_of_the_own_pod(self) -> None:
        sidecar = (
            "        - name: shop\n          env: [{name: OTEL_EXPORTER_OTLP_PROTOCOL, value: grpc},"
            ' {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://localhost:4318"}]\n'
        )

        assert found(collector(more=sidecar), "DS902")
        assert not found(collector() + client("grpc", "http://localhost:4318"), "DS902")

    def test_a_service_of_the_same_name_in_another_namespace_is_another(self) -> None:
        spaced = (BOTH + collector()).replace("metadata: {name: otel", "metadata: {namespace: a, name: otel")
        other = service("{port: 4317}").replace("metadata: {name: otel", "metadata: {namespace: b, name: otel")
        text = spaced + "---\n" + other.removesuffix("---\n")

        assert found(text + client("http/protobuf", "http://otel-collector.a:4317"), "DS902")
        assert not found(text + client("http/protobuf", "http://otel-collector.b:4317"), "DS902")

    def test_a_service_of_another_compose_file_is_another(self, tmp_path: Path) -> None:
        conf = 'receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}\nexporters: {debug: {}}\n'
        (tmp_path / "conf.yaml").write_text(conf)
        there = "services: {collector: {volumes: ['./conf.yaml:/etc/otelcol/config.yaml']}}\n"
        app = (
            "services: {app: {environment: {OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf,"
            " OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4317'}}, %s}\n"
        )
        (tmp_path / "a.yaml").write_text(there)
        (tmp_path / "b.yaml").write_text(app % "db: {}")

        assert "DS902" not in {x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings}
        (tmp_path / "b.yaml").write_text(app % there.removeprefix("services: {").rstrip()[:-1])
        assert "DS902" in {x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings}

    def test_another_signal_than_otlp_is_not_judged(self) -> None:
        zipkin = client("grpc", "x").replace("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_ZIPKIN_ENDPOINT")

        assert not found(BOTH + collector() + zipkin.replace('"x"', '"http://otel-collector:4317"'), "DS902")

    def test_an_exporter_of_a_collector(self) -> None:
        agent = """\
---
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}}
exporters: {otlphttp: {endpoint: "http://otel-collector:4317"}}
"""
        assert found(BOTH + collector() + agent, "DS902")


def policy(rules: str, selector: str = "{}") -> str:
    return (
        "# dualstack lint --cluster-families IPv4,IPv6\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: otel}}\nspec: {{podSelector: {selector}, ingress: [{rules}]}}\n---\n"
    )


class TestPolicies:
    V4 = "{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [%s]}"

    @pytest.mark.parametrize(
        "ports", ["{port: 4317}", "{port: 4300, endPort: 4400}", "{port: otlp}", "{protocol: TCP}"]
    )
    def test_one_family_alone_on_a_port(self, ports: str) -> None:
        lacks = found(policy(self.V4 % ports) + collector(), "DS701")

        assert {x.severity for x in lacks} == {Severity.ERROR}

    @pytest.mark.parametrize("ports", ["{port: 4000}", "{port: 4317, protocol: UDP}", "{port: metrics}"])
    def test_another_port(self, ports: str) -> None:
        assert not found(policy(self.V4 % ports) + collector(), "DS701")

    def test_the_other_family_is_let_in_unsafely(self) -> None:
        text = policy(self.V4 % "{port: 4317}") + collector()

        after = yaml.safe_load(mended(text, unsafe=True).partition("---")[0])

        assert after["spec"]["ingress"][0]["from"] == [
            {"ipBlock": {"cidr": "::/0"}},
            {"ipBlock": {"cidr": "0.0.0.0/0"}},
        ]
        assert mended(text) == text

    def test_pods_may_still_come_over_both(self) -> None:
        text = policy("{from: [{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector: {}}]}") + collector()

        assert {x.severity for x in found(text, "DS701")} == {Severity.WARNING}

    @pytest.mark.parametrize(
        ("rules", "selector"),
        [
            ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}, {}", "{}"),
            ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}, {from: [{ipBlock: {cidr: 'fd00::/8'}}]}", "{}"),
            ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}", "{matchExpressions: [{key: app, operator: Exists}]}"),
            ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}", "{matchLabels: {app: other}}"),
            ("{from: [{ipBlock: {cidr: what}}]}", "{}"),
        ],
        ids=["open", "other rule", "expressions", "other pods", "no block"],
    )
    def test_nothing_is_said(self, rules: str, selector: str) -> None:
        assert not found(policy(rules, selector) + collector(), "DS701")

    def test_of_pods_that_are_elsewhere_a_policy_warns_once_for_both_ports(self) -> None:
        (one,) = found(policy(self.V4 % "{port: 4317}, {port: 4318}", "{matchLabels: {app: otel}}"), "DS701")

        assert (one.severity, "ports 4317 and 4318 of the pods that it selects" in one.detail) == ("warning", True)

    @pytest.mark.parametrize(
        "more",
        [
            policy("{from: [{ipBlock: {cidr: '::/0'}}], ports: [{port: 4317}]}", "{matchLabels: {app: otel}}"),
            policy("{from: [{ipBlock: {cidr: '::/0'}}]}", "{matchExpressions: [{key: app, operator: Exists}]}"),
            policy("{from: [{podSelector: {}}]}"),
            policy("{}"),
        ],
        ids=["the other family", "expressions", "pods", "everybody"],
    )
    def test_what_other_policies_may_let_in(self, more: str) -> None:
        mine = policy(self.V4 % "{port: 4317}", "{matchLabels: {app: otel}}")

        assert found(mine, "DS701")
        assert not found(mine + more.partition("\n")[2], "DS701")

    def test_a_policy_for_one_family_is_right_where_nobody_asks_for_more(self) -> None:
        text = policy(self.V4 % "{port: 4317}").partition("\n")[2] + collector()

        assert not found(text, "DS701")

    @pytest.mark.parametrize(
        ("excepts", "after"),
        [
            ("[fd00::/8]", []),
            ("[fd00::/8, 10.1.0.0/16]", ["10.1.0.0/16"]),
            ("[10.1.0.0/16, 192.168.0.0/16]", ["10.1.0.0/16"]),
            ("[10.0.0.0/8]", ["10.0.0.0/8"]),
            ("[0.0.0.0/0]", ["0.0.0.0/0"]),
            ("\n  - fd00::/8\n  - 10.1.0.0/16\n", ["10.1.0.0/16"]),
            ("\n  - fd00::/8  # the nodes\n  - 10.1.0.0/16\n", ["fd00::/8", "10.1.0.0/16"]),
            ("\n  - {{ cidr }}\n", None),
        ],
    )
    def test_what_a_block_does_not_hold_is_taken_out_of_its_exceptions(
        self, excepts: str, after: list[str] | None
    ) -> None:
        block = ("\n" + " " * 10).join(f"cidr: 10.0.0.0/8\nexcept: {excepts}".splitlines())
        text = (
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec:\n  podSelector: {}\n"
            f"  ingress:\n    - from:\n      - ipBlock:\n          {block}\n"
        )
        if after is None:
            assert not found(text, "DS703")
            return

        assert found(text, "DS703")
        made = yaml.safe_load(mended(text))["spec"]["ingress"][0]["from"][0]["ipBlock"]
        assert (made["except"] or []) == after


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
