"""What is asked of a trace."""

import pytest
from msgspec.structs import replace

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.sockets import Transport
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop, Traces

TARGET = Target("collector:4317", "collector", 4317, Protocol.GRPC)
HOPS = (
    TracedHop(Hop.ROUTE, Status.PASS),
    TracedHop(Hop.HOST, Status.FAIL, "the address is tentative"),
    TracedHop(Hop.LISTEN, Status.FAIL, "nothing listens"),
)
V6 = Trace("host", TARGET, Protocol.GRPC, Family.IPV6, ("fd00:9::7", "fd00:9::8"), HOPS, Disposition.NO_ROUTE)
V4 = replace(V6, family=Family.IPV4, addresses=("10.9.0.7",), hops=HOPS[:1], disposition=Disposition.ACCEPTED)
ELSEWHERE = replace(V4, target=replace(TARGET, port=4318))


def test_the_first_hop_that_fails_is_the_failing_one() -> None:
    assert V6.failing is HOPS[1]
    assert V6.at(Hop.LISTEN) is HOPS[2]
    assert V4.failing is None


@pytest.mark.parametrize("disposition", Disposition)
def test_a_flow_fails_works_or_is_unknown(disposition: Disposition) -> None:
    trace = replace(V6, disposition=disposition)

    assert trace.accepted is (disposition is Disposition.ACCEPTED)
    assert trace.failed is (disposition not in {Disposition.ACCEPTED, Disposition.INSUFFICIENT_INFO})


def test_a_key_tells_flows_apart() -> None:
    assert V6.key == "host/collector:4317/grpc/ipv6/fd00:9::7,fd00:9::8/"
    assert len({x.key for x in (V6, V4, ELSEWHERE)}) == 3


def test_only_required_flows_count_as_broken() -> None:
    assert Traces((V4, V6)).broken == (V6,)
    assert Traces((V4, replace(V6, required=False))).broken == ()


def test_a_sibling_is_the_same_target_in_the_other_family() -> None:
    assert Traces((V6, V4, ELSEWHERE)).sibling(V6) == (V4,)


def test_a_probe_is_found_by_address_port_and_protocol() -> None:
    tasks = [ProbeTask("::1", 4317, x, "localhost") for x in (Protocol.HTTP, Protocol.GRPC)]
    probes = Probes(tuple(ProbeResult(x, Outcome.ACCEPTED) for x in tasks))

    assert probes.of("::1", 4317, Protocol.GRPC) is probes.items[1]
    assert probes.of("::1", 4318, Protocol.GRPC) is None
    assert tasks[0].endpoint == "[::1]:4317"


@pytest.mark.parametrize(("value", "bound"), [("0.0.0.0:4317", "0.0.0.0:4317"), ("", "localhost:4317")])
def test_an_endpoint_left_out_is_the_default(value: str, bound: str) -> None:
    endpoint = DeclaredEndpoint(
        "receivers/otlp", "endpoint", value, value, "localhost:4317", "tcp", "listen", Transport.TCP, Protocol.GRPC
    )

    assert endpoint.effective == bound
