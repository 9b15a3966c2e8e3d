"""What a finding about a certificate says."""

import pytest

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
    ],
)
def test_the_certificate_is_told_by_what_it_holds(certificate: str, said: str) -> None:
    evidence = snapshot(NAME + f"probes: ['10.9.0.7:4318 https tls_name_mismatch {certificate}']")

    (finding,), _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert finding.code == "DS901"
    assert said in finding.detail
    assert "Add `DNS:collector` to the subjectAltName" in finding.hint
