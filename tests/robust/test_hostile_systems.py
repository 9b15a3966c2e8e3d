"""What the system says, with bytes wrong: a kernel that is another one, a tool that is newer, a damaged file.

A gatherer gives a value or raises OSError, which becomes evidence that is missing; nothing else.
"""

import errno
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import dns.exception
import dns.message
import dns.rrset
import pytest

from dualstack.gather import dns as gather_dns
from dualstack.gather import filters, iptables, netlink, resolver
from dualstack.gather.env import Env, real
from dualstack.gather.namespaces import namespace
from dualstack.gather.netns import find, inside
from dualstack.gather.peers import confirmed
from dualstack.gather.processes import process
from dualstack.gather.routes import route
from dualstack.gather.sockets import listeners
from dualstack.model.filters import Ruleset
from dualstack.model.host import Routes
from tests.netns import CLIENT_IPV6, SERVER_IPV4, batch, execute, pair
from tests.robust.mutants import MANY, mutant, mutants

FILTERS = Path(__file__).parents[1] / "data" / "filters"
SOME = MANY // 10
"""Mutants of each dump; a dump takes a system call for each of its questions."""


def test_mutated_dns_answers() -> None:
    """As dnspython reads them from the wire, and as the gatherer reads what it gives."""
    query = dns.message.make_query("collector.example.", "AAAA")
    reply = dns.message.make_response(query)
    reply.answer = [
        dns.rrset.from_text("collector.example.", 60, "IN", "CNAME", "other.example."),
        dns.rrset.from_text("other.example.", 60, "IN", "AAAA", "2001:db8::1", "2001:db8::2"),
    ]
    read = 0
    for wire in mutants([reply.to_wire()], MANY):
        with suppress(OSError, EOFError, dns.exception.DNSException):
            message = dns.message.from_wire(wire, raise_on_truncation=True)
            if query.is_response(message):  # dns.query passes over any other
                rcode, addresses, _ = gather_dns._read(message)
                assert rcode.isprintable()
                read += bool(addresses)

    assert read > MANY // 100


class Recorded:
    """A world whose netlink answers are those of a real one, with bytes wrong once `rng` is there."""

    def __init__(self) -> None:
        self.rng: random.Random | None = None
        self.known: dict[tuple[int, bytes], list[bytes]] = {}

    def netlink(self, protocol: int, request: bytes) -> Iterator[bytes]:
        """The datagrams that answer a request, one of them perhaps damaged."""
        if (protocol, request) not in self.known:
            self.known[protocol, request] = list(netlink.ask(protocol, request))
        answer = list(self.known[protocol, request])
        if self.rng and self.rng.random() < 0.7:
            at = self.rng.randrange(len(answer))
            answer[at] = mutant(answer[at], self.rng)
        yield from answer


def refused(error: OSError) -> bool:
    """Whether an error is one that a reader can make sense of."""
    return isinstance(error.errno, int) and bool(error.strerror or str(error))


@pytest.mark.parametrize(
    "gather",
    [
        namespace,
        listeners,
        lambda env: route(env, SERVER_IPV4),
        lambda env: route(env, CLIENT_IPV6),
        lambda env: confirmed(env, namespace(real()), Routes((route(real(), SERVER_IPV4),))),
    ],
    ids=["namespace", "listeners", "route", "own address", "neighbours"],
)
def test_mutated_netlink_dumps(gather: Callable[[Env], object]) -> None:
    with pair("hostile") as (client, _):
        batch(client, [f"neighbour replace {SERVER_IPV4} lladdr 02:00:00:00:00:01 dev eth0"])
        errors, values = inside(find(client), lambda: _played(gather))

    assert values
    assert errors
    assert all(map(refused, errors))


def _played(gather: Callable[[Env], object]) -> tuple[list[OSError], int]:
    recorded = Recorded()
    env = replace(real(), netlink=recorded.netlink, read=_no_procfs)
    gather(env)
    recorded.rng = random.Random(4)
    errors, values = list[OSError](), 0
    for _ in range(SOME):
        try:
            gather(env)
            values += 1
        except OSError as error:
            errors.append(error)
    return errors, values


def _no_procfs(path: str) -> bytes:
    raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)


TABLES = ("tcp", "tcp6", "udp", "udp6")


def test_mutated_socket_tables() -> None:
    """Those of /proc, where netlink is refused."""
    tables = {f"/proc/thread-self/net/{x}": real().read(f"/proc/thread-self/net/{x}") for x in TABLES}
    rng = random.Random(5)

    def refuse(protocol: int, request: bytes) -> Iterator[bytes]:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    env = replace(real(), netlink=refuse, names=lambda _: [])
    for _ in range(SOME):
        damaged = replace(env, read=lambda path: mutant(tables[path], rng))
        with suppress(OSError):
            listeners(damaged)


def test_mutated_files_of_a_process_and_of_the_resolver() -> None:
    """The program itself, its maps and links; hosts, resolv.conf, nsswitch.conf."""
    originals = {
        "/proc/1/comm": b"python3\n",
        "/proc/1/cmdline": b"java\0-jar\0collector.jar\0",
        "/proc/1/environ": b"JAVA_TOOL_OPTIONS=-Djava.net.preferIPv4Stack=true\0A=b\0",
        "/proc/1/maps": b"7f00-7f01 r-xp 00000000 08:01 1 /usr/lib/libjvm.so\n",
        "/proc/1/stat": b"1 (ja) va) T 0 1\n",
        resolver.HOSTS: b"127.0.0.1 localhost\n::1 localhost ip6-localhost # x\nfe80::1%eth0 zoned\n",
        resolver.RESOLV: b"nameserver 10.0.0.53\nnameserver fd00::53\nsearch a.example b.example\noptions ndots:5\n",
        resolver.NSSWITCH: b"hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
        resolver.HOSTNAME: b"host.example\n",
        resolver.GAI: b"precedence ::ffff:0:0/96 100\nlabel 2001:db8::/32 9\n",
    }
    program = real().read("/proc/self/exe")[: 1 << 16]
    rng = random.Random(6)
    for _ in range(SOME):
        env = replace(
            real(),
            read=lambda path: mutant(originals[path], rng),
            link=lambda _: rng.choice(("/usr/bin/java", "/opt/\udcff", "")),
            part=lambda _, offset, size: mutant(program[offset : offset + size], rng),
            names=lambda _: ["1", "x"],
        )
        assert process(env, 1).pid == 1
        assert resolver.files(env).nameservers


@pytest.fixture(scope="module")
def listings() -> dict[str, list[bytes]]:
    """What nft and iptables-save print for the rules of the tests, by the name of the command."""
    found: dict[str, list[bytes]] = {"nft": [], "iptables-save": []}
    with pair("hostile") as (client, _):
        for path in sorted(FILTERS.glob("*.nft")):
            execute(client, "nft", "-f", str(path))
            found["nft"].append(execute(client, "nft", "-j", "list", "ruleset").encode())
            execute(client, "nft", "flush", "ruleset")
    found["iptables-save"] = [x.read_bytes() for x in sorted(FILTERS.glob("*.iptables"))]
    return found


def printing(text: str) -> Env:
    """A world in which every command prints this."""
    return replace(real(), run=lambda _: text)


def test_mutated_listings_of_rules(listings: dict[str, list[bytes]]) -> None:
    """A listing is read, or it is evidence that is missing."""
    read = 0
    for data in mutants(listings["nft"], MANY):
        read += isinstance(filters.ruleset(printing(data.decode(errors="replace"))), Ruleset)
    for data in mutants(listings["iptables-save"], MANY):
        with suppress(ValueError):
            read += bool(iptables.parse(data.decode(errors="replace"), "ip"))

    assert read > MANY // 50


def test_a_tool_that_prints_nonsense_or_fails_is_missing_evidence() -> None:
    """And never no rules."""
    for outcome in ('{"nftables": [{"chain": 1}]}', "", "[]", "\x00", '{"nftables": {}}'):
        said = filters.ruleset(printing(outcome))
        assert getattr(said, "needs", "") == filters.NEEDS, outcome

    def fails(argv: object) -> str:
        raise subprocess.TimeoutExpired("nft", 20)

    assert getattr(filters.ruleset(replace(real(), run=fails)), "needs", "") == filters.NEEDS
