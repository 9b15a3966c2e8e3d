"""One probe from its first connection to its result, as a talk."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dualstack.model.address import Protocol, Scope, scope, unmapped, without_zone
from dualstack.model.probe import Certificate, Outcome, ProbeResult, ProbeTask, Stage
from dualstack.model.text import printable
from dualstack.probe import otlp, otlp_http
from dualstack.probe.talk import Answer, Dial, Failed, Reset, T, Talk, Unacknowledged, quoted

if TYPE_CHECKING:
    import ssl

    from dualstack.probe import tls

_TLS_ALONE = "closed on a plaintext request, and shakes hands in TLS"
_PLAIN_ALONE = "closed on a ClientHello, and answers without TLS"
_HTTP2_ALONE = "closed on an HTTP/1.1 request, and chooses h2 where it is offered"
_PLAIN = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.NOT_OTLP, Outcome.HTTP1_SPOKEN, Outcome.HTTP2_SPOKEN)
"""What a request without TLS meets where none is spoken."""
_SMALL_SEGMENT = 500
"""Bytes: with headers less than 576, which every IPv4 host takes (RFC 1122 section 3.3.2); IPv6 has 1280 (RFC 8200)."""


class _Request(NamedTuple):
    """An export to make: signal and path of OTLP/HTTP, the message, and the most bytes of a segment, 0 for any."""

    signal: str = ""
    path: str = ""
    message: bytes = b""
    segment: int = 0


class Settings(msgspec.Struct, frozen=True):
    """What all probes of a run share; `asked` and `lenient` give a protocol's TLS settings, the latter unverified."""

    seconds: float
    headers: Mapping[str, str]
    asked: "Callable[[Protocol], ssl.SSLContext]"
    lenient: "Callable[[Protocol], ssl.SSLContext]"


class Record(msgspec.Struct):
    """What is known of a probe so far; it outlives a probe whose time is up."""

    stages: list[Stage] = []
    alpn: str = ""
    certificate: bytes = b""
    heard: int = 0
    head: bytes = b""
    heard_at: float = 0.0
    is_reset: bool = False

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Notes how long a step took, and why it failed where it raised."""
        start, reason = time.monotonic(), ""
        try:
            yield
        except Failed as error:
            reason = error.reason
            raise
        except TimeoutError:
            reason = "ETIMEDOUT"
            raise
        finally:
            spent = round((time.monotonic() - start) * 1000, 3)
            self.stages.append(Stage(name, not reason, spent, reason))

    def hear(self, talk: Talk[T]) -> Talk[T]:
        """Passes a talk on and remembers what the peer sent."""
        out = next(talk)
        while True:
            chunk = yield out
            self.is_reset = isinstance(chunk, Reset)
            if chunk:
                self.heard, self.heard_at = self.heard + len(chunk), time.monotonic()
                self.head = self.head or chunk[:400]
            try:
                out = talk.send(chunk)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]


def probe(task: ProbeTask, settings: Settings) -> Talk[ProbeResult]:
    """Connects, shakes hands, exports; ends where a stage fails. The loop throws TimeoutError when the time is up."""
    record, start = Record(), time.monotonic()
    try:
        answer = yield from _visit(task, settings, record)
    except Failed as error:
        answer = Answer(error.outcome, detail=error.detail)
    except TimeoutError:
        answer = _late(record, start + settings.seconds / 2)
    else:
        answer, record.stages[-1] = _judged(answer, record)
    with suppress(Failed, TimeoutError):  # it only explains what has been proved
        answer = yield from _second_look(task, answer, settings, record)
    if answer.outcome is Outcome.ACCEPTED and _leaves(task):
        answer = yield from _large(task, answer, settings, record)
    return _result(task, answer, record)


def _result(task: ProbeTask, answer: Answer, record: Record) -> ProbeResult:
    certificate: Certificate | None = None
    if record.certificate:
        from dualstack.probe import x509

        certificate = x509.certificate(record.certificate)
    return ProbeResult(
        task,
        answer.outcome,
        stages=tuple(record.stages),
        status=answer.status,
        detail=answer.detail,
        alpn=record.alpn,
        server=answer.server,
        signals=answer.signals,
        certificate=certificate,
    )


def _judged(answer: Answer, record: Record) -> tuple[Answer, Stage]:
    """The answer with a word on how the connection ended, and the last stage as the answer makes it."""
    stage = record.stages[-1]
    if answer.outcome in (Outcome.ACCEPTED, Outcome.CONNECTED):
        return answer, stage
    reason = answer.outcome.value
    if answer.outcome is Outcome.CLOSED:
        reason, how = ("ECONNRESET", "reset by the peer") if record.is_reset else (reason, "closed by the peer")
        answer = answer._replace(detail=answer.detail or how)
    return answer, Stage(stage.name, ok=False, milliseconds=stage.milliseconds, reason=reason)


def _late(record: Record, half: float) -> Answer:
    """The outcome when the time is up: it depends on the stage, and on whether the peer was still sending."""
    if record.stages[-1].name == "connect":
        return Answer(Outcome.TIMED_OUT, detail="nothing answered the SYN")
    if not record.heard:
        what = "the ClientHello" if record.stages[-1].name == "tls" else "the request"
        return Answer(Outcome.SILENT, detail=f"nothing answered {what}")
    detail = printable(f"no whole answer in {record.heard} bytes: {quoted(record.head)}")
    return Answer(Outcome.ENDLESS if record.heard_at > half else Outcome.SILENT, detail=detail)


def _visit(task: ProbeTask, settings: Settings, record: Record) -> Talk[Answer]:
    """The stages in order, and the other signals where an HTTP receiver does not serve the first."""
    first, *others = _requests(task)
    answers = [(yield from _stages(task, settings, record, first))]
    if answers[0].unserved:
        with suppress(Failed, TimeoutError):  # the first answer stands, whatever comes of the others
            for request in others:
                answer = yield from _stages(task, settings, Record(), request)
                answers.append(answer)
    return otlp.combined(answers)


def _requests(task: ProbeTask) -> list[_Request]:
    """One request for each signal; over gRPC all of them go one way."""
    if task.protocol is not Protocol.HTTP:
        return [_Request()]
    return [_Request(*x) for x in otlp.paths(task.path).items()]


def _large(task: ProbeTask, accepted: Answer, settings: Settings, record: Record) -> Talk[Answer]:
    """The answer, as a larger export on a connection of its own leaves it; the smaller one was accepted.

    Whatever is answered, it arrived. The way is too narrow for full segments where the peer's kernel acknowledges none
    of them, and all of it once it is cut into small ones.
    """
    request = _requests(task)[0]._replace(message=otlp.large())
    try:
        with record.stage("large"):
            answer = yield from _stages(task, settings, Record(), request)
    except Unacknowledged as stall:
        return (yield from _smaller(task, settings, request._replace(segment=_SMALL_SEGMENT), stall))
    except TimeoutError:
        return accepted._replace(detail="a larger export arrived and was not answered in time")
    except Failed as error:
        return accepted._replace(detail=f"a larger export on another connection failed: {error.reason}")
    said = answer.status or answer.outcome
    return accepted if answer.outcome is Outcome.ACCEPTED else accepted._replace(detail=f"a larger export: {said}")


def _smaller(task: ProbeTask, settings: Settings, request: _Request, stall: Unacknowledged) -> Talk[Answer]:
    """Whether the same arrives in small segments; if not, it is not the width of the way that is wrong."""
    lost = f"segments of {stall.segment} bytes, sent {stall.times} times, were never acknowledged"
    try:
        yield from _stages(task, settings, Record(), request)
    except (Failed, TimeoutError):
        return Answer(Outcome.LARGE_LOST, detail=f"{lost}, and neither were those of {request.segment} bytes")
    return Answer(Outcome.LARGE_STALLED, detail=f"{lost}; those of {request.segment} bytes arrive")


def _leaves(task: ProbeTask) -> bool:
    """Whether the connection can leave this host; on the loopback device no packet is too large."""
    return scope(without_zone(unmapped(task.address))) is not Scope.LOOPBACK


def _stages(task: ProbeTask, settings: Settings, record: Record, request: _Request) -> Talk[Answer]:
    with record.stage("connect"):
        yield Dial(task.address, task.port, request.segment, renew=bool(request.message))
    if task.protocol is Protocol.TCP and not task.tls:
        return Answer(Outcome.CONNECTED)
    session = None
    if task.tls:
        with record.stage("tls"):
            session = yield from _handshake(task, settings.asked(task.protocol), record)
    if task.protocol is Protocol.TCP:
        return Answer(Outcome.CONNECTED)
    with record.stage("export"):
        talk = record.hear(_export(task, settings, request))
        return (yield from session.inside(talk) if session else talk)


def _handshake(task: ProbeTask, context: "ssl.SSLContext", record: Record) -> "Talk[tls.Session]":
    from dualstack.probe import tls

    session = tls.Session(context, task.host)
    yield from session.handshake()
    record.alpn, record.certificate = session.alpn, session.certificate
    return session


def _export(task: ProbeTask, settings: Settings, request: _Request) -> Talk[Answer]:
    host, port, headers = task.host, task.port, settings.headers
    if task.protocol is Protocol.HTTP:
        return otlp_http.export(host, port, request.path, request.signal, headers, request.message)
    from dualstack.probe import otlp_grpc

    return otlp_grpc.export(host, port, "https" if task.tls else "http", headers, request.message)


def _second_look(task: ProbeTask, answer: Answer, settings: Settings, record: Record) -> Talk[Answer]:
    """One more connection, after the first is closed, that explains what it met.

    A certificate that fails verification is read without it. A peer that closes without a word on a plaintext request
    is asked for TLS (gRPC servers in Go drop such a client silently), one that does so on HTTP/1.1 over TLS for HTTP/2,
    and one that does so on a TLS handshake without TLS; that request has no headers, which may be secrets. One that is
    silent in a handshake is asked to answer in small segments.
    """
    if answer.outcome is Outcome.SILENT and record.stages[-1].name == "tls" and _leaves(task):
        return (yield from _in_small_segments(task, answer, settings))
    wordless = answer.outcome is Outcome.CLOSED and not record.heard
    untrusted = answer.outcome in (Outcome.TLS_UNTRUSTED, Outcome.TLS_NAME_MISMATCH)
    if untrusted or (wordless and not task.tls):
        yield Dial(task.address, task.port)
        yield from _handshake(task, settings.lenient(task.protocol), record)
        return answer if untrusted else answer._replace(outcome=Outcome.TLS_EXPECTED, detail=_TLS_ALONE)
    if wordless and task.protocol is Protocol.HTTP and record.alpn != "http/1.1":
        seen = Record()
        with suppress(Failed):
            yield Dial(task.address, task.port)
            yield from _handshake(task, settings.lenient(Protocol.GRPC), seen)
        if seen.alpn == "h2":
            return answer._replace(outcome=Outcome.HTTP2_SPOKEN, detail=_HTTP2_ALONE)
    if wordless and record.stages[-1].name == "tls":
        plain, bare = msgspec.structs.replace(task, tls=False), msgspec.structs.replace(settings, headers={})
        said = yield from _stages(plain, bare, Record(), _requests(task)[0])
        if said.outcome in _PLAIN:
            return answer._replace(outcome=Outcome.TLS_NOT_SPOKEN, detail=_PLAIN_ALONE)
    return answer


def _in_small_segments(task: ProbeTask, answer: Answer, settings: Settings) -> Talk[Answer]:
    """Whether the way is too narrow for the server's certificate: it arrives in small segments, and never in full ones.

    Full ones are tried again, for a server may have been slow once.
    """
    lenient = settings.lenient(task.protocol)
    yield Dial(task.address, task.port, _SMALL_SEGMENT, renew=True)
    yield from _handshake(task, lenient, Record())
    try:
        yield Dial(task.address, task.port, renew=True)
        yield from _handshake(task, lenient, Record())
    except TimeoutError:
        said = f"nothing answered the ClientHello, twice; in segments of {_SMALL_SEGMENT} bytes the server answers"
        return answer._replace(outcome=Outcome.TLS_STALLED, detail=said)
    return answer
