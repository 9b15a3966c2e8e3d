"""Rules in real network namespaces: what the tool says of them against what a connection meets."""

import errno
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualstack.gather import env, filters, netns
from dualstack.model.address import Family, family
from dualstack.model.evidence import Missing
from dualstack.model.filters import Owner, Packet, Ruleset
from dualstack.model.host import FilterVerdict
from dualstack.reach.policy import verdict
from tests.netns import CLIENT_IPV4, CLIENT_IPV6, SERVER_IPV4, SERVER_IPV6, as_nobody, execute, pair, sysctl
from tests.real import need

PORTS = (4317, 4318)
DATA = Path(__file__).parents[1] / "data" / "filters"
PROCESSORS = sorted(os.sched_getaffinity(0))
PATIENCE = 0.45  # seconds; what does not answer as it should is given more


class Try(NamedTuple):
    """One connection that meets the rules of the server's namespace."""

    way: str  # in: from the client; out: to the client; loop: from the server to itself
    source: str
    destination: str
    port: int

    @property
    def name(self) -> str:
        """How tables in this file call it."""
        return f"{self.way} {family(self.destination)} {self.port}"


ENDS = (
    ("in", CLIENT_IPV4, SERVER_IPV4),
    ("in", CLIENT_IPV6, SERVER_IPV6),
    ("out", SERVER_IPV4, CLIENT_IPV4),
    ("out", SERVER_IPV6, CLIENT_IPV6),
    ("loop", "127.0.0.1", "127.0.0.1"),
    ("loop", "::1", "::1"),
)
TRIES = tuple(Try(*ends, port) for ends in ENDS for port in PORTS)


def _echo(listener: socket.socket) -> None:
    while True:
        try:
            peer = listener.accept()[0]
        except OSError:
            return
        threading.Thread(target=_answer, args=(peer,), daemon=True).start()


def _answer(peer: socket.socket) -> None:
    with peer:
        try:
            peer.settimeout(2)
            peer.sendall(peer.recv(1))
        except OSError:
            return


def _socket(place: str, kind: int) -> socket.socket:
    return netns.inside(netns.find(place), lambda: socket.socket(kind, socket.SOCK_STREAM))


@contextmanager
def _listening(place: str) -> Iterator[None]:
    """A dual-stack echo server on each port of `PORTS`."""
    listeners = [_socket(place, socket.AF_INET6) for _ in PORTS]
    for listener, port in zip(listeners, PORTS, strict=True):
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", port))
        listener.listen()
        threading.Thread(target=_echo, args=(listener,), daemon=True).start()
    try:
        yield
    finally:
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[str, str]]:
    """Client and server, each with its listeners; the rules go to the server."""
    need("nft")
    with pair("filters") as (client, server), _listening(client), _listening(server):
        for place in (client, server):  # the kernel sends one ICMP error a second to a peer, and these tests want more
            sysctl(place, "net.ipv4.icmp_ratelimit", 0)
            sysctl(place, "net.ipv6.icmp.ratelimit", 0)
            _receive_elsewhere(place)
        yield client, server


def _receive_elsewhere(place: str) -> None:
    """Let another processor than the sender's receive.

    An ICMPv6 error that arrives while connect() still holds the socket is put aside until the SYN is sent again, a
    second later (net/ipv6/tcp_ipv6.c, tcp_v6_err). Between two machines it cannot be that early.
    """
    for device in ("lo", "eth0"):
        path = f"/sys/class/net/{device}/queues/rx-0/rps_cpus"
        execute(place, "sh", "-c", f"echo {1 << PROCESSORS[-1]:x} > {path}")


def _load(place: str, text: str) -> None:
    """Lines of iptables and ip6tables commands, or else a file of nft."""
    execute(place, "nft", "flush", "ruleset")
    lines = [x.split() for x in text.splitlines() if not x.startswith("#")]
    if lines[0][0].startswith("ip"):
        for line in lines:
            execute(place, *line)
        return
    argv = ["ip", "netns", "exec", place, "nft", "-f", "-"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=text)
    assert not done.returncode, f"{done.stderr}\n{text}"


def _met(world: tuple[str, str], tries: Sequence[Try], patience: float) -> dict[str, str]:
    with ThreadPoolExecutor(len(TRIES), initializer=os.sched_setaffinity, initargs=(0, PROCESSORS[:1])) as pool:
        return dict(pool.map(lambda x: (x.name, _tried(world, x, patience)), tries))


def _tried(world: tuple[str, str], item: Try, patience: float) -> str:
    """`accept`, `drop`, or the errno name that the client saw. A byte has to go there and back."""
    client, server = world
    kind = socket.AF_INET6 if family(item.destination) is Family.IPV6 else socket.AF_INET
    with _socket(client if item.way == "in" else server, kind) as connection:
        connection.settimeout(patience)
        try:
            connection.connect((item.destination, item.port))
            connection.sendall(b"x")
            return "accept" if connection.recv(1) == b"x" else "closed"
        except TimeoutError:
            return "drop"
        except OSError as error:
            return errno.errorcode[error.errno or 0]


def _said(ruleset: Ruleset, item: Try) -> FilterVerdict:
    hooks = {"in": ("input",), "out": ("output",), "loop": ("output", "input")}[item.way]
    device = "lo" if item.way == "loop" else "eth0"
    owner = None if item.way == "in" else filters.owner(env.real())
    packets = [Packet(hook, item.destination, item.port, item.source, device, device, owner) for hook in hooks]
    verdicts = [verdict(ruleset, x) for x in packets]
    return next((x for x in verdicts if x.verdict != "accept"), verdicts[-1])


def _read(place: str) -> Ruleset:
    found = netns.inside(netns.find(place), lambda: filters.ruleset(env.real(place)))
    assert isinstance(found, Ruleset), found
    return found


def _ended(met: str, said: FilterVerdict) -> str:
    """What was met. A segment rejected after the handshake ends the socket or leaves it waiting: both are lost."""
    return "drop" if met != "accept" and said.rule.endswith("(for later segments)") else met


def _compared(world: tuple[str, str], text: str) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """What was said and what was met, by connection, where they differ; and the connections that were left open."""
    _load(world[1], text)
    ruleset = _read(world[1])
    said = {x.name: _said(ruleset, x) for x in TRIES}
    met = _met(world, TRIES, PATIENCE)
    words = {name: x.error if x.verdict == "reject" else x.verdict for name, x in said.items()}
    doubted = [x for x in TRIES if words[x.name] not in {"unknown", _ended(met[x.name], said[x.name])}]
    met |= _met(world, doubted, 3 * PATIENCE + 1)  # time for one more SYN
    wrong = {x.name for x in doubted if words[x.name] != _ended(met[x.name], said[x.name])}
    unknown = {name for name, word in words.items() if word == "unknown"}
    return {x: f"{words[x]}: {said[x].rule}" for x in wrong}, {x: met[x] for x in wrong}, unknown


FILES = sorted(x.name for x in DATA.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_verdict_is_what_a_connection_meets(world: tuple[str, str], name: str) -> None:
    """Both families, both ports, both hooks, and loopback. What a file names as unknown is, and nothing else."""
    if name.endswith(".iptables"):
        need("iptables", "ip6tables")
    text = (DATA / name).read_text()
    head = text.splitlines()[0]
    said, met, unknown = _compared(world, text)

    assert said == met
    assert ", ".join(sorted(unknown)) == head.removeprefix("# unknown: ") if head.startswith("#") else not unknown


def _alone(hook: str, rule: str) -> str:
    return f"table inet f {{\nchain only {{\ntype filter hook {hook} priority 0\n{rule}\n}}\n}}\n"


KINDS = {
    "ipv4": "net-unreachable host-unreachable prot-unreachable port-unreachable "
    "net-prohibited host-prohibited admin-prohibited",
    "ipv6": "no-route admin-prohibited addr-unreachable port-unreachable policy-fail reject-route",
    "both": "port-unreachable admin-prohibited no-route host-unreachable",
}
REJECTS = [
    *(f"meta nfproto ipv4 tcp dport 4317 reject with icmp {x}" for x in KINDS["ipv4"].split()),
    *(f"meta nfproto ipv6 tcp dport 4317 reject with icmpv6 {x}" for x in KINDS["ipv6"].split()),
    *(f"tcp dport 4317 reject with icmpx {x}" for x in KINDS["both"].split()),
]


@pytest.mark.parametrize("hook", ["input", "output"])
@pytest.mark.parametrize("rule", REJECTS)
def test_each_kind_of_reject_gives_its_error(world: tuple[str, str], rule: str, hook: str) -> None:
    """The rows of reject.table, on the server's side and on the client's own."""
    said, met, unknown = _compared(world, _alone(hook, rule))

    assert (said, unknown) == (met, set())


OF_FAMILY = {
    "any": ("", "", "ct state new"),
    "ipv4": (
        "meta nfproto ipv4",
        "ip protocol tcp",
        "ip saddr 10.9.0.0/24",
        "ip saddr != 10.9.0.1",
        "ip daddr { 10.9.0.1, 127.0.0.0/8 }",
        "ip saddr . tcp dport { 10.9.0.1 . 4317, 127.0.0.1 . 4318 }",
    ),
    "ipv6": (
        "meta nfproto ipv6",
        "meta protocol ip6",
        "ip6 nexthdr tcp",
        "ip6 saddr fd09::1",
        "ip6 daddr != { fd09::2-fd09::5 }",
        "ip6 saddr @hosts",
    ),
}
PORT = (
    "",
    "tcp dport 4317",
    "tcp dport != 4318",
    "tcp dport { 22, 4318 }",
    "tcp dport 4000-4317",
    "tcp dport @ports",
    "tcp sport 4317",
    "tcp sport >= 1024",
    "meta l4proto tcp th dport 4318",
)
STATE = (
    "",
    "",
    "ct state new",
    "ct state established,related",
    "ct state != new",
    "ct state { new, untracked }",
    "ct direction reply",
    "tcp flags & (syn|ack) == syn",
    "fib daddr type local",
)
DEVICE = ("", "", "iif lo", 'iifname != "eth0"', 'oifname "eth*"', 'oifname { "lo" }', "meta iifname eth0")
CALLS = ("jump one", "goto two", "jump two")
ACTIONS = (
    *("accept", "drop", "return", "counter", "reject", "meta l4proto tcp reject with tcp reset"),
    *("reject with icmpx admin-prohibited", "tcp dport vmap { 4317 : drop, 4318 : accept }", *CALLS),
)
IPV6_ACTIONS = (*ACTIONS, "reject with icmpv6 no-route", "ip6 daddr vmap @fates")
ND_FIRST = "meta l4proto ipv6-icmp accept"
SETS = """set ports { type inet_service; flags interval; elements = { 22, 4318-4320 } }
set hosts { type ipv6_addr; elements = { fd09::1, ::1 } }
map fates { type ipv6_addr : verdict; elements = { fd09::2 : drop, ::1 : return } }"""


@st.composite
def _rule(draw: st.DrawFn, calls: tuple[str, ...]) -> str:
    """A rule of one line that nft takes: its words are all of one family."""
    family_ = draw(st.sampled_from(tuple(OF_FAMILY)))
    actions = [x for x in (IPV6_ACTIONS if family_ == "ipv6" else ACTIONS) if x not in CALLS or x in calls]
    words = [draw(st.sampled_from(x)) for x in (OF_FAMILY[family_], PORT, STATE, DEVICE, actions)]
    return " ".join(filter(None, words))


def _rules(*calls: str) -> st.SearchStrategy[list[str]]:
    return st.lists(_rule(calls), max_size=4)


def _chain(name: str, rules: list[str], hook: str = "") -> str:
    return "\n".join((f"chain {name} {{", hook, *rules, "}"))


@st.composite
def _rulesets(draw: st.DrawFn) -> str:
    """Two base chains and two others, from the words above; neighbour discovery is let through."""
    policies = [draw(st.sampled_from(("accept", "accept", "drop"))) for _ in range(2)]
    chains = [_chain("two", draw(_rules())), _chain("one", draw(_rules(*CALLS[1:])))]
    for hook, policy in zip(("input", "output"), policies, strict=True):
        head = f"type filter hook {hook} priority {draw(st.sampled_from((-150, 0, 10)))}; policy {policy};\n{ND_FIRST}"
        chains.append(_chain(hook, draw(_rules(*CALLS)), head))
    return "\n".join(("table inet f {", SETS, *chains, "}\n"))


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(text=_rulesets())
def test_random_rulesets(world: tuple[str, str], text: str) -> None:
    """Whatever is put together from the understood words, the verdict is right or unknown."""
    said, met, _ = _compared(world, text)

    assert said == met


@pytest.mark.parametrize("digit", ["", "6"])
def test_legacy_tables_count_beside_those_of_nftables(world: tuple[str, str], digit: str) -> None:
    """The listing of nft has nothing of them."""
    command = f"ip{digit}tables-legacy"
    need(command, f"{command}-save")
    rule = ("INPUT", "-p", "tcp", "--dport", "4317", "-j", "REJECT", "--reject-with", "tcp-reset")
    try:
        execute(world[1], command, "-A", *rule)
        said, met, unknown = _compared(world, _alone("input", "tcp dport 4318 drop"))
        found = _read(world[1])
    except subprocess.CalledProcessError as error:
        pytest.skip(f"needs legacy iptables in the kernel: {error.stderr.strip()}")
    finally:
        subprocess.run(["ip", "netns", "exec", world[1], command, "-F"], check=False, capture_output=True)

    assert (said, unknown) == (met, set())
    assert f"{command}-save" in {x.source for x in found.chains}


def _world(run: Callable[[Sequence[str]], str], tables: bytes = b"") -> env.Env:
    """A world of commands and of the tables that legacy iptables holds."""
    return replace(env.real(), run=run, read=lambda _: tables)


EMPTY = '{"nftables": []}'
BASE = '{"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "hook": "input"}}]}'


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (FileNotFoundError(), "nft is not installed"),
        (PermissionError("not for you"), "nft: not for you"),
        (
            subprocess.CalledProcessError(1, "nft", stderr=b"Operation\nnot permitted"),
            "nft failed: Operation not permitted",
        ),
        (subprocess.CalledProcessError(2, "nft"), "nft failed: exit status 2"),
        (subprocess.TimeoutExpired("nft", 20), "nft: Command 'nft' timed out after 20 seconds"),
        ("", "nft: Input data was truncated"),
        ('{"nftables": [{"chain": 1}]}', "nft: Expected `object`, got `int`"),
        (" " * (64 * 2**20 + 1), "nft: nft -j list chains printed more than 64 MiB"),
    ],
)
def test_what_cannot_be_read_is_missing(answer: str | Exception, why: str) -> None:
    """Each with its reason, in one line."""

    def run(_: Sequence[str]) -> str:
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert filters.ruleset(_world(run)) == Missing("packet filter rules", why)


def test_legacy_tables_that_cannot_be_read_are_a_gap() -> None:
    """They may drop what nftables accepts."""

    def run(argv: Sequence[str]) -> str:
        if argv[0] == "nft":
            return EMPTY
        if argv[0].endswith("legacy-save"):
            raise FileNotFoundError
        return "# Generated by iptables-save v1.8.9 (nf_tables) on a day\n"

    found = filters.ruleset(_world(run, b"filter\n"))
    assert isinstance(found, Ruleset)
    assert found.gaps[0].why.startswith("iptables-legacy-save: it holds rules, and no program that lists them")


def test_without_base_chains_nothing_more_is_asked() -> None:
    """`nft -j list chains` is cheap, the whole ruleset is not."""
    asked = []

    def run(argv: Sequence[str]) -> str:
        asked.append(" ".join(argv))
        return EMPTY

    assert filters.ruleset(_world(run)) == Ruleset("host")
    assert asked == ["nft -j list chains"]


def test_rules_that_only_iptables_shows_stay_undecided_without_it() -> None:
    """The listing of nft stands, with conditions that nobody can decide."""
    rule = '{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"xt": {"name": "REJECT"}}]}}'

    def run(argv: Sequence[str]) -> str:
        if argv[0] != "nft":
            raise FileNotFoundError
        return BASE.replace("]}", f", {rule}]}}")

    found = filters.ruleset(_world(run))
    assert isinstance(found, Ruleset)
    assert [x.source for x in found.chains] == ["nft list ruleset"]
    assert found.chains[0].rules[0].text == "xt REJECT"


def test_family_that_no_command_tells_stays_undecided() -> None:
    """A reset in an inet table may be for one family, and nft does not list that."""
    rule = '{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"reject": {"type": "tcp reset"}}]}}'

    def run(argv: Sequence[str]) -> str:
        if "--debug=netlink" in argv:
            raise subprocess.CalledProcessError(1, "nft")
        return BASE.replace('"ip"', '"inet"').replace("]}", f", {rule}]}}")

    def read(path: str) -> bytes:
        raise FileNotFoundError(path)

    found = filters.ruleset(replace(env.real(), run=run, read=read))
    assert isinstance(found, Ruleset)
    assert verdict(found, Packet("input", SERVER_IPV4, 4317, CLIENT_IPV4, "eth0")).verdict == "unknown"


def test_without_privileges_the_reason_is_given() -> None:
    """A listing that is refused is no empty ruleset."""
    need("nft")
    found = as_nobody(lambda: filters.ruleset(env.real()))

    assert isinstance(found, Missing)
    assert "Operation not permitted" in found.why


def test_the_owner_of_sockets_is_the_user_of_this_process() -> None:
    assert filters.owner(env.real()) == Owner(os.geteuid(), os.getegid())


@pytest.mark.parametrize("text", [b"", b"Uid:\t0\t0\t0\t0\n", b"Uid:\t0\nGid:\t-\n"])
def test_an_owner_that_is_not_told_is_not_known(text: bytes) -> None:
    assert filters.owner(replace(env.real(), read=lambda _: text)) is None


def test_without_proc_the_owner_is_not_known() -> None:
    def read(path: str) -> bytes:
        raise FileNotFoundError(path)

    assert filters.owner(replace(env.real(), read=read)) is None
