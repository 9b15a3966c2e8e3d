"""TLS as a talk inside a talk: bytes of records outside, bytes of the protocol inside."""

import ssl

from dualstack.model.address import Protocol, without_zone
from dualstack.model.probe import Outcome
from dualstack.model.text import printable
from dualstack.probe.talk import Failed, Reset, T, Talk, quoted

ALPN = {Protocol.GRPC: ["h2"], Protocol.HTTP: ["http/1.1"]}
"""What real clients offer (RFC 7301): gRPC HTTP/2 alone, OTLP/HTTP exporters HTTP/1.1 as their first choice."""


class BadFile(ValueError):
    """A TLS file that cannot be used; the text names it and says why."""


def context(
    protocol: Protocol, ca_file: str = "", cert: str = "", key: str = "", *, verify: bool = True
) -> ssl.SSLContext:
    """Client settings for one protocol; an empty `key` means that `cert` holds it too. Raises BadFile.

    The common name of a certificate counts for nothing, as in Go (crypto/x509, VerifyHostname; RFC 9525 section 2).
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.hostname_checks_common_name = False
    if ca_file:
        _trust(made, ca_file)
    elif verify:
        made.load_default_certs()
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if cert:
        _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), cert)  # only this call tells a file without a certificate
        _present(made, cert, key)
    made.sslobject_class = _Side
    made._msg_callback = _noted  # type: ignore[attr-defined]  # noqa: SLF001 -- nothing else shows handshake messages
    if protocol in ALPN:
        made.set_alpn_protocols(ALPN[protocol])
    return made


class _Side(ssl.SSLObject):
    """This end of a connection; `lacks_certificate` once it was asked for one and had none."""

    lacks_certificate = False


_HANDSHAKE, _CERTIFICATE = 22, 11
_EMPTY = 8
"""Bytes of the certificate message of a client that has none, at most; only who is asked sends one (RFC 8446 4.4.2)."""


def _noted(side: _Side, direction: str, _version: object, content: int, kind: int, data: bytes) -> None:
    if (direction, content, kind) == ("write", _HANDSHAKE, _CERTIFICATE):
        side.lacks_certificate = len(data) <= _EMPTY


def _trust(settings: ssl.SSLContext, file: str) -> None:
    try:
        settings.load_verify_locations(file)
    except ssl.SSLError as error:
        raise BadFile(f"`{file}` holds no certificate in PEM.") from error
    except OSError as error:
        raise BadFile(f"`{file}` cannot be read: {error.strerror}.") from error


def _present(settings: ssl.SSLContext, cert: str, key: str) -> None:
    holder = key or cert

    def passphrase() -> str:  # without it OpenSSL asks on the terminal
        raise BadFile(f"The key in `{holder}` is encrypted. Give one that needs no passphrase.")

    try:
        settings.load_cert_chain(cert, key or None, passphrase)
    except ssl.SSLError as error:
        raise BadFile(_unusable(error.reason or "", cert, key)) from error
    except OSError as error:
        raise BadFile(f"`{holder}` cannot be read: {error.strerror}.") from error


def _unusable(reason: str, cert: str, key: str) -> str:
    if reason == "KEY_VALUES_MISMATCH":
        return f"The key in `{key or cert}` is not that of the certificate in `{cert}`."
    if reason:
        return f"`{cert}` cannot be used: {reason.replace('_', ' ').lower()}."
    return f"`{key or cert}` holds no private key in PEM." + ("" if key else " Give it with `--key FILE`.")


class Session:
    """One TLS connection in memory. A name is sent as SNI; a literal address is only verified (RFC 6066 section 3)."""

    def __init__(self, settings: ssl.SSLContext, host: str) -> None:
        self._head = self._end = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = settings.wrap_bio(self._incoming, self._outgoing, server_hostname=without_zone(host))

    @property
    def alpn(self) -> str:
        """The protocol that the peer chose, empty where it chose none."""
        return self._tls.selected_alpn_protocol() or ""

    @property
    def lacks_certificate(self) -> bool:
        """Whether the peer asked for a certificate and was given none."""
        return isinstance(self._tls, _Side) and self._tls.lacks_certificate

    @property
    def certificate(self) -> bytes:
        """The peer's certificate (DER), empty where it sent none."""
        return self._tls.getpeercert(binary_form=True) or b""

    def handshake(self) -> Talk[None]:
        """Raises Failed."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                yield from self._feed()
            except ssl.SSLError as error:
                raise _explained(error, self._head, self._end) from error
            else:
                return

    def inside(self, talk: Talk[T]) -> Talk[T]:
        """Carries a talk over the session. Raises Failed where the peer answers with an alert."""
        try:
            out = next(talk)
            while True:
                out = talk.send((yield from self._exchange(out if isinstance(out, bytes) else b"")))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _exchange(self, out: bytes) -> Talk[bytes]:
        while True:
            try:
                if out:
                    self._tls.write(out)
                    out = b""
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                yield from self._feed()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return self._end
            except ssl.SSLError as error:
                raise _explained(error, self._head, self._end) from error

    def _feed(self) -> Talk[None]:
        chunk = yield self._outgoing.read()
        self._head = self._head or chunk
        if chunk:
            self._incoming.write(chunk)
        else:
            self._end = chunk
            self._incoming.write_eof()


_UNTRUSTED = Outcome.TLS_UNTRUSTED
_NAME_MISMATCH = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH in openssl/x509_vfy.h


_ALERT = b"\x15"  # the type of its record, RFC 8446 section 5.1
_REFUSALS = ("alert", "tlsv1 ", "sslv3 ", "unsupported protocol")
"""What is in the words of OpenSSL for alerts (ssl/ssl_err.c, SSL_R_SSLV3_…, SSL_R_TLSV1_…), and for an old version."""


def _explained(error: ssl.SSLError, head: bytes, end: bytes) -> Failed:
    """The outcome that an error of OpenSSL stands for, by the first bytes of the peer where it speaks no TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        mismatch = error.verify_code in _NAME_MISMATCH
        return _failed(Outcome.TLS_NAME_MISMATCH if mismatch else _UNTRUSTED, printable(error.verify_message))
    if isinstance(error, ssl.SSLEOFError) and head[:1] in (b"", b"\x16"):
        is_reset = isinstance(end, Reset)
        reason, how = ("ECONNRESET", "reset") if is_reset else (Outcome.CLOSED.value, "closed")
        return Failed(Outcome.CLOSED, reason, f"{how} by the peer during the handshake")
    if not _is_record(head):
        return _failed(Outcome.TLS_NOT_SPOKEN, quoted(head))
    reason = (error.reason or str(error)).replace("_", " ").lower()
    is_refusal = head[:1] == _ALERT or any(x in reason for x in _REFUSALS)
    return _failed(Outcome.TLS_REFUSED if is_refusal else Outcome.TLS_NOT_SPOKEN, printable(reason))


def _is_record(head: bytes) -> bool:
    """Whether the bytes begin an alert or handshake record (RFC 8446 section 5.1)."""
    return head[:1] in (b"\x15", b"\x16") and head[1:2] in (b"", b"\x03")


def _failed(outcome: Outcome, detail: str) -> Failed:
    return Failed(outcome, outcome.value, detail)
