"""The one line of a trace, and what rules ask of traces."""

import pytest
from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.finding import Finding
from dualstack.model.sockets import Listeners, Transport
from dualstack.model.trace import Traces
from dualstack.reach.predict import predict
from dualstack.reach.trace import answered, codes_of, line, refusals, sockets_of
from dualstack.testing.incident import snapshot

WORLD = snapshot(
    'target: grpc://collector\nnames: {collector: ["fd00:9::5", 10.9.0.5, "2001:db8::7"]}\n'
    'listeners: ["0.0.0.0:4317 rust rotel", "udp 0.0.0.0:4317 go"]\n'
    'probes: ["[fd00:9::5]:4317 grpc refused", "10.9.0.5:4317 grpc accepted", "[2001:db8::7]:4317 grpc refused"]\n'
)
TRACES = predict(WORLD)
V4, FAR, V6 = TRACES.items
LISTENERS = WORLD.having(Listeners) or Listeners()


def test_a_line_ends_at_the_hop_that_fails() -> None:
    assert line(V6, ("DS205",)) == (
        "flow: client=host target=[fd00:9::5]:4317/grpc name=collector family=ipv6 resolve=AAAA route=eth0 host=eth0"
        " listen=0.0.0.0/ipv4-only -> refused (DS205)"
    )


def test_a_literal_is_named_once_and_a_place_is_one_word() -> None:
    (trace,) = predict(snapshot('target: grpc://10.9.0.5\nprobes: ["10.9.0.5:4317 grpc accepted"]\n')).items

    assert line(replace(trace, vantage="netns red", hops=())) == (
        "flow: client=netns:red target=10.9.0.5:4317/grpc family=ipv4 -> accepted"
    )


def test_a_trace_without_an_address_names_the_target() -> None:
    assert line(replace(V6, addresses=(), hops=())) == (
        "flow: client=host target=collector:4317/grpc family=ipv6 -> refused"
    )


def test_a_refusal_is_told_with_the_sockets_on_its_port() -> None:
    ((trace, sockets),) = refusals(TRACES, LISTENERS)

    assert trace is V6
    assert [(x.address, x.transport) for x in sockets] == [("0.0.0.0", Transport.TCP)]


@pytest.mark.parametrize("change", [{"required": False}, {"addresses": ()}, {"server": "netns red"}])
def test_a_refusal_out_of_sight_or_that_nobody_needs_is_not_told(change: dict[str, object]) -> None:
    assert list(refusals(Traces((V4, replace(V6, **change), FAR)), LISTENERS)) == []


def test_a_udp_flow_meets_udp_sockets() -> None:
    (socket,) = sockets_of(replace(V4, protocol=Protocol.UDP), LISTENERS)

    assert socket.transport is Transport.UDP


def test_the_other_family_answers_or_does_not() -> None:
    assert answered(TRACES, V6)
    assert not answered(TRACES, V4)


def finding(code: str, *because: str, flow: str = V6.key) -> Finding:
    return Finding("It fails", "It fails.", code=code, because=because, flows=(flow,))


@pytest.mark.parametrize(
    ("findings", "codes"),
    [
        ([], ()),
        ([finding("DS201", "DS205"), finding("DS205")], ("DS205",)),
        ([finding("DS201", "DS205")], ("DS201",)),
        ([finding("DS205", flow=V4.key)], ()),
    ],
)
def test_a_failed_flow_bears_the_code_of_its_cause(findings: list[Finding], codes: tuple[str, ...]) -> None:
    assert codes_of(V6, findings) == codes


def test_a_flow_that_works_bears_none() -> None:
    assert codes_of(V4, [finding("DS205", flow=V4.key)]) == ()
