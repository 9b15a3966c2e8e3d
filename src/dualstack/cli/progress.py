"""What a run is at, for somebody who waits at a terminal."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from dualstack.model.text import printable

PATIENCE = 2.0
"""Seconds after which somebody asks what is going on."""
_PAUSE = 0.1
"""Seconds between two lines, which nobody could read faster."""


@contextlib.contextmanager
def progress(*, wanted: bool = True) -> Iterator[Callable[[str], None]]:
    """A function that is told the name of each file; on a terminal one line shows the last, and goes at the end."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda _: None
        return
    due, count, shown = time.monotonic() + PATIENCE, 0, False

    def tell(name: str) -> None:
        nonlocal due, count, shown
        count += 1
        now = time.monotonic()
        if now < due:
            return
        import shutil  # it loads every kind of archive

        due, shown = now + _PAUSE, True
        width = shutil.get_terminal_size().columns
        sys.stderr.write(f"\r\x1b[K{printable(f'{count} files, {name}', max(1, width - 1))}")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
