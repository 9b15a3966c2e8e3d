"""Every way in which a connection does not come about, made by a real kernel in namespaces."""

import errno
import shutil
import socket
from collections.abc import Iterator

import pytest

from dualstack.gather.netns import find, inside
from dualstack.knowledge import table
from dualstack.model.address import Family, Protocol
from dualstack.model.probe import Options, Outcome, ProbeTask
from dualstack.probe.tcp import dial, settle
from tests import netns
from tests.probe.peers import made

PORT = 4999


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[str, str]]:
    """Two namespaces with a route for each way to fail, and a listener in the second."""
    with netns.pair("probe") as (client, server):
        for kind, address in (("unreachable", 1), ("prohibit", 2), ("blackhole", 3)):
            netns.batch(client, [f"route add {kind} 10.66.0.{address}", f"route add {kind} fd66::{address}"])
        netns.batch(client, ["route add 10.67.0.0/16 via 10.9.0.2", "route add fd67::/16 via fd09::2"])
        netns.batch(server, ["route add unreachable 10.67.0.0/16", "route add unreachable fd67::/16"])
        netns.batch(server, ["route add prohibit 10.67.1.0/24", "route add prohibit fd67:1::/64"])
        _filter(client, "output")
        _filter(server, "input")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            netns.sysctl(server, key, 1)
        yield client, server


def _filter(name: str, hook: str) -> None:
    """Ports 5000 and up meet one verdict each."""
    if not shutil.which("nft"):
        pytest.skip("needs the nft command")
    verdicts = [
        "drop",
        "reject with tcp reset",
        "reject with icmpx type admin-prohibited",
        "reject with icmpx type no-route",
        "reject",
    ]
    rules = "".join(f"tcp dport {PORT + 1 + x} {verdict}\n" for x, verdict in enumerate(verdicts))
    text = f"table inet filter {{ chain {hook} {{\ntype filter hook {hook} priority 0\n{rules}}}\n}}\n"
    netns.execute(name, "nft", text)


def answered(place: str, address: str, port: int) -> str:
    """What a probe that failed says of it."""
    task = ProbeTask(address, port, Protocol.TCP, address)
    return inside(find(place), lambda: made([task], Options(seconds=0.5)))[0].detail


def connected(place: str, address: str, port: int = PORT) -> tuple[Outcome, list[str]]:
    """Outcome and reasons of one probe of protocol TCP from a namespace."""
    task = ProbeTask(address, port, Protocol.TCP, address)
    result = inside(find(place), lambda: made([task], Options(seconds=0.5)))[0]
    return result.outcome, [x.reason for x in result.stages]


@pytest.mark.parametrize(
    ("address", "outcome", "reason"),
    [
        ("10.9.0.2", Outcome.REFUSED, "ECONNREFUSED"),
        ("fd09::2", Outcome.REFUSED, "ECONNREFUSED"),
        ("fe80::2%eth0", Outcome.REFUSED, "ECONNREFUSED"),
        ("fe80::2", Outcome.BAD_ADDRESS, "EINVAL"),
        ("fe80::2%eth7", Outcome.NO_ROUTE, "ENODEV"),
        ("10.1.1.1", Outcome.NO_ROUTE, "ENETUNREACH"),
        ("fd01::1", Outcome.NO_ROUTE, "ENETUNREACH"),
        ("10.66.0.1", Outcome.NO_ROUTE, "EHOSTUNREACH"),
        ("fd66::1", Outcome.NO_ROUTE, "EHOSTUNREACH"),
        ("10.66.0.2", Outcome.DENIED, "EACCES"),
        ("fd66::2", Outcome.DENIED, "EACCES"),
        ("10.66.0.3", Outcome.BAD_ADDRESS, "EINVAL"),
        ("fd66::3", Outcome.BAD_ADDRESS, "EINVAL"),
        ("10.67.0.1", Outcome.UNREACHABLE, "EHOSTUNREACH"),
        ("fd67::1", Outcome.UNREACHABLE, "ENETUNREACH"),
        ("10.67.1.1", Outcome.DENIED, "EHOSTUNREACH"),
        ("fd67:1::1", Outcome.DENIED, "EACCES"),
    ],
)
def test_a_connection_that_fails_has_a_name(
    world: tuple[str, str], address: str, outcome: Outcome, reason: str
) -> None:
    """The outcome, and the errno where a reader wants it."""
    assert connected(world[0], address) == (outcome, [reason])


@pytest.mark.parametrize(
    ("port", "family", "outcome", "reason"),
    [
        (5000, Family.IPV4, Outcome.TIMED_OUT, "ETIMEDOUT"),
        (5000, Family.IPV6, Outcome.TIMED_OUT, "ETIMEDOUT"),
        (5001, Family.IPV4, Outcome.REFUSED, "ECONNREFUSED"),
        (5001, Family.IPV6, Outcome.REFUSED, "ECONNREFUSED"),
        (5002, Family.IPV4, Outcome.DENIED, "EHOSTUNREACH"),
        (5002, Family.IPV6, Outcome.DENIED, "EACCES"),
        (5003, Family.IPV4, Outcome.UNREACHABLE, "ENETUNREACH"),
        (5003, Family.IPV6, Outcome.UNREACHABLE, "ENETUNREACH"),
        (5004, Family.IPV4, Outcome.DENIED, "ECONNREFUSED"),
        (5004, Family.IPV6, Outcome.DENIED, "ECONNREFUSED"),
    ],
)
def test_a_packet_filter_has_a_name(
    world: tuple[str, str], port: int, family: Family, outcome: Outcome, reason: str
) -> None:
    """Here and at the peer: a drop is silence, a rejection says which."""
    client, server = world
    near, far = ("127.0.0.1", "10.9.0.2") if family is Family.IPV4 else ("::1", "fd09::2")

    assert connected(client, far, port) == (outcome, [reason])
    assert connected(server, near, port) == (outcome, [reason])


@pytest.mark.parametrize(
    ("address", "port", "said"),
    [
        ("10.9.0.2", 5004, "Connection refused; 10.9.0.1 answers with ICMP: port unreachable"),
        ("fd09::2", 5004, "Connection refused; fd09::1 answers with ICMP: port unreachable"),
        ("fd09::2", 5001, "Connection refused"),
        ("10.67.0.1", PORT, "No route to host; 10.9.0.2 answers with ICMP: host unreachable"),
        ("fd67:1::1", PORT, "Permission denied; fd09::2 answers with ICMP: administratively prohibited"),
    ],
)
def test_who_sent_an_icmp_error_is_told(world: tuple[str, str], address: str, port: int, said: str) -> None:
    """The client's own filter is the first to answer."""
    assert answered(world[0], address, port) == said


@pytest.mark.parametrize("address", ["10.9.2.99", "fd09:2::99"])
def test_that_nobody_has_an_address_is_heard_of_within_the_usual_time(address: str) -> None:
    """The router asks for its neighbour for three seconds before it says so, which is as long as a probe has."""
    with netns.routed("probe") as (client, _, _):
        task = ProbeTask(address, PORT, Protocol.TCP, address)
        (result,) = inside(find(client), lambda: made([task], Options()))

    assert (result.outcome, result.stages[0].reason) == (Outcome.UNREACHABLE, "EHOSTUNREACH")


def test_a_connection_outlives_an_icmp_error() -> None:
    """TCP ends a connection for one only where IP_RECVERR is set (ip(7)); no client sets it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, dial("127.0.0.1", listener.getsockname()[1]) as sock:
        settle(sock)

        assert sock.getsockopt(socket.IPPROTO_IP, 11) == 0


def test_a_link_local_address_is_dialled_through_its_zone() -> None:
    """`fe80::2%eth0` reaches the listener."""
    with netns.pair("probe") as (client, server):
        listener = inside(find(server), lambda: socket.create_server(("::", PORT), family=socket.AF_INET6))
        with listener:
            assert connected(client, "fe80::2%eth0") == (Outcome.CONNECTED, [""])


def test_no_address_to_send_from() -> None:
    """There is a route, and no IPv6 address at all."""
    with netns.isolated("probe") as name:
        netns.batch(name, ["route add fd09::/64 dev lo", "address del ::1/128 dev lo"])

        assert connected(name, "fd09::1") == (Outcome.NO_SOURCE, ["EADDRNOTAVAIL"])


def test_every_row_of_the_table_names_an_errno_and_an_outcome() -> None:
    """A misspelt row would never match."""
    rows = table("connect_errors")

    assert {x["errno"] for x in rows} <= set(errno.errorcode.values())
    assert {x["when"] for x in rows} <= {"*", "at once", "later"}
    assert {Outcome(x["outcome"]) for x in rows} <= set(Outcome)
    assert all(x["source"] for x in rows)
    assert {x["outcome"] for x in table("icmp_errors")} <= {"", *Outcome}
