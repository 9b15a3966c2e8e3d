"""What has changed since a revision of a git repository: which lines, and what the files held before.

The comparison is with the point at which the branch left the revision (`git diff A...`), so that what others have
changed there meanwhile is not taken for a change of this one.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from dualstack.gather.errors import BadInput
from dualstack.gather.files import decoded, may_matter
from dualstack.gather.regular import MOST

_PATIENCE = 60.0  # seconds for one command
_SAFE = ("git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=true", "--no-optional-locks")
"""No program that the repository itself names is run."""

_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--text", "--find-renames", "--unified=0")
_PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=all")
_HUNK = re.compile(rb"^@@ -\S+ \+(?P<first>\d+)(?:,(?P<count>\d+))? @@", re.MULTILINE)
_FILE = re.compile(rb"^diff --git ", re.MULTILINE)
_NEW = re.compile(rb"^\+\+\+ (?P<name>.*?)\t?$", re.MULTILINE)


class Changes(msgspec.Struct, frozen=True):
    """By real path: `lines` are the first and the last of each run of changed lines, `tracked` all that git knows.

    `former` are the texts of the changed files as they were, by the path that each has now or had.
    """

    lines: Mapping[str, tuple[tuple[int, int], ...]]
    tracked: frozenset[str]
    former: Mapping[str, str]

    def touch(self, path: str, first: int, last: int) -> bool:
        """Whether a line of these was changed or added; every line of a file that git does not know was."""
        real = os.path.realpath(path)
        spans = self.lines.get(real, ())
        return real not in self.tracked or any(a <= last and first <= b for a, b in spans)


def changes(revision: str, paths: Iterable[str]) -> Changes:
    """What has changed in the repositories that hold these paths. Raises BadInput."""
    lines: dict[str, tuple[tuple[int, int], ...]] = {}
    tracked: set[str] = set()
    former: dict[str, str] = {}
    for top in dict.fromkeys(map(_top, paths)):
        base = _base(top, revision)
        lines.update(_lines(top, _git(top, "diff", *_DIFF, *_PREFIXES, base, "--")))
        tracked.update(os.path.join(top, x) for x in _names(_git(top, "ls-files", "-z")))
        former.update(_former(top, base))
    return Changes(lines, frozenset(tracked), former)


def _top(path: str) -> str:
    folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
    try:
        said = _git(folder, "rev-parse", "--show-toplevel")
    except BadInput as error:
        raise BadInput(f"`--changed-since` needs a git repository, and `{folder}` is in none: {error}") from error
    return os.path.realpath(os.fsdecode(said.removesuffix(b"\n")))


def _base(top: str, revision: str) -> str:
    """The commit to compare with."""
    try:
        asked = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except BadInput as error:
        raise BadInput(f"`--changed-since {revision}` is no revision of the repository `{top}`.") from error
    commit = asked.decode().strip()
    try:
        return _git(top, "merge-base", commit, "HEAD").decode().split()[0]
    except BadInput:
        return commit  # a shallow clone may not hold the common ancestor


def _git(folder: str, *words: str, said: bytes = b"") -> bytes:
    import subprocess

    try:
        done = subprocess.run(
            [*_SAFE, *words], cwd=folder, input=said, capture_output=True, check=False, timeout=_PATIENCE
        )
    except FileNotFoundError as error:
        raise BadInput("git is not installed, or its folder is not there") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"git does not answer: {error}") from error
    if done.returncode:
        raise BadInput(done.stderr.decode(errors="replace").strip().partition("\n")[0] or f"git {words[0]} failed")
    return done.stdout


def _names(said: bytes) -> list[str]:
    return [os.fsdecode(x) for x in said.split(b"\0") if x]


def _lines(top: str, difference: bytes) -> Iterator[tuple[str, tuple[tuple[int, int], ...]]]:
    """The changed lines of each file in a difference; a line of a file never stands at the start of one there."""
    starts = [x.start() for x in _FILE.finditer(difference)]
    for start, end in zip(starts, (*starts[1:], len(difference)), strict=True):
        part = difference[start:end]
        named = _NEW.search(part)
        if named and named["name"] != b"/dev/null":
            spans = ((int(x["first"]), int(x["count"] or 1)) for x in _HUNK.finditer(part))
            path = os.path.join(top, os.fsdecode(_unquoted(named["name"])).removeprefix("b/"))
            yield path, tuple((first, first + count - 1) for first, count in spans if count)


def _unquoted(name: bytes) -> bytes:
    """A name as git spells it in a difference: in double quotes with the escapes of C where it has odd characters."""
    if not name.startswith(b'"'):
        return name
    return name[1:-1].decode("latin-1").encode("latin-1").decode("unicode_escape").encode("latin-1")


def _former(top: str, base: str) -> Iterator[tuple[str, str]]:
    """What the changed files held, those that may be of interest."""
    said = iter(
        _names(_git(top, "diff", "--name-status", "-z", "--find-renames", "--ignore-submodules=all", base, "--"))
    )
    pairs = []
    for status in said:
        old = next(said)
        new = next(said) if status[0] in "RC" else old
        if status[0] != "A" and may_matter(os.path.basename(old)) and "\n" not in old:
            pairs.append((old, os.path.join(top, new)))
    asked = b"".join(os.fsencode(f"{base}:{old}\n") for old, _ in pairs)
    held = _git(top, "cat-file", "--batch", said=asked) if pairs else b""
    at = 0
    for _, path in pairs:
        end = held.index(b"\n", at)
        *_, kind, size = held[at:end].split(b" ")
        at = end + 1
        if kind != b"blob":  # `missing`, or a submodule
            continue
        raw = held[at : at + int(size)]
        at += int(size) + 1
        text = decoded(path, raw, named=False) if len(raw) <= MOST else None
        if text:
            yield path, text.text
