"""A port of a pod through the WebSocket of an API server: real TLS, and what kubelets do."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, RejectConnection, Request

from dualstack.gather import kinds
from dualstack.gather.kube_api import Api
from dualstack.gather.kubeconfig import Access
from dualstack.gather.port_forward import Forwarded, forwarded
from dualstack.lab import certificates
from dualstack.lab.incident import Certificate

PORT = (4317).to_bytes(2, "little")
DATA, ERROR = b"\x00", b"\x01"
OBJECT = b'HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{"metadata": {"name": "a"}}'


class Line:
    """One connection that came to the server."""

    def __init__(self, wire: ssl.SSLSocket) -> None:
        self.wire, self.protocol = wire, WSConnection(ConnectionType.SERVER)
        self.events: list[object] = []

    def say(self, *events: object) -> None:
        self.wire.sendall(b"".join(self.protocol.send(x) for x in events))  # type: ignore[arg-type]

    def message(self, channel: bytes, body: bytes) -> None:
        self.say(BytesMessage(channel + body))

    def next(self) -> object:
        """The next event, None at the end."""
        while not self.events:
            chunk = self.wire.recv(65536)
            if not chunk:
                return None
            self.protocol.receive_data(chunk)
            self.events += self.protocol.events()
        return self.events.pop(0)


Serve = Callable[[Line, Request], None]


def echo(line: Line, _: Request) -> None:
    """A kubelet with a pod that gives back what it gets: each channel begins with the number of the port."""
    line.say(AcceptConnection(subprotocol="v4.channel.k8s.io"))
    for channel in (DATA, ERROR):
        line.message(channel, PORT)
    part = b""
    while (event := line.next()) and not isinstance(event, CloseConnection):
        assert isinstance(event, BytesMessage)
        part += event.data
        if event.message_finished:
            line.message(DATA, part[1:])
            part = b""
    if event:
        line.say(event.response())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("certificates")
    certificates.make(str(made), {"server": Certificate(names=("kube.example",), common_name="kube.example")})
    return made


@contextmanager
def api(folder: Path, serve: Serve) -> Iterator[Api]:
    """A server that upgrades, or answers with an object."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")

    def served(raw: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(raw, server_side=True) as wire:
            first = wire.recv(65536)
            if b"Upgrade" in first:
                line = Line(wire)
                line.protocol.receive_data(first)
                line.events += line.protocol.events()
                asked = line.next()
                assert isinstance(asked, Request)
                serve(line, asked)
            else:
                wire.sendall(OBJECT)
                wire.recv(1)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=served, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        threading.Thread(target=accept, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        authority = (folder / "ca.pem").read_bytes()
        with Api(Access(url, "test", server_name="kube.example", authority=authority), 5) as made:
            yield made
        listener.shutdown(socket.SHUT_RDWR)


def exchanged(local: Forwarded, body: bytes, size: int | None = None) -> bytes:
    """What comes back for what is sent, up to the end or a size."""
    found = b""
    with socket.create_connection(("127.0.0.1", local.port), 5) as wire:
        wire.sendall(body)
        with suppress(ConnectionResetError):
            while (size is None or len(found) < size) and (chunk := wire.recv(65536)):
                found += chunk
    return found


def test_bytes_go_to_the_pod_and_come_back(folder: Path) -> None:
    asked: list[Request] = []

    def serve(line: Line, request: Request) -> None:
        asked.append(request)
        echo(line, request)

    body = bytes(range(256)) * 250
    with api(folder, serve) as made, forwarded(made, "shop", "otel-a", 4317) as local:
        assert exchanged(local, body, len(body)) == body
        assert not local.said

    assert asked[0].target == "/api/v1/namespaces/shop/pods/otel-a/portforward?ports=4317"
    assert asked[0].subprotocols == ["v4.channel.k8s.io"]


def test_what_the_kubelet_says_of_a_connection_is_noted(folder: Path) -> None:
    said = "failed to connect to localhost:4317 inside namespace"

    def serve(line: Line, _: Request) -> None:
        line.say(AcceptConnection(subprotocol="v4.channel.k8s.io"))
        line.message(ERROR, PORT)
        line.message(ERROR, said.encode())
        line.next()

    with api(folder, serve) as made, forwarded(made, "shop", "otel-a", 4317) as local:
        assert exchanged(local, b"x") == b""
        assert local.said == [said]


@pytest.mark.parametrize(("status", "denied"), [(403, True), (401, True), (404, False), (500, False)])
def test_a_server_that_does_not_upgrade_is_quoted(folder: Path, status: int, denied: bool) -> None:
    def serve(line: Line, _: Request) -> None:
        line.say(RejectConnection(status_code=status))

    with api(folder, serve) as made, forwarded(made, "shop", "otel-a", 4317) as local:
        assert exchanged(local, b"x") == b""
        assert (local.said, local.denied) == ([f"the API server answers {status}"], denied)


@pytest.mark.parametrize("late", [False, True])
def test_a_connection_that_the_server_ends_is_ended(folder: Path, late: bool) -> None:
    def serve(line: Line, _: Request) -> None:
        if late:
            line.say(AcceptConnection(subprotocol="v4.channel.k8s.io"))

    with api(folder, serve) as made, forwarded(made, "shop", "otel-a", 4317) as local:
        assert exchanged(local, b"x") == b""
        assert local.said == ([] if late else ["the API server ended the connection"])


def test_a_server_that_speaks_otherwise_is_quoted(folder: Path) -> None:
    def serve(line: Line, _: Request) -> None:
        line.wire.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    with api(folder, serve) as made, forwarded(made, "shop", "otel-a", 4317) as local:
        assert exchanged(local, b"x") == b""
        assert local.said == ["the WebSocket of the API server ended: Bad HTTP message"]


def test_messages_in_parts_are_joined_and_pings_are_answered(folder: Path) -> None:
    pongs: list[object] = []

    def serve(line: Line, _: Request) -> None:
        parts = (BytesMessage(DATA + b"a", message_finished=False), BytesMessage(b"b"))
        line.say(AcceptConnection(subprotocol="v4.channel.k8s.io"), BytesMessage(DATA + PORT), Ping(b"p"), *parts)
        while not isinstance(event := line.next(), Pong):
            assert event
        pongs.append(event)
        line.message(DATA, b"c")
        line.say(CloseConnection(code=1000))

    with api(folder, serve) as made, forwarded(made, "shop", "otel-a", 4317) as local:
        assert exchanged(local, b"x") == b"abc"

    assert pongs == [Pong(b"p")]


def test_no_connection_is_taken_when_it_is_over(folder: Path) -> None:
    with api(folder, echo) as made, forwarded(made, "shop", "otel-a", 4317) as local:
        port = local.port

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_connections_that_end_disturb_no_other_one(folder: Path) -> None:
    """A descriptor that is closed below its reader is read on from whichever connection gets its number."""

    def forward(made: Api) -> None:
        with made.websocket("/x", {}, "v4.channel.k8s.io"):
            pass

    def ask(made: Api) -> None:
        with Api(made.access, 5) as fresh:
            assert fresh.object(kinds.SERVICES, "shop", "a") == {"metadata": {"name": "a"}}

    with api(folder, echo) as made, ThreadPoolExecutor(6) as pool:
        for task in [pool.submit(x, made) for _ in range(150) for x in (forward, ask)]:
            task.result()
