"""OTLP itself: signals, requests, and the answers inside protobuf or JSON, without a transport.

The request is empty (zero bytes are a valid Export…ServiceRequest), so that nothing is stored in anybody's backend. A
larger one holds a single field that OTLP does not have, which receivers skip.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from dualstack.model.probe import Outcome
from dualstack.probe.talk import Answer

SIGNALS = ("traces", "metrics", "logs")
SERVICES = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
"""gRPC methods by signal (opentelemetry-proto, collector/*/v1/*_service.proto)."""

_PATH = re.compile(r"(.*)/v1/(traces|metrics|logs)/?")
_WIDTHS = {1: 8, 5: 4}

_LARGE = 12 * 1024
"""Bytes: more than one segment of any Ethernet, jumbo frames (9000) too, and within one HTTP/2 frame (16384, RFC 9113
section 4.2) and the first ten segments of 1280 that TCP sends unanswered (RFC 6928)."""
_UNKNOWN_FIELD = 1000  # Export…ServiceRequest has field 1 alone; parsers skip what they do not know (protobuf encoding)


def paths(path: str) -> dict[str, str]:
    """Request paths by signal, that of the given path first (OTLP specification, OTLP/HTTP request: `/v1/traces` …)."""
    found = _PATH.fullmatch(path)
    base, first = (found[1], found[2]) if found else (path.rstrip("/"), SIGNALS[0])
    order = (first, *(x for x in SIGNALS if x != first))
    return {signal: f"{base}/v1/{signal}" for signal in order}


def unknown(path: str) -> str:
    """A path beside those of the signals that OTLP does not have: what answers it as theirs looks at nothing."""
    return f"{next(iter(paths(path).values())).rpartition('/')[0]}/none"


def large() -> bytes:
    """A request of 12 KiB without any telemetry. A tunnel that compresses cannot make it small."""
    import hashlib

    return _as_varint(_UNKNOWN_FIELD << 3 | 2) + _as_varint(_LARGE) + hashlib.shake_128(b"").digest(_LARGE)


def _as_varint(value: int) -> bytes:
    return bytes((value & 127 | 128,)) + _as_varint(value >> 7) if value > 127 else bytes((value,))


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protobuf message; raises ValueError where `data` is none.

    Source: protobuf encoding specification. Groups (wire types 3 and 4) are no part of OTLP and count as an error.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0 or wire not in (0, 1, 2, 5):
            raise ValueError(data[at : at + 8])
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        size, at = _varint(data, at) if wire == 2 else (_WIDTHS[wire], at)
        if at + size > len(data):
            raise ValueError(size)
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise ValueError(at)


def refusal(body: bytes) -> str:
    """Why an Export…ServiceResponse says no although it is a success: its partial_success, else an empty text.

    Field 1 is partial_success; there 1 counts the rejected items, 2 is error_message. Raises ValueError for other
    bytes.
    """
    for number, value in fields(body):
        if number != 1 or not isinstance(value, bytes):
            raise ValueError(number)
        inner = dict(fields(value))
        rejected, message = inner.get(1, 0), inner.get(2, b"")
        text = message.decode(errors="backslashreplace") if isinstance(message, bytes) else ""
        if rejected or text:
            return f"partial success, {rejected!r} rejected: {text}"
    return ""


def json_refusal(body: bytes) -> str:
    """The same for the JSON form. Raises ValueError for JSON that is no Export…ServiceResponse."""
    found = _json(body)
    if not isinstance(found, dict) or not found.keys() <= {"partialSuccess", "partial_success"}:
        raise ValueError(body[:40])
    for value in found.values():
        if isinstance(value, dict) and any(value.values()):
            return f"partial success: {msgspec.json.encode(value).decode()}"
    return ""


def status_message(body: bytes) -> str:
    """The message of a google.rpc.Status, as OTLP/HTTP errors carry it. Raises ValueError for other bytes.

    Its fields are code (1), message (2) and details (3); each may be left out.
    """
    found = dict(fields(body))
    message = found.get(2, b"")
    if not found.keys() <= {1, 2, 3} or not isinstance(message, bytes):
        raise ValueError(body[:40])
    return message.decode()


def json_status_message(body: bytes) -> str:
    """The same for the JSON form, where an error always has its code: it is not 0."""
    match _json(body):
        case {"code": int(), **rest}:
            return str(rest.get("message", ""))
    raise ValueError(body[:40])


def _json(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(body[:40]) from error


def combined(answers: Sequence[Answer]) -> Answer:
    """One answer from those for several signals, asked for in turn because the first was not served.

    A peer that takes another signal, or refuses it in OTLP's words, is a receiver without a pipeline for the first.
    One that tells their paths apart does not answer a success to any.
    """
    first, *others = answers
    taken = tuple(signal for x in others if x.outcome in (Outcome.ACCEPTED, Outcome.UNPROVED) for signal in x.signals)
    if taken:
        return first._replace(outcome=Outcome.REJECTED, signals=taken)
    return next((x for x in others if x.outcome is Outcome.REJECTED), first)
