"""Listeners in files that leave a family out: by address, by transport, by a flag, or by their language."""

import pytest

from dualstack.review import lint
from dualstack.testing.files import file
from tests.rules.workloads import BOTH, LOCAL, POD_IP, found, pod, sender, told


def dual(policy: str, endpoint: str = POD_IP, call: str = "") -> str:
    text = pod(endpoint, service="4317").replace("spec: {selector", "spec: {" + policy + ", selector")
    return f"{call}\n{text}" if call else text


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


@pytest.mark.parametrize(
    ("field", "node", "expected"),
    [
        ("hostIP", "10.100.0.1", []),
        ("hostIP", "fd00:100::1", ["error"]),
        ("podIP", "10.100.0.1", ["warning"]),
    ],
)
def test_the_family_of_a_node_is_not_that_of_its_pods(field: str, node: str, expected: list[str]) -> None:
    held = HOST_IP.replace("hostIP", field)
    sent = sender("http://$(HOST_IP):4318").replace("env: [", f"env: [{held}")
    every = lint(file(f"{sent}\nstatus: {{podIP: 'fd00:244::7', hostIP: '{node}'}}")).diagnosis.findings

    assert [x.severity for x in every if x.code == "DS102"] == expected


VECTOR = "sources: {otel: {type: opentelemetry, grpc: {address: '%s:4317'}}}"


@pytest.mark.parametrize(("host", "expected"), [("0.0.0.0", ["DS205 warning 1"]), ("[::]", [])])
def test_other_agents_are_judged_by_what_they_are_written_in(host: str, expected: list[str]) -> None:
    assert told(VECTOR % host) == expected
    assert [len(x.fix.edits) for x in found(VECTOR % host) if x.fix] == [1] * len(expected)
