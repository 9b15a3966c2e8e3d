"""Work on a list by several processes, with the results in the order of the list.

Each process is a fork and takes every so-manieth part; what it makes comes back through a pipe of its own. There are no
threads, so that an interrupt finds nothing that it could leave waiting.
"""

import os
import pickle
import signal
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


class Lost(RuntimeError):
    """A process that did not end its work."""


def shared(work: Callable[[A], B], parts: Sequence[A], jobs: int) -> Generator[B, None, None]:
    """What `work` makes of each part, by as many processes. Raises Lost where one of them ends before its work."""
    with _crew(work, parts, jobs) as pipes:
        for number in range(len(parts)):
            try:
                yield pickle.load(pipes[number % jobs])  # noqa: S301 -- it comes from this program
            except (EOFError, pickle.UnpicklingError) as error:
                raise Lost from error


@contextmanager
def _crew(work: Callable[[A], B], parts: Sequence[A], jobs: int) -> Iterator[Sequence[BinaryIO]]:
    """The pipes of processes at work, which all have ended afterwards."""
    pids, pipes = list[int](), list[BinaryIO]()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)  # no fork may begin with an interrupt of its own
        for first in range(jobs):
            end, into = os.pipe()
            pipes.append(os.fdopen(end, "rb"))
            pid = os.fork()
            if not pid:
                _labour(work, parts[first::jobs], into, pipes, mask)
            pids.append(pid)
            os.close(into)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield pipes
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)  # where one may be raised that has come already
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            for pipe in pipes:
                pipe.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _labour(
    work: Callable[[A], B], parts: Sequence[A], into: int, others: Sequence[BinaryIO], mask: Collection[int]
) -> None:
    """What a fork does with its life. An interrupt is for the process that the user started, which ends this one."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in _INTERRUPTS[1:]:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for pipe in others:  # or a reader that is gone would not be noticed
            pipe.close()
        with os.fdopen(into, "wb") as out:
            for part in parts:
                pickle.dump(work(part), out, pickle.HIGHEST_PROTOCOL)
                out.flush()
    finally:
        os._exit(0)
