"""One OTLP/gRPC export over HTTP/2, and what the answer says."""

import re
from collections.abc import Mapping

import msgspec
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import DenialOfServiceError, H2Error

from dualstack import __version__
from dualstack.model.address import join, without_zone
from dualstack.model.probe import Outcome
from dualstack.model.text import printable
from dualstack.probe import otlp, otlp_http
from dualstack.probe.talk import BODY_LIMIT, HEAD_LIMIT, Answer, Talk, opened, quoted

_PREFIX = 5  # bytes before a message (gRPC over HTTP/2, Length-Prefixed-Message)
_CODES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)  # grpc/doc/statuscodes.md, from 0


class Reply(msgspec.Struct):
    """What came on one stream; `broken` names the frame that ended it before its time."""

    headers: dict[str, str] = {}
    body: bytearray = msgspec.field(default_factory=bytearray)
    ended: bool = False
    broken: str = ""
    last_words: str = ""


class _Session:
    """An HTTP/2 connection that carries one request at a time."""

    def __init__(self, authority: str, scheme: str, headers: Mapping[str, str]) -> None:
        self._fields = {":method": "POST", ":scheme": scheme, ":authority": authority}
        self._headers = {"te": "trailers", "user-agent": f"dualstack/{__version__}", **headers}
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._h2.initiate_connection()
        self._is_open = False

    def post(self, path: str, media_type: str, message: bytes) -> Talk[Reply | Answer]:
        """The reply to a request, or an answer where none came that can be judged."""
        try:
            return (yield from self._reply(self._send(path, media_type, message)))
        except DenialOfServiceError as error:
            return Answer(Outcome.ENDLESS, detail=printable(str(error)))
        except H2Error as error:
            return Answer(Outcome.GARBAGE, detail=printable(f"broken HTTP/2: {error}"))

    def _reply(self, stream: int) -> Talk[Reply | Answer]:
        request, reply, heard = self._h2.data_to_send(), Reply(), 0
        if self._is_open:
            chunk = yield request
        else:
            chunk, stranger = yield from opened(request, Outcome.HTTP2_SPOKEN)
            if stranger:
                return stranger
            self._is_open = True
        while chunk:
            heard += len(chunk)
            if heard > HEAD_LIMIT + BODY_LIMIT:
                return Answer(Outcome.ENDLESS, detail=f"no whole answer in {heard} bytes")
            self._receive(chunk, stream, reply)
            if reply.ended or reply.broken:
                return reply
            chunk = yield self._h2.data_to_send()
        return Answer(Outcome.CLOSED, detail="the connection ended after HTTP/2 had begun")

    def _send(self, path: str, media_type: str, message: bytes) -> int:
        stream = self._h2.get_next_available_stream_id()
        fields = {**self._fields, ":path": path, "content-type": media_type, **self._headers}
        self._h2.send_headers(stream, list(fields.items()))
        self._h2.send_data(stream, message, end_stream=True)
        return stream

    def _receive(self, chunk: bytes, stream: int, reply: Reply) -> None:
        for event in self._h2.receive_data(chunk):
            if isinstance(event, DataReceived):
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if getattr(event, "stream_id", None) in (None, stream):
                take(event, reply)


def export(host: str, port: int, scheme: str, headers: Mapping[str, str], message: bytes = b"") -> Talk[Answer]:
    """Sends an export, empty by default, of traces, of other signals where these are unknown, and judges the answers.

    `headers` have lower-case names. A page "not found" over HTTP/2 may be that of an OTLP/HTTP receiver, so ask it too.
    """
    session = _Session(join(without_zone(host), port), scheme, headers)
    answers: list[Answer] = []
    for signal, method in otlp.SERVICES.items():
        reply = yield from session.post(method, "application/grpc", _prefixed(message))
        answers.append(judge(reply, signal))
        if not answers[0].unserved:
            break
    if answers[0].status == "HTTP 404":
        return (yield from _ask_for_http(session, answers[0]))
    return otlp.combined(answers)


def _prefixed(message: bytes) -> bytes:
    """The message, not compressed (gRPC over HTTP/2, Length-Prefixed-Message)."""
    return bytes(1) + len(message).to_bytes(_PREFIX - 1) + message


def _ask_for_http(session: _Session, answer: Answer) -> Talk[Answer]:
    """The same answer, or `http1_spoken` where the peer takes OTLP/HTTP over this connection."""
    reply = yield from session.post(otlp.paths("")["traces"], "application/x-protobuf", b"")
    if isinstance(reply, Reply) and _judge_page(reply, "traces").outcome in (Outcome.ACCEPTED, Outcome.REJECTED):
        return answer._replace(outcome=Outcome.HTTP1_SPOKEN, detail="OTLP/HTTP is served here, and no gRPC")
    return answer


def take(event: Event, reply: Reply) -> None:
    """Adds what an HTTP/2 event says to the reply."""
    match event:
        case ResponseReceived(headers=headers) | TrailersReceived(headers=headers):
            reply.headers |= {_text(name): _text(value) for name, value in headers or ()}
        case DataReceived(data=data):
            reply.body += data or b""
        case StreamEnded():
            reply.ended = True
        case StreamReset(error_code=code):
            reply.broken = f"RST_STREAM {_error(code)}"
        case ConnectionTerminated(error_code=code, additional_data=data):
            reply.broken, reply.last_words = f"GOAWAY {_error(code)}", quoted(data or b"")


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "backslashreplace")


def _error(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else str(code)


def judge(reply: Reply | Answer, signal: str) -> Answer:
    """What a finished stream says (gRPC over HTTP/2, Responses); an answer that stands already is handed on."""
    if isinstance(reply, Answer):
        return reply
    code = reply.headers.get("grpc-status", "")
    server = printable(reply.headers.get("server", ""))
    if re.fullmatch("[0-9]{1,9}", code, re.ASCII):
        return _judge_status(int(code), reply, signal)._replace(server=server)
    if reply.broken and not reply.ended:
        return Answer(Outcome.CLOSED, status=reply.broken, detail=reply.last_words, server=server)
    page = _judge_page(reply, signal)
    outcome = Outcome.REJECTED if page.outcome is Outcome.REJECTED else Outcome.NOT_OTLP
    return page._replace(outcome=outcome, signals=(), unserved=False)


def _judge_page(reply: Reply, signal: str) -> Answer:
    """An answer without grpc-status, judged as OTLP/HTTP would be."""
    status = reply.headers.get(":status", "")
    code = int(status) if re.fullmatch("[1-5][0-9][0-9]", status, re.ASCII) else 0
    return otlp_http.judge(otlp_http.Response(code, reply.headers, bytes(reply.body)), signal)


def _judge_status(code: int, reply: Reply, signal: str) -> Answer:
    name = _CODES[code] if code < len(_CODES) else "no code of gRPC"
    status = f"grpc-status {code} {name}"
    if code:
        is_unserved = name == "UNIMPLEMENTED"
        outcome = Outcome.NOT_OTLP if is_unserved else Outcome.REJECTED
        return Answer(outcome, status, _message(reply.headers.get("grpc-message", "")), unserved=is_unserved)
    try:
        refused = otlp.refusal(bytes(reply.body[_PREFIX:]))
    except ValueError:
        return Answer(Outcome.NOT_OTLP, status, "the message is no ExportTraceServiceResponse")
    outcome = Outcome.REJECTED if refused else Outcome.ACCEPTED
    return Answer(outcome, status, printable(refused), signals=() if refused else (signal,))


def _message(encoded: str) -> str:
    """`grpc-message` is percent-encoded UTF-8 (gRPC over HTTP/2, Status-Message)."""
    raw = re.sub(rb"%([0-9a-fA-F]{2})", lambda x: bytes((int(x[1], 16),)), encoded.encode(errors="surrogateescape"))
    return printable(raw.decode(errors="backslashreplace"))
