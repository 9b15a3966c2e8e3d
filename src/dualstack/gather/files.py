"""Files to be read under the paths that a user names: found, bounded, and as text."""

import codecs
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dualstack.gather.env import read
from dualstack.gather.errors import BadFile, BadInput

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MOST = 64_000_000
"""Bytes of one file; a rendered cluster of 50,000 objects has 40,000,000."""

_ENDINGS = (".yaml", ".yml", ".json", ".env", ".service", ".toml", ".conf", ".alloy", ".river", ".properties")
_NAMES = (".env", "otelcol-options")
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


class Text(NamedTuple):
    """A file as text. `mark` and `encoding` are what it is written back with; `named` says that the user named it."""

    path: str
    text: str
    named: bool = True
    mark: bytes = b""
    encoding: str = "utf-8"


def found(paths: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The files under these paths, each once and in order, and whether the user named it. Raises BadInput."""
    seen = set()
    for path in paths:
        if not os.path.exists(path):
            raise BadInput(f"`{path}` is not there. Name a file, a folder, or `-` for standard input.")
        named = not os.path.isdir(path)
        for file in [path] if named else _below(path):
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file.removeprefix("./"), named


def _below(folder: str) -> Iterator[str]:
    """The files below a folder that may be of interest and that no .gitignore leaves out."""
    ignored = [(x, spec) for x in _above(folder) if (spec := _ignores(x))]
    for top, folders, names in os.walk(folder):
        ignored = [(x, spec) for x, spec in ignored if _holds(x, top)]
        mine = _ignores(top) if ".gitignore" in names else None
        if mine and top not in [x for x, _ in ignored]:
            ignored.append((top, mine))
        folders[:] = sorted(
            x
            for x in folders
            if not x.startswith(".") and x not in _FOREIGN and not _is_ignored(f"{os.path.join(top, x)}/", ignored)
        )
        for name in sorted(names):
            file = os.path.join(top, name)
            if _may_matter(name) and os.path.isfile(file) and not _is_ignored(file, ignored):
                yield file


def _may_matter(name: str) -> bool:
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
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(raw.decode(errors="replace").splitlines())


def _is_ignored(path: str, ignored: Sequence[tuple[str, "GitIgnoreSpec"]]) -> bool:
    """Whether the nearest .gitignore that speaks of a path leaves it out (gitignore(5))."""
    full = os.path.abspath(path) + ("/" if path.endswith("/") else "")
    for folder, spec in reversed(ignored):
        own = os.path.abspath(folder).rstrip("/")
        said = spec.check_file(full[len(own) + 1 :]).include
        if said is not None:
            return said
    return False


def text_of(path: str, *, named: bool, raw: bytes | None = None) -> Text | None:
    """A file as text; None for one that is none and that nobody named. Raises BadInput."""
    try:
        found = read(path, MOST) if raw is None else raw
    except OSError as error:
        raise BadFile(path, f"cannot be read: {error.strerror or error}") from error
    mark, encoding = next(((x, y) for x, y in _MARKS if found.startswith(x)), (b"", "utf-8"))
    try:
        text = found[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        text = "\0"
        reason = f"is not text in {encoding.upper()}"
        if not named:
            return None
        raise BadFile(path, reason) from error
    if "\0" in text:
        if not named:
            return None
        raise BadFile(path, "is not text: it holds a zero byte")
    return Text(path, text, named, mark, encoding)
