"""A diagnosis as one page that needs no network, for a browser or a phone, light or dark."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from dualstack import __version__
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding
from dualstack.model.question import FILES
from dualstack.model.text import printable
from dualstack.model.trace import Trace
from dualstack.reach.answer import answer
from dualstack.reach.excerpt import mended
from dualstack.reach.trace import codes_of, line

_CODE = re.compile(r"`([^`]+)`")
_LONGEST = 4000
_EXCERPT = 400

_STYLE = """
:root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--text:#1c2026;--dim:#5b6470;--line:#d9dde3;
--error:#b3261e;--warning:#8a5a00;--info:#0b5cad;--good:#17693a;--mark:#ffd9d4}
@media(prefers-color-scheme:dark){:root{--ground:#14171b;--card:#1d2127;--text:#e4e7eb;--dim:#9aa4b0;--line:#343a43;
--error:#ff8a80;--warning:#f0b95b;--info:#7db8ff;--good:#6fd195;--mark:#5c2a26}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--ground);color:var(--text);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.3rem;line-height:1.3;margin:.5rem 0 1rem}
h2{font-size:1.05rem;margin:0}
article{background:var(--card);border:1px solid var(--line);border-left:.3rem solid var(--tone);border-radius:.4rem;
margin:0 0 1rem;padding:.75rem 1rem}
p{margin:.4rem 0}
.dim,footer,summary{color:var(--dim);font-size:.9rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{margin:.5rem 0;padding:.5rem .7rem;background:var(--ground);border:1px solid var(--line);border-radius:.3rem;
overflow-x:auto;overflow-wrap:normal}
mark{background:var(--mark);color:inherit;border-radius:.15rem}
ins{color:var(--good);text-decoration:none}
del{color:var(--error);text-decoration:none}
ul{margin:.4rem 0;padding-left:1.2rem}
.tone{color:var(--tone);font-weight:600}
.error,.broken{--tone:var(--error)}.warning,.degraded{--tone:var(--warning)}.info,.unknown{--tone:var(--info)}
.healthy{--tone:var(--good)}
.wide{overflow-x:auto;overflow-wrap:normal}
table{border-collapse:collapse;margin:0 0 1rem;width:100%}
td,th{border-bottom:1px solid var(--line);padding:.3rem .5rem;text-align:left;font-weight:400}
th{color:var(--dim)}
"""


def render(diagnosis: Diagnosis) -> str:
    """The page."""
    return "".join(f"{x}\n" for x in _lines(diagnosis))


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    said = answer(diagnosis)
    title = f"dualstack: {said}" if diagnosis.question.place == FILES else f"dualstack: {diagnosis.verdict}: {said}"
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    cut = " (interrupted: this is what was known by then)" if diagnosis.interrupted else ""
    yield f'<h1><span class="tone {diagnosis.verdict}">{diagnosis.verdict}</span>: {_said(said)}{cut}</h1>'
    yield from _flows(diagnosis.traces)
    for finding in diagnosis.findings:
        yield from _finding(finding)
    yield from _gaps(diagnosis)
    if diagnosis.traces:
        told = "\n".join(_text(line(x, codes_of(x, diagnosis.findings))) for x in diagnosis.traces)
        yield f"<details><summary>Flows as lines</summary><pre>{told}</pre></details>"
    yield f"<footer>dualstack {__version__}</footer>\n</body>\n</html>"


def _flows(traces: Sequence[Trace]) -> Iterator[str]:
    if not traces:
        return
    yield '<div class="wide"><table><tr><th>target<th>protocol<th>family<th>addresses<th>outcome</tr>'
    for x in traces:
        tone = "healthy" if x.accepted else "error" if x.failed and x.required else "unknown"
        end = f'<span class="tone {tone}">{str(x.disposition).replace("_", " ")}</span>'
        waived = "" if x.required else " (not needed)"
        cells = (_text(x.target.endpoint), x.protocol, x.family.title, _text(", ".join(x.addresses)), end + waived)
        yield f"<tr>{''.join(f'<td>{cell}' for cell in cells)}</tr>"
    yield "</table></div>"


def _finding(finding: Finding) -> Iterator[str]:
    yield f'<article class="{finding.severity}">'
    yield f'<h2><span class="tone">{finding.severity}</span> {_said(finding.summary)}</h2>'
    yield f'<p class="dim">{" · ".join(filter(None, _about(finding)))}</p>'
    yield from _excerpt(finding)
    yield f"<p>{_said(finding.detail)}</p>"
    if finding.hint:
        yield f'<p><span class="tone healthy">Fix:</span> {_said(finding.hint)}</p>'
    if finding.fix and finding.fix.commands:
        yield f"<pre>{chr(10).join(map(_text, finding.fix.commands))}</pre>"
    if finding.evidence:
        facts = "".join(f"<li>{_said(x.fact)} ({x.layer}: {_text(x.source)})" for x in finding.evidence)
        yield f"<details><summary>Evidence</summary><ul>{facts}</ul></details>"
    yield "</article>"


def _about(finding: Finding) -> Iterator[str]:
    at = finding.location
    yield f"<code>{_text(f'{at.file}:{at.line}:{at.column}')}</code>" if at else ""
    yield f"{finding.code} {finding.name}"
    yield ", ".join(x.title for x in finding.families)
    yield str(finding.confidence)
    yield f"because of {', '.join(finding.because)}" if finding.because else ""


def _excerpt(finding: Finding) -> Iterator[str]:
    """The line with the very characters marked; below it the line as a safe fix leaves it."""
    at, shown = finding.location, finding.excerpt
    if at is None or not shown.strip():
        return
    start = at.column - 1
    end = at.end_column - 1 if at.end_line == at.line else len(shown)
    before, marked, after = (_cut(x) for x in (shown[:start], shown[start:end], shown[end:]))
    after_fix = mended(finding)
    if after_fix is None:
        yield f"<pre>{before}<mark>{marked}</mark>{after}</pre>"
        return
    yield f"<pre><del>- {before}<mark>{marked}</mark>{after}</del>\n<ins>+ {_cut(after_fix)}</ins></pre>"


def _cut(text: str) -> str:
    return escape(printable(text.expandtabs(4), _EXCERPT))


def _gaps(diagnosis: Diagnosis) -> Iterator[str]:
    for head, unreadable in (("Could not be read", True), ("Not seen", False)):
        gaps = [x for x in diagnosis.skipped if x.unreadable is unreadable]
        if gaps:
            told = "".join(f"<li><code>{_text(x.needs)}</code>: {_said(x.why)}" for x in gaps)
            yield f'<article class="{"error" if unreadable else "unknown"}"><h2>{head}</h2><ul>{told}</ul></article>'


def _text(text: str) -> str:
    return escape(printable(text, _LONGEST))


def _said(text: str) -> str:
    """A sentence in which what stands in backticks is code."""
    return _CODE.sub(r"<code>\1</code>", _text(text))
