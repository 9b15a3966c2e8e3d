"""The API server of a cluster: what is asked of it, in pages, again where it asks for patience, and never for Secrets.

lightkube was tried and left: it knows neither `client.authentication.k8s.io/v1` nor several files in KUBECONFIG,
`proxy-url` and `tls-server-name`, and its import takes twice as long as that of httpx2, which it is made on.
"""

import json
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, Self, TypeVar

import httpx2
import httpx2.websockets
import msgspec

from dualstack.gather.errors import BadInput
from dualstack.gather.kubeconfig import Access, Plugin, informed
from dualstack.gather.regular import read

T = TypeVar("T")

PAGE = 500
"""Objects in one answer, as kubectl asks for."""
_TRIES = 4
_PATIENCE = 10.0
"""Seconds that a server may ask to wait (Retry-After), and that a plugin of the kubeconfig may take beyond none."""
_PLUGIN_SECONDS = 60
_AGAIN = (429, 500, 502, 503, 504)
_BODY = 256_000_000  # bytes of one answer


class Kind(NamedTuple, Generic[T]):
    """A kind of object: its API group and version, its name in a URL and in an object, its fields that matter here."""

    group: str
    version: str
    plural: str
    kind: str
    type: type[T]
    namespaced: bool = True

    @property
    def path(self) -> str:
        """Where the API server has it."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    @property
    def api_version(self) -> str:
        """The group and the version as an object has them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def called(self) -> str:
        """The resource as a rule of RBAC names it: `endpointslices.discovery.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class Refused(Exception):
    """The API server said no: `status` is that of HTTP, and the text what it says.

    `token` is where a list that took too long can go on.
    """

    def __init__(self, status: int, why: str, token: str = "") -> None:
        """Begin with what the server says."""
        super().__init__(why)
        self.status, self.why, self.token = status, why, token


class Unreachable(BadInput):
    """There is no API server to ask, or it does not know who asks."""


class _Continue(msgspec.Struct, frozen=True):
    token: str = msgspec.field(name="continue", default="")
    remaining: int = msgspec.field(name="remainingItemCount", default=0)


class _Page(msgspec.Struct, frozen=True):
    """A list of objects as it comes; a server may say `null` for one without items (Go's encoding of a nil slice)."""

    metadata: _Continue = _Continue()
    items: list[msgspec.Raw] | None = None


class Listed(NamedTuple, Generic[T]):
    """Objects, how many more there are, and why some could not be read."""

    items: tuple[T, ...]
    more: int = 0
    odd: tuple[str, ...] = ()


class Api:
    """One API server. `tell` is told what is being asked."""

    def __init__(self, access: Access, seconds: float, tell: Callable[[str], None] = lambda _: None) -> None:
        """Ready to ask; nothing is sent yet. Raises BadInput for certificates that cannot be used."""
        self.access, self.tell, self.context = access, tell, access.context
        self._tls, self._auth, self._seconds = _tls(access), _Auth(access), seconds
        self._client = self._opened()
        self._extensions = {"sni_hostname": access.server_name} if access.server_name else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _opened(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.access.server,
            verify=self._tls,
            auth=self._auth,
            timeout=httpx2.Timeout(self._seconds),
            proxy=self.access.proxy or None,
            headers={"User-Agent": "dualstack", "Accept": "application/json", **dict(self.access.acting_as)},
        )

    @contextmanager
    def websocket(
        self, path: str, params: Mapping[str, str], protocol: str
    ) -> Iterator[httpx2.websockets.WebSocketSession]:
        """A WebSocket to a subresource, on a connection of its own. Raises httpx2.HTTPError and HTTPXWSException."""
        with (
            self._opened() as client,
            client.websocket(
                path,
                params=dict(params),
                subprotocols=[protocol],
                headers={"Accept": "*/*"},
                extensions=dict(self._extensions),
            ) as session,
        ):
            yield session

    def through(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The status and the body of what a pod or a Service answers to a POST that the API server passes on.

        Raises Unreachable.
        """
        try:
            answer = self._client.post(path, content=body, headers=dict(headers), extensions=dict(self._extensions))
        except httpx2.TransportError as error:
            raise Unreachable(_unreachable(self.access, error)) from error
        return answer.status_code, answer.content

    def object(self, kind: Kind[T], namespace: str, name: str) -> dict[str, Any] | None:
        """One object as the server has it, None where there is no such. Raises Refused and Unreachable."""
        self.tell(f"{kind.kind} {name}")
        try:
            body = self._get(f"{_place(kind, namespace)}/{name}", {})
        except Refused as error:
            if error.status == httpx2.codes.NOT_FOUND:
                return None
            raise
        found: dict[str, Any] = msgspec.json.decode(body)
        return _slim(found)

    def objects(self, kind: Kind[Any], namespace: str = "", labels: str = "") -> list[Mapping[str, Any]]:
        """Objects as the server has them; `labels` is a selector. Raises Refused and Unreachable."""
        found = [msgspec.json.decode(x) for page, _ in self._pages(kind, namespace, labels) for x in page]
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **_slim(x)} for x in found]  # a list says it once

    def listed(self, kind: Kind[T], namespace: str = "", most: int = 0) -> Listed[T]:
        """Objects by their fields that matter, all or about the first `most`. Raises Refused and Unreachable."""
        decoder = msgspec.json.Decoder(kind.type, strict=False)
        items: list[T] = []
        odd: list[str] = []
        for page, left in self._pages(kind, namespace, "", min(most or PAGE, PAGE)):
            for raw in page:
                try:
                    items.append(decoder.decode(raw))
                except msgspec.ValidationError as error:
                    odd.append(str(error))
            if most and len(items) >= most:
                return Listed(tuple(items), left, tuple(odd))
        return Listed(tuple(items), 0, tuple(odd))

    def post(self, kind: Kind[T], namespace: str, body: Mapping[str, Any], **params: str) -> dict[str, Any]:
        """Create an object, or pretend to with `dryRun="All"`. Raises Refused and Unreachable."""
        answer = self._send("POST", _place(kind, namespace), params, json.dumps(body).encode())
        found: dict[str, Any] = msgspec.json.decode(answer)
        return found

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Change an object by a strategic merge. Raises Refused and Unreachable."""
        self._send("PATCH", path, {}, json.dumps(body).encode(), "application/strategic-merge-patch+json")

    def delete(self, kind: Kind[Any], namespace: str, name: str) -> None:
        """Delete an object with what it owns. Raises Refused and Unreachable."""
        self._send("DELETE", f"{_place(kind, namespace)}/{name}", {"propagationPolicy": "Background"})

    def json(self, path: str) -> dict[str, Any]:
        """What stands at a path. Raises Refused and Unreachable."""
        found: dict[str, Any] = msgspec.json.decode(self._send("GET", path, {}))
        return found

    def text(self, path: str, params: Mapping[str, str]) -> bytes:
        """A log, or any other answer that is no object. Raises Refused and Unreachable."""
        return self._send("GET", path, params)

    def _pages(
        self, kind: Kind[T], namespace: str, labels: str, size: int = PAGE
    ) -> Iterator[tuple[list[msgspec.Raw], int]]:
        selectors = {"labelSelector": labels} if labels else {}
        self.tell(f"{kind.plural}{f' in {namespace}' if namespace else ''}")
        token, late = "", False
        while True:
            params = {**selectors, "limit": str(size), **({"continue": token} if token else {})}
            try:
                page = msgspec.json.decode(self._get(_place(kind, namespace), params), type=_Page)
            except Refused as error:
                if error.status != httpx2.codes.GONE or not error.token or late:
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
    ) -> bytes:
        """The answer to a request. What reads may be asked again; a server that is busy says when."""
        for attempt in range(1, _TRIES + 1):
            last = attempt == _TRIES
            try:
                answer = self._client.request(
                    method,
                    path,
                    params=dict(params),
                    content=body,
                    headers={"Content-Type": kind} if body else {},
                    extensions=dict(self._extensions),
                )
            except httpx2.TransportError as error:
                if last or isinstance(error, httpx2.ConnectError | httpx2.ProxyError | httpx2.TimeoutException):
                    raise Unreachable(_unreachable(self.access, error)) from error
                time.sleep(0.1 * attempt)
                continue
            if answer.status_code not in _AGAIN or last:
                return self._content(answer)
            time.sleep(min(_patience(answer, attempt), _PATIENCE))
        raise AssertionError(path)  # the last attempt returned or raised

    def _content(self, answer: httpx2.Response) -> bytes:
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            raise Unreachable(
                f"{self.access.server} does not accept the credentials of the context `{self.access.context}` (401)."
                " Log in again, or choose another one with `--context`."
            )
        if answer.is_success:
            return answer.content
        raise Refused(answer.status_code, *_message(answer))


def _slim(item: dict[str, Any]) -> dict[str, Any]:
    """An object without the list of who wrote which field; of a ConfigMap it stays known when its data were written."""
    about = item.get("metadata")
    wrote = about.pop("managedFields", None) if isinstance(about, dict) else None
    entries = (x for x in (wrote if isinstance(wrote, list) else ()) if isinstance(x, dict))
    times = [{"time": x.get("time")} for x in entries if "f:data" in (x.get("fieldsV1") or {})]
    if times:
        item["metadata"]["managedFields"] = times
    return item


def _place(kind: Kind[Any], namespace: str) -> str:
    where = f"/namespaces/{namespace}" if namespace and kind.namespaced else ""
    return f"{kind.path}{where}/{kind.plural}"


def _patience(answer: httpx2.Response, attempt: int) -> float:
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else 0.2 * attempt


def _message(answer: httpx2.Response) -> tuple[str, str]:
    """What the server says, in a Status object or otherwise, and where a list goes on (apimachinery ListMeta)."""
    try:
        status = answer.json()
        said, token = str(status["message"]), str((status.get("metadata") or {}).get("continue") or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        said, token = answer.text[:200].strip(), ""
    return said or f"HTTP {answer.status_code}", token


def _unreachable(access: Access, error: Exception) -> str:
    why = str(error) or type(error).__name__
    return (
        f"Cannot reach the API server {access.server} of the context `{access.context}`: {why}."
        " Is the address right, and does the way there need a tunnel or a proxy?"
    )


def _tls(access: Access) -> ssl.SSLContext:
    """The certificates that the server is held against, and those that it is shown."""
    try:
        context = ssl.create_default_context(cadata=access.authority.decode() if access.authority else None)
        if access.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if access.certificate:
            _present(context, access.certificate, access.key)
    except (ssl.SSLError, ValueError) as error:
        raise BadInput(f"The certificates of the context `{access.context}` cannot be used: {error}.") from error
    return context


def _present(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    with tempfile.NamedTemporaryFile(prefix="dualstack-") as file:  # ssl reads them from files alone; mode 600
        file.write(certificate + b"\n" + key)
        file.flush()
        context.load_cert_chain(file.name)


class _Auth(httpx2.Auth):
    """Who asks, by token, plugin or password; a token that is refused is asked for once more."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._token = access.token

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """The request with its credentials."""
        if self._access.login and not self._token:
            basic = httpx2.BasicAuth(*self._access.login)
            yield next(basic.auth_flow(request))
            return
        fresh = not self._token
        if fresh:
            self._renew()
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == httpx2.codes.UNAUTHORIZED and not fresh:
            self._renew()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _renew(self) -> None:
        if self._access.token_file:
            try:
                self._token = read(self._access.token_file).decode().strip()
            except OSError as error:
                raise BadInput(f"The token in {self._access.token_file} cannot be read: {error.strerror}.") from error
        elif self._access.plugin:
            self._token = _credential(self._access.plugin, self._access).get("token", "")


def _credential(plugin: Plugin, access: Access) -> Mapping[str, str]:
    """What a plugin says (ExecCredential.status). Raises BadInput."""
    import os

    environ = {**os.environ, **plugin.environ, "KUBERNETES_EXEC_INFO": informed(plugin, access)}
    argv = (plugin.command, *plugin.words)
    try:
        done = subprocess.run(
            argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PLUGIN_SECONDS
        )
    except OSError as error:
        hint = f" {plugin.hint}" if plugin.hint else ""
        said = f"The kubeconfig asks for the command `{plugin.command}`: {error.strerror}.{hint}"
        raise BadInput(said) from error
    except subprocess.TimeoutExpired as error:
        raise BadInput(f"`{plugin.command}` gave no credentials within {_PLUGIN_SECONDS} seconds.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise BadInput(f"`{plugin.command}` gave no credentials, it ended with {done.returncode}: {said}")
    try:
        status = msgspec.json.decode(done.stdout)["status"]
    except (msgspec.DecodeError, LookupError, TypeError) as error:
        raise BadInput(f"`{plugin.command}` did not answer with an ExecCredential.") from error
    return {k: v for k, v in status.items() if isinstance(v, str)}
