"""Certificates of receivers, which exports inside of a cluster do not verify, and the names that clients ask for."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpses
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Certificate, Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition, Hop
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, gathered
from tests.cluster.test_terms import ENDPOINT, GRPC, ONE, SECURE, TLS, looked, shop

CLUSTER = ("10.96.0.9", "fd00:96::9")
TRUST = {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem"}
TRUSTING = {**SECURE, **TRUST}
OTHER = Certificate(subject="CN=other", names=("otel.example",), not_after="2027-01-01T00:00:00Z")


def seen(certificate: Certificate) -> Glimpses:
    """Exports over TLS, without verification, that were taken."""
    return looked(Outcome.ACCEPTED, tls=True, signals=("traces",), certificate=certificate)


def judged(certificate: Certificate, sent: Iterable[Exporter], config: w.Object = TLS, gathered: str = "") -> Diagnosis:
    world = w.world(w.healthy(pods=ONE, configs=[config]), seen=seen(certificate), clients=sent)
    world.gathered = gathered
    return conclude(world, Question())


def to(endpoint: str) -> list[Exporter]:
    return shop({ENDPOINT: endpoint, **GRPC, **TRUST})


def test_a_name_that_the_certificate_lacks_ends_the_exports_of_clients_who_ask_for_it() -> None:
    found = judged(OTHER, shop(SECURE))

    (fault,) = found.findings
    assert found.verdict is Verdict.DEGRADED
    assert (fault.code, fault.detail) == ("DS901", "The client asks for `otel`. The certificate is for `otel.example`.")
    assert fault.hint == "Add `DNS:otel` to the subjectAltName of the certificate, or send to `otel.example`."
    assert f"{ENDPOINT}=https://otel:4317" in {x.fact for x in fault.evidence}


@pytest.mark.parametrize("host", ["otel", "otel.obs", "otel.obs.svc", "OTEL.obs.svc.cluster.local"])
def test_a_certificate_counts_for_the_name_that_clients_write(host: str) -> None:
    names = [x for x in ("otel", "otel.obs", "otel.obs.svc", "otel.obs.svc.cluster.local") if x != host.lower()]
    short = Certificate(names=tuple(names), addresses=CLUSTER)
    whole = Certificate(names=(*names, host))

    assert "DS901" in w.codes(judged(short, to(f"https://{host}:4317")))
    assert "DS901" not in w.codes(judged(whole, to(f"https://{host}:4317")))


def test_a_wildcard_stands_for_one_label() -> None:
    wide = Certificate(names=("*.obs.svc",))

    assert judged(wide, to("https://otel.obs.svc:4317")).verdict is Verdict.HEALTHY
    assert w.roots(judged(wide, shop(SECURE))) == ["DS901"]


def test_that_nobody_looked_who_made_a_certificate_is_said() -> None:
    fit = replace(OTHER, names=("otel",))

    made, unnamed = (judged(replace(fit, issuer=x), shop(TRUSTING)) for x in ("CN=ca", ""))

    assert made.verdict is Verdict.HEALTHY
    asked = "whether clients trust the certificate of otel.obs.svc:4317"
    assert {x.why for x in made.skipped if x.needs == asked} == {
        "exports were made without verifying it; it is by `CN=ca`"
    }
    assert {x.why for x in unnamed.skipped if x.needs == asked} == {"exports were made without verifying it"}
    assert asked not in {x.needs for x in judged(OTHER, shop(SECURE)).skipped}


@pytest.mark.parametrize(
    "said", [{}, {"SSL_CERT_FILE": "/ca.pem"}, {"JAVA_TOOL_OPTIONS": "-Djavax.net.ssl.trustStore=/t"}]
)
def test_of_a_name_of_the_cluster_no_authority_of_the_world_vouches(said: dict[str, str]) -> None:
    found = judged(replace(OTHER, names=("otel",), issuer="CN=ca"), shop({**SECURE, **said}))

    assert found.verdict is (Verdict.HEALTHY if said else Verdict.UNKNOWN)
    why = {x.at(Hop.HANDSHAKE).why for x in found.traces if x.disposition is Disposition.INSUFFICIENT_INFO}
    assert why == (
        set() if said else {"the certificate is by `CN=ca`, and nothing tells the clients to trust that authority"}
    )
    assert [(x.code, x.severity) for x in found.findings] == ([] if said else [("DS907", Severity.WARNING)])
    assert all("`OTEL_EXPORTER_OTLP_CERTIFICATE`" in x.hint for x in found.findings)


def test_a_longer_name_of_the_same_service_is_proposed() -> None:
    (fault,) = judged(Certificate(names=("other", "otel.obs.svc")), shop(SECURE)).findings

    assert fault.hint.endswith("or send to `otel.obs.svc`.")


def test_a_certificate_that_has_ended_is_taken_by_nobody_who_looks() -> None:
    held = replace(OTHER, names=("otel",))

    late = judged(held, shop(SECURE), gathered="2027-02-01T00:00:00+00:00")
    soon = judged(held, shop(TRUSTING), gathered="2026-02-01T00:00:00+00:00")

    assert w.roots(late) == ["DS907"]
    assert late.findings[0].summary == "The certificate is out of date"
    assert soon.verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("sent", "config", "held"),
    [
        ([], TLS, OTHER),
        (shop(SECURE), w.config(grpc="${env:UNKNOWN}"), OTHER),
        (shop(SECURE), TLS, Certificate(subject="CN=otel")),
    ],
    ids=["nobody-is-known", "what-else-it-shows-is-not-known", "common-name"],
)
def test_a_name_that_may_count_is_no_fault_and_not_fine(
    sent: list[Exporter], config: w.Object, held: Certificate
) -> None:
    found = judged(held, sent, config)

    assert "DS901" not in w.codes(found)
    assert found.verdict is Verdict.UNKNOWN


def test_what_fails_without_a_look_at_the_certificate_is_left_as_it_is() -> None:
    refused = {"status": "grpc-status 16 UNAUTHENTICATED", "tls": True, "certificate": OTHER}
    for outcome, said in ((Outcome.NOT_OTLP, {**refused, "status": "HTTP 404"}), (Outcome.REJECTED, refused)):
        world = w.world(w.healthy(pods=ONE, configs=[TLS]), seen=looked(outcome, **said))
        bare = w.world(w.healthy(pods=ONE, configs=[TLS]), seen=looked(outcome, **{**said, "certificate": None}))

        assert conclude(world, Question()).findings == conclude(bare, Question()).findings


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (("otel",), "otel"),
        (("otel", "otel.obs.svc"), "otel.obs.svc"),
        (("*.obs",), "otel.obs"),
        (("x",), "otel.obs.svc"),
    ],
)
def test_who_is_told_to_use_tls_is_told_a_name_that_the_certificate_holds(names: tuple[str, ...], host: str) -> None:
    (fault,) = judged(Certificate(names=names), shop({ENDPOINT: "http://otel:4317", **GRPC})).findings

    assert fault.hint.startswith(f"Send to `https://{host}:4317`, with")


@pytest.mark.parametrize("host", ["otel.obs", "otel.obs.svc.cluster.local"])
def test_a_client_that_is_asked_about_keeps_its_own_name_for_the_service(host: str) -> None:
    pod = cart(f"http://{host}:4317", {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "grpc"})
    found = conclude(gathered(pod, configs=[TLS]), Question())

    (fault,) = [x for x in found.findings if x.code == "DS902"]
    assert fault.hint.startswith(f"Send to `https://{host}:4317`, with")


@pytest.mark.parametrize(
    ("name", "tls", "verdict", "codes"),
    [
        ("otel.obs", True, Verdict.HEALTHY, []),
        ("other", True, Verdict.BROKEN, ["DS901"]),
        ("otel.obs", False, Verdict.BROKEN, ["DS902"]),
    ],
)
def test_exports_of_this_tool_tell_of_a_client_that_is_asked_about(
    name: str, tls: bool, verdict: Verdict, codes: list[str]
) -> None:
    said = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **TRUST}
    world = gathered(
        cart("https://otel.obs:4317", *({"name": x, "value": y} for x, y in said.items())), pods=ONE, configs=[TLS]
    )
    world.seen = looked(
        Outcome.ACCEPTED, tls=tls, signals=("traces",), certificate=Certificate(names=(name,)) if tls else None
    )

    found = conclude(world, Question())

    assert (found.verdict, w.roots(found)) == (verdict, codes)


def test_clients_without_tls_do_not_ask() -> None:
    assert w.roots(judged(OTHER, shop({ENDPOINT: "http://otel:4317", **GRPC}))) == ["DS902"]


def test_a_certificate_that_exports_from_nodes_met_counts_as_well() -> None:
    tasks = [ProbeTask(x, 4317, Protocol.GRPC, "otel.obs.svc", tls=True) for x in CLUSTER]
    probes = Probes(tuple(ProbeResult(x, Outcome.ACCEPTED, signals=("traces",), certificate=OTHER) for x in tasks))
    world = w.world(w.healthy(pods=ONE, configs=[TLS]), clients=shop(SECURE))
    world.inspections = [Inspection("n1", facts=plainly(Snapshot({Probes: probes})))]

    found = conclude(world, Question())

    assert w.roots(found) == ["DS901"]


def test_a_client_that_verifies_nothing_takes_any_certificate() -> None:
    blind = [replace(x, verifies=False, trusts=True) for x in shop(SECURE)]
    ended = replace(OTHER, names=("otel",), not_after="2026-01-31T00:00:00Z")

    assert judged(OTHER, blind).verdict is Verdict.HEALTHY
    assert judged(ended, blind, gathered="2026-02-01T00:00:00Z").verdict is Verdict.HEALTHY
    assert w.roots(judged(OTHER, [*blind, *to("https://otel:4317")])) == ["DS901"]


@pytest.mark.parametrize(("name", "codes"), [("otel.example", []), ("gateway", ["DS901"]), ("${env:NAME}", [])])
def test_the_name_that_a_client_wants_in_place_of_the_host_counts(name: str, codes: list[str]) -> None:
    found = judged(OTHER, [replace(x, server_name=name) for x in shop(TRUSTING)])

    assert w.roots(found) == codes
    instead = "set `tls.server_name_override` of the client to `otel.example`"
    hints = [f"Add `DNS:gateway` to the subjectAltName of the certificate, or {instead}."]
    assert [x.hint for x in found.findings] == hints[: len(codes)]
