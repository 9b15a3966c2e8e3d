"""One OTLP/HTTP export over HTTP/1.1, and what the answer says."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from dualstack import __version__
from dualstack.knowledge import table
from dualstack.model.address import join, without_zone
from dualstack.model.probe import Outcome
from dualstack.model.text import printable
from dualstack.probe import otlp
from dualstack.probe.talk import BODY_LIMIT, HEAD_LIMIT, Answer, Closed, Inbox, Overlong, Talk, opened, quoted

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: .*)?")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?")


class Response(NamedTuple):
    """An HTTP/1 answer: status, header fields with lower-case names, body without its framing."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type without parameters, `-` where there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() or "-"


class _BadResponse(Exception):
    """Bytes that begin like HTTP/1 and are none."""


def export(
    host: str, port: int, path: str, signal: str, headers: Mapping[str, str], message: bytes = b""
) -> Talk[Answer]:
    """Sends a request, empty by default, to `path` and judges the answer (OTLP specification, OTLP/HTTP)."""
    request = _request(join(without_zone(host), port), path, headers, message)
    head, stranger = yield from opened(request, Outcome.HTTP1_SPOKEN)
    if stranger:
        return stranger
    if not head.startswith(b"HTTP/"):
        return Answer(Outcome.GARBAGE, detail=quoted(head))
    try:
        return judge((yield from _response(Inbox(head))), signal)
    except _BadResponse:
        outcome = Outcome.GARBAGE
    except Overlong:
        outcome = Outcome.ENDLESS
    except Closed:
        outcome = Outcome.CLOSED
    return Answer(outcome, detail=quoted(head))


def _request(authority: str, path: str, headers: Mapping[str, str], message: bytes) -> bytes:
    fields = {
        "host": authority,
        "user-agent": f"dualstack/{__version__}",
        "content-type": "application/x-protobuf",
        "content-length": str(len(message)),
        "connection": "close",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + message


def _response(inbox: Inbox) -> Talk[Response]:
    room = HEAD_LIMIT
    while room > 0:
        head = yield from inbox.until(b"\r\n\r\n", room)
        room -= len(head)
        first, *lines = head.split(b"\r\n")
        found = _STATUS_LINE.fullmatch(first)
        if not found:
            raise _BadResponse
        status = int(found[1])
        # Any number of interim answers may come first (RFC 9110 section 15.2); none of them has a body.
        if status >= 200:
            headers = _headers(lines)
            return Response(status, headers, (yield from _body(inbox, status, headers)))
    raise Overlong


def _headers(lines: list[bytes]) -> dict[str, str]:
    found = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise _BadResponse
        found[name.strip().lower()] = value.strip()
    return found


def _body(inbox: Inbox, status: int, headers: Mapping[str, str]) -> Talk[bytes]:
    """The body by the rules of RFC 9112 section 6.3."""
    if status in (204, 304):
        return b""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return (yield from _chunks(inbox))
    length = headers.get("content-length")
    if length is None:
        return (yield from inbox.rest())
    if not re.fullmatch(r"[0-9]{1,15}", length, re.ASCII):
        raise _BadResponse
    return (yield from inbox.exactly(int(length)))


def _chunks(inbox: Inbox) -> Talk[bytes]:
    """A chunked body (RFC 9112 section 7.1); the connection is closed afterwards, so trailers are not waited for."""
    body = bytearray()
    while True:
        found = _CHUNK_SIZE.fullmatch((yield from inbox.until(b"\r\n", HEAD_LIMIT)))
        if not found:
            raise _BadResponse
        size = int(found[1], 16)
        if size == 0:
            return bytes(body)
        body += yield from inbox.exactly(size, BODY_LIMIT - len(body))
        yield from inbox.until(b"\r\n", 2)


def judge(response: Response, signal: str) -> Answer:
    """The answer that the first matching row of the table of HTTP answers gives."""
    said = _said(response)
    row = next(x for x in table("http_answers") if _matches(x, response, is_otlp=said is not None))
    unserved = row["outcome"] == "unserved"
    outcome = Outcome.NOT_OTLP if unserved else Outcome(row["outcome"])
    if outcome is Outcome.ACCEPTED and said:
        outcome = Outcome.REJECTED
    page = response.headers.get("location") or response.body[:400].decode(errors="backslashreplace").strip()
    return Answer(
        outcome,
        status=f"HTTP {response.status}",
        detail=printable(page if said is None or 300 <= response.status < 400 else said),
        server=printable(response.headers.get("server", "")),
        signals=(signal,) if outcome in (Outcome.ACCEPTED, Outcome.UNPROVED) else (),
        unserved=unserved,
    )


def _said(response: Response) -> str | None:
    """What an OTLP body says: the refusal in it, an empty text for a plain yes; None where the body is not OTLP."""
    success = response.status < 300
    readers = {
        ("application/x-protobuf", True): otlp.refusal,
        ("application/x-protobuf", False): otlp.status_message,
        ("application/json", True): otlp.json_refusal,
        ("application/json", False): otlp.json_status_message,
    }
    reader = readers.get((response.media_type, success))
    try:
        return reader(response.body) if reader else None
    except (ValueError, RecursionError):
        return None


def _matches(row: Mapping[str, str], response: Response, *, is_otlp: bool) -> bool:
    if not fnmatchcase(str(response.status), row["status"]) or row["type"] not in ("*", response.media_type):
        return False
    match row["body"]:
        case "*":
            return True
        case "otlp":
            return is_otlp
        case "empty":
            return not response.body
        case text:
            return text.encode() in response.body
