"""The certificate does not hold the name or address that the client asks for.

## What it detects
The TLS handshake ends because the server's certificate is for other names or addresses than the target, or because the
server has none for what it was asked for.

## Why it breaks
A client compares what it was told to connect to with the subjectAltName of the certificate. A name needs a DNS entry,
an address an IP entry, and each family its own: a certificate for `10.9.0.7` says nothing of `fd00:9::7`. A name that
stands in the subject alone (its common name) counts for nothing: Go says `certificate relies on legacy Common Name
field, use SANs instead`. An address in a DNS entry counts for nothing either, and a wildcard stands for one label:
`*.otel.lab` is neither `otel.lab` nor `a.b.otel.lab`. Of `*.lab` clients differ: Go takes it for `otel.lab`, OpenSSL
and Node do not. A server or proxy of many names wants to be asked for one (SNI), and nobody sends an address there.

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
```yaml fires
target: https://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 https tls_name_mismatch san=DNS:fd00:9::7"]
```
```yaml fires
target: https://10.9.0.7:4318
probes: ["10.9.0.7:4318 https tls_refused detail='tlsv1 unrecognized name'"]
```
```yaml quiet
target: https://collector:4318
names: {collector: ["fd00:9::7"]}
probes: ["[fd00:9::7]:4318 https accepted san=collector"]
```

## References
- RFC 9110 section 4.3.4 and 4.3.5, RFC 9525 section 2 (common names) and 6, RFC 6066 section 3 (SNI, no addresses)
- Go crypto/x509, verify.go, HostnameError.Error
- https://github.com/hashicorp/consul/issues/10247
"""

from collections.abc import Iterator

from dualstack.model.address import canonical, family, is_address, without_zone
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Certificate, Outcome, ProbeResult, Probes
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import elsewhere, ended
from dualstack.reach.certificate_names import instead

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR

# Measured: Go 1.26 crypto/x509, OpenSSL 3.0 X509_check_host, Node 20 tls.checkServerIdentity.
_GO_ALONE = (
    "Programs in Go take such a wildcard, those with OpenSSL (Python, curl) and Node do not: it is a whole domain."
)

_UNKNOWN = "unrecognized name"  # alert 112 in the words of OpenSSL


def check(traces: Traces, probes: Probes) -> Iterator[Finding]:
    """One finding for each flow whose certificate is for somebody else."""
    for trace, result in ended(traces, probes, (Outcome.TLS_NAME_MISMATCH, Outcome.TLS_REFUSED)):
        if result.outcome is Outcome.TLS_REFUSED:
            yield from _unknown(trace) if _UNKNOWN in result.detail else ()
            continue
        asked = without_zone(result.task.host)  # as clients write it, who may mean the target by fewer labels
        kind = f"{trace.family.title} address" if is_address(asked) else "name"
        missed = _missed(traces, trace, result)
        entry = f"{'IP' if is_address(asked) else 'DNS'}:{asked}"
        yield Finding(
            summary=f"The certificate lacks this {kind}",
            detail=f"The client asks for `{asked}`. {_holds(result.certificate)}{missed}",
            hint=f"Add `{entry}` to the subjectAltName of the certificate{instead(trace, asked, result.certificate)}.",
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=trace.at(Hop.HANDSHAKE).evidence,
            severity=Severity.WARNING if _GO_ALONE in missed else Severity.ERROR,
            flows=(trace.key,),
        )


def _unknown(trace: Trace) -> Iterator[Finding]:
    """A server that ends the handshake for want of a name that it knows."""
    name, literal = f"`{trace.target.host}`", trace.target.literal
    own = "a default one" if literal else f"one for {name}"
    yield Finding(
        summary="The server wants a name" if literal else "The server knows no such name",
        detail=f"The server has no certificate for {'clients that send no name (SNI), as here' if literal else name}.",
        hint=f"Send to a name that it has a certificate for, or give it {own}.",
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


def _missed(traces: Traces, trace: Trace, result: ProbeResult) -> str:
    """Why what the certificate holds does not count, where that is easily overlooked."""
    held, asked = result.certificate or Certificate(), without_zone(result.task.host)
    if is_address(asked) and canonical(asked) in (canonical(x) for x in held.names if is_address(x)):
        return " The address is in a DNS entry, where clients look for names alone."
    if is_address(asked) and held.addresses and trace.family not in map(family, held.addresses):
        return f" It holds no {trace.family.title} address."
    wide = next((x for x in held.names if x.startswith("*.") and f".{asked}".endswith(x[1:])), "")
    if wide and wide.count(".") == asked.count("."):
        return f" {_GO_ALONE}"
    if wide:
        return f" `{wide}` stands for one label before `{wide[1:]}`, no more and no fewer."
    spared = any(x.accepted for x in elsewhere(traces, trace))
    return " Another address of the name shows a certificate that is for it." if spared else ""
