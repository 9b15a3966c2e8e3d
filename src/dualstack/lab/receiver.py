"""A small OTLP receiver whose socket is exactly what was asked for: `python -m dualstack.lab.receiver grpc :: 4317`.

It takes every export and keeps none. The socket is made here, so that `IPV6_V6ONLY` is what the arguments say; with
`--asyncio` it is made by asyncio, which has its own mind. When it listens it writes the port on one line; it ends with
its standard input.
"""

import argparse
import asyncio
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_CHUNK = 64 * 1024
_BACKLOG = 16
_EMPTY_MESSAGE = bytes(5)  # not compressed, no bytes: an Export…ServiceResponse that says nothing but yes
_HEADERS = ((":status", "200"), ("content-type", "application/grpc"))
_OK, _UNIMPLEMENTED = "0", "12"  # grpc/doc/statuscodes.md
_HTTP_PATHS = {f"/v1/{signal}" for signal in ("traces", "metrics", "logs")}  # OTLP specification, OTLP/HTTP request


def bound(address: str, port: int, *, v6only: bool) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one. Raises OSError. `v6only` concerns IPv6 addresses alone."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    try:
        made.bind((address, port))
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


async def grpc(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """OTLP/gRPC over HTTP/2 without TLS, until the client leaves or breaks the protocol."""
    peer = H2Connection(H2Configuration(client_side=False))
    peer.initiate_connection()
    paths: dict[int, str] = {}
    writer.write(peer.data_to_send())
    while chunk := await reader.read(_CHUNK):
        try:
            for event in peer.receive_data(chunk):
                _answer(peer, event, paths)
        except ProtocolError:
            break
        finally:
            writer.write(peer.data_to_send())


def _answer(peer: H2Connection, event: Event, paths: dict[int, str]) -> None:
    if isinstance(event, RequestReceived):
        paths[event.stream_id] = dict(event.headers).get(b":path", b"").decode(errors="replace")
    elif isinstance(event, DataReceived):
        peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    elif isinstance(event, StreamEnded):
        known = paths.pop(event.stream_id).startswith("/opentelemetry.proto.collector.")
        peer.send_headers(event.stream_id, _HEADERS)
        if known:
            peer.send_data(event.stream_id, _EMPTY_MESSAGE)
        peer.send_headers(event.stream_id, (("grpc-status", _OK if known else _UNIMPLEMENTED),), end_stream=True)


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authorization: str = "") -> None:
    """OTLP/HTTP: an empty protobuf answer for each POST to a signal's path, 404 for the rest.

    401 where the header of that name has to be `authorization` and is not.
    """
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, *_ = f"{head[0]}  ".split(" ")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        await reader.readexactly(int(fields.get("content-length", "0")))
        known = authorization.lower() == fields.get("authorization", "") or not authorization
        status = "200 OK" if method == "POST" and path in _HTTP_PATHS else "404 Not Found"
        status = status if known else "401 Unauthorized"
        writer.write(f"HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n".encode())


def served(talk: Serve) -> Serve:
    """One connection: whatever the client does wrong ends it, and nothing else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    return serve


def encryption(certificate: str, key: str, client_ca: str, protocol: str) -> ssl.SSLContext | None:
    """How to speak TLS with these PEM files, and to whom; None without a certificate. Raises OSError."""
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2" if protocol == "grpc" else "http/1.1"])
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


async def _main(given: argparse.Namespace) -> None:
    serve = served(grpc if given.protocol == "grpc" else partial(http, authorization=given.authorization))
    tls = encryption(given.certificate, given.key, given.client_ca, given.protocol)
    if given.asyncio:
        server = await asyncio.start_server(serve, given.address or None, given.port, ssl=tls)
    else:
        made = bound(given.address, given.port, v6only=given.v6only)
        server = await asyncio.start_server(serve, sock=made, ssl=tls)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m dualstack.lab.receiver", description=__doc__)
    parser.add_argument("protocol", choices=("grpc", "http"))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--v6only", action="store_true")
    parser.add_argument("--asyncio", action="store_true")
    parser.add_argument("--certificate", default="")
    parser.add_argument("--key", default="")
    parser.add_argument("--client-ca", default="")
    parser.add_argument("--authorization", default="", help="the header that an OTLP/HTTP export has to have")
    asyncio.run(_main(parser.parse_args()))
