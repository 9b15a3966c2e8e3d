"""A variable that holds an address stands before a port without brackets.

## What it detects
An endpoint such as `${env:MY_POD_IP}:4317` or `http://$(HOST_IP):4318`, whose variable is filled with the address of a
pod or a node: an error once that is IPv6, a warning while nobody says. On a cluster, a Collector that ended for it.

## Why it breaks
With an IPv6 address in it the text is `fd00::5:4317`: Go says `too many colons in address`.

## Fix
In Go write `[${env:MY_POD_IP}]:4317`, right for both families. In a URL they are right for IPv6 alone: use a name.

## Fix safety
Safe for listeners in Go, which takes brackets off IPv4 addresses; elsewhere once the family is known.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:MY_POD_IP}:4317"}}}}
```
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Service, metadata: {name: otel}, spec: {ipFamilies: [IPv6], ports: [{port: 4317}]}}
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-6, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv6
    endpoints: [{addresses: ["fd00:244::7"], conditions: {ready: false}, targetRef: {kind: Pod, name: otel-1}}]
    ports: [{port: 4317}]
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: otel}
    data:
      c.yaml: |-
        receivers: {otlp: {protocols: {grpc: {endpoint: "${env:IP}:4317"}}}}
        service: {pipelines: {traces: {receivers: [otlp]}}}
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}}
    status: {podIPs: [{ip: "fd00:244::7"}]}
    spec:
      containers: [{env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}], volumeMounts: [{name: c}]}]
      volumes: [{name: c, configMap: {name: otel}}]
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "[${env:MY_POD_IP}]:4317"}}}}
```

## References
- Measured: Collector 0.139 and 0.161 with MY_POD_IP of each family
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial

from msgspec.structs import replace

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.question import CLUSTER, Question
from dualstack.model.sockets import Listeners, Runtime
from dualstack.model.source import Written
from dualstack.model.trace import Hop, Traces
from dualstack.reach.destination import read
from dualstack.reach.drafts import certain, drafted
from dualstack.reach.edits import fix, widened
from dualstack.reach.served import wide
from dualstack.reach.start import failures, here
from dualstack.reach.unknowns import REFERENCE, outcomes

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR
BECAUSE = ("DS118",)

_HOST = re.compile(rf"(?P<before>^|//|@)(?P<host>{REFERENCE.pattern})(?=:)")


def check(
    traces: Traces, listeners: Listeners, namespaces: Namespaces, declared: Declared, question: Question
) -> Iterator[Finding]:
    """One finding for each endpoint that ended the Collector of a pod."""
    for failure in failures(traces, declared, listeners, here(namespaces), None) if question.place == CLUSTER else ():
        written = failure.endpoint.written
        if written and "$" in written.text and "too many colons" in failure.bound.error:
            told = (x for flow in failure.flows for x in flow.at(Hop.LISTEN).evidence)
            meant = widened(written.text) if "," in failure.endpoint.value else ""
            for found in _found(written, failure.endpoint.field, {Family.IPV6: "DS101"}, either=True, instead=""):
                yield replace(
                    found,
                    hint=f"Write `{meant}`." if meant else found.hint,
                    confidence=Confidence.OBSERVED,
                    evidence=(*found.evidence, *failure.evidence, *dict.fromkeys(told)),
                    fix=fix(f"Write `{meant}`", Applicability.UNSAFE, written, meant) if meant else found.fix,
                    flows=tuple(x.key for x in failure.flows),
                )


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each such endpoint."""
    for item, endpoint in drafted(deployments):
        written = endpoint.written
        if written and "$" in written.text and not endpoint.cause:
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
