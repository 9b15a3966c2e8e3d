"""A source of objects that is told what it will be asked for, so that what waits for nothing else comes at once.

Who asks does so in its own order and gets the same answers in that order, however fast they came.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

from dualstack.gather.kube_api import Api
from dualstack.gather.kube_objects import Kind, Listed
from dualstack.gather.pages import Page, Pages
from dualstack.model.world import Object

T = TypeVar("T")

_AT_ONCE = 6
"""Requests: what kubectl allows itself without asking for more (client-go, rest.DefaultQPS is 5 a second)."""


class _Errand:
    """A question on its way."""

    def __init__(self, ask: Callable[[], Any], then: Callable[[Any], None]) -> None:
        self._ask, self._then, self._done = ask, then, threading.Event()
        self._found: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._found = self._ask()
            self._then(self._found)
        except BaseException as error:  # noqa: BLE001 -- it is raised where the answer is wanted
            self._error = error
        self._done.set()

    def result(self) -> Any:  # noqa: ANN401 -- what the source gives
        self._done.wait()
        if self._error:
            raise self._error
        return self._found


class Ahead:
    """A source in front of another one, which has to bear several threads."""

    def __init__(self, source: Api) -> None:
        """Nothing is asked yet."""
        self._source, self.context = source, source.context
        self._asked: dict[tuple[Any, ...], _Errand] = {}
        self._waiting: deque[_Errand | None] = deque()
        self._some = threading.Semaphore(0)
        self._workers = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Whoever worked for it goes home: a process that asks many clusters would collect threads."""
        for _worker in range(self._workers):
            self._put(None)

    def soon(
        self,
        method: str,
        *args: Any,  # noqa: ANN401 -- the arguments of the method
        then: Callable[[Any], None] = lambda _: None,
        first: bool = False,
    ) -> None:
        """Begin to ask what `method` with these arguments will want to know, `first` of all that waits.

        `then` is given the answer when it arrives, in whatever thread, and may begin to ask for more.
        """
        with self._lock:
            if (method, *args) in self._asked:
                return
            errand = _Errand(lambda: getattr(self._source, method)(*args), then)
            self._asked[method, *args] = errand
            self._put(errand, first=first)
            if self._workers < _AT_ONCE:
                self._workers += 1
                threading.Thread(target=self._work, daemon=True).start()

    def _put(self, errand: _Errand | None, *, first: bool = False) -> None:
        (self._waiting.appendleft if first else self._waiting.append)(errand)
        self._some.release()

    def _work(self) -> None:
        while self._some.acquire() and (errand := self._waiting.popleft()):
            errand.run()

    def _answer(self, method: str, *args: Any) -> Any:  # noqa: ANN401 -- what the source gives
        errand = self._asked.pop((method, *args), None)
        return errand.result() if errand else getattr(self._source, method)(*args)

    def object(self, kind: Kind[Any], namespace: str, name: str) -> Object | None:
        """One object, None where there is no such. Raises Refused and Unreachable."""
        found: Object | None = self._answer("object", kind, namespace, name)
        return found

    def objects(self, kind: Kind[Any], namespace: str = "", labels: str = "", fields: str = "") -> list[Object]:
        """Objects with these labels and this field. Raises Refused and Unreachable."""
        said = (fields,) if fields else ()
        found: list[Object] = self._answer("objects", kind, namespace, labels, *said)
        return found

    def listed(self, kind: Kind[T], namespace: str = "", most: int = 0) -> Listed[T]:
        """Objects by their fields that matter. Raises Refused and Unreachable."""
        found: Listed[T] = self._answer("listed", kind, namespace, most)
        return found

    def places(self, kind: Kind[Any], name: str) -> list[str]:
        """The namespaces that have an object of this name. Raises Refused and Unreachable."""
        return self._source.places(kind, name)

    def families(self, namespace: str) -> tuple[str, ...]:
        """The families that a new Service would get. Raises Refused and Unreachable."""
        return self._source.families(namespace)

    def absent(self, kind: Kind[Any], namespace: str, name: str) -> bool:
        """Whether there is no such object. Raises Refused and Unreachable."""
        return self.object(kind, namespace, name) is None

    def every(self, kind: Kind[T], namespace: str = "") -> Iterable[Page[T]]:
        """All objects, page by page. Going through them raises Refused and Unreachable."""
        return Pages(self._source, kind, namespace)
