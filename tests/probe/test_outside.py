"""What answers of the proxy of an API server say of a pod; the answers were recorded from real ones."""

import json
from collections.abc import Mapping

import pytest

from dualstack.model.address import Protocol
from dualstack.model.glimpse import Glimpse
from dualstack.model.probe import Outcome
from dualstack.probe.outside import NotAllowed, Through, Window, at_address
from dualstack.probe.run import Options

WINDOW = Window("obs", "otel-a", "pod otel-a", 4318, Protocol.HTTP)
NOT_FOUND = (404, b"404 page not found\n")


def answering(**answers: tuple[int, bytes]) -> Through:
    """The proxy before a pod that answers so to each signal."""

    def through(path: str, _: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        assert path.startswith("/api/v1/namespaces/obs/pods/otel-a:4318/proxy/v1/")
        assert headers["Content-Type"] == "application/x-protobuf"
        return answers[path.rpartition("/")[2]]

    return through


def status(code: int, message: str) -> tuple[int, bytes]:
    return code, json.dumps({"kind": "Status", "apiVersion": "v1", "message": message}).encode()


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


def test_what_the_server_itself_says_is_no_answer_of_the_pod() -> None:
    refused = seen(traces=status(503, "error trying to reach service: dial tcp 10.1.1.1:4318: connection refused"))

    assert refused
    assert (refused.outcome, refused.status) == (Outcome.REFUSED, "")
    assert refused.detail.endswith("connection refused")
    assert seen(traces=status(503, "error trying to reach service: dial tcp 10.1.1.1:4318: i/o timeout")) is None
    for code in (403, 404):
        with pytest.raises(NotAllowed):
            seen(traces=status(code, 'pods "otel-a" not found'))


def test_an_answer_over_http_1_is_no_export_over_grpc() -> None:
    window = Window("obs", "otel-a", "pod otel-a", 4318, Protocol.GRPC)

    found = at_address(window, answering(traces=(200, b"")), Options())

    assert found
    assert found.outcome is Outcome.CONNECTED
