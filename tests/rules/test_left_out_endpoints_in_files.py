"""Endpoints that are left out: where a fix writes them."""

import pytest

from dualstack.review import Review, lint, mend
from tests.rules.workloads import found, pod


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_left_out_endpoints_are_written_where_they_belong(end: str) -> None:
    text = pod(
        "receivers:\n  otlp:\n    protocols:\n      grpc:  # over gRPC\n      http:\n        cors: {}\n  zipkin: {}\n"
        "  statsd: {transport: udp}",
        "ports: [{containerPort: 4317}, {containerPort: 4318}, {containerPort: 9411}, "
        "{containerPort: 8125, protocol: UDP}]",
    ).replace("\n", end)
    request = Review(("-",), stdin=text.encode())

    mended = mend(request, lint(request), unsafe=True).after["-"]

    added = sorted(set(mended.split(end)) - set(text.split(end)))
    assert added == sorted(
        (
            "          grpc: {endpoint: 0.0.0.0:4317}  # over gRPC",
            "            endpoint: 0.0.0.0:4318",
            "      zipkin: {endpoint: 0.0.0.0:9411}",
            "      statsd: {endpoint: 0.0.0.0:8125, transport: udp}",
        )
    )
    assert mended.count(end) == text.count(end) + 1
    assert mended.count("\n") == mended.count(end)


@pytest.mark.parametrize(
    "config",
    [
        "receivers: {otlp: &one {protocols: {grpc: &two {}}}, otlp/2: {protocols: {grpc: *two}}}",
        "receivers: {otlp: {protocols: {grpc}}}",
    ],
)
def test_what_cannot_be_written_in_place_is_left_to_a_person(config: str) -> None:
    findings = found(pod(config, service="4317"))

    edits = [len(x.fix.edits) for x in findings if x.fix]
    assert edits == ([1, 0] if "&two" in config else [0])


def test_a_folded_text_is_left_to_a_person() -> None:
    text = pod("receivers: {otlp: {protocols: {grpc: {}}}}", service="4317").replace("config.yaml: |", "config.yaml: >")

    (finding,) = found(text)

    assert finding.fix
    assert not finding.fix.edits


def test_a_left_out_endpoint_of_json_is_written_as_json() -> None:
    config = '{\n  "receivers": {"otlp": {"protocols": {"grpc": {"tls": null}}}}\n}'
    request = Review(("-",), stdin=pod(config, service="4317").encode())

    mended = mend(request, lint(request), unsafe=True).after["-"]

    assert '{"grpc": {"endpoint": "0.0.0.0:4317", "tls": null}}' in mended


@pytest.mark.parametrize(
    ("config", "after"),
    [
        ("grpc: &two {}", "grpc: &two {endpoint: 0.0.0.0:4317}"),
        ("grpc: !!map { }", "grpc: !!map { endpoint: 0.0.0.0:4317}"),
        ("grpc: &two {tls: }", "grpc: &two {endpoint: 0.0.0.0:4317, tls: }"),
        ("grpc: &two  # why\n    tls: {}", "grpc: &two  # why\n    endpoint: 0.0.0.0:4317\n    tls: {}"),
        ('"grpc":', '"grpc": {"endpoint": "0.0.0.0:4317"}'),
    ],
)
def test_anchors_and_tags_stay_before_what_they_name(config: str, after: str) -> None:
    text = pod(f"receivers: {{otlp: {{protocols: &one\n  {{{config}\n  }}}}}}", service="4317")
    if "\n" in config:
        text = pod(f"receivers:\n otlp:\n  protocols:\n   {config}", service="4317")
    request = Review(("-",), stdin=text.encode())

    mended = mend(request, lint(request), unsafe=True).after["-"]

    assert after.replace("\n", "\n    ") in mended
    assert mended.replace(after.replace("\n", "\n    "), config.replace("\n", "\n    ")) == text
