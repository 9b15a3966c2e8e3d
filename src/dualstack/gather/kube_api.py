"""The API server of a cluster: what is asked of it, in pages, again where it asks for patience, and never for Secrets.

lightkube was tried and left: it knows neither `client.authentication.k8s.io/v1` nor several files in KUBECONFIG,
`proxy-url` and `tls-server-name`, and its import takes twice as long as that of httpx2, which it is made on.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlencode

import msgspec

from dualstack.gather.kube_login import Login
from dualstack.gather.kube_objects import PAGE, Kind, Listed, Refused, Unreachable, slim
from dualstack.gather.kube_wire import Answer, Lost, Wire
from dualstack.gather.kubeconfig import Access
from dualstack.model.decoders import decoder

if TYPE_CHECKING:
    from dualstack.gather.kube_websocket import WebSocket

T = TypeVar("T")

_NAMES_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json"
"""Kubernetes documentation, API concepts, Receiving resources as metadata."""
_TRIES = 4
_PATIENCE = 10.0
"""Seconds that a server may ask to wait (Retry-After)."""
_AGAIN = (429, 500, 502, 503, 504)


class _Continue(msgspec.Struct, frozen=True):
    token: str = msgspec.field(name="continue", default="")
    remaining: int = msgspec.field(name="remainingItemCount", default=0)


class _Page(msgspec.Struct, frozen=True):
    """A list of objects as it comes; a server may say `null` for one without items (Go's encoding of a nil slice)."""

    metadata: _Continue = _Continue()
    items: list[msgspec.Raw] | None = None


class _Name(msgspec.Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _Named(msgspec.Struct, frozen=True):
    metadata: _Name = _Name()


class _Names(msgspec.Struct, frozen=True):
    items: list[_Named] | None = None


class _Families(msgspec.Struct, frozen=True):
    families: list[str] | None = msgspec.field(name="ipFamilies", default=None)


class _Made(msgspec.Struct, frozen=True):
    spec: _Families = _Families()


class Api:
    """One API server, which several threads may ask at once. `tell` is told what is being asked."""

    def __init__(self, access: Access, seconds: float, tell: Callable[[str], None] = lambda _: None) -> None:
        """Ready to ask; nothing is sent yet. `seconds` are those that an answer may pause.

        Raises BadInput for certificates that cannot be used.
        """
        self.access, self.tell, self.context = access, tell, access.context
        self._login, self._seconds = Login(access), seconds
        self._wire = Wire(access.server, self._login.tls, access.server_name, access.proxy, seconds)
        self._until, self._whole = float("inf"), 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Whatever is asked in there takes no longer than this, all together; then Unreachable is raised."""
        self._until, self._whole = time.monotonic() + seconds, seconds
        try:
            yield
        finally:
            self._until = float("inf")

    def websocket(self, path: str, params: Mapping[str, str], subprotocol: str) -> "WebSocket":
        """A WebSocket to a subresource, on a connection of its own. Raises NotUpgraded and OSError."""
        return self._wire.websocket(f"{path}?{urlencode(params)}", self._headers({}), subprotocol)

    def _headers(self, said: Mapping[str, str]) -> list[tuple[str, str]]:
        return [("User-Agent", "dualstack"), *self.access.acting_as, *self._login.headers().items(), *said.items()]

    def through(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> tuple[int, bytes] | None:
        """The status and the body of what a pod or a Service answers to a POST that the API server passes on.

        None where no answer came within so many seconds: nobody knows then who is silent. Raises Unreachable.
        """
        try:
            answer = self._wire.ask("POST", path, self._headers(headers), body, self._until, seconds)
        except TimeoutError:
            return None
        except Lost as error:
            raise Unreachable(_unreachable(self.access, error)) from error
        return answer.status, answer.body

    def object(self, kind: Kind[T], namespace: str, name: str) -> dict[str, Any] | None:
        """One object as the server has it, None where there is no such. Raises Refused and Unreachable."""
        self.tell(f"{kind.kind} {name}")
        try:
            body = self._get(f"{kind.place(namespace)}/{name}", {})
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return slim(self._read(body, dict[str, Any]))

    def objects(
        self, kind: Kind[Any], namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[Mapping[str, Any]]:
        """Objects as the server has them; `labels` and `fields` are selectors. Raises Refused and Unreachable."""
        pages = self._pages(kind, namespace, labels, fields=fields)
        found = [self._read(x, dict[str, Any]) for page, _ in pages for x in page]
        return [kind.whole(x) for x in found]

    def listed(self, kind: Kind[T], namespace: str = "", most: int = 0) -> Listed[T]:
        """Objects by their fields that matter, all or about the first `most`. Raises Refused and Unreachable."""
        reader = decoder(kind.type)
        items: list[T] = []
        odd: list[str] = []
        for page, left in self._pages(kind, namespace, "", min(most or PAGE, PAGE)):
            for raw in page:
                try:
                    items.append(reader.decode(raw))
                except msgspec.ValidationError as error:
                    odd.append(str(error))
            if most and len(items) >= most:
                return Listed(tuple(items), left, tuple(odd))
        return Listed(tuple(items), 0, tuple(odd))

    def names(self, kind: Kind[Any], namespace: str) -> list[str]:
        """The names of the objects of a kind, of at most one page. Raises Refused and Unreachable."""
        raw = self._send("GET", kind.place(namespace), {"limit": str(PAGE)}, accept=_NAMES_ALONE)
        return [x.metadata.name for x in decoder(_Names).decode(raw).items or ()]

    def places(self, kind: Kind[Any], name: str) -> list[str]:
        """The namespaces that have an object of this name. Raises Refused and Unreachable."""
        asked = {"fieldSelector": f"metadata.name={name}", "limit": str(PAGE)}
        raw = self._send("GET", kind.place(""), asked, accept=_NAMES_ALONE)
        return [x.metadata.namespace for x in msgspec.json.decode(raw, type=_Names).items or ()]

    def post(self, kind: Kind[T], namespace: str, body: Mapping[str, Any], **params: str) -> dict[str, Any]:
        """Create an object, or pretend to with `dryRun="All"`. Raises Refused and Unreachable."""
        answer = self._send("POST", kind.place(namespace), params, json.dumps(body).encode())
        return self._read(answer, dict[str, Any])

    def families(self, namespace: str) -> tuple[str, ...]:
        """The families that a new Service that wants both would get, the default one first; nothing is made.

        Raises Refused and Unreachable.
        """
        self.tell("the families that a Service would get, with dryRun: nothing is made")
        spec = {"ipFamilyPolicy": "PreferDualStack", "ports": [{"port": 4317}]}
        body = {"metadata": {"generateName": "dualstack-"}, "spec": spec}
        asked = f"/api/v1/namespaces/{namespace or 'default'}/services"
        answer = self._send("POST", asked, {"dryRun": "All"}, json.dumps(body).encode())
        try:
            return tuple(decoder(_Made).decode(answer).spec.families or ())
        except msgspec.ValidationError:
            return ()

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Change an object by a strategic merge. Raises Refused and Unreachable."""
        self._send("PATCH", path, {}, json.dumps(body).encode(), "application/strategic-merge-patch+json")

    def delete(self, kind: Kind[Any], namespace: str, name: str) -> None:
        """Delete an object with what it owns. Raises Refused and Unreachable."""
        self._send("DELETE", f"{kind.place(namespace)}/{name}", {"propagationPolicy": "Background"})

    def json(self, path: str) -> dict[str, Any]:
        """What stands at a path. Raises Refused and Unreachable."""
        return self._read(self._send("GET", path, {}), dict[str, Any])

    def text(self, path: str, params: Mapping[str, str]) -> bytes:
        """A log, or any other answer that is no object. Raises Refused and Unreachable."""
        return self._send("GET", path, params)

    def page(self, kind: Kind[Any], namespace: str, params: Mapping[str, str]) -> bytes:
        """A list of objects as it comes, or a page of one. Raises Refused and Unreachable."""
        return self._get(kind.place(namespace), params)

    def _pages(
        self, kind: Kind[T], namespace: str, labels: str, size: int = PAGE, *, fields: str = ""
    ) -> Iterator[tuple[list[msgspec.Raw], int]]:
        said = {"labelSelector": labels, "fieldSelector": fields}
        selectors = {k: v for k, v in said.items() if v}
        self.tell(f"{kind.plural}{f' in {namespace}' if namespace else ''}")
        token, late = "", False
        while True:
            params = {**selectors, "limit": str(size), **({"continue": token} if token else {})}
            try:
                page = self._read(self.page(kind, namespace, params), _Page)
            except Refused as error:
                if error.status != HTTPStatus.GONE or not error.token or late:
                    raise
                token, late = error.token, True
                continue
            yield page.items or [], page.metadata.remaining
            token = page.metadata.token
            if not token:
                return

    def _get(self, path: str, params: Mapping[str, str]) -> bytes:
        return self._send("GET", path, params)

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: bytes | None = None,
        kind: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        """The answer to a request. What reads may be asked again; a server that is busy says when."""
        said = {"Accept": accept, **({"Content-Type": kind} if body else {})}
        asked = f"{path}?{urlencode(params)}" if params else path
        renewed = False
        for attempt in range(1, _TRIES + 1):
            headers, last = self._headers(said), attempt == _TRIES
            age = self._login.age
            try:
                answer = self._wire.ask(method, asked, headers, body, self._until)
            except Lost as error:
                self._rest(0)
                if not (renewed or last) and _is_tls(error) and self._login.renew(age):
                    renewed = True
                    self._wire.renew()
                elif last or not _is_reset(error):
                    raise Unreachable(_unreachable(self.access, error)) from error
                else:
                    self._rest(0.1 * attempt)
                continue
            if answer.status == HTTPStatus.UNAUTHORIZED and not (renewed or last) and self._login.renew(age):
                renewed = True
                self._wire.renew()
            elif answer.status not in _AGAIN or last:
                return self._content(answer)
            else:
                self._rest(min(_patience(answer, attempt), _PATIENCE))
        raise AssertionError(path)  # the last attempt returned or raised

    def _rest(self, seconds: float) -> None:
        """Wait, as long as there is time. Raises Unreachable."""
        if time.monotonic() + seconds > self._until:
            raise Unreachable(
                f"The API server {self.access.server} of the context `{self.context}` did not answer everything within"
                f" {self._whole:g} seconds. Ask again when it is less busy."
            )
        if seconds:
            time.sleep(seconds)

    def _read(self, raw: bytes | msgspec.Raw, kind: type[T]) -> T:
        try:
            return decoder(kind).decode(raw)
        except msgspec.DecodeError as error:
            raise Unreachable(_strange(self.access.server, error)) from error

    def _content(self, answer: Answer) -> bytes:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise Unreachable(
                f"{self.access.server} does not accept the credentials of the context `{self.context}` (401)."
                " Log in again, or choose another one with `--context`."
            )
        if 200 <= answer.status < 300:
            return answer.body
        if answer.status == HTTPStatus.BAD_REQUEST and b'"Status"' not in answer.body:
            raise Unreachable(_strange(self.access.server, _message(answer)[0].rstrip(".")))
        raise Refused(answer.status, *_message(answer))


def _strange(server: str, error: Exception | str) -> str:
    return f"{server} does not answer as an API server does: {error}. Is the address right?"


def _patience(answer: Answer, attempt: int) -> float:
    return float(answer.wait) if answer.wait.isdigit() else 0.2 * attempt


def _message(answer: Answer) -> tuple[str, str]:
    """What the server says, in a Status object or otherwise, and where a list goes on (apimachinery ListMeta)."""
    try:
        status = msgspec.json.decode(answer.body)
        said, token = str(status["message"]), str((status.get("metadata") or {}).get("continue") or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        said, token = answer.body[:200].decode(errors="replace").strip(), ""
    return said or f"HTTP {answer.status}", token


def _unreachable(access: Access, error: Exception) -> str:
    """What is in the way, and what to look at."""
    why = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
    look = "Is the address right, and does the way there need a tunnel or a proxy?"
    if isinstance(error, TimeoutError):
        why = "it did not answer in time"
    elif isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted: {error.verify_message.rstrip('.')}"
        look = "Is it another server, or lacks the kubeconfig its `certificate-authority`?"
    return f"Cannot reach the API server {access.server} of the context `{access.context}`: {why}. {look}"


def _is_tls(error: Exception) -> bool:
    """Whether the server did not take what it was shown, which another certificate may mend."""
    return isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLCertVerificationError)


def _is_reset(error: Exception) -> bool:
    """Whether a connection that was there ended without an answer."""
    ended = isinstance(error, ConnectionError | http.client.HTTPException)
    return ended and not isinstance(error, ConnectionRefusedError)
