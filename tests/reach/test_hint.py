"""What a reader is told to type."""

import pytest

from dualstack.model.address import Family
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.sockets import Listener, Process, Runtime, Transport
from dualstack.reach.hint import inside, owner, rebind, sysctl, wildcard

LOOPBACK = Interface("lo", 1, up=True, loopback=True, addresses=(InterfaceAddress("::1", 128),))
HERE = Namespace("host", (LOOPBACK,), bindv6only=False)
SPLIT = Namespace("host", (LOOPBACK,), bindv6only=True)
WITHOUT_IPV6 = Namespace("host")


def held_by(runtime: Runtime) -> Listener:
    process = Process(1, "server", runtime=runtime)
    return Listener("host", Transport.TCP, "127.0.0.1", 4317, Family.IPV4, processes=(process,))


@pytest.mark.parametrize(
    ("place", "typed"),
    [
        ("host", "ip a"),
        ("netns red", "ip netns exec red ip a"),
        ("netns /run/netns/red", "nsenter --net=/run/netns/red ip a"),
        ("netns 4711", "nsenter -t 4711 -n ip a"),
        ("pod otel-a", "kubectl exec otel-a -- ip a"),
        ("pods on n3", "ip a"),
        ("pods", "ip a"),
    ],
)
def test_a_command_runs_in_its_place(place: str, typed: str) -> None:
    assert inside(place, "ip a") == typed


def test_a_dot_in_an_interface_is_no_separator() -> None:
    assert sysctl("host", "eth0.100", 0) == "sysctl -w net.ipv6.conf.eth0/100.disable_ipv6=0"


@pytest.mark.parametrize(
    ("runtime", "space", "bound"),
    [
        (Runtime.GO, HERE, "`0.0.0.0:4317`"),
        (Runtime.JVM, SPLIT, "`0.0.0.0:4317`"),
        (Runtime.RUST, HERE, "`[::]:4317`"),
        (Runtime.RUST, None, "`[::]:4317`"),
        (Runtime.RUST, WITHOUT_IPV6, "`0.0.0.0:4317`"),
        (Runtime.RUST, SPLIT, "`0.0.0.0:4317` and `[::]:4317`"),
        (Runtime.UNKNOWN, SPLIT, "`0.0.0.0:4317` and `[::]:4317`"),
        (Runtime.NODE, SPLIT, "`[::]:4317`"),
    ],
)
def test_the_wildcard_takes_every_family_of_the_place(runtime: Runtime, space: Namespace | None, bound: str) -> None:
    assert wildcard(held_by(runtime), space) == bound


def test_a_process_that_could_not_be_read_has_no_name() -> None:
    assert owner(Listener("host", Transport.TCP, "127.0.0.1", 4317, Family.IPV4)) == "a process out of sight"


def test_python_is_told_of_its_own_ipv6_sockets() -> None:
    python = held_by(Runtime.PYTHON)

    assert "`host=None`" in rebind(python, HERE, None)
    assert "host=None" not in rebind(python, SPLIT, None)
    assert "host=None" not in rebind(held_by(Runtime.RUST), HERE, None)


def test_a_python_server_may_be_grpc_that_misses_the_ipv6_loopback() -> None:
    lame = Namespace("host", (Interface("lo", 1, up=True, loopback=True, disable_ipv6=True), *HERE.interfaces))

    assert "sysctl -w net.ipv6.conf.lo.disable_ipv6=0" in rebind(held_by(Runtime.PYTHON), lame, None)
    assert "sysctl" not in rebind(held_by(Runtime.PYTHON), HERE, None)
    assert "sysctl" not in rebind(held_by(Runtime.RUST), lame, None)
