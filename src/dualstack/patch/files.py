"""A file written anew, whole or not at all."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


class Unwritable(ValueError):
    """A file that is left as it is; the text says why, and what to do."""


def rewrite(path: str, before: bytes, after: bytes) -> None:
    """Put `after` in the place of `before`, with the mode and the owner that the file has; a link stays one.

    Raises Unwritable where the system says no, and where somebody else has written there meanwhile.
    """
    real = os.path.realpath(path)
    try:
        with _undisturbed():
            _replace(real, path, before, after)
    except OSError as error:
        raise Unwritable(f"{path}: cannot be written: {error.strerror or error}.") from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Interrupts wait until a file is written, a moment: one may come between the making of a file and its name."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _replace(real: str, path: str, before: bytes, after: bytes) -> None:
    with open(real, "rb") as file:
        found, state = file.read(), os.fstat(file.fileno())
    if found != before:
        raise Unwritable(f"{path}: was changed by somebody else meanwhile, and is left as it is. Run it again.")
    import tempfile  # it loads every kind of archive

    handle, beside = tempfile.mkstemp(prefix=f".{os.path.basename(real)}.", dir=os.path.dirname(real))
    try:
        with open(handle, "wb") as file:
            file.write(after)
            os.fchmod(file.fileno(), state.st_mode & 0o7777)
            if (state.st_uid, state.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), state.st_uid, state.st_gid)
            os.fsync(file.fileno())
        os.replace(beside, real)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
