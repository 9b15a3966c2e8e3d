"""Worlds: a real server, a fault, and what the tool has to say. Two network namespaces and a cable, a row a world."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest

from dualstack.lab.demo import receiver
from tests import netns
from tests.cli.command import dualstack
from tests.real import collector, need, rotel

NAME = "collector.test"
IPV4, IPV6 = f"{netns.SERVER_IPV4} {NAME}", f"{netns.SERVER_IPV6} {NAME}"
STALE_IPV6 = f"fd09::99 {NAME}"
UNROUTED_IPV6 = f"2001:db8::5 {NAME}"

IPV6_OFF = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"
NO_IPV4 = "ip -4 address flush dev eth0"
DROP, REJECT = "drop", "reject"


def firewall(family: str, verdict: str, hook: str = "input") -> str:
    """A packet filter that does this with one family to the gRPC port."""
    rule = f"meta nfproto {family} tcp dport 4317 {verdict}"
    return f"nft 'table inet t {{ chain c {{ type filter hook {hook} priority filter; {rule}; }}; }}'"


class World(NamedTuple):
    """One row.

    `server` is a program and what it binds, `faults` are shell commands by end, `hosts` is what the client's hosts file
    says of the name, `flows` the disposition by family, `codes` the causes (any order, symptoms apart). A family that
    the name lacks has no flow.
    """

    server: str
    flows: dict[str, str]
    verdict: str
    codes: frozenset[str] = frozenset()
    client_faults: tuple[str, ...] = ()
    server_faults: tuple[str, ...] = ()
    hosts: tuple[str, ...] = (IPV4, IPV6)
    argv: tuple[str, ...] = (f"grpc://{NAME}:4317",)
    asked_at_server: bool = False


LOOPBACK = ("grpc://127.0.0.1:4317", "grpc://[::1]:4317")
BOTH_WORK = {"ipv4": "accepted", "ipv6": "accepted"}
NO_IPV6_WORKS = {"ipv4": "accepted", "ipv6": "refused"}

WORLDS = {
    "collector on 0.0.0.0": World("collector 0.0.0.0", BOTH_WORK, "healthy"),
    "collector on [::]": World("collector [::]", BOTH_WORK, "healthy"),
    "collector with bindv6only": World(
        "collector [::]", BOTH_WORK, "healthy", server_faults=("sysctl -qw net.ipv6.bindv6only=1",)
    ),
    "hosts without IPv6": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted"},
        "healthy",
        client_faults=(IPV6_OFF,),
        server_faults=(IPV6_OFF,),
        hosts=(IPV4,),
    ),
    "client without IPv6, name with both": World(
        "collector 0.0.0.0", {"ipv4": "accepted", "ipv6": "no_route"}, "healthy", client_faults=(IPV6_OFF,)
    ),
    "hosts without IPv4": World(
        "collector [::]",
        {"ipv6": "accepted"},
        "healthy",
        client_faults=(NO_IPV4,),
        server_faults=(NO_IPV4,),
        hosts=(IPV6,),
    ),
    "Rust on 0.0.0.0": World("rotel 0.0.0.0", NO_IPV6_WORKS, "degraded", frozenset({"DS205"})),
    "Rust on [::] with bindv6only": World(
        "rotel [::]",
        {"ipv4": "refused", "ipv6": "accepted"},
        "degraded",
        frozenset({"DS206"}),
        server_faults=("sysctl -qw net.ipv6.bindv6only=1",),
    ),
    "IPV6_V6ONLY": World("v6only ::", {"ipv4": "refused", "ipv6": "accepted"}, "degraded", frozenset({"DS207"})),
    "collector with tcp4": World("collector 0.0.0.0 tcp4", NO_IPV6_WORKS, "degraded", frozenset({"DS208"})),
    "collector with tcp6": World(
        "collector [::] tcp6", {"ipv4": "refused", "ipv6": "accepted"}, "degraded", frozenset({"DS208"})
    ),
    "collector on localhost": World(
        "collector localhost", {"ipv4": "refused", "ipv6": "refused"}, "broken", frozenset({"DS202"})
    ),
    "collector on one address": World(
        f"collector {netns.SERVER_IPV4}", NO_IPV6_WORKS, "degraded", frozenset({"DS204"})
    ),
    "collector on localhost, asked there": World(
        "collector 127.0.0.1",
        NO_IPV6_WORKS,
        "degraded",
        frozenset({"DS203"}),
        argv=LOOPBACK,
        asked_at_server=True,
    ),
    "loopback without IPv6": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted", "ipv6": "no_route"},
        "degraded",
        frozenset({"DS303"}),
        server_faults=("sysctl -qw net.ipv6.conf.lo.disable_ipv6=1",),
        argv=LOOPBACK,
        asked_at_server=True,
    ),
    "host without IPv6, asked for it": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted", "ipv6": "no_route"},
        "degraded",
        frozenset({"DS302"}),
        server_faults=(IPV6_OFF,),
        argv=LOOPBACK,
        asked_at_server=True,
    ),
    "nothing listens": World("nothing", {"ipv4": "refused", "ipv6": "refused"}, "broken", frozenset({"DS211"})),
    "server without IPv6, name with both": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted", "ipv6": "no_route"},
        "degraded",
        frozenset({"DS302"}),
        server_faults=(IPV6_OFF,),
    ),
    "AAAA that leads nowhere": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted", "ipv6": "no_route"},
        "degraded",
        frozenset({"DS305"}),
        hosts=(IPV4, STALE_IPV6),
    ),
    "AAAA without a route": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted", "ipv6": "no_route"},
        "degraded",
        frozenset({"DS305"}),
        hosts=(IPV4, UNROUTED_IPV6),
    ),
    "server drops IPv6": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted", "ipv6": "denied"},
        "degraded",
        frozenset({"DS702"}),
        server_faults=(firewall("ipv6", DROP),),
    ),
    "server drops IPv4": World(
        "collector 0.0.0.0",
        {"ipv4": "denied", "ipv6": "accepted"},
        "degraded",
        frozenset({"DS702"}),
        server_faults=(firewall("ipv4", DROP),),
    ),
    "server rejects IPv6": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted", "ipv6": "denied"},
        "degraded",
        frozenset({"DS702"}),
        server_faults=(firewall("ipv6", REJECT),),
    ),
    "server rejects IPv4 by reset": World(
        "collector 0.0.0.0",
        {"ipv4": "denied", "ipv6": "accepted"},
        "degraded",
        frozenset({"DS702"}),
        server_faults=(firewall("ipv4", "reject with tcp reset"),),
    ),
    "client rejects IPv4 of its user": World(
        "collector 0.0.0.0",
        {"ipv4": "denied", "ipv6": "accepted"},
        "degraded",
        frozenset({"DS702"}),
        client_faults=(firewall("ipv4", "meta skuid 0 reject with tcp reset", "output"),),
    ),
    "client rejects IPv6": World(
        "collector 0.0.0.0",
        {"ipv4": "accepted", "ipv6": "denied"},
        "degraded",
        frozenset({"DS702"}),
        client_faults=(firewall("ipv6", REJECT, "output"),),
    ),
}


def served(server: str, place: str) -> AbstractContextManager[Any]:
    """A running server, as a row names it."""
    program, *bound = server.split()
    if program == "collector":
        return collector.start(_config(*bound), place)
    if program == "rotel":
        return rotel.start(f"{bound[0]}:4317", f"{bound[0]}:4318", place)
    if program == "v6only":
        return receiver("grpc", bound[0], 4317, v6only=True, netns=place)
    return ExitStack()


def _config(address: str, transport: str = "tcp") -> str:
    return f"""\
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "{address}:4317", transport: {transport}}}}}}}}}
exporters: {{debug: }}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"""


@contextmanager
def built(world: World) -> Iterator[str]:
    """The world of a row, with its server running; gives the namespace to ask from."""
    need("nft", "ip")
    with netns.pair("cli") as (client, server), ExitStack() as stack:
        for place, faults in ((client, world.client_faults), (server, world.server_faults)):
            for fault in faults:
                netns.execute(place, "sh", "-c", fault)
        stack.enter_context(netns.etc(client, hosts="\n".join((*world.hosts, ""))))
        stack.enter_context(served(world.server, server))
        yield server if world.asked_at_server else client


def told(text: str) -> tuple[str, frozenset[str], dict[str, str]]:
    """Verdict, causes and dispositions of a report in JSON."""
    found = json.loads(text)
    causes = frozenset(x["code"] for x in found["findings"] if not x["because"])
    return found["verdict"], causes, {x["family"]: x["disposition"] for x in found["traces"]}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_world(world: World) -> None:
    """Verdict, causes, dispositions and exit status are those of the row."""
    with built(world) as client:
        done = dualstack("diagnose", "--netns", client, "--timeout", "1", "--format", "json", *world.argv)

    assert done.stderr == ""
    assert told(done.stdout) == (world.verdict, world.codes, world.flows)
    assert done.returncode == (0 if world.verdict == "healthy" else 1)


NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all")

# What a user without privileges is told of a world, and what stays out of sight then.
WITHOUT_PRIVILEGES = [
    ("collector on 0.0.0.0", "healthy", frozenset(), ""),
    ("IPV6_V6ONLY", "degraded", frozenset({"DS201"}), "packet filter"),
    ("server drops IPv6", "degraded", frozenset({"DS906"}), "packet filter"),
    ("nothing listens", "broken", frozenset({"DS211"}), "packet filter"),
    ("collector on localhost, asked there", "degraded", frozenset({"DS203"}), "packet filter"),
]


@pytest.mark.parametrize(("name", "verdict", "codes", "unseen"), WITHOUT_PRIVILEGES, ids=lambda x: str(x)[:40])
def test_without_privileges(name: str, verdict: str, codes: frozenset[str], unseen: str) -> None:
    """It says less, says it as surely, and names what it could not see."""
    need("setpriv")
    with built(WORLDS[name]) as place:
        before = ("ip", "netns", "exec", place, *NOBODY)
        done = dualstack("diagnose", "--timeout", "1", "--format", "json", *WORLDS[name].argv, before=before)

    assert done.stderr == ""
    assert told(done.stdout) == (verdict, codes, told_flows(name))
    assert unseen in " ".join(x["needs"] for x in json.loads(done.stdout)["skipped"])


def told_flows(name: str) -> dict[str, str]:
    """The dispositions without a view of the other end: a drop there is silence here."""
    return {k: v.replace("denied", "timed_out") for k, v in WORLDS[name].flows.items()}


# What can be predicted from this end alone, without a connection: the answer, and the exit status.
WITHOUT_PROBES = [
    ("collector on 0.0.0.0", "unknown", frozenset(), 3),
    ("IPV6_V6ONLY", "unknown", frozenset(), 3),
    ("nothing listens", "unknown", frozenset(), 3),
    ("collector on localhost, asked there", "degraded", frozenset({"DS203"}), 1),
    ("host without IPv6, asked for it", "degraded", frozenset({"DS302"}), 1),
]


@pytest.mark.parametrize(("name", "verdict", "codes", "status"), WITHOUT_PROBES, ids=lambda x: str(x)[:40])
def test_without_probes(name: str, verdict: str, codes: frozenset[str], status: int) -> None:
    """Nothing is announced or called accepted, and what cannot be known is unknown."""
    with built(WORLDS[name]) as place:
        done = dualstack("diagnose", "-v", "--netns", place, "--no-probe", "--format", "json", *WORLDS[name].argv)
    found, causes, flows = told(done.stdout)

    assert (found, causes, done.returncode, done.stderr) == (verdict, codes, status, "")
    assert "accepted" not in flows.values()
