"""Binds each HOST at PORT, PORT+1, … in the way named first and says what became of each; ends with its input."""

import asyncio
import socket
import sys

HELD: list[object] = []


def _socket(host: str, port: int) -> None:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.bind((host, port))
    made.listen()
    HELD.append(made)


def _asyncio(host: str, port: int) -> None:
    loop = asyncio.new_event_loop()
    HELD.append(loop)
    HELD.append(loop.run_until_complete(asyncio.start_server(lambda _r, _w: None, host or None, port)))


def _grpc(host: str, port: int) -> None:
    import grpc

    server = grpc.server(None)
    server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    HELD.append(server)


WAYS = {"python": _socket, "asyncio": _asyncio, "grpc-core": _grpc}


def outcome(way: str, host: str, port: int) -> str:
    """`ok`, or the error in the runtime's words."""
    try:
        WAYS[way](host.strip("[]"), port)
    except (OSError, RuntimeError) as error:
        return str(error)
    return "ok"


for index, name in enumerate(sys.argv[3:]):
    print(outcome(sys.argv[1], name, int(sys.argv[2]) + index), flush=True)
sys.stdin.read()
