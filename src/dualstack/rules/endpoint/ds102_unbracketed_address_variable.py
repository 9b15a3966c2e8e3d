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

from collections.abc import Iterator
from functools import partial

from msgspec.structs import replace

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.question import CLUSTER, Question
from dualstack.model.sockets import Listeners, Runtime
from dualstack.model.trace import Hop, Traces
from dualstack.reach.destination import read
from dualstack.reach.drafts import certain, drafted
from dualstack.reach.edits import fix, quoted, widened
from dualstack.reach.sent import filled_in
from dualstack.reach.served import wide
from dualstack.reach.start import failures, here
from dualstack.reach.unbracketed import evidence_of, together, unbracketed
from dualstack.reach.unknowns import outcomes

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR
BECAUSE = ("DS118",)


def check(
    traces: Traces, listeners: Listeners, namespaces: Namespaces, declared: Declared, question: Question
) -> Iterator[Finding]:
    """One finding for the endpoints that ended the Collector of a pod."""
    every = failures(traces, declared, listeners, here(namespaces), None) if question.place == CLUSTER else ()
    found = list[Finding]()
    for failure in every:
        written = failure.endpoint.written
        in_halves = "too many colons" in failure.bound.error and "://" not in failure.endpoint.value
        if written and "$" in written.text and in_halves:
            meant = widened(written.text) if "," in failure.endpoint.value else ""
            for one in unbracketed(written, failure.endpoint.field, {Family.IPV6: "DS101"}, either=True, instead=""):
                hint = f"Write `{quoted(written, meant)}`." if meant else one.hint
                mended = fix(f"Write `{meant}`", Applicability.UNSAFE, written, meant) if meant else one.fix
                found.append(
                    replace(
                        one,
                        hint=hint,
                        confidence=Confidence.OBSERVED,
                        evidence=(*one.evidence, *evidence_of(failure, every)),
                        fix=mended,
                        flows=tuple(x.key for x in failure.flows),
                    )
                )
    yield from together(found)


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each such endpoint."""
    for item, endpoint in drafted(deployments):
        written = endpoint.written
        if written and "$" in written.text and not endpoint.cause:
            codes = outcomes(endpoint.effective, item.container, question, partial(_cause, endpoint, question))
            either = endpoint.runtime == Runtime.GO
            yield from unbracketed(written, endpoint.field, codes, either=either, instead=f"`{wide(endpoint)}`")
    for sender in filled_in(senders):
        said = sender.destination
        if "$" in said.written.text:
            codes = outcomes(said.value, sender.container, question, partial(_fault, said.form))
            # In a cluster those who send are asked about: what a receiver fetches elsewhere is no way of theirs.
            fetched = question.place == CLUSTER and said.field.startswith("receivers.")
            for found in unbracketed(said.written, said.field, codes, either=False, instead="use a name"):
                yield replace(found, severity=Severity.WARNING) if fetched else found


def _fault(form: str, text: str) -> str:
    return read(text, form).fault


def _cause(endpoint: DeclaredEndpoint, question: Question, address: str) -> str:
    bound = certain(endpoint, address, question)
    return bound.cause if bound else ""
