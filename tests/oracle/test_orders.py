"""The predicted order of addresses against the order that real runtimes give, in a namespace with real routes."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualstack.gather import resolver
from dualstack.model.address import canonical
from dualstack.reach.select import order
from tests import netns
from tests.gather.test_resolver import world
from tests.real import need

INTERFACE_ADDRESSES = {
    "127.0.0.1": 8, "::1": 128, "10.9.0.1": 24, "169.254.7.1": 16, "fd09::1": 64, "2001:db8:9::1": 64,
    "2002:a09:1::1": 48, "fec0:9::1": 64,
}  # fmt: skip

PREFIXES = (
    "::1/128", "::/96", "::ffff:0:0/96", "2001::/32", "2002::/16", "2002:a09:1::/48", "3ffe::/16", "fec0::/10",
    "fec0:9::/64", "fd09::/64", "fd00::/8", "fc00::/7", "2001:db8:9::/64", "2001:db8::/32", "2000::/3",
    "127.0.0.0/8", "10.9.0.0/24", "10.9.0.1/32", "10.0.0.0/8", "169.254.0.0/16", "192.0.2.0/24", "0.0.0.0/0",
)  # fmt: skip

ASK = """
import json, socket, sys
def source(ip):
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect((ip, 53))
        except OSError:
            return None
        return s.getsockname()[0]
for line in sys.stdin:
    asked = json.loads(line)
    with open("/etc/hosts", "w") as f:
        f.writelines(f"{x} many\\n" for x in asked)
    found = [x[4][0] for x in socket.getaddrinfo("many", None, type=socket.SOCK_STREAM)]
    print(json.dumps([found, {x: source(x) for x in asked}]), flush=True)
"""


def addresses() -> st.SearchStrategy[str]:
    """Unicast destinations, half of them near the edges of the policy tables. No IPv4-mapped ones, no multicast."""
    return st.sampled_from(PREFIXES).flatmap(lambda x: st.ip_addresses(network=x)).map(str).filter(_is_destination)


def _is_destination(address: str) -> bool:
    first = int(address.partition(".")[0]) if ":" not in address else 1
    return not address.startswith("ff") and "::ffff" not in address and 0 < first < 224 and address != "::"


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """A namespace with addresses of many kinds, a default route for IPv4, and routes to part of IPv6."""
    with netns.pair("select") as (client, _server), netns.etc(client, hosts="", nsswitch_conf="hosts: files\n"):
        own = ("127.0.0.1", "::1", netns.CLIENT_IPV4, netns.CLIENT_IPV6)
        more = [f"{a}/{n}" for a, n in INTERFACE_ADDRESSES.items() if a not in own]
        netns.batch(client, [f"address add {x} dev eth0 {'nodad' if ':' in x else ''}" for x in more])
        netns.batch(client, ["route add default via 10.9.0.2", "route add 2000::/3 via fd09::2"])
        netns.batch(client, ["route add fc00::/7 via fd09::2", "route add unreachable 3ffe::/16"])
        yield client


@pytest.fixture(scope="module")
def glibc(place: str) -> Iterator[subprocess.Popen[str]]:
    """A process in the namespace that answers a list of addresses with getaddrinfo's order and the kernel's sources."""
    if "glibc" not in os.confstr("CS_GNU_LIBC_VERSION").split():  # type: ignore[union-attr]
        pytest.skip("needs glibc")
    argv = ["ip", "netns", "exec", place, sys.executable, "-c", ASK]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def ask(process: subprocess.Popen[str], asked: list[str]) -> tuple[list[str], dict[str, str]]:
    """The order of getaddrinfo, and the source of each address that has a route, with its prefix length."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    found, sources = json.loads(process.stdout.readline())
    return list(map(canonical, found)), {k: f"{v}/{INTERFACE_ADDRESSES.get(v, 8)}" for k, v in sources.items() if v}


@given(asked=st.lists(addresses().map(canonical), min_size=1, max_size=12, unique=True))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_glibc_orders_so(glibc: subprocess.Popen[str], asked: list[str]) -> None:
    found, sources = ask(glibc, asked)
    assert list(order(asked, "glibc", (), sources)) == found


GAI = {
    "IPv4 first": "precedence ::ffff:0:0/96  100",
    "a unique local prefix last": "precedence fc00::/7 5\nprecedence ::ffff:0:0/96 10\nprecedence ::/0 20 # rest",
    "labels": "label fd09::/64 7\n  label 2001:db8::/32 7\nlabel ::ffff:0:0/96 7\n",
    "both": "label ::1/128 0\nprecedence ::1/128 50 more\nprecedence fd00::/8 45\nprecedence ::ffff:0:0/96 47\n",
    "no length": "precedence ::1 50\nprecedence ::ffff:0:0/96 47\n",
    "no value": "precedence ::ffff:0:0/96\n",
    "what is passed over": "precedence 10.0.0.0/8 3\nprecedence ::/129 3\nlabel ::/x 3\nprecedence ::/0 -1\n"
    "precedence ::/0 1x\nprecedenc ::ffff:0:0/96 100\n#precedence ::ffff:0:0/96 100\nreload no\n",
}


@pytest.mark.parametrize("text", GAI.values(), ids=GAI)
def test_glibc_orders_so_with_a_gai_conf(place: str, glibc: subprocess.Popen[str], text: str) -> None:
    assert glibc.poll() is None
    lines = world({resolver.GAI: text.encode()})
    policy = resolver.files(lines).policy
    shown = Path("/etc/netns", place, "gai.conf")
    shown.write_text(text)
    argv = ["ip", "netns", "exec", place, sys.executable, "-c", ASK]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for asked in cases(150).values():
            found, sources = ask(process, asked)
            assert list(order(asked, "glibc", (), sources, policy)) == found
        assert process.stdin
        process.stdin.close()
    shown.unlink()


PROGRAMS = Path(__file__).parent / "programs"

BUILD = {
    "go": ("go", "build", "-o", "{out}/order", f"{PROGRAMS}/order.go"),
    "java": ("javac", "-d", "{out}", f"{PROGRAMS}/Order.java"),
    "glibc": ("gcc", "-o", "{out}/order", f"{PROGRAMS}/order.c"),
    "musl": ("musl-gcc", "-static", "-o", "{out}/order", f"{PROGRAMS}/order.c"),
    "node": ("node", "--version"),
}
JAVA = ("java", "-cp", "{out}")
NODE = ("node", f"{PROGRAMS}/order.js")
PRINTS = {
    "go": ("go", ("{out}/order",)),
    "glibc": ("glibc", ("{out}/order",)),
    "musl": ("musl", ("{out}/order",)),
    "java": ("java", (*JAVA, "Order")),
    "java-ipv6-first": ("java", (*JAVA, "-Djava.net.preferIPv6Addresses=true", "Order")),
    "java-system-order": ("java", (*JAVA, "-Djava.net.preferIPv6Addresses=system", "Order")),
    "java-ipv4-stack": ("java", (*JAVA, "-Djava.net.preferIPv4Stack=true", "Order")),
    "node": ("node", NODE),
    "node-ipv4-first": ("node", ("node", "--dns-result-order=ipv4first", *NODE[1:])),
    "node-ipv6-first": ("node", ("node", "--dns-result-order=ipv6first", *NODE[1:])),
}


def cases(count: int) -> dict[str, list[str]]:
    """Names with random addresses, the same ones at each run; each has an IPv4 address, which every runtime takes."""
    source = random.Random(6724)
    found = {}
    for number in range(count):
        nets = [ip_network(source.choice(PREFIXES)) for _ in range(source.randint(1, 7))]
        drawn = [str(x[source.randrange(min(x.num_addresses, 2**120))]) for x in nets]
        held = {canonical(x): None for x in ["192.0.2.7", *drawn] if _is_destination(x)}
        found[f"c{number}"] = source.sample(list(held), len(held))
    return found


@pytest.fixture(scope="module")
def asked(place: str, glibc: subprocess.Popen[str]) -> dict[str, tuple[list[str], dict[str, str]]]:
    """The cases with the kernel's sources; the hosts file of the namespace then holds them all."""
    found = {name: (held, ask(glibc, held)[1]) for name, held in cases(300).items()}
    lines = [f"{address} {name}" for name, (held, _) in found.items() for address in held]
    Path("/etc/netns", place, "hosts").write_text("\n".join(lines) + "\n")
    return found


@pytest.mark.parametrize("runtime", PRINTS)
def test_a_runtime_orders_so(
    runtime: str, place: str, asked: dict[str, tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    builder, argv = PRINTS[runtime]
    tool = BUILD[builder][0]
    need(tool)
    subprocess.run([x.format(out=tmp_path) for x in BUILD[builder]], check=True, capture_output=True)
    command = ["ip", "netns", "exec", place, *(x.format(out=tmp_path) for x in argv)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, input="\n".join(asked))
    for (held, sources), line in zip(asked.values(), done.stdout.splitlines(), strict=True):
        if (
            runtime != "java-ipv4-stack" or "::1" not in held
        ):  # asked for IPv4 alone, glibc turns a `::1` line into 127.0.0.1
            assert list(order(held, runtime, (), sources)) == [canonical(x) for x in line.split()], held
