"""The server ends the TLS handshake.

## What it detects
The server answers the handshake with an alert: it wants a client certificate, does not trust the one it got, or shares
no TLS version or cipher with the client.

## Why it breaks
A receiver with `client_ca_file` takes only clients whose certificate that authority signed. In TLS 1.3 the client hears
of it after its own part of the handshake is done, so the error comes with the first export.

## Fix
Give the client a certificate of the authority that the receiver names.

## Example
```yaml fires
target: grpcs://collector:4317
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4317 grpcs tls_refused detail='tlsv13 alert certificate required'"]
```
```yaml fires
target: https://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 https tls_refused detail='tlsv1 alert unknown ca'"]
```
```yaml fires
target: https://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 https tls_refused detail='tlsv1 alert protocol version'"]
```
```yaml quiet
target: grpcs://10.9.0.7:443
probes: ["10.9.0.7:443 grpcs tls_refused detail='tlsv1 alert no application protocol'"]
```

## References
- RFC 8446 section 6.2: the alerts; Collector configtls: `client_ca_file`
"""

from collections.abc import Iterator

from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Outcome, Probes
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import ended

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR

_NONE_GIVEN = ("certificate required", "bad certificate")
_NOT_TAKEN = ("unknown ca", "certificate unknown", "certificate expired", "certificate revoked")
_OTHERS = ("no application protocol", "unrecognized name")


def check(traces: Traces, probes: Probes) -> Iterator[Finding]:
    """One finding for each flow whose handshake the server ended, but for protocols (DS902) and names (DS901)."""
    for trace, result in ended(traces, probes, (Outcome.TLS_REFUSED,)):
        if any(x in result.detail for x in _OTHERS):
            continue
        summary, why, hint = _words(trace, result.detail)
        yield Finding(
            summary=summary,
            detail=f"The server says: {result.detail or 'nothing'}. {why}",
            hint=hint,
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=trace.at(Hop.HANDSHAKE).evidence,
            flows=(trace.key,),
        )


def _words(trace: Trace, alert: str) -> tuple[str, str, str]:
    give = "with `--cert FILE --key FILE`, signed by the authority in the receiver's `client_ca_file`."
    if any(x in alert for x in _NONE_GIVEN):
        return (
            "The server wants a client certificate",
            "It takes no client without one that it trusts.",
            f"Pass one {give}",
        )
    if any(x in alert for x in _NOT_TAKEN):
        return "The client's certificate is refused", "It does not trust the client's.", f"Pass another one {give}"
    why = "It wants another TLS version or cipher, or a client certificate."
    look = f"openssl s_client -connect {trace.target.endpoint}"
    return "The server ends the TLS handshake", why, f"Compare the TLS versions and ciphers with `{look}`."
