"""Regular files: read to their end, or not at all; and pipes that the user names, as a shell makes them of `<(…)`."""

import errno
import os
import select
import stat
import time

MOST = 64_000_000
"""Bytes that are read of one file: /proc/net/tcp has 150 for each of its sockets, a rendered cluster of 50,000 objects
800 for each of them."""

_CHUNK = 1 << 16
_PIPE_SECONDS = 10.0
"""What the other end of a pipe may take to say everything."""


def read(path: str, most: int = MOST, *, pipe: bool = False) -> bytes:
    """The bytes of a regular file. Raises OSError for any other file, which may have no end or never begin to answer.

    Files of /proc have no size to go by, so it is the bytes read that are held against `most`. A `pipe` is taken, too,
    where that is said; its other end has to be quick.
    """
    found = bytearray()
    descriptor = opened(path, pipe=pipe)
    until = time.monotonic() + _PIPE_SECONDS
    try:
        while chunk := _chunk(descriptor, until):
            found += chunk
            if len(found) > most:
                raise OSError(errno.EFBIG, f"larger than {most // 1_000_000} MB", path)
    finally:
        os.close(descriptor)
    return bytes(found)


def _chunk(descriptor: int, until: float) -> bytes:
    while True:
        try:
            return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            left = until - time.monotonic()
            if left < 0 or not select.select([descriptor], [], [], left)[0]:
                raise OSError(errno.ETIMEDOUT, f"nothing came within {_PIPE_SECONDS:g} seconds") from None


def opened(path: str, *, pipe: bool = False) -> int:
    """The descriptor of a regular file. What it is gets asked first: to open a device can do something."""
    kind = os.stat(path).st_mode
    if pipe and stat.S_ISFIFO(kind):
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise OSError(errno.EINVAL, "not a regular file; save what it says in one", path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
