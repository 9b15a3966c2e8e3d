"""What each end of a probe says about the hops of its flow."""

import msgspec

from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop, Status


class Meaning(msgspec.Struct, frozen=True):
    """The hop at which such a probe failed, the disposition of the flow, and a sentence part for a reader."""

    hop: Hop | None
    disposition: Disposition
    why: str

    @property
    def status(self) -> Status:
        """What is known of that hop."""
        return Status.UNKNOWN if self.disposition is Disposition.INSUFFICIENT_INFO else Status.FAIL


_D, _H = Disposition, Hop

# Each row: what connect(2), the TLS library or the peer said, and what that means for the flow. The errno behind each
# outcome stands beside its name in model/probe.py; connect(2) gives the errors, RFC 9293 section 3.10.7.1 the reset.
MEANINGS: dict[Outcome, Meaning] = {
    Outcome.REFUSED: Meaning(_H.LISTEN, _D.REFUSED, "a reset answered: connection refused"),
    Outcome.TIMED_OUT: Meaning(_H.POLICY, _D.TIMED_OUT, "nothing answered the connection attempt"),
    Outcome.NO_ROUTE: Meaning(_H.ROUTE, _D.NO_ROUTE, "no route to this address"),
    Outcome.UNREACHABLE: Meaning(_H.ROUTE, _D.NO_ROUTE, "the way reported: host unreachable"),
    Outcome.DENIED: Meaning(_H.POLICY, _D.DENIED, "a packet filter answered"),
    Outcome.NO_SOURCE: Meaning(_H.ROUTE, _D.NO_ROUTE, "no local address or port to send from"),
    Outcome.FAMILY_ABSENT: Meaning(_H.ROUTE, _D.NO_ROUTE, "the kernel has no such address family"),
    Outcome.BAD_ADDRESS: Meaning(_H.ROUTE, _D.NO_ROUTE, "the address needs a zone"),
    Outcome.TLS_NOT_SPOKEN: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the server does not speak TLS here"),
    Outcome.TLS_REFUSED: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the server ended the TLS handshake"),
    Outcome.TLS_UNTRUSTED: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the certificate is not trusted"),
    Outcome.TLS_NAME_MISMATCH: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the certificate is for other names"),
    Outcome.TLS_STALLED: Meaning(_H.HANDSHAKE, _D.TIMED_OUT, "the server's part of the TLS handshake is lost"),
    Outcome.TLS_EXPECTED: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the server expects TLS"),
    Outcome.SILENT: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the server accepts and stays silent"),
    Outcome.CLOSED: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the server closes without an answer"),
    Outcome.GARBAGE: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the answer is neither HTTP/1 nor HTTP/2"),
    Outcome.ENDLESS: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the answer never ends"),
    Outcome.HTTP1_SPOKEN: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the server speaks HTTP/1, not gRPC"),
    Outcome.HTTP2_SPOKEN: Meaning(_H.HANDSHAKE, _D.HANDSHAKE_FAILED, "the server speaks HTTP/2 (gRPC), not HTTP/1"),
    Outcome.NOT_OTLP: Meaning(_H.EXPORT, _D.REJECTED, "the server is no OTLP receiver"),
    Outcome.UNPROVED: Meaning(
        _H.EXPORT, _D.INSUFFICIENT_INFO, "every path is answered with a success, and none as OTLP is"
    ),
    Outcome.REJECTED: Meaning(_H.EXPORT, _D.REJECTED, "the receiver said no"),
    Outcome.LARGE_LOST: Meaning(_H.EXPORT, _D.TIMED_OUT, "a small export passes and a larger one is lost"),
    Outcome.LARGE_STALLED: Meaning(_H.EXPORT, _D.TIMED_OUT, "a small export passes and full segments are lost"),
    Outcome.ACCEPTED: Meaning(None, _D.ACCEPTED, "the export was accepted"),
    Outcome.CONNECTED: Meaning(None, _D.ACCEPTED, "the connection was accepted"),
    Outcome.CANCELLED: Meaning(None, _D.INSUFFICIENT_INFO, "interrupted"),
}


_CREDENTIALS = ("HTTP 401", "HTTP 403", "grpc-status 16", "grpc-status 7 ")
"""How statuses begin that ask who is there (RFC 9110 section 15.5; grpc/doc/statuscodes.md)."""


_NO_CERTIFICATE = ("certificate required", "bad certificate")
"""Alerts to a client that has none, in TLS 1.3 and in 1.2 (RFC 8446 section 6.2; Go crypto/tls handshake_server.go)."""


def lacking(outcome: Outcome, status: str, detail: str) -> str:
    """What an export lacked to tell how clients fare, as a sentence part; empty where it told, or ended otherwise."""
    if outcome is Outcome.TLS_REFUSED and any(x in detail for x in _NO_CERTIFICATE):
        return "it wants a certificate of the client"
    if outcome is Outcome.UNPROVED:
        return f"every path is answered with `{status}`, and none as OTLP is"
    asked = outcome is Outcome.REJECTED and status.startswith(_CREDENTIALS)
    return f"it wants credentials: {status}" if asked else ""


def reached(outcome: Outcome) -> bool:
    """Whether a listener took the connection of a probe, whatever it answered."""
    return MEANINGS[outcome].hop in (None, Hop.HANDSHAKE, Hop.EXPORT) and outcome is not Outcome.CANCELLED
