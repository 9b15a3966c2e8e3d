"""TLS as real servers speak it: what is trusted, what is refused, and what the certificate says."""

import socket
import ssl
import time

import pytest

from dualstack.model.address import Protocol
from dualstack.model.probe import Outcome, ProbeTask
from dualstack.probe import x509
from dualstack.probe.run import Options, run
from tests.probe.conftest import Certificates
from tests.probe.peers import encrypted, peer, probed, says, until_closed

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
HTTP, GRPC = Protocol.HTTP, Protocol.GRPC


def server(certificates: Certificates, name: str = "good", **settings: object) -> ssl.SSLContext:
    """Settings of a server that shows one certificate; `settings` are attributes to set."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.pem(name), certificates.key(name))
    for key, value in settings.items():
        setattr(context, key, value)
    return context


@pytest.mark.parametrize(
    ("name", "host", "outcome", "detail"),
    [
        ("good", "localhost", Outcome.ACCEPTED, ""),
        ("good", "127.0.0.1", Outcome.ACCEPTED, ""),
        ("good", "::1", Outcome.ACCEPTED, ""),
        ("ipv4", "127.0.0.1", Outcome.ACCEPTED, ""),
        ("ipv4", "::1", Outcome.TLS_NAME_MISMATCH, "IP address mismatch"),
        ("ipv4", "fe80::1%lo", Outcome.TLS_NAME_MISMATCH, "IP address mismatch"),
        ("other", "localhost", Outcome.TLS_NAME_MISMATCH, "Hostname mismatch"),
        ("expired", "localhost", Outcome.TLS_UNTRUSTED, "certificate has expired"),
        ("self", "localhost", Outcome.TLS_UNTRUSTED, "self-signed certificate"),
    ],
)
def test_verification(certificates: Certificates, name: str, host: str, outcome: Outcome, detail: str) -> None:
    """The name or the literal is held against the certificate, which is read whatever comes of it."""
    with peer(encrypted(server(certificates, name), says(OK))) as port:
        result = probed(port, HTTP, host=host, tls=True, options=Options(ca_file=certificates.pem("ca")))

    assert result.outcome is outcome, result
    assert detail in result.detail
    assert result.certificate is not None
    assert result.certificate.subject == f"O=Tests, CN={name}"


def test_certificate_says_its_names_and_addresses(certificates: Certificates) -> None:
    """What a hint about the certificate needs."""
    with peer(encrypted(server(certificates, "other"), says(OK))) as port:
        found = probed(port, HTTP, tls=True).certificate

    assert found is not None
    assert found.names == ("other.example", "*.other.example")
    assert found.addresses == ("10.0.0.1", "fd00::5")
    assert found.issuer == "O=Tests, CN=ca"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "fe80::1%lo"])
def test_sni_is_sent_for_names_alone(certificates: Certificates, host: str) -> None:
    """RFC 6066 section 3: literal addresses are not permitted there."""
    asked = []
    context = server(certificates)
    context.sni_callback = lambda _session, name, _context: asked.append(name)
    with peer(encrypted(context, says(OK))) as port:
        result = probed(port, HTTP, host=host, tls=True, options=Options(insecure=True))

    assert result.outcome is Outcome.ACCEPTED
    assert asked == ["localhost" if host == "localhost" else None]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_certificate(certificates: Certificates, version: ssl.TLSVersion) -> None:
    """Without one the server refuses (in TLS 1.3 only after the handshake), with one it takes the export."""
    context = server(certificates, verify_mode=ssl.CERT_REQUIRED, maximum_version=version)
    ca_file = certificates.pem("ca")
    context.load_verify_locations(ca_file)
    own = Options(ca_file=ca_file, cert=certificates.pem("client"), key=certificates.key("client"))
    with peer(encrypted(context, says(OK))) as port:
        without = probed(port, HTTP, tls=True, options=Options(ca_file=ca_file))
        given = probed(port, HTTP, tls=True, options=own)

    assert without.outcome is Outcome.TLS_REFUSED
    assert "alert" in without.detail
    assert given.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_plaintext_to_tls(certificates: Certificates, protocol: Protocol) -> None:
    """OpenSSL answers with an alert."""
    with peer(encrypted(server(certificates), until_closed)) as port:
        assert probed(port, protocol).outcome is Outcome.TLS_EXPECTED


def test_a_server_that_drops_plaintext_silently_is_asked_for_tls(certificates: Certificates) -> None:
    """As gRPC servers in Go do; the second connection proves it and reads the certificate."""
    context, first = server(certificates), []

    def drops_plaintext(sock: socket.socket) -> None:
        first.append(sock.recv(1, socket.MSG_PEEK))
        if first[-1] == b"\x16":
            encrypted(context, until_closed)(sock)

    with peer(drops_plaintext) as port:
        result = probed(port, GRPC)

    assert result.outcome is Outcome.TLS_EXPECTED
    assert first == [b"P", b"\x16"]
    assert result.certificate is not None
    assert result.alpn == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(ca_file="/absent.pem"), "cannot use the TLS files /absent.pem: No such file"),
        (Options(ca_file="/dev/null"), "cannot use the TLS files /dev/null"),
        (Options(cert="/absent.pem"), "cannot use the TLS files /absent.pem"),
    ],
)
def test_files_that_cannot_be_used_are_one_clear_error(options: Options, message: str) -> None:
    """Before any connection is made."""
    announced: list[ProbeTask] = []
    with pytest.raises(ValueError, match=message):
        run([ProbeTask("127.0.0.1", 1, HTTP, "localhost", tls=True)], options, announced.append)

    assert announced == []


def test_der_reader_agrees_with_openssl(certificates: Certificates) -> None:
    """The ssl module's own decoder reads the same from the same file."""
    for name in ("good", "other", "expired", "self", "client", "ca"):
        pem = certificates.pem(name)
        decoded = ssl._ssl._test_decode_cert(pem)  # type: ignore[attr-defined]
        with open(pem) as file:
            found = x509.certificate(ssl.PEM_cert_to_DER_cert(file.read()))

        assert found is not None
        pairs = decoded["subjectAltName"]
        assert found.names == tuple(value for kind, value in pairs if kind == "DNS")
        assert len(found.addresses) == sum(kind == "IP Address" for kind, _ in pairs)
        seconds = ssl.cert_time_to_seconds(decoded["notAfter"])
        assert found.not_after == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def test_bytes_that_are_no_certificate() -> None:
    """None, not an exception."""
    assert x509.certificate(b"") is None
    assert x509.certificate(b"\x30\x84\xff\xff\xff\xff") is None
