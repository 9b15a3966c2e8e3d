"""Collector configurations, from text to the endpoints that they declare."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.gather.collector_config import BadConfig, declared
from dualstack.gather.expand import expand
from dualstack.knowledge import table
from dualstack.model.address import Protocol
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.names import Lookup
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.sockets import Transport
from dualstack.model.source import Location, Written
from dualstack.reach.bind import BindRequest, bind
from tests import netns
from tests.real import collector


def holding(text: str | bytes) -> Callable[[str], bytes]:
    return lambda _path: text.encode() if isinstance(text, str) else text


def endpoints(text: str, version: str = "", **environ: str) -> tuple[DeclaredEndpoint, ...]:
    return declared("c.yaml", holding(text), environ, version).endpoints


def otlp(text: str, version: str = "", **environ: str) -> DeclaredEndpoint:
    """The one endpoint of a gRPC section with this body."""
    config = (
        f"receivers: {{otlp: {{protocols: {{grpc: {text}}}}}}}\nservice:\n  telemetry: {{metrics: {{level: none}}}}\n"
    )
    config += "  pipelines: {traces: {receivers: [otlp]}}\n"
    (found,) = endpoints(config, version, **environ)
    return found


EXAMPLE = """\
receivers:
  otlp:
    protocols:
      grpc:
      http:
        endpoint: "[${env:MY_POD_IP}]:4318"
        tls: {cert_file: server.crt}
  otlp/2: {protocols: {grpc: {endpoint: 0.0.0.0:4327, transport: tcp4, tls: }}}
  zipkin:
extensions:
  health_check: {endpoint: 0.0.0.0:13133}
  pprof:
exporters:
  debug:
  prometheus: {endpoint: ":8889"}
service:
  extensions: [health_check]
  pipelines:
    traces: {receivers: [otlp, otlp/2], exporters: [debug]}
    metrics/own: {receivers: [otlp], exporters: [prometheus]}
"""


def test_an_endpoint_has_its_component_its_field_its_place_and_what_is_spoken_there() -> None:
    found = endpoints(EXAMPLE, MY_POD_IP="fd00::5")
    assert found[1] == DeclaredEndpoint(
        component="receivers/otlp",
        field="receivers.otlp.protocols.http.endpoint",
        text="[${env:MY_POD_IP}]:4318",
        value="[fd00::5]:4318",
        default="localhost:4318",
        network="tcp",
        call="listen",
        transport=Transport.TCP,
        protocol=Protocol.HTTP,
        tls=True,
        location=Location("c.yaml", 6, 19, 6, 44),
        written=Written("[${env:MY_POD_IP}]:4318", Location("c.yaml", 6, 19, 6, 44), '"[${env:MY_POD_IP}]:4318"'),
        signals=("traces", "metrics"),
        pipelines=Location("c.yaml", 18, 3, 18, 12),
        otlp=True,
    )


def test_only_components_that_the_service_uses_listen() -> None:
    assert [(x.component, x.effective, x.network, x.tls) for x in endpoints(EXAMPLE, MY_POD_IP="fd00::5")] == [
        ("receivers/otlp", "localhost:4317", "tcp", False),
        ("receivers/otlp", "[fd00::5]:4318", "tcp", True),
        ("receivers/otlp/2", "0.0.0.0:4327", "tcp4", False),
        ("exporters/prometheus", ":8889", "tcp", False),
        ("extensions/health_check", "0.0.0.0:13133", "tcp", False),
        ("service/telemetry", "localhost:8888", "tcp", False),
    ]


def test_without_a_service_every_component_counts() -> None:
    found = endpoints("receivers: {zipkin: }\nextensions: {pprof: }\n")
    assert [x.component for x in found] == ["receivers/zipkin", "extensions/pprof", "service/telemetry"]


def test_a_default_points_at_the_key_that_stands_for_it() -> None:
    grpc, *_, telemetry = endpoints(EXAMPLE)
    assert grpc.location == Location("c.yaml", 4, 7, 4, 11)
    assert telemetry.location is None


@pytest.mark.parametrize(
    ("version", "grpc", "telemetry"),
    [
        ("0.103.0", "0.0.0.0:4317", ":8888"),
        ("0.104.0", "localhost:4317", ":8888"),
        ("v0.111.0", "localhost:4317", "localhost:8888"),
        ("", "localhost:4317", "localhost:8888"),
    ],
)
def test_a_default_is_that_of_the_version(version: str, grpc: str, telemetry: str) -> None:
    found = endpoints("receivers: {otlp: {protocols: {grpc: }}}\n", version)
    assert [x.effective for x in found] == [grpc, telemetry]


def test_transport_under_http_needs_a_collector_that_knows_it() -> None:
    text = "receivers: {otlp: {protocols: {http: {transport: tcp4}}}}\n"
    old, new = endpoints(text, "0.143.0")[0], endpoints(text, "0.144.0")[0]
    assert (old.network, old.cause) == ("tcp", "DS108")
    assert "before Collector 0.144.0" in old.problem
    assert (new.network, new.cause, new.problem) == ("tcp4", "", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("receivers: {statsd: {transport: tcp}}\n", ("localhost:8125", "tcp", "listen", "tcp")),
        ("receivers: {statsd: }\n", ("localhost:8125", "udp", "listen", "udp")),
        ("receivers: {jaeger: {protocols: {thrift_compact: }}}\n", ("localhost:6831", "udp", "resolve", "udp")),
        ("receivers: {udp_log: {listen_address: '[::]:514'}}\n", ("[::]:514", "udp", "resolve", "udp")),
        ("receivers: {netflow: {hostname: '::', port: 2056}}\n", ("[::]:2056", "udp", "listen", "udp")),
        ("receivers: {skywalking: {protocols: {grpc: }}}\n", (":11800", "tcp", "listen", "grpc")),
        (
            "receivers: {skywalking: {protocols: {grpc: {endpoint: 10.9.0.5:1}}}}\n",
            (":1", "tcp", "listen", "grpc"),
        ),
        ("extensions: {http_forwarder: }\n", (":6060", "tcp", "listen", "http")),
    ],
)
def test_components_differ_in_how_they_listen(text: str, expected: tuple[str, ...]) -> None:
    found = endpoints(text)
    assert (found[0].effective, found[0].network, found[0].call, found[0].protocol) == expected


def test_fluentforward_listens_twice() -> None:
    found = endpoints("receivers: {fluent_forward: {endpoint: ':8006'}}\n")
    assert [(x.effective, x.transport) for x in found[:2]] == [(":8006", "tcp"), (":8006", "udp")]


@pytest.mark.parametrize(
    "body",
    ["{transport: unix, endpoint: /run/otlp.sock}", "{endpoint: 'unix:///run/otlp.sock'}"],
)
def test_a_unix_socket_is_no_endpoint_of_a_network(body: str) -> None:
    found = endpoints(f"receivers: {{otlp: {{protocols: {{grpc: {body}}}}}}}\n")
    assert [x.component for x in found] == ["service/telemetry"]


@pytest.mark.parametrize(
    ("metrics", "version", "addresses"),
    [
        ("{level: none}", "", []),
        ("{level: '${env:LEVEL}'}", "", []),
        ("{level: detailed}", "", ["localhost:8888"]),
        ("{readers: []}", "", []),
        ("{readers: [{periodic: {exporter: {otlp: {}}}}]}", "", []),
        ("{readers: [{pull: {exporter: {prometheus: }}}]}", "", ["localhost:8888"]),
        ("{readers: [{pull: {exporter: {prometheus: {host: '::', port: 9000}}}}]}", "", ["[::]:9000"]),
        ("{readers: [{pull: {exporter: {prometheus: {host: '[::]', port: 9000}}}}]}", "", ["[::]:9000"]),
        ("{readers: [{pull: {exporter: {prometheus: {port: 9000}}}}]}", "", ["localhost:9000"]),
        ("{readers: [{pull: {exporter: {prometheus: {host: '::', port: 8888}}}}]}", "0.119.0", [":::8888"]),
        ("{readers: [{pull: {exporter: {prometheus: {host: '[::]', port: 8888}}}}]}", "0.119.0", ["[::]:8888"]),
        ("{address: '[fd00::5]:8888'}", "0.100.0", ["fd00::5:8888"]),
        ("{address: '[fd00::5]:8888'}", "0.110.0", ["[fd00::5]:8888"]),
    ],
)
def test_self_telemetry_listens_by_its_readers_or_its_address(metrics: str, version: str, addresses: list[str]) -> None:
    found = endpoints(f"service: {{telemetry: {{metrics: {metrics}}}}}\n", version, LEVEL="none")
    assert [x.effective for x in found] == addresses


def test_a_variable_without_a_value_is_a_problem_and_stays_as_written() -> None:
    found = otlp("{endpoint: '${env:MY_POD_IP}:4317'}")
    assert (found.value, found.problem) == ("${env:MY_POD_IP}:4317", "${env:MY_POD_IP} has no value here")


def test_a_section_that_comes_from_elsewhere_is_a_problem_and_no_default() -> None:
    found = otlp("'${file:grpc.yaml}'", MY_POD_IP="10.0.0.5")
    assert found.effective == "${file:grpc.yaml}"
    assert found.problem == "the section comes from ${file:grpc.yaml}, which is not followed"


def test_an_endpoint_that_must_be_written_and_is_not_is_a_problem() -> None:
    assert endpoints("receivers: {tcplog: }\n")[0].problem == "listen_address is required and not written"


def test_a_list_where_a_text_is_wanted_is_an_endpoint_that_nobody_quoted() -> None:
    found = otlp("{endpoint: [fd00::5]}")
    assert (found.cause, found.effective) == ("DS118", "localhost:4317")
    assert "quote it" in found.problem


def test_anchors_and_merges_are_followed() -> None:
    text = """\
common: &common {endpoint: "0.0.0.0:4317", transport: tcp4}
more: &more {<<: *common, tls: {cert_file: x}}
receivers:
  otlp: {protocols: {grpc: {<<: [*more], endpoint: "0.0.0.0:5317"}, http: {<<: *more}}}
"""
    grpc, http, _ = endpoints(text)
    assert (grpc.effective, grpc.network, grpc.tls) == ("0.0.0.0:5317", "tcp4", True)
    assert (http.effective, http.network, http.location) == ("0.0.0.0:4317", "tcp4", Location("c.yaml", 1, 28, 1, 42))


def test_a_merge_of_itself_ends() -> None:
    assert endpoints("receivers: &r {<<: [*r, *r], zipkin: }\n")[0].component == "receivers/zipkin"


def test_columns_count_characters() -> None:
    assert otlp("{'é': 1, endpoint: ':1'}").location == Location("c.yaml", 1, 57, 1, 61)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert declared("c.yaml", holding("\ufeffreceivers: {zipkin: }\n".encode()), {}, "").endpoints[0].component


@pytest.mark.parametrize(
    ("text", "line", "column", "words", "code"),
    [
        (EXAMPLE.replace("0.0.0.0:13133", "[::]:13133"), 11, 28, 'quote it: "[::]:13133"', "DS118"),
        ("receivers:\n  zipkin:\n    endpoint: [::]:9411\n", 3, 15, 'quote it: "[::]:9411"', "DS118"),
        (
            "receivers:\n  zipkin:\n    endpoint: [fd00::5]:9411\n    tls:\n",
            3,
            15,
            'quote it: "[fd00::5]:9411"',
            "DS118",
        ),
        ("a:\n  endpoint: [${env:IP}]:${env:PORT}\n", 2, 13, 'quote it: "[${env:IP}]:${env:PORT}"', "DS118"),
        ("receivers: {zipkin: {endpoint: *:9411}}\n", 1, 32, 'write "0.0.0.0:9411"', "DS120"),
        ("receivers:\n\tzipkin:\n", 2, 1, "is not YAML", ""),
        ("receivers: {\n", 2, 1, "is not YAML", ""),
        ("receivers: *nowhere\n", 1, 12, "undefined alias", ""),
        ("receivers:\n---\nreceivers:\n", 2, 1, "single document", ""),
        ("", 1, 1, "no receivers", ""),
        ("- receivers\n", 1, 1, "no receivers", ""),
        ("kind: ConfigMap\n", 1, 1, "no receivers", ""),
        ("receivers: \x07\n", 1, 12, "control characters", ""),
        ("receivers: " + "[" * 200 + "\n", 0, 0, "nests deeper than 100 levels", ""),
        ("x: &a 1\nreceivers: [" + "*a," * 1500 + "]\n", 0, 0, "more than 1000 aliases", ""),
        (b"receivers:\0", 0, 0, "zero byte", ""),
        (b"\x89PNG\r\n", 0, 0, "not text", ""),
        (b" " * 10_000_001, 0, 0, "larger than 10 MB", ""),
    ],
    ids=range(18),
)
def test_what_cannot_be_read_gives_one_sentence(
    text: str | bytes, line: int, column: int, words: str, code: str
) -> None:
    with pytest.raises(BadConfig) as raised:
        declared("c.yaml", holding(text), {}, "")
    error = raised.value
    assert (error.file, error.line, error.column, error.code) == ("c.yaml", line, column, code)
    assert words in error.sentence
    assert str(error).startswith(f"c.yaml:{line}:{column}: " if line else "c.yaml: ")


def test_a_file_that_is_not_there_gives_one_sentence() -> None:
    def read(path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    with pytest.raises(BadConfig, match=r"^/nowhere/c\.yaml: cannot be read: No such file or directory$"):
        declared("/nowhere/c.yaml", read, {}, "")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_file_gives_endpoints_or_one_sentence(data: bytes) -> None:
    with contextlib.suppress(BadConfig):
        assert declared("c.yaml", holding(data), {}, "").file == "c.yaml"


@pytest.mark.parametrize(
    ("text", "value", "unset"),
    [
        ("${env:A}:4317", "x:4317", ()),
        ("${A}:4317", "x:4317", ()),
        ("${env:B:-y}:4317", "y:4317", ()),
        ("${env:A:-y}", "x", ()),
        ("${env:EMPTY:-y}", "", ()),
        ("${env:B:-}", "", ()),
        ("${env:B:-${env:A}}", "x", ()),
        ("${env:${NAME}}", "x", ()),
        ("$${A}", "${A}", ()),
        ("$$${A}", "$x", ()),
        ("$A", "$A", ()),
        ("${A", "${A", ()),
        ("}${A}", "}x", ()),
        ("${B}:${A}", "${B}:x", ("${B}",)),
        ("${env:${B}}", "${env:${B}}", ("${B}", "${env:${B}}")),
        ("${file:/etc/ip}", "${file:/etc/ip}", ("${file:/etc/ip}",)),
        ("${env:1A}", "${env:1A}", ("${env:1A}",)),
    ],
)
def test_variables_are_expanded_as_the_collector_does(text: str, value: str, unset: tuple[str, ...]) -> None:
    assert expand(text, {"A": "x", "EMPTY": "", "NAME": "A"}) == (value, unset)


def test_a_variable_that_holds_itself_ends() -> None:
    assert expand("${A}", {"A": "${A}"}).value == "${A}"


def test_every_component_has_a_source_and_a_known_way_to_listen() -> None:
    for row in table("components"):
        assert row["source"], row
        assert row["status"] in ("measured", "source"), row
        assert row["call"] in ("listen", "resolve"), row
        assert row["network"] in ("tcp", "udp"), row
        assert row["when"] in ("always", "section") or row["when"].startswith("without "), row
        assert Protocol(row["protocol"]), row
        assert bool(row["before"]) <= bool(row["since"]), row


REAL = {
    "variables": "receivers: {otlp: {protocols: {grpc: {endpoint: '${env:HERE}:${env:PORT:-4317}'}}}}",
    "nested": "receivers: {otlp: {protocols: {grpc: {endpoint: '${env:${env:NAME}}:4317'}}}}",
    "default in default": "receivers: {otlp: {protocols: {grpc: {endpoint: '${env:NONE:-${env:HERE}}:4317'}}}}",
    "sections alone": "receivers: {otlp: {protocols: {grpc: , http: }}}",
    "merged": (
        "receivers:\n  otlp:\n    protocols:\n      grpc: &g {endpoint: ':4317', transport: tcp6}\n"
        "      http: {<<: *g, endpoint: ':4318'}"
    ),
    "fluentforward": "receivers: {otlp: {protocols: {grpc: }}, fluentforward: {endpoint: ':8006'}}",
}


@pytest.mark.parametrize("name", REAL)
def test_the_collector_listens_where_its_configuration_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"HERE": "127.0.0.1", "NAME": "HERE"}
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    used = "[otlp, fluentforward]" if name == "fluentforward" else "[otlp]"
    pipelines = f"{{logs: {{receivers: {used}, exporters: [debug]}}}}"
    config = f"{REAL[name]}\nexporters: {{debug: }}\nservice: {{pipelines: {pipelines}}}\n"
    with (
        netns.isolated("config") as space,
        netns.etc(space, hosts="127.0.0.1 localhost\n"),
        collector.start(config, space),
    ):
        shown = netns.execute(space, "ss", "-Htuln")
    loopback = Interface("lo", 1, up=True, loopback=True, addresses=(InterfaceAddress("127.0.0.1", 8),))
    here = Namespace(space, (loopback, Interface("eth0", 2, up=True, disable_ipv6=False)), bindv6only=False)
    lookups = (Lookup("localhost", ("127.0.0.1",)),)
    found = declared("c.yaml", holding(config), environ, collector.LATEST).endpoints
    bounds = [bind(BindRequest(x.effective, x.network, x.call, namespace=here, names=lookups)) for x in found]
    predicted = {x.endpoint.replace("[::]", "*" if not x.v6only else "[::]") for y in bounds for x in y.sockets}
    assert {line.split()[4] for line in shown.splitlines()} == predicted
