"""TLS as real servers speak it: what is trusted, what is refused, and what the certificate says."""

import re
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from dualstack.model.address import Family, Protocol
from dualstack.model.probe import Options, Outcome, ProbeTask
from dualstack.model.question import Question
from dualstack.model.target import parse_target
from dualstack.pipeline import Request, diagnose
from dualstack.probe import x509
from dualstack.probe.run import BadProbe, check, run
from tests.probe.conftest import Certificates
from tests.probe.peers import encrypted, peer, probed, says, until_closed

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
HTTP, GRPC = Protocol.HTTP, Protocol.GRPC
TASK = ProbeTask("127.0.0.1", 1, HTTP, "localhost", tls=True)


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
        ("localhost", "localhost", Outcome.TLS_NAME_MISMATCH, "Hostname mismatch"),
        ("otel.example", "otel.example", Outcome.TLS_NAME_MISMATCH, "Hostname mismatch"),
        ("otel.example", "127.0.0.1", Outcome.ACCEPTED, ""),
        ("expired", "localhost", Outcome.TLS_UNTRUSTED, "certificate has expired"),
        ("self", "localhost", Outcome.TLS_UNTRUSTED, "self-signed certificate"),
    ],
)
def test_verification(certificates: Certificates, name: str, host: str, outcome: Outcome, detail: str) -> None:
    """The name or the literal is held against the certificate, which is read whatever comes of it.

    The common name of two of them is the very host that is asked for, and no client in Go takes it for one.
    """
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


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_alert_is_tls_whatever_its_words(certificates: Certificates, host: str) -> None:
    """OpenSSL calls this one `tlsv1 unrecognized name`, without the word `alert`."""
    context = server(certificates)
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with peer(encrypted(context, says(OK))) as port:
        result = probed(port, HTTP, host=host, tls=True)

    assert (result.outcome, result.detail) == (Outcome.TLS_REFUSED, "tlsv1 unrecognized name")


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


def test_a_server_that_wants_a_client_certificate_and_says_nothing(certificates: Certificates) -> None:
    """As gRPC's C core does: it closes after the handshake of TLS 1.3, and sends no alert."""
    context = server(certificates, verify_mode=ssl.CERT_REQUIRED)
    context.load_verify_locations(certificates.pem("ca"))

    def wordless(sock: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        side = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            incoming.write(sock.recv(65536))
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
            except ssl.SSLError:
                return

    with peer(wordless) as port:
        found = [probed(port, x, tls=True, options=Options(insecure=True)) for x in (GRPC, HTTP)]

    assert [x.outcome for x in found] == [Outcome.TLS_REFUSED] * 2
    assert all("client certificate required" in x.detail for x in found)


def test_a_server_that_closes_and_asked_for_no_certificate_is_no_matter_of_one(certificates: Certificates) -> None:
    with peer(encrypted(server(certificates), says())) as port:
        assert probed(port, GRPC, tls=True, options=Options(insecure=True)).outcome is Outcome.CLOSED


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


def test_files_that_cannot_be_used_are_one_clear_error(certificates: Certificates, tmp_path: Path) -> None:
    """Before any connection is made."""
    cert, key, other = certificates.pem("client"), certificates.key("client"), certificates.key("good")
    locked, broken = str(tmp_path / "locked.key"), str(tmp_path / "broken.pem")
    Path(broken).write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    subprocess.run(["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:x", "-out", locked], check=True)
    said = {
        Options(ca_file="/absent.pem"): "`/absent.pem` cannot be read: No such file or directory.",
        Options(ca_file=key): f"`{key}` holds no certificate in PEM.",
        Options(ca_file=broken): f"`{broken}` holds no certificate in PEM.",
        Options(cert="/absent.pem"): "`/absent.pem` cannot be read: No such file or directory.",
        Options(cert=cert): f"`{cert}` holds no private key in PEM. Give it with `--key FILE`.",
        Options(cert=key, key=key): f"`{key}` holds no certificate in PEM.",
        Options(cert=cert, key=cert): f"`{cert}` holds no private key in PEM.",
        Options(cert=cert, key="/absent.key"): "`/absent.key` cannot be read: No such file or directory.",
        Options(cert=cert, key=other): f"The key in `{other}` is not that of the certificate in `{cert}`.",
        Options(cert=cert, key=locked): f"The key in `{locked}` is encrypted. Give one that needs no passphrase.",
    }
    announced: list[ProbeTask] = []
    for options, message in said.items():
        for attempt in (lambda x: run([TASK], x, announced.append), check):
            with pytest.raises(BadProbe, match=re.escape(message)):
                attempt(options)

    assert announced == []


def test_one_file_may_hold_certificate_and_key(certificates: Certificates, tmp_path: Path) -> None:
    """As many tools write it."""
    both = tmp_path / "both.pem"
    both.write_text(Path(certificates.pem("client")).read_text() + Path(certificates.key("client")).read_text())

    check(Options(cert=str(both)))


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


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_server_that_drops_tls_silently_is_asked_without(protocol: Protocol) -> None:
    """As many small HTTP servers do; the second request keeps the secrets of the first."""
    heard = []

    def drops_tls(sock: socket.socket) -> None:
        if sock.recv(1, socket.MSG_PEEK) != b"\x16":
            heard.append(sock.recv(65536))
            sock.sendall(OK)
            until_closed(sock)

    with peer(drops_tls) as port:
        result = probed(port, protocol, tls=True, options=Options(headers=(("authorization", "Bearer secret"),)))

    assert result.outcome is Outcome.TLS_NOT_SPOKEN
    assert result.detail == "closed on a ClientHello, and answers without TLS"
    assert len(heard) == 1
    assert b"secret" not in heard[0]


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_certificate_for_one_family_is_told_of_the_other(certificates: Certificates, protocol: Protocol) -> None:
    """From the handshake to the finding; the addresses are literals, so each needs an entry of its own."""
    with ExitStack() as stack:
        ports = [
            stack.enter_context(peer(encrypted(server(certificates, "ipv4"), until_closed), x))
            for x in ("127.0.0.1", "::1")
        ]
        scheme = "https" if protocol is HTTP else "grpcs"
        spelled = (f"{scheme}://127.0.0.1:{ports[0]}", f"{scheme}://[::1]:{ports[1]}")
        targets = tuple(x for text in spelled for x in parse_target(text))
        options = Options(ca_file=certificates.pem("ca"), seconds=0.5)
        found = diagnose(Request(Question(targets=targets, probing=True), options=options))

    told = [x for x in found.findings if x.code == "DS901"]
    assert [x.families for x in told] == [(Family.IPV6,)]
    assert told[0].detail.endswith("It holds no IPv6 address.")
    assert "Add `IP:::1` to the subjectAltName" in told[0].hint
