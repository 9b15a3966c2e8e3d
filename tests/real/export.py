"""A real OTLP export by other people's clients: grpcio and http.client, with the messages of opentelemetry-proto.

It runs as a process of its own, `python -m tests.real.export PROTOCOL ADDRESS PORT SPAN`, because the C core dials from
threads of its own, which stay in the network namespace that they were started in.
"""

import http.client
import subprocess
import sys
from pathlib import Path

from tests.real import command

ROOT = Path(__file__).parents[2]


def export(protocol: str, address: str, port: int, span: str, netns: str | None = None) -> str:
    """Send one span of that name to a literal address by `grpc` or `http`: `accepted`, or the client's error."""
    argv = [sys.executable, "-m", "tests.real.export", protocol, address, str(port), span]
    done = subprocess.run(command(netns, argv), cwd=ROOT, check=False, capture_output=True, text=True, timeout=30)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def _request(name: str) -> bytes:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

    span = Span(trace_id=bytes(range(1, 17)), span_id=bytes(range(1, 9)), name=name, start_time_unix_nano=1)
    spans = ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])
    request: bytes = ExportTraceServiceRequest(resource_spans=[spans]).SerializeToString()
    return request


def _grpc(address: str, port: int, name: str) -> None:
    import grpc

    target = f"ipv6:[{address}]:{port}" if ":" in address else f"ipv4:{address}:{port}"
    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    with grpc.insecure_channel(target, (("grpc.enable_http_proxy", 0),)) as channel:
        channel.unary_unary(method)(_request(name), timeout=5)


def _http(address: str, port: int, name: str) -> None:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    connection.request("POST", "/v1/traces", _request(name), {"Content-Type": "application/x-protobuf"})
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        sys.exit(f"HTTP {answer.status}")


if __name__ == "__main__":
    {"grpc": _grpc, "http": _http}[sys.argv[1]](sys.argv[2], int(sys.argv[3]), sys.argv[4])
    sys.stdout.write("accepted\n")
