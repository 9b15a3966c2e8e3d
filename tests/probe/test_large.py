"""Larger exports: what receivers make of them, and ways that are too narrow for them."""

import shutil
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from dualstack.gather.netns import find, inside
from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Severity
from dualstack.model.probe import Options, Outcome, ProbeResult
from dualstack.model.question import Question
from dualstack.model.target import parse_target
from dualstack.model.trace import Disposition, Hop
from dualstack.pipeline import Request, diagnose, probe
from dualstack.probe import otlp
from tests.netns import FAR_IPV4, FAR_IPV6, SERVER_IPV4, SERVER_IPV6, batch, execute, pair, routed, sysctl
from tests.probe.conftest import Certificates
from tests.probe.peers import Handler, encrypted, peer, says, until_closed
from tests.real import collector, rotel

COLLECTOR = """
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "[::]:4317"{tls}}}, http: {{endpoint: "[::]:4318"{tls}}}}}}}
exporters:
  debug: {{verbosity: detailed}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"""
TOO_BIG = {"IPv4": "icmp type destination-unreachable icmp code frag-needed", "IPv6": "icmpv6 type packet-too-big"}
LONG = "table inet f { chain f { type filter hook forward priority 0; meta length > 400 drop; }; }"
OUTPUT = "table inet f {{ chain o {{ type filter hook output priority 0; {} drop; }}; }}"


def asked(*texts: str) -> Question:
    return Question(targets=tuple(x for text in texts for x in parse_target(text)), probing=True)


def probed(place: str, *texts: str, options: Options | None = None) -> tuple[ProbeResult, ...]:
    return probe(Request(asked(*texts), place, options=options or Options())).items


def both(ipv4: str, ipv6: str, encrypted: str = "") -> list[str]:
    ways = (("grpc", 4317), ("http", 4318))
    return [f"{spoken}{encrypted}://{host}:{port}" for spoken, port in ways for host in (ipv4, f"[{ipv6}]")]


def went_through(result: ProbeResult) -> bool:
    return result.stages[-1].name == "large" and result.stages[-1].ok and result.outcome is Outcome.ACCEPTED


@contextmanager
def narrow(*dropped: str, link: str = "far") -> Iterator[tuple[str, str, str]]:
    """Client, router and server, with 1280 bytes on one link, and these messages of the router dropped."""
    if not shutil.which("nft"):
        pytest.skip("needs nft")
    with routed("large") as (client, router, server):
        batch(router, [f"link set {link} mtu 1280"])
        for rule in dropped:
            execute(router, "nft", OUTPUT.format(rule))
        yield client, router, server


@pytest.mark.parametrize("kind", [ExportTraceServiceRequest, ExportMetricsServiceRequest, ExportLogsServiceRequest])
def test_the_larger_request_is_well_formed_and_holds_no_telemetry(
    kind: type[ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest],
) -> None:
    request = kind.FromString(otlp.large())

    assert request.ListFields() == []
    assert request.ByteSize() == len(otlp.large()) > 9000


@pytest.mark.parametrize("version", collector.MODULES)
def test_the_collector_takes_it_and_stores_nothing(version: str) -> None:
    with pair("large") as (client, server), collector.start(COLLECTOR.format(tls=""), server, version) as running:
        found = probed(client, *both(SERVER_IPV4, SERVER_IPV6))
        log = running.log

    assert all(map(went_through, found))
    assert [x.detail for x in found] == [""] * 4
    assert "Traces" not in log  # the debug exporter begins so whatever it is given
    assert "error" not in log.lower()


def test_rotel_takes_it_and_stores_nothing() -> None:
    with pair("large") as (client, server), rotel.start(netns=server) as running:
        found = probed(client, *both(SERVER_IPV4, SERVER_IPV6))
        log = running.log

    assert all(map(went_through, found))
    assert "ResourceSpans" not in log


@pytest.mark.parametrize("family", TOO_BIG)
def test_a_family_whose_path_mtu_is_kept_secret_is_told(family: str) -> None:
    with narrow(TOO_BIG[family]) as (client, _, server), collector.start(COLLECTOR.format(tls=""), server):
        found = diagnose(Request(asked(*both(FAR_IPV4, FAR_IPV6)), client))

    became = {(x.family.title, x.disposition) for x in found.traces}
    other = next(x for x in TOO_BIG if x != family)
    assert became == {(family, Disposition.TIMED_OUT), (other, Disposition.ACCEPTED)}
    assert [(x.code, x.families[0].title, x.severity) for x in found.findings] == [("DS903", family, Severity.ERROR)]
    assert "times, were never acknowledged; those of 500 bytes arrive" in found.findings[0].detail


def test_a_narrow_path_that_says_so_is_healthy() -> None:
    with narrow() as (client, _, server), collector.start(COLLECTOR.format(tls=""), server):
        found = diagnose(Request(asked(*both(FAR_IPV4, FAR_IPV6)), client))

    assert all(x.accepted for x in found.traces)
    assert found.findings == ()


def test_over_tls_it_is_told_as_well(certificates: Certificates) -> None:
    files = f'{{cert_file: "{certificates.pem("other")}", key_file: "{certificates.key("other")}"}}'
    config = COLLECTOR.format(tls=f", tls: {files}")
    with narrow(*TOO_BIG.values()) as (client, _, server), collector.start(config, server):
        found = probed(client, *both(FAR_IPV4, FAR_IPV6, "s"), options=Options(insecure=True))

    assert [x.outcome for x in found] == [Outcome.LARGE_STALLED] * 4


@pytest.mark.parametrize(("dropped", "codes"), [(TOO_BIG, {"DS903"}), ((), {"DS907"})])
def test_a_certificate_that_does_not_get_through_is_told(
    certificates: Certificates, dropped: Iterable[str], codes: set[str]
) -> None:
    """The near link is the narrow one, so it is the server that has to learn of it."""
    files = f'{{cert_file: "{certificates.pem("long")}", key_file: "{certificates.key("long")}"}}'
    config = COLLECTOR.format(tls=f", tls: {files}")
    with narrow(*(TOO_BIG[x] for x in dropped), link="near") as (client, _, server), collector.start(config, server):
        request = Request(asked(*both(FAR_IPV4, FAR_IPV6, "s")), client, options=Options(seconds=1))
        found = diagnose(request)

    assert {x.code for x in found.findings} == codes
    assert all(x.failing and x.failing.hop is Hop.HANDSHAKE for x in found.traces)


def test_a_server_that_is_slow_once_is_not_laid_to_the_path(certificates: Certificates) -> None:
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(certificates.pem("good"), certificates.key("good"))
    seen: list[socket.socket] = []

    def slow(sock: socket.socket) -> None:
        seen.append(sock)
        (until_closed if len(seen) == 1 else encrypted(settings, until_closed))(sock)

    with pair("large") as (client, server), ExitStack() as stack:
        port = inside(find(server), lambda: stack.enter_context(peer(slow, SERVER_IPV6)))
        (found,) = probed(client, f"https://[{SERVER_IPV6}]:{port}", options=Options(seconds=0.5))

    assert (found.outcome, len(seen)) == (Outcome.SILENT, 3)


def test_a_client_that_probes_for_the_mtu_is_healthy() -> None:
    with narrow(*TOO_BIG.values()) as (client, _, server), collector.start(COLLECTOR.format(tls=""), server):
        sysctl(client, "net.ipv4.tcp_mtu_probing", 2)
        sysctl(client, "net.ipv4.tcp_base_mss", 1000)
        found = probed(client, *both(FAR_IPV4, FAR_IPV6))

    assert all(map(went_through, found))


def test_a_client_that_probes_only_after_a_while_is_warned() -> None:
    with narrow(*TOO_BIG.values()) as (client, _, server), collector.start(COLLECTOR.format(tls=""), server):
        sysctl(client, "net.ipv4.tcp_mtu_probing", 1)
        found = diagnose(Request(asked(*both(FAR_IPV4, FAR_IPV6)), client, options=Options(seconds=2)))

    assert {(x.code, x.severity) for x in found.findings} == {("DS903", Severity.WARNING)}
    assert "gets through after some seconds" in found.findings[0].detail


EMPTY = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def large(then: Handler) -> Handler:
    """A receiver that takes an empty request, and does something else with one that has a body."""

    def handler(sock: socket.socket) -> None:
        if b"content-length: 0\r\n" in sock.recv(65536, socket.MSG_PEEK):
            sock.sendall(EMPTY)
        else:
            then(sock)

    return handler


def refuses(sock: socket.socket) -> None:
    sock.recv(12 * 1024, socket.MSG_WAITALL)
    sock.sendall(EMPTY.replace(b"200 OK", b"413 Content Too Large"))


def is_busy(sock: socket.socket) -> None:
    sock.recv(12 * 1024, socket.MSG_WAITALL)
    sock.sendall(EMPTY.replace(b"200 OK", b"429 Too Many Requests"))


@pytest.mark.parametrize(
    ("handler", "detail", "code", "severity"),
    [
        (until_closed, "a larger export: nothing answered the request within 2 s", "DS909", Severity.WARNING),
        (refuses, "a larger export: HTTP 413", "DS904", Severity.ERROR),
        (is_busy, "a larger export: HTTP 429", "DS904", Severity.WARNING),
        (lambda _: None, "a larger export: reset by the peer", "DS909", Severity.WARNING),
    ],
)
def test_what_arrived_is_no_matter_of_the_path(handler: Handler, detail: str, code: str, severity: Severity) -> None:
    """A receiver that is slow, or refuses, has the data; only what is too large fails for certain."""
    with pair("large") as (client, server), ExitStack() as stack:
        port = inside(find(server), lambda: stack.enter_context(peer(large(handler), SERVER_IPV6)))
        found = diagnose(Request(asked(f"http://[{SERVER_IPV6}]:{port}"), client, options=Options(seconds=0.5)))

    assert [x.disposition for x in found.traces] == [Disposition.ACCEPTED]
    assert detail in found.traces[0].hops[-1].evidence[0].fact
    assert [(x.code, x.severity) for x in found.findings] == [(code, severity)]
    assert found.verdict is (Verdict.DEGRADED if severity is Severity.ERROR else Verdict.HEALTHY)


@pytest.mark.parametrize("family", TOO_BIG)
def test_a_long_round_trip_that_the_kernel_remembers_hides_no_loss(family: str) -> None:
    """It sends again after three times as long as that, so that the time is up before it has done so often."""
    address = FAR_IPV6 if family == "IPv6" else FAR_IPV4
    host = f"[{address}]" if ":" in address else address
    with narrow(TOO_BIG[family]) as (client, _, server), ExitStack() as stack:
        inside(find(server), lambda: stack.enter_context(peer(says(EMPTY), address, 4318)))
        remember(client, server, address)
        found = diagnose(Request(asked(f"http://{host}:4318"), client, options=Options(seconds=1)))

    assert [(x.code, x.severity) for x in found.findings] == [("DS903", Severity.ERROR)]
    assert "; those of 500 bytes arrive" in found.findings[0].detail


def remember(client: str, server: str, address: str) -> None:
    """Lets the client's kernel meet a server whose first answer is late: it was lost once."""
    drop = "table inet late { chain i { type filter hook input priority 0; tcp dport 4318 drop; }; }"
    execute(server, "nft", drop)
    timer = threading.Timer(0.5, execute, (server, "nft", "delete table inet late"))
    timer.start()
    text = f"{address}]:4318" if ":" in address else f"{address}:4318"
    probed(client, f"http://{'[' if ':' in address else ''}{text}", options=Options(seconds=3))
    timer.join()


def test_a_second_connection_that_a_filter_drops_is_not_the_first() -> None:
    rule = f"ip6 daddr {SERVER_IPV6} tcp flags & (syn | ack) == syn limit rate over 1/hour burst 1 packets drop"
    with pair("large") as (client, server), ExitStack() as stack:
        port = inside(find(server), lambda: stack.enter_context(peer(says(EMPTY), SERVER_IPV6)))
        execute(server, "nft", f"table inet f {{ chain i {{ type filter hook input priority 0; {rule}; }}; }}")
        found = diagnose(Request(asked(f"http://[{SERVER_IPV6}]:{port}"), client, options=Options(seconds=1)))

    assert [x.disposition for x in found.traces] == [Disposition.ACCEPTED]
    assert [(x.code, x.severity) for x in found.findings] == [("DS909", Severity.WARNING)]
    assert "nothing answered the connection attempt" in found.findings[0].detail


def test_what_was_lost_is_never_taken_whatever_comes_of_the_next_connection() -> None:
    third = "tcp flags & (syn | ack) == syn limit rate over 1/hour burst 2 packets drop"
    with narrow(TOO_BIG["IPv6"]) as (client, _, server), ExitStack() as stack:
        inside(find(server), lambda: stack.enter_context(peer(says(EMPTY), FAR_IPV6, 4318)))
        execute(server, "nft", f"table inet f {{ chain i {{ type filter hook input priority 0; {third}; }}; }}")
        found = diagnose(Request(asked(f"http://[{FAR_IPV6}]:4318"), client, options=Options(seconds=1)))

    assert [(x.code, x.severity) for x in found.findings] == [("DS903", Severity.ERROR)]
    assert "were never acknowledged, and no connection came about for smaller ones" in found.findings[0].detail


def test_what_is_lost_in_small_segments_too_is_not_laid_to_the_path_mtu() -> None:
    with narrow() as (client, router, server), collector.start(COLLECTOR.format(tls=""), server):
        execute(router, "nft", LONG)
        found = diagnose(Request(asked(f"http://[{FAR_IPV6}]:4318"), client))

    assert [(x.code, "it is not the size of packets" in x.detail) for x in found.findings] == [("DS903", True)]
    assert "tcpdump" in found.findings[0].hint
