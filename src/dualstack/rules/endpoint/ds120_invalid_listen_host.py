"""A listener has a host that is neither an address nor a name.

## What it detects
`*:4317`, with or without quotes, `$(MY_POD_IP):4317`, and other hosts with characters that no name has. A `*` without
quotes begins an alias in YAML, so the file is none; the rest of it is judged as if the host were a wildcard.

## Why it breaks
Go looks the text up as a name: `listen tcp: lookup *: no such host`. The Collector ends at its start. It fills in
`${env:MY_POD_IP}`; Kubernetes fills in `$(MY_POD_IP)`, in the words and variables of containers alone.

## Fix
Write `0.0.0.0:4317`: in Go it takes every address of both families. Write `[${env:MY_POD_IP}]:4317` for the other.

## Fix safety
Safe for `*`: it can mean nothing else. Unsafe for `$(…)`: the Collector then listens on one address. Other hosts are
left to a person.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "*:4317"}}}}
```
```yaml fires
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: *:4317
```
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "$(MY_POD_IP):4317"}}}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
```

## References
- Go src/net/dnsclient.go isDomainName, src/net/ipsock.go SplitHostPort
- Measured: the Collector 0.139 and 0.161
"""

import re
from collections.abc import Iterator

from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Edit, Finding, Fix, Severity
from dualstack.model.question import Question
from dualstack.model.review import Slips
from dualstack.model.source import Location
from dualstack.model.trace import Hop
from dualstack.reach.drafts import faults
from dualstack.reach.edits import fix, quoted

HOP = Hop.ENDPOINT
_KUBELET = re.compile(r"\[?\$\(([A-Za-z_][A-Za-z0-9_]*)\)\]?")
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, slips: Slips, question: Question) -> Iterator[Finding]:
    """One finding for each such host."""
    for fault in faults(deployments, question, "DS120"):
        endpoint = fault.endpoint
        star = endpoint.text.startswith("*:")
        meant = f"0.0.0.0{endpoint.text[1:]}" if star else _KUBELET.sub(r"[${env:\1}]", endpoint.text)
        meant = meant if meant != endpoint.text else ""
        way = fix(f"Write `{meant}`", Applicability.SAFE if star else Applicability.UNSAFE, endpoint.written, meant)
        said = fault.bound.error
        shown = quoted(endpoint.written, meant) if endpoint.written and meant else meant
        yield _finding(endpoint.effective, said, shown, way, fault.evidence, endpoint.location)
    for slip in slips.items:
        if slip.code == "DS120":
            written = slip.written
            edits = (Edit(written.at.file, written.raw, f'"{slip.meant}"', written.at),) if written.raw else ()
            way = Fix(f"Write `{slip.meant}`", Applicability.SAFE if edits else Applicability.MANUAL, edits)
            place = f"{written.at.file}:{written.at.line}"
            evidence = (Evidence(written.text, place, Layer.DECLARED),)
            yield _finding(written.text, "did not find an anchor", slip.meant, way, evidence, written.at)


def _finding(
    address: str, error: str, meant: str, way: Fix, evidence: tuple[Evidence, ...], at: Location | None
) -> Finding:
    return Finding(
        summary="Host is no address and no name",
        detail=f"Nothing can be bound to `{address}`: `{error}`. The program does not start.",
        hint=f"Write `{meant}`." if meant else "Write an address, a name, or `0.0.0.0` for all of them.",
        confidence=Confidence.DECLARED,
        evidence=evidence,
        location=at,
        fix=way,
    )
