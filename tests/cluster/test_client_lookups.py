"""What containers with the resolver of a client saw, and what nobody knows of one."""

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.inspection import Inspection
from dualstack.model.names import Lookup, Names
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from tests.cluster.test_client_ways import NO_SEARCH, agent, cart, errors, forwarded, gathered, on_host, sidecar


def looked_up(*addresses: str, error: str = "", pod: str = "", host: str = "otel.obs.svc") -> Inspection:
    """What a container got for a name, and what became of exports to the addresses of the Service."""
    lookups = (Lookup(host, addresses, error),)
    tasks = (ProbeTask(x, 4317, Protocol.GRPC, "otel.obs.svc") for x in ("10.96.0.9", "fd00:96::9") if addresses)
    probes = Probes(tuple(ProbeResult(x, Outcome.ACCEPTED) for x in tasks))
    where = ("obs", pod) if pod.startswith("otel") else ("shop", pod)
    return Inspection("n1", *where, plainly(Snapshot({Names: Names(lookups), Probes: probes})))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ([looked_up("10.96.0.9", "fd00:96::9")], Verdict.HEALTHY),
        ([looked_up("10.96.0.9", "fd00:96::9", pod="a")], Verdict.HEALTHY),
        ([looked_up(error="EAI_NONAME", pod="a")], Verdict.BROKEN),
        ([looked_up(error="EAI_NONAME")], Verdict.BROKEN),
        ([looked_up(error="EAI_NONAME", pod="otel-a")], Verdict.UNKNOWN),
    ],
)
def test_what_a_container_with_the_same_resolver_got_decides(seen: list[Inspection], verdict: Verdict) -> None:
    world = gathered(cart("http://otel.obs.svc:4317", dnsPolicy="Default"))
    world.inspections = seen

    found = conclude(world, Question())

    assert found.verdict is verdict
    assert (errors(found) == ["DS408"]) is (verdict is Verdict.BROKEN)


def test_what_another_pod_sends_to_the_address_is_not_what_a_client_without_the_name_sends() -> None:
    world = gathered(cart("http://otel.obs.svc:4317", **NO_SEARCH))
    world.inspections = [looked_up("10.96.0.9", "fd00:96::9", pod="otel-a")]

    assert conclude(world, Question()).verdict is Verdict.BROKEN


def test_localhost_need_not_have_both_families() -> None:
    pod, *rest = sidecar()
    world = gathered(pod, more=rest)
    world.seen = forwarded()
    world.inspections = [looked_up("127.0.0.1", pod="a", host="localhost")]

    assert conclude(world, Question()).verdict is Verdict.HEALTHY


def test_a_host_that_gives_one_family_is_not_lacking_the_other() -> None:
    world = gathered(cart("http://ingest.vendor.example:4317"))
    world.inspections = [looked_up("10.96.0.9", host="ingest.vendor.example")]

    found = conclude(world, Question())

    assert found.verdict is Verdict.HEALTHY
    assert not errors(found)


@pytest.mark.parametrize("outcome", [Outcome.TLS_UNTRUSTED, Outcome.TLS_NAME_MISMATCH, Outcome.TLS_REFUSED])
def test_nobody_knows_which_authorities_a_client_trusts(outcome: Outcome) -> None:
    world = gathered(cart("https://192.0.2.7:4317"))
    probe = ProbeResult(ProbeTask("192.0.2.7", 4317, Protocol.GRPC, "192.0.2.7", tls=True), outcome)
    world.inspections = [Inspection("n1", "shop", "", plainly(Snapshot({Probes: Probes((probe,))})))]

    assert conclude(world, Question()).verdict is Verdict.UNKNOWN


def test_a_port_that_is_refused_out_of_sight_is_closed() -> None:
    world = gathered(on_host(), pods=[agent(on="n2")])
    probe = ProbeResult(ProbeTask("10.100.0.1", 4317, Protocol.GRPC, "10.100.0.1"), Outcome.REFUSED)
    world.inspections = [Inspection("n1", "shop", "", plainly(Snapshot({Probes: Probes((probe,))})))]

    found = conclude(world, Question())

    assert errors(found) == ["DS211"]
    assert found.verdict is Verdict.BROKEN
