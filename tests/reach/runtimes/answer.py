"""A gRPC server on port 4317 of each address given, which answers every call with the address that it was called at.

Says `ready` once all are bound and ends with its input.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc


class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers every method with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.handler = grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """The one handler there is."""
        return self.handler


servers = []
for address in sys.argv[1:]:
    server = grpc.server(ThreadPoolExecutor(1), handlers=(Handler(address.encode()),))
    server.add_insecure_port(f"[{address}]:4317" if ":" in address else f"{address}:4317")
    server.start()
    servers.append(server)
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.read()
for server in servers:
    server.stop(None).wait()
