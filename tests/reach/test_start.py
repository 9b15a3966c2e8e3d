"""Which sockets cannot be bound side by side, against the kernel, and what a command line says of a configuration."""

import contextlib
import itertools
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from dualstack.model.address import Family, Protocol
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.sockets import Listener, Process, Transport
from dualstack.reach.start import configurations, conflicts, is_same_file, names_in, started_with

SOCKETS = (
    ("127.0.0.1", None),
    ("127.0.0.2", None),
    ("0.0.0.0", None),
    ("::1", True),
    ("::", True),
    ("::", False),
    ("::ffff:127.0.0.1", False),
)
KINDS = {Transport.TCP: socket.SOCK_STREAM, Transport.UDP: socket.SOCK_DGRAM}
HERE = Listener("host", Transport.TCP, "127.0.0.1", 4317, Family.IPV4)
INTERFACES = Path("/proc/net/if_inet6")
needs_ipv6 = pytest.mark.skipif(
    not INTERFACES.is_file() or "0" * 31 + "1 " not in INTERFACES.read_text(),
    reason="needs ::1 on the loopback interface",
)


def listener(transport: Transport, address: str, v6only: bool | None) -> Listener:
    family = Family.IPV6 if ":" in address else Family.IPV4
    return Listener("host", transport, address, 4317, family, v6only)


def bound(transport: Transport, address: str, v6only: bool | None, port: int) -> socket.socket:
    """A socket as Go makes it: SO_REUSEADDR over TCP alone, and listening there. Raises OSError."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, KINDS[transport])
    with contextlib.ExitStack() as undo:
        undo.callback(made.close)
        if v6only is not None:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        if transport is Transport.TCP:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        if transport is Transport.TCP:
            made.listen()
        undo.pop_all()
    return made


def is_bound_beside(one: tuple[Transport, str, bool | None], other: tuple[Transport, str, bool | None]) -> bool:
    """Whether two sockets can share a port; another program may hold the one that was picked, over the other family."""
    return any(_is_bound_beside(one, other) for _ in range(3))


def _is_bound_beside(one: tuple[Transport, str, bool | None], other: tuple[Transport, str, bool | None]) -> bool:
    with bound(*one, 0) as holder:
        try:
            bound(*other, holder.getsockname()[1]).close()
        except OSError:
            return False
    return True


@needs_ipv6
@pytest.mark.parametrize(("one", "other"), list(itertools.product(SOCKETS, SOCKETS)), ids=str)
@pytest.mark.parametrize("transport", KINDS)
def test_the_kernel_refuses_what_conflicts(
    transport: Transport, one: tuple[str, bool | None], other: tuple[str, bool | None]
) -> None:
    predicted = conflicts(listener(transport, *one), listener(transport, *other))

    assert predicted is not is_bound_beside((transport, *one), (transport, *other))


def test_tcp_and_udp_do_not_conflict() -> None:
    udp = replace(HERE, transport=Transport.UDP)

    assert not conflicts(HERE, udp)
    assert is_bound_beside((Transport.TCP, "127.0.0.1", None), (Transport.UDP, "127.0.0.1", None))


def test_sockets_of_two_devices_do_not_conflict() -> None:
    wide = replace(HERE, address="0.0.0.0")

    assert not conflicts(replace(wide, interface="eth0"), replace(wide, interface="eth1"))
    assert conflicts(replace(wide, interface="eth0"), wide)


def test_of_a_socket_that_could_not_be_read_ipv6_alone_is_counted() -> None:
    unread = replace(HERE, address="::", socket_family=Family.IPV6)

    assert not conflicts(unread, HERE)
    assert conflicts(unread, replace(unread, address="::1"))


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("otelcol --config /etc/a.yaml", ["/etc/a.yaml"]),
        ("otelcol -config=/etc/a.yaml --config=file:b.yaml", ["/etc/a.yaml", "b.yaml"]),
        ("otelcol --set=receivers.otlp.endpoint=x --configs y", []),
        ("otelcol --config", [""]),
    ],
)
def test_the_files_of_a_command_line(command: str, files: list[str]) -> None:
    assert started_with(Process(1, "otelcol", tuple(command.split()))) == tuple(files)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/etc/a.yaml", "/etc/a.yaml", True),
        ("/etc/a.yaml", "/srv/a.yaml", False),
        ("a.yaml", "/etc/a.yaml", True),
        ("./conf/a.yaml", "a.yaml", True),
        ("b.yaml", "/etc/a.yaml", False),
    ],
)
def test_paths_that_can_be_one_file(one: str, other: str, *, same: bool) -> None:
    assert is_same_file(one, other) is same


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("localhost:4317", ("localhost",)),
        ("", ("default.test",)),
        ("[receiver.test]:4317", ("receiver.test",)),
        ("0.0.0.0:4317", ()),
        ("[::1]:4317", ()),
        (":4317", ()),
        ("${env:HOST}:4317", ()),
    ],
)
def test_the_names_that_have_to_be_looked_up(value: str, names: tuple[str, ...]) -> None:
    endpoint = DeclaredEndpoint(
        "receivers/otlp", "f", value, value, "default.test:1", "tcp", "listen", Transport.TCP, Protocol.GRPC
    )

    assert names_in(Declared((endpoint, endpoint))) == names


def test_a_process_without_a_command_line_names_no_configuration() -> None:
    assert configurations(()) == ()
    assert configurations(("otelcol", "--config", "file:a.yaml", "-config=b.yaml", "--config")) == (
        "a.yaml",
        "b.yaml",
        "",
    )
