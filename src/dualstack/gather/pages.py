"""Lists of a whole cluster, page by page: the next one is on its way while this one is read."""

import contextlib
import queue
import re
import threading
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from dualstack.gather.kube_objects import PAGE, Kind, Refused, Unreachable
from dualstack.model.decoders import converted, decoder
from dualstack.model.world import Object

if TYPE_CHECKING:
    from dualstack.gather.kube_api import Api

T = TypeVar("T")

_TOKEN = re.compile(rb'"metadata":\{[^{}\[\]]*?"continue":"(?P<token>[^"\\]*)"[^{}\[\]]*\},"items":')
"""Where a list goes on: Kubernetes writes that before the objects."""
_HEAD = 8192


class _About(msgspec.Struct, frozen=True):
    token: str = msgspec.field(name="continue", default="")


class _Headed(msgspec.Struct, frozen=True):
    metadata: _About = _About()


class _Raws(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] | None = None


class Page(NamedTuple, Generic[T]):
    """One page: the objects by their fields that matter, None for one of another form, and all of them as they came."""

    items: list[T | None]
    raw: bytes
    kind: Kind[T]
    odd: tuple[str, ...] = ()

    def whole(self, wanted: Iterable[int]) -> Iterator[Object]:
        """The objects at these places with all their fields."""
        places = sorted(wanted)
        found = decoder(_Raws).decode(self.raw).items or [] if places else []
        yield from (self.kind.whole(msgspec.json.decode(found[x])) for x in places)


class Pages(Generic[T]):
    """The pages of all objects of a kind; the first is asked for at once. To go through them may raise Refused."""

    def __init__(self, api: "Api", kind: Kind[T], namespace: str) -> None:
        """Begin."""
        self._api, self._kind, self._namespace = api, kind, namespace
        self._ready: queue.Queue[bytes | Exception | None] = queue.Queue(maxsize=1)
        self._stopped = False
        api.tell(f"all {kind.plural}{f' in {namespace}' if namespace else ''}")
        threading.Thread(target=self._fetch, daemon=True).start()

    def _fetch(self) -> None:
        try:
            for raw in self._raw():
                self._ready.put(raw)
                if self._stopped:
                    return
            self._ready.put(None)
        except Exception as error:  # noqa: BLE001 -- it is raised where the page is wanted
            self._ready.put(error)

    def _raw(self) -> Iterator[bytes]:
        token, late = "", False
        while True:
            try:
                raw = self._api.page(
                    self._kind, self._namespace, {"limit": str(PAGE), **({"continue": token} if token else {})}
                )
            except Refused as error:
                if error.status != HTTPStatus.GONE or not error.token or late:
                    raise
                token, late = error.token, True
                continue
            yield raw
            token = _next(raw)
            if not token:
                return

    def __iter__(self) -> Iterator[Page[T]]:
        """One after the other. Raises Refused and Unreachable."""
        reader = decoder(_listed(self._kind.type))
        try:
            while (raw := self._ready.get()) is not None:
                if isinstance(raw, Exception):
                    raise raw
                try:
                    found = _page(reader, self._kind, raw)
                except msgspec.DecodeError as error:
                    said = f"The list of {self._kind.plural} is no list of Kubernetes: {error}."
                    raise Unreachable(said) from error
                yield found
        finally:
            self._stopped = True
            with contextlib.suppress(queue.Empty):
                self._ready.get_nowait()


def _next(raw: bytes) -> str:
    found = _TOKEN.search(raw, 0, _HEAD)
    if found:
        return found["token"].decode()
    try:
        return decoder(_Headed).decode(raw).metadata.token
    except msgspec.DecodeError:  # who reads the page says so
        return ""


def _listed(kind: type[T]) -> Any:  # noqa: ANN401 -- a type that is made here
    return msgspec.defstruct("Listed", [("items", list[kind] | None, None)])  # type: ignore[valid-type]


def _page(reader: Any, kind: Kind[T], raw: bytes) -> Page[T]:  # noqa: ANN401 -- msgspec.json.Decoder
    """All objects of a page at once; where one has another form than is known, each by itself."""
    try:
        return Page(reader.decode(raw).items or [], raw, kind)
    except msgspec.ValidationError:
        return page([msgspec.json.decode(x) for x in decoder(_Raws).decode(raw).items or ()], kind, raw)


def page(objects: Iterable[Object], kind: Kind[T], raw: bytes = b"") -> Page[T]:
    """A page of objects that are at hand; without `raw` it is made of them."""
    held = list(objects)
    items, odd = list[T | None](), list[str]()
    for each in held:
        try:
            items.append(converted(each, kind.type))
        except msgspec.ValidationError as error:
            items.append(None)
            odd.append(str(error))
    return Page(items, raw or msgspec.json.encode({"items": held}), kind, tuple(odd))
