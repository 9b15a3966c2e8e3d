"""Who knows `localhost` without a resolver: the table against real clients."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualstack.knowledge import table
from dualstack.model.names import Lookup, Names
from dualstack.model.question import Client
from dualstack.reach.dial import parse_client
from dualstack.reach.localhost import as_known
from dualstack.reach.select import clients
from tests import netns
from tests.real import need

ORDER = Path(__file__).parents[1] / "oracle" / "programs" / "Order.java"
NOWHERE = Names((Lookup("localhost", error="EAI_AGAIN"),))
ELSEWHERE = Names((Lookup("localhost", ("127.0.0.9",)),))

JAVA = ("java", "-cp", "{out}")
RUNS = {
    "curl": ("curl", "-sv", "http://localhost:1/"),
    "java": (*JAVA, "Order"),
    "java-ipv6-first": (*JAVA, "-Djava.net.preferIPv6Addresses=true", "Order"),
    "java-system-order": (*JAVA, "-Djava.net.preferIPv6Addresses=system", "Order"),
    "java-ipv4-stack": (*JAVA, "-Djava.net.preferIPv4Stack=true", "Order"),
    "glibc": ("getent", "ahosts", "localhost"),
    "node": ("node", "-e", "require('dns').lookup('localhost', (_, x) => console.log(x ?? ''))"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled Java program that looks names up."""
    need("javac", "java", "curl", "node", "getent")
    out = tmp_path_factory.mktemp("java")
    subprocess.run(["javac", "-d", out, ORDER], check=True)
    return out


@pytest.fixture(params=[NOWHERE, ELSEWHERE], ids=["nowhere", "elsewhere"])
def world(request: pytest.FixtureRequest) -> Iterator[tuple[str, Names]]:
    """A namespace whose resolver does not know `localhost`, or has another address for it."""
    names: Names = request.param
    hosts = "".join(f"{x} localhost\n" for x in names.lookups[0].addresses)
    silent = "nameserver 127.0.0.1\n"
    with (
        netns.isolated("local") as place,
        netns.etc(place, hosts=hosts, resolv_conf=silent, nsswitch_conf="hosts: files dns\n"),
    ):
        yield place, names


@pytest.mark.parametrize("runtime", RUNS)
def test_what_a_client_makes_of_localhost(runtime: str, world: tuple[str, Names], built: Path) -> None:
    place, names = world
    argv = ["ip", "netns", "exec", place, *(x.format(out=built) for x in RUNS[runtime])]
    said = subprocess.run(argv, check=False, capture_output=True, text=True, input="localhost\n")
    found = re.findall(r"(?<![\w.:])(?:127\.0\.0\.\d|::1|0:0:0:0:0:0:0:1)(?![\w.])", said.stdout + said.stderr)

    known = as_known(names, Client(runtime)).lookup("localhost")
    assert known
    assert {x.replace("0:0:0:0:0:0:0:1", "::1") for x in found} == set(known.addresses)


@pytest.mark.parametrize(("version", "own"), [("curl", True), ("curl@7.77.0", False), ("curl@7.78.0", True)])
def test_it_depends_on_the_version(version: str, own: bool) -> None:
    assert bool(as_known(NOWHERE, parse_client(version)).own) is own


def test_other_names_and_nobody_are_left_alone() -> None:
    other = Names((Lookup("collector", error="EAI_AGAIN"),))

    assert as_known(other, Client("curl")) == other
    assert as_known(NOWHERE, None) == NOWHERE


def test_the_table_names_runtimes_of_the_other_one() -> None:
    assert {x for row in table("localhost") for x in row["runtime"].split(",")} <= set(clients())
