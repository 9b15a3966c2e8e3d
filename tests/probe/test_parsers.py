"""The protocols as pure functions of bytes: no sequence of bytes makes one raise, and every end has a name."""

import json
import re
import ssl
from collections.abc import Sequence

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

from dualstack.model.probe import Outcome
from dualstack.model.text import printable
from dualstack.probe import otlp, otlp_grpc, otlp_http, tls, x509
from dualstack.probe.otlp_http import Response
from dualstack.probe.talk import Answer, Failed, T, Talk, opened, spoken
from tests.probe.conftest import Certificates

SETTINGS = bytes.fromhex("000000040000000000")
HEAD = b"HTTP/1.1 200 OK\r\n"


def fed(talk: Talk[T], chunks: Sequence[bytes]) -> T:
    """What a talk returns for a peer that sends these chunks and closes."""
    try:
        next(talk)
        for chunk in chunks:
            if chunk:
                talk.send(chunk)
        while True:
            talk.send(b"")
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def over_http() -> Talk[Answer]:
    """An export over HTTP."""
    return otlp_http.export("localhost", 4318, "/v1/traces", "traces", {})


def over_grpc() -> Talk[Answer]:
    """An export over gRPC."""
    return otlp_grpc.export("localhost", 4317, "http", {})


def frames(*parts: tuple[int, int, int, bytes]) -> bytes:
    """HTTP/2 frames from type, flags, stream and payload."""
    return b"".join(
        len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body
        for kind, flags, stream, body in parts
    )


CHUNKS = st.lists(st.binary(max_size=200), max_size=6)
FRAMES = st.builds(
    frames,
    st.tuples(st.integers(0, 12), st.integers(0, 255), st.sampled_from([0, 1, 2, 3]), st.binary(max_size=60)),
    st.tuples(st.integers(0, 12), st.integers(0, 255), st.sampled_from([0, 1, 2, 3]), st.binary(max_size=60)),
)
HEADERS = st.lists(
    st.sampled_from(
        [
            *(b"Content-Length: 4", b"Content-Length: 9999999999999999999999", b"Transfer-Encoding: chunked"),
            *(b"Content-Type: application/x-protobuf", b"Content-Type: application/json"),
            *(b"Location: /", b"Server: \x1b[0m", b":", b"\xff: \xff"),
        ]
    ),
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["partialSuccess", "message", "code"]), inner),
).map(lambda value: json.dumps(value).encode())


@given(CHUNKS)
@example([b"HTTP/1.1 200"])
@example([b"\x15\x03"])
def test_random_bytes_to_an_http_client(chunks: list[bytes]) -> None:
    """Nothing raises, nothing is accepted, everything can be printed."""
    answer = fed(over_http(), chunks)

    assert answer.outcome is not Outcome.ACCEPTED
    assert answer.detail.isprintable()


@given(st.sampled_from([b"200", b"404", b"401", b"503", b"100", b"999"]), HEADERS, CHUNKS)
def test_random_answers_to_an_http_client(status: bytes, headers: list[bytes], chunks: list[bytes]) -> None:
    """What is accepted has a whole OTLP body or none."""
    head = b"HTTP/1.1 " + status + b" \r\n" + b"".join(x + b"\r\n" for x in headers) + b"\r\n"
    answer = fed(over_http(), [head, *chunks])

    assert answer.detail.isprintable()
    assert len(answer.detail) <= 200
    assert answer.outcome is not Outcome.ACCEPTED or status == b"200"


@given(CHUNKS)
def test_random_bytes_to_a_grpc_client(chunks: list[bytes]) -> None:
    """Nothing raises, nothing is accepted."""
    answer = fed(over_grpc(), chunks)

    assert answer.outcome is not Outcome.ACCEPTED
    assert answer.detail.isprintable()


@given(st.lists(st.one_of(FRAMES, st.binary(max_size=100)), max_size=5))
def test_random_frames_to_a_grpc_client(chunks: list[bytes]) -> None:
    """Valid frames in any order, with any payload."""
    answer = fed(over_grpc(), [SETTINGS, *chunks])

    assert answer.outcome in (Outcome.CLOSED, Outcome.GARBAGE, Outcome.NOT_OTLP, Outcome.REJECTED, Outcome.ENDLESS)
    assert answer.detail.isprintable()


@given(
    st.dictionaries(
        st.sampled_from(["grpc-status", "grpc-message", "content-type", "server", "location", "x"]),
        st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=30).map(str.strip),
    ),
    st.integers(100, 599),
    st.binary(max_size=30),
)
@example({"grpc-status": "0"}, 200, bytes(5))
@example({"grpc-status": "99"}, 200, b"")
@example({"grpc-message": "%ff%"}, 200, b"")
def test_random_replies_to_a_grpc_client(headers: dict[str, str], status: int, body: bytes) -> None:
    """A whole reply of an HTTP/2 server, whatever it says."""
    reply = otlp_grpc.Reply({":status": str(status), **headers}, bytearray(body), ended=True)
    answer = otlp_grpc.judge(reply, "traces")

    assert answer.outcome in (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.NOT_OTLP)
    assert answer.outcome is not Outcome.ACCEPTED or re.fullmatch("0+", headers["grpc-status"])
    assert (answer.detail + answer.status + answer.server).isprintable()


def answered(headers: dict[str, str], body: bytes = b"") -> Answer:
    """What the gRPC client makes of the reply that an HTTP/2 server really writes."""
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    talk = over_grpc()
    request = next(talk)
    assert isinstance(request, bytes)
    server.receive_data(request)
    server.send_headers(1, list(headers.items()))
    server.send_data(1, body, end_stream=True)
    return fed_on(talk, server)


def fed_on(talk: Talk[Answer], server: H2Connection) -> Answer:
    """Carries bytes to and fro until the client has its answer; a second request is answered like the first."""
    try:
        while True:
            request = talk.send(server.data_to_send())
            assert isinstance(request, bytes)
            server.receive_data(request)
            server.send_headers(3, [(":status", "200"), ("content-type", "application/x-protobuf")], end_stream=True)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("headers", "outcome", "status"),
    [
        ({":status": "200", "content-type": "text/html"}, Outcome.NOT_OTLP, "HTTP 200"),
        ({":status": "200", "content-type": "application/grpc"}, Outcome.NOT_OTLP, "HTTP 200"),
        ({":status": "401", "content-type": "text/html"}, Outcome.REJECTED, "HTTP 401"),
        ({":status": "404", "content-type": "text/plain"}, Outcome.HTTP1_SPOKEN, "HTTP 404"),
        ({":status": "200", "content-type": "application/x-protobuf"}, Outcome.NOT_OTLP, "HTTP 200"),
    ],
)
def test_answers_without_a_grpc_status(headers: dict[str, str], outcome: Outcome, status: str) -> None:
    """A page is a page over HTTP/2 as well; behind a 404 there may be OTLP/HTTP."""
    answer = answered(headers, b"page")

    assert (answer.outcome, answer.status) == (outcome, status)
    assert answer.signals == ()


def test_a_server_that_answers_and_goes_away_is_asked_no_more() -> None:
    """The first answer stands; what cannot be sent any more is no error."""
    not_found = frames((1, 5, 1, b"\x8d"))  # :status 404, entry 13 of the static table (RFC 7541 appendix A)
    answer = fed(over_grpc(), [SETTINGS + not_found + frames((7, 0, 0, bytes(8)))])

    assert (answer.outcome, answer.status) == (Outcome.NOT_OTLP, "HTTP 404")


def test_answer_in_single_bytes() -> None:
    """Where the network cuts makes no difference."""
    text = HEAD + b"Content-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"

    assert fed(over_http(), [text[x : x + 1] for x in range(len(text))]).outcome is Outcome.ACCEPTED


def test_interim_answers_are_skipped() -> None:
    """RFC 9110 section 15.2."""
    text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    found = fed(over_http(), [text])

    assert (found.outcome, found.status) == (Outcome.UNPROVED, "HTTP 204")


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        (b"", None),
        (b"H", None),
        (b"HTTP/1.", Outcome.HTTP1_SPOKEN),
        (b"HTTP/2.0", Outcome.GARBAGE),
        (b"<!doctype html>", Outcome.HTTP1_SPOKEN),
        (b"\x15", None),
        (b"\x15\x03\x03", Outcome.TLS_EXPECTED),
        (b"\x16\x03\x03", Outcome.GARBAGE),
        (SETTINGS[:8], None),
        (SETTINGS, Outcome.HTTP2_SPOKEN),
        (frames((7, 0, 0, bytes(8))), Outcome.HTTP2_SPOKEN),
        (frames((4, 1, 0, b"")), Outcome.GARBAGE),  # an acknowledgement opens nothing
        (frames((4, 0, 1, b"")), Outcome.GARBAGE),
        (frames((0, 0, 1, b"")), Outcome.GARBAGE),
        (b"SSH-2.0-x\r\n", Outcome.GARBAGE),
    ],
)
def test_what_the_first_bytes_are(head: bytes, outcome: Outcome | None) -> None:
    """By their first nine bytes at most, fourteen for a page."""
    assert spoken(head) is outcome


@given(st.binary(max_size=20))
def test_the_first_bytes_are_known_soon(head: bytes) -> None:
    """A peer cannot keep a client waiting for more than nine bytes."""
    assert spoken(head) is not None or len(head) < 9


def test_a_peer_that_closes_before_it_is_known() -> None:
    """Its bytes are shown."""
    _, answer = fed(opened(b"", Outcome.HTTP1_SPOKEN), [b"HT"])

    assert answer == Answer(Outcome.CLOSED, detail="HT")


@given(st.integers(0, 2**63 - 1), st.text(max_size=40))
def test_partial_success_as_protobuf_writes_it(rejected: int, message: str) -> None:
    """The reader agrees with the official encoding."""
    partial = trace.ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    body = trace.ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    refusal = otlp.refusal(body)

    assert bool(refusal) == bool(rejected or message)
    assert not refusal or refusal == f"partial success, {rejected} rejected: {message}"


@given(st.binary(max_size=60))
def test_what_protobuf_cannot_read_is_no_answer(body: bytes) -> None:
    """The reader refuses what the official decoder refuses; unknown fields it refuses as well."""
    try:
        otlp.refusal(body)
    except ValueError:
        return
    trace.ExportTraceServiceResponse.FromString(body)


@given(
    st.binary(max_size=60) | JSON,
    st.sampled_from(["application/x-protobuf", "application/json", "text/html", ""]),
    st.integers(200, 599),
)
def test_random_pages(body: bytes, kind: str, status: int) -> None:
    """Every page has an outcome of a server that answered."""
    answer = otlp_http.judge(Response(status, {"content-type": kind}, body), "traces")

    met = (Outcome.ACCEPTED, Outcome.UNPROVED, Outcome.REJECTED, Outcome.NOT_OTLP, Outcome.TLS_EXPECTED)
    assert answer.outcome in met
    assert answer.detail.isprintable()


@given(CHUNKS)
@example([b"\x16\x03\x03\x00\x01\x00"])
@example([b"\x15\x03\x03\x00\x02\x02\x28"])
def test_random_bytes_to_a_tls_client(chunks: list[bytes]) -> None:
    """A handshake with a stranger fails with a name."""
    session = tls.Session(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "localhost")
    with pytest.raises(Failed) as failed:
        fed(session.handshake(), chunks)

    assert failed.value.outcome in (Outcome.TLS_NOT_SPOKEN, Outcome.TLS_REFUSED, Outcome.CLOSED)
    assert failed.value.detail.isprintable()


@given(st.binary(max_size=300))
@example(b"\x30\x00")
def test_random_bytes_as_a_certificate(der: bytes) -> None:
    """None or a certificate, never an exception."""
    x509.certificate(der)


@given(st.data())
def test_damaged_certificates(certificates: Certificates, data: st.DataObject) -> None:
    """One byte of a real certificate is another."""
    with open(certificates.pem("good")) as file:
        der = bytearray(ssl.PEM_cert_to_DER_cert(file.read()))
    der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    found = x509.certificate(bytes(der))

    assert found is None or (found.subject + found.issuer + found.not_after + "".join(found.names)).isprintable()


@given(st.text(max_size=500))
@example("\ud800")
def test_printable(text: str) -> None:
    """One line, no control characters, at most 200 characters."""
    shown = printable(text)

    assert shown.isprintable()
    assert len(shown) <= 200
    assert shown == text or not text.isprintable() or len(text) > 200


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ok ü", "ok ü"),
        ("\x1b[2J\n\x9b\u202e\u2028\x00", r"\x1b[2J\n\x9b\u202e\u2028\x00"),
        ("a" * 200, "a" * 200),
        ("a" * 201, "a" * 199 + "…"),
        ("\x00" * 60, r"\x00" * 49 + r"\x0" + "…"),
    ],
)
def test_what_printable_shows(text: str, shown: str) -> None:
    """Escapes count as the characters that they are."""
    assert printable(text) == shown
