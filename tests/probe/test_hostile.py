"""Whatever a peer does, a probe ends in time, in bounds, and with a name for it."""

import socket
import time
import tracemalloc

import pytest

from dualstack.model.address import Protocol
from dualstack.model.probe import Options, Outcome
from tests.probe.peers import Handler, closes, peer, pours, probed, resets, resets_after_request, says, until_closed

SETTINGS = bytes.fromhex("000000040000000000")
GOAWAY = bytes.fromhex("00000a070000000000000000000000000b") + b"\x1b!"
HEADERS_200 = bytes.fromhex("0000010104000000 0188".replace(" ", ""))
REFUSED_STREAM = bytes.fromhex("00000403000000000100000007")
ALERT = bytes.fromhex("15030300020246")
PAGE = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n\r\n<h1>Welcome</h1>"

GRPC, HTTP = Protocol.GRPC, Protocol.HTTP

# What the peer does, and what it is called for a gRPC client and for an OTLP/HTTP client.
PEERS: dict[str, tuple[Handler, Outcome, Outcome]] = {
    "silent": (until_closed, Outcome.SILENT, Outcome.SILENT),
    "closes at once": (closes, Outcome.CLOSED, Outcome.CLOSED),
    "resets at once": (resets, Outcome.CLOSED, Outcome.CLOSED),
    "resets after the request": (resets_after_request, Outcome.CLOSED, Outcome.CLOSED),
    "closes after the request": (says(), Outcome.CLOSED, Outcome.CLOSED),
    "one byte, then closes": (says(b"H"), Outcome.CLOSED, Outcome.CLOSED),
    "one zero byte, then silent": (says(b"\0", hold=True), Outcome.SILENT, Outcome.SILENT),
    "garbage": (says(b"\xde\xad\xbe\xef" * 9), Outcome.GARBAGE, Outcome.GARBAGE),
    "banner of another protocol": (says(b"220 mail.example ESMTP\r\n", hold=True), Outcome.GARBAGE, Outcome.GARBAGE),
    "endless garbage": (pours(b"", b"\xff" * 65536), Outcome.GARBAGE, Outcome.GARBAGE),
    "page": (says(PAGE), Outcome.HTTP1_SPOKEN, Outcome.NOT_OTLP),
    "page of HTTP/0.9": (says(b"<!DOCTYPE html><p>no"), Outcome.HTTP1_SPOKEN, Outcome.GARBAGE),
    "half a status line": (says(b"HTTP/1.1 2", hold=True), Outcome.HTTP1_SPOKEN, Outcome.SILENT),
    "bad status line": (says(b"HTTP/1.1 nine\r\n\r\n"), Outcome.HTTP1_SPOKEN, Outcome.GARBAGE),
    "half a header": (says(b"HTTP/1.1 200 OK\r\nA:"), Outcome.HTTP1_SPOKEN, Outcome.CLOSED),
    "header without colon": (says(b"HTTP/1.1 200 OK\r\nA\r\n\r\n"), Outcome.HTTP1_SPOKEN, Outcome.GARBAGE),
    "endless header": (pours(b"HTTP/1.1 200 OK\r\nA: ", b"a" * 65536), Outcome.HTTP1_SPOKEN, Outcome.ENDLESS),
    "slow endless header": (pours(b"HTTP/1.1 200 OK\r\nA: ", b"a", 0.02), Outcome.HTTP1_SPOKEN, Outcome.ENDLESS),
    "endless interim answers": (
        pours(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
        Outcome.HTTP1_SPOKEN,
        Outcome.ENDLESS,
    ),
    "endless body": (pours(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65536), Outcome.HTTP1_SPOKEN, Outcome.ENDLESS),
    "huge length": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"),
        Outcome.HTTP1_SPOKEN,
        Outcome.ENDLESS,
    ),
    "bad length": (says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Outcome.HTTP1_SPOKEN, Outcome.GARBAGE),
    "half a body": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n.."), Outcome.HTTP1_SPOKEN, Outcome.CLOSED),
    "endless chunks": (
        pours(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 9999),
        Outcome.HTTP1_SPOKEN,
        Outcome.ENDLESS,
    ),
    "bad chunk": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        Outcome.HTTP1_SPOKEN,
        Outcome.GARBAGE,
    ),
    "HTTP/2, then silent": (says(SETTINGS, hold=True), Outcome.SILENT, Outcome.HTTP2_SPOKEN),
    "HTTP/2, then closes": (says(SETTINGS), Outcome.CLOSED, Outcome.HTTP2_SPOKEN),
    "HTTP/2, then garbage": (says(SETTINGS + b"\0\0\1\0" + b"\xff" * 99), Outcome.GARBAGE, Outcome.HTTP2_SPOKEN),
    "HTTP/2, then goes away": (says(SETTINGS + GOAWAY), Outcome.CLOSED, Outcome.HTTP2_SPOKEN),
    "goes away": (says(GOAWAY), Outcome.CLOSED, Outcome.HTTP2_SPOKEN),
    "refuses the stream": (says(SETTINGS + REFUSED_STREAM), Outcome.CLOSED, Outcome.HTTP2_SPOKEN),
    "endless settings": (pours(b"", SETTINGS * 99, 0.01), Outcome.ENDLESS, Outcome.HTTP2_SPOKEN),
    "endless pings": (
        pours(SETTINGS, bytes.fromhex("0000080600000000000102030405060708") * 999),
        Outcome.ENDLESS,
        Outcome.HTTP2_SPOKEN,
    ),
    "endless frame": (pours(SETTINGS, b"\xff" * 65536), Outcome.ENDLESS, Outcome.HTTP2_SPOKEN),
    "endless data": (
        pours(SETTINGS + HEADERS_200, bytes.fromhex("004000000000000001") + bytes(16384)),
        Outcome.GARBAGE,  # it does not heed the flow control window
        Outcome.HTTP2_SPOKEN,
    ),
    "TLS alert": (says(ALERT), Outcome.TLS_EXPECTED, Outcome.TLS_EXPECTED),
}


UNTIL_TIME_IS_UP = ("slow endless header", "endless settings")


def _patience(name: str, outcome: Outcome) -> Options:
    """Little time where only time ends the probe, and more than enough where the peer does."""
    return Options(seconds=1 if outcome is Outcome.SILENT or name in UNTIL_TIME_IS_UP else 20)


@pytest.mark.parametrize("protocol", [GRPC, HTTP])
@pytest.mark.parametrize("name", PEERS)
def test_every_behaviour_has_a_name(name: str, protocol: Protocol) -> None:
    """And the connection itself is told from what came after it."""
    handler, grpc, http = PEERS[name]
    with peer(handler) as port:
        result = probed(port, protocol, options=_patience(name, grpc if protocol is GRPC else http))

    assert result.outcome is (grpc if protocol is GRPC else http), result
    assert [(x.name, x.ok) for x in result.stages] == [("connect", True), ("export", False)]
    assert result.detail.isprintable()
    assert len(result.detail) <= 200


@pytest.mark.parametrize(
    ("name", "outcome"),
    {
        "silent": Outcome.SILENT,
        "closes after the request": Outcome.CLOSED,
        "resets after the request": Outcome.CLOSED,
        "garbage": Outcome.TLS_NOT_SPOKEN,
        "endless garbage": Outcome.TLS_NOT_SPOKEN,
        "page": Outcome.TLS_NOT_SPOKEN,
        "HTTP/2, then silent": Outcome.TLS_NOT_SPOKEN,
        "TLS alert": Outcome.TLS_REFUSED,
    }.items(),
)
@pytest.mark.parametrize("protocol", [GRPC, HTTP])
def test_every_behaviour_has_a_name_for_a_client_of_tls(name: str, outcome: Outcome, protocol: Protocol) -> None:
    """The handshake is the stage that fails."""
    with peer(PEERS[name][0]) as port:
        result = probed(port, protocol, tls=True, options=_patience(name, outcome))

    assert result.outcome is outcome, result
    assert [(x.name, x.ok) for x in result.stages] == [("connect", True), ("tls", False)]


@pytest.mark.parametrize("protocol", [GRPC, HTTP])
def test_a_peer_that_took_the_request_has_as_long_as_exporters_give_it(protocol: Protocol) -> None:
    """Three times the seconds of a probe and more, until the limit of exporters."""

    def slow(sock: socket.socket) -> None:
        sock.recv(65536)
        time.sleep(0.6)
        sock.sendall(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")

    with peer(slow) as port:
        late = probed(port, protocol, options=Options(seconds=0.3))
    with peer(until_closed) as port:
        never = probed(port, protocol, options=Options(seconds=0.3))

    assert late.outcome is (Outcome.HTTP1_SPOKEN if protocol is GRPC else Outcome.REJECTED)
    assert (never.outcome, never.detail) == (Outcome.SILENT, "nothing answered the request within 1.2 s")


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    ("handler", "reason", "word"),
    [
        (says(), "closed", "closed by the peer"),
        (resets, "ECONNRESET", "reset by the peer"),
        (resets_after_request, "ECONNRESET", "reset by the peer"),
    ],
)
def test_a_reset_is_told_from_an_orderly_end(handler: Handler, reason: str, word: str, *, tls: bool) -> None:
    """A server that ends, or something on the way that cuts."""
    with peer(handler) as port:
        result = probed(port, HTTP, tls=tls)

    assert result.outcome is Outcome.CLOSED
    assert result.stages[-1].reason == reason
    assert result.detail.startswith(word)


@pytest.mark.parametrize("second", [closes, until_closed, says(b"\xff" * 9)])
def test_what_comes_after_a_page_does_not_undo_it(second: Handler) -> None:
    """Traces are not found, and the peer has no patience for the other signals."""
    connections: list[socket.socket] = []

    def handler(sock: socket.socket) -> None:
        connections.append(sock)
        (says(b"HTTP/1.1 404 Not Found\r\n\r\n404") if len(connections) == 1 else second)(sock)

    with peer(handler) as port:
        result = probed(port, HTTP, options=Options(seconds=1))

    assert (result.outcome, result.status, result.detail) == (Outcome.NOT_OTLP, "HTTP 404", "404")


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    """What a peer says is shown with its control characters visible, and cut."""
    head = b"HTTP/1.1 401 No\r\nServer: \x1b]0;owned\x07\r\n\r\n"
    with peer(says(head + b"\x1b[2J\xc2\x9b1m\xe2\x80\xae" + b"a" * 5000)) as port:
        result = probed(port, HTTP)

    assert result.server == r"\x1b]0;owned\x07"
    assert result.detail.startswith(r"\x1b[2J\x9b1m\u202eaaa")
    assert len(result.detail) == 200


def test_goaway_carries_its_code_and_last_words() -> None:
    """RFC 9113 section 6.8: the error code and the debug data."""
    with peer(says(SETTINGS + GOAWAY)) as port:
        result = probed(port, GRPC)

    assert (result.status, result.detail) == ("GOAWAY ENHANCE_YOUR_CALM", r"\x1b!")


@pytest.mark.parametrize("protocol", [GRPC, HTTP])
def test_megabytes_are_not_kept(protocol: Protocol) -> None:
    """An answer of 64 MiB in one write costs no more than the limits of one answer."""

    def floods(sock: socket.socket) -> None:
        sock.recv(65536)
        for _ in range(64):
            sock.sendall(flood)

    flood = bytes(1024 * 1024)
    with peer(floods) as port:
        probed(port, protocol)  # imports what it needs
        tracemalloc.start()
        probed(port, protocol)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 4 * 1024 * 1024
