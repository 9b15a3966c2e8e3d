"""The loop that makes the planned probes: all at once, within bounds."""

import contextlib
import functools
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

import msgspec

from dualstack.model.address import Protocol
from dualstack.model.probe import Options, Outcome, ProbeResult, Probes, ProbeTask
from dualstack.probe import tcp
from dualstack.probe.stages import Settings, probe
from dualstack.probe.talk import Dial, Failed, Reset, Talk, Wait

if TYPE_CHECKING:
    import ssl

AT_ONCE = 64
"""Connections at a time. To one address, port and protocol there is never more than one."""

GRACE = 0.5
"""Seconds more for a connection to come about: that a neighbour does not answer is known after three seconds and a bit
(mcast_solicit and retrans_time_ms in ip-sysctl), and whether that error is heard must not be a matter of chance."""

_CHUNK = 64 * 1024
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # token, RFC 9110 section 5.6.2
_OWN = ("connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade")  # the protocol's

# What can stand in a request line or an SNI as it is; a name in another script has an ASCII form (RFC 5890).
_SENDABLE = re.compile(r"[!-~]*")


class BadProbe(ValueError):
    """What no probe can be made with: a host, a path, a header or a TLS file. The text says which."""


def run(
    tasks: Sequence[ProbeTask],
    options: Options,
    announce: Callable[[ProbeTask], None],
    heard: Callable[[ProbeResult], None] = lambda _: None,
) -> Probes:
    """Makes the probes and gives their results in the order of the tasks.

    `announce` is told of each before it begins, and `heard` of each result as it comes.

    A peer or a network that misbehaves is an outcome, never an exception. On KeyboardInterrupt the probes that did not
    end are `cancelled`. Raises BadProbe for what cannot be used, before any connection is made.
    """
    for task in tasks:
        if not _SENDABLE.fullmatch(task.host + task.path):
            raise BadProbe(
                f"`{task.host}{task.path}` is not a host and path that can be sent. "
                "Write printable ASCII: `xn--…` for a name, `%20` for a space in a path."
            )
    settings = _settings(options, {x.protocol for x in tasks if x.tls})
    if any(x.protocol is Protocol.GRPC for x in tasks):
        import dualstack.probe.otlp_grpc  # noqa: F401 - now, so that no stage's time holds the import
    done: dict[int, ProbeResult] = {}
    with _Loop() as loop:
        try:
            for index, result in loop.run(tasks, settings, announce):
                done[index] = result
                heard(result)
        except KeyboardInterrupt:
            pass
    return Probes(tuple(done.get(i) or ProbeResult(x, Outcome.CANCELLED) for i, x in enumerate(tasks)))


def check(options: Options) -> None:
    """Raises BadProbe for headers that cannot be sent and for TLS files that cannot be used, whatever is probed."""
    _settings(options, (Protocol.HTTP,) if options.ca_file or options.cert else ())


def _settings(options: Options, encrypted: Iterable[Protocol]) -> Settings:
    headers = {name.lower(): value for name, value in options.headers}
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            raise BadProbe(f"`{name}` is no name of a header. Write letters, digits and hyphens.")
        if name in _OWN:
            raise BadProbe(f"The header `{name}` is set by the protocol itself. Leave it out.")
        if not (value.isprintable() and value.isascii()):  # not shown: it may be a credential
            raise BadProbe(f"The value of the header `{name}` is not printable ASCII. Percent-encode what is not.")

    @functools.cache
    def asked(protocol: Protocol) -> "ssl.SSLContext":
        from dualstack.probe import tls

        try:
            return tls.context(protocol, options.ca_file, options.cert, options.key, verify=not options.insecure)
        except tls.BadFile as error:
            raise BadProbe(str(error)) from error

    @functools.cache
    def lenient(protocol: Protocol) -> "ssl.SSLContext":
        from dualstack.probe import tls

        return tls.context(protocol, verify=False)

    settings = Settings(options.seconds, headers, asked, lenient)
    for protocol in encrypted:
        asked(protocol)
    return settings


class _Line(msgspec.Struct):
    """A probe under way: its talk, its socket, whether the peer has reset it, and the bytes that wait to be sent."""

    key: tuple[str, int, Protocol]
    index: int
    talk: Talk[ProbeResult]
    seconds: float
    deadline: float = 0
    sock: socket.socket | None = None
    connecting: bool = False
    cut: bool = False
    out: bytearray = msgspec.field(default_factory=bytearray)


class _Loop:
    """Moves bytes between sockets and talks. It knows no protocol."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lines: list[_Line] = []
        self._done: list[tuple[_Line, ProbeResult]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            self._hang_up(line)
            line.talk.close()
        self._selector.close()

    def run(
        self, tasks: Sequence[ProbeTask], settings: Settings, announce: Callable[[ProbeTask], None]
    ) -> Iterator[tuple[int, ProbeResult]]:
        """Results as they come, with the index of their task."""
        queues: dict[tuple[str, int, Protocol], deque[int]] = {}
        for index, task in enumerate(tasks):
            queues.setdefault((task.address, task.port, task.protocol), deque()).append(index)
        free = deque(queues)
        while free or self._lines:
            while free and len(self._lines) < AT_ONCE:
                key = free.popleft()
                index = queues[key].popleft()
                announce(tasks[index])
                self._start(_Line(key, index, probe(tasks[index], settings), settings.seconds))
            self._turn()
            for line, result in self._done:
                if queues[line.key]:
                    free.append(line.key)
                yield line.index, result
            self._done.clear()

    def _start(self, line: _Line) -> None:
        line.deadline = time.monotonic() + line.seconds
        self._lines.append(line)
        self._advance(line, None)

    def _turn(self) -> None:
        """Waits for the next socket or deadline."""
        if not self._lines:
            return
        nearest = min(x.deadline for x in self._lines)
        for key, events in self._selector.select(max(0.0, nearest - time.monotonic())):
            self._ready(key.data, events)
        now = time.monotonic()
        for line in [x for x in self._lines if x.deadline <= now]:
            self._advance(line, _overdue(line))

    def _ready(self, line: _Line, events: int) -> None:
        if line.sock is None:
            return
        if line.connecting:
            news = _settled(line.sock)
            line.deadline = max(line.deadline - GRACE, time.monotonic() + GRACE)
            self._advance(line, news)
            return
        if events & selectors.EVENT_WRITE:
            self._flush(line)
        if events & selectors.EVENT_READ:
            chunk = _received(line.sock)
            if chunk is not None:
                self._advance(line, chunk or (Reset() if line.cut else chunk))

    def _advance(self, line: _Line, news: bytes | Exception | None) -> None:
        """Tells a talk the news and does what it asks for next."""
        line.connecting = False
        while True:
            try:
                step = line.talk.throw(news) if isinstance(news, Exception) else line.talk.send(news)  # type: ignore[arg-type]
            except StopIteration as end:
                self._hang_up(line)
                self._lines.remove(line)
                self._done.append((line, end.value))
                return
            if isinstance(step, Wait):
                line.deadline = time.monotonic() + step.seconds
                return
            if not isinstance(step, Dial):
                line.out += step
                self._flush(line)
                return
            self._hang_up(line)
            try:
                self._dial(line, step)
            except Failed as error:
                news = error
            else:
                return

    def _dial(self, line: _Line, step: Dial) -> None:
        if step.renew:
            line.deadline = time.monotonic() + line.seconds
        line.deadline += GRACE
        line.cut = False
        line.sock, line.connecting = tcp.dial(step.address, step.port, step.segment), True
        self._selector.register(line.sock, selectors.EVENT_WRITE, line)

    def _hang_up(self, line: _Line) -> None:
        sock, line.sock = line.sock, None
        if sock is not None:
            # An interrupt can fall between the dialling of a socket and its registration.
            with contextlib.suppress(KeyError):
                self._selector.unregister(sock)
            tcp.end(sock)
            line.out.clear()

    def _flush(self, line: _Line) -> None:
        if line.sock is None:
            return
        if line.out:
            try:
                del line.out[: line.sock.send(line.out)]
            except BlockingIOError:
                pass
            except OSError:
                # Only a reset ends the way to the peer. The kernel tells of it once; what came before can be read.
                line.cut = True
                line.out.clear()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.out else 0)
        if self._selector.get_key(line.sock).events != wanted:
            self._selector.modify(line.sock, wanted, line)


def _overdue(line: _Line) -> Exception:
    """Why a line has no answer when its time is up: an ICMP error that TCP kept to itself, where there was one.

    TCP takes the first such error for passing and tries again after a second (sk_err_soft in tcp_v6_err()).
    """
    if line.sock is None:
        return TimeoutError()
    if not line.connecting:
        return tcp.late(line.sock)
    news = _settled(line.sock)
    return news if isinstance(news, Failed) else TimeoutError()


def _settled(sock: socket.socket) -> bytes | Failed:
    try:
        tcp.settle(sock)
    except Failed as error:
        return error
    return b""


def _received(sock: socket.socket) -> bytes | None:
    """The next bytes, none at the end of the connection, None where there are none yet."""
    try:
        return sock.recv(_CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return Reset()
