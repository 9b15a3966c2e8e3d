"""Work that is shared among processes, which end with the one that the user started."""

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

from dualstack.gather.interrupts import ENDING, uninterrupted

T = TypeVar("T")


class Ended(Exception):
    """A process that was ended from outside before its work was done."""


class Worker(Generic[T]):
    """A process that does a part of the work, and gives the results one after the other."""

    def __init__(self, work: Callable[[], Iterator[T]]) -> None:
        """Fork it; the caller ends it, whatever happens, and lets interrupts wait until he has noted it."""
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)  # so that writing fails where the one who reads is gone
            _work(work, writing)
        os.close(writing)
        self._results = open(reading, "rb")  # noqa: SIM115 -- closed by `end`

    def take(self) -> T:
        """The next result. Raises Ended."""
        try:
            found: T = pickle.load(self._results)  # noqa: S301 -- this program has written it
        except (EOFError, pickle.UnpicklingError) as error:
            raise Ended from error
        return found

    def end(self) -> None:
        """End the process, with whatever it still does."""
        with uninterrupted():
            self._results.close()
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _work(work: Callable[[], Iterator[object]], writing: int) -> None:
    """Do the work and end, without anything that the process which was forked would do at its end.

    What asks programs to end goes to that one as well, and it ends this one.
    """
    try:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        with open(writing, "wb") as results:
            for result in work():
                pickle.dump(result, results, pickle.HIGHEST_PROTOCOL)
                results.flush()
    finally:
        os._exit(0)
