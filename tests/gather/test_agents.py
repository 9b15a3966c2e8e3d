"""Configurations of other agents: the places of their endpoints, and texts that are none of them."""

import contextlib
import time
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.gather import alloy_tree, fluent_tree, toml_tree
from dualstack.gather.agents import Agent, of_text, of_tree
from dualstack.gather.errors import BadInput
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, ScalarNode, SequenceNode, compose, items, pairs
from dualstack.model.otel import Holder

HOLDER = Holder("file", "", "x")
ALLOY = """\
logging { level = "info" }
otelcol.receiver.otlp "a" {
  /* grpc { endpoint = "no:1" } */
  grpc {
    endpoint  = "0.0.0.0:4317"   // all
    transport = "tcp4"
  }
  http {}
  output { traces = [otelcol.processor.batch.a.input,
    otelcol.exporter.otlp.b.input] }
}
otelcol.receiver.otlp "expression" {
  grpc { endpoint = sys.env("HOST") +
    ":4317" }
}
otelcol.exporter.otlphttp "b" {
  client { endpoint = `https://collector:4318` }
}
"""
VECTOR = """\
[sources.otel]
type = "opentelemetry"
grpc = { address = "[::]:4317" }
http.address = '0.0.0.0:4318'
[sources.file]
type = "file"
include = ["/var/log/*"]
[sinks.out]
type = "opentelemetry"
protocol.type = "http"
protocol.uri = \"\"\"
http://collector:4318/v1/logs\"\"\"
"""
TELEGRAF = """\
[[inputs.opentelemetry]]
[[inputs.cpu]]
[[inputs.opentelemetry]]
  service_address = "${HOST}:4317"
[[outputs.opentelemetry]]
  service_address = "https://collector/v1/metrics"
[[outputs.opentelemetry]]
  service_address = "collector:4317"
"""
FLUENT = """\
[SERVICE]
    flush 1
@INCLUDE more.conf
[INPUT]
    Name  opentelemetry
    Port  4317
# [INPUT]
[Output]
    name opentelemetry\t
    Host fd00::5
    PORT 4318
[OUTPUT]
    name stdout
"""


def said(text: str) -> tuple[list[str], list[str]]:
    """What a text listens on and sends to, each as line:column, the characters there, and what they come to."""
    found = of_text(Origin("x", text), HOLDER)
    assert found
    return told(found, text)


def told(found: Agent, text: str) -> tuple[list[str], list[str]]:
    lines = text.split("\n")

    def at(place: object) -> str:
        line, start, end_line, end = place.line, place.column, place.end_line, place.end_column  # type: ignore[attr-defined]
        return f"{line}:{start} {lines[line - 1][start - 1 : end - 1] if line == end_line else '…'}"

    listens = [
        f"{at(x.location)} = {x.effective} {x.network} {x.runtime} {x.call} {x.protocol} {x.field}"
        for x in found.declared.endpoints
    ]
    sends = [
        f"{at(x.written.at)} = {x.value} {x.form} {x.protocol} {x.client} {x.field}"
        for x in found.declared.destinations
    ]
    return listens, sends


@pytest.mark.parametrize(
    ("text", "listens", "sends"),
    [
        (
            ALLOY,
            [
                '5:17 "0.0.0.0:4317" = 0.0.0.0:4317 tcp4 go listen grpc otelcol.receiver.otlp[0].grpc[0].endpoint',
                "8:3  = 0.0.0.0:4318 tcp go listen http otelcol.receiver.otlp[0].http[0].endpoint",
            ],
            [
                (
                    "17:23 `https://collector:4318` = https://collector:4318 url http otelcol-http "
                    "otelcol.exporter.otlphttp[0].client[0].endpoint"
                )
            ],
        ),
        (
            VECTOR,
            [
                '3:20 "[::]:4317" = [::]:4317 tcp rust socketaddr grpc sources.otel.grpc.address',
                "4:16 '0.0.0.0:4318' = 0.0.0.0:4318 tcp rust socketaddr http sources.otel.http.address",
            ],
            ["11:16 … = http://collector:4318/v1/logs url http hyper sinks.out.protocol.uri"],
        ),
        (
            TELEGRAF,
            [
                "1:1  = 0.0.0.0:4317 tcp go listen grpc inputs.opentelemetry[0].service_address",
                '4:21 "${HOST}:4317" = ${HOST}:4317 tcp go listen grpc inputs.opentelemetry[1].service_address',
            ],
            [
                (
                    '6:21 "https://collector/v1/metrics" = https://collector/v1/metrics url http go '
                    "outputs.opentelemetry[0].service_address"
                ),
                '8:21 "collector:4317" = collector:4317 grpc grpc grpc-go outputs.opentelemetry[1].service_address',
            ],
        ),
        (
            FLUENT,
            ["4:1  = 0.0.0.0:4317 tcp posix listen http input[0].listen"],
            ["10:10 fd00::5 = [fd00::5]:4318 host http  output[0].host"],
        ),
    ],
    ids=["alloy", "vector", "telegraf", "fluent-bit"],
)
def test_each_endpoint_is_found_at_its_characters(text: str, listens: list[str], sends: list[str]) -> None:
    assert said(text) == (listens, sends)
    crlf = [x for y in said(text.replace("\n", "\r\n")) for x in y]
    assert [x.split(" = ")[0] for x in crlf] == [x.split(" = ")[0] for x in listens + sends]


@pytest.mark.parametrize(
    ("host", "value"),
    [
        ("fd00::5", "[fd00::5]:80"),
        ("[fd00::5]", "[fd00::5]:80"),
        ("10.0.0.5", "10.0.0.5:80"),
        ("gw:4318", "gw:4318"),
        ("${HOST}", "${HOST}:80"),
    ],
)
def test_a_port_that_is_left_out_stands_behind_a_host_of_any_form(host: str, value: str) -> None:
    _, (sends,) = said(FLUENT.replace("fd00::5", host).replace("    PORT 4318\n", ""))

    assert sends == f"10:10 {host} = {value} host http  output[0].host"


def test_what_is_yaml_is_read_from_its_nodes() -> None:
    text = (
        'pipeline:\n  inputs:\n    - Name: opentelemetry\n      listen: "::"\n      port: 4318\n'
        "  outputs:\n    - name: opentelemetry\n      host: collector\n      port: 4318\n"
    )
    origin = Origin("fluent-bit.yaml", text)
    root = compose(origin)
    assert root is not None
    found = of_tree(root, origin, HOLDER)
    assert found is not None
    assert told(found, text) == (
        ['4:15 "::" = [::]:4318 tcp posix listen http pipeline.inputs[0].listen'],
        ["8:13 collector = collector:4318 host http  pipeline.outputs[0].host"],
    )


@pytest.mark.parametrize(
    "text",
    ["", "opentelemetry", "[tool.x]\nname = 'opentelemetry'\n", "otelcol.\n", "[INPUT]\n name tail\n", "\x00\x01"],
)
def test_other_texts_are_none(text: str) -> None:
    assert of_text(Origin("x", text), HOLDER) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('otelcol.receiver.otlp "a" {\n', "x:2:1: is not a configuration of Grafana Alloy: a block is not closed"),
        ('otelcol.receiver.otlp "a" {}\n"b"\n', "x:2:1: is not a configuration of Grafana Alloy: the name"),
        ('otelcol.receiver.otlp "a\n', "x:1:23: is not a configuration of Grafana Alloy: `=` or a block"),
        ('otelcol.receiver.otlp "a" {' + "b {" * 200, "was expected"),
        ("[[inputs.opentelemetry]]\nservice_address = 'a\n", "x:3:1: is not TOML: Expected"),
        ("[[inputs.opentelemetry]]\nservice_address = a\n", "x:2:19: is not TOML: Invalid value"),
        ("[[inputs.opentelemetry]]\na = " + "[" * 100_000, "x: nests too deep"),
        ("[[inputs.opentelemetry]]\n[[inputs.opentelemetry]]\na = 1\na = 2\n", "is not TOML"),
    ],
)
def test_what_is_broken_is_said_at_its_place(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=r"^x") as error:
        of_text(Origin("x", text), HOLDER)
    assert words in str(error.value)


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadInput, match="larger than 10 MB"):
        of_text(Origin("x", "[INPUT]\n name opentelemetry\n" + " " * 10_000_000), HOLDER)


HOSTILE = [
    'otelcol.receiver.otlp "a" {\n' + "/*" * 500_000,
    'otelcol.receiver.otlp "a" {\n x = ' + '"\\' * 500_000,
    'otelcol.receiver.otlp "a" {\n x = ' + "[(" * 500_000,
    'otelcol.receiver.otlp "a" {\n' + "x = `a`\n" * 50_000,
    "[INPUT]\n name opentelemetry" + " " * 1_000_000,
    "[INPUT]\n name opentelemetry\n" + "[" * 1_000_000,
    "[[inputs.opentelemetry]]\n" + "".join(f"k{x} = 1\n" for x in range(20_000)),
    "[[inputs.opentelemetry]]\n" + "#" * 1_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_read_in_linear_time(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(BadInput):
        of_text(Origin("x", text), HOLDER)
    assert time.process_time() - began < 20  # what is quadratic takes an hour


def plain(node: Node) -> object:
    """Nodes as plain values, the scalars as texts."""
    if isinstance(node, SequenceNode):
        return [plain(x) for x in items(node)]
    if isinstance(node, MappingNode):
        return {k.value: plain(v) for k, v in pairs(node)}
    assert isinstance(node, ScalarNode)
    return node.value


def texts(value: object) -> object:
    if isinstance(value, dict):
        return {k: texts(v) for k, v in value.items()}
    if isinstance(value, list):
        return [texts(x) for x in value]
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    "text",
    [
        'a = 1\n"b c".d = "x\\u00e9\\""  # x\n[e . f]\n\'g\' = [1, "]", [2,], {h = 1, i.j = "}"}]\n',
        "[[a]]\n[[a]]\nb = \"\"\"x\n\"y\" \"\"\"\n[a.c]\nd = true\n[[a.e]]\n[[a.e]]\nf = '''it's''''\n",
        "\ufeff"[:0] + "[x]\r\ny = 'z'\r\n\r\n[x.w]\r\n",
    ],
)
def test_toml_has_the_values_that_tomllib_gives(text: str) -> None:
    assert plain(toml_tree.tree(Origin("x", text))) == texts(tomllib.loads(text))


KEYS = st.from_regex(r"[a-s]{1,3}", fullmatch=True)
VALUES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=8).map(
        lambda x: '"' + "".join(f"\\u{ord(y):04x}" if y in '"\\' or ord(y) < 32 else y for y in x) + '"'
    ),
    st.sampled_from(["1", "true", "[1, 'a']", "{a = 1, b = ['c']}", "[]", "{}", "'#'", '"""a\nb"""']),
)


@given(st.lists(st.tuples(KEYS, VALUES), unique_by=lambda x: x[0], max_size=6))
def test_any_toml_has_its_values_at_its_places(entries: list[tuple[str, str]]) -> None:
    text = "".join(f"{k} = {v} # c\n" for k, v in entries) + "[[t.u]]\n" + "".join(f"{k}={v}\n" for k, v in entries)
    root = toml_tree.tree(Origin("x", text))
    assert plain(root) == texts(tomllib.loads(text))
    for _, held in pairs(root):
        if isinstance(held, ScalarNode) and held.style in ("'", '"'):
            assert tomllib.loads("x=" + text[held.start_mark.index : held.end_mark.index])["x"] == held.value


@given(st.text("ao.{}[]()\"`'\\=,/*\n \t#", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for reader in (alloy_tree.tree, fluent_tree.tree, toml_tree.tree):
        with contextlib.suppress(BadInput):
            assert plain(reader(Origin("x", text))) is not None
