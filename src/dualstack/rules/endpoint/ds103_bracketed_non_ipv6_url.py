"""A URL has brackets around something that is no IPv6 address.

## What it detects
A destination such as `http://[10.0.0.5]:4318` or `http://[localhost]:4318`, also where a variable between the brackets
is known to hold an IPv4 address.

## Why it breaks
In a URL brackets are for IPv6 literals alone. Go says `invalid IP-literal`, Python `An IPv4 address cannot be in
brackets`, Node.js `ERR_INVALID_URL`. Listeners and gRPC targets of Go take brackets off; there nothing is said.

## Fix
Take the brackets away.

## Fix safety
Safe: the text could not be used, and now names the host that stands in it.

## Example
```yaml fires
exporters: {otlphttp: {endpoint: "http://[10.0.0.5]:4318"}}
```
```yaml fires
# dualstack lint --cluster-families IPv4
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  containers:
    - name: shop
      env:
        - {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
        - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://[$(HOST_IP)]:4318"}
```
```yaml quiet
exporters: {otlphttp: {endpoint: "http://[fd00::5]:4318"}}
```

## References
- RFC 3986 section 3.2.2
- https://github.com/scaleapi/scale-agentex/pull/313
- Measured: Go 1.27, Python 3.11, Node.js 20
"""

import re
from collections.abc import Iterator
from functools import partial

from dualstack.model.deployed import Senders
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.destination import read
from dualstack.reach.drafts import sent
from dualstack.reach.edits import fix
from dualstack.reach.unknowns import outcomes

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR

_BRACKETED = re.compile(r"\[([^][]*)\]")


def lint(senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each such destination, whatever the variables in it can hold."""
    for sender in senders.items:
        said = sender.destination
        codes = outcomes(said.value, sender.container, question, partial(_fault, said.form))
        if set(codes.values()) != {"DS103"}:
            continue
        meant = _BRACKETED.sub(r"\1", said.written.text, count=1)
        yield Finding(
            summary="Brackets around what is not IPv6",
            detail=f"`{said.written.text}` is no URL: brackets are for IPv6 addresses alone.",
            hint=f"Write `{meant}`.",
            confidence=Confidence.DECLARED,
            evidence=sent(said),
            location=said.written.at,
            fix=fix(f"Write `{meant}`", Applicability.SAFE, said.written, meant),
        )


def _fault(form: str, text: str) -> str:
    return read(text, form).fault
