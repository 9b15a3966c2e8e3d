"""Files to be read under the paths that a user names: found, bounded, and as text."""

import codecs
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dualstack.gather.errors import BadFile, BadInput
from dualstack.gather.regular import MOST, read
from dualstack.model.text import LINE_BREAK

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SETTINGS = "--set"
"""What the settings are called where a file has its name; each is a line."""

_ENDINGS = (".yaml", ".yml", ".json", ".env", ".service", ".toml", ".conf", ".alloy", ".river", ".properties")
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_NAMES = (".env", "otelcol-options", *KUSTOMIZATIONS)
_FOREIGN = ("node_modules", "__pycache__", "venv")
"""Folders whose files come from elsewhere; those with a dot before their name are left out as well."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, longer ones first (YAML 1.1 section 5.2)."""
_MARKED = tuple(x for x, _ in _MARKS)


class Text(NamedTuple):
    """A file as text. `mark` and `encoding` are what it is written back with; `named` says that the user named it."""

    path: str
    text: str
    named: bool = True
    mark: bytes = b""
    encoding: str = "utf-8"

    def raw(self, text: str) -> bytes:
        """A text as this file would hold it."""
        return self.mark + text.encode(self.encoding)


def found(
    paths: Sequence[str],
    excluded: Sequence[tuple[str, "GitIgnoreSpec"]] = (),
    but: Iterable[str] = (),
    refused: Callable[[OSError], None] | None = None,
) -> Iterator[tuple[str, bool]]:
    """The files under these paths, each once and in order, and whether the user named it. Raises BadInput.

    `excluded` says what is left out below which folders, `but` names files that are read elsewhere, and `refused` is
    told of folders that cannot be read.
    """
    seen = set(map(os.path.realpath, but))
    for path in paths:
        if not os.path.exists(path):
            why = "is a link that leads nowhere" if os.path.islink(path) else "is not there"
            raise BadInput(f"`{path}` {why}. Name a file, a folder, or `-` for standard input.")
        named = not os.path.isdir(path)
        for file, real in [(path, os.path.realpath(path))] if named else _below(path, excluded, refused):
            if real not in seen:
                seen.add(real)
                yield file.removeprefix("./"), named


def _below(
    folder: str, excluded: Sequence[tuple[str, "GitIgnoreSpec"]], refused: Callable[[OSError], None] | None
) -> Iterator[tuple[str, str]]:
    """The files below a folder that may be of interest and that nothing leaves out, and where they really are."""
    ignored = [(x, spec) for x in _above(folder) if (spec := _ignores(x))]
    for top, folders, names in os.walk(folder, onerror=refused):
        ignored = [(x, spec) for x, spec in ignored if _holds(x, top)]
        mine = _ignores(top) if ".gitignore" in names else None
        if mine and top not in [x for x, _ in ignored]:
            ignored.append((top, mine))
        left_out = (*ignored, *excluded)
        folders[:] = sorted(
            x
            for x in folders
            if not x.startswith(".") and x not in _FOREIGN and not is_ignored(f"{os.path.join(top, x)}/", left_out)
        )
        real = os.path.realpath(top)
        for name in sorted(x for x in names if may_matter(x)):
            file = os.path.join(top, name)
            there = _leads(file, real, name)
            if there and not is_ignored(file, left_out):
                yield file, there


def _leads(file: str, real: str, name: str) -> str:
    """Where a regular file of a real folder is, also one that a link leads to; empty for anything else."""
    try:
        mode = os.lstat(file).st_mode
    except OSError:
        return ""
    if stat.S_ISLNK(mode):
        return os.path.realpath(file) if os.path.isfile(file) else ""
    return os.path.join(real, name) if stat.S_ISREG(mode) else ""


def may_matter(name: str) -> bool:
    """Whether a file of this name can be one that is read."""
    return name.endswith(_ENDINGS) or name in _NAMES or name.startswith(".env.")


def _above(folder: str) -> list[str]:
    """The folders from the root of the repository down to a folder; that folder alone outside of a repository."""
    path, above = os.path.abspath(folder), list[str]()
    while path != os.path.dirname(path):
        above.insert(0, path)
        if os.path.exists(os.path.join(path, ".git")):
            return above
        path = os.path.dirname(path)
    return [os.path.abspath(folder)]


def _holds(folder: str, path: str) -> bool:
    own = os.path.abspath(folder)
    return os.path.abspath(path) == own or os.path.abspath(path).startswith(own.rstrip("/") + "/")


def _ignores(folder: str) -> "GitIgnoreSpec | None":
    """What the .gitignore of a folder says; None where it has none."""
    try:
        raw = read(os.path.join(folder, ".gitignore"), MOST)
    except OSError:
        return None
    lines = raw.decode(errors="replace").splitlines()
    try:
        return ignoring(lines)
    except ValueError:  # git passes over a line that it does not understand
        return ignoring(x for x in lines if _is_pattern(x))


def _is_pattern(line: str) -> bool:
    try:
        ignoring([line])
    except ValueError:
        return False
    return True


def ignoring(lines: Iterable[str]) -> "GitIgnoreSpec":
    """What patterns as in a .gitignore leave out. Raises ValueError for one that is none."""
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except re.error as error:
        raise ValueError(f"Invalid git pattern: {error}") from error


def is_ignored(path: str, ignored: Sequence[tuple[str, "GitIgnoreSpec"]]) -> bool:
    """Whether the nearest .gitignore that speaks of a path leaves it out (gitignore(5))."""
    full = os.path.abspath(path) + ("/" if path.endswith("/") else "") if ignored else ""
    for folder, spec in reversed(ignored):
        own = os.path.abspath(folder).rstrip("/")
        if not full.startswith(f"{own}/"):
            continue
        said = spec.check_file(full[len(own) + 1 :]).include
        if said is not None:
            return said
    return False


class Included:
    """Files that configurations take in, each read once.

    `known` are the files under review: one of them keeps the name that it has there. `instead` are texts that stand in
    the place of what files hold.
    """

    def __init__(self, known: Collection[str], instead: Mapping[str, str]) -> None:
        self.texts, self._known, self._instead = dict[str, Text](), known, instead
        self._read, self._names = dict[str, Text | None](), dict[str, str]()

    def anywhere(self, path: str) -> Text | None:
        """A file, by a path from the working folder as the Collector reads it; None for one that is not text."""
        if path not in self._read:
            self._read[path] = self._fresh(path)
        return self._read[path]

    def near(self, path: str) -> Text | None:
        """A file in the working folder or below; what the files under review say leads nowhere else."""
        here, there = os.path.realpath("."), os.path.realpath(path)
        return self.anywhere(path) if os.path.commonpath((here, there)) == here else None

    def named(self, path: str) -> Text:
        """A file that the user named. Raises BadFile."""
        text = text_of(path, named=True) or Text(path, "")
        self._read[path] = self.texts[path] = text._replace(text=self._instead.get(path, text.text))
        return self.texts[path]

    def _fresh(self, path: str) -> Text | None:
        if not self._names:
            self._names = {os.path.realpath(x): x for x in self._known}
        try:
            return self.named(self._names.get(os.path.realpath(path), path))
        except BadFile:
            return None


def text_of(path: str, *, named: bool, raw: bytes | None = None) -> Text | None:
    """A file as text; None for one that is none and that nobody named. Raises BadFile."""
    try:
        found = read(path, MOST) if raw is None else raw
    except OSError as error:
        raise BadFile(path, f"cannot be read: {error.strerror or error}") from error
    return decoded(path, found, named=named)


def decoded(path: str, raw: bytes, *, named: bool) -> Text | None:
    """What a file holds as text; None where it is none and nobody named it. Raises BadFile."""
    mark, encoding = b"", "utf-8"
    if raw.startswith(_MARKED):
        mark, encoding = next((x, y) for x, y in _MARKS if raw.startswith(x))
    try:
        text, wrong = raw[len(mark) :].decode(encoding), ""
    except UnicodeDecodeError as error:
        before = raw[len(mark) : len(mark) + error.start].decode(encoding, "replace")
        text, wrong = "", f"is not text in {encoding.upper()}, from its line {len(LINE_BREAK.split(before))} on"
    if "\0" in text:
        wrong = "is not text: it holds a zero byte"
    if wrong and named:
        raise BadFile(path, wrong)
    return None if wrong else Text(path, text, named, mark, encoding)
