"""The client does not trust the server's certificate.

## What it detects
The TLS handshake ends because the chain of the certificate leads to no authority that the client knows, or because the
certificate is out of date. A warning where clients ask for a name of the cluster, which no public authority vouches
for, and nothing that is known of them names an authority.

## Why it breaks
A client checks who signed the certificate against its own list. A self-signed one, or one of a private authority, is
trusted only where that authority is given to the client.

## Fix
Give the client the certificate of the authority, or renew the certificate of the server.

## Example
```yaml fires
target: grpcs://collector:4317
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4317 grpcs tls_untrusted detail='unable to get local issuer certificate' issuer=CN=lab"]
```
```yaml fires
target: https://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 https tls_untrusted detail='certificate has expired' until=2026-01-31T00:00:00Z"]
```
```yaml fires
target: https://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 https tls_untrusted detail='self-signed certificate'"]
```
```yaml quiet
target: https://collector:4318
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4318 https tls_name_mismatch san=other"]
```

## References
- RFC 5280 section 6; openssl-verification-options(1): the verification errors
"""

from collections.abc import Iterator

from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Certificate, Outcome, Probes
from dualstack.model.trace import Hop, Traces
from dualstack.reach.answers import ended, url

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR

_OUT_OF_DATE = ("expired", "not yet valid")


def check(traces: Traces, probes: Probes) -> Iterator[Finding]:
    """One finding for each flow whose certificate the client does not trust."""
    for trace, result in ended(traces, probes, (Outcome.TLS_UNTRUSTED,)):
        dated = any(x in result.detail for x in _OUT_OF_DATE)
        held = result.certificate or Certificate()
        who = f" It was issued by `{held.issuer}`." if held.issuer else ""
        ends = "ended" if "expired" in result.detail else "ends"
        until = f" It {ends} at {held.not_after}." if held.not_after else ""
        trust = f"Pass the authority's certificate with `--ca-file FILE` to test `{url(trace.target)}`"
        yield Finding(
            summary="The certificate is out of date" if dated else "The certificate is not trusted",
            detail=f"Verification says: {result.detail or 'not trusted'}.{who}{until}",
            hint="Renew the certificate of the server, and check the clocks of both ends."
            if dated
            else f"{trust}, and give it to the client (`ca_file`, `OTEL_EXPORTER_OTLP_CERTIFICATE`).",
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=trace.at(Hop.HANDSHAKE).evidence,
            flows=(trace.key,),
        )
