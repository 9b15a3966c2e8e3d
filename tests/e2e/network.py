"""The cables of a cluster: a bridge in the machine of the control plane, and a veth from it to each node."""

import time
from collections.abc import Sequence

from dualstack.lab.topology import CannotBuild, run
from tests.e2e import control_plane
from tests.e2e.machine import Machine

_SECONDS = 10.0
_FORWARD = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.forwarding=1",
            "net.ipv6.conf.default.accept_dad=0")  # fmt: skip
_WITHOUT_IPV6 = ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")


def bridge(machine: Machine) -> None:
    """Give the control plane's machine a bridge that forwards between the nodes."""
    _sysctl(machine, _FORWARD)
    _ip(
        machine,
        "link add br0 type bridge",
        f"address add {control_plane.IPV4}/24 dev br0",
        f"address add {control_plane.IPV6}/64 dev br0 nodad",
        "link set br0 up",
    )


def plug(switch: Machine, node: Machine, addresses: Sequence[str]) -> None:
    """Join a machine to the bridge as `eth0`, with an address of each of its families and a way out over each."""
    port = node.name
    _ip(switch, f"link add {port} type veth peer name eth0 netns {node.netns}", f"link set {port} master br0 up")
    _sysctl(node, _FORWARD)
    if len(addresses) == 1:
        _sysctl(node, _WITHOUT_IPV6)
    _ip(node, *(_address(x) for x in addresses), "link set eth0 up")
    _wait_until_up(switch, port)
    _ip(node, *(f"route add default via {control_plane.IPV6 if ':' in x else control_plane.IPV4}" for x in addresses))


def route(switch: Machine, ranges: Sequence[str], addresses: Sequence[str]) -> None:
    """Send what is for these ranges to a node, over each family that it has."""
    ways = [(x, y) for x in ranges for y in addresses if (":" in x) == (":" in y)]
    _ip(switch, *(f"route replace {each} via {node}" for each, node in ways))


def _address(address: str) -> str:
    return f"address add {address}/64 dev eth0 nodad" if ":" in address else f"address add {address}/24 dev eth0"


def _ip(machine: Machine, *lines: str) -> None:
    run("ip", "-n", machine.netns, "-batch", "-", lines=lines)


def _sysctl(machine: Machine, assignments: Sequence[str]) -> None:
    machine.run("sysctl", "-qw", *assignments)


def _wait_until_up(machine: Machine, port: str) -> None:
    until = time.monotonic() + _SECONDS
    while "state UP" not in run("ip", "-n", machine.netns, "-oneline", "link", "show", "dev", port):
        if time.monotonic() > until:
            raise CannotBuild(f"the cable of {port} does not come up")
        time.sleep(0.01)
