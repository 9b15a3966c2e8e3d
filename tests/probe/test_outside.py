"""What answers of the proxy of an API server say of a pod; the answers were recorded from real ones."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import grpc
import pytest

from dualstack.model.address import Protocol
from dualstack.model.glimpse import Glimpse
from dualstack.model.probe import Options, Outcome
from dualstack.probe.outside import NotAllowed, Through, Window, at_address, at_loopback
from tests.probe.conftest import Certificates
from tests.probe.peers import closes, peer
from tests.probe.test_receivers import YES, Services, grpc_server

WINDOW = Window("obs", "otel-a", "pod otel-a", 4318, Protocol.HTTP)
NOT_FOUND = (404, b"404 page not found\n")


def answering(**answers: tuple[int, bytes]) -> Through:
    """The proxy before a pod that answers so to each signal."""

    def through(path: str, _: bytes, headers: Mapping[str, str], __: float) -> tuple[int, bytes]:
        assert path.startswith("/api/v1/namespaces/obs/pods/otel-a:4318/proxy/v1/")
        assert headers["Content-Type"] == "application/x-protobuf"
        return answers[path.rpartition("/")[2]]

    return through


def status(code: int, message: str) -> tuple[int, bytes]:
    return code, json.dumps({"kind": "Status", "apiVersion": "v1", "message": message}).encode()


OF_GRPC = Window("obs", "otel-a", "pod otel-a", 4317, Protocol.GRPC)
EOF = status(503, "error trying to reach service: EOF")
PLAINTEXT_TO_TLS = (400, b"Client sent an HTTP request to an HTTPS server.\n")
CERTIFICATE = status(503, "error trying to reach service: remote error: tls: certificate required")
NO_TLS = status(503, "error trying to reach service: http: server gave HTTP response to HTTPS client")


def seen(**answers: tuple[int, bytes]) -> Glimpse | None:
    return at_address(WINDOW, answering(**answers), Options())


def test_a_receiver_that_takes_traces_is_asked_once() -> None:
    found = seen(traces=(200, b""))

    assert found
    assert (found.outcome, found.status, found.signals) == (Outcome.ACCEPTED, "HTTP 200", ("traces",))


@pytest.mark.parametrize(
    ("others", "outcome", "taken"),
    [
        ({"metrics": (200, b""), "logs": NOT_FOUND}, Outcome.REJECTED, ("metrics",)),
        ({"metrics": NOT_FOUND, "logs": NOT_FOUND}, Outcome.NOT_OTLP, ()),
        ({"metrics": status(503, "error trying to reach service: EOF")}, Outcome.NOT_OTLP, ()),
    ],
    ids=["metrics", "none", "gone"],
)
def test_one_that_does_not_know_them_is_asked_for_the_others(
    others: dict[str, tuple[int, bytes]], outcome: Outcome, taken: tuple[str, ...]
) -> None:
    found = seen(traces=NOT_FOUND, **others)

    assert found
    assert (found.outcome, found.status, found.signals) == (outcome, "HTTP 404", taken)


@pytest.mark.parametrize(("none", "outcome"), [((202, b""), Outcome.UNPROVED), (NOT_FOUND, Outcome.ACCEPTED)])
def test_a_success_that_any_path_gets_proves_nothing(none: tuple[int, bytes], outcome: Outcome) -> None:
    found = seen(traces=(202, b""), none=none)

    assert found
    assert (found.outcome, found.status) == (outcome, "HTTP 202")


def test_what_the_server_itself_says_is_no_answer_of_the_pod() -> None:
    refused = seen(traces=status(503, "error trying to reach service: dial tcp 10.1.1.1:4318: connection refused"))

    assert refused
    assert (refused.outcome, refused.status) == (Outcome.REFUSED, "")
    assert refused.detail.endswith("connection refused")
    assert seen(traces=status(503, "error trying to reach service: dial tcp 10.1.1.1:4318: i/o timeout")) is None
    for code in (403, 404):
        with pytest.raises(NotAllowed):
            seen(traces=status(code, 'pods "otel-a" not found'))


def test_what_nobody_answers_is_not_known() -> None:
    """A server that dials a pod for long, and a pod that stays silent, look the same."""
    answers = [NOT_FOUND, None]

    assert at_address(WINDOW, lambda *_: None, Options()) is None
    found = at_address(WINDOW, lambda *_: answers.pop(0), Options())
    assert found
    assert (found.outcome, found.status) == (Outcome.NOT_OTLP, "HTTP 404")


@pytest.mark.parametrize("name", ["Authorization", "impersonate-user"])
def test_a_header_of_the_api_server_is_not_given_to_it(name: str) -> None:
    with pytest.raises(NotAllowed, match=f"takes the header `{name}` as its own"):
        at_address(WINDOW, answering(traces=(200, b"")), Options(headers=((name, "x"),)))


def test_other_headers_go_with_every_export() -> None:
    sent = list[Mapping[str, str]]()

    def through(_path: str, _body: bytes, headers: Mapping[str, str], _seconds: float) -> tuple[int, bytes]:
        sent.append(headers)
        return 200, b""

    assert at_address(WINDOW, through, Options(headers=(("x-api-key", "k"),)))
    assert [x["x-api-key"] for x in sent] == ["k"]


@pytest.mark.parametrize("secure", [CERTIFICATE, EOF])
def test_a_server_that_wants_a_certificate_is_asked_by_a_forwarded_port_alone(secure: tuple[int, bytes]) -> None:
    """The API server has none of the user's."""
    found = at_address(OF_GRPC, lambda path, *_: secure if "/pods/https:" in path else EOF, Options(cert="client.pem"))

    assert found
    assert (found.outcome, found.tls) == (Outcome.CONNECTED, True)


def test_an_answer_over_http_1_is_no_export_over_grpc() -> None:
    window = Window("obs", "otel-a", "pod otel-a", 4318, Protocol.GRPC)

    found = at_address(window, answering(traces=(200, b"")), Options())

    assert found
    assert found.outcome is Outcome.CONNECTED


@pytest.mark.parametrize(
    ("window", "plain", "secure", "outcome", "tls"),
    [
        (OF_GRPC, EOF, (415, b""), Outcome.CONNECTED, True),
        (WINDOW, PLAINTEXT_TO_TLS, (200, b""), Outcome.ACCEPTED, True),
        (OF_GRPC, EOF, CERTIFICATE, Outcome.TLS_REFUSED, True),
        (WINDOW, EOF, NO_TLS, Outcome.CLOSED, False),
        (WINDOW, EOF, status(503, "error trying to reach service: i/o timeout"), Outcome.CLOSED, False),
    ],
    ids=["grpc", "http", "client-certificate", "plain", "gone"],
)
def test_a_port_that_takes_nothing_plain_is_asked_over_tls(
    window: Window, plain: tuple[int, bytes], secure: tuple[int, bytes], outcome: Outcome, tls: bool
) -> None:
    """Answers of a Collector 0.161 through kube-apiserver 1.34.4, measured, but for that of a server without TLS."""

    def through(path: str, _body: bytes, _headers: Mapping[str, str], __: float) -> tuple[int, bytes]:
        return secure if "/pods/https:otel-a:" in path else plain

    found = at_address(window, through, Options())

    assert found
    assert (found.outcome, found.tls) == (outcome, tls)


class Forwarded:
    """A port that is forwarded to itself."""

    said: list[str] = []  # noqa: RUF012 -- nothing is said
    denied = False

    def __init__(self, port: int) -> None:
        self.port = port


@pytest.mark.parametrize("secure", [False, True])
def test_a_receiver_of_tls_is_exported_to_whatever_its_certificate(certificates: Certificates, secure: bool) -> None:
    pair = Path(certificates.key("other")).read_bytes(), Path(certificates.pem("other")).read_bytes()
    credentials = grpc.ssl_server_credentials([pair]) if secure else None

    with grpc_server(Services({"trace": YES}), credentials) as port:
        found = at_loopback(OF_GRPC, lambda *_: nullcontext(Forwarded(port)), Options())

    assert found
    assert (found.outcome, found.tls, found.signals) == (Outcome.ACCEPTED, secure, ("traces",))


_V4 = (
    "failed to connect to localhost:4317 inside namespace, IPv4: dial tcp4 127.0.0.1:4317: connect: connection refused"
)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (f"{_V4} IPv6 dial tcp6 [::1]:4317: connect: connection refused", Outcome.REFUSED),
        (f"{_V4} IPv6 dial tcp6 [::1]:4317: connect: cannot assign requested address", Outcome.REFUSED),
        (f"{_V4} IPv6 dial tcp6: address localhost: no suitable address found", None),
        ("socat[1]: E connect(5, AF=2 127.0.0.1:4317, 16): Connection refused", None),
    ],
    ids=["both", "no ::1", "no ::1 in the hosts file of the node", "IPv4 alone"],
)
def test_a_loopback_of_which_one_address_was_tried_is_not_known_to_refuse(said: str, outcome: Outcome | None) -> None:
    """What containerd 1.6.20 says of a port that nobody listens on, by the hosts file of its node, measured."""
    with peer(closes) as port:
        local = Forwarded(port)
        local.said = [said]
        found = at_loopback(OF_GRPC, lambda *_: nullcontext(local), Options())

    assert (found.outcome if found else None) is outcome
