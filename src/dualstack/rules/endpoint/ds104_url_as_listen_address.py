"""A listener has a URL where a host and a port are wanted.

## What it detects
An endpoint that a Collector listens on, with a scheme before it: `http://0.0.0.0:4318`.

## Why it breaks
Go splits the text at its colons: `listen tcp: address http://0.0.0.0:4318: too many colons in address`. The message
looks as if IPv6 were at fault; it is not. The Collector ends at its start.

## Fix
Write the host and the port alone.

## Fix safety
Safe where host and port are both there. TLS is switched on with `tls:` and not by a scheme.

## Example
```yaml fires
receivers: {otlp: {protocols: {http: {endpoint: "http://0.0.0.0:4318"}}}}
```
```yaml quiet
receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}}
exporters: {otlphttp: {endpoint: "http://collector:4318"}}
```

## References
- Go src/net/ipsock.go SplitHostPort
- https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/16345
- Measured: the Collector 0.139 and 0.161
"""

import re
from collections.abc import Iterator

from dualstack.model.deployed import Deployments
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.drafts import certain, faults
from dualstack.reach.edits import fix

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*).*")


def lint(deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each listener with a URL."""
    for fault in faults(deployments, question, "DS104"):
        endpoint = fault.endpoint
        meant = _URL.sub(r"\1", endpoint.text)
        works = meant != endpoint.text and not certain(endpoint, meant, question)
        title = f"Write `{meant}`" if works else "Write the host and the port without a scheme"
        yield Finding(
            summary="URL where a listener wants `host:port`",
            detail=f"A listener takes no scheme: `{fault.bound.error}`. The program does not start.",
            hint=f"{title}.",
            confidence=Confidence.DECLARED,
            evidence=fault.evidence,
            location=endpoint.location,
            fix=fix(title, Applicability.SAFE, endpoint.written, meant if works else ""),
        )
