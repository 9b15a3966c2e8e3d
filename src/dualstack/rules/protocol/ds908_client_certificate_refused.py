"""The server ends the TLS handshake.

## What it detects
The server answers the handshake with an alert: it wants a client certificate, does not trust the one it got, or shares
no TLS version or cipher with the client. A warning where the configuration of a receiver asks for a certificate and
the variables of its clients name none, and nothing was exported. On a cluster also: the proxy of a mesh in the pod
ended an export before any answer, to a receiver that speaks plain text. It is an error where that came from a pod on a
node, which is in the mesh or not as others of the namespace; a warning where the API server alone was turned away,
which is in no mesh. An error as well where a stored PeerAuthentication is `STRICT` and the clients have no proxy.

## Why it breaks
A receiver with `client_ca_file` takes only clients whose certificate that authority signed. In TLS 1.3 the client hears
of it after its own part of the handshake is done, so the error comes with the first export. Where mTLS of a mesh is
`STRICT` its proxy does so, and clients outside of the mesh find a port that accepts and closes. A family that the mesh
leaves out (DS704) goes round it: the same client may be taken over IPv6 and turned away over IPv4.

## Fix
Give the client a certificate of the authority that the receiver names. In a mesh put the client into it, or let the
ports of the receiver take plain text: a PeerAuthentication with `PERMISSIVE` under `portLevelMtls`.

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
- Measured: Istio 1.31 (eed52ebb66ad) on Kubernetes 1.34.4, STRICT, with a client in the mesh and one outside
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Outcome, Probes
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import CLIENT_CERTIFICATE, ended, is_of_sdk

if TYPE_CHECKING:
    from dualstack.reach.pods import Places

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR

_NONE_GIVEN = ("certificate required", "bad certificate", "certificate of the client")
_NOT_TAKEN = ("unknown ca", "certificate unknown", "certificate expired", "certificate revoked")
_OTHERS = ("no application protocol", "unrecognized name")


def check(traces: Traces, probes: Probes, places: "Places | None") -> Iterator[Finding]:
    """One finding for each flow whose handshake the server ended, but for protocols (DS902) and names (DS901).

    And one for each workload whose proxies of a mesh turned somebody away.
    """
    if places:
        yield from _outside(places, traces)
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


def _outside(places: "Places", traces: Traces) -> Iterator[Finding]:
    from dualstack.reach.live import families_of, keys, owner_of, ports_of, titles
    from dualstack.reach.meshes import turned_away

    for place, mesh, flows in turned_away(places, traces):
        failed, families = tuple(x for x in flows if x.failed), families_of(flows)
        where = "in" if place.sidecar else "on the nodes of"
        yield Finding(
            summary=f"{mesh} turns clients outside of it away",
            detail=f"The proxy of {mesh} {where} the pods of {owner_of(place.pod)} ends what comes to port "
            f"{ports_of(flows)} over {titles(families)} without a certificate of the mesh.",
            hint="Put the clients into the mesh, or let these ports take plain text (`PERMISSIVE`).",
            severity=Severity.ERROR if failed else Severity.WARNING,
            families=families,
            confidence=Confidence.PROBED,
            evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.HANDSHAKE).evidence)),
            flows=keys(failed),
        )


def _words(trace: Trace, alert: str) -> tuple[str, str, str]:
    give = "with `--cert FILE --key FILE`, signed by the authority in the receiver's `client_ca_file`."
    if any(x in alert for x in _NONE_GIVEN):
        return (
            "The server wants a client certificate",
            "It takes no client without one that it trusts.",
            CLIENT_CERTIFICATE if is_of_sdk(trace) else f"Pass one {give}",
        )
    if any(x in alert for x in _NOT_TAKEN):
        return "The client's certificate is refused", "It does not trust the client's.", f"Pass another one {give}"
    why = "It wants another TLS version or cipher, or a client certificate."
    look = f"openssl s_client -connect {trace.target.endpoint}"
    return "The server ends the TLS handshake", why, f"Compare the TLS versions and ciphers with `{look}`."
