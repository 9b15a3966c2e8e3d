"""A variable that holds an address stands before a port without brackets.

## What it detects
An endpoint such as `${env:MY_POD_IP}:4317` or `http://$(HOST_IP):4318`, whose variable is filled with the address of a
pod or a node. It is an error once that address is known to be IPv6, a warning while nobody says, and nothing where it
is known to be IPv4.

## Why it breaks
With an IPv6 address in it the text is `fd00::5:4317`, and the colons cannot be told apart: Go says `too many colons in
address`.

## Fix
For a listener write `[${env:MY_POD_IP}]:4317`, which is right for both families. In a URL, and in Vector, brackets are
right for IPv6 alone: write them where the addresses are IPv6, or use a name, or the wildcard.

## Fix safety
Safe for listeners in Go, which takes brackets off an IPv4 address, too; elsewhere once the family is known.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:MY_POD_IP}:4317"}}}}
```
```yaml fires
# dualstack lint --cluster-families IPv6
sources: {otel: {type: opentelemetry, grpc: {address: "${MY_POD_IP}:4317"}}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "[${env:MY_POD_IP}]:4317"}}}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:LISTEN_HOST}:4317"}}}}
```

## References
- Measured: Collector 0.139 and 0.161 with MY_POD_IP of each family
- https://github.com/open-telemetry/opentelemetry-helm-charts/issues/816
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.sockets import Runtime
from dualstack.model.source import Written
from dualstack.model.trace import Hop
from dualstack.reach.destination import read
from dualstack.reach.drafts import certain, drafted
from dualstack.reach.edits import fix
from dualstack.reach.served import wide
from dualstack.reach.unknowns import REFERENCE, outcomes

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR
BECAUSE = ("DS118",)

_HOST = re.compile(rf"(?P<before>^|//|@)(?P<host>{REFERENCE.pattern})(?=:)")


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each such endpoint."""
    for item, endpoint in drafted(deployments):
        written = endpoint.written
        if written and "$" in written.text:
            codes = outcomes(endpoint.effective, item.container, question, partial(_cause, endpoint, question))
            either = endpoint.runtime == Runtime.GO
            yield from _found(written, endpoint.field, codes, either=either, instead=f"`{wide(endpoint)}`")
    for sender in senders.items:
        said = sender.destination
        if "$" in said.written.text:
            codes = outcomes(said.value, sender.container, question, partial(_fault, said.form))
            yield from _found(said.written, said.field, codes, either=False, instead="use a name")


def _fault(form: str, text: str) -> str:
    return read(text, form).fault


def _cause(endpoint: DeclaredEndpoint, question: Question, address: str) -> str:
    bound = certain(endpoint, address, question)
    return bound.cause if bound else ""


def _found(
    written: Written, field: str, codes: Mapping[Family, str], *, either: bool, instead: str
) -> Iterator[Finding]:
    """`either` says that brackets are right around an address of either family; or else `instead` is, too."""
    variable = REFERENCE.search(written.text)
    if variable is None or codes.get(Family.IPV6) != "DS101":
        return
    only = Family.IPV4 not in codes
    meant = _HOST.sub(r"\g<before>[\g<host>]", written.text)
    safe = either or only
    yield Finding(
        summary="Address variable without brackets",
        detail=f"With an IPv6 address in `{variable[0]}` this is no address with a port any more: too many colons."
        + ("" if only else " Nobody says which family it has; `--cluster-families` does."),
        hint=f"Write `{meant}`." if safe else f"Write `{meant}` where the addresses are IPv6, or {instead}.",
        severity=Severity.ERROR if only else Severity.WARNING,
        families=(Family.IPV6,),
        confidence=Confidence.DECLARED,
        evidence=(Evidence(written.text, field, Layer.DECLARED),),
        location=written.at,
        fix=fix(f"Write `{meant}`", Applicability.SAFE if safe else Applicability.MANUAL, written, meant),
    )
