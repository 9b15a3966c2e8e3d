"""A nameserver on port 53 of each address given, over UDP and TCP, that is as wrong as it is asked to be.

Says `ready` once all are bound and ends with its input.
"""

import os
import socket
import sys
from threading import Thread

import dns.flags
import dns.inet
import dns.message
import dns.rcode
import dns.rrset

ZONE = {
    "dual.example.": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
    "split.example.": {"A": ["192.0.2.1"]},
    "alias.example.": {"CNAME": ["middle.example."]},
    "middle.example.": {"CNAME": ["dual.example."]},
    "loop.example.": {"CNAME": ["loop.example."]},
    "large.example.": {"A": [f"192.0.2.{i}" for i in range(1, 101)]},
    "hangup.example.": {"A": [f"192.0.2.{i}" for i in range(1, 101)]},
    "xn--caf-dma.example.": {"A": ["192.0.2.8"]},
    **{f"{x}.example.": {"A": ["192.0.2.1"]} for x in ("nodata", "nxaaaa", "mute", "junk", "lossy")},
}
seen: set[tuple[str, str]] = set()


def answer(wire: bytes, server: str, limit: int) -> list[bytes]:
    """The messages that answer a query; none is silence."""
    query = dns.message.from_wire(wire)
    question = query.question[0]
    name, record = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
    first = (name, record) not in seen
    seen.add((name, record))
    if (name, record) == ("mute.example.", "AAAA") or (name == "lossy.example." and first):
        return []
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode(name, record))
    owner = name
    while owner in ZONE:
        data = ZONE[owner].get("CNAME") or ZONE[owner].get(record, [])
        kind = "CNAME" if "CNAME" in ZONE[owner] else record
        if server == "127.0.0.2" and name == "split.example.":
            data = [x.replace("192.0.2.1", "192.0.2.2") for x in data]
        if data:
            reply.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, *data))
        if kind != "CNAME" or owner == data[0]:
            break
        owner = data[0]
    if len(reply.to_wire()) > limit:
        reply.answer.clear()
        reply.flags |= dns.flags.TC
    junk = [b"\0", os.urandom(40)] if name == "junk.example." else []
    return [*junk, reply.to_wire()]


def rcode(name: str, record: str) -> dns.rcode.Rcode:
    """The response code that a name asks for."""
    if name in ("servfail.example.", "refused.example."):
        return dns.rcode.from_text(name.partition(".")[0])
    if name not in ZONE or (name, record) == ("nxaaaa.example.", "AAAA"):
        return dns.rcode.NXDOMAIN
    return dns.rcode.NOERROR


def datagrams(sock: socket.socket, server: str) -> None:
    """Serve UDP."""
    while True:
        wire, peer = sock.recvfrom(4096)
        for message in answer(wire, server, 512):
            sock.sendto(message, peer)


def streams(sock: socket.socket, server: str) -> None:
    """Serve TCP, one query a connection."""
    while True:
        connection, _ = sock.accept()
        with connection:
            wire = connection.recv(4096)[2:]
            if b"hangup" not in wire:
                message = answer(wire, server, 65535)[-1]
                connection.sendall(len(message).to_bytes(2, "big") + message)


for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    place = dns.inet.low_level_address_tuple((address, 53), family)
    for kind, serve in ((socket.SOCK_DGRAM, datagrams), (socket.SOCK_STREAM, streams)):
        bound = socket.socket(family, kind)
        bound.bind(place)
        if kind == socket.SOCK_STREAM:
            bound.listen()
        Thread(target=serve, args=(bound, address), daemon=True).start()
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.read()
