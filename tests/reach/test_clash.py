"""Endpoints of one configuration that cannot be bound side by side: as files, with what a kernel does of it."""

import itertools
import socket

import pytest

from dualstack.model.finding import Finding
from dualstack.review import lint
from dualstack.testing.files import file

SERVICE = "exporters: {debug: {}}\nservice: {pipelines: {traces: {receivers: [otlp, otlp/b], exporters: [debug]}}}"
GRPC = "protocols: {grpc: {endpoint: %s}}"


def judged(*endpoints: str, service: str = SERVICE, component: str = GRPC) -> list[Finding]:
    names = ("otlp", "otlp/b")
    each = ", ".join(f"{name}: {{{component % x}}}" for name, x in zip(names, endpoints, strict=True))
    found = lint(file(f"receivers: {{{each}}}\n{service}\n"))
    assert not found.errors
    return [x for x in found.diagnosis.findings if x.code in ("DS114", "DS115")]


def clash(*endpoints: str, **words: str) -> list[str]:
    return [x.code for x in judged(*(f'"{x}"' for x in endpoints), **words)]


HOSTS = {
    "0.0.0.0:4317": (socket.AF_INET6, "::"),
    "[::]:4317": (socket.AF_INET6, "::"),
    ":4317": (socket.AF_INET6, "::"),
    "127.0.0.1:4317": (socket.AF_INET, "127.0.0.1"),
    "localhost:4317": (socket.AF_INET, "127.0.0.1"),
    "127.0.0.2:4317": (socket.AF_INET, "127.0.0.2"),
    "[::1]:4317": (socket.AF_INET6, "::1"),
    "[::ffff:127.0.0.1]:4317": (socket.AF_INET, "127.0.0.1"),
}
"""Endpoints, and the socket that Go makes of each where there is IPv6 (knowledge/bind.table)."""


def both_bound(one: str, other: str) -> bool:
    """Whether the kernel binds two sockets as Go makes them, on one port."""
    with socket.socket(HOSTS[one][0]) as first, socket.socket(HOSTS[other][0]) as second:
        for each in (first, second):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if each.family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        first.bind((HOSTS[one][1], 0))
        first.listen()
        try:
            second.bind((HOSTS[other][1], first.getsockname()[1]))
            second.listen()
        except OSError:
            return False
        return True


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations_with_replacement(HOSTS, 2)))
def test_a_clash_is_found_exactly_where_the_kernel_refuses_the_second(one: str, other: str) -> None:
    wildcards = HOSTS[one][1] == HOSTS[other][1] == "::" and (one == "[::]:4317") != (other == "[::]:4317")

    assert clash(one, other) == ([] if both_bound(one, other) else ["DS114" if wildcards else "DS115"])


def test_a_wildcard_of_another_component_is_no_other_half() -> None:
    otelarrow = 'receivers: {otlp: {protocols: {grpc: {endpoint: "[::]:4317"}}}, otelarrow: {protocols: {grpc: {}}}}'
    service = "service: {pipelines: {traces: {receivers: [otlp, otelarrow], exporters: [debug]}}}"
    found = lint(file(f"{otelarrow}\nexporters: {{debug: {{}}}}\n{service}\n")).diagnosis.findings

    assert [x.code for x in found] == ["DS115"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("collector:4317", "collector:4317"),
        ("collector:4317", "0.0.0.0:4317"),
        ("${env:MY_IP}:4317", "${env:MY_IP}:4317"),
        ("[${env:MY_IP}]:4317", "[::]:4317"),
        ("[fd00::5]:4317", "0.0.0.0:4317"),
        ("10.0.0.5:4317", "[::ffff:10.0.0.5]:4317"),
    ],
)
def test_what_nobody_knows_meets_itself_and_wildcards(one: str, other: str) -> None:
    assert clash(one, other) == ["DS115"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("collector:4317", "10.0.0.5:4317"),
        ("collector:4317", "gateway:4317"),
        ("${env:A}:4317", "${env:B}:4317"),
        ("0.0.0.0:${env:PORT}", "0.0.0.0:${env:PORT}"),
        ("0.0.0.0:0", "0.0.0.0:0"),
        ("fd00::5:4317", "0.0.0.0:4317"),
        ("a b:4317", "0.0.0.0:4318"),
        ("0.0.0.0:4317", "0.0.0.0:4318"),
    ],
)
def test_what_may_be_bound_is_no_clash(one: str, other: str) -> None:
    assert not clash(one, other)


def test_more_names_than_there_are_addresses_for_them_are_not_judged() -> None:
    names = [f"otlp/{x}" for x in range(300)]
    receivers = "\n".join(f'  {x}: {{protocols: {{grpc: {{endpoint: "host-{i}:4317"}}}}}}' for i, x in enumerate(names))
    service = f"service: {{pipelines: {{traces: {{receivers: [{', '.join(names)}], exporters: [debug]}}}}}}"

    found = lint(file(f"receivers:\n{receivers}\nexporters:\n  debug:\n{service}\n"))

    assert not found.errors
    assert not found.diagnosis.findings


def test_without_a_service_only_wildcards_of_two_spellings_are_told_and_nothing_is_changed() -> None:
    assert not clash("0.0.0.0:4317", "0.0.0.0:4317", service="")
    assert not clash("localhost:4317", "localhost:4317", service="")
    (found,) = judged('"0.0.0.0:4317"', '"[::]:4317"', service="")
    assert (found.code, found.severity, found.fix and found.fix.edits) == ("DS114", "warning", ())


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ('{endpoint: "0.0.0.0:4317"}', '{endpoint: "[::]:4317"}', 2),
        ('{endpoint: "0.0.0.0:4317", transport: tcp}', '{endpoint: "[::]:4317"}', 2),
        ('{endpoint: "0.0.0.0:4317", transport: "${env:T:-tcp}"}', '{endpoint: "[::]:4317"}', 0),
    ],
)
def test_a_pair_is_given_its_families_only_where_that_is_plain(one: str, other: str, edits: int) -> None:
    (found,) = judged(one, other, component="protocols: {grpc: %s}")

    assert found.code == "DS114"
    assert found.fix
    assert len(found.fix.edits) == edits


def test_http_is_given_a_transport_where_the_version_is_known_to_take_it() -> None:
    text = """receivers:
  otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}
  otlp/b: {protocols: {http: {endpoint: "[::]:4318"}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp, otlp/b], exporters: [debug]}}}
"""
    for version, edits in (("", 0), ("0.139.0", 0), ("0.144.0", 2)):
        call = f"# dualstack lint --collector-version {version}\n" if version else ""
        (found,) = lint(file(call + text)).diagnosis.findings
        assert found.fix
        assert (found.code, len(found.fix.edits)) == ("DS114", edits)


@pytest.mark.parametrize(
    ("more", "whole"),
    [("", "`receivers.otlp/b` and its place in `service`"), (", http: {}", "`receivers.otlp/b.protocols.grpc`")],
)
def test_of_two_wildcards_a_whole_listener_is_to_go(more: str, whole: str) -> None:
    each = judged('"0.0.0.0:4317"', '"[::]:4317"', component=f"protocols: {{grpc: {{endpoint: %s}}{more}}}")

    assert [x.hint.partition(" away")[0] for x in each if x.code == "DS114"] == [f"Take {whole}"]
