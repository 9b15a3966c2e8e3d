"""Exports into a pod from outside of its cluster, by the two ways that an API server has.

Its proxy speaks HTTP/1 to the first address of the pod: an export to an HTTP receiver, and for one of gRPC the sight of
its first frame. A forwarded port ends at `localhost` in the pod, for either protocol: success there and a refusal at
the address is a loopback listener, and a refusal there with a listener at the address is no fault.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple
from typing import Protocol as Shape

from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.address import Protocol
from dualstack.model.glimpse import Glimpse, Way, glimpsed
from dualstack.model.probe import Options, Outcome, ProbeTask
from dualstack.probe import otlp
from dualstack.probe.otlp_http import Response, judge
from dualstack.probe.run import run
from dualstack.probe.talk import Answer, quoted
from dualstack.reach.rights import refused, rights, said_of

_UNREACHED = "error trying to reach service: "
_UNSEEN = "unseen"
_FORBIDDEN = 403
_NO_GRPC = 415
"""What gRPC says to another content type (grpc-go internal/transport; kube-apiserver 1.34.4, measured)."""


class Local(Shape):
    """A port of a pod on this host, what was said of connections that failed beyond it, and whether none is allowed."""

    port: int
    said: list[str]
    denied: bool


Forward = Callable[[str, str, int], AbstractContextManager[Local]]
Through = Callable[[str, bytes, Mapping[str, str], float], tuple[int, bytes] | None]


class Window(NamedTuple):
    """A port of a pod to look at; `path` is what stands before `/v1/traces` there."""

    namespace: str
    pod: str
    place: str
    port: int
    protocol: Protocol
    path: str = ""


class NotAllowed(Exception):
    """The API server may not be used in this way, or cannot; the text says why."""


_NOBODY = re.compile(
    r"127\.0\.0\.1\S* connect: connection refused.*\[::1\]\S* connect: (?:connection refused|cannot assign requested)"
)
"""What a runtime says that dialled both loopback addresses: of one alone nobody knows the other, and a node without
`::1 localhost` in its hosts file never dials that (containerd 1.6.20, measured).
"""
_FEATURES = {Way.ADDRESS: "proxy", Way.LOOPBACK: "forward"}
"""What the rights of each way are for (knowledge/rights.table)."""


def at_address(window: Window, through: Through, options: Options) -> Glimpse | None:
    """What answers at the first address of a pod; None where the API server has no way there, or nothing answers.

    Raises NotAllowed, also for headers that an API server takes as its own.
    """
    own = next((x for x, _ in options.headers if _TAKEN.fullmatch(x)), "")
    if own:
        raise NotAllowed(f"an API server takes the header `{own}` as its own, and does not pass it on")
    plain = _proxied(window, through, options, tls=False)
    if plain is None or plain.outcome not in _PERHAPS_TLS:
        return plain
    if options.cert:  # a server that wants it ends what an API server begins, and not always with an alert
        return _glimpse(window, Way.ADDRESS, Outcome.CONNECTED, "an API server has no certificate to show", tls=True)
    # The proxy of an API server verifies no certificate of a pod (kubernetes pkg/registry/core/pod, ResourceLocation).
    secure = _proxied(window, through, options, tls=True)
    return plain if secure is None or secure.outcome in _NO_TLS else secure


_TAKEN = re.compile("authorization|impersonate-.*", re.IGNORECASE)
"""Headers that say who asks an API server (Kubernetes documentation, Authenticating, User impersonation)."""
_PROTOBUF = "application/x-protobuf"
_PERHAPS_TLS = (Outcome.TLS_EXPECTED, Outcome.CLOSED, Outcome.GARBAGE)
_NO_TLS = (Outcome.TLS_NOT_SPOKEN, Outcome.CLOSED, Outcome.GARBAGE, Outcome.REFUSED)


def _proxied(window: Window, through: Through, options: Options, *, tls: bool) -> Glimpse | None:
    answers: list[Answer] = []
    pod = f"https:{window.pod}" if tls else window.pod

    def posted(path: str) -> tuple[int, bytes] | None:
        where = f"/api/v1/namespaces/{window.namespace}/pods/{pod}:{window.port}/proxy{path}"
        return through(where, b"", {"Content-Type": _PROTOBUF, **dict(options.headers)}, options.seconds)

    for signal, path in otlp.paths(window.path).items():
        answer = posted(path)
        if answer is None:
            return _combined(window, answers, tls=tls) if answers else None
        status, body = answer
        own = _own(status, body)
        if own is not None:
            return _combined(window, answers, tls=tls) if answers else _of_the_server(window, status, own, tls=tls)
        if tls and window.protocol is Protocol.GRPC and status == _NO_GRPC:
            return _glimpse(window, Way.ADDRESS, Outcome.CONNECTED, f"HTTP {status} over TLS", tls=True)
        answers.append(judge(Response(status, {"content-type": _PROTOBUF}, body), signal))
        if not answers[0].unserved:
            break
    elsewhere = posted(otlp.unknown(window.path)) if answers[0].outcome is Outcome.UNPROVED else None
    if elsewhere and f"HTTP {elsewhere[0]}" != answers[0].status:
        answers[0] = answers[0]._replace(outcome=Outcome.ACCEPTED)
    return _combined(window, answers, tls=tls)


def _combined(window: Window, answers: Sequence[Answer], *, tls: bool) -> Glimpse:
    """What came for the first signal, and for others where that one is not served."""
    found = otlp.combined(answers)
    if window.protocol is Protocol.GRPC and found.outcome is not Outcome.TLS_EXPECTED:
        answer = f"an answer over HTTP/1: {found.status or found.detail}"  # what answers so may take gRPC as well
        return _glimpse(window, Way.ADDRESS, Outcome.CONNECTED, answer, tls=tls)
    said = found.outcome, "" if found.status else found.detail, "", found.status, found.signals, tls
    return Glimpse(window.place, window.port, window.protocol, Way.ADDRESS, *said)


def _of_the_server(window: Window, status: int, own: str, *, tls: bool) -> Glimpse | None:
    """What the API server says of a connection to the pod. Raises NotAllowed."""
    if _UNREACHED not in own:
        raise NotAllowed(_denial(Way.ADDRESS, own) if status == _FORBIDDEN else own)
    said = own.partition(_UNREACHED)[2]
    found = next((x["outcome"] for x in table("proxy_answers") if re.search(x["text"], said)), _UNSEEN)
    if found == _UNSEEN:
        return None
    return _glimpse(window, Way.ADDRESS, _as_asked(Outcome(found), window), quoted(said.encode()), tls=tls)


def _own(status: int, body: bytes) -> str | None:
    """The message of the API server itself; None where the pod answered."""
    if status < 400:
        return None
    try:
        said = json.loads(body)
        return str(said["message"]) if said["kind"] == "Status" and said["apiVersion"] == "v1" else None
    except (ValueError, LookupError, TypeError):
        return None


def _as_asked(outcome: Outcome, window: Window) -> Outcome:
    """The first frame of HTTP/2 is what a receiver of gRPC should send; nothing was exported."""
    grpc = window.protocol is Protocol.GRPC and outcome is Outcome.HTTP2_SPOKEN
    return Outcome.CONNECTED if grpc else outcome


def at_loopback(window: Window, forward: Forward, options: Options) -> Glimpse | None:
    """What answers at `localhost` in a pod; None where no connection came about. Raises NotAllowed and OSError."""
    with forward(window.namespace, window.pod, window.port) as local:
        task = ProbeTask("127.0.0.1", local.port, window.protocol, "localhost", path=window.path)
        result = run([task], options, lambda _: None).items[0]
        if result.outcome is Outcome.TLS_EXPECTED:  # which certificates clients trust, nobody knows here
            secure, lenient = replace(task, tls=True), replace(options, insecure=True)
            result = run([secure], lenient, lambda _: None).items[0]
        said, denied = " ".join(dict.fromkeys(local.said)), local.denied
    if _NOBODY.search(said):
        return _glimpse(window, Way.LOOPBACK, Outcome.REFUSED, quoted(said.encode()))
    if "refused" in said:
        return None
    if said:
        raise NotAllowed(_denial(Way.LOOPBACK, said) if denied else said)
    return glimpsed(window.place, window.port, Way.LOOPBACK, result)


def _denial(way: Way, message: str) -> str:
    feature = _FEATURES[way]
    return refused(said_of(message, rights([feature])[0]), feature)


def _glimpse(window: Window, way: Way, outcome: Outcome, detail: str, *, tls: bool = False) -> Glimpse:
    return Glimpse(window.place, window.port, window.protocol, way, outcome, detail, tls=tls)


def looks(windows: Sequence[Window]) -> Iterator[tuple[Way, Window]]:
    """Which looks to take, each once."""
    for window in dict.fromkeys(windows):
        yield Way.ADDRESS, window
        yield Way.LOOPBACK, window
