"""Receivers of TLS, with credentials and of some signals, and clients that bring these things or not."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from dualstack.conclusion import conclude
from dualstack.gather import clients, kinds
from dualstack.gather.facts import plainly
from dualstack.gather.pages import page
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition
from dualstack.reach.brings import Brought, brings
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, gathered
from tests.cluster.test_survey import variables

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
PLAIN, SECURE = {ENDPOINT: "http://otel:4317", **GRPC}, {ENDPOINT: "https://otel:4317", **GRPC}
ONE = [w.pod("otel-a", "n1")]
ADDRESSES = tuple(x["ip"] for x in ONE[0]["status"]["podIPs"])


def shop(environ: Mapping[str, str], *secret: str) -> list[Exporter]:
    """The clients that pods with these variables are; of some the values are in a Secret."""
    env: list[Any] = [{"name": k, "value": v} for k, v in environ.items()]
    env += [{"name": x, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}} for x in secret]
    pod = w.pod("shop-1", "n1")
    pod["spec"]["containers"] = [{"name": "shop", "env": env}]
    return clients.of(x for x in page([pod], kinds.PODS).items if x)


def looked(outcome: Outcome, **said: Any) -> Glimpses:
    """Exports from inside of the pod that ended so on 4317, at each address, and were taken on 4318."""
    return Glimpses(
        tuple(
            Glimpse("pod otel-a", port, spoken, Way.INSIDE, *ends, address=address, **more)
            for address in ADDRESSES
            for port, spoken, ends, more in (
                (4317, Protocol.GRPC, (outcome,), said),
                (4318, Protocol.HTTP, (Outcome.ACCEPTED,), {"signals": ("traces",)}),
            )
        )
    )


def judged(seen: Glimpses, sent: list[Exporter], config: w.Object | None = None) -> Diagnosis:
    return w.diagnosed(w.healthy(pods=ONE, configs=[config or w.config()]), seen=seen, clients=sent)


OF_METRICS = [
    {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://otel:4317", **GRPC},
    {**PLAIN, "OTEL_TRACES_EXPORTER": "none"},
    {**PLAIN, "OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"},
    {**PLAIN, "OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "otlp"},
]
OVER_TLS = looked(Outcome.ACCEPTED, tls=True, signals=("traces",))
TLS = w.config(grpc='0.0.0.0:4317", tls: {cert_file: c, key_file: k}, auth: "')


@pytest.mark.parametrize("sent", [[], shop(SECURE), shop({ENDPOINT: "otel:4317", **GRPC})], ids=["none", "tls", "open"])
def test_a_receiver_that_takes_an_export_over_tls_works(sent: list[Exporter]) -> None:
    found = judged(OVER_TLS, sent)

    assert (found.verdict, found.findings) == (Verdict.HEALTHY, ())


@pytest.mark.parametrize("seen", [OVER_TLS, looked(Outcome.TLS_EXPECTED), Glimpses()], ids=["taken", "met", "written"])
def test_a_client_that_speaks_plainly_to_a_receiver_of_tls_is_the_cause(seen: Glimpses) -> None:
    found = judged(seen, shop(PLAIN), TLS)

    (fault,) = [x for x in found.findings if x.severity is Severity.ERROR]
    assert (fault.code, fault.summary) == ("DS902", "Port 4317 expects TLS")
    assert fault.hint == (
        "Send to `https://otel.obs.svc:4317`, with the authority's certificate in"
        " `OTEL_EXPORTER_OTLP_CERTIFICATE` (`ca_file` in a Collector's exporter) if needed."
    )
    assert f"{ENDPOINT}=http://otel:4317" in {x.fact for x in fault.evidence}
    assert {x.target.port for x in found.traces if x.failed} == {4317}


def test_a_receiver_of_tls_that_nobody_is_known_to_speak_plainly_to_is_no_fault() -> None:
    found = judged(looked(Outcome.TLS_EXPECTED), [])

    assert (found.verdict, found.findings) == (Verdict.UNKNOWN, ())


@pytest.mark.parametrize("sent", [PLAIN, SECURE], ids=["plain", "tls"])
def test_a_receiver_whose_section_of_tls_is_a_variable_may_take_either(sent: Mapping[str, str]) -> None:
    found = judged(Glimpses(), shop(sent), w.config(grpc='0.0.0.0:4317", tls: "${env:TLS}", auth: "'))

    assert not [x for x in found.findings if x.code == "DS902"]


@pytest.mark.parametrize(
    ("name", "signal"),
    [("OTEL_EXPORTER_OTLP_INSECURE", ""), ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "TRACES_")],
)
def test_a_secret_that_says_whether_a_client_uses_tls_is_named(name: str, signal: str) -> None:
    sent = shop({f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT": "otel:4317", **GRPC}, name)
    found = judged(Glimpses(), sent)

    assert "DS902" not in w.codes(found)
    why = {y.why for x in found.traces for y in x.hops if "TLS" in y.why}
    assert why == {f"whether the clients use TLS is in `{name}` (Secret s), whose value is not known"}


def test_a_client_of_tls_before_a_plain_receiver_is_the_cause() -> None:
    found = judged(looked(Outcome.ACCEPTED, signals=("traces",)), shop(SECURE))

    (fault,) = found.findings
    assert (fault.code, fault.summary) == ("DS902", "Port 4317 does not speak TLS")
    assert found.verdict is Verdict.DEGRADED


def test_a_plain_receiver_that_was_asked_for_tls_is_no_fault_of_plain_clients() -> None:
    met = judged(looked(Outcome.TLS_NOT_SPOKEN, tls=True), shop(PLAIN))
    kept = judged(looked(Outcome.TLS_NOT_SPOKEN, tls=True), shop(SECURE))

    assert (met.verdict, met.findings) == (Verdict.UNKNOWN, ())
    assert w.roots(kept) == ["DS902"]


def test_of_clients_of_both_kinds_those_that_fail_are_named() -> None:
    found = judged(OVER_TLS, [*shop(SECURE), *shop(PLAIN)])

    (fault,) = found.findings
    assert fault.code == "DS902"
    assert f"{ENDPOINT}=http://otel:4317" in {x.fact for x in fault.evidence}
    assert f"{ENDPOINT}=https://otel:4317" not in {x.fact for x in fault.evidence}


@pytest.mark.parametrize("nodes", [("n1",), ()], ids=["placed", "anywhere"])
@pytest.mark.parametrize("poor", [w.BOTH, ["IPv4"]], ids=["alike", "differing"])
def test_clients_that_speak_as_the_receiver_does_work_beside_one_that_does_not(
    nodes: tuple[str, ...], poor: Iterable[str]
) -> None:
    one = replace(shop(SECURE)[0], owner="Deployment pay", nodes=nodes)
    other = replace(one, namespace="web", endpoint="https://otel.obs:4317")
    objects = w.healthy(pods=ONE, nodes=[w.node("n1", 1), w.node("n2", 2, poor)])
    found = w.diagnosed(objects, seen=looked(Outcome.ACCEPTED, signals=("traces",)), clients=[*shop(PLAIN), one])
    both = w.diagnosed(objects, seen=looked(Outcome.ACCEPTED, signals=("traces",)), clients=[*shop(PLAIN), one, other])

    assert found.verdict is Verdict.DEGRADED
    lost = [(x.vantage, x.family) for x in found.traces if x.failed and x.required]
    assert lost == [("pods of Deployment pay", x) for x in Family]
    assert any(x.accepted and x.target.port == 4317 for x in found.traces)
    assert "which all of its clients then speak" in found.findings[0].hint
    named = {f"pods of Deployment {x}/pay" for x in ("obs", "web")}
    assert {x.vantage for x in both.traces if x.failed and x.required} == named


OLDER = {"outcome": Outcome.TLS_REFUSED, "detail": "tlsv1 alert bad certificate", "tls": True}
CERTIFICATE = {"outcome": Outcome.TLS_REFUSED, "detail": "tlsv13 alert certificate required", "tls": True}
TOKEN = {"outcome": Outcome.REJECTED, "status": "grpc-status 16 UNAUTHENTICATED"}


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        (CERTIFICATE, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
        (OLDER, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE"),
        (TOKEN, "OTEL_EXPORTER_OTLP_TRACES_HEADERS"),
    ],
    ids=["certificate", "tls-1.2", "token"],
)
def test_credentials_that_clients_may_have_are_no_fault(said: dict[str, Any], secret: str) -> None:
    for sent in ([], shop(PLAIN if said is TOKEN else SECURE, secret)):
        found = judged(looked(**said), sent)

        assert (found.verdict, found.findings) == (Verdict.UNKNOWN, ())


def test_a_secret_of_any_variables_may_hold_the_credentials() -> None:
    pod = w.pod("shop-1", "n1")
    env = [{"name": k, "value": v} for k, v in PLAIN.items()]
    pod["spec"]["containers"] = [{"name": "shop", "env": env, "envFrom": [{"secretRef": {"name": "tele"}}]}]
    found = judged(looked(**TOKEN), clients.of(x for x in page([pod], kinds.PODS).items if x))

    assert (found.verdict, found.findings) == (Verdict.UNKNOWN, ())


def test_what_a_client_met_that_is_asked_for_a_certificate_is_the_cause_where_it_names_none() -> None:
    pod = cart("https://otel.obs:4317", {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "grpc"})
    world = gathered(pod, configs=[TLS])
    made = (ProbeTask(x, 4317, Protocol.GRPC, "otel.obs.svc", tls=True) for x in ("10.96.0.9", "fd00:96::9"))
    refused = {"outcome": Outcome.TLS_REFUSED, "detail": "tlsv13 alert certificate required"}
    probes = Probes(tuple(ProbeResult(x, **refused) for x in made))
    world.inspections = [Inspection("n1", "shop", "a", plainly(Snapshot({Probes: probes})))]
    found = conclude(world, Question())

    assert found.verdict is Verdict.BROKEN
    (fault,) = [x for x in found.findings if x.severity is Severity.ERROR]
    assert fault.code == "DS908"
    assert "`OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`" in fault.hint


@pytest.mark.parametrize(
    ("said", "environ", "code"), [(CERTIFICATE, SECURE, "DS908"), (TOKEN, PLAIN, "DS904")], ids=["certificate", "token"]
)
def test_credentials_that_no_client_has_are(said: dict[str, Any], environ: dict[str, str], code: str) -> None:
    found = judged(looked(**said), shop(environ))

    assert w.roots(found) == [code]
    assert found.verdict is Verdict.DEGRADED


def test_a_receiver_with_paths_of_its_own_is_open() -> None:
    config = w.config(http='0.0.0.0:4318", traces_url_path: "/in')
    page = Glimpses((Glimpse("pod otel-a", 4318, Protocol.HTTP, Way.ADDRESS, Outcome.NOT_OTLP, status="HTTP 404"),))

    moved, usual = (judged(page, [], x) for x in (config, None))
    below = judged(OVER_TLS, [], w.config(http='0.0.0.0:4318", traces_url_path: "/in/v1/traces'))

    assert (moved.verdict, moved.findings) == (Verdict.UNKNOWN, ())
    assert (below.verdict, below.findings) == (Verdict.UNKNOWN, ())
    assert w.roots(usual) == ["DS905"]


def test_what_fails_before_is_told_first() -> None:
    found = judged(looked(Outcome.REFUSED), shop({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://otel:4317", **GRPC}))

    assert not {"DS902", "DS904"} & w.codes(found)


@pytest.mark.parametrize(
    ("signal", "endpoint", "values", "brought"),
    [
        ("", "http://a:4317", {}, Brought(("traces",), False, ())),
        ("", "HTTPS://a:4317", {}, Brought(("traces",), True, ())),
        ("", "a:4317", {}, Brought(("traces",), None, ())),
        ("", "a:4317", {"OTEL_EXPORTER_OTLP_INSECURE": "True"}, Brought(("traces",), False, ())),
        ("logs", "a:4317", {"OTEL_EXPORTER_OTLP_LOGS_INSECURE": "false"}, Brought(("logs",), True, ())),
        ("logs", "a:4317", {"OTEL_EXPORTER_OTLP_INSECURE": "1"}, Brought(("logs",), None, ())),
        ("logs", "http://a", {"OTEL_LOGS_EXPORTER": "none"}, Brought((), False, ())),
        ("", "http://a", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "b"}, Brought((), False, ())),
        ("", "http://a", {"OTEL_LOGS_EXPORTER": "otlp"}, Brought(("traces", "logs"), False, ())),
        ("traces", "http://a", {"OTEL_EXPORTER_OTLP_LOGS_HEADERS": "a=b"}, Brought(("traces",), False, ())),
        ("", "http://a", {"OTEL_EXPORTER_OTLP_LOGS_HEADERS": "a=b"}, Brought(("traces",), False, ("headers",))),
    ],
)
def test_what_the_variables_of_a_client_say(
    signal: str, endpoint: str, values: dict[str, str], brought: Brought
) -> None:
    assert brings(signal, endpoint, values, set(values))[:3] == brought[:3]


def from_node(outcome: Outcome, node: str = "n1", **said: Any) -> Inspection:
    """Exports of a Job on a node to the Service, over both families."""
    tasks = [ProbeTask(x, 4317, Protocol.GRPC, "otel.obs.svc") for x in ("10.96.0.9", "fd00:96::9")]
    probes = Probes(tuple(ProbeResult(x, outcome, **said) for x in tasks))
    return Inspection(node, facts=plainly(Snapshot({Probes: probes})))


@pytest.mark.parametrize("known", [True, False])
def test_exports_from_nodes_prove_both_families(known: bool) -> None:
    said = {"status": "grpc-status 12 UNIMPLEMENTED", "signals": ("metrics",)}
    near = Glimpses((Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.LOOPBACK, Outcome.REJECTED, **said),))
    world = w.world(w.healthy(pods=ONE), seen=near if known else None, clients=shop(OF_METRICS[0]))
    world.inspections = [from_node(Outcome.REJECTED, x, **said) for x in ("n1", "n2")]

    found = conclude(world, Question())

    assert {x.accepted for x in found.traces if x.target.port == 4317} == {True}
    assert not found.findings


def test_a_loopback_that_takes_metrics_proves_no_family() -> None:
    said = {"status": "grpc-status 12 UNIMPLEMENTED", "signals": ("metrics",)}
    ways = (
        Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.ADDRESS, Outcome.CONNECTED),
        Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.LOOPBACK, Outcome.REJECTED, **said),
    )

    found = w.diagnosed(w.healthy(pods=ONE), seen=Glimpses(ways), clients=shop(OF_METRICS[0]))

    of_grpc = {x.family: x.disposition for x in found.traces if x.target.port == 4317}
    assert of_grpc == {Family.IPV4: Disposition.ACCEPTED, Family.IPV6: Disposition.INSUFFICIENT_INFO}
    assert not found.findings


@pytest.mark.parametrize(
    ("endpoint", "said", "outcome", "hint"),
    [
        (
            "http://otel.obs:4318",
            "grpc",
            Outcome.HTTP1_SPOKEN,
            (
                "Set `OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf` (the exporter `otlphttp` in a Collector), and send to "
                "`https://otel.obs:4318`, with the authority's certificate in `OTEL_EXPORTER_OTLP_CERTIFICATE` "
                "(`ca_file` in a Collector's exporter) if needed, or send gRPC to `https://otel.obs:4317`."
            ),
        ),
        (
            "http://otel.obs:4317",
            "http/protobuf",
            Outcome.HTTP2_SPOKEN,
            (
                "Set `OTEL_EXPORTER_OTLP_PROTOCOL=grpc` (the exporter `otlp` in a Collector), and send to "
                "`https://otel.obs:4317`, with the authority's certificate in `OTEL_EXPORTER_OTLP_CERTIFICATE` "
                "(`ca_file` in a Collector's exporter) if needed, or send OTLP/HTTP to `https://otel.obs:4318`."
            ),
        ),
    ],
)
@pytest.mark.parametrize("tls", [True, False])
def test_a_plain_client_of_the_other_protocol_of_a_receiver_of_tls_is_told_both(
    endpoint: str, said: str, outcome: Outcome, hint: str, *, tls: bool
) -> None:
    port, protocol = (4318, Protocol.GRPC) if said == "grpc" else (4317, Protocol.HTTP)
    both = w.config(
        grpc='0.0.0.0:4317", tls: {cert_file: c}, auth: "', http='0.0.0.0:4318", tls: {cert_file: c}, auth: "'
    )
    world = gathered(cart(endpoint, *variables(OTEL_EXPORTER_OTLP_PROTOCOL=said)), pods=ONE, configs=[both])
    met = (Glimpse("pod otel-a", port, protocol, Way.INSIDE, outcome, address=x, tls=tls) for x in ADDRESSES)
    world.seen = Glimpses(tuple(met))

    (fault,) = [x for x in conclude(world, Question()).findings if x.code == "DS902"]

    assert (fault.hint == hint) is tls
    assert ("It takes TLS alone, and the client speaks without." in fault.detail) is tls
