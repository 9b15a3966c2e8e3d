"""The certificate does not hold the name or address that the client asks for.

## What it detects
The TLS handshake ends because the server's certificate is for other names or addresses than the target.

## Why it breaks
A client compares what it was told to connect to with the subjectAltName of the certificate. A name needs a DNS entry,
an address an IP entry, and each family its own: a certificate for `10.9.0.7` says nothing of `fd00:9::7`. A name that
stands in the subject alone (its common name) counts for nothing: Go says `certificate relies on legacy Common Name
field, use SANs instead`.

## Fix
Issue the certificate again with the missing entry, or send to a name or address that it holds.

## Example
```yaml fires
target: https://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 https tls_name_mismatch san=collector.example,10.9.0.7"]
```
```yaml fires
target: grpcs://collector:4317
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes:
- "[fd00:9::7]:4317 grpcs tls_name_mismatch issuer=CN=lab"
- "10.9.0.7:4317 grpcs tls_name_mismatch issuer=CN=lab"
```
```yaml fires
target: grpcs://10.9.0.7:4317
probes: ["10.9.0.7:4317 grpcs tls_name_mismatch"]
```
```yaml fires
target: https://collector:4318
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4318 https tls_name_mismatch subject=CN=collector issuer=CN=lab"]
```
```yaml quiet
target: https://collector:4318
names: {collector: ["fd00:9::7"]}
probes: ["[fd00:9::7]:4318 https accepted san=collector"]
```

## References
- RFC 9110 section 4.3.4 (names) and 4.3.5 (addresses), RFC 9525 section 2 (common names) and 6
- Go crypto/x509, verify.go, HostnameError.Error
- https://github.com/hashicorp/consul/issues/10247
"""

from collections.abc import Iterator

from dualstack.model.address import without_zone
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Certificate, Outcome, Probes
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import ended

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR


def check(traces: Traces, probes: Probes) -> Iterator[Finding]:
    """One finding for each flow whose certificate is for somebody else."""
    for trace, result in ended(traces, probes, (Outcome.TLS_NAME_MISMATCH,)):
        asked = without_zone(trace.target.host)
        kind = f"{trace.family.title} address" if trace.target.literal else "name"
        entry = f"{'IP' if trace.target.literal else 'DNS'}:{asked}"
        yield Finding(
            summary=f"The certificate lacks this {kind}",
            detail=f"The client asks for `{asked}`. {_holds(result.certificate)}",
            hint=f"Add `{entry}` to the subjectAltName of the certificate{_instead(trace, result.certificate)}.",
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=trace.at(Hop.HANDSHAKE).evidence,
            flows=(trace.key,),
        )


def _holds(certificate: Certificate | None) -> str:
    if certificate is None:
        return "The certificate of the server is for another name."
    held = (*certificate.names, *certificate.addresses)
    if not held:
        subject = f" (`{certificate.subject}`)" if certificate.subject else ""
        return (
            "The certificate has no name or address in a subjectAltName, and programs in Go, the Collector among them, "
            f"do not read its common name{subject}."
        )
    return f"The certificate is for {', '.join(f'`{x}`' for x in held)}."


def _instead(trace: Trace, certificate: Certificate | None) -> str:
    """A name that the client could verify instead; gRPC clients can keep the address they connect to."""
    names = [x for x in certificate.names if "*" not in x] if certificate else []
    if not names:
        return ""
    override = " (or set `tls.server_name_override` to it)" if trace.target.literal else ""
    return f", or send to `{names[0]}`{override}"
