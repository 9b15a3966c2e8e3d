"""A page, as an HTML parser reads it."""

import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Applicability, Fix
from dualstack.report.html import render
from tests.report.reviews import CLEAN, EVIL, SAMPLE, UNBRACKETED, UNKNOWN, hostile
from tests.report.worlds import diagnoses

EACH = pytest.mark.parametrize("diagnosis", diagnoses().values(), ids=diagnoses())
BODY = """\
<h1><span class="tone broken">broken</span>: 1 error, 1 warning, 1 note; 1 file could not be read.</h1>
<article class="error">
<h2><span class="tone">error</span> IPv6 address without brackets</h2>
<p class="dim"><code>deploy/collector.yaml:5:19</code> · DS101 unbracketed-ipv6-endpoint · IPv6 · declared</p>
<pre><del>-         endpoint: <mark>fd00::5:4317</mark></del>
<ins>+         endpoint: &quot;[fd00::5]:4317&quot;</ins></pre>
<p>In <code>fd00::5:4317</code> the colons of the address and that of the port cannot be told apart.</p>
<p><span class="tone healthy">Fix:</span> Write <code>[fd00::5]:4317</code>.</p>
<details><summary>Evidence</summary><ul>\
<li>fd00::5:4317 (declared: receivers.otlp.protocols.grpc.endpoint)</ul></details>
</article>
<article class="warning">
<h2><span class="tone">warning</span> Transport takes one family</h2>
<p class="dim"><code>deploy/a b.yaml:2:14</code> · DS208 transport-pins-family · declared</p>
<pre>  transport: <mark>tcp4</mark></pre>
<p><code>tcp4</code> takes IPv4 alone.</p>
<p><span class="tone healthy">Fix:</span> Leave <code>transport</code> out.</p>
</article>
<article class="info">
<h2><span class="tone">info</span> Name of another cluster</h2>
<p class="dim"><code>deploy/a b.yaml:9:3</code> · DS511 external-name-families-elsewhere · declared</p>
<p>Nobody here knows its families.</p>
</article>
<article class="error"><h2>Could not be read</h2><ul>\
<li><code>broken.yaml:3</code>: is not YAML: a key was expected</ul></article>
<article class="unknown"><h2>Not seen</h2><ul>\
<li><code>chart/service.yaml:4</code>: is a template; lint what it is rendered to</ul></article>
"""


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data


def test_a_body_from_top_to_bottom() -> None:
    shown = render(SAMPLE)

    assert shown.startswith("<!DOCTYPE html>\n")
    assert re.sub(r".*<body>\n|<footer>.*", "", shown, flags=re.DOTALL) == BODY


@pytest.mark.parametrize("diagnosis", [SAMPLE, CLEAN, UNKNOWN, *list(diagnoses().values())[::20]])
def test_a_page_is_small_and_asks_for_nothing(diagnosis: Diagnosis) -> None:
    shown = render(diagnosis)

    assert len(shown) < 30_000
    assert {x for x, _ in Page(shown).tags} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span", "code", "pre", "mark", "del"),
        *("ins", "article", "details", "summary", "ul", "li", "div", "table", "tr", "th", "td", "footer"),
    }
    assert "url(" not in shown
    assert "@import" not in shown
    assert 'content="width=device-width,initial-scale=1"' in shown
    assert "prefers-color-scheme:dark" in shown


def test_what_is_not_known_is_not_healthy() -> None:
    assert ">unknown</span>: nothing was understood, so nothing is known.</h1>" in render(UNKNOWN)
    assert ">healthy</span>: no findings.</h1>" in render(CLEAN)
    assert "(interrupted: this is what was known by then)" in render(replace(CLEAN, interrupted=True))


def test_commands_of_a_fix_are_told() -> None:
    fix = Fix("Do", Applicability.MANUAL, commands=("sysctl -w x='<0>'",))

    assert "<pre>sysctl -w x=&#x27;&lt;0&gt;&#x27;</pre>" in render(
        replace(CLEAN, findings=(replace(UNBRACKETED, fix=fix),))
    )


@EACH
def test_every_flow_and_finding_of_a_system_is_there(diagnosis: Diagnosis) -> None:
    page = Page(render(diagnosis))

    assert [x for x, _ in page.tags].count("tr") == (len(diagnosis.traces) + 1 if diagnosis.traces else 0)
    assert page.said.count("\nflow: ") + page.said.count("linesflow: ") == len(diagnosis.traces)
    assert [y["class"] for x, y in page.tags if x == "article"][: len(diagnosis.findings)] == [
        x.severity for x in diagnosis.findings
    ]


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_hostile_text_is_text(evil: str) -> None:
    shown = render(hostile(SAMPLE, evil))

    shifting = ("code", "del", "ins")  # code in backticks, and a fix that would write no single line
    given, found = ([x for x in Page(y).tags if x[0] not in shifting] for y in (render(SAMPLE), shown))
    assert found == given
    assert shown.encode()
    assert all(x.isprintable() for x in shown.split("\n"))
