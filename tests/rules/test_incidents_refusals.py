"""Who waits for a dead address, and what a refusal says."""

import pytest

from dualstack.knowledge import table
from dualstack.model.finding import Severity
from dualstack.reach.predict import predict
from dualstack.rules.registry import evaluate, rules
from dualstack.testing.incident import snapshot
from tests.rules.test_incidents import judged
from tests.rules.test_incidents_names import (
    COLLECTOR,
    GOOD_V4,
    REMOTE,
    only,
    probes,
    remote,
)

STALLS = {
    "": "These wait 131 s before the next address: a C program,",
    "client: python\n": "These wait 131 s before the next address: Python.",
    "client: grpc-core@1.58\n": "These wait 20 s before the next address: gRPC C-core.",
    "client: java-ipv6-first\n": "These never get there: Java with `-Djava.net.preferIPv6Addresses=true`.",
}


@pytest.mark.parametrize(("client", "said"), STALLS.items())
def test_a_dead_address_says_who_waits_and_how_long(client: str, said: str) -> None:
    finding = only(remote("timed_out", "accepted") + client, "DS404")

    assert said in finding.detail
    assert finding.because == ("DS906",)
    assert "take its AAAA record out of `collector`" in finding.hint


def test_who_waits_is_not_guessed_where_an_address_is_not_known() -> None:
    world = REMOTE.replace("10.9.0.7]", "10.9.0.7, 10.9.0.8]") + probes("[2001:db8::7]:4317 grpc timed_out", GOOD_V4)

    assert "These wait" not in only(world, "DS404").detail


def test_a_dead_address_that_costs_nobody_time_is_a_warning() -> None:
    world = REMOTE.replace("2001:db8::7 eth0 2001:db8::5", "2001:db8::7 ENETUNREACH")

    finding = only(world + probes("[2001:db8::7]:4317 grpc no_route", GOOD_V4), "DS404")

    assert finding.severity is Severity.WARNING


SAID = {
    "grpc-status 16 UNAUTHENTICATED": "The receiver wants credentials",
    "grpc-status 7 PERMISSION_DENIED": "The receiver denies permission",
    "grpc-status 8 RESOURCE_EXHAUSTED": "The receiver has no room",
    "grpc-status 8 RESOURCE_EXHAUSTED detail='received message larger than max (5 vs. 4)'": "The export is too large",
    "grpc-status 14 UNAVAILABLE": "The receiver is not available",
    "grpc-status 0 OK detail='partial success, 3 rejected: no'": "Some of the export is rejected",
    "grpc-status 2 UNKNOWN": "The receiver rejects the export",
    "grpc-status 10 ABORTED": "The receiver rejects the export",
    "HTTP 401": "The receiver wants credentials",
    "HTTP 403": "The receiver denies permission",
    "HTTP 407": "A proxy wants credentials",
    "HTTP 413": "The export is too large",
    "HTTP 415": "The receiver takes another format",
    "HTTP 429": "The receiver has no room",
    "HTTP 503": "The receiver is not available",
    "HTTP 400": "The receiver rejects the export",
    "HTTP 404 signals=metrics": "A signal has no pipeline",
}


@pytest.mark.parametrize(("status", "summary"), SAID.items())
def test_a_refusal_is_named_by_its_status(status: str, summary: str) -> None:
    world = "target: grpc://10.9.0.7:4317\n" + probes(f"10.9.0.7:4317 grpc rejected {status}")

    assert only(world, "DS904").summary == summary


def test_the_table_of_refusals_can_be_acted_on() -> None:
    for row in table("rejections"):
        assert len(row["summary"].split()) <= 8
        assert row["meaning"].endswith(".")
        assert row["hint"].endswith(".")
        assert row["source"]


@pytest.mark.parametrize(
    ("addresses", "hosts", "said"),
    [
        ('"::1", 10.9.0.7', "[]", "Take its AAAA record out of `collector`."),
        ('"::1", 10.9.0.7', '["::1 localhost collector"]', "Take `collector` out of line 1 of `/etc/hosts`."),
        (
            '"2001:db8::7", 10.9.0.7',
            "[]",
            "Repair the way to `2001:db8::7`, or take its AAAA record out of `collector`.",
        ),
        ('"2001:db8::7", 10.9.0.7', '["2001:db8::7 collector"]', "or take `collector` out of line 1 of `/etc/hosts`."),
    ],
)
def test_the_way_out_names_where_the_address_comes_from(addresses: str, hosts: str, said: str) -> None:
    first = addresses.partition(",")[0].strip('"')
    world = f"{COLLECTOR}names: {{collector: [{addresses}]}}\nhosts: {hosts}\n"
    given = snapshot(world + probes(f"[{first}]:4317 grpc refused", GOOD_V4))
    findings, _ = evaluate(given.adding(predict(given)), rules())

    assert [x.hint for x in findings if x.code == "DS404" and x.hint.endswith(said)]


@pytest.mark.parametrize(
    ("target", "errno", "own"),
    [
        ("10.9.0.7", "EACCES", True),
        ("10.9.0.7", "EPERM", True),
        ("[fd00:9::7]", "EPERM", True),
        ("[fd00:9::7]", "EACCES", False),
    ],
)
def test_an_error_that_no_packet_brings_is_laid_to_this_host(target: str, errno: str, own: bool) -> None:
    _, (found,) = judged(f"target: 'http://{target}:4318'\nprobes: ['{target}:4318 http denied errno={errno}']\n")

    assert found.code == "DS702"
    assert ("`ip xfrm policy`" in found.hint, "`host` itself stops" in found.summary) == (own, own)
