"""What a run is at, for somebody who waits at a terminal."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

from dualstack.model.text import printable

PATIENCE = 2.0
"""Seconds after which somebody asks what is going on."""
_PAUSE = 0.1
"""Seconds between two lines, which nobody could read faster."""


@contextlib.contextmanager
def progress(*, wanted: bool = True) -> Iterator[Callable[[str], None]]:
    """A function that is told the name of each file, and nothing when all are read.

    On a terminal one line shows the last of it, and goes at the end.
    """
    if not (wanted and sys.stderr.isatty()):
        yield lambda _: None
        return
    line = _Line(time.monotonic() + PATIENCE)
    try:
        yield line.tell
    finally:
        line.end()


class _Line:
    """The line, what it is at, and the clock of when it may be written anew."""

    def __init__(self, due: float) -> None:
        self.due, self.count, self.shown = due, 0, False
        self.waiting: threading.Timer | None = None

    def tell(self, name: str) -> None:
        self.count += bool(name)
        now = time.monotonic()
        if now >= self.due:
            self.due = now + _PAUSE
            self._show(f"{self.count} files, {name}" if name else self._read())
        elif not name:
            self.waiting = threading.Timer(self.due - now, lambda: self._show(self._read()))
            self.waiting.start()

    def _read(self) -> str:
        return f"files read: {self.count}; looking for what is wrong"

    def _show(self, said: str) -> None:
        import shutil  # it loads every kind of archive

        self.shown = True
        width = shutil.get_terminal_size().columns
        sys.stderr.write(f"\r\x1b[K{printable(said, max(1, width - 1))}")
        sys.stderr.flush()

    def end(self) -> None:
        if self.waiting:
            self.waiting.cancel()
            self.waiting.join()
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
