"""Receivers of some signals, and clients that send these or others."""

import pytest
from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.evidence import Layer
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Confidence, Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.reach.brings import brings
from tests.cluster import worlds as w
from tests.cluster.test_terms import GRPC, OF_METRICS, PLAIN, judged, looked, shop

METRICS_ALONE = looked(Outcome.REJECTED, status="grpc-status 12 UNIMPLEMENTED", signals=("metrics",))


@pytest.mark.parametrize("environ", OF_METRICS)
def test_a_receiver_of_what_its_clients_send_works(environ: dict[str, str]) -> None:
    found = judged(METRICS_ALONE, shop(environ))

    assert (found.verdict, found.findings) == (Verdict.HEALTHY, ())


def test_a_receiver_of_metrics_alone_is_a_warning_where_nobody_says_what_is_sent() -> None:
    found = judged(METRICS_ALONE, [])

    (told,) = found.findings
    assert (told.code, told.severity) == ("DS904", Severity.WARNING)
    assert found.verdict is Verdict.UNKNOWN


def test_and_an_error_where_a_client_sends_something_else() -> None:
    found = judged(METRICS_ALONE, shop(PLAIN))

    (told,) = found.findings
    assert (told.code, told.severity) == ("DS904", Severity.ERROR)
    assert found.verdict is Verdict.DEGRADED


def test_a_signal_that_the_configuration_has_no_pipeline_of_is_an_error_where_it_is_all_that_is_sent() -> None:
    sent = shop({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://otel:4317", **GRPC})

    found = judged(looked(Outcome.ACCEPTED, signals=("traces",)), sent)

    (told,) = found.findings
    assert told.code == "DS904"
    assert told.detail == "The receiver has no pipeline of metrics, which its clients send."
    assert told.hint == "Add the receiver to a pipeline of metrics."
    assert (told.confidence, {x.layer for x in told.evidence}) == (Confidence.DECLARED, {Layer.DECLARED})
    assert {x.signals for x in found.traces if x.failed} == {("traces",)}


@pytest.mark.parametrize(
    ("signal", "values", "may"),
    [
        ("", {}, ("traces", "metrics", "logs")),
        ("", {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "b"}, ("metrics",)),
        ("logs", {}, ("logs",)),
        ("logs", {"OTEL_LOGS_EXPORTER": "none"}, ()),
    ],
)
def test_what_a_client_may_send_is_all_that_nobody_switched_off(
    signal: str, values: dict[str, str], may: tuple[str, ...]
) -> None:
    assert brings(signal, "http://a", values, set(values)).may == may


AGENT = {"JAVA_TOOL_OPTIONS": "-javaagent:/opt/opentelemetry-javaagent.jar"}
FIRST, SECOND = (
    {"JAVA_TOOL_OPTIONS": f"-javaagent:/opt/opentelemetry-javaagent-{x}.jar"} for x in ("1.33.5", "2.10.0")
)
OF_COLLECTOR = Exporter(
    "shop",
    "Deployment agent",
    "agent-1",
    "exporters.otlp.endpoint",
    "otel.obs:4317",
    "grpc",
    tls=False,
    signals=("traces", "logs"),
    may=("traces", "logs"),
)


@pytest.mark.parametrize(
    ("sent", "lost"),
    [
        (shop({**PLAIN, "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp"}), "metrics and logs"),
        (shop({**PLAIN, "OTEL_LOGS_EXPORTER": "none", **AGENT}), "metrics"),
        (shop({**PLAIN, **AGENT}), "metrics and logs"),
        (shop({**PLAIN, **SECOND}), "metrics and logs"),
        (shop({**PLAIN, **FIRST}), "metrics"),
        (shop({**PLAIN, "OTEL_LOGS_EXPORTER": "otlp", **FIRST}), "metrics and logs"),
        ([OF_COLLECTOR], "logs"),
    ],
)
def test_signals_beside_traces_that_have_no_pipeline_are_told(sent: list[Exporter], lost: str) -> None:
    one = replace(sent[0], endpoint=sent[0].endpoint.replace("otel:", "otel.obs:"))
    found = judged(looked(Outcome.ACCEPTED, signals=("traces",)), [one])

    (told,) = found.findings
    assert (told.code, told.severity, told.summary) == ("DS904", Severity.WARNING, "A signal has no pipeline")
    assert told.detail.endswith(f"has a pipeline of traces alone, and its clients are set to send {lost} as well.")
    assert {x.target.port for x in found.traces if not x.accepted} == {4317}


@pytest.mark.parametrize(
    ("endpoint", "summary", "why", "mend"),
    [
        ("otel.obs:4318", "has no scheme", "unsupported protocol scheme", "http://otel.obs:4318"),
        ("dns:///otel.obs:4318", "has a scheme of gRPC", "which no exporter over HTTP knows", "http://HOST:PORT"),
    ],
)
def test_a_collector_exports_nothing_over_http_without_a_scheme_of_it(
    endpoint: str, summary: str, why: str, mend: str
) -> None:
    sent = replace(OF_COLLECTOR, variable="exporters.otlphttp.endpoint", signals=("traces",), may=("traces",))
    alone = replace(sent, endpoint=endpoint, protocol="http/protobuf")
    found = w.diagnosed(w.healthy(), clients=[alone])

    (told,) = found.findings
    assert (told.code, told.severity, told.summary) == ("DS119", Severity.ERROR, f"The endpoint {summary}")
    assert why in told.detail
    assert told.hint.startswith(f"Write `{mend}`")
    assert found.verdict is Verdict.DEGRADED
    assert not any(x.failed for x in found.traces)


@pytest.mark.parametrize(
    "environ",
    [PLAIN, {**PLAIN, "OTEL_TRACES_EXPORTER": "otlp"}, {**PLAIN, "OTEL_METRICS_EXPORTER": "prometheus"}],
)
def test_who_may_send_traces_alone_is_not_suspected(environ: dict[str, str]) -> None:
    found = judged(looked(Outcome.ACCEPTED, signals=("traces",)), shop(environ))

    assert (found.verdict, found.findings) == (Verdict.HEALTHY, ())


def test_a_receiver_without_traces_whose_metrics_are_not_known_to_be_sent_over_all_hops_is_open() -> None:
    seen = Glimpses((Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.LOOPBACK, **REJECTED),))
    meshed = [w.pod("otel-a", "n1")]

    found = w.diagnosed(w.healthy(pods=meshed, nodes=[]), seen=seen, clients=shop(OF_METRICS[0]), unseen=["Node"])

    assert not [x for x in found.findings if x.severity is Severity.ERROR]
    assert found.verdict is Verdict.UNKNOWN


REJECTED = {"outcome": Outcome.REJECTED, "status": "grpc-status 12 UNIMPLEMENTED", "signals": ("metrics",)}
