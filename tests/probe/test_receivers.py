"""Real servers: grpcio's, Python's http.server, rotel and the OpenTelemetry Collector."""

import http.server
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

from dualstack.gather.netns import find, inside
from dualstack.model.address import Protocol
from dualstack.model.probe import Options, Outcome, ProbeResult, ProbeTask
from tests import netns
from tests.probe.conftest import Certificates
from tests.probe.peers import made, probed
from tests.real import collector, rotel

GRPC, HTTP = Protocol.GRPC, Protocol.HTTP
PARTIAL = trace.ExportTraceServiceResponse(
    partial_success=trace.ExportTracePartialSuccess(rejected_spans=3, error_message="quota")
)
WARNING = trace.ExportTraceServiceResponse(partial_success=trace.ExportTracePartialSuccess(error_message="slow down"))
PROTOBUF = "application/x-protobuf"
Answer = Callable[[bytes, grpc.ServicerContext], bytes]


class Services(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """The methods in a table; every other one is unimplemented."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.metadata: dict[str, str] = {}

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        self.metadata = dict(call.invocation_metadata)
        answer = next((x for key, x in self.answers.items() if f".{key}." in call.method), None)
        return grpc.unary_unary_rpc_method_handler(answer) if answer else None


@contextmanager
def grpc_server(services: grpc.GenericRpcHandler, credentials: grpc.ServerCredentials | None = None) -> Iterator[int]:
    """A server of the gRPC core on a free port."""
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((services,))
    add = server.add_insecure_port
    port = server.add_secure_port("127.0.0.1:0", credentials) if credentials else add("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def replies(message: bytes) -> Answer:
    """A method that takes the request, which must be a valid and empty one, and answers with a message."""

    def method(request: bytes, _: grpc.ServicerContext) -> bytes:
        for kind in (
            trace.ExportTraceServiceRequest,
            metrics.ExportMetricsServiceRequest,
            logs.ExportLogsServiceRequest,
        ):
            assert kind.FromString(request) == kind()
        return message

    return method


def fails(code: grpc.StatusCode, text: str) -> Answer:
    """A method that says no."""

    def method(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(code, text)
        return b""

    return method


YES, NO = replies(b""), fails(grpc.StatusCode.UNAUTHENTICATED, "größer \x1b[31m 100%")


@pytest.mark.parametrize(
    ("answers", "outcome", "status", "signals"),
    [
        ({"trace": YES, "metrics": NO, "logs": NO}, Outcome.ACCEPTED, "grpc-status 0 OK", ("traces",)),
        ({"metrics": YES, "logs": YES}, Outcome.REJECTED, "grpc-status 12 UNIMPLEMENTED", ("metrics", "logs")),
        ({"logs": YES}, Outcome.REJECTED, "grpc-status 12 UNIMPLEMENTED", ("logs",)),
        ({"logs": NO}, Outcome.REJECTED, "grpc-status 16 UNAUTHENTICATED", ()),
        ({}, Outcome.NOT_OTLP, "grpc-status 12 UNIMPLEMENTED", ()),
        ({"trace": NO, "metrics": YES}, Outcome.REJECTED, "grpc-status 16 UNAUTHENTICATED", ()),
        ({"trace": replies(PARTIAL.SerializeToString())}, Outcome.REJECTED, "grpc-status 0 OK", ()),
        ({"trace": replies(WARNING.SerializeToString())}, Outcome.REJECTED, "grpc-status 0 OK", ()),
        ({"trace": replies(b"\xff\xff")}, Outcome.NOT_OTLP, "grpc-status 0 OK", ()),
        *[
            ({"trace": fails(code, "no")}, Outcome.REJECTED, f"grpc-status {code.value[0]} {code.name}", ())
            for code in grpc.StatusCode
            if code not in (grpc.StatusCode.OK, grpc.StatusCode.UNIMPLEMENTED)
        ],
    ],
)
def test_answers_of_a_grpc_server(
    answers: Mapping[str, Answer], outcome: Outcome, status: str, signals: Sequence[str]
) -> None:
    """The status decides; where traces are unknown the other signals tell a receiver from a stranger."""
    with grpc_server(Services(answers)) as port:
        result = probed(port, GRPC)

    assert (result.outcome, result.status, result.signals) == (outcome, status, tuple(signals)), result
    assert result.detail.isprintable()


def test_message_of_a_grpc_status_is_decoded_and_escaped() -> None:
    """It comes percent-encoded."""
    with grpc_server(Services({"trace": NO})) as port:
        assert probed(port, GRPC).detail == r"größer \x1b[31m 100%"


def test_partial_success_says_how_many_and_why() -> None:
    """The words of the server."""
    with grpc_server(Services({"trace": replies(PARTIAL.SerializeToString())})) as port:
        assert probed(port, GRPC).detail == "partial success, 3 rejected: quota"


def test_headers_reach_a_grpc_server() -> None:
    """With lower-case names, as HTTP/2 requires (RFC 9113 section 8.2)."""
    services = Services({"trace": YES})
    with grpc_server(services) as port:
        result = probed(port, GRPC, options=Options(headers=(("Authorization", "Bearer x"), ("X-Scope-OrgID", "7"))))

    assert result.outcome is Outcome.ACCEPTED
    assert services.metadata["authorization"] == "Bearer x"
    assert services.metadata["x-scope-orgid"] == "7"


@pytest.mark.parametrize(
    ("protocol", "tls", "outcome"),
    [(GRPC, True, Outcome.ACCEPTED), (GRPC, False, Outcome.TLS_EXPECTED), (HTTP, False, Outcome.TLS_EXPECTED),
     (HTTP, True, Outcome.HTTP2_SPOKEN)],
)  # fmt: skip
def test_grpc_server_with_tls(certificates: Certificates, protocol: Protocol, tls: bool, outcome: Outcome) -> None:
    """And every wrong way to speak to it."""
    with open(certificates.key("good"), "rb") as key, open(certificates.pem("good"), "rb") as pem:
        credentials = grpc.ssl_server_credentials([(key.read(), pem.read())])
    with grpc_server(Services({"trace": YES}), credentials) as port:
        result = probed(port, protocol, tls=tls, options=Options(ca_file=certificates.pem("ca")))

    assert result.outcome is outcome, result


Page = tuple[int, Mapping[str, str], bytes]


@contextmanager
def http_server(pages: Mapping[str, Page]) -> Iterator[tuple[int, list[tuple[str, Mapping[str, str], bytes]]]]:
    """A server that answers POST by a table of paths, 404 elsewhere. Gives its port and the requests that came."""
    seen: list[tuple[str, Mapping[str, str], bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.path, dict(self.headers), body))
            status, headers, text = pages.get(self.path, (404, {}, b"404 page not found"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status not in (204, 304):
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()
            thread.join()


def proto(status: int, body: bytes = b"") -> Page:
    """An answer in protobuf."""
    return status, {"Content-Type": PROTOBUF}, body


def page(status: int, text: str, kind: str = "text/plain", **headers: str) -> Page:
    """Any other answer."""
    return status, {"Content-Type": kind, **headers}, text.encode()


# google.rpc.Status begins with the same two fields on the wire: code and message.
STATUS = trace.ExportTracePartialSuccess(rejected_spans=8, error_message="quota exceeded").SerializeToString()


@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        (proto(200), Outcome.ACCEPTED, ""),
        ((200, {"Content-Type": f"{PROTOBUF}; charset=x"}, b""), Outcome.ACCEPTED, ""),
        (page(200, "{}", "application/json"), Outcome.ACCEPTED, ""),
        (page(200, '{"partialSuccess":{}}', "application/json"), Outcome.ACCEPTED, ""),
        ((200, {}, b""), Outcome.ACCEPTED, ""),
        (proto(200, PARTIAL.SerializeToString()), Outcome.REJECTED, "partial success, 3 rejected: quota"),
        (page(200, '{"partialSuccess":{"rejectedSpans":"1"}}', "application/json"), Outcome.REJECTED, "rejectedSpans"),
        (proto(400, STATUS), Outcome.REJECTED, "quota exceeded"),
        (proto(429, STATUS), Outcome.REJECTED, "quota exceeded"),
        (proto(503, STATUS), Outcome.REJECTED, "quota exceeded"),
        (page(400, '{"code":3,"message":"bad"}', "application/json"), Outcome.REJECTED, "bad"),
        (page(400, '{"message":"from some gateway"}', "application/json"), Outcome.NOT_OTLP, "gateway"),
        (page(500, '{"code":13}', "application/json"), Outcome.REJECTED, ""),
        (proto(503), Outcome.REJECTED, ""),
        (proto(400, b"<html>"), Outcome.NOT_OTLP, "<html>"),
        (page(401, "who are you?"), Outcome.REJECTED, "who are you?"),
        (page(403, "<html>", "text/html"), Outcome.REJECTED, "<html>"),
        (page(407, ""), Outcome.REJECTED, ""),
        (page(415, "415 unsupported media type, supported: [application/json, application/x-protobuf]"),
         Outcome.REJECTED, "supported"),
        (page(415, "no"), Outcome.NOT_OTLP, "no"),
        (page(200, "<h1>Welcome to nginx!</h1>", "text/html"), Outcome.NOT_OTLP, "Welcome"),
        (page(200, '{"status":"green"}', "application/json"), Outcome.NOT_OTLP, "green"),
        (page(200, "[" * 100_000, "application/json"), Outcome.NOT_OTLP, "[["),
        (proto(200, b"\xff"), Outcome.NOT_OTLP, ""),
        (page(302, "", Location="https://sso.example/\x1b"), Outcome.NOT_OTLP, r"https://sso.example/\x1b"),
        (page(301, "", PROTOBUF, Location="https://col.example/"), Outcome.NOT_OTLP, "https://col.example/"),
        (page(405, "only GET"), Outcome.NOT_OTLP, "only GET"),
        (page(502, "<html>bad gateway", "text/html"), Outcome.NOT_OTLP, "bad gateway"),
        (page(503, "upstream connect error"), Outcome.NOT_OTLP, "upstream"),
    ],
)  # fmt: skip
def test_answers_of_an_http_server(answer: Page, outcome: Outcome, detail: str) -> None:
    """Status, media type and body decide together."""
    with http_server({"/v1/traces": answer}) as (port, seen):
        result = probed(port, HTTP)

    assert (result.outcome, result.status) == (outcome, f"HTTP {answer[0]}"), result
    assert detail in result.detail
    assert result.signals == (("traces",) if outcome is Outcome.ACCEPTED else ())
    assert [path for path, _, _ in seen] == ["/v1/traces"]


@pytest.mark.parametrize(
    ("pages", "outcome", "signals", "count"),
    [
        ({}, Outcome.NOT_OTLP, (), 3),
        ({"/v1/logs": proto(200)}, Outcome.REJECTED, ("logs",), 3),
        ({"/v1/metrics": proto(200), "/v1/logs": proto(200)}, Outcome.REJECTED, ("metrics", "logs"), 3),
        ({"/v1/metrics": page(401, "")}, Outcome.REJECTED, (), 3),
        ({"/v1/traces": proto(200), "/v1/metrics": proto(200)}, Outcome.ACCEPTED, ("traces",), 1),
        ({"/v1/traces": (201, {}, b"")}, Outcome.ACCEPTED, ("traces",), 2),
        ({"/v1/traces": (202, {}, b""), "/v1/none": (202, {}, b"")}, Outcome.UNPROVED, ("traces",), 2),
        ({"/v1/logs": (204, {}, b"")}, Outcome.REJECTED, ("logs",), 3),
    ],
)
def test_signals_of_an_http_server(
    pages: Mapping[str, Page], outcome: Outcome, signals: Sequence[str], count: int
) -> None:
    """Metrics and logs are asked for where traces are not found, and only then."""
    with http_server(pages) as (port, seen):
        result = probed(port, HTTP)

    assert (result.outcome, result.signals, len(seen)) == (outcome, tuple(signals), count)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", "/v1/traces"),
        ("/", "/v1/traces"),
        ("/otlp", "/otlp/v1/traces"),
        ("/otlp/", "/otlp/v1/traces"),
        ("/v1/logs", "/v1/logs"),
        ("/a/v1/metrics", "/a/v1/metrics"),
    ],
)
def test_request_of_an_http_export(path: str, asked: str) -> None:
    """Path, headers and an empty body, as an exporter sends them."""
    with http_server({asked: proto(200)}) as (port, seen):
        result = probed(port, HTTP, host="otel.example", path=path, options=Options(headers=(("X-Key", "1"),)))

    [(called, headers, body)] = seen
    assert (result.outcome, called, body) == (Outcome.ACCEPTED, asked, b"")
    lower = {key.lower(): value for key, value in headers.items()}
    assert lower["host"] == f"otel.example:{port}"
    assert lower["content-type"] == PROTOBUF
    assert lower["x-key"] == "1"


def flows(*, tls: bool = False, host: str = "localhost") -> list[ProbeTask]:
    """Both protocols to both ports, each over one family."""
    ports = ((4317, GRPC, "127.0.0.1"), (4318, HTTP, "::1"), (4318, GRPC, "127.0.0.1"), (4317, HTTP, "::1"))
    return [ProbeTask(address, port, protocol, host, tls) for port, protocol, address in ports]


def within(place: str, tasks: Sequence[ProbeTask], options: Options) -> list[ProbeResult]:
    """The probes, made from a namespace."""
    return inside(find(place), lambda: made(tasks, options))


CONFIG = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "0.0.0.0:4317"{tls}}}
      http: {{endpoint: "0.0.0.0:4318"{tls}}}
exporters:
  debug:
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{{signal}: {{receivers: [otlp], exporters: [debug]}}}}
"""
RIGHT = [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.HTTP1_SPOKEN, Outcome.HTTP2_SPOKEN]


@pytest.mark.parametrize("version", collector.MODULES)
def test_collector_in_plaintext(version: str) -> None:
    """The right protocol is taken over each family, the wrong one and TLS are named."""
    with netns.isolated("probe") as name, collector.start(CONFIG.format(tls="", signal="traces"), name, version):
        plain = within(name, flows(), Options())
        encrypted = within(name, flows(tls=True), Options())

    assert [x.outcome for x in plain] == RIGHT
    assert [x.outcome for x in encrypted] == [Outcome.TLS_NOT_SPOKEN] * 4


def test_collector_without_a_pipeline_for_traces() -> None:
    """It is a receiver, and says no to this signal."""
    with netns.isolated("probe") as name, collector.start(CONFIG.format(tls="", signal="metrics"), name):
        grpc_result, http_result, *_ = within(name, flows(), Options())

    assert (grpc_result.outcome, grpc_result.signals) == (Outcome.REJECTED, ("metrics",))
    assert (http_result.outcome, http_result.signals) == (Outcome.REJECTED, ("metrics",))
    assert grpc_result.detail == "unknown service opentelemetry.proto.collector.trace.v1.TraceService"


def test_collector_with_tls(certificates: Certificates) -> None:
    """With the right authority all is as in plaintext; without it, without TLS or with another name it is not."""
    tls = f", tls: {{cert_file: {certificates.pem('good')}, key_file: {certificates.key('good')}}}"
    trusting = Options(ca_file=certificates.pem("ca"))
    with netns.isolated("probe") as name, collector.start(CONFIG.format(tls=tls, signal="traces"), name):
        right = within(name, flows(tls=True), trusting)
        plain = within(name, flows(), Options())
        untrusted = within(name, flows(tls=True), Options())
        mismatch = within(name, flows(tls=True, host="10.0.0.1"), trusting)

    assert [x.outcome for x in right] == RIGHT
    assert [x.alpn for x in right[:2]] == ["h2", "http/1.1"]
    assert [x.outcome for x in plain] == [Outcome.TLS_EXPECTED] * 4
    assert [x.outcome for x in untrusted] == [Outcome.TLS_UNTRUSTED] * 4
    assert [x.outcome for x in mismatch] == [Outcome.TLS_NAME_MISMATCH] * 4
    assert all(x.certificate and x.certificate.addresses == ("127.0.0.1", "::1") for x in right + untrusted + mismatch)


def test_collector_that_wants_a_client_certificate(certificates: Certificates) -> None:
    """Refused without, taken with."""
    files = {"cert_file": certificates.pem("good"), "key_file": certificates.key("good")}
    inner = ", ".join(f"{key}: {value}" for key, value in {**files, "client_ca_file": certificates.pem("ca")}.items())
    config = CONFIG.format(tls=f", tls: {{{inner}}}", signal="traces")
    trusting = Options(ca_file=certificates.pem("ca"))
    own = Options(ca_file=trusting.ca_file, cert=certificates.pem("client"), key=certificates.key("client"))
    with netns.isolated("probe") as name, collector.start(config, name):
        without = within(name, flows(tls=True), trusting)
        given = within(name, flows(tls=True), own)

    assert [x.outcome for x in without] == [Outcome.TLS_REFUSED] * 4
    assert [x.outcome for x in given] == RIGHT


def test_rotel() -> None:
    """A receiver in Rust shares no code with any of the others."""
    with netns.isolated("probe") as name, rotel.start(netns=name):
        results = within(name, flows(), Options())

    assert [x.outcome for x in results] == RIGHT
