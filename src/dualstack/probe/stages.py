"""One probe from its first connection to its result, as a talk."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dualstack.model.address import Protocol, Scope, scope, unmapped, without_zone
from dualstack.model.probe import Certificate, Larger, Outcome, ProbeResult, ProbeTask, Stage
from dualstack.model.text import printable
from dualstack.probe import otlp, otlp_http
from dualstack.probe.talk import Answer, Dial, Failed, Reset, T, Talk, Unacknowledged, Wait, quoted

if TYPE_CHECKING:
    import ssl

    from dualstack.probe import tls

_TLS_ALONE = "closed on a plaintext request, and shakes hands in TLS"
_PLAIN_ALONE = "closed on a ClientHello, and answers without TLS"
_HTTP2_ALONE = "closed on an HTTP/1.1 request, and chooses h2 where it is offered"
_PLAIN = (
    *(Outcome.ACCEPTED, Outcome.UNPROVED, Outcome.REJECTED),
    *(Outcome.NOT_OTLP, Outcome.HTTP1_SPOKEN, Outcome.HTTP2_SPOKEN),
)
"""What a request without TLS meets where none is spoken."""
_SMALL_SEGMENT = 500
"""Bytes: with headers less than 576, which every IPv4 host takes (RFC 1122 section 3.3.2); IPv6 has 1280 (RFC 8200)."""


_SLOW = 1000
"""Milliseconds from which an answer is said to be late."""
_EXPORTER = 10.0
"""Seconds that OTLP exporters give an export (OTLP exporter specification, OTEL_EXPORTER_OTLP_TIMEOUT)."""


def longest(seconds: float) -> float:
    """Seconds in which a peer that took a request has to answer it: as long as exporters wait, in proportion.

    A receiver that is slow works for most clients, and one that is silent for none.
    """
    return max(seconds, min(_EXPORTER, 4 * seconds))


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
    record = Record()
    try:
        answer = yield from _visit(task, settings, record)
    except Failed as error:
        answer = Answer(error.outcome, detail=error.detail)
    except TimeoutError:
        answer = _late(record, settings)
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
        larger=answer.larger,
    )


def _judged(answer: Answer, record: Record) -> tuple[Answer, Stage]:
    """The answer with a word on how the connection ended, and the last stage as the answer makes it."""
    stage = record.stages[-1]
    if answer.outcome in (Outcome.ACCEPTED, Outcome.CONNECTED):
        late = f"answered after {stage.milliseconds / 1000:.1f} s" if stage.milliseconds > _SLOW else ""
        return answer._replace(detail=answer.detail or late), stage
    reason = answer.outcome.value
    if answer.outcome is Outcome.CLOSED:
        reason, how = ("ECONNRESET", "reset by the peer") if record.is_reset else (reason, "closed by the peer")
        answer = answer._replace(detail=answer.detail or how)
    return answer, Stage(stage.name, ok=False, milliseconds=stage.milliseconds, reason=reason)


def _late(record: Record, settings: Settings) -> Answer:
    """The outcome when the time is up: it depends on the stage, and on whether the peer was still sending."""
    stage = record.stages[-1].name
    if stage == "connect":
        return Answer(Outcome.TIMED_OUT, detail="nothing answered the SYN")
    if not record.heard:
        what, limit = ("ClientHello", settings.seconds) if stage == "tls" else ("request", longest(settings.seconds))
        return Answer(Outcome.SILENT, detail=f"nothing answered the {what} within {limit:g} s")
    detail = printable(f"no whole answer in {record.heard} bytes: {quoted(record.head)}")
    return Answer(Outcome.ENDLESS if _is_sending(record, settings) else Outcome.SILENT, detail=detail)


def _is_sending(record: Record, settings: Settings) -> bool:
    """Whether the peer, when the time is up, is one that never ends."""
    return record.heard_at > time.monotonic() - settings.seconds / 2


def _visit(task: ProbeTask, settings: Settings, record: Record) -> Talk[Answer]:
    """The stages in order, and the other signals where an HTTP receiver does not serve the first.

    A success that is no answer of OTLP is one where a path that OTLP does not have gets another answer.
    """
    first, *others = _requests(task)
    answers = [(yield from _stages(task, settings, record, first))]
    if answers[0].unserved:
        with suppress(Failed, TimeoutError):  # the first answer stands, whatever comes of the others
            for request in others:
                answer = yield from _stages(task, settings, Record(), request)
                answers.append(answer)
    answer = otlp.combined(answers)
    if answer.outcome is Outcome.UNPROVED:
        with suppress(Failed, TimeoutError):
            beside = yield from _stages(task, settings, Record(), _Request(first.signal, otlp.unknown(task.path)))
            answer = answer if beside.outcome is Outcome.UNPROVED else answer._replace(outcome=Outcome.ACCEPTED)
    return answer


def _requests(task: ProbeTask) -> list[_Request]:
    """One request for each signal; over gRPC all of them go one way."""
    if task.protocol is not Protocol.HTTP:
        return [_Request()]
    return [_Request(*x) for x in otlp.paths(task.path).items()]


def _large(task: ProbeTask, accepted: Answer, settings: Settings, record: Record) -> Talk[Answer]:
    """The answer, as a larger export on a connection of its own leaves it; the smaller one was accepted.

    Only what is acknowledged has arrived. The way is too narrow for full segments where the peer's kernel acknowledges
    none of them, and all of it once it is cut into small ones.
    """
    request, seen = _requests(task)[0]._replace(message=otlp.large()), Record()
    try:
        with record.stage("large"):
            answer = yield from _stages(task, settings, seen, request)
    except Failed as error:
        answer = Answer(error.outcome, detail=error.detail)
    except TimeoutError as late:
        if isinstance(late, Unacknowledged) and seen.stages[-1].name == "export":
            return (yield from _smaller(task, settings, request._replace(segment=_SMALL_SEGMENT), late))
        answer = _late(seen, settings)
    if answer.outcome in (Outcome.ACCEPTED, Outcome.UNPROVED):
        return accepted
    record.is_reset = seen.is_reset
    answer, record.stages[-1] = _judged(answer, record)
    return _differing(accepted, answer)


def _differing(accepted: Answer, answer: Answer) -> Answer:
    """The answer to an empty export, with that to a larger one, which was none or another."""
    said = "; ".join(x for x in (answer.status, answer.detail) if x) or answer.outcome
    larger = Larger(answer.outcome, answer.status, answer.detail)
    return accepted._replace(detail=printable(f"a larger export: {said}"), larger=larger)


def _smaller(task: ProbeTask, settings: Settings, request: _Request, stall: Unacknowledged) -> Talk[Answer]:
    """Whether the same arrives in small segments; if not, it is not the width of the way that is wrong."""
    often = f"{stall.times} times" if stall.times > 1 else "once"
    lost, seen = f"segments of {stall.segment} bytes, sent {often}, were never acknowledged", Record()
    try:
        yield from _stages(task, settings, seen, request)
    except Unacknowledged:
        small = f"neither were those of {request.segment} bytes: it is not the size of packets"
        return Answer(Outcome.LARGE_LOST, detail=f"{lost}, and {small}")
    except (Failed, TimeoutError):
        if seen.stages[-1].name != "export":
            return Answer(Outcome.LARGE_LOST, detail=f"{lost}, and no connection came about for smaller ones")
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
        answer = yield from _patient(session.inside(talk) if session else talk, settings, record)
    wordless = answer.outcome is Outcome.CLOSED and not record.heard
    if wordless and session and session.lacks_certificate:  # some servers send no alert: gRPC's C core
        return Answer(Outcome.TLS_REFUSED, detail="no alert, and a client certificate required")
    return answer


def _patient(talk: Talk[T], settings: Settings, record: Record) -> Talk[T]:
    """Passes a talk on, and waits once more when its time is up, but for lost data and for a peer that never ends."""
    more = longest(settings.seconds) - settings.seconds
    step = next(talk)
    while True:
        try:
            chunk = yield step
        except TimeoutError as late:
            lost = isinstance(late, Unacknowledged) and late.times >= late.LOST
            if lost or not more or _is_sending(record, settings):
                raise
            chunk, more = (yield Wait(more)), 0.0
        try:
            step = talk.send(chunk)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


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
