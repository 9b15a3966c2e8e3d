"""Units, their drop-ins and `.env` files as programs with variables, each at its characters."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dualstack.gather.processes_files import is_wanted, workloads
from dualstack.gather.words import words
from dualstack.model.source import Written


def at(written: Written, text: str) -> str:
    line = text.split("\n")[written.at.line - 1]
    return line[written.at.column - 1 : written.at.end_column - 1]


def variables(path: str, text: str) -> list[tuple[str, str, str, str]]:
    """Name, value, the characters that a change would replace, and those at the place."""
    found = workloads(path, text)
    return [
        (x.name, x.value.text, x.value.raw, at(x.value, text))
        for y in found
        for x in y.containers[0].variables
        if x.value is not None
    ]


@pytest.mark.parametrize(
    ("line", "value", "raw"),
    [
        ("OTEL_X=http://a:1", "http://a:1", "http://a:1"),
        ("export OTEL_X=http://a:1", "http://a:1", "http://a:1"),
        ("  OTEL_X = http://a:1  ", "http://a:1", "http://a:1"),
        ('OTEL_X="http://a:1"', "http://a:1", "http://a:1"),
        ("OTEL_X='http://a:1'  # why", "http://a:1", "http://a:1"),
        ("OTEL_X=http://a:1 # why", "http://a:1", "http://a:1"),
        ("OTEL_X=http://a:1#b", "http://a:1#b", "http://a:1#b"),
        ('OTEL_X="a\\"b"', 'a"b', ""),
        ("OTEL_X=", "", ""),
        ("OTEL_X=a=b", "a=b", "a=b"),
        ("otel.x=http://a:1", "http://a:1", "http://a:1"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_line_of_a_list_of_variables(line: str, value: str, raw: str, end: str) -> None:
    text = f"# first{end or chr(10)}{line}{end}"
    ((name, said, spelled, there),) = variables("x.env", text)
    assert (name, said, spelled) == ("OTEL_X", value, raw)
    assert there == (raw or there)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# OTEL_X=a\n",
        'OTEL_X="a\n',
        "OTEL_X='a\n",
        'OTEL_X="a"b\n',
        "OTEL_X\n",
        "1OTEL_X=a\n",
        "\x01\x02",
    ],
)
def test_what_sets_nothing_of_interest_is_no_program(text: str) -> None:
    assert workloads("x.env", text) == []


def test_variables_of_other_names_are_of_interest_to_who_names_the_file_alone() -> None:
    (found,) = workloads("x.env", "A=b\n")
    assert not is_wanted(found)
    assert is_wanted(*workloads("x.env", "A=b\nOTEL_A=b\n"))
    # What a program reads itself is no list for others.
    assert workloads("x.properties", "a.b=c\n") == []


UNIT = """\
[Unit]
# [Service]
Description=x
[Service]
EnvironmentFile=-/etc/otelcol/otelcol.conf
EnvironmentFile=
EnvironmentFile=-/etc/otelcol/other.conf
Environment="OTEL_A=http://a:1" 'OTEL_B=http://b:1' \\
# in between
   OTEL_C=http://c:1 OTEL_D="d d"
Environment=OTEL_E=a"b"c
Environment="OTEL_F=a
ExecStart=-/usr/bin/otelcol --config=/etc/a.yaml \\
  "--set=a.b=c"
"""


def test_a_unit_with_continued_lines_and_quotes() -> None:
    (workload,) = workloads("otelcol.service", UNIT)
    container = workload.containers[0]
    assert variables("otelcol.service", UNIT) == [
        ("OTEL_A", "http://a:1", "http://a:1", "http://a:1"),
        ("OTEL_B", "http://b:1", "http://b:1", "http://b:1"),
        ("OTEL_C", "http://c:1", "http://c:1", "http://c:1"),
        ("OTEL_D", "d d", "d d", "d d"),
        ("OTEL_E", "abc", "", 'OTEL_E=a"b"c'),
    ]
    assert [(x.text, at(x, UNIT)) for x in container.words] == [
        ("/usr/bin/otelcol", "/usr/bin/otelcol"),
        ("--config=/etc/a.yaml", "--config=/etc/a.yaml"),
        ("--set=a.b=c", "--set=a.b=c"),
    ]
    assert container.sources == ("/etc/otelcol/other.conf",)
    assert (workload.meta.kind, workload.pod) == ("unit", False)
    crlf = UNIT.replace("\n", "\r\n")
    assert variables("otelcol.service", crlf) == variables("otelcol.service", UNIT)


def test_a_unit_of_another_program_is_none() -> None:
    assert workloads("x.service", "[Service]\nExecStart=/usr/bin/true --config=x\n") == []
    assert workloads("x.service", "[Service]\nExecStart=/usr/bin/otelcol\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("a\"b c\"'d e'f\\ g", ["ab cd ef g"]),
        ('"a \\" b" c', ['a " b', "c"]),
        ("''", [""]),
        ('a "b', []),
        ("a 'b", []),
        ("a\\", []),
        ("", []),
    ],
)
def test_words_are_those_of_a_shell(text: str, found: list[str]) -> None:
    assert [x.text for x in words(text)] == found


def test_a_word_knows_where_its_end_stands() -> None:
    (plain, quoted, mixed) = words("""a=b "c=d" e=f'g'""")
    assert (plain.span("b"), quoted.span("d"), mixed.span("fg"), plain.span("")) == ((2, 3), (7, 8), None, None)


@given(st.text("aO=\"'\\ \n#$[]:", max_size=40))
@example('"\\\n"')
def test_any_text_is_read(text: str) -> None:
    for path, before in (("x.env", "OTEL_X="), ("x.service", "[Service]\nEnvironment=OTEL_X=")):
        for name, value, raw, there in variables(path, before + text):
            assert name
            assert not raw or (value == raw == there)


def test_long_lines_are_read_in_linear_time() -> None:
    texts = ("OTEL_X=a" + " " * 500_000 + "b", 'OTEL_X="' + "\\" * 500_000, "OTEL_X=" + "'\"" * 200_000, "=" * 500_000)
    for text in texts:
        workloads("x.env", text)
        workloads("x.service", "[Service]\nEnvironment=" + text)
