"""`--explain-file`, and the configurations that a container merges."""

import json
from pathlib import Path

import pytest

from dualstack.model.address import Family, Protocol
from dualstack.model.question import Question
from dualstack.model.understood import Understood
from dualstack.reach.cases import sentence
from dualstack.report.verbs.understood import render, render_json
from dualstack.review import Review, explained, lint
from tests.cli.command import dualstack

CLUSTER = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data:
  base.yaml: |
    receivers:
      otlp: {protocols: {grpc: {endpoint: "fd00::5:4317"}, http: {endpoint: "localhost:4318"}}}
    exporters:
      otlp: {endpoint: "gateway:4317"}
    service:
      pipelines: {traces: {receivers: [otlp], exporters: [otlp]}}
  over.yaml: |
    receivers:
      otlp: {protocols: {grpc: {endpoint: "[fd00::5]:4317"}}}
  extra.yaml: |
    processors: {batch: }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node}
spec:
  template:
    metadata: {labels: {app: node}}
    spec:
      volumes: [{name: c, configMap: {name: conf}}]
      containers:
      - name: collector
        image: otel/opentelemetry-collector:0.139.0
        args: [--config=/conf/base.yaml, --config=/conf/over.yaml, --config=file:/conf/extra.yaml]
        volumeMounts: [{name: c, mountPath: /conf}]
---
apiVersion: v1
kind: Service
metadata: {name: gateway}
spec:
  ipFamilyPolicy: PreferDualStack
  selector: {app: node}
  ports: [{port: 4317, targetPort: 4317}, {port: 80, targetPort: 4318}]
"""
ALONE = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: alone}
spec:
  template:
    spec:
      volumes: [{name: c, configMap: {name: conf}}]
      containers:
      - name: collector
        args: [--config=/conf/base.yaml]
        volumeMounts: [{name: c, mountPath: /conf}]
"""


def request(text: str, **more: object) -> Review:
    return Review(("-",), stdin=text.encode(), stdin_name="x.yaml", **more)  # type: ignore[arg-type]


def understood(text: str, **more: object) -> Understood:
    return explained(request(text, **more))[0]


def test_what_a_container_names_one_after_the_other_is_merged() -> None:
    found = [x for x in lint(request(CLUSTER)).diagnosis.findings if x.code == "DS101"]
    assert not found

    (config,) = understood(CLUSTER).configurations
    assert config.run == "DaemonSet node, container collector"
    assert config.held == (
        "in ConfigMap conf, base.yaml and in ConfigMap conf, over.yaml and in ConfigMap conf, extra.yaml"
    )
    assert (config.version, config.why) == ("0.139.0", "the tag of the image otel/opentelemetry-collector:0.139.0")
    grpc, http, telemetry = config.endpoints
    assert (grpc.address, grpc.location.line if grpc.location else 0) == ("[fd00::5]:4317", 14)
    assert (http.address, http.location.line if http.location else 0) == ("localhost:4318", 7)
    assert telemetry.written == ""


def test_another_container_may_read_one_of_them_alone() -> None:
    found = [x for x in lint(request(CLUSTER + ALONE)).diagnosis.findings if x.code == "DS101"]
    assert [x.location.line for x in found if x.location] == [7]

    configs = understood(CLUSTER + ALONE).configurations
    assert sorted(x.run for x in configs) == [
        "DaemonSet node, container collector",
        "Deployment alone, container collector",
    ]


def test_the_order_of_the_command_line_counts() -> None:
    turned = CLUSTER.replace("base.yaml, --config=/conf/over.yaml", "over.yaml, --config=/conf/base.yaml")

    assert [x.code for x in lint(request(turned)).diagnosis.findings if x.code == "DS101"] == ["DS101"]


def test_services_and_destinations_are_told_with_what_they_lead_to() -> None:
    found = understood(CLUSTER)

    (service,) = found.services
    assert (service.name, service.ports, service.selects) == (
        "Service gateway",
        ("4317/TCP", "80/TCP to 4318"),
        ("DaemonSet node",),
    )
    assert service.families == "both where the cluster has both"
    (sent,) = found.destinations
    assert (sent.owner, sent.value, sent.leads) == ("exporters/otlp", "gateway:4317", "Service gateway (x.yaml:34)")


@pytest.mark.parametrize(
    ("spec", "cluster", "said"),
    [
        ("{}", (), "the first one of the cluster, which is not known"),
        ("{}", (Family.IPV6, Family.IPV4), "IPv6"),
        ("{ipFamilies: [IPv6]}", (), "IPv6"),
        ("{ipFamilyPolicy: RequireDualStack}", (), "both, or it is rejected"),
        ("{ipFamilyPolicy: PreferDualStack}", (Family.IPV4, Family.IPV6), "both"),
        ("{ipFamilyPolicy: PreferDualStack}", (Family.IPV4,), "IPv4"),
    ],
)
def test_the_families_of_a_service(spec: str, cluster: tuple[Family, ...], said: str) -> None:
    text = f"apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {spec}\n"

    (service,) = understood(text, question=Question(cluster=cluster)).services

    assert service.families == said


DESTINATIONS = {
    "localhost:1": "where it is sent from",
    "[::1]:1": "an IPv6 address of the loopback, where it is sent from",
    "10.0.0.1:1": "an IPv4 address",
    "[fe80::1%eth0]:1": "an IPv6 address",
    "elsewhere:1": "a name that stands for nothing in the files",
    "${env:NOT_SET}:1": "not known: ${env:NOT_SET} has no value here",
    "unix:///x": "not known: it cannot be taken apart",
}


@pytest.mark.parametrize("value", list(DESTINATIONS))
def test_what_a_destination_stands_for(value: str) -> None:
    (sent,) = understood(f"receivers: {{otlp: }}\nexporters: {{otlp: {{endpoint: '{value}'}}}}\n").destinations

    assert sent.leads == DESTINATIONS[value]


BOTH = (Family.IPV4, Family.IPV6)
DOWN = "where the loopback has no 127.0.0.1"


@pytest.mark.parametrize(
    ("value", "cluster", "said"),
    [
        (
            "0.0.0.0:1",
            (),
            [
                "where IPv6 is on: binds */dual-stack; clients connect over IPv4 and IPv6",
                "where the kernel has no IPv6: binds 0.0.0.0/ipv4-only; clients connect over IPv4 alone",
                "where IPv6 is disabled on every interface: binds */dual-stack; clients connect over IPv4 alone",
                f"{DOWN}: binds 0.0.0.0/ipv4-only; clients connect over IPv4 alone",
            ],
        ),
        (
            "localhost:1",
            BOTH,
            [
                "where `localhost` is 127.0.0.1: binds 127.0.0.1; clients connect on the loopback alone, over IPv4",
                (
                    f"where `localhost` is 127.0.0.1 and {DOWN.removeprefix('where ')}: cannot be bound: "
                    "listen tcp 127.0.0.1:1: bind: cannot assign requested address"
                ),
                (
                    "where `localhost` is ::1 alone and IPv6 is on: "
                    "binds [::1]; clients connect on the loopback alone, over IPv6"
                ),
                (
                    "where `localhost` is ::1 alone and the loopback alone has no IPv6: cannot be bound: "
                    "listen tcp [::1]:1: bind: cannot assign requested address"
                ),
            ],
        ),
        (
            "[::]:1",
            BOTH,
            [
                "binds */dual-stack; clients connect over IPv4 and IPv6",
                f"{DOWN}: binds 0.0.0.0/ipv4-only; clients connect over IPv4 alone",
            ],
        ),
        ("fd00::1:1", (), ["cannot be bound: listen tcp: address fd00::1:1: too many colons in address"]),
        ("${env:NOT_SET}:1", (), ["not known: ${env:NOT_SET} has no value here"]),
        ("name:1", (), ["not known: what name resolves to there is not known"]),
    ],
)
def test_what_an_endpoint_becomes(value: str, cluster: tuple[Family, ...], said: list[str]) -> None:
    text = f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '{value}'}}}}}}}}\n"

    found = understood(text, question=Question(cluster=cluster), collector_version="0.150.0")

    (config,) = found.configurations
    assert config.why == "as `--collector-version` says"
    assert list(map(sentence, config.endpoints[0].cases)) == said


def test_the_families_of_a_cluster_say_nothing_of_a_node() -> None:
    text = CLUSTER.replace("      containers:", "      hostNetwork: true\n      containers:")

    (pod,) = understood(CLUSTER, question=Question(cluster=(Family.IPV4,))).configurations
    (node,) = understood(text, question=Question(cluster=(Family.IPV4,))).configurations

    assert not any(x.binds for x in pod.endpoints[0].cases)
    assert [x.clients for x in node.endpoints[0].cases if x.binds] == [(Family.IPV6,)]


def test_a_component_that_ignores_its_host_binds_every_address() -> None:
    text = "receivers: {skywalking: {protocols: {grpc: {endpoint: 'localhost:11800'}}}}\n"

    (endpoint, *_) = understood(text).configurations[0].endpoints

    assert (endpoint.written, endpoint.address) == ("localhost:11800", ":11800")
    assert endpoint.cases[0].clients == BOTH


def test_what_other_programs_listen_on_is_told() -> None:
    text = """\
services:
  vector: {image: timberio/vector, configs: [{source: v, target: /etc/vector/vector.yaml}]}
  openobserve: {image: openobserve/openobserve, environment: {ZO_HTTP_ADDR: 0.0.0.0}}
configs:
  v: {content: "sources: {otel: {type: opentelemetry, grpc: {address: '[::]:4317'}}}"}
"""
    found = understood(text)

    assert [(x.component, x.address, x.runtime, x.protocol) for x in found.others] == [
        ("Vector", "[::]:4317", "rust", Protocol.GRPC),
        ("OpenObserve", "0.0.0.0:5080", "rust", None),
    ]
    vector = [sentence(x) for x in found.others[0].cases]
    assert (
        "where IPv6 is on and net.ipv6.bindv6only is 1: binds [::]/ipv6-only; clients connect over IPv6 alone" in vector
    )
    assert "OpenObserve listens on 0.0.0.0:5080 (of `0.0.0.0`) (tcp)\n" in render(found)


def test_the_report_as_text_and_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(CLUSTER)
    (tmp_path / "none.yaml").write_text("a: 1\n")
    (tmp_path / "template.yaml").write_text("{{- if .x }}\nreceivers: {{ otel }}\n")
    (tmp_path / "values.yaml").write_text("collector:\n  config:\n    receivers: {otlp: {protocols: {grpc: }}}\n")
    (tmp_path / "bad.yaml").write_text("otel: [\n")

    done = dualstack("lint", "--explain-file", ".")

    assert done.returncode == 2
    for said in (
        "  a.yaml\n    line 6: Collector configuration in ConfigMap conf, base.yaml\n",
        "  none.yaml\n    nothing that is known here\n",
        "Configuration values.yaml:3 at `config`\n",
        "receivers/otlp listens on localhost:4317 by default (tcp, grpc)\n",
        "  Collector of any version: nothing in the files says which; judged as the newest that is known here\n",
        "  bad.yaml:2:1: is not YAML",
        "is a template; lint what it is rendered to",
    ):
        assert said in done.stdout, done.stdout
    whole = json.loads(dualstack("lint", "--explain-file", "--format", "json", ".").stdout)
    assert whole["schema"] == "dualstack.understood/1"
    assert {x["file"] for x in whole["files"]} == {"a.yaml", "none.yaml", "template.yaml", "values.yaml", "bad.yaml"}


def test_nothing_is_told_as_nothing() -> None:
    found = understood("receivers: {hostmetrics: }\nservice: {telemetry: {metrics: {level: none}}, pipelines: }\n")

    assert "listens on nothing that is known here" in render(found)
    assert json.loads(render_json(found))["services"] == []


def test_what_the_user_names_as_one_configuration_is_told_with_its_files(tmp_path: Path) -> None:
    paths = (str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))
    Path(paths[0]).write_text("receivers: {otlp: {protocols: {grpc: }}}\n")
    Path(paths[1]).write_text("receivers: {otlp: {protocols: {http: }}}\n")

    found, _ = explained(Review((), configs=paths, settings=("receivers.otlp.protocols.grpc.endpoint=h:1",)))

    (config,) = found.configurations
    assert config.held == f"from {paths[0]} and from {paths[1]} and from --set"
    assert [x.address for x in config.endpoints] == ["h:1", "localhost:4318", "localhost:8888"]


def test_configurations_that_a_container_does_not_see_are_not_merged() -> None:
    part = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\ndata:\n  over.yaml: |\n    receivers: {{otlp: }}\n"
    others = "".join(f"---\n{part.format(x)}" for x in ("elsewhere, namespace: far", "unmounted"))
    text = CLUSTER.replace("{name: node}", "{name: node, namespace: near}")

    assert understood(text + others).configurations[-1].endpoints == understood(text).configurations[-1].endpoints


def test_the_values_of_a_chart_are_told_by_their_key() -> None:
    text = "mode: deployment\nconfig: {receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}}\n"
    (found,) = understood(text).files

    assert "Collector configuration at `config`" in [x.what for x in found.parts]
