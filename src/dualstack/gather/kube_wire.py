"""The connections to an API server: one for each thread that asks, kept while it is used, direct or through a proxy.

`http.client` of the standard library is loaded in a quarter of the time that httpx2 takes, and reads a page of objects
with less work. A descriptor is closed by the thread that uses it: OpenSSL reads on below a connection that another one
closes, from whatever got the number of its descriptor since.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import struct
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from dualstack.gather.kube_objects import Unreachable
from dualstack.model.address import join

if TYPE_CHECKING:
    from dualstack.gather.kube_websocket import WebSocket

_BODY = 256_000_000  # bytes of one answer
_CHUNK = 1 << 18
_CONNECT = 10.0
_SOCKS = ("socks5", "socks5h")
_GZIP = 16 + zlib.MAX_WBITS

Headers = Iterable[tuple[str, str]]
Lost = (OSError, http.client.HTTPException)
"""What a request may raise that never got an answer; a timeout and a failed handshake are OSError, too."""


class Answer(NamedTuple):
    """An answer: `wait` is what the server says of when to come again (Retry-After)."""

    status: int
    wait: str
    body: bytes


class BadProxy(OSError):
    """A proxy that leads nowhere; the text says why."""


class Wire:
    """Asks one server."""

    def __init__(self, server: str, tls: ssl.SSLContext, server_name: str, proxy: str, seconds: float) -> None:
        """Nothing is connected yet. `seconds` are those that an answer may pause. Raises Unreachable for no address."""
        where = urlsplit(server)
        try:
            self._host, self._port = where.hostname or "", where.port or (80 if where.scheme == "http" else 443)
            self._proxy = urlsplit(proxy if "://" in proxy or not proxy else f"http://{proxy}")
            self._proxy.port  # noqa: B018 -- raises for one that is none
        except ValueError as error:
            raise Unreachable(f"`{server}`, or its proxy `{proxy}`, is no address: {error}.") from error
        if not self._host or where.scheme not in ("http", "https"):
            raise Unreachable(f"`{server}` is no address of an API server. Write it as `https://host:6443`.")
        if proxy and self._proxy.scheme not in ("http", *_SOCKS):
            raise Unreachable(f"The proxy `{proxy}` cannot be used: known are `http://` and `socks5://`.")
        self._base, self._plain = where.path.rstrip("/"), where.scheme == "http"
        self._tls, self._server_name, self._seconds = tls, server_name or self._host, seconds
        self._mine = threading.local()
        self._every: list[http.client.HTTPConnection] = []
        self._busy: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self._age = 0
        self._over = False

    def close(self) -> None:
        """End every connection; one that is in use, or that is made later, is closed when its request has ended."""
        with self._lock:
            self._over = True
            for each in self._every:
                if each not in self._busy:
                    each.close()
                elif each.sock:
                    with contextlib.suppress(OSError):
                        socket.socket.shutdown(each.sock, socket.SHUT_RDWR)  # that of TLS forgets its state as well

    def renew(self) -> None:
        """Connect anew from now on: connections keep the certificate that they were made with."""
        self._age += 1

    def ask(
        self, method: str, path: str, headers: Headers, body: bytes | None, until: float, seconds: float = 0
    ) -> Answer:
        """The answer, read to its end, or until a moment of the monotonic clock.

        It may pause for `seconds` where these are other than usual. Raises `Lost` and TimeoutError.
        """
        connection, used = self._connection(seconds or self._seconds)
        with self._lock:
            self._busy.add(connection)
        try:
            try:
                return self._asked(connection, method, path, headers, body, until)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                if not used or method != "GET":  # the server ended what was kept for long
                    raise
                connection.close()
                return self._asked(connection, method, path, headers, body, until)
        except BaseException:
            connection.close()
            raise
        finally:
            with self._lock:
                self._busy.remove(connection)
                if self._over:
                    connection.close()

    def websocket(self, path: str, headers: Headers, subprotocol: str) -> "WebSocket":
        """A WebSocket on a connection of its own, which the caller ends. Raises NotUpgraded and OSError."""
        from dualstack.gather.kube_websocket import WebSocket

        made = WebSocket(self._dialled((self._host, self._port), self._seconds))
        try:
            made.ask(join(self._host, self._port), f"{self._base}{path}", headers, subprotocol)
        except BaseException:
            made.close()
            raise
        return made

    def _asked(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: Headers,
        body: bytes | None,
        until: float,
    ) -> Answer:
        connection.putrequest(method, f"{self._base}{path}", skip_accept_encoding=True)
        size = (("Content-Length", str(len(body))),) if body is not None else ()
        for name, value in (*headers, *size, ("Accept-Encoding", "gzip")):
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        plain = zlib.decompressobj(_GZIP) if answer.headers.get("Content-Encoding") == "gzip" else None
        parts, count = list[bytes](), 0
        while chunk := answer.read1(_CHUNK):
            if time.monotonic() > until:
                raise TimeoutError
            parts.append(plain.decompress(chunk, _BODY) if plain else chunk)
            count += len(parts[-1])
            if count >= _BODY:
                raise Unreachable(f"{self._host} answers with more than {_BODY // 1_000_000} MB at once.")
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        answer.close()
        return Answer(answer.status, answer.headers.get("Retry-After", ""), b"".join(parts))

    def _connection(self, seconds: float) -> tuple[http.client.HTTPConnection, bool]:
        """That of this thread, on which an answer may pause so long, and whether it was used before."""
        if getattr(self._mine, "age", None) != self._age:
            made = http.client.HTTPConnection(self._host, self._port)
            made._create_connection = self._dialled  # type: ignore[attr-defined]  # noqa: SLF001 -- what it is there for
            self._mine.age, self._mine.connection = self._age, made
            self._every.append(made)
        connection: http.client.HTTPConnection = self._mine.connection
        connection.timeout = seconds
        if connection.sock:
            connection.sock.settimeout(seconds)
        return connection, connection.sock is not None

    def _dialled(self, address: tuple[str, int], seconds: float, *_: object) -> socket.socket:
        proxy = self._proxy
        near = (
            (proxy.hostname or "", proxy.port or (1080 if proxy.scheme in _SOCKS else 80)) if proxy.netloc else address
        )
        made = socket.create_connection(near, min(seconds, _CONNECT))
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if proxy.netloc and proxy.scheme in _SOCKS:
                _socks(made, *address, proxy.username, proxy.password)
            elif proxy.netloc:
                _connect(made, *address, proxy.username, proxy.password)
            if not self._plain:
                made = self._tls.wrap_socket(made, server_hostname=self._server_name)
            made.settimeout(seconds)
        except BaseException:
            made.close()
            raise
        return made


def _connect(made: socket.socket, host: str, port: int, user: str | None, password: str | None) -> None:
    """Ask an HTTP proxy for a way (RFC 9110 section 9.3.6)."""
    where = join(host, port)
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    if user is not None:
        login = f"{unquote(user)}:{unquote(password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {b64encode(login).decode()}")
    made.sendall("\r\n".join((*lines, "", "")).encode())
    with contextlib.closing(http.client.HTTPResponse(made, method="CONNECT")) as answer:
        answer.begin()
        if answer.status != http.client.OK:
            raise BadProxy(f"the proxy answers {answer.status} {answer.reason}")


def _socks(made: socket.socket, host: str, port: int, user: str | None, password: str | None) -> None:
    """Ask a SOCKS proxy for a way, which looks the name up itself (RFC 1928, RFC 1929)."""
    made.sendall(b"\x05\x01\x02" if user else b"\x05\x01\x00")
    chosen = _exactly(made, 2)[1]
    if chosen == 2 and user:
        words = [unquote(x).encode() for x in (user, password or "")]
        made.sendall(b"\x01" + b"".join(bytes((len(x),)) + x for x in words))
        chosen = _exactly(made, 2)[1]
    if chosen != 0:
        raise BadProxy("the proxy does not accept who asks")
    made.sendall(b"\x05\x01\x00" + _place(host) + struct.pack("!H", port))
    _, code, _, kind = _exactly(made, 4)
    if code:
        raise BadProxy(f"the proxy found no way there (SOCKS reply {code})")
    _exactly(made, {1: 4, 4: 16}.get(kind) or _exactly(made, 1)[0])
    _exactly(made, 2)


def _place(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna")
        return b"\x03" + bytes((len(name),)) + name
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


def _exactly(made: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        chunk = made.recv(size - len(found))
        if not chunk:
            raise BadProxy("the proxy ended the connection")
        found += chunk
    return found
