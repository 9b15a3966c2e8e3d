"""An OTLP/gRPC receiver of gRPC C-core that keeps nothing: ADDRESS, as add_insecure_port takes it."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc


class Taken(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio ships no types
    """Every export is taken; the empty message is an Export…ServiceResponse."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The handler of the OTLP services, none for others."""
        if not handler_call_details.method.startswith("/opentelemetry.proto.collector."):
            return None
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")


server = grpc.server(ThreadPoolExecutor(4), handlers=[Taken()])
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
