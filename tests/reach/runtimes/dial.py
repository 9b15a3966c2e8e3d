"""Connects to a name and port and prints the peer's address: `dial.py create_connection|grpc-core NAME PORT`."""

import socket
import sys

how, name, port = sys.argv[1], sys.argv[2], int(sys.argv[3])


def create_connection() -> str:
    """As http.client does."""
    try:
        with socket.create_connection((name, port)) as connection:
            return str(connection.getpeername()[0])
    except OSError:
        return "-"


def grpc_core() -> str:
    """As a gRPC channel does; the server says which address it was reached at."""
    import grpc

    with grpc.insecure_channel(f"{name}:{port}") as channel:
        whoami = channel.unary_unary("/test/WhoAmI")
        try:
            return bytes(whoami(b"", timeout=5)).decode()
        except grpc.RpcError:
            return "-"


sys.stdout.write((grpc_core() if how == "grpc-core" else create_connection()) + "\n")
