"""Charts of Helm: which files are templates, what `helm template` makes of them, and where in them a finding is."""

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dualstack.gather.errors import BadFile, BadInput
from dualstack.gather.files import Text
from dualstack.gather.regular import MOST
from dualstack.model.source import Location
from dualstack.model.text import LINE_BREAK

CHART = "Chart.yaml"
_TEMPLATES = "templates"
_SOURCE = re.compile(r"^# Source: (?P<chart>[^/\n]+)/(?P<path>[^\n]+?)\r?$", re.MULTILINE)
_ACTION = re.compile(r"\{\{.*?\}\}")
_SECONDS = 120


class Rendered(NamedTuple):
    """What became of one template: its path, the file that stands for it, the text of that, and the manifests."""

    path: str
    file: str
    template: str
    text: str


def is_template(path: str) -> bool:
    """Whether a file lies below the templates of a chart."""
    parts = path.split(os.sep)
    above = (os.sep.join(parts[:i]) for i, x in enumerate(parts[:-1]) if x == _TEMPLATES)
    return any(os.path.isfile(os.path.join(x or ".", CHART)) for x in above)


def charts(paths: Sequence[str]) -> Iterator[str]:
    """The folders of charts under the paths, without the charts inside them."""
    for path in paths:
        for top, folders, names in os.walk(path):
            folders[:] = sorted(x for x in folders if not x.startswith("."))
            if CHART in names:
                folders.clear()
                yield top


def helm() -> str:
    """The program. Raises BadInput where there is none."""
    from shutil import which  # it loads every kind of archive

    found = which("helm")
    if found is None:
        raise BadInput("`--helm` needs the program helm, which is not on the PATH. Install it, or leave --helm out.")
    return found


def render(program: str, folder: str) -> Iterator[Rendered]:
    """What the templates of a chart make with its own values. Raises BadFile where Helm refuses."""
    import subprocess

    try:
        done = subprocess.run(
            [program, "template", "release", folder],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadFile(folder, f"helm did not render it: {error}") from error
    if done.returncode or len(done.stdout) > MOST:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing, or too much"]
        raise BadFile(folder, f"helm does not render it: {said[-1].removeprefix('Error: ').rstrip('.')}")
    yield from _by_template(folder, done.stdout.decode(errors="replace"))


def _by_template(folder: str, text: str) -> Iterator[Rendered]:
    made = dict[str, list[str]]()
    starts = list(_SOURCE.finditer(text))
    for found, following in zip(starts, (*starts[1:], None), strict=True):
        piece = text[found.end() : following.start() if following else len(text)]
        made.setdefault(found["path"], []).append(re.sub(r"\n---[ \t]*\r?\n\Z", "\n", piece))
    for name, pieces in made.items():
        path = file_of = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                template = file.read(MOST)
        except OSError:
            file_of, template = os.path.join(folder, CHART), ""
        yield Rendered(path, file_of, template, "---\n" + "---\n".join(x.lstrip("\n") for x in pieces))


def at(place: Location, rendered: Rendered) -> Location:
    """Where the template has what stands at a place of its manifests; its first line where that cannot be told."""
    line = LINE_BREAK.split(rendered.text)[place.line - 1]
    said = line[place.column - 1 : place.end_column - 1] if place.line == place.end_line else ""
    lines = LINE_BREAK.split(rendered.template)
    alike = [i for i, x in enumerate(lines) if x.strip() == line.strip()]
    made = [i for i, x in enumerate(lines) if "{{" in x and _makes(x.strip(), line.strip())]
    found = next((x[0] for x in (alike, made) if len(x) == 1), None)
    if found is None:
        return Location(rendered.file, 1)
    start = lines[found].find(said) if said else -1
    if start < 0 or not alike:
        return Location(rendered.file, found + 1)
    return Location(rendered.file, found + 1, start + 1, found + 1, start + 1 + len(said))


def _makes(template: str, line: str) -> bool:
    """Whether a line of a template can have made a line: what stands between its actions is there, in order."""
    first, *parts = _ACTION.split(template)
    if not parts or not line.startswith(first) or not any(x.strip() for x in (first, *parts)):
        return False
    at = len(first)
    for part in parts[:-1]:
        found = line.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return line[at:].endswith(parts[-1])


def text(rendered: Rendered) -> Text:
    """The manifests of a template as a file under review."""
    return Text(rendered.path, rendered.text, named=False)
