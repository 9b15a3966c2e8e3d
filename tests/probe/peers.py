"""Peers that do one thing to whoever connects: real sockets on loopback, one thread for each connection."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from dualstack.model.address import Protocol
from dualstack.model.probe import Options, ProbeResult, ProbeTask
from dualstack.probe.run import run

Handler = Callable[[socket.socket], None]


@contextmanager
def peer(handler: Handler, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A listener that runs `handler` on each connection. Gives its port; when it ends every connection has ended."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=128) as listener:
        workers: list[threading.Thread] = []
        accepting = threading.Thread(target=_accept, args=(listener, handler, workers))
        accepting.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *workers):
                thread.join()


def _accept(listener: socket.socket, handler: Handler, workers: list[threading.Thread]) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        workers.append(threading.Thread(target=_serve, args=(sock, handler)))
        workers[-1].start()


def _serve(sock: socket.socket, handler: Handler) -> None:
    with sock, suppress(OSError):
        sock.settimeout(20)
        handler(sock)


def until_closed(sock: socket.socket) -> None:
    """Reads and ignores whatever comes, until the client closes."""
    while sock.recv(65536):
        pass


def closes(sock: socket.socket) -> None:
    """Closes at once."""


def resets(sock: socket.socket) -> None:
    """Ends the connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def resets_after_request(sock: socket.socket) -> None:
    """Ends the connection with RST once a request has come."""
    sock.recv(65536)
    resets(sock)


def says(*parts: bytes, hold: bool = False) -> Handler:
    """Waits for a request, sends the parts, and closes; `hold` leaves the closing to the client."""

    def handler(sock: socket.socket) -> None:
        sock.recv(65536)
        for part in parts:
            sock.sendall(part)
        if hold:
            until_closed(sock)
        else:
            sock.shutdown(socket.SHUT_WR)
            until_closed(sock)

    return handler


def pours(start: bytes, again: bytes, pause: float = 0) -> Handler:
    """Sends `start`, then `again` for as long as anybody listens."""

    def handler(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(start)
        while True:
            sock.sendall(again)
            time.sleep(pause)

    return handler


def encrypted(context: ssl.SSLContext, handler: Handler) -> Handler:
    """The same behaviour inside TLS."""

    def inside(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as session:
            handler(session)

    return inside


def made(tasks: Sequence[ProbeTask], options: Options) -> list[ProbeResult]:
    """The results of some probes, announced to nobody."""
    return list(run(tasks, options, lambda _: None).items)


def probed(
    port: int,
    protocol: Protocol,
    *,
    address: str = "127.0.0.1",
    host: str = "localhost",
    tls: bool = False,
    path: str = "",
    options: Options | None = None,
) -> ProbeResult:
    """The result of one probe."""
    return made([ProbeTask(address, port, protocol, host, tls, path)], options or Options())[0]
