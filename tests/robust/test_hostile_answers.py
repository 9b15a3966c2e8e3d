"""Ten thousand hostile answers to each probe: every one has a name, none raises, hangs or is kept in memory."""

import gc
import itertools
import random
import socket
import ssl
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection

from dualstack.model.address import Protocol
from dualstack.model.probe import Options, Outcome, ProbeResult, ProbeTask
from dualstack.probe import tls
from dualstack.probe.run import run
from dualstack.probe.stages import Settings, probe
from dualstack.probe.talk import Dial, Reset, Talk
from tests.probe.conftest import Certificates, certificates
from tests.probe.peers import peer, until_closed
from tests.robust.mutants import MANY, chunks, mutant, mutants

__all__ = ["certificates"]  # a fixture

FAR = "192.0.2.1"
"""No address of a loopback, so that an export that is taken is followed by a larger one."""

STEPS = 400
"""Chunks that a peer is asked for before it is called endless; a probe may dial six times, for three signals."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
HTTP_ANSWERS = (
    HEAD + b"Content-Length: 0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\n\n\2\x08\5\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 21\r\n\r\n{"message":"no token"}',
    b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 19\r\n\r\n404 page not found\n",
    b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://otel.example/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"partialSuccess":{"rejectedSpans":"3"}}',
    b"<!DOCTYPE html><html><body>It works!</body></html>",
    b"220 mail.example ESMTP Postfix\r\n",
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"\x15\x03\x01\x00\x02\x02\x16",
)

GRPC_REPLIES = (
    ({":status": "200", "content-type": "application/grpc"}, bytes(5), {"grpc-status": "0"}),
    ({":status": "200", "content-type": "application/grpc"}, b"", {"grpc-status": "12", "grpc-message": "unknown%20x"}),
    ({":status": "200", "content-type": "application/grpc", "grpc-status": "16"}, b"", None),
    ({":status": "200", "content-type": "application/grpc"}, b"\0\0\0\0\4\n\2\x08\5", {"grpc-status": "0"}),
    ({":status": "404", "content-type": "text/plain"}, b"404 page not found\n", None),
    ({":status": "503", "server": "envoy"}, b"upstream connect error", None),
)


def settings(context: Callable[[], ssl.SSLContext]) -> Settings:
    """What the probes of this file share."""
    return Settings(3.0, {}, lambda _: context(), lambda _: context())


def plaintext() -> ssl.SSLContext:
    """The client of a plaintext probe that takes a second look."""
    return CLIENT


CLIENT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def task(protocol: Protocol, *, encrypted: bool = False) -> ProbeTask:
    """The probe in question."""
    return ProbeTask(FAR, 4317, protocol, "localhost", encrypted)


def ended(talk: Talk[ProbeResult], answers: Iterator[bytes]) -> ProbeResult:
    """The result of a probe whose peer says these chunks, then closes; past `STEPS` its time is up."""
    step: Dial | bytes = next(talk)
    try:
        for _ in range(STEPS):
            step = talk.send(b"" if isinstance(step, Dial) else next(answers, Reset()))
        while True:
            talk.throw(TimeoutError())
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def named(result: ProbeResult) -> None:
    """Every result can be shown to somebody, on one line."""
    assert isinstance(result.outcome, Outcome)
    assert result.stages
    for text in (result.detail, result.status, result.server, result.alpn):
        assert text.isprintable()
        assert len(text) <= 200


def grpc_answers() -> list[bytes]:
    """All bytes of a real HTTP/2 server, for each reply."""
    return [_spoken(*reply) for reply in GRPC_REPLIES]


def _spoken(headers: dict[str, str], body: bytes, trailers: dict[str, str] | None) -> bytes:
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    talk = probe(task(Protocol.GRPC), settings(plaintext))
    next(talk)
    request = talk.send(b"")
    assert isinstance(request, bytes)
    server.receive_data(request)
    server.send_headers(1, list(headers.items()))
    server.send_data(1, body, end_stream=trailers is None)
    if trailers:
        server.send_headers(1, list(trailers.items()), end_stream=True)
    return server.data_to_send()


def growth(play: Callable[[int], None]) -> int:
    """Bytes that a second round leaves behind which the first did not."""
    play(0)
    gc.collect()
    tracemalloc.start()
    play(1)
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept


@pytest.mark.parametrize(
    ("asked", "originals"),
    [
        (task(Protocol.HTTP), HTTP_ANSWERS),
        (task(Protocol.GRPC), (*grpc_answers(), *HTTP_ANSWERS)),
        (task(Protocol.TCP, encrypted=True), HTTP_ANSWERS),
    ],
    ids=["http", "grpc", "tcp"],
)
def test_mutated_answers(asked: ProbeTask, originals: Sequence[bytes]) -> None:
    shared = settings(plaintext)
    rng = random.Random(1)
    seen = set()
    for data in mutants(originals, MANY // 5 if asked.tls else MANY):  # in TLS the handshakes below are the many
        answers = itertools.chain(chunks(data, rng), rng.choice(([b""], [Reset()], chunks(data, rng))))
        result = ended(probe(asked, shared), answers)
        named(result)
        seen.add(result.outcome)

    assert len(seen) > 1
    assert (Outcome.ACCEPTED in seen) is not asked.tls


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.GRPC])
def test_answers_that_never_end(protocol: Protocol) -> None:
    """Whatever they repeat: the probe itself ends, or its time does."""
    originals = HTTP_ANSWERS if protocol is Protocol.HTTP else grpc_answers()
    for data in mutants(originals, MANY // 50):
        result = ended(probe(task(protocol), settings(plaintext)), itertools.repeat(data or b"\0"))
        named(result)


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> dict[ssl.TLSVersion, ssl.SSLContext]:
    """A server's settings for each version of TLS."""
    found = {}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.pem("good"), certificates.key("good"))
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.minimum_version = context.maximum_version = version
        found[version] = context
    return found


def flight(context: ssl.SSLContext, hello: bytes) -> bytes:
    """What a real server answers to a ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(hello)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def test_mutated_handshakes(certificates: Certificates, server: dict[ssl.TLSVersion, ssl.SSLContext]) -> None:
    """A server's first flight with a few bytes wrong, as the client that asked for it gets it."""
    rng = random.Random(2)
    client = tls.context(Protocol.GRPC, certificates.pem("ca"))
    shared = settings(lambda: client)
    seen = set()
    for number in range(MANY):
        talk = probe(task(Protocol.GRPC, encrypted=True), shared)
        next(talk)
        hello = talk.send(b"")
        assert isinstance(hello, bytes)
        answer = mutant(flight(server[rng.choice(list(server))], hello), rng)
        result = rest(talk, iter(chunks(answer, rng)))
        named(result)
        assert result.outcome is not Outcome.ACCEPTED, number
        seen.add(result.outcome)

    assert {Outcome.TLS_NOT_SPOKEN, Outcome.CLOSED} <= seen


def rest(talk: Talk[ProbeResult], answers: Iterator[bytes]) -> ProbeResult:
    """The result of a probe that waits for its first bytes."""
    try:
        for _ in range(STEPS):
            talk.send(next(answers, b""))
        while True:
            talk.throw(TimeoutError())
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.GRPC])
def test_nothing_is_kept_of_an_answer(protocol: Protocol) -> None:
    """Hundreds of hostile answers leave no more behind than a few caches hold."""
    originals = HTTP_ANSWERS if protocol is Protocol.HTTP else grpc_answers()

    def play(number: int) -> None:
        for data in mutants(originals, 500, number):
            ended(probe(task(protocol), settings(plaintext)), iter([data]))

    assert growth(play) < 500_000


def test_mutated_answers_over_real_connections() -> None:
    """As a server on two hundred addresses of the loopback gives them, to probes of every kind."""
    rng = random.Random(3)
    originals = (*HTTP_ANSWERS, *grpc_answers())

    def handler(sock: socket.socket) -> None:
        sock.recv(65536)
        for part in chunks(mutant(rng.choice(originals), rng), rng):
            sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)
        until_closed(sock)

    with peer(handler, "0.0.0.0") as port:
        tasks = [
            ProbeTask(f"127.0.1.{x}", port, protocol, "localhost", encrypted)
            for x in range(1, 51)
            for protocol in (Protocol.HTTP, Protocol.GRPC)
            for encrypted in (False, True)
        ]
        results = run(tasks, Options(seconds=5, insecure=True), lambda _: None).items

    assert len(results) == 200
    for result in results:
        named(result)
        assert [x.name for x in result.stages][:1] == ["connect"]
        assert result.stages[0].ok
