"""The clients of a target that run on this host: who has, or tries to get, a connection to it right now.

Sockets by sock_diag(7) in the network namespace of the calling thread, their processes by /proc, and which client such
a process is by `knowledge/client_marks.table`. Without privileges only the processes of the same user are seen.
"""

import re
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dualstack.gather import procfs
from dualstack.gather.env import Env
from dualstack.gather.netlink import SOCK_DIAG, address, exchange, request
from dualstack.gather.processes import build, environ, mapped, process
from dualstack.gather.sockets import ADDRESS_SIZE, BY_FAMILY, SOCKET
from dualstack.knowledge import table
from dualstack.model.address import Protocol, Target, unmapped, without_zone
from dualstack.model.client import Caller, Callers
from dualstack.model.question import Client
from dualstack.model.sockets import Process
from dualstack.reach.proxy import proxies

_REQUEST = struct.Struct("=BBBxI2s2s44x")  # inet_diag_req_v2: family, protocol, extensions, states, source port, port
_STATES = {1: "ESTABLISHED", 2: "SYN-SENT"}  # include/net/tcp_states.h
_NODE_VERSION = re.compile(r"#define NODE_M(?:AJOR|INOR)_VERSION (\d{1,4})$", re.MULTILINE)


class _Link(msgspec.Struct, frozen=True):
    """A connection to a target, and the inode of its socket; `pending` while nothing has answered."""

    target: Target
    address: str
    state: str
    inode: int

    @property
    def settled(self) -> bool:
        return self.state != _STATES[2]


def callers(env: Env, addresses: Mapping[Target, Sequence[str]]) -> Callers:
    """The clients of these targets, those that wait for an answer first. Raises OSError where sock_diag is refused."""
    links = sorted(_links(env, addresses), key=lambda x: (x.settled, x.inode))
    held, _ = procfs.holders(env, {x.inode for x in links})
    alike: dict[tuple[Target, Client], dict[int, Caller]] = {}
    for link in links:
        for pid in dict.fromkeys(pid for pid, _ in held.get(link.inode, ())):
            owner = process(env, pid)
            client = _client(env, owner, link.target.protocol)
            if client:
                said = proxies(environ(env, pid)) if environ(env, pid) else None
                caller = Caller(link.target, client, owner, link.address, link.state, proxies=said)
                alike.setdefault((link.target, client), {}).setdefault(pid, caller)
    found = [(next(iter(x.values())), len(x) - 1) for x in alike.values()]
    return Callers(tuple(msgspec.structs.replace(caller, more=more) for caller, more in found))


def _links(env: Env, addresses: Mapping[Target, Sequence[str]]) -> Iterator[_Link]:
    wanted = {(without_zone(unmapped(x)), target.port): target for target in addresses for x in addresses[target]}
    states = sum(1 << x for x in _STATES)
    for port in sorted({x.port for x in addresses}):
        for family in (socket.AF_INET, socket.AF_INET6):
            asked = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, states, b"\0\0", port.to_bytes(2, "big"))
            for message in exchange(env, SOCK_DIAG, request(BY_FAMILY, asked, dump=True)):
                kind, state, _, dport, _, peer, *_, inode = SOCKET.unpack_from(message.payload)
                where = unmapped(address(peer[: ADDRESS_SIZE[kind]]))
                target = wanted.get((where, int.from_bytes(dport, "big")))
                if target and inode and state in _STATES:
                    yield _Link(target, where, _STATES[state], inode)


def _client(env: Env, owner: Process, protocol: Protocol) -> Client | None:
    """The client of the first row that holds; None where none does."""
    for row in table("client_marks"):
        if row["runtime"] == owner.runtime and row["protocol"] in ("*", protocol):
            found = _MARKS[row["mark"]](env, owner, row["pattern"])
            if found is not None:
                return Client(row["client"], found)
    return None


Version = tuple[int, ...]


def _build(env: Env, owner: Process, pattern: str) -> Version | None:
    found = re.search(pattern, build(env, owner.pid))
    return tuple(int(x) for x in found[1].split(".") if x) if found else None


def _map(env: Env, owner: Process, pattern: str) -> Version | None:
    return () if any(re.fullmatch(pattern, x) for x in mapped(env, owner.pid)) else None


def _exe(env: Env, owner: Process, pattern: str) -> Version | None:
    return () if re.fullmatch(pattern, _program(env, owner.pid).rpartition("/")[2]) else None


def _word(_: Env, owner: Process, pattern: str) -> Version | None:
    """Of the words that set the same, the last decides; those of the variables come before the command line's."""
    prefix = re.split(r"[=:]", pattern.replace("\\", ""), maxsplit=1)[0]
    said = [x for x in (*owner.options, *owner.command) if x.startswith(prefix)]
    return () if said and re.fullmatch(pattern, said[-1]) else None


def _node(env: Env, owner: Process, _: str) -> Version | None:
    """The version in the header that is installed beside the executable; none where there is no such header."""
    folder = _program(env, owner.pid).rpartition("/bin/")[0]
    try:
        header = env.read(f"/proc/{owner.pid}/root{folder}/include/node/node_version.h").decode(errors="replace")
    except OSError:
        return ()
    return tuple(int(x) for x in _NODE_VERSION.findall(header)[:2])


def _program(env: Env, pid: int) -> str:
    try:
        return env.link(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return ""


_MARKS = {
    "build": _build,
    "map": _map,
    "exe": _exe,
    "word": _word,
    "node": _node,
    "-": lambda *_: (),
}
