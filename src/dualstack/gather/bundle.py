"""The files in a support bundle of troubleshoot.sh: a tar that is compressed with gzip.

It comes from elsewhere and is untrusted: nothing is written to a disk, no link is followed, and what may come out of it
is bounded by what went in.
"""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import NoReturn

from dualstack.gather.errors import BadFile

GZIP = b"\x1f\x8b"  # RFC 1952 section 2.3.1
_MOST = 4_000_000_000
"""Bytes that may come out of one bundle; those of 150,000 pods are 500 MB."""
_SMALL, _RATIO = 200_000_000, 100
"""A bundle of more than this must not have shrunk by more than that: objects and logs shrink by 10 to 40."""
_FILES = 200_000
_ONE = 600_000_000  # bytes of one file
_READ = re.compile(r"(?:^|/)(?:cluster-resources|configmaps)/(?!.*(?:^|/)logs/).*\.(?:json|ya?ml)$")
_CHUNK = 1 << 16


class _Bounded(io.RawIOBase):
    """What comes out of a stream, up to a limit."""

    def __init__(self, path: str, raw: bytes) -> None:
        self._path, self._left = path, min(_MOST, max(_SMALL, _RATIO * len(raw)))
        self._plain = gzip.GzipFile(fileobj=io.BytesIO(raw))

    def read(self, size: int = _CHUNK) -> bytes:
        """The next bytes. Raises BadFile beyond the limit."""
        found = self._plain.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise BadFile(self._path, "unpacks to far more than a bundle of this size can hold. It was not read.")
        return found


def files_in(path: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The paths and the bytes of the files that tell of the cluster.

    Raises BadFile for an archive that is broken, or made to do harm.
    """
    written = set[str]()
    try:
        with tarfile.open(fileobj=_Bounded(path, raw), mode="r|") as tar:
            for number, about in enumerate(tar):
                _check(path, number, about)
                stem, _, ending = about.name.rpartition(".")
                if about.isreg() and _READ.search(about.name) and not (ending != "json" and stem in written):
                    held = tar.extractfile(about)
                    written.add(stem)
                    yield about.name, held.read() if held else b""
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(path, f"is no archive that can be read: {error}. Ask for it again.") from error


def _check(path: str, number: int, about: tarfile.TarInfo) -> None:
    if number >= _FILES:
        _refuse(path, "has more files than a bundle can have")
    if _leads_out(about.name):
        _refuse(path, f"holds `{about.name[:80]}`, which leads out of it")
    if about.islnk() or about.issym():
        start = about.name.rpartition("/")[0] if about.issym() else ""
        if _leads_out(about.linkname, start):
            _refuse(path, f"holds the link `{about.name[:80]}`, which leads out of it")
    elif not (about.isreg() or about.isdir()):
        _refuse(path, f"holds `{about.name[:80]}`, which is no file")
    if about.size > _ONE:
        _refuse(path, f"holds `{about.name[:80]}`, which is too large")


def _leads_out(name: str, start: str = "") -> bool:
    depth = len([x for x in start.split("/") if x not in ("", ".")])
    for part in name.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            return True
    return name.startswith("/")


def _refuse(path: str, why: str) -> NoReturn:
    raise BadFile(path, f"{why}. It was not unpacked.")
