"""Work in threads of its own, so that Ctrl-C is answered at once, whatever the system makes the work wait for.

Python sees a signal in its first thread alone and not before a call such as getaddrinfo(3) returns; to wait for another
thread can be interrupted. A thread starts in the namespaces of the one that makes it (clone(2)).
"""

import errno
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def apart(*works: Callable[[], T]) -> list[T]:
    """What each of `works` returns, all done at once; what one of them raises. Raises OSError where no thread starts.

    The threads are daemons: an interrupted caller leaves them behind, and they end with the process.
    """
    outcomes = [_begun(x) for x in works]
    return [x.result() for x in outcomes]


def _begun(work: Callable[[], T]) -> "Future[T]":
    outcome: Future[T] = Future()
    try:
        threading.Thread(target=_run, args=(work, outcome), daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, "no thread can be started; a limit on processes or memory is reached") from error
    return outcome


def _run(work: Callable[[], T], outcome: "Future[T]") -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001  # it is the caller's, not this thread's
        outcome.set_exception(error)
