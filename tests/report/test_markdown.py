"""A comment in a review, as a CommonMark parser reads it."""

import re

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Applicability, Fix
from dualstack.report.markdown import MOST, SHOWN, render
from tests.report.reviews import CLEAN, EVIL, FORCED, SAMPLE, TEMPLATE, UNBRACKETED, UNKNOWN, hostile
from tests.report.worlds import diagnoses

LONGEST = 65_536
PARSER = MarkdownIt("commonmark").enable("table")
WHOLE = """\
<!-- dualstack lint -->
## dualstack: 1 error, 1 warning, 1 note; 1 file could not be read

| | rule | where | what |
|---|---|---|---|
| error | DS101 unbracketed-ipv6-endpoint | `deploy/collector.yaml:5:19` | IPv6 address without brackets |
| warning | DS208 transport-pins-family | `deploy/a b.yaml:2:14` | Transport takes one family |
| info | DS511 external-name-families-elsewhere | `deploy/a b.yaml:9:3` | Name of another cluster |

<details><summary>DS101 IPv6 address without brackets</summary>

`deploy/collector.yaml:5:19`

```
        endpoint: fd00::5:4317
```

In `fd00::5:4317` the colons of the address and that of the port cannot be told apart.

**Fix:** Write `[fd00::5]:4317`.

```suggestion
        endpoint: "[fd00::5]:4317"
```

- fd00::5:4317 (declared: receivers.otlp.protocols.grpc.endpoint)

</details>

<details><summary>DS208 Transport takes one family</summary>

`deploy/a b.yaml:2:14`

```
  transport: tcp4
```

`tcp4` takes IPv4 alone.

**Fix:** Leave `transport` out.


</details>

<details><summary>DS511 Name of another cluster</summary>

`deploy/a b.yaml:9:3`

Nobody here knows its families.


</details>

**Could not be read:**

- `broken.yaml:3`: is not YAML: a key was expected

**Not seen:**

- `chart/service.yaml:4`: is a template; lint what it is rendered to
"""


def tokens(text: str) -> list[Token]:
    """The tokens of a text, those within lines as well."""
    return [y for x in PARSER.parse(text) for y in (x, *(x.children or ()))]


def test_a_comment_from_top_to_bottom() -> None:
    assert render(SAMPLE) == WHOLE


def test_without_findings_it_is_short() -> None:
    assert render(CLEAN) == "<!-- dualstack lint -->\n## dualstack: no findings\n"
    assert render(UNKNOWN).endswith("## dualstack: nothing was understood, so nothing is known\n")


def test_a_safe_fix_of_one_line_alone_is_suggested() -> None:
    assert '```suggestion\n        endpoint: "[fd00::5]:4317"\n```' in render(SAMPLE)
    assert "suggestion" not in render(replace(SAMPLE, findings=(FORCED,)))


def test_commands_of_a_fix_are_told() -> None:
    fix = Fix("Do", Applicability.MANUAL, commands=("sysctl -w x=0",))

    assert "```sh\nsysctl -w x=0\n```" in render(replace(CLEAN, findings=(replace(UNBRACKETED, fix=fix),)))


@pytest.mark.parametrize("diagnosis", diagnoses().values(), ids=diagnoses())
def test_a_diagnosis_names_its_verdict_and_its_flows(diagnosis: Diagnosis) -> None:
    shown = render(diagnosis)

    assert shown.splitlines()[1].startswith(f"## dualstack: {diagnosis.verdict}: exports to ")
    assert len(re.findall(r"^flow: ", shown, re.MULTILINE)) == len(diagnosis.traces)
    assert all(x.code in shown for x in diagnosis.findings)


def test_a_comment_is_never_too_long() -> None:
    long = hostile(replace(UNBRACKETED, evidence=UNBRACKETED.evidence * 20), "[|]" * 900)
    shown = render(replace(SAMPLE, findings=(long,) * 900, skipped=(hostile(TEMPLATE, "*" * 900),) * 900))

    assert MOST / 2 < len(shown) < LONGEST
    assert f"and {900 - SHOWN} findings more" in shown
    assert re.search(r"\nThe rest is too long for a comment: \d+ parts left out\.\n$", shown)
    assert shown.count("<details>") == shown.count("</details>")


def test_gaps_beyond_the_first_are_counted() -> None:
    assert f"\n- and {900 - SHOWN} more\n" in render(replace(CLEAN, skipped=(TEMPLATE,) * 900))


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_hostile_text_means_nothing(evil: str) -> None:
    shown = render(hostile(SAMPLE, evil))
    given, found = tokens(render(SAMPLE)), tokens(shown)

    kinds = ("html_block", "html_inline", "link_open", "image", "table_open", "fence", "heading_open", "list_item_open")
    for kind in kinds:
        counts = [sum(x.type == kind and x.info != "suggestion" for x in every) for every in (found, given)]
        assert counts[0] == counts[1], kind
    raw = "".join(x.content for x in found if x.type in ("html_block", "html_inline"))
    assert set(re.findall(r"<\W*\w*", raw)) <= {
        "<!-- dualstack",
        "<details",
        "</details",
        "<summary",
        "</summary",
    }
    assert shown.encode()
    assert all(x.replace("\t", "").isprintable() for x in shown.split("\n"))
    prose = "".join(x.content for x in found if x.type == "text")
    assert "@admin" not in prose
