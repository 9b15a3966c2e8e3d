"""Bounds and manners of a run."""

import queue
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dualstack.model.address import Protocol
from dualstack.model.probe import Options, Outcome, ProbeTask
from dualstack.probe.run import AT_ONCE, run
from tests.probe.peers import made, peer, says, until_closed

GRPC, HTTP, TCP = Protocol.GRPC, Protocol.HTTP, Protocol.TCP
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
OK = says(TAKEN)


def test_never_two_connections_at_a_time_to_one_place() -> None:
    """Even where several names lead to the same address, port and protocol."""
    waiting: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(3):
                sock, _ = listener.accept()
                with sock:
                    sock.recv(65536)
                    waiting.append(bool(select.select([listener], [], [], 0.05)[0]))
                    sock.sendall(TAKEN)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        results = made([ProbeTask("127.0.0.1", port, HTTP, name) for name in "abc"], Options())
        thread.join()

    assert [x.outcome for x in results] == [Outcome.ACCEPTED] * 3
    assert waiting == [False] * 3


def test_many_at_once_and_never_too_many() -> None:
    """Probes to different addresses overlap, up to the bound."""
    lock, now, most = threading.Lock(), [0], [0]

    def counts(sock: socket.socket) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        sock.recv(65536)
        time.sleep(0.1)
        with lock:
            now[0] -= 1
        sock.sendall(TAKEN)

    with peer(counts, "0.0.0.0") as port:
        tasks = [ProbeTask(f"127.0.7.{x}", port, HTTP, "localhost") for x in range(1, AT_ONCE + 40)]
        results = made(tasks, Options(seconds=10))

    assert {x.outcome for x in results} == {Outcome.ACCEPTED}
    assert [x.task for x in results] == tasks
    assert AT_ONCE // 4 < most[0] <= AT_ONCE


def test_each_probe_is_announced_once_before_it_begins() -> None:
    """In the order of the tasks."""
    events: list[str] = []

    def tells(sock: socket.socket) -> None:
        events.append("connection")
        OK(sock)

    with peer(tells) as port:
        tasks = [ProbeTask("127.0.0.1", port, HTTP, name) for name in "ab"]
        run(tasks, Options(), lambda task: events.append(task.host))

    assert events == ["a", "connection", "b", "connection"]


def test_an_interrupt_keeps_what_is_known() -> None:
    """The first probe has ended, the second is under way when the user presses Ctrl-C."""
    script = (
        "import sys; from dualstack.probe.run import *; from dualstack.model.probe import *;"
        "port = int(sys.argv[1]); tasks = [ProbeTask('127.0.0.1', port, Protocol.HTTP, x) for x in 'abc'];"
        "print(*(x.outcome for x in run(tasks, Options(seconds=60), lambda _: None).items))"
    )
    connections: list[socket.socket] = []
    process: list[subprocess.Popen[str]] = []

    def interrupts(sock: socket.socket) -> None:
        connections.append(sock)
        if len(connections) == 1:
            OK(sock)
        else:
            sock.recv(65536)
            process[0].send_signal(signal.SIGINT)
            until_closed(sock)

    with peer(interrupts) as port:
        argv = [sys.executable, "-c", script, str(port)]
        environ = {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
        # The process is known to the peer before the script has begun: importing takes longer than appending.
        process.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environ))
        output, _ = process[0].communicate(timeout=30)

    assert output.split() == ["accepted", "cancelled", "cancelled"]
    assert process[0].returncode == 0


def test_no_task_no_result() -> None:
    """An empty run is empty."""
    assert made([], Options()) == []


def test_tcp_asks_for_a_connection_alone() -> None:
    """Nothing is sent."""
    heard: queue.Queue[bytes] = queue.Queue()
    with peer(lambda sock: heard.put(sock.recv(1))) as port:
        [result] = made([ProbeTask("127.0.0.1", port, TCP, "localhost")], Options())
        until_the_end = heard.get(timeout=20)

    assert result.outcome is Outcome.CONNECTED
    assert [(x.name, x.ok) for x in result.stages] == [("connect", True)]
    assert until_the_end == b""


def test_ipv4_mapped_address() -> None:
    """It reaches an IPv4 listener through an IPv6 socket."""
    with peer(OK) as port:
        [result] = made([ProbeTask("::ffff:127.0.0.1", port, HTTP, "localhost")], Options())

    assert result.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (("A B", "x"), "`a b` is no name of a header"),
        (("", "x"), "`` is no name of a header"),
        (("x", "a\r\nb: c"), "The value of the header `x` is not printable ASCII"),
        (("x", "ü"), "The value of the header `x` is not printable ASCII"),
        (("Host", "other"), "The header `host` is set by the protocol itself"),
        (("Connection", "keep-alive"), "The header `connection` is set by the protocol itself"),
    ],
)
def test_headers_that_cannot_be_sent(header: tuple[str, str], message: str) -> None:
    """One clear error, before any connection."""
    with pytest.raises(ValueError, match=message):
        made([ProbeTask("127.0.0.1", 1, HTTP, "localhost")], Options(headers=(header,)))


@pytest.mark.parametrize(("host", "path"), [("a b", ""), ("localhost", "/a b"), ("bücher.example", ""), ("a\r\n", "")])
def test_hosts_and_paths_that_cannot_be_sent(host: str, path: str) -> None:
    """One clear error, before any connection."""
    with pytest.raises(ValueError, match="is not a host and path that can be sent"):
        made([ProbeTask("127.0.0.1", 1, HTTP, host, path=path)], Options())


def test_importing_it_loads_no_protocol() -> None:
    """A run that needs no TLS and no gRPC does not pay for them."""
    script = "import sys, dualstack.probe.run; print({'ssl', 'h2', 'asyncio', 'hpack'} & set(sys.modules))"
    environ = {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run([sys.executable, "-c", script], env=environ, check=True, capture_output=True, text=True)

    assert done.stdout == "set()\n"


def test_an_interrupt_before_the_socket_is_registered_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with socket.create_server(("127.0.0.1", 0)) as silent:
        task = ProbeTask("127.0.0.1", silent.getsockname()[1], Protocol.HTTP, "127.0.0.1")
        monkeypatch.setattr(selectors.DefaultSelector, "register", interrupted)

        (result,) = run((task,), Options(), lambda _: None).items

    assert result.outcome is Outcome.CANCELLED
