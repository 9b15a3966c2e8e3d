"""The answer in one word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.client import Outlook
from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Finding, Severity
from dualstack.model.question import Client
from dualstack.model.trace import Disposition, Trace, Traces
from dualstack.reach.predict import predict
from dualstack.reach.verdict import verdict
from dualstack.testing.incident import snapshot

TARGET = Target("collector:4317", "collector", 4317, Protocol.GRPC)
OK, REFUSED, UNCLEAR = Disposition.ACCEPTED, Disposition.REFUSED, Disposition.INSUFFICIENT_INFO


def flows(*each: tuple[Disposition, bool]) -> Traces:
    return Traces(tuple(Trace("host", TARGET, Protocol.GRPC, Family.IPV4, (), (), d, r) for d, r in each))


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        ([], Verdict.UNKNOWN),
        ([(OK, False), (REFUSED, False)], Verdict.UNKNOWN),
        ([(OK, True), (REFUSED, False), (UNCLEAR, False)], Verdict.HEALTHY),
        ([(OK, True), (UNCLEAR, True)], Verdict.UNKNOWN),
        ([(OK, True), (REFUSED, True)], Verdict.DEGRADED),
        ([(UNCLEAR, True), (REFUSED, True)], Verdict.DEGRADED),
        ([(OK, False), (REFUSED, True)], Verdict.BROKEN),
    ],
)
def test_the_required_flows_decide(each: list[tuple[Disposition, bool]], expected: Verdict) -> None:
    assert verdict(flows(*each)) is expected


@pytest.mark.parametrize("severity", Severity)
def test_an_error_that_no_flow_from_here_met_is_no_health(severity: Severity) -> None:
    finding = Finding("A nameserver fails", "It fails.", severity=severity)
    expected = Verdict.DEGRADED if severity is Severity.ERROR else Verdict.HEALTHY

    assert verdict(flows((OK, True)), [finding]) is expected
    unknown = Verdict.DEGRADED if severity is Severity.ERROR else Verdict.UNKNOWN
    assert verdict(flows((UNCLEAR, True)), [finding]) is unknown
    assert verdict(flows((REFUSED, True)), [finding]) is Verdict.BROKEN


@pytest.mark.parametrize("proxy", ["", "https_proxy"])
def test_what_a_client_sends_to_a_proxy_is_not_known_to_arrive(proxy: str) -> None:
    view = Outlook(TARGET, Client("curl", ()), "curl", "race", (), proxy=proxy)

    assert verdict(flows((OK, True)), outlooks=[view]) is (Verdict.UNKNOWN if proxy else Verdict.HEALTHY)
    assert verdict(flows((REFUSED, True)), outlooks=[view]) is Verdict.BROKEN


@given(st.lists(st.tuples(st.sampled_from(Disposition), st.booleans())))
def test_healthy_means_that_every_required_flow_was_accepted(each: list[tuple[Disposition, bool]]) -> None:
    required = {disposition for disposition, needed in each if needed}

    assert (verdict(flows(*each)) is Verdict.HEALTHY) is (required == {OK})


HEALTHY = {
    "a literal": (
        'target: http://[::1]:4318\nlisteners: ["[::]:4318 go otelcol"]\nprobes: ["[::1]:4318 http accepted"]\n'
    ),
    "a name with both families": (
        'target: collector:4317\nnames: {collector: ["fd00:9::5", 10.9.0.5]}\nlisteners: ["[::]:4317 go otelcol"]\n'
        'probes: ["[fd00:9::5]:4317 grpc accepted", "10.9.0.5:4317 grpc accepted"]\n'
    ),
    "another host, a named client": (
        'target: grpcs://collector\nnames: {collector: ["2001:db8::7", 192.0.2.7]}\nclient: node@18\n'
        'probes: ["[2001:db8::7]:4317 grpcs accepted", "192.0.2.7:4317 grpcs accepted"]\n'
    ),
    "a port that is not that of OTLP": (
        'target: 127.0.0.1:8080\nlisteners: ["0.0.0.0:8080 rust rotel"]\n'
        'probes: ["127.0.0.1:8080 grpc http1_spoken", "127.0.0.1:8080 http accepted"]\n'
    ),
    "both families, as expected": (
        'target: http://localhost:4318\nexpect: [ipv4, ipv6]\nnames: {localhost: ["::1", 127.0.0.1]}\n'
        'listeners: ["[::]:4318 go otelcol"]\n'
        'probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http accepted"]\n'
        'filters: ["input [::1]:4318 accept", "input 127.0.0.1:4318 accept"]\n'
    ),
}
WITHOUT_IPV6 = (
    'target: grpc://collector\nnames: {collector: ["2001:db8::7", 192.0.2.7]}\n'
    "interfaces: {lo: [127.0.0.1/8], eth0: [10.9.0.5/24]}\nroutes: [2001:db8::7 ENETUNREACH]\n"
    'probes: ["[2001:db8::7]:4317 grpc no_route", "192.0.2.7:4317 grpc accepted"]\n'
)
KINDS = ("Question", "Names", "Namespaces", "Listeners", "Routes", "Filters", "Declared", "Probes")


def test_a_failed_probe_is_no_fault_where_the_host_is_seen_to_lack_the_family() -> None:
    assert verdict(predict(snapshot(WITHOUT_IPV6))) is Verdict.HEALTHY
    assert verdict(predict(snapshot(f"{WITHOUT_IPV6}withheld: [Namespaces]\n"))) is Verdict.DEGRADED


@pytest.mark.parametrize("world", HEALTHY.values(), ids=HEALTHY)
def test_these_worlds_are_healthy(world: str) -> None:
    assert verdict(predict(snapshot(world))) is Verdict.HEALTHY


@pytest.mark.parametrize("world", HEALTHY.values(), ids=HEALTHY)
@pytest.mark.parametrize("kind", KINDS)
def test_evidence_that_is_withheld_never_makes_a_fault(world: str, kind: str) -> None:
    judged = verdict(predict(snapshot(f"{world}withheld: [{kind}]\n")))

    assert judged in {Verdict.HEALTHY, Verdict.UNKNOWN}
    if kind == "Probes":
        assert judged is Verdict.UNKNOWN


@given(st.sampled_from(sorted(HEALTHY)), st.sets(st.sampled_from(KINDS)))
def test_healthy_rests_on_probes_however_much_is_withheld(name: str, kinds: set[str]) -> None:
    traces = predict(snapshot(f"{HEALTHY[name]}withheld: {sorted(kinds)}\n"))

    if verdict(traces) is Verdict.HEALTHY:
        assert "Probes" not in kinds
    assert all(not x.accepted for x in traces.items) or "Probes" not in kinds
