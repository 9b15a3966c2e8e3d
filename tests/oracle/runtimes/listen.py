"""WAY NETWORK CALL PORT HOST…: binds each HOST at PORT, PORT+1, … and says what became of each.

Datagrams are sent back. Ends with its input.
"""

import asyncio
import socket
import sys

HELD: list[object] = []
LOOP = asyncio.new_event_loop()
DATAGRAMS = sys.argv[2] == "udp"


class Echo(asyncio.DatagramProtocol):
    """Sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to send."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Answer."""
        self.transport.sendto(data, addr)


def _socket(text: str, port: int) -> None:
    host = text.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM if DATAGRAMS else socket.SOCK_STREAM)
    made.bind((host, port))
    HELD.append(made)
    if DATAGRAMS:
        LOOP.add_reader(made, lambda: made.sendto(*made.recvfrom(64)))
    else:
        made.listen()


def _asyncio(text: str, port: int) -> None:
    host = text.strip("[]")
    if DATAGRAMS:
        LOOP.run_until_complete(LOOP.create_datagram_endpoint(Echo, local_addr=(host or None, port)))
    else:
        HELD.append(LOOP.run_until_complete(LOOP.create_server(asyncio.Protocol, host or None, port)))


def _grpc(host: str, port: int) -> None:
    import grpc

    server = grpc.server(None)
    server.add_insecure_port(f"{host}:{port}")
    HELD.append(server)


WAYS = {"python": _socket, "asyncio": _asyncio, "grpc-core": _grpc}


def outcome(way: str, host: str, port: int) -> str:
    """`ok`, or the error in the runtime's words."""
    try:
        WAYS[way](host, port)
    except (OSError, RuntimeError) as error:
        return str(error)
    return "ok"


for index, name in enumerate(sys.argv[5:]):
    sys.stdout.write(outcome(sys.argv[1], name, int(sys.argv[4]) + index) + "\n")
    sys.stdout.flush()
LOOP.add_reader(sys.stdin, LOOP.stop)
LOOP.run_forever()
