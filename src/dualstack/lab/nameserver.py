"""A nameserver that is as wrong as it is asked to be: `python -m dualstack.lab.nameserver ADDRESS…`.

It serves port 53 of each address over UDP and TCP. The first line of its standard input is the zone, one JSON object:

    {"web.example.": {"A": ["192.0.2.1"], "AAAA": "SERVFAIL"}, "alias.example.": {"CNAME": ["web.example."]},
     "@10.9.0.53 web.example.": {"A": ["192.0.2.9"]}, "DNS64": "64:ff9b::/96"}

A name after `@ADDRESS` is what the server at that address says. A fault stands instead of the data of a record type, or
before it: `["TRUNCATED", "192.0.2.1"]`. NXDOMAIN, SERVFAIL and REFUSED are response codes; SILENT never answers; LOSSY
leaves the first query unanswered; JUNK sends what is no DNS message, then the data where there is any; TRUNCATED
answers over TCP alone; HANGUP asks for TCP and then closes the connection. A name that is not there is NXDOMAIN, a type
that is not there no data. `DNS64` makes AAAA records of A records where there are none (RFC 6147); its prefix has 96
bits.

It writes `ready` once all is bound and ends with its standard input.
"""

import asyncio
import ipaddress
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import dns.exception
import dns.flags
import dns.inet
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[str, Mapping[str, Sequence[str] | str]]

RCODES = ("NXDOMAIN", "SERVFAIL", "REFUSED")
FAULTS = (*RCODES, "SILENT", "LOSSY", "JUNK", "TRUNCATED", "HANGUP")

_IPV4ONLY = {"A": ("192.0.0.170", "192.0.0.171")}  # RFC 7050 section 2.2
_PLAIN = 512  # octets of a message over UDP without EDNS, RFC 1035 section 4.2.1
_SECONDS = 60


def find(zone: Zone, prefix: str, server: str, name: str, record: str) -> tuple[str, list[dns.rrset.RRset]]:
    """The fault, empty where there is none, and the records that the server at an address has for a question."""
    found: list[dns.rrset.RRset] = []
    seen: set[str] = set()
    while True:
        seen.add(name)
        held = zone.get(f"@{server} {name}", zone.get(name))
        if held is None and prefix and name == "ipv4only.arpa.":
            held = _IPV4ONLY
        if held is None:
            return "NXDOMAIN", found
        kind = "CNAME" if "CNAME" in held else record
        fault, data = _split(held.get(kind, ()))
        if prefix and kind == "AAAA" and not fault and not data:
            data = _synthesised(prefix, _split(held.get("A", ()))[1])
        if data:
            found.append(dns.rrset.from_text(name, 60, "IN", kind, *data))
        if fault or kind == record or not data or data[0] in seen:
            return fault, found
        name = data[0]


def _split(value: Sequence[str] | str) -> tuple[str, list[str]]:
    """A record type's fault and its data."""
    said = [value] if isinstance(value, str) else list(value)
    return (said[0], said[1:]) if said and said[0] in FAULTS else ("", said)


def _wire(message: dns.message.Message) -> bytes:
    """The octets, with the records in the order of the zone: dnspython would shuffle them."""
    return message.to_wire(want_shuffle=False)


def _synthesised(prefix: str, addresses: Sequence[str]) -> list[str]:
    return [str(ipaddress.IPv6Network(prefix)[int(ipaddress.IPv4Address(x))]) for x in addresses]


class Nameserver:
    """What one address answers, as bytes. `lost` holds the questions that LOSSY has left unanswered."""

    def __init__(self, zone: Zone, prefix: str, server: str) -> None:
        self.zone, self.prefix, self.server = zone, prefix, server
        self.lost: set[tuple[str, str]] = set()

    def datagrams(self, wire: bytes) -> list[bytes]:
        """The messages that answer a query over UDP; none is silence. Raises DNSException for what is no query."""
        fault, query, reply = self._reply(wire)
        if fault in ("TRUNCATED", "HANGUP") or len(_wire(reply)) > max(_PLAIN, query.payload):
            reply.answer.clear()
            reply.flags |= dns.flags.TC
        if fault == "JUNK":
            return [b"\0", os.urandom(40), *([_wire(reply)] if reply.answer else [])]
        return [] if fault in ("SILENT", "LOSSY") else [_wire(reply)]

    def stream(self, wire: bytes) -> bytes | None:
        """What answers a query over TCP, with its length; None is silence. Raises DNSException for what is no query."""
        fault, _, reply = self._reply(wire)
        said = b"\0" if fault == "JUNK" and not reply.answer else _wire(reply)
        silent = fault in ("SILENT", "LOSSY")
        return None if silent else b"" if fault == "HANGUP" else len(said).to_bytes(2, "big") + said

    def _reply(self, wire: bytes) -> tuple[str, dns.message.Message, dns.message.Message]:
        query = dns.message.from_wire(wire)
        if not query.question:
            raise dns.exception.FormError
        question = query.question[0]
        name, record = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        fault, records = find(self.zone, self.prefix, self.server, name, record)
        if fault == "LOSSY" and (name, record) in self.lost:
            fault = ""
        self.lost.add((name, record))
        reply = dns.message.make_response(query, recursion_available=True)
        reply.flags |= dns.flags.AA
        reply.set_rcode(dns.rcode.from_text(fault if fault in RCODES else "NOERROR"))
        reply.answer.extend(records)
        return fault, query, reply


class _Datagrams(asyncio.DatagramProtocol):
    """Port 53 of one address over UDP."""

    def __init__(self, server: Nameserver) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # the endpoint is UDP
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(dns.exception.DNSException):
            for message in self.server.datagrams(data):
                self.transport.sendto(message, addr)


async def _serve(server: Nameserver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The queries of one TCP connection."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, dns.exception.DNSException):
        async with asyncio.timeout(_SECONDS):
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                said = server.stream(await reader.readexactly(size))
                if said == b"":
                    break
                writer.write(said or b"")
    writer.close()


async def _main(addresses: Sequence[str], zone: Zone, prefix: str) -> None:
    loop = asyncio.get_running_loop()
    for address in addresses:
        server = Nameserver(zone, prefix, address)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        place = dns.inet.low_level_address_tuple((address, 53), family)
        made = {kind: socket.socket(family, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)}
        made[socket.SOCK_STREAM].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for each in made.values():
            each.bind(place)
        await loop.create_datagram_endpoint(partial(_Datagrams, server), sock=made[socket.SOCK_DGRAM])
        await asyncio.start_server(partial(_serve, server), sock=made[socket.SOCK_STREAM])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    said = json.loads(sys.stdin.readline())
    asyncio.run(_main(sys.argv[1:], said, said.pop("DNS64", "")))
