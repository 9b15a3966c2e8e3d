"""Listening sockets, by where they are bound."""

from dualstack.model.address import Family
from dualstack.model.sockets import Listener, Listeners, Process, Runtime, Transport


def listener(address: str, port: int, transport: Transport = Transport.TCP, place: str = "host") -> Listener:
    return Listener(place, transport, address, port, Family.IPV6 if ":" in address else Family.IPV4)


def test_a_port_is_asked_for_in_one_place_and_one_transport() -> None:
    ours = listener("::", 4317)
    others = (listener("::", 4318), listener("::", 4317, Transport.UDP), listener("::", 4317, place="netns red"))
    found = Listeners((*others, ours), ("host", "netns red"))

    assert found.on("host", 4317) == (ours,)
    assert found.on("host", 4317, Transport.UDP) == (others[1],)
    assert found.on("netns red", 4318) == ()


def test_a_bound_address_is_shown_with_its_port() -> None:
    assert [x.endpoint for x in (listener("::", 4317), listener("0.0.0.0", 4318))] == ["[::]:4317", "0.0.0.0:4318"]


def test_the_runtime_is_that_of_the_first_owner_and_unknown_without_one() -> None:
    owners = (Process(1, "otelcol", runtime=Runtime.GO), Process(2, "sh", runtime=Runtime.POSIX))
    owned = Listener("host", Transport.TCP, "::", 4317, Family.IPV6, processes=owners)

    assert owned.runtime is Runtime.GO
    assert listener("::", 4317).runtime is Runtime.UNKNOWN
