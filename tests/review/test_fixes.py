"""Whatever a file looks like: a safe fix changes the values that it mends, and leaves all else as it was."""

from typing import Any, NamedTuple

import yaml
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.finding import Applicability
from dualstack.model.question import Question
from dualstack.reach.edits import spelled
from dualstack.review import STDIN, Review, lint, mend

MEANT = {
    "fd00::5:4317": "[fd00::5]:4317",
    "2001:db8:1:2:3:4:5:6:4318": "[2001:db8:1:2:3:4:5:6]:4318",
    "http://0.0.0.0:4318": "0.0.0.0:4318",
    "https://[::]:4317/v1/traces": "[::]:4317",
    "*:4317": "0.0.0.0:4317",
    "${env:MY_POD_IP}:4317": "[${env:MY_POD_IP}]:4317",
}
"""Listeners, and what each becomes."""
SENT = {
    "http://[10.0.0.5]:4318": "http://10.0.0.5:4318",
    "https://[collector]:4318/x?y=1": "https://collector:4318/x?y=1",
    "http://fd00:1:2:3:4:5:6:7:4318": "http://[fd00:1:2:3:4:5:6:7]:4318",
}
"""Destinations of HTTP, and what each becomes."""
REGEX = {r"([^:]+)(?::\d+)?;(\d+)": r"(.+?)(?::\d+)?;(\d+)"}
RIGHT = ("0.0.0.0:4317", "[::]:4318", "localhost:4317", "[${env:MY_POD_IP}]:4317")
RIGHT_SENT = ("http://[fd00::5]:4318", "https://collector", "http://${env:GATEWAY}:4318")
ALL = MEANT | SENT | REGEX


class Style(NamedTuple):
    """How a file is written: quotes, collections on one line, comments, anchors, an indentation, an end of line."""

    quote: str
    flow: bool
    comment: str
    anchors: bool
    indent: int
    newline: str


STYLES = st.builds(
    Style,
    st.sampled_from(("", "'", '"')),
    st.booleans(),
    st.sampled_from(("", "# a comment: [x]", "# \u00fcber 'quotes\" \U0001f600")),
    st.booleans(),
    st.sampled_from((2, 3, 4)),
    st.sampled_from(("\n", "\r\n")),
)


def quoted(text: str, style: Style, *, inner: bool) -> str:
    """A text in the quotes of a style, or in double ones where it is none without, in a flow collection or outside."""
    if style.quote == "'":
        return "'" + text.replace("'", "''") + "'"
    plain = not style.quote and text[0] not in "*[" and not (inner and set(text) & set("[]{},?"))
    return text if plain else '"' + text.replace("\\", "\\\\") + '"'


class Writer:
    """Writes data as YAML in a style, each value as it is or in the quotes that it had, as it was meant."""

    def __init__(self, style: Style, *, meant: bool) -> None:
        self.style, self.meant, self.anchors = style, meant, 0

    def lines(self, data: Any, depth: int = 0) -> list[str]:
        """Data as lines, each value of the first level in one line where the style says so."""
        before, comment = " " * (self.style.indent * depth), f"  {self.style.comment}" * bool(self.style.comment)
        found = []
        for key, held in data.items() if isinstance(data, dict) else ((None, x) for x in data):
            mark = f"{before}- " if key is None else f"{before}{key}:"
            if key and isinstance(held, dict | list) and not (self.style.flow and depth):
                found += [mark + comment, *self.lines(held, depth + 1)]
            else:
                found.append(mark + " " * bool(key) + self.value(held) + comment)
        return found

    def value(self, data: Any, *, inner: bool = False) -> str:
        """Data on one line."""
        if isinstance(data, dict):
            return "{" + ", ".join(f"{k}: {self.value(v, inner=True)}" for k, v in data.items()) + "}"
        if isinstance(data, list):
            return "[" + ", ".join(self.value(x, inner=True) for x in data) + "]"
        self.anchors += 1
        said = quoted(data, self.style, inner=inner)
        anchor = f"&a{self.anchors} " * self.style.anchors
        return anchor + (spelled(ALL[data], said) if self.meant and data in ALL else said)


@st.composite
def configurations(draw: st.DrawFn) -> Any:
    """A Collector configuration of receivers, exporters and a scrape configuration."""
    listening = st.sampled_from((*MEANT, *RIGHT))
    sending = st.sampled_from((*SENT, *RIGHT_SENT))
    receivers: dict[str, Any] = {}
    for index in range(draw(st.integers(1, 3))):
        receivers[f"otlp/{index}"] = {"protocols": {"grpc": {"endpoint": draw(listening)}}}
    if draw(st.booleans()):
        step = {
            "source_labels": ["__address__", "__meta_port"],
            "regex": draw(st.sampled_from((*REGEX, *REGEX.values()))),
        }
        job = {"job_name": "pods", "kubernetes_sd_configs": [{"role": "pod"}], "relabel_configs": [step]}
        receivers["prometheus"] = {"config": {"scrape_configs": [job]}}
    exporters = {f"otlphttp/{x}": {"endpoint": draw(sending), "timeout": "5s"} for x in range(draw(st.integers(1, 2)))}
    return {"receivers": receivers, "exporters": exporters}


def mended(data: Any) -> Any:
    """Data with each value as it was meant."""
    if isinstance(data, dict):
        return {k: mended(v) for k, v in data.items()}
    if isinstance(data, list):
        return [mended(x) for x in data]
    return ALL.get(data, data) if isinstance(data, str) else data


def written(data: Any, style: Style, *, meant: bool = False) -> str:
    """A file in a style."""
    return "".join(x + style.newline for x in Writer(style, meant=meant).lines(data))


def held(text: str, style: Style) -> str:
    """A List with a ConfigMap that holds a text as a block."""
    head = ("apiVersion: v1", "kind: List", "items:", "- apiVersion: v1", "  kind: ConfigMap", "  metadata:")
    body = ("    name: otel", "  data:", "    other: '*:4317'  # not ours", "    collector.yaml: |")
    lines = (*head, *body, *(f"      {x}" for x in text.split(style.newline) if x))
    return "".join(x + style.newline for x in lines)


def fixed(text: str) -> str:
    """A text with its safe fixes; nothing that a safe fix would change is left in it."""
    request = Review((STDIN,), text.encode(), "collector.yaml", Question())
    found = lint(request)
    assert not found.errors
    after = mend(request, found, unsafe=False)
    left = [x.fix for x in after.reviewed.diagnosis.findings if x.fix and x.fix.edits]
    assert not [x for x in left if x.applicability is Applicability.SAFE]
    return after.after.get("collector.yaml", text)


@given(configurations(), STYLES)
def test_a_safe_fix_of_a_configuration_changes_what_it_mends(data: Any, style: Style) -> None:
    text = written(data, style)
    assert yaml.safe_load(text) == data

    after = fixed(text)

    assert yaml.safe_load(after) == mended(data)
    assert after == written(data, style, meant=True)


@given(configurations(), STYLES)
def test_a_safe_fix_inside_a_config_map_leaves_the_list_as_it_was(data: Any, style: Style) -> None:
    text = held(written(data, style), style)
    assert yaml.safe_load(yaml.safe_load(text)["items"][0]["data"]["collector.yaml"]) == data

    after = fixed(text)

    assert yaml.safe_load(yaml.safe_load(after)["items"][0]["data"]["collector.yaml"]) == mended(data)
    assert after == held(written(data, style, meant=True), style)


@given(st.sampled_from(tuple(MEANT)), STYLES)
def test_what_an_alias_shares_is_mended_where_it_stands(endpoint: str, style: Style) -> None:
    lines = (
        "receivers:",
        "  otlp: {protocols: {grpc: {endpoint: &a %s}}}",
        "  zipkin:",
        "    endpoint: *a  # the same",
    )
    text = "".join(x + style.newline for x in lines)
    said = quoted(endpoint, style, inner=True)

    after = fixed(text % said)

    assert after == text % spelled(MEANT[endpoint], said)
    receivers = yaml.safe_load(after)["receivers"]
    assert receivers["zipkin"]["endpoint"] == receivers["otlp"]["protocols"]["grpc"]["endpoint"] == MEANT[endpoint]
