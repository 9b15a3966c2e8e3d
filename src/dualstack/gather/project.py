"""What a repository says of its own review: `[tool.dualstack]` in pyproject.toml, or dualstack.toml."""

import os
import re
from typing import TYPE_CHECKING, Literal

import msgspec

from dualstack.gather.errors import BadFile
from dualstack.gather.files import ignoring, is_ignored
from dualstack.gather.regular import read
from dualstack.rules.registry import UnknownCode, codes

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_OWN, _SHARED, _SECTION = "dualstack.toml", "pyproject.toml", "tool.dualstack"
_MOST = 1_000_000
_VERSION = re.compile(r"v?\d{1,4}(\.\d{1,5}){1,2}", re.ASCII)
_Expected = Literal["", "ipv4", "ipv6", "dual"]
_Severity = Literal["", "info", "warning", "error", "never"]
_Families = tuple[Literal["IPv4", "IPv6"], ...]


class Settings(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """The keys of the file; what is left out says nothing.

    `select`, `ignore` and the values of `per_file_ignores` are codes, prefixes of codes, or names of rules; its keys,
    and `exclude`, are patterns as in a .gitignore, from the folder of the file.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    expect: _Expected = ""
    cluster_families: _Families = ()
    collector_version: str = ""
    fail_on: _Severity = ""
    exclude: tuple[str, ...] = ()
    per_file_ignores: dict[str, tuple[str, ...]] = {}


class Project(msgspec.Struct, frozen=True):
    """The settings and the file that they stand in, empty where there is none."""

    file: str = ""
    settings: Settings = Settings()

    @property
    def root(self) -> str:
        """The folder that the patterns start from."""
        return os.path.dirname(os.path.abspath(self.file))

    def excluded(self) -> list[tuple[str, "GitIgnoreSpec"]]:
        """What is left out of a walk through folders."""
        return [(self.root, ignoring(self.settings.exclude))] if self.settings.exclude else []

    def exempts(self, path: str, code: str) -> bool:
        """Whether a rule is not to be heard of in a file."""
        for pattern, said in self.settings.per_file_ignores.items():
            if code in codes(",".join(said)) and is_ignored(path, [(self.root, ignoring([pattern]))]):
                return True
        return False


def project(path: str) -> Project:
    """The settings that hold for a path: those of the nearest folder above it that has some. Raises BadFile."""
    folder = os.path.abspath(path if os.path.isdir(path) else os.path.dirname(path))
    while True:
        for name in (_OWN, _SHARED):
            found = _settings(os.path.join(folder, name), shared=name == _SHARED)
            if found:
                return found
        if folder == os.path.dirname(folder):
            return Project()
        folder = os.path.dirname(folder)


def _settings(file: str, *, shared: bool) -> Project | None:
    """What one file says; None where it is not there, or says nothing of this tool."""
    shown = os.path.relpath(file)
    try:
        text = read(file, _MOST).decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(shown, f"cannot be read: {getattr(error, 'strerror', '') or error}") from error
    if shared and "dualstack" not in text:
        return None
    import tomllib

    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadFile(shown, f"is not TOML: {error}") from error
    tools = whole.get("tool", {})
    held = (tools.get("dualstack") if isinstance(tools, dict) else None) if shared else whole
    if held is None:
        return None
    return Project(shown, _checked(held, shown, f"[{_SECTION}] " if shared else ""))


def _checked(held: object, shown: str, section: str) -> Settings:
    try:
        settings = msgspec.convert(held, Settings)
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at ")
        key = where.strip("`").removeprefix("$").removeprefix(".")
        raise BadFile(shown, f"{section}{f'{key}: ' if key else ''}{_plain(said)}") from error
    if settings.collector_version and not _VERSION.fullmatch(settings.collector_version):
        said = f"`{settings.collector_version}` is no version; write it as `0.161.0`"
        raise BadFile(shown, f"{section}collector-version: {said}")
    lists = {"select": settings.select, "ignore": settings.ignore}
    lists |= {f"per-file-ignores.{k}": v for k, v in settings.per_file_ignores.items()}
    for key, said_codes in lists.items():
        try:
            codes(",".join(said_codes))
        except UnknownCode as error:
            raise BadFile(shown, f"{section}{key}: {error}") from error
    for key, patterns in (("exclude", settings.exclude), ("per-file-ignores", tuple(settings.per_file_ignores))):
        try:
            ignoring(patterns)
        except ValueError as error:
            raise BadFile(shown, f"{section}{key}: {error}") from error
    return settings


def _plain(said: str) -> str:
    """What was wanted, in the words of TOML."""
    unknown = re.fullmatch(r"Object contains unknown field `(?P<key>.*)`", said, re.DOTALL)
    if unknown:
        known = ", ".join(
            msgspec.structs.fields(Settings)[i].encode_name for i in range(len(Settings.__struct_fields__))
        )
        return f"`{unknown['key']}` is no key; known are {known}"
    return said.replace("`str`", "a text").replace("`array`", "a list").replace("`object`", "a table")
