"""A container sends telemetry to its own loopback, where nobody listens.

## What it detects
A container of a pod or of a Compose file whose exporter points to `localhost`, `127.0.0.1` or `[::1]`, while no
container of the same pod is known to take OTLP. An Instrumentation of the Operator is judged by the pods of the files
that ask for it. A sidecar of the Operator is expected where pods ask for it, unless they are there without one.
It is a warning where another container may, or another program in the same one, and the refusal was not seen.

## Why it breaks
A pod has a loopback of its own, and so has a container of Compose: `localhost` is neither the node nor another pod.
The export ends with `connection refused`.

## Fix
Send to the Service of the Collector: `http://otel-collector.observability:4318`. For a Collector on every node send to
the address of the node, or run one as a sidecar.

## Example
```yaml fires
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
        - name: shop
          image: shop:1.0
          env:
            - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://localhost:4318"}
```
```yaml quiet
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    metadata: {annotations: {sidecar.opentelemetry.io/inject: "true"}}
    spec:
      containers:
        - name: shop
          image: shop:1.0
          env:
            - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://localhost:4318"}
```

## References
- https://kubernetes.io/docs/concepts/workloads/pods/#pod-networking
- https://github.com/open-telemetry/opentelemetry-collector/issues/11630
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.deployed import Deployments, Sender, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Workload, Workloads
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.blame import is_loopback
from dualstack.reach.company import INJECT, Company, alone, words
from dualstack.reach.live import is_open
from dualstack.reach.pods import Places
from dualstack.reach.trace import is_refused
from dualstack.reach.wiring import listens

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(senders: Senders, deployments: Deployments, workloads: Workloads) -> Iterator[Finding]:
    """One finding for each sender whose loopback has no receiver."""
    for sender, port, around in alone(senders, deployments, workloads):
        yield _finding(sender, port, _elsewhere(deployments, port), around)


def check(
    traces: Traces, places: Places, senders: Senders, deployments: Deployments, workloads: Workloads
) -> Iterator[Finding]:
    """One finding for each such sender whose connections are refused."""
    own = [x for x in traces.broken if x.addresses and is_loopback(x.addresses[0])]
    refused = [x for x in own if is_refused(x) and not is_open(x, places)]
    for sender, port, around in alone(senders, deployments, workloads):
        mine = [x for x in refused if str(x.target.port) == port and _sends(sender, x)]
        told = tuple(dict.fromkeys(y for x in mine for y in x.at(Hop.LISTEN).evidence))
        if mine:
            found = _finding(sender, port, _elsewhere(deployments, port), around)
            layer = Confidence.PROBED if any(x.layer is Layer.PROBED for x in told) else found.confidence
            said, keys = (*found.evidence, *told), tuple(x.key for x in mine)
            yield replace(found, severity=SEVERITY, confidence=layer, evidence=said, flows=keys)


def _sends(sender: Sender, trace: Trace) -> bool:
    """Whether a flow is one of the pods of a sender's workload."""
    meta = sender.workload.meta if sender.workload else None
    who = trace.vantage.partition(" on ")[0].removeprefix("pods of "), f"P{trace.server[1:]}"
    return meta is not None and {meta.called, f"{meta.kind} {meta.namespace}/{meta.name}"}.intersection(who) != set()


def _elsewhere(deployments: Deployments, port: str) -> str:
    """What leads to a Collector that listens on a port, as others name it; empty where the files have none."""
    for item in deployments.items:
        if item.workload and listens(item.config, int(port)):
            services = [x.meta for x in item.services]
            if services:
                return f"{services[0].name}.{services[0].namespace}".rstrip(".")
            if item.workload.names:
                return item.workload.meta.name
    return ""


def _finding(sender: Sender, port: str, other: str, around: Company) -> Finding:
    said, written, workload = sender.destination, sender.destination.written, sender.workload
    where = "pod" if workload and workload.pod else "container"
    return Finding(
        summary=f"Nobody listens on this {where}'s loopback",
        detail=f"`{written.text}` leads back into the {where}, where {words(sender, around)}"
        f"{': connection refused' if around is Company.NOBODY else ''}." + _twice(sender),
        hint=f"Send to {f'`{other}:{port}`' if other else 'the Service of a Collector'}.{_sidecar(workload)}",
        severity=Severity.ERROR if around is Company.NOBODY else Severity.WARNING,
        confidence=Confidence.DECLARED,
        evidence=(Evidence(written.text, said.by or said.field, Layer.DECLARED), *_injected(sender)),
        location=written.at,
        fix=Fix("Send to the Service of a Collector"),
    )


def _twice(sender: Sender) -> str:
    """That a variable is written more than once; the last one counts (Kubernetes API, Container v1 core, env)."""
    name = sender.destination.field
    every = sender.container.variables if sender.container else ()
    said = [x.value.text for x in every if x.name == name and x.value]
    return f" `{name}` is written {len(said)} times, the last time so; `{said[0]}` does not count." if said[1:] else ""


def _sidecar(workload: Workload | None) -> str:
    """What to do about a sidecar of the Operator that was asked for and is not there."""
    if workload and INJECT in workload.annotations:
        made = "make the pods anew while the Operator runs and has the OpenTelemetryCollector of `mode: sidecar` that"
        return f" Or {made} `{INJECT}` names, by `true` one of the same namespace: pods get it while they are made."
    if workload and INJECT in workload.meta.annotations:
        return f" Or move `{INJECT}` to the annotations of the pod template, where the Operator looks for it."
    return ""


def _injected(sender: Sender) -> Iterator[Evidence]:
    """The pod, where what it sends is said elsewhere."""
    meta = sender.workload.meta if sender.workload else None
    if meta and meta.called not in sender.destination.owner:
        yield Evidence(meta.called, f"{meta.at.file}:{meta.at.line}", Layer.DECLARED)
