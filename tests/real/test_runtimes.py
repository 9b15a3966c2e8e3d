"""Each runtime's listener starts, holds its socket, and says what is wrong where it cannot."""

import pytest

from tests import netns
from tests.real.runtimes import RUNTIMES, listener

MAPPED = ("grpc-core", "jvm")  # they open an IPv6 socket for an IPv4 address
ERRORS = {
    "go": "listen tcp 10.9.9.9:4317: bind: cannot assign requested address",
    "jvm": "java.net.BindException: Cannot assign requested address",
    "rust": "Cannot assign requested address (os error 99)",
    "posix": "Cannot assign requested address",
    "node": "listen EADDRNOTAVAIL: address not available 10.9.9.9:4317",
    "python": "[Errno 99] Cannot assign requested address",
}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_listener_holds_its_socket(runtime: str) -> None:
    """The kernel shows one listening socket on that address."""
    with netns.isolated("real") as name, listener(runtime, "tcp", "127.0.0.1", 4317, name) as running:
        sockets = netns.execute(name, "ss", "-Htln")

    assert running.said == "ok"
    bound = "[::ffff:127.0.0.1]:4317" if runtime in MAPPED else "127.0.0.1:4317"
    assert [x.split()[3] for x in sockets.splitlines()] == [bound]


@pytest.mark.parametrize("runtime", ERRORS)
def test_listener_says_why_it_cannot_bind(runtime: str) -> None:
    """An address that the namespace does not have, in the runtime's own words."""
    with netns.isolated("real") as name, listener(runtime, "tcp", "10.9.9.9", 4317, name) as running:
        said = running.said

    assert said == ERRORS[runtime]
