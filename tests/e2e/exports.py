"""Real OTLP exports from inside a pod, by grpcio and http.client; only the standard library and their wheels are there.

`python exports.py '[["ipv4", "grpc", "collector.observability", 4317], …]'` prints what came of each, in order:
`accepted`, `no_address` (of that family), `no_route`, `no_source`, `refused`, `timed_out`, or the client's own words.
A name is looked up for one family alone, as a client does that has no other, with the search list and the nameserver
of the pod.
"""

import errno
import http.client
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

SECONDS = 4
_FAMILY = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "no_route",
    errno.EHOSTUNREACH: "no_route",
    errno.EADDRNOTAVAIL: "no_source",
    errno.EACCES: "denied",
    errno.ECONNRESET: "reset",
}
_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def export(family: str, protocol: str, host: str, port: int) -> str:
    """What came of one export: a connection first, whose error is exact, then a request by the real client."""
    try:
        found = socket.getaddrinfo(host, port, _FAMILY[family], socket.SOCK_STREAM)
    except socket.gaierror as error:
        return "lookup_failed" if error.errno == socket.EAI_AGAIN else "no_address"
    address = found[0][4]
    try:
        with socket.socket(_FAMILY[family], socket.SOCK_STREAM) as connection:
            connection.settimeout(SECONDS)
            connection.connect(address)
    except TimeoutError:
        return "timed_out"
    except OSError as error:
        return _ERRNO.get(error.errno or 0, str(error))
    return {"grpc": _grpc, "http": _http}[protocol](str(address[0]), port)


def _request() -> bytes:
    span = Span(trace_id=bytes(range(1, 17)), span_id=bytes(range(1, 9)), name="e2e", start_time_unix_nano=1)
    spans = ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])
    request: bytes = ExportTraceServiceRequest(resource_spans=[spans]).SerializeToString()
    return request


def _grpc(address: str, port: int) -> str:
    target = f"ipv6:[{address}]:{port}" if ":" in address else f"ipv4:{address}:{port}"
    try:
        with grpc.insecure_channel(target, (("grpc.enable_http_proxy", 0),)) as channel:
            channel.unary_unary(_METHOD)(_request(), timeout=SECONDS)
    except grpc.RpcError as error:
        return f"grpc {error.code().name.lower()}"
    return "accepted"


def _http(address: str, port: int) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    try:
        connection.request("POST", "/v1/traces", _request(), {"Content-Type": "application/x-protobuf"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"http {type(error).__name__}"
    return "accepted" if status == http.client.OK else f"http {status}"


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    with ThreadPoolExecutor(len(asked) or 1) as pool:
        sys.stdout.write(json.dumps([*pool.map(lambda x: export(*x), asked)]) + "\n")
