"""Listening sockets, as the kernel describes them.

TCP sockets that listen and UDP sockets that are bound and have no peer, of both families, by sock_diag(7) in the
network namespace of the calling thread. Only sock_diag tells a dual-stack socket from an IPv6-only one
(INET_DIAG_SKV6ONLY); where it is refused, /proc/thread-self/net is read instead. Layout:
include/uapi/linux/inet_diag.h; what is sent when: net/ipv4/inet_diag.c, inet_diag_msg_attrs_fill.
"""

import socket
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from dualstack.gather import procfs
from dualstack.gather.env import Env
from dualstack.gather.errors import legible
from dualstack.gather.namespaces import interface_name
from dualstack.gather.netlink import SOCK_DIAG, Message, address, attributes, exchange, request
from dualstack.gather.processes import process
from dualstack.model.address import Family
from dualstack.model.sockets import Listener, Listeners, Process, Transport

SOURCE = "sock_diag"

BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_SKV6ONLY = 11  # INET_DIAG_SKV6ONLY

_REQUEST = struct.Struct("=BBBxI48x")  # inet_diag_req_v2: family, protocol, extensions, states; any socket identity
SOCKET = struct.Struct("=BBxx2s2s16s16sI8xIIIII")  # inet_diag_msg
ADDRESS_SIZE = {socket.AF_INET: 4, socket.AF_INET6: 16}

_WANTED = {
    Transport.TCP: (socket.IPPROTO_TCP, 1 << 10),  # TCP_LISTEN
    Transport.UDP: (socket.IPPROTO_UDP, 1 << 7),  # TCP_CLOSE: what an unconnected UDP socket is in
}


def listeners(env: Env) -> Listeners:
    """Every listening socket of this place, without owners. Raises OSError where neither netlink nor procfs answers."""
    found = [x for transport in Transport for x in _of(env, transport)]
    return Listeners(tuple(sorted(found, key=_order)), (env.place,))


def _order(item: Listener) -> tuple[int, str, str, str, int]:
    return item.port, item.address, item.transport, item.interface, item.inode


def _of(env: Env, transport: Transport) -> list[Listener]:
    try:
        with legible("sock_diag"):
            return list(_diag(env, transport))
    except OSError as refused:
        try:
            return procfs.listeners(env, transport)
        except OSError as error:
            msg = f"The {transport} sockets of {env.place} cannot be read: sock_diag: {refused}; procfs: {error}"
            raise OSError(error.errno, msg) from error


def _diag(env: Env, transport: Transport) -> Iterator[Listener]:
    protocol, states = _WANTED[transport]
    interfaces: dict[int, str] = {0: ""}
    for family in (socket.AF_INET, socket.AF_INET6):
        wanted = request(BY_FAMILY, _REQUEST.pack(family, protocol, 0, states), dump=True)
        for message in exchange(env, SOCK_DIAG, wanted):
            yield _listener(env, transport, message, interfaces)


def _listener(env: Env, transport: Transport, message: Message, interfaces: dict[int, str]) -> Listener:
    """The socket in one inet_diag_msg."""
    family, _, sport, _, source, _, device, _, queued, backlog, uid, inode = SOCKET.unpack_from(message.payload)
    if device not in interfaces:
        interfaces[device] = interface_name(env, device)
    v6only = attributes(message.payload, SOCKET.size).get(_SKV6ONLY) if family == socket.AF_INET6 else None
    return Listener(
        place=env.place,
        transport=transport,
        address=address(source[: ADDRESS_SIZE[family]]),
        port=int.from_bytes(sport, "big"),
        socket_family=Family.IPV6 if family == socket.AF_INET6 else Family.IPV4,
        v6only=bool(v6only[0]) if v6only else None,
        interface=interfaces[device],
        inode=inode,
        uid=uid,
        source=SOURCE,
        queued=queued if transport is Transport.TCP else 0,
        backlog=backlog if transport is Transport.TCP else None,
    )


def with_owners(listeners: Listeners, env: Env, ports: Collection[int] | None) -> Listeners:
    """The same listeners, those on `ports` (None: all) with the processes that hold them.

    `owners_known` is false where one of those has no owner in sight and the files of some process could not be read.
    """
    wanted = [x for x in listeners.items if x.inode and (ports is None or x.port in ports)]
    held, denied = procfs.holders(env, {x.inode for x in wanted})
    known = {pid: process(env, pid) for pid in sorted({pid for holders in held.values() for pid, _ in holders})}
    items = tuple(_owned(x, held, known) for x in listeners.items)
    unseen = denied and any(x.inode not in held for x in wanted)
    return msgspec.structs.replace(listeners, items=items, owners_known=listeners.owners_known and not unseen)


def _owned(item: Listener, held: Mapping[int, Sequence[tuple[int, int]]], known: Mapping[int, Process]) -> Listener:
    if item.inode not in held:
        return item
    pids = sorted({pid for pid, _ in held[item.inode]})
    return msgspec.structs.replace(item, processes=tuple(known[x] for x in pids))
