"""Who sends to the loopback in files, and whether somebody listens there on that address."""

import pytest

from tests.rules.workloads import LOCAL, POD_IP, RESOURCE, compose, found, pod, sender, told

HERE = "http://localhost:4318"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (sender(HERE), ["DS110 error 7"]),
        (sender("http://[::1]:4318"), ["DS110 error 7"]),
        (sender(HERE, words="export OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318; exec app"), []),
        (sender(HERE, words="unset OTEL_EXPORTER_OTLP_ENDPOINT; exec app"), []),
        (sender(HERE, words="exec env -i app"), []),
        (sender(HERE, words="OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318 ./migrate && exec app"), ["DS110 error 7"]),
        (sender(HERE, words="export OTEL_SERVICE_NAME=shop; exec app"), ["DS110 error 7"]),
        (sender("http://otel:4318"), []),
        (sender("http://localhost"), []),
        (sender("$(HOST):4318"), []),
        (sender(HERE, spec="hostNetwork: true"), []),
        (sender(HERE, "- {name: web, image: nginx}"), ["DS110 warning 7"]),
        (sender(HERE, "- {name: otel, image: otel/opentelemetry-collector-contrib:0.139.0}"), []),
        (sender(HERE, "- {name: agent, image: grafana/alloy@sha256:ab}"), []),
        (sender(HERE, "- {name: mine, image: mine, ports: [{containerPort: 4318}]}"), []),
        (sender(HERE, annotations='{sidecar.opentelemetry.io/inject: "true"}'), []),
        (sender(HERE, annotations='{sidecar.opentelemetry.io/inject: "false"}'), ["DS110 error 7"]),
        (sender(HERE).replace("containers:", "initContainers:"), []),
        (pod('exporters: {otlp: {endpoint: "localhost:4317"}}'), ["DS110 error 6"]),
        (pod('exporters: {otlp/2: {endpoint: "localhost:4317"}}\n' + LOCAL), []),
        (pod('exporters: {zipkin: {endpoint: "http://localhost:9411/api"}}'), []),
        (
            RESOURCE.format(mode="sidecar", more="").replace(
                'receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}',
                'exporters: {otlp: {endpoint: "localhost:4317"}}',
            ),
            [],
        ),
        (
            'services: {shop: {image: shop, environment: ["OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"]}}',
            ["DS110 error 1"],
        ),
        (
            'services: {shop: {image: shop, network_mode: "service:otel", environment: ["OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"]}}',
            [],
        ),
        (
            (
                'services:\n  shop: {image: shop, environment: ["OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"]}\n'
                '  otel: {image: otelcol, network_mode: "service:shop"}'
            ),
            [],
        ),
    ],
)
def test_a_sender_to_its_own_loopback(text: str, expected: list[str]) -> None:
    assert told(text) == expected


PROPERTY = "-Dotel.exporter.otlp.endpoint="


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (f'JAVA_TOOL_OPTIONS: "-Xmx1g {PROPERTY}{HERE}"', ["DS110 error 1"]),
        (f'OTEL_EXPORTER_OTLP_ENDPOINT: "http://otel:4318", _JAVA_OPTIONS: "{PROPERTY}{HERE}"', ["DS110 error 1"]),
        (f'OTEL_EXPORTER_OTLP_ENDPOINT: "{HERE}", JAVA_TOOL_OPTIONS: "{PROPERTY}http://otel:4318"', []),
        (f'JAVA_TOOL_OPTIONS: "{PROPERTY}{HERE}", _JAVA_OPTIONS: "{PROPERTY}http://otel:4318"', []),
        (f'JAVA_TOOL_OPTIONS: "{PROPERTY}{HERE}", OTEL_SDK_DISABLED: "true"', []),
        (f'JAVA_TOOL_OPTIONS: "{PROPERTY}{HERE} -Dotel.sdk.disabled=true"', []),
        (f'JAVA_TOOL_OPTIONS: "{PROPERTY}http://$$HOST:4318"', []),
    ],
)
def test_what_a_property_of_a_jvm_says_counts_more_than_the_variable(variables: str, expected: list[str]) -> None:
    assert told(f"services: {{shop: {{image: shop, environment: {{{variables}}}}}}}") == expected


def test_a_property_on_the_command_line_is_named() -> None:
    text = f'services: {{shop: {{image: shop, command: ["java", "{PROPERTY}{HERE}", "-jar", "a.jar"]}}}}'

    (one,) = found(text)
    assert one.evidence[0].source == "the command: -Dotel.exporter.otlp.endpoint"
    at = one.location
    assert at is not None
    assert text[at.column - 1 : at.end_column - 1] == HERE


def test_a_loopback_destination_is_led_to_the_collector_of_the_files() -> None:
    served = LOCAL.replace("localhost", "0.0.0.0").replace("4317", "4318").replace("grpc", "http")
    service = pod(served, service="4318").replace("metadata: {name: otel}", "metadata: {name: otel, namespace: obs}")
    shop = '  shop: {image: shop, environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318"}}'

    by_service = [x.hint for x in found(f"{service}---\n{sender(HERE)}") if x.code == "DS110"]
    by_name = [x.hint for x in found(compose("user: root", shop, served)) if x.code == "DS110"]
    unserved = [x.hint for x in found(f"{pod(served)}---\n{sender(HERE)}") if x.code == "DS110"]

    assert by_service == ["Send to `otel.obs:4318`."]
    assert by_name == ["Send to `otel:4318`."]
    assert unserved == ["Send to the Service of a Collector."]


BESIDE = '{receivers: {otlp: {protocols: {grpc: {endpoint: "%s"}}}}, exporters: {otlp: {endpoint: "%s"}}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BESIDE % ("localhost:4317", "[::1]:4317"), ["DS203 warning 1"]),
        (BESIDE % ("[::1]:4317", "127.0.0.1:4317"), ["DS203 warning 1"]),
        (BESIDE % ("localhost:4317", "[::1]:4318"), []),
        (BESIDE % ("localhost:4317", "localhost:4317"), []),
        ("# dualstack lint --expect dual\n" + LOCAL, ["DS203 warning 2"]),
        ("# dualstack lint --expect ipv4\n" + LOCAL, []),
        (
            (
                "# dualstack lint --expect dual\nreceivers:\n  otlp: {protocols: {grpc: {endpoint: localhost:4317}}}\n"
                '  otlp/6: {protocols: {grpc: {endpoint: "[::1]:4317"}}}\n'
            ),
            [],
        ),
        ("# dualstack lint --expect ipv6\n" + LOCAL.replace('7"', '7", transport: tcp6'), []),
        (f"{LOCAL}\n---\n{BESIDE % ('127.0.0.1:14317', '[::1]:4317')}", []),
        (pod(f'{LOCAL}\nexporters: {{otlp: {{endpoint: "[::1]:4317"}}}}'), ["DS203 warning 7"]),
        (f"{pod(LOCAL)}---\n{pod(POD_IP).replace('otel}', 'other}')}", []),
    ],
)
def test_one_loopback_address_is_not_the_other(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def lone(more: str = "name: shop", image: str = "acme/shop", meta: str = "") -> str:
    """A pod whose one container sends to its own loopback on line 8."""
    return f"""apiVersion: v1
kind: Pod
metadata: {{name: shop, namespace: shop{meta}}}
spec:
  containers:
  - image: {image}
    {more}
    env: [{{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "{HERE}"}}, {{name: LISTEN, value: "0.0.0.0:8080"}}]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lone("command: [java, -javaagent:/opentelemetry-javaagent.jar, -jar, app.jar]"), ["DS110 error 8"]),
        (lone("args: [--exporter, jaeger, --name=vector]"), ["DS110 error 8"]),
        (lone("args: ['--url=http://db?a=1&b=2']"), ["DS110 error 8"]),
        (lone("command: [sh, -c, 'migrate && exec app 2>&1']"), ["DS110 error 8"]),
        (lone("command: [sh, -c, 'proxy & exec app']"), ["DS110 warning 8"]),
        (lone("command: [/usr/bin/supervisord, -n]"), ["DS110 warning 8"]),
        (lone(image="acme/shop-all-in-one:2"), ["DS110 warning 8"]),
        (lone("command: [sh, -c, '/otelcol --config /c & exec app']"), []),
        (lone("command: [/bin/bash, -ec, 'app & exec otelcol-contrib']"), []),
        (lone("command: [tini, --, alloy, run, /c]"), []),
        (lone("readinessProbe: {tcpSocket: {port: 4318}}"), []),
        (lone().replace("0.0.0.0:8080", "0.0.0.0:4318"), []),
        (lone().replace("0.0.0.0:8080", "http://[::]:4318"), []),
        (lone().replace("0.0.0.0:8080", "http://localhost:4318"), ["DS110 error 8"]),
    ],
)
def test_a_lone_container_may_run_an_agent_itself(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_a_namespace_can_tell_the_operator_to_inject() -> None:
    told_so = "annotations: {sidecar.opentelemetry.io/inject: 'true'}"
    space = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, {told_so}}}\n"
    refused = lone(meta=', annotations: {sidecar.opentelemetry.io/inject: "false"}')

    assert told(f"{lone()}---\n{space}") == []
    assert told(f"{lone()}---\n{space.replace('name: shop', 'name: other')}") == ["DS110 error 8"]
    assert told(f"{refused}---\n{space}") == ["DS110 error 8"]


def manifest(kind: str, own: str = "", template: str = "", about: str = "") -> str:
    """A pod, or what makes pods, with annotations of its own and of the template."""
    spec = f'{{containers: [{{name: shop, env: [{{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "{HERE}"}}]}}]}}'
    made = f"spec: {{template: {{metadata: {{annotations: {{{template}}}}}, spec: {spec}}}}}"
    version = "v1" if kind == "Pod" else "apps/v1"
    head = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: shop, annotations: {{{own}}}{about}}}\n"
    return f"{head}{f'spec: {spec}' if kind == 'Pod' else made}\n"


INJECT = "sidecar.opentelemetry.io/inject: 'true'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (manifest("Deployment", template=INJECT), []),
        (manifest("Deployment", own=INJECT), ["DS110 error 4"]),
        (manifest("Pod", own=INJECT), []),
        (manifest("Pod", own=INJECT, about=", uid: 7f2d"), ["DS110 error 4"]),
    ],
)
def test_the_operator_reads_the_annotations_of_pods_while_they_are_made(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_an_annotation_that_the_operator_does_not_read_is_told() -> None:
    (one,) = found(manifest("Deployment", own=INJECT))

    note = "`sidecar.opentelemetry.io/inject`"
    assert one.hint.endswith(f"move {note} to the annotations of the pod template, where the Operator looks for it.")


def test_what_is_not_known_of_a_lone_container_is_told() -> None:
    (sure,), (unsure,) = found(lone()), found(lone("command: [supervisord]"))

    assert "no other container runs, and nothing says that this one takes OTLP" in sure.detail
    assert "none of the programs of this one is known to take OTLP" in unsure.detail


def test_a_variable_that_is_written_twice_is_told_with_the_value_that_does_not_count() -> None:
    text = sender(HERE).replace("env: [", 'env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://otel:4318"}, ')

    (one,) = found(text)
    assert one.detail.endswith(
        "`OTEL_EXPORTER_OTLP_ENDPOINT` is written 2 times, the last time so; `http://otel:4318` does not count."
    )
