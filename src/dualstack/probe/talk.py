"""Conversations with a peer as generators, without a socket in sight.

A `Talk` yields what is to be done next and is sent the result: `Dial` opens a connection (and closes the one before),
`Wait` gives the peer more time, bytes are sent; bytes are answered by the next ones from the peer, none once it has
closed. So every protocol is a pure function of the bytes that it is fed, and one small loop does all the input and
output.
"""

from collections.abc import Generator
from typing import NamedTuple, TypeVar

from dualstack.model.probe import Larger, Outcome
from dualstack.model.text import printable

T = TypeVar("T")

_BINARY = {Outcome.HTTP2_SPOKEN: "an HTTP/2 frame", Outcome.TLS_EXPECTED: "a TLS alert"}
HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 1024 * 1024


class Dial(NamedTuple):
    """A connection to open, to a literal address (with its zone, where it has one).

    `segment` is the most bytes that one TCP segment may carry, 0 for what the kernel finds. `renew` gives the probe all
    of its time again.
    """

    address: str
    port: int
    segment: int = 0
    renew: bool = False


class Wait(NamedTuple):
    """Seconds that the peer has from now on to send the next bytes."""

    seconds: float


class Reset(bytes):
    """No bytes, because the peer ended the connection with RST."""


Talk = Generator[Dial | Wait | bytes, bytes, T]


class Answer(NamedTuple):
    """What a peer said to an export. `unserved` marks a peer that does not know this signal and may know another."""

    outcome: Outcome
    status: str = ""
    detail: str = ""
    server: str = ""
    signals: tuple[str, ...] = ()
    unserved: bool = False
    larger: Larger | None = None


class Failed(Exception):
    """A stage that failed: its outcome, a reason in a word (an errno's name, where it has one), and what was said."""

    def __init__(self, outcome: Outcome, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.outcome, self.reason, self.detail = outcome, reason, detail


class Unacknowledged(TimeoutError):
    """The time is up, and the peer's kernel has not even acknowledged what was sent `times` times over.

    `segment` is the most bytes that one TCP segment carried.
    """

    LOST = 3
    """How often data was sent without an acknowledgement when it counts as lost on its way, and not just late."""

    def __init__(self, segment: int, times: int) -> None:
        super().__init__(segment, times)
        self.segment, self.times = segment, times


class Closed(Exception):
    """The peer closed the connection before its answer was whole."""


class Overlong(Exception):
    """The peer sent more than any answer needs."""


class Inbox:
    """The bytes that came and were not yet read, with a limit on how many may wait."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)

    def more(self) -> Talk[bool]:
        """Waits for bytes; False once the peer has closed."""
        chunk = yield b""
        self._data += chunk
        return bool(chunk)

    def until(self, mark: bytes, limit: int) -> Talk[bytes]:
        """Everything before `mark`, which is dropped. Raises Closed or Overlong where it does not come."""
        seen = 0
        while (at := self._data.find(mark, seen, limit + len(mark))) < 0:
            if len(self._data) > limit:
                raise Overlong
            seen = max(0, len(self._data) - len(mark))
            if not (yield from self.more()):
                raise Closed
        return self._take(at, len(mark))

    def exactly(self, count: int, limit: int = BODY_LIMIT) -> Talk[bytes]:
        """The next `count` bytes. Raises Closed or Overlong."""
        if count > limit:
            raise Overlong
        while len(self._data) < count:
            if not (yield from self.more()):
                raise Closed
        return self._take(count)

    def rest(self, limit: int = BODY_LIMIT) -> Talk[bytes]:
        """Everything up to the end of the connection. Raises Overlong."""
        while (yield from self.more()):
            if len(self._data) > limit:
                raise Overlong
        return self._take(len(self._data))

    def _take(self, count: int, drop: int = 0) -> bytes:
        taken = bytes(self._data[:count])
        del self._data[: count + drop]
        return taken


def spoken(head: bytes) -> Outcome | None:
    """What the first bytes of a peer are, as the outcome for a client of another protocol; None while too few.

    An alert is the one record that a TLS server sends to bytes that are no ClientHello (RFC 8446 section 6). An HTTP/2
    server opens with a SETTINGS frame on stream 0 (RFC 9113 section 3.4) or ends with GOAWAY (section 6.8).
    """
    if head[:14].upper() == b"<!DOCTYPE HTML":  # a page as HTTP/0.9, from a server that could not read the request line
        return Outcome.HTTP1_SPOKEN
    if b"HTTP/1.".startswith(head[:7]):
        return Outcome.HTTP1_SPOKEN if len(head) >= 7 else None
    if head[:2] == b"\x15\x03":
        return Outcome.TLS_EXPECTED
    if b"\x15\x03".startswith(head[:2]) or (len(head) < 9 and b"\0".startswith(head[:1])):
        return None
    is_frame = len(head) >= 9 and head[0] == 0 and head[5:9] == bytes(4)
    opens = is_frame and ((head[3] == 4 and head[4] & 1 == 0) or head[3] == 7)
    return Outcome.HTTP2_SPOKEN if opens else Outcome.GARBAGE


def opened(request: bytes, expected: Outcome) -> Talk[tuple[bytes, Answer | None]]:
    """Sends a request; gives the first bytes of the peer, and an answer where they are not the expected protocol."""
    head = chunk = yield request
    while chunk and spoken(head) is None:
        chunk = yield b""
        head += chunk
    found = spoken(head) or Outcome.CLOSED
    if found is expected:
        return head, None
    first = head.partition(b"\r\n")[0] if found is Outcome.HTTP1_SPOKEN else head
    return head, Answer(found, detail=_BINARY.get(found) or quoted(first))


def quoted(data: bytes) -> str:
    """Bytes of a peer for a reader."""
    return printable(data[:400].decode(errors="backslashreplace"))
