"""Regular expressions of Prometheus, tried on addresses of both families."""

import pytest

from dualstack.model.otel import Expression
from dualstack.model.source import Location, Written
from dualstack.reach.expressions import ipv4_only

PORT = "__meta_kubernetes_pod_annotation_prometheus_io_port"


def expression(text: str, *others: str, separator: str = ";") -> Expression:
    return Expression(Written(text, Location("x", 1)), ("__address__", *others), separator)


@pytest.mark.parametrize(
    ("text", "others"),
    [
        (r"([^:]+)(?::\d+)?;(\d+)", (PORT,)),
        (r"([^:]+):\d+", ()),
        (r"([^:]+):10250", ()),
        (r"^([^:]*)(:\d+)?$$", ()),
        (r"((?:[0-9]{1,3}\.){3}[0-9]{1,3}):\d+", ()),
        (r"([^:]+)(?::\d+)?;true;(\d+)", ("scrape", PORT)),
    ],
)
def test_what_ends_the_host_at_a_colon_is_for_ipv4_alone(text: str, others: tuple[str, ...]) -> None:
    assert ipv4_only(expression(text, *others))


@pytest.mark.parametrize(
    ("text", "others"),
    [
        (r"(.+?)(?::\d+)?;(\d+)", (PORT,)),
        (r"(.*)", ()),
        (r"(.+):(?:\d+);(\d+)", (PORT,)),
        (r"\[?([^]]+)\]?:\d+", ()),
        (r"10\.0\.0\.1:9100", ()),
        (r"localhost:.*", ()),
        (r"([^:]+):9100;never", (PORT,)),
        (r"(?P<host>", ()),
        (r"\pN+:\d+", ()),
        (r"([^:]+):\d+", ("a", "b", "c")),
    ],
)
def test_what_takes_both_or_neither_or_cannot_be_read_is_not(text: str, others: tuple[str, ...]) -> None:
    assert not ipv4_only(expression(text, *others))


def test_a_separator_stands_between_the_labels() -> None:
    assert ipv4_only(expression(r"([^:]+)(?::\d+)?@(\d+)", PORT, separator="@"))
    assert not ipv4_only(expression(r"([^:]+)(?::\d+)?;(\d+)", PORT, separator="@"))


@pytest.mark.parametrize(
    "text", [r"(.+)+x", r"(.*)*:\d+", r"(.{0,9}){9}x", ".*" * 20 + "x", "a?" * 60 + "x", "x" * 201]
)
def test_what_could_take_very_long_is_not_tried(text: str) -> None:
    assert not ipv4_only(expression(text))


def test_odd_sets_of_characters_say_nothing(recwarn: pytest.WarningsRecorder) -> None:
    assert not ipv4_only(expression(r"[[a]+:\d+"))
    assert not recwarn.list
