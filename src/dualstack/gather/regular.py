"""Regular files: read to their end, or not at all."""

import errno
import os
import stat

MOST = 64_000_000
"""Bytes that are read of one file: /proc/net/tcp has 150 for each of its sockets, a rendered cluster of 50,000 objects
800 for each of them."""

_CHUNK = 1 << 16


def read(path: str, most: int = MOST) -> bytes:
    """The bytes of a regular file. Raises OSError for any other file, which may have no end or never begin to answer.

    Files of /proc have no size to go by, so it is the bytes read that are held against `most`.
    """
    found = bytearray()
    descriptor = opened(path)
    try:
        while chunk := os.read(descriptor, _CHUNK):
            found += chunk
            if len(found) > most:
                raise OSError(errno.EFBIG, f"larger than {most // 1_000_000} MB", path)
    finally:
        os.close(descriptor)
    return bytes(found)


def opened(path: str) -> int:
    """The descriptor of a regular file. What it is gets asked first: to open a device can do something."""
    kind = os.stat(path).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise OSError(errno.EINVAL, "not a regular file; save what it says in one", path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
