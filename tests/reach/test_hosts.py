"""What a host means to each runtime."""

import pytest

from dualstack.knowledge import table
from dualstack.reach.bind import listen_mark
from dualstack.reach.hosts import meanings

ALL = {y for x in table("bind") for y in x["runtime"].split(",")}


@pytest.mark.parametrize(
    ("text", "runtime", "marks"),
    [
        ("0.0.0.0", "go", ["*/dual-stack"]),
        ("0.0.0.0:4318", "node", ["0.0.0.0/ipv4-only"]),
        ("::", "rust", ["*/dual-stack"]),
        (" [::]:4317\n", "asyncio", ["[::]/ipv6-only"]),
        (":4317", "asyncio", ["0.0.0.0/ipv4-only", "[::]/ipv6-only"]),
        ("localhost", "node", ["[::1]"]),
        ("localhost:4317", "grpc-core", ["[::1]", "[::ffff:127.0.0.1]"]),
        ("fe80::1%br0", "go", ["[fe80::1%br0]"]),
        ("10.0.0.5", "dotnet", ["10.0.0.5"]),
        ("[0.0.0.0]", "rust", []),
        ("*", "posix", ["0.0.0.0/ipv4-only"]),
    ],
)
def test_a_host_is_what_the_table_says(text: str, runtime: str, marks: list[str]) -> None:
    found = {x.runtime: x for x in meanings(text)}
    assert set(found) == ALL
    assert [listen_mark(x) for x in found[runtime].bound.sockets] == marks
    assert bool(marks) is not bool(found[runtime].bound.error)


def test_what_nothing_ran_is_said_to_be_unverified() -> None:
    found = {x.runtime: x for x in meanings("0.0.0.0")}
    assert {x for x in found if found[x].status == "unverified"} == {"dotnet"}
    assert found["dotnet"].source
    nowhere = next(x for x in meanings("fe80::1") if x.runtime == "dotnet")
    assert (nowhere.status, bool(nowhere.bound.unknown)) == ("", True)


@pytest.mark.parametrize(
    "text", ["", " ", "hello", "collector:4317", "1.2.3", "[::", "connection refused", "10.0.0.5:x"]
)
def test_any_other_text_is_no_host(text: str) -> None:
    assert meanings(text) == ()
