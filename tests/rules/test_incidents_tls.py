"""What a finding about a certificate says."""

import pytest

from dualstack.model.address import Family
from dualstack.model.finding import Severity
from dualstack.reach.predict import predict
from dualstack.rules.registry import evaluate, rules
from dualstack.testing.incident import snapshot

NAME = "target: https://collector:4318\nnames: {collector: [10.9.0.7]}\n"


@pytest.mark.parametrize(
    ("certificate", "said"),
    [
        ("subject=CN=collector", "no name or address in a subjectAltName"),
        ("subject=CN=collector", "do not read its common name (`CN=collector`)."),
        ("issuer=CN=lab", "do not read its common name."),
        ("subject=CN=collector san=10.9.0.7", "The certificate is for `10.9.0.7`."),
        ("san=other,*.other", "The certificate is for `other`, `*.other`."),
        ("san=*.collector", "`*.collector` stands for one label before `.collector`, no more and no fewer."),
    ],
)
def test_the_certificate_is_told_by_what_it_holds(certificate: str, said: str) -> None:
    evidence = snapshot(NAME + f"probes: ['10.9.0.7:4318 https tls_name_mismatch {certificate}']")

    (finding,), _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert finding.code == "DS901"
    assert said in finding.detail
    assert "Add `DNS:collector` to the subjectAltName" in finding.hint


@pytest.mark.parametrize(
    ("asked", "held", "said"),
    [
        ("[fd00:9::7]", "10.9.0.7", "It holds no IPv6 address."),
        ("10.9.0.7", "fd00:9::7", "It holds no IPv4 address."),
        ("[fd00:9::7]", "fd00:9::8", "The certificate is for `fd00:9::8`."),
        ("[fd00:9::7]", "DNS:FD00:9:0::7", "The address is in a DNS entry, where clients look for names alone."),
        ("10.9.0.7", "DNS:10.9.0.7,fd00:9::7", "The address is in a DNS entry, where clients look for names alone."),
        ("[fd00:9::7]", "collector", "The certificate is for `collector`."),
    ],
)
def test_an_address_is_told_from_those_of_the_certificate(asked: str, held: str, said: str) -> None:
    world = f"target: 'https://{asked}:4318'\nprobes: ['{asked}:4318 https tls_name_mismatch san={held}']"
    evidence = snapshot(world)

    (finding,), _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert finding.code == "DS901"
    assert finding.detail.endswith(said)
    assert f"Add `IP:{asked.strip('[]')}` to the subjectAltName" in finding.hint


def test_a_wildcard_two_labels_up_is_no_match() -> None:
    evidence = snapshot(
        "target: https://a.b.lab:4318\nnames: {a.b.lab: [10.9.0.7]}\n"
        "probes: ['10.9.0.7:4318 https tls_name_mismatch san=*.lab']"
    )

    (finding,), _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert "`*.lab` stands for one label" in finding.detail


def test_a_wildcard_for_a_whole_domain_is_a_warning_for_some_take_it() -> None:
    evidence = snapshot(
        "target: https://otel.lab:4318\nnames: {otel.lab: [10.9.0.7]}\n"
        "probes: ['10.9.0.7:4318 https tls_name_mismatch san=*.lab']"
    )

    (finding,), _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert finding.severity is Severity.WARNING
    assert "Programs in Go take such a wildcard" in finding.detail


def test_a_certificate_of_one_family_alone_is_told_of_that_family() -> None:
    evidence = snapshot(
        "target: https://collector:4318\nnames: {collector: ['fd00:9::7', 10.9.0.7]}\n"
        "probes: ['[fd00:9::7]:4318 https tls_name_mismatch san=other', '10.9.0.7:4318 https accepted san=collector']"
    )

    (finding,), _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert finding.families == (Family.IPV6,)
    assert "Another address of the name shows a certificate that is for it." in finding.detail


@pytest.mark.parametrize(
    ("target", "probe", "code", "said"),
    [
        (
            "https://10.9.0.7:4318",
            "https tls_refused detail='tlsv1 unrecognized name'",
            "DS901",
            "or give it a default one.",
        ),
        ("https://c:4318", "https tls_refused detail='tlsv1 unrecognized name'", "DS901", "or give it one for `c`."),
        (
            "https://c:4318",
            "https tls_refused detail='alert no application protocol'",
            "DS902",
            "Send gRPC to `grpcs://c:4318`.",
        ),
        ("grpcs://c:4317", "grpcs tls_refused detail='alert no application protocol'", "DS902", "`https://c:4317`"),
        ("https://c:4318", "https tls_refused detail='alert handshake failure'", "DS908", "Compare the TLS versions"),
    ],
)
def test_an_alert_is_told_by_its_words(target: str, probe: str, code: str, said: str) -> None:
    port = target.rpartition(":")[2]
    evidence = snapshot(f'target: {target}\nnames: {{c: [10.9.0.7]}}\nprobes: ["10.9.0.7:{port} {probe}"]')

    (finding,), _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert finding.code == code
    assert said in finding.hint
