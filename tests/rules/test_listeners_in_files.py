"""Listeners and their clients in files: who can connect, by Compose files, manifests, values and resources."""

from pathlib import Path

import pytest

from dualstack.model.finding import Finding
from dualstack.review import Review, lint, mend
from dualstack.testing.files import file

MINE = {
    "DS110",
    "DS202",
    "DS203",
    "DS204",
    "DS205",
    "DS208",
    "DS209",
    "DS214",
    "DS216",
    "DS217",
    "DS604",
    "DS607",
}


def found(text: str) -> list[Finding]:
    answer = lint(file(text))
    assert not answer.errors
    return [x for x in answer.diagnosis.findings if x.code in MINE]


def told(text: str) -> list[str]:
    """What is found, as `CODE severity line`."""
    return [f"{x.code} {x.severity} {x.location.line}" for x in found(text) if x.location]


def pod(config: str, container: str = "", spec: str = "", service: str = "", kind: str = "Deployment") -> str:
    """A Collector with a configuration in a ConfigMap; the configuration begins on line 6."""
    indented = "\n".join(f"    {x}" for x in config.strip().splitlines())
    ports = f"""---
apiVersion: v1
kind: Service
metadata: {{name: otel}}
spec: {{selector: {{app: otel}}, ports: [{{port: {service}}}]}}
"""
    return f"""apiVersion: v1
kind: ConfigMap
metadata: {{name: otel}}
data:
  config.yaml: |
{indented}
---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: otel}}
spec:
  template:
    metadata: {{labels: {{app: otel}}}}
    spec:
      {spec or "hostNetwork: false"}
      containers:
        - name: otel
          image: otel/opentelemetry-collector:0.139.0
          volumeMounts: [{{name: config, mountPath: /conf}}]
          {container}
      volumes: [{{name: config, configMap: {{name: otel}}}}]
{ports if service else ""}"""


LOCAL = 'receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}'
POD_IP = 'receivers: {otlp: {protocols: {grpc: {endpoint: "[${env:MY_POD_IP}]:4317"}}}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pod(LOCAL), []),
        (pod(LOCAL, service="4317"), ["DS202 error 6"]),
        (pod(LOCAL, service="4318"), []),
        (pod(LOCAL, service="4318").replace("name: otel}\ndata", "name: otel, namespace: a}\ndata"), []),
        (
            pod(LOCAL, service="1")
            .replace("kind: Deployment\nmetadata: {", "kind: Deployment\nmetadata: {namespace: a, ")
            .replace("name: otel}\ndata", "name: otel, namespace: b}\ndata"),
            [],
        ),
        (pod(LOCAL, "ports: [{containerPort: 4317, name: grpc}]", service="1, targetPort: grpc"), ["DS202 error 6"]),
        (pod(LOCAL, service="1, targetPort: grpc"), []),
        (pod(LOCAL, service="4317, protocol: UDP"), []),
        (pod(LOCAL, "ports: [{containerPort: 4317}]"), ["DS202 warning 6"]),
        (pod(LOCAL, "ports: [{containerPort: 4318}]"), []),
        (pod(LOCAL, "ports: [{containerPort: 4317, hostPort: 4317}]"), ["DS202 error 6"]),
        (pod(LOCAL, "ports: [{containerPort: 4317, hostPort: 4317}]", "hostNetwork: true"), []),
        (pod(LOCAL, "readinessProbe: {tcpSocket: {port: 4317}}"), ["DS202 error 6"]),
        (pod(LOCAL, "readinessProbe: {tcpSocket: {port: 4317, host: 127.0.0.1}}"), []),
        (
            pod(
                LOCAL,
                "ports: [{containerPort: 4317}]\n        - {name: app, env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, "
                'value: "http://localhost:4317"}]}',
            ),
            [],
        ),
        (
            pod('receivers: {otlp: {protocols: {grpc: {endpoint: "${env:H:-localhost}:4317"}}}}', service="4317"),
            ["DS202 warning 6"],
        ),
        (pod("receivers: {otlp: {protocols: {http: {}}}}", service="4318"), ["DS214 error 6"]),
        (pod("receivers: {skywalking: {protocols: {grpc: {}}}}", service="11800"), []),
        (pod("extensions: {zpages: {}}\nservice: {extensions: [zpages]}", "ports: [{containerPort: 55679}]"), []),
        (pod("extensions: {zpages: {}}\nservice: {extensions: [zpages]}", service="55679"), ["DS214 warning 6"]),
    ],
)
def test_a_loopback_listener_matters_where_clients_are_elsewhere(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_prometheus_is_told_to_scrape_a_port_on_the_loopback() -> None:
    text = pod("exporters: {prometheus: {endpoint: localhost:8889}}", service="").replace(
        "metadata: {labels: {app: otel}}", 'metadata: {labels: {app: otel}, annotations: {prometheus.io/port: "8889"}}'
    )

    assert told(text) == ["DS202 error 6"]


@pytest.mark.parametrize(
    ("image", "severity"),
    [
        ("otel/opentelemetry-collector", "error"),
        ("otel/opentelemetry-collector-contrib:latest", "error"),
        ("registry.example/otelcol:0.104.0", "error"),
        ("registry.example/collector:7", "warning"),
        ("otel/opentelemetry-collector-contrib@sha256:abc", "warning"),
    ],
)
def test_a_default_is_certain_where_the_version_is(image: str, severity: str) -> None:
    text = pod("receivers: {otlp: {protocols: {grpc: }}}", service="4317")

    (finding,) = found(text.replace("otel/opentelemetry-collector:0.139.0", image))

    assert (finding.code, finding.severity) == ("DS214", severity)
    assert ("--collector-version" in finding.detail) == (severity == "warning")


HEALTH = "extensions: {health_check: }\nservice: {extensions: [health_check]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pod(HEALTH, "readinessProbe: {httpGet: {port: 13133}}"), ["DS216 error 6"]),
        (pod(HEALTH, "livenessProbe: {httpGet: {port: 13134}}"), []),
        (
            pod(
                HEALTH,
                "livenessProbe: {httpGet: {port: health}}\n          ports: [{name: health, containerPort: 13133}]",
            ),
            ["DS216 error 6"],
        ),
        (f"# otel\n{HEALTH}", []),
        (
            "# otel\nmode: daemonset\nconfig: {extensions: {health_check: {}}, service: {extensions: [health_check]}}",
            [],
        ),
        (
            (
                "mode: deployment\nimage: {tag: 0.139.0}\nconfig:\n"
                "  extensions: {health_check: {endpoint: localhost:13133}}\n  service: {extensions: [health_check]}\n"
            ),
            ["DS216 error 4"],
        ),
    ],
)
def test_the_kubelet_asks_at_the_address_of_the_pod(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_a_health_endpoint_of_an_unknown_version_is_a_warning() -> None:
    text = pod(HEALTH, "readinessProbe: {httpGet: {port: 13133}}").replace("opentelemetry-collector:0.139.0", "mine:1")

    assert told(text) == ["DS216 warning 6"]


VALUES = """mode: {mode}
{more}
config:
  receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "localhost:4317"}}}}}}}}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (VALUES.format(mode="deployment", more=""), ["DS202 error 4"]),
        (VALUES.format(mode="daemonset", more=""), ["DS202 error 4"]),
        (VALUES.format(mode="daemonset", more="ports: {otlp: {enabled: false}}"), []),
        (VALUES.format(mode="deployment", more="ports: {mine: {enabled: true}}"), ["DS202 error 4"]),
        (VALUES.format(mode="deployment", more="ports: {otlp: {enabled: false}}"), []),
        (VALUES.format(mode="sidecar", more=""), []),
        (VALUES.format(mode="deployment", more="").replace('{endpoint: "localhost:4317"}', "{}"), []),
    ],
)
def test_values_of_the_chart_are_read_as_what_it_makes(text: str, expected: list[str]) -> None:
    assert told(text) == expected


RESOURCE = """apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {{name: otel}}
spec:
  mode: {mode}
  {more}
  config: {{receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "localhost:4317"}}}}}}}}}}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RESOURCE.format(mode="deployment", more="replicas: 1"), ["DS202 error 7"]),
        (RESOURCE.format(mode="sidecar", more="replicas: 1"), []),
        (RESOURCE.format(mode="sidecar", more="ports: [{port: 4317, hostPort: 4317}, {name: x}]"), ["DS202 error 7"]),
    ],
)
def test_a_resource_of_the_operator_is_read_as_what_it_makes(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def compose(otel: str, rest: str = "", config: str = LOCAL, target: str = "/etc/otelcol/config.yaml") -> str:
    return f"""{config}
---
services:
  otel:
    image: otel/opentelemetry-collector:0.139.0
    volumes: ["./example.yaml:{target}:ro", "named:/data"]
    {otel}
{rest}
"""


CLIENT = '  shop: {image: shop, environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://HOST:4317"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (compose("user: root"), []),
        (compose('ports: ["127.0.0.1:14317:4317/tcp"]'), ["DS202 error 1"]),
        (compose('ports: ["4317"]'), ["DS202 error 1"]),
        (compose("ports: [{target: 4317, published: 4317}, {published: 1}]"), ["DS202 error 1"]),
        (compose("ports: [{target: 4317}]"), ["DS202 error 1"]),
        (compose('expose: ["4317", []]'), ["DS202 warning 1"]),
        (compose("network_mode: host", CLIENT.replace("HOST", "otel")), []),
        (compose("user: root", CLIENT.replace("HOST", "otel")), ["DS202 error 1"]),
        (compose("hostname: collector", CLIENT.replace("HOST", "collector")), ["DS202 error 1"]),
        (compose("networks: {default: {aliases: [c]}}", CLIENT.replace("HOST", "c")), ["DS202 error 1"]),
        (compose("user: root", CLIENT.replace("HOST", "other")), []),
        (compose('environment: [HOME, "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4317"]'), []),
        (compose('command: ["--config", /other.yaml]\n    ports: ["4317"]'), []),
        (compose('command: --config=/etc/otelcol/config.yaml\n    ports: ["4317"]'), ["DS202 error 1"]),
    ],
)
def test_a_collector_of_compose_is_found_by_its_file(text: str, expected: list[str]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("volume", "command", "reads"),
    [
        ("./conf:/etc/otel", "--config=/etc/otel/otel.yaml", True),
        ("./conf:/etc/otel", "--config=/etc/otel/other.yaml", False),
        ("./conf:/etc/otel", "", False),
        ("./:/etc/otel", "--config=/etc/otel/conf/otel.yaml", True),
        ("${PWD}/conf/otel.yaml:/etc/otel/x.yaml", "", True),
        ("{type: bind, source: ./conf/otel.yaml, target: /x.yaml}", "", True),
        ("../conf/otel.yaml:/etc/otel/x.yaml", "", False),
    ],
)
def test_files_and_folders_are_followed_from_compose(tmp_path: Path, volume: str, command: str, reads: bool) -> None:
    volume = volume if volume.startswith("{") else f'"{volume}"'
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "otel.yaml").write_text(LOCAL)
    (tmp_path / "compose.yaml").write_text(
        f'services: {{otel: {{image: otelcol, volumes: [{volume}], command: ["{command}"], ports: ["4317"]}}}}'
    )

    codes = [x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings]

    assert codes == (["DS202"] if reads else [])


@pytest.mark.parametrize("config", ["file: ./otel.yaml", 'content: "' + LOCAL.replace('"', '\\"') + '"'])
@pytest.mark.parametrize("use", ["[otel]", "[{source: otel, target: /etc/otel.yaml}]"])
def test_configs_of_compose_are_followed(tmp_path: Path, config: str, use: str) -> None:
    (tmp_path / "otel.yaml").write_text(LOCAL if "file" in config else "")
    (tmp_path / "compose.yaml").write_text(
        f'services: {{otel: {{image: otelcol, configs: {use}, ports: ["4317"]}}}}\nconfigs: {{otel: {{{config}}}}}\n'
    )

    codes = [x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings]

    assert codes == ["DS202"]


def test_a_config_of_compose_that_is_elsewhere_is_passed_over() -> None:
    assert told("services: {otel: {image: otelcol, configs: [otel]}}\nconfigs: {otel: {external: true}}\n") == []


def sender(where: str, more: str = "", annotations: str = "{}", spec: str = "") -> str:
    return f"""apiVersion: v1
kind: Pod
metadata: {{name: shop, annotations: {annotations}}}
spec:
  {spec or "hostNetwork: false"}
  containers:
    - {{name: shop, image: shop, env: [{{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "{where}"}}]}}
    {more}
"""


HERE = "http://localhost:4318"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (sender(HERE), ["DS110 error 7"]),
        (sender("http://[::1]:4318"), ["DS110 error 7"]),
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


def dual(policy: str, endpoint: str = POD_IP, call: str = "") -> str:
    text = pod(endpoint, service="4317").replace("spec: {selector", "spec: {" + policy + ", selector")
    return f"{call}\n{text}" if call else text


BOTH = "# dualstack lint --cluster-families IPv4,IPv6"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (dual("ipFamilyPolicy: RequireDualStack"), ["DS204 error 6"]),
        (dual("ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4]"), ["DS204 error 6"]),
        (dual("ipFamilyPolicy: PreferDualStack"), ["DS204 warning 6"]),
        (dual("ipFamilyPolicy: PreferDualStack", call=BOTH), ["DS204 error 7"]),
        (dual("ipFamilyPolicy: PreferDualStack", call="# dualstack lint --cluster-families IPv4"), []),
        (dual("ipFamilyPolicy: SingleStack"), []),
        (dual("ipFamilyPolicy: RequireDualStack", LOCAL.replace("localhost", "10.0.0.5")), ["DS204 error 6"]),
        (dual("ipFamilyPolicy: RequireDualStack", LOCAL.replace("localhost", "0.0.0.0")), []),
        (f"{BOTH}\n{LOCAL.replace('localhost:4317', '10.0.0.5')}", []),
        (dual("ipFamilyPolicy: RequireDualStack", LOCAL.replace("localhost", "${env:WHATEVER}")), []),
        (dual("type: ClusterIP"), []),
        (f"{BOTH}\n{POD_IP}", ["DS204 warning 2"]),
        (f"{BOTH}\nextensions: {{health_check: {{endpoint: '[${{env:MY_POD_IP}}]:13133'}}}}", []),
        (
            (
                f"{BOTH}\nreceivers:\n  otlp: {{protocols: {{grpc: {{endpoint: 10.0.0.5:4317}}}}}}\n"
                '  otlp/6: {protocols: {grpc: {endpoint: "[fd00::5]:4317"}}}\n'
            ),
            [],
        ),
        (
            (
                f"{BOTH}\nreceivers:\n  otlp: {{protocols: {{grpc: {{endpoint: 10.0.0.5:4317}}}}}}\n"
                '  otlp/2: {protocols: {grpc: {endpoint: "[${env:MY_POD_IP}]:4317"}}}\n'
            ),
            [],
        ),
    ],
)
def test_one_address_is_not_enough_for_two_families(text: str, expected: list[str]) -> None:
    assert told(text) == expected


PIN = "receivers: {otlp: {protocols: {grpc: {endpoint: %s, transport: %s}}}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PIN % ("0.0.0.0:4317", "tcp4"), ["DS208 warning 1"]),
        (PIN % ('"[::]:4317"', "tcp6"), ["DS208 warning 1"]),
        (PIN % ("10.0.0.5:4317", "tcp4"), []),
        (PIN % ("localhost:4317", "tcp4"), []),
        (PIN % ('"[::1]:4317"', "tcp6"), []),
        (PIN % ("0.0.0.0:4317", "tcp6"), []),
        ("# dualstack lint --expect ipv4\n" + PIN % ("0.0.0.0:4317", "tcp4"), []),
        ("# dualstack lint --expect ipv4\n" + PIN % ('"[::]:4317"', "tcp6"), []),
        ("# dualstack lint --cluster-families IPv4\n" + PIN % ('"[::]:4317"', "tcp6"), ["DS217 error 2"]),
        ("# dualstack lint --cluster-families IPv4\n" + PIN % ("0.0.0.0:4317", "tcp"), []),
    ],
)
def test_a_transport_leaves_out_a_family(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def java(variables: str, more: str = "image: shop", call: str = "") -> str:
    return f"{call}\nservices: {{shop: {{{more}, environment: {{{variables}}}}}}}"


FLAG = '"-Djava.net.preferIPv4Stack=true"'
SIX = "# dualstack lint --expect ipv6"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (java(f"OTEL_SERVICE_NAME: x, JAVA_TOOL_OPTIONS: {FLAG}"), ["DS209 info 2"]),
        (java(f"OTEL_SERVICE_NAME: x, JAVA_TOOL_OPTIONS: {FLAG}", call=SIX), ["DS209 warning 2"]),
        (java(f'OTEL_EXPORTER_OTLP_ENDPOINT: "http://[fd00::1]:4318", JAVA_OPTS: {FLAG}'), ["DS209 warning 2"]),
        (java(f"JAVA_TOOL_OPTIONS: {FLAG}", "image: telemetry-free"), []),
        (java(f"JAVA_TOOL_OPTIONS: {FLAG}", "image: apache/skywalking-oap-server"), ["DS209 info 2"]),
        (java(f"OTEL_X: y, JAVA_TOOL_OPTIONS: {FLAG}, _JAVA_OPTIONS: {FLAG.replace('true', 'false')}"), []),
        (java("OTEL_X: y", f"image: x, command: [java, {FLAG}]"), ["DS209 info 2"]),
        (java("OTEL_X: y, JAVA_TOOL_OPTIONS: -Xmx1g"), []),
        (java(f"OTEL_X: y, JAVA_TOOL_OPTIONS: {FLAG}", call="# dualstack lint --expect ipv4"), []),
    ],
)
def test_a_jvm_flag_takes_ipv6_away(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_the_place_of_a_flag_is_that_of_its_characters() -> None:
    (finding,) = found(java('OTEL_X: y, JAVA_OPTS: "-Xmx1g -Djava.net.preferIPv4Stack=true"'))

    at = finding.location
    assert at
    assert finding.excerpt[at.column - 1 : at.end_column - 1] == "-Djava.net.preferIPv4Stack=true"


def test_a_flag_in_a_folded_text_is_at_its_text() -> None:
    (finding,) = found(
        "services:\n  x:\n    environment:\n      OTEL_X: y\n      JAVA_OPTS: >\n        -Xmx1g\n        "
        "-Djava.net.preferIPv4Stack=true\n"
    )

    assert finding.location
    assert finding.location.line == 5


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("ZO_GRPC_ADDR: 0.0.0.0", ["DS205 warning 1"]),
        ("ZO_GRPC_ADDR: 10.0.0.5", []),
        ("ZO_HTTP_ADDR: 0.0.0.0", ["DS205 warning 1"]),
        ('ZO_HTTP_ADDR: 0.0.0.0, ZO_HTTP_IPV6_ENABLED: "true"', []),
        ("ZO_GRPC_ADDR: '${ADDRESS}'", []),
        ("ROTEL_OTLP_GRPC_ENDPOINT: '0.0.0.0:4317'", ["DS205 warning 1"]),
        ("ROTEL_OTLP_GRPC_ENDPOINT: ''", []),
    ],
)
def test_programs_in_rust_take_ipv4_alone_on_its_wildcard(environment: str, expected: list[str]) -> None:
    assert told(f"services: {{one: {{image: rotel, environment: {{{environment}}}}}}}") == expected


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ('["--otlp-grpc-endpoint=0.0.0.0:4317"]', 1),
        ('[--otlp-grpc-endpoint, "0.0.0.0:4317", --otlp-http-endpoint, "0.0.0.0:4318"]', 2),
        ("[start, --otlp-grpc-endpoint]", 0),
        ('["--otlp-grpc-endpoint=[::]:4317"]', 0),
    ],
)
def test_the_command_line_of_rotel_is_read(words: str, count: int) -> None:
    assert [x.code for x in found(f"services: {{r: {{image: streamfold/rotel, command: {words}}}}}")] == [
        "DS205"
    ] * count
    assert found(f"services: {{r: {{image: otel-of-mine, command: {words}}}}}") == []


def test_nothing_is_said_of_ipv4_wildcards_where_all_is_ipv4() -> None:
    assert (
        told(
            "# dualstack lint --expect ipv4\nservices: {o: {image: openobserve, environment: {ZO_GRPC_ADDR: 0.0.0.0}}}"
        )
        == []
    )


def taking(kind: str, name: str, port: str = "containerPort: 4317, hostPort: 4317", spec: str = "") -> str:
    return f"""apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec: {{template: {{spec: {{{spec}containers: [{{name: otel, ports: [{{{port}}}]}}]}}}}}}
---
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (taking("DaemonSet", "a") + taking("DaemonSet", "b"), ["DS607 error 9"]),
        (taking("DaemonSet", "a") + taking("DaemonSet", "a"), []),
        (taking("Deployment", "a") + taking("Deployment", "b"), ["DS607 warning 9"]),
        (taking("DaemonSet", "a") + taking("DaemonSet", "b", spec="nodeSelector: {a: b}, "), []),
        (taking("DaemonSet", "a") + taking("DaemonSet", "b", "containerPort: 4317"), []),
        (
            taking("DaemonSet", "a") + taking("DaemonSet", "b", "containerPort: 4317", "hostNetwork: true, "),
            ["DS607 error 9"],
        ),
        (
            taking("DaemonSet", "a", "containerPort: 1, hostPort: 4317, hostIP: 10.0.0.1")
            + taking("DaemonSet", "b", "containerPort: 1, hostPort: 4317, hostIP: 10.0.0.2"),
            [],
        ),
        (
            taking("DaemonSet", "a", "containerPort: 1, hostPort: 0")
            + taking("DaemonSet", "b", "containerPort: 1, hostPort: x"),
            [],
        ),
        (
            pod(LOCAL, spec="hostNetwork: true", kind="DaemonSet") + "---\n" + taking("DaemonSet", "b"),
            ["DS607 error 6"],
        ),
        (pod(LOCAL, spec="hostNetwork: true\n      nodeName: a") + "---\n" + taking("DaemonSet", "b"), []),
    ],
)
def test_two_workloads_on_one_port_of_a_node(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_workloads_of_other_folders_are_alternatives(tmp_path: Path) -> None:
    for name, path in (("a", "one/a.yaml"), ("b", "one/b.yaml"), ("c", "two/c.yaml")):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(taking("DaemonSet", name))

    answer = lint(Review((str(tmp_path),))).diagnosis.findings

    assert [(x.code, x.severity) for x in answer] == [("DS607", "warning")]


def test_examples_with_the_same_names_are_kept_apart(tmp_path: Path) -> None:
    for folder, config in (("good", LOCAL.replace("localhost", "0.0.0.0")), ("bad", LOCAL)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "all.yaml").write_text(pod(config, service="4317"))

    answer = lint(Review((str(tmp_path),))).diagnosis.findings

    assert [(x.code, Path(x.location.file).parent.name) for x in answer if x.location] == [("DS202", "bad")]


HOST_IP = "{name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}, "


@pytest.mark.parametrize(
    ("call", "value", "expected"),
    [
        (BOTH, "http://$(HOST_IP):4318", ["DS604 warning 8"]),
        ("# dualstack lint --expect dual", "http://$(HOST_IP):4318", ["DS604 warning 8"]),
        (BOTH, "http://$(ELSE):4318", []),
        (BOTH, "http://otel:4318", []),
        ("", "http://$(HOST_IP):4318", []),
    ],
)
def test_one_of_two_addresses_of_a_node(call: str, value: str, expected: list[str]) -> None:
    assert told(f"{call}\n{sender(value).replace('env: [', f'env: [{HOST_IP}')}") == expected


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_left_out_endpoints_are_written_where_they_belong(end: str) -> None:
    text = pod(
        "receivers:\n  otlp:\n    protocols:\n      grpc:  # over gRPC\n      http:\n        cors: {}\n  zipkin: {}\n"
        "  statsd: {transport: udp}",
        "ports: [{containerPort: 4317}, {containerPort: 4318}, {containerPort: 9411}, "
        "{containerPort: 8125, protocol: UDP}]",
    ).replace("\n", end)
    request = Review(("-",), stdin=text.encode())

    mended = mend(request, lint(request), unsafe=True).after["-"]

    added = sorted(set(mended.split(end)) - set(text.split(end)))
    assert added == sorted(
        (
            "          grpc: {endpoint: 0.0.0.0:4317}  # over gRPC",
            "            endpoint: 0.0.0.0:4318",
            "      zipkin: {endpoint: 0.0.0.0:9411}",
            "      statsd: {endpoint: 0.0.0.0:8125, transport: udp}",
        )
    )
    assert mended.count(end) == text.count(end) + 1
    assert mended.count("\n") == mended.count(end)


@pytest.mark.parametrize(
    "config",
    [
        "receivers: {otlp: &one {protocols: {grpc: &two {}}}, otlp/2: {protocols: {grpc: *two}}}",
        "receivers: {otlp: {protocols: {grpc}}}",
    ],
)
def test_what_cannot_be_written_in_place_is_left_to_a_person(config: str) -> None:
    findings = found(pod(config, service="4317"))

    edits = [len(x.fix.edits) for x in findings if x.fix]
    assert edits == ([1, 0] if "&two" in config else [0])


def test_a_folded_text_is_left_to_a_person() -> None:
    text = pod("receivers: {otlp: {protocols: {grpc: {}}}}", service="4317").replace("config.yaml: |", "config.yaml: >")

    (finding,) = found(text)

    assert finding.fix
    assert not finding.fix.edits


def test_a_left_out_endpoint_of_json_is_written_as_json() -> None:
    config = '{\n  "receivers": {"otlp": {"protocols": {"grpc": {"tls": null}}}}\n}'
    request = Review(("-",), stdin=pod(config, service="4317").encode())

    mended = mend(request, lint(request), unsafe=True).after["-"]

    assert '{"grpc": {"endpoint": "0.0.0.0:4317", "tls": null}}' in mended


VECTOR = "sources: {otel: {type: opentelemetry, grpc: {address: '%s:4317'}}}"


@pytest.mark.parametrize(("host", "expected"), [("0.0.0.0", ["DS205 warning 1"]), ("[::]", [])])
def test_other_agents_are_judged_by_what_they_are_written_in(host: str, expected: list[str]) -> None:
    assert told(VECTOR % host) == expected
    assert [len(x.fix.edits) for x in found(VECTOR % host) if x.fix] == [1] * len(expected)
