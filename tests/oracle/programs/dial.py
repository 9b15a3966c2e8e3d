"""Dials each NAME:PORT in a thread of its own: `dial.py HOW NAME:PORT…`."""

import asyncio
import os
import socket
import sys
from threading import Thread

LIMIT = float(os.environ["LIMIT"])


def create_connection(target: str) -> None:
    """As http.client does."""
    name, _, port = target.rpartition(":")
    with socket.create_connection((name, int(port))) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")


def requests(target: str) -> None:
    """As `requests` does."""
    import requests as library

    library.get(f"http://{target}/", timeout=None)


def aiohttp(target: str) -> None:
    """As `aiohttp` does."""
    import aiohttp as library

    async def get() -> None:
        async with library.ClientSession() as session:
            await session.get(f"http://{target}/")

    asyncio.run(asyncio.wait_for(get(), LIMIT))


def grpcio(target: str) -> None:
    """As a gRPC channel does."""
    import grpc

    with grpc.insecure_channel(target) as channel:
        grpc.channel_ready_future(channel).result(LIMIT)


def otel_http(target: str) -> None:
    """As the OTLP exporter over HTTP does."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    OTLPSpanExporter(endpoint=f"http://{target}/v1/traces").export([])


def otel_grpc(target: str) -> None:
    """As the OTLP exporter over gRPC does."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    OTLPSpanExporter(endpoint=f"http://{target}", insecure=True).export([])


def curl(target: str) -> None:
    """As libcurl does."""
    import pycurl

    transfer = pycurl.Curl()
    transfer.setopt(pycurl.URL, f"http://{target}/")
    transfer.setopt(pycurl.WRITEFUNCTION, len)
    transfer.perform()


HOW = {x.__name__: x for x in (create_connection, requests, aiohttp, grpcio, otel_http, otel_grpc, curl)}


def dial(target: str) -> None:
    """What comes of it is seen on the wire; the message is for a person."""
    try:
        HOW[sys.argv[1]](target)
    except Exception as error:  # noqa: BLE001  # each library has its own
        sys.stdout.write(f"{target}: {error!r}\n")


threads = [Thread(target=dial, args=(x,)) for x in sys.argv[2:]]
for each in threads:
    each.start()
for each in threads:  # libraries start threads of their own, which Python allows only before its end
    each.join()
