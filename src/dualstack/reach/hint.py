"""What a reader can type: addresses to bind, fields to set, and commands in the right place."""

from dualstack.model.address import Family
from dualstack.model.host import Namespace
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.sockets import Listener, Runtime

_DUAL_BY_IPV4_WILDCARD = (Runtime.GO, Runtime.JVM)
OBEYS_BINDV6ONLY = (Runtime.RUST, Runtime.POSIX, Runtime.PYTHON)
"""Runtimes that leave IPV6_V6ONLY to the kernel; the others set it themselves (knowledge/bind.table)."""


def inside(place: str, command: str) -> str:
    """A command as it has to be typed to run in a place: `host`, or `netns` with a name, a path or a PID."""
    name = place.partition(" ")[2]
    if not name:
        return command
    if name.startswith("/"):
        return f"nsenter --net={name} {command}"
    return f"nsenter -t {name} -n {command}" if name.isdigit() else f"ip netns exec {name} {command}"


def sysctl(place: str, interface: str, value: int) -> str:
    """The command that sets `disable_ipv6` of an interface; a dot in its name is written as a slash (sysctl(8))."""
    return inside(place, f"sysctl -w net.ipv6.conf.{interface.replace('.', '/')}.disable_ipv6={value}")


def owner(socket: Listener) -> str:
    """The name of the process that holds a socket, in back-ticks, or words for one that could not be read."""
    return f"`{socket.processes[0].name}`" if socket.processes else "a process out of sight"


def wildcard(socket: Listener, space: Namespace | None) -> str:
    """What to bind instead of a socket's address, so that it takes every family that its place has, in back-ticks.

    Go and Java make a dual-stack socket of `0.0.0.0`. Others need `[::]`, and both wildcards where `bindv6only` is 1.
    Of Python this is half the answer: `caveat` has the rest.
    """
    only_ipv4 = space is not None and not space.addresses(Family.IPV6)
    if socket.runtime in _DUAL_BY_IPV4_WILDCARD or only_ipv4:
        return f"`0.0.0.0:{socket.port}`"
    if space is not None and space.bindv6only and socket.runtime in (*OBEYS_BINDV6ONLY, Runtime.UNKNOWN):
        return f"`0.0.0.0:{socket.port}` and `[::]:{socket.port}`"
    return f"`[::]:{socket.port}`"


def rebind(socket: Listener, space: Namespace | None, endpoint: DeclaredEndpoint | None) -> str:
    """The sentence that says where to write the wider address."""
    wider = wildcard(socket, space)
    if endpoint is None:
        return f"Bind {wider} in the configuration of {owner(socket)}.{caveat(socket, wider)}"
    return f"Set `{endpoint.field}`{where(endpoint)} to {wider}.{caveat(socket, wider)}"


def caveat(socket: Listener, wider: str) -> str:
    """What a Python program has to heed with `[::]`; empty elsewhere.

    asyncio sets IPV6_V6ONLY on every IPv6 socket and makes one of each family for `host=None` (Lib/asyncio/
    base_events.py, create_server); socket.create_server sets it unless told `dualstack_ipv6`.
    """
    if socket.runtime is not Runtime.PYTHON or "[::]" not in wider or "0.0.0.0" in wider:
        return ""
    return " Python must set IPV6_V6ONLY to 0 there; asyncio sets it to 1, so pass it `host=None`, which binds both."


def where(endpoint: DeclaredEndpoint) -> str:
    """` in file, line N` for an endpoint whose place in a file is known."""
    at = endpoint.location
    return f" in `{at.file}`, line {at.line}," if at else ""
