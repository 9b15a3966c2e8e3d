"""What becomes of a flow, as its one line says it: whole worlds, and what each hop makes of the evidence."""

import pytest

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.evidence import Layer
from dualstack.model.host import (
    Filters,
    FilterVerdict,
    Interface,
    InterfaceAddress,
    Namespace,
    Namespaces,
    Transit,
    Transits,
)
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Disposition, Hop, Status, Trace
from dualstack.reach.outcomes import MEANINGS
from dualstack.reach.predict import predict
from dualstack.reach.required import CAP
from dualstack.reach.trace import line
from dualstack.testing.incident import snapshot


def traced(world: str) -> tuple[Trace, ...]:
    return predict(snapshot(world)).items


def only(world: str) -> Trace:
    (trace,) = traced(world)
    return trace


def lines(world: str) -> list[str]:
    return [line(x).removeprefix("flow: client=host target=") for x in traced(world)]


GO = 'listeners: ["[::]:4318 go otelcol"]\n'
RUST = 'listeners: ["0.0.0.0:4318 rust rotel"]\n'
NEAREST = 'listeners: ["127.0.0.1:4318 go otelcol"]\n'
V6 = "target: http://[::1]:4318\n"
V4 = "target: http://127.0.0.1:4318\n"
REMOTE = "target: http://192.0.2.1:4318\n"
NEAR = "target: http://[fd00:9::5]:4318\n"
NO_V6 = "interfaces: {lo: [127.0.0.1/8]}\n"
TENTATIVE = 'interfaces: {lo: [], eth0: ["fd00:9::5/64 tentative"]}\n'
DADFAILED = 'interfaces: {lo: [], eth0: ["fd00:9::5/64 dadfailed"]}\n'
VLAN = 'interfaces: {lo: [127.0.0.1/8], eth0.100: ["fe80::5/64"]}\n'
UNREACHABLE = "routes: [192.0.2.1 ENETUNREACH]\n"
PROHIBITED = "routes: [192.0.2.1 EACCES]\n"
OPEN = 'filters: ["output 127.0.0.1:4318 accept", "input 127.0.0.1:4318 accept"]\n'
HALF_READ = 'filters: ["output 127.0.0.1:4318 accept", "input 127.0.0.1:4318 unknown"]\n'
DROP = 'filters: ["input 127.0.0.1:4318 drop tcp dport 4318 drop"]\n'
REJECT = 'filters: ["output 127.0.0.1:4318 accept", "input 127.0.0.1:4318 reject tcp dport 4318 reject"]\n'
BLIND = "withheld: [Namespaces, Listeners, Routes]\n"
SAY = {
    "v6": 'probes: ["[::1]:4318 http {}"]\n',
    "v4": 'probes: ["127.0.0.1:4318 http {}"]\n',
    "remote": 'probes: ["192.0.2.1:4318 http {}"]\n',
    "near": 'probes: ["[fd00:9::5]:4318 http {}"]\n',
}


def says(whom: str, outcome: str) -> str:
    return SAY[whom].format(outcome)


WORLDS = {
    # What a probe showed.
    "an export that is taken": (
        V6 + GO + says("v6", "accepted"),
        "[::1]:4318/http family=ipv6 route=lo host=lo listen=*/dual-stack -> accepted",
    ),
    "an export that is taken, nothing else in sight": (
        V6 + BLIND + says("v6", "accepted"),
        "[::1]:4318/http family=ipv6 -> accepted",
    ),
    "a reset where no socket takes the family": (
        V6 + RUST + says("v6", "refused"),
        "[::1]:4318/http family=ipv6 route=lo host=lo listen=0.0.0.0/ipv4-only -> refused",
    ),
    "a reset where nothing listens": (
        V6 + says("v6", "refused"),
        "[::1]:4318/http family=ipv6 route=lo host=lo listen=none -> refused",
    ),
    "a reset from out of sight": (
        REMOTE + says("remote", "refused"),
        "192.0.2.1:4318/http family=ipv4 route=eth0 listen=refused -> refused",
    ),
    "a reset although a socket accepts": (
        V4 + RUST + says("v4", "refused"),
        "127.0.0.1:4318/http family=ipv4 route=lo policy=reset -> denied",
    ),
    "silence": (
        REMOTE + says("remote", "timed_out"),
        "192.0.2.1:4318/http family=ipv4 route=eth0 policy=timed_out -> timed_out",
    ),
    "silence behind a rule that drops": (
        V4 + RUST + DROP + says("v4", "timed_out"),
        "127.0.0.1:4318/http family=ipv4 route=lo policy=drop -> denied",
    ),
    "silence behind rules that were read in part": (
        V4 + RUST + HALF_READ + says("v4", "timed_out"),
        "127.0.0.1:4318/http family=ipv4 route=lo policy=timed_out -> timed_out",
    ),
    "a rule that rejects, and a reset": (
        V4 + RUST + REJECT + says("v4", "refused"),
        "127.0.0.1:4318/http family=ipv4 route=lo policy=reject -> denied",
    ),
    "a rule that drops, and an export that is taken": (
        V4 + RUST + DROP + says("v4", "accepted"),
        "127.0.0.1:4318/http family=ipv4 route=lo host=lo listen=0.0.0.0/ipv4-only -> accepted",
    ),
    "no way": (
        REMOTE + UNREACHABLE + says("remote", "no_route"),
        "192.0.2.1:4318/http family=ipv4 route=no_route -> no_route",
    ),
    "no way, routes out of sight": (
        REMOTE + BLIND + says("remote", "no_route"),
        "192.0.2.1:4318/http family=ipv4 route=no_route -> no_route",
    ),
    "a prohibited route is what denied": (
        REMOTE + PROHIBITED + says("remote", "denied"),
        "192.0.2.1:4318/http family=ipv4 route=eacces -> no_route",
    ),
    "denied with a route": (
        REMOTE + says("remote", "denied"),
        "192.0.2.1:4318/http family=ipv4 route=eth0 policy=denied -> denied",
    ),
    "a server that accepts and stays silent": (
        V6 + GO + says("v6", "silent"),
        "[::1]:4318/http family=ipv6 route=lo host=lo listen=*/dual-stack handshake=silent -> handshake_failed",
    ),
    "a receiver that says no": (
        V4 + RUST + says("v4", "rejected HTTP 401"),
        "127.0.0.1:4318/http family=ipv4 route=lo host=lo listen=0.0.0.0/ipv4-only export=rejected -> rejected",
    ),
    "a tentative address that answers": (
        NEAR + GO + TENTATIVE + says("near", "accepted"),
        "[fd00:9::5]:4318/http family=ipv6 route=eth0 host=eth0 listen=*/dual-stack -> accepted",
    ),
    "an interrupted probe shows nothing": (
        V4 + RUST + says("v4", "cancelled"),
        "127.0.0.1:4318/http family=ipv4 route=lo host=lo listen=0.0.0.0/ipv4-only -> insufficient_info",
    ),
    # What can be said without one.
    "a socket that accepts": (
        V6 + GO + OPEN,
        "[::1]:4318/http family=ipv6 route=lo host=lo listen=*/dual-stack -> insufficient_info",
    ),
    "a socket that does not accept": (
        V6 + RUST,
        "[::1]:4318/http family=ipv6 route=lo host=lo listen=0.0.0.0/ipv4-only -> refused",
    ),
    "a wildcard whose option nobody could read": (
        V4 + 'listeners: ["[::]:4318"]\nwithheld: [Namespaces]\n',
        "127.0.0.1:4318/http family=ipv4 route=lo -> insufficient_info",
    ),
    "no address there": (
        V6 + GO + NO_V6,
        "[::1]:4318/http family=ipv6 route=lo host=no-address -> no_route",
    ),
    "a tentative address": (
        NEAR + GO + TENTATIVE,
        "[fd00:9::5]:4318/http family=ipv6 route=eth0 host=eth0 -> no_route",
    ),
    "a duplicate address": (
        NEAR + GO + DADFAILED,
        "[fd00:9::5]:4318/http family=ipv6 route=eth0 host=eth0 -> no_route",
    ),
    "no route": (
        REMOTE + UNREACHABLE,
        "192.0.2.1:4318/http family=ipv4 route=enetunreach -> no_route",
    ),
    "a rule that drops": (
        V4 + RUST + DROP,
        "127.0.0.1:4318/http family=ipv4 route=lo policy=drop -> denied",
    ),
    "a name that does not resolve in a family": (
        "target: http://collector:4318\nnames: {collector: [192.0.2.1]}\nexpect: [ipv6]\n",
        "192.0.2.1:4318/http name=collector family=ipv4 resolve=A route=eth0 -> insufficient_info",
    ),
    # Addresses that are easily misread.
    "a zone with a dot is no IPv4": (
        'target: "http://[fe80::5%25eth0.100]:4318"\n' + GO + VLAN,
        "[fe80::5%eth0.100]:4318/http family=ipv6 route=eth0 host=eth0.100 listen=*/dual-stack -> insufficient_info",
    ),
    "a mapped address is IPv4": (
        'target: "http://[::ffff:127.0.0.1]:4318"\n' + RUST,
        "[::ffff:127.0.0.1]:4318/http family=ipv4 route=lo host=lo listen=0.0.0.0/ipv4-only -> insufficient_info",
    ),
    "the IPv4 wildcard leads to the loopback": (
        "target: http://0.0.0.0:4318\n" + NEAREST + 'probes: ["0.0.0.0:4318 http accepted"]\n',
        "0.0.0.0:4318/http family=ipv4 host=lo listen=127.0.0.1 -> accepted",
    ),
    "so does that of IPv6": (
        'target: "http://[::]:4318"\n' + NEAREST + 'probes: ["[::]:4318 http refused"]\n',
        "[::]:4318/http family=ipv6 host=lo listen=127.0.0.1 -> refused",
    ),
}


@pytest.mark.parametrize(("world", "said"), WORLDS.values(), ids=WORLDS)
def test_a_flow_leaves_one_line(world: str, said: str) -> None:
    assert lines(world)[0] == said


@pytest.mark.parametrize("outcome", Outcome)
def test_every_end_of_a_probe_fails_at_its_hop(outcome: Outcome) -> None:
    trace = only(REMOTE + says("remote", outcome))

    assert trace.disposition is MEANINGS[outcome].disposition
    meaning = MEANINGS[outcome]
    assert (trace.failing.hop if trace.failing else None) is (meaning.hop if meaning.status is Status.FAIL else None)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_an_export_is_proved_by_the_probe_alone(protocol: str) -> None:
    target = f"target: {protocol}://127.0.0.1:4318\n{RUST}{OPEN}"

    assert only(target).disposition is Disposition.INSUFFICIENT_INFO
    proved = only(target + f'probes: ["127.0.0.1:4318 {protocol} accepted"]\n').at(Hop.EXPORT)
    assert proved.status is Status.PASS
    assert [x.layer for x in proved.evidence] == [Layer.PROBED]


def test_a_name_that_nobody_looked_up_is_unknown_in_both_families() -> None:
    assert lines("target: http://collector:4318\n") == [
        "collector:4318/http family=ipv4 resolve=no-A -> insufficient_info",
        "collector:4318/http family=ipv6 resolve=no-AAAA -> insufficient_info",
    ]


def test_a_name_without_addresses_fails_in_both_families_and_says_why() -> None:
    failed = traced("target: http://collector:4318\nnames: {collector: EAI_NONAME}\n")

    assert [x.disposition for x in failed] == [Disposition.NO_ADDRESS, Disposition.NO_ADDRESS]
    assert {x.at(Hop.RESOLVE).evidence[0].fact for x in failed} == {"EAI_NONAME"}
    assert {x.at(Hop.RESOLVE).why for x in failed} == {"`collector` does not resolve: EAI_NONAME from getaddrinfo"}


def test_a_family_that_is_asked_for_fails_where_the_name_has_none() -> None:
    trace = traced("target: http://collector:4318\nnames: {collector: [192.0.2.1]}\nexpect: [ipv4, ipv6]\n")[1]

    assert line(trace).endswith("family=ipv6 resolve=no-AAAA -> no_address")
    assert trace.at(Hop.RESOLVE).why == "`collector` has no IPv6 address"
    assert trace.at(Hop.RESOLVE).evidence[0].fact == "192.0.2.1"


def test_so_does_that_of_a_literal() -> None:
    families = [(x.family, x.disposition) for x in traced(V4 + "expect: [ipv6]\n")]

    assert families == [("ipv4", Disposition.REFUSED), ("ipv6", Disposition.NO_ADDRESS)]


def test_addresses_that_fared_alike_are_one_trace() -> None:
    addresses = {"192.0.2.1": "refused", "192.0.2.2": "accepted", "192.0.2.3": "refused"}
    probes = [f"{k}:4317 grpc {v}" for k, v in addresses.items()]
    found = traced(f"target: grpc://collector:4317\nnames: {{collector: [{', '.join(addresses)}]}}\nprobes: {probes}\n")

    assert [x.addresses for x in found] == [("192.0.2.1", "192.0.2.3"), ("192.0.2.2",)]


def test_a_name_with_very_many_addresses_is_cut() -> None:
    addresses = [f"192.0.2.{x}" for x in range(CAP + 5)]
    trace = only(f"target: grpc://collector:4317\nnames: {{collector: {addresses}}}\n")

    assert len(trace.addresses) == CAP


def plain(world: str, protocol: Protocol) -> Trace:
    """The trace of a listener that takes no OTLP."""
    evidence = snapshot(world)
    target = Target("listeners on port 4318", "localhost", 4318, protocol, addresses=("127.0.0.1",))
    return predict(evidence.adding(Question(targets=(target,)))).items[0]


@pytest.mark.parametrize(
    ("protocol", "world", "became"),
    [
        (Protocol.TCP, RUST + OPEN, Disposition.ACCEPTED),
        (Protocol.TCP, RUST, Disposition.INSUFFICIENT_INFO),
        (Protocol.TCP, OPEN, Disposition.REFUSED),
        (Protocol.UDP, 'listeners: ["udp 0.0.0.0:4318 go"]\n' + OPEN, Disposition.ACCEPTED),
        (Protocol.UDP, RUST + OPEN, Disposition.REFUSED),
    ],
)
def test_where_no_otlp_is_spoken_a_socket_in_reach_is_enough(
    protocol: Protocol, world: str, became: Disposition
) -> None:
    trace = plain(V4 + world + "routes: [127.0.0.1 lo 127.0.0.1]\n", protocol)

    assert trace.disposition is became
    assert trace.at(Hop.EXPORT).status is Status.NOT_APPLICABLE


def beyond(verdict: str) -> Trace:
    """The trace of an address that another place of this machine holds, whose packet filter says `verdict`."""
    held = (InterfaceAddress("192.0.2.1", 24),)
    there = Namespace("netns red", (Interface("eth0", 2, up=True, addresses=held),))
    evidence = snapshot(REMOTE)
    here = evidence.having(Namespaces) or Namespaces(())
    said = FilterVerdict(there.place, "input", Family.IPV4, "192.0.2.1", 4318, verdict, "tcp dport 4318", "nft")
    nobody = Listeners((), ("host", there.place))
    return predict(evidence.adding(Namespaces((*here.items, there)), Filters((said,)), nobody)).items[0]


def test_the_packet_filter_of_the_other_end_counts_too() -> None:
    assert (beyond("drop").server, beyond("drop").disposition) == ("netns red", Disposition.DENIED)
    assert (beyond("accept").server, beyond("accept").disposition) == ("netns red", Disposition.REFUSED)


def test_without_a_question_there_is_no_trace() -> None:
    assert traced(V4 + "withheld: [Question]\n") == ()


@pytest.mark.parametrize(
    ("world", "fact"),
    [
        (V6 + RUST, "0.0.0.0/ipv4-only on port 4318 by rotel"),
        (V6 + 'listeners: ["0.0.0.0:4318"]\n', "0.0.0.0/ipv4-only on port 4318"),
    ],
)
def test_a_deaf_socket_is_named_with_its_owner(world: str, fact: str) -> None:
    hop = only(world).at(Hop.LISTEN)

    assert hop.why == "no socket on port 4318 accepts ::1"
    assert hop.evidence[0].fact.startswith(fact)


@pytest.mark.parametrize(
    ("ended", "mark"),
    [
        ("timed_out", "not-forwarded"),
        ("denied", "not-forwarded"),
        ("refused", "eth0"),
        ("accepted", "eth0"),
        (None, "not-forwarded"),
    ],
)
def test_a_router_that_does_not_forward_counts_where_nothing_answers(ended: str | None, mark: str) -> None:
    """Whoever answers may be a proxy in its place."""
    world = "target: http://10.9.7.7:4318\n" + (f"probes: ['10.9.7.7:4318 http {ended}']\n" if ended else "")
    stop = Transits((Transit("netns r", "10.9.7.7", "a", "b", forwards=False),))

    (trace,) = predict(snapshot(world).adding(stop)).items

    assert trace.at(Hop.ROUTE).mark == mark


@pytest.mark.parametrize(("error", "became"), [("EHOSTUNREACH", "denied"), ("ECONNREFUSED", "no_route")])
def test_a_filter_that_answers_as_routers_do_is_told_from_them(error: str, became: str) -> None:
    """`reject with icmpx host-unreachable`: connect(2) reports what it reports of a host that is gone."""
    said = FilterVerdict("host", "output", Family.IPV4, "10.9.7.7", 4318, "reject", "reject", error=error)
    world = "target: http://10.9.7.7:4318\nprobes: ['10.9.7.7:4318 http unreachable']\n"

    (trace,) = predict(snapshot(world).adding(Filters((said,)))).items

    assert trace.disposition == became


@pytest.mark.parametrize(
    ("moving", "became"),
    [
        ("netns r", Disposition.INSUFFICIENT_INFO),
        ("host", Disposition.INSUFFICIENT_INFO),
        ("netns s", Disposition.NO_ROUTE),
    ],
)
def test_what_lies_beyond_a_translation_does_not_count(moving: str, became: Disposition) -> None:
    """A rule of kube-proxy or of a published port leads the packets elsewhere; a router before it still counts."""
    said = FilterVerdict(moving, "forward", Family.IPV4, "10.9.7.7", 4318, "accept", moved=True)
    stop = Transits((Transit("netns r", "10.9.7.7", "a", error="ENETUNREACH"), Transit("netns s", "10.9.7.7", "a")))

    (trace,) = predict(snapshot("target: http://10.9.7.7:4318\n").adding(stop).adding(Filters((said,)))).items

    assert trace.disposition is became


def test_a_port_that_is_led_elsewhere_needs_no_socket() -> None:
    """What is refused there is refused by another socket than those of that port."""
    said = FilterVerdict("host", "input", Family.IPV4, "127.0.0.1", 4318, "accept", moved=True)

    (alone,) = predict(snapshot(V4 + 'listeners: ["0.0.0.0:80"]\n').adding(Filters((said,)))).items

    assert (alone.disposition, alone.server) == (Disposition.INSUFFICIENT_INFO, "")
