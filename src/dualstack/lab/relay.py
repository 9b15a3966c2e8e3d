"""A plain TCP forwarder, as a load balancer runs one: `python -m dualstack.lab.relay :: 4318 10.231.8.2 4318`.

Where nobody answers behind it, it closes the connection that it took. An IPv6 address is bound with IPV6_V6ONLY off.
"""

import asyncio
import sys
from functools import partial

from dualstack.lab.receiver import bound, served

_CHUNK = 64 * 1024


async def forward(
    host: str, port: int, seconds: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One connection, until either end leaves; each chunk waits `seconds` before it goes on. Raises OSError."""
    behind, ahead = await asyncio.open_connection(host, port)
    ways = [asyncio.ensure_future(_copy(x, y, seconds)) for x, y in ((reader, ahead), (behind, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in ways:
            each.cancel()
        ahead.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    while chunk := await reader.read(_CHUNK):
        await asyncio.sleep(seconds)
        writer.write(chunk)
        await writer.drain()


async def _main(address: str, port: str, host: str, its: str, seconds: str = "0") -> None:
    talk = served(partial(forward, host, int(its), float(seconds)))
    async with await asyncio.start_server(talk, sock=bound(address, int(port), v6only=False)) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
