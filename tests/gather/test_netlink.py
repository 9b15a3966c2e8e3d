"""Netlink messages: built, taken apart, refused, and interrupted."""

import errno
import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.gather import netlink
from dualstack.gather.env import Env, real
from dualstack.gather.netns import find, inside
from tests.netns import batch, isolated

GETLINK, GETADDR = 18, 22
LINKS = netlink.request(GETLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0), dump=True)
INTERRUPTED = struct.pack("=IHHIIi", 20, 3, 0x12, 1, 0, 0)  # an end mark with NLM_F_DUMP_INTR
DONE = struct.pack("=IHHIIi", 20, 3, 0x02, 1, 0, 0)


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40)), st.binary(max_size=9))
def test_attributes_survive_the_way_there_and_back(found: dict[int, bytes], before: bytes) -> None:
    payload = before + b"".join(netlink.attribute(kind, value) for kind, value in found.items())

    assert netlink.attributes(payload, len(before)) == found


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_garbage_is_taken_apart_or_refused_and_ends(datagrams: list[bytes]) -> None:
    with suppress(netlink.Refused):
        for message in netlink.messages(datagrams):
            assert all(len(x) <= 80 for x in netlink.attributes(message.payload).values())


def test_the_kernels_refusal_carries_its_errno() -> None:
    with pytest.raises(netlink.Refused) as caught:
        netlink.exchange(real(), netlink.ROUTE, netlink.request(GETLINK, struct.pack("=BxHiII", 0, 0, 1 << 30, 0, 0)))

    assert caught.value.errno == errno.ENODEV


def test_an_error_at_the_end_of_a_dump_is_raised() -> None:
    failed = struct.pack("=IHHIIi", 20, 3, 0x02, 1, 0, -errno.ENOMEM)

    with pytest.raises(netlink.Refused) as caught:
        list(netlink.messages([failed]))

    assert caught.value.errno == errno.ENOMEM


def test_a_dump_of_many_datagrams_is_read_to_its_end() -> None:
    wanted = netlink.request(GETADDR, bytes(8), dump=True)
    with isolated("dump") as name:
        batch(name, [f"address add 10.{x // 250}.{x % 250}.1/32 dev lo" for x in range(2000)])
        datagrams = inside(find(name), lambda: list(netlink.ask(netlink.ROUTE, wanted)))
        found = inside(find(name), lambda: netlink.exchange(real(), netlink.ROUTE, wanted))

    assert len(datagrams) > 2
    assert len(found) == 2000 + 2  # 127.0.0.1 and ::1


def world(answers: list[list[bytes] | OSError]) -> Env:
    """This machine, with these answers first: a change in mid-dump cannot be timed."""
    before = real()
    script = iter(answers)

    def ask(protocol: int, request: bytes) -> list[bytes]:
        answer = next(script, None)
        if isinstance(answer, OSError):
            raise answer
        return list(before.netlink(protocol, request)) if answer is None else answer

    return replace(before, netlink=ask)


def names(links: list[netlink.Message]) -> list[str]:
    return [netlink.text(netlink.attributes(x.payload, 16), 3) for x in links]  # IFLA_IFNAME


@pytest.mark.parametrize("first", [[INTERRUPTED], OSError(errno.ENOBUFS, "No buffer space available")])
def test_an_inconsistent_dump_is_asked_for_again(first: list[bytes] | OSError) -> None:
    assert "lo" in names(netlink.exchange(world([first, first]), netlink.ROUTE, LINKS))


def test_a_namespace_that_never_holds_still_is_an_error() -> None:
    with pytest.raises(OSError, match="changed during each of 8 reads") as caught:
        netlink.exchange(world([[INTERRUPTED]] * 8), netlink.ROUTE, LINKS)

    assert caught.value.errno == errno.EAGAIN


def test_any_other_failure_is_passed_on_at_once() -> None:
    with pytest.raises(PermissionError):
        netlink.exchange(world([PermissionError(errno.EPERM, "no")]), netlink.ROUTE, LINKS)


def test_an_empty_table_is_an_empty_list() -> None:
    assert netlink.exchange(world([[DONE]]), netlink.ROUTE, LINKS) == []


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x0a\x09\x00\x05", "10.9.0.5"),
        (bytes(15) + b"\x01", "::1"),
        (bytes(10) + b"\xff\xff\x7f\x00\x00\x01", "::ffff:127.0.0.1"),
        (b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01", "2001:db8::1"),
    ],
)
def test_addresses_have_one_spelling(raw: bytes, text: str) -> None:
    assert netlink.address(raw) == text
