"""Interrupts that wait until something is done that may not be left halfway."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask a program to end."""


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A block that an interrupt waits for; it is raised as the block ends."""
    held = hold_interrupts()
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def hold_interrupts() -> set[signal.Signals]:
    """Let interrupts wait from now on; gives the signals that waited already."""
    return {signal.Signals(x) for x in signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)}
