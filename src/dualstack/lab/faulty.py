"""A server that is no OTLP receiver, or one that says no: `python -m dualstack.lab.faulty silent :: 4318`.

`ANSWERS` is the list of what it can do. An IPv6 address is bound with IPV6_V6ONLY off.
"""

import asyncio
import socket
import sys
from typing import NamedTuple

from dualstack.lab.receiver import bound, served

_NGINX = "Server: nginx\r\n"
_PROTOBUF, _HTML, _PLAIN = "application/x-protobuf", "text/html", "text/plain"


class Answer(NamedTuple):
    """What is sent at once, and the answer to each HTTP request; no answer without a status.

    With `empty` an export without data is taken, as by a receiver in order.
    """

    banner: bytes = b""
    status: str = ""
    kind: str = _PLAIN
    body: bytes = b""
    fields: str = ""
    hangs_up: bool = False
    empty: bool = False


ANSWERS = {
    "silent": Answer(),
    "hangs-up": Answer(hangs_up=True),
    "silent-on-data": Answer(empty=True),
    "hangs-up-on-data": Answer(hangs_up=True, empty=True),
    "ssh": Answer(banner=b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "website": Answer(status="200 OK", kind=_HTML, body=b"<title>Hello</title>", fields=_NGINX),
    "not-found": Answer(status="404 Not Found", kind=_HTML, body=b"<title>404</title>", fields=_NGINX),
    "unauthorized": Answer(status="401 Unauthorized", fields="WWW-Authenticate: Bearer\r\n"),
    "moved": Answer(
        status="308 Permanent Redirect", kind=_HTML, fields=f"{_NGINX}Location: https://collector.test/\r\n"
    ),
    "bad-gateway": Answer(status="502 Bad Gateway", kind=_HTML, body=b"<h1>502 Bad Gateway</h1>", fields=_NGINX),
    "forbidden": Answer(status="403 Forbidden"),
    "too-large": Answer(status="413 Payload Too Large", empty=True),
    "too-many": Answer(status="429 Too Many Requests", fields="Retry-After: 5\r\n"),
    "unavailable": Answer(status="503 Service Unavailable", kind=_PROTOBUF, body=b"\x08\x0e\x12\x0cdata refused"),
    # ExportTracePartialSuccess: rejected_spans 1, error_message (opentelemetry/proto/collector/trace/v1)
    "partial": Answer(status="200 OK", kind=_PROTOBUF, body=b"\x0a\x0b\x08\x01\x12\x07refused"),
}


async def answer(what: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, until the client leaves."""
    writer.write(what.banner)
    while what.empty or not what.hangs_up:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        size = int(fields.get("content-length", "0"))
        await reader.readexactly(size)
        if what.empty and not size:
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {_PROTOBUF}\r\ncontent-length: 0\r\n\r\n".encode())
        elif what.hangs_up:
            return
        elif what.status:
            length = f"content-type: {what.kind}\r\ncontent-length: {len(what.body)}\r\n{what.fields}\r\n"
            writer.write(f"HTTP/1.1 {what.status}\r\n{length}".encode() + what.body)


async def _main(what: Answer, made: socket.socket) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(what, reader, writer)

    async with await asyncio.start_server(served(serve), sock=made) as server:
        await server.serve_forever()


if __name__ == "__main__":
    name, address, port = sys.argv[1:]
    asyncio.run(_main(ANSWERS[name], bound(address, int(port), v6only=False)))
