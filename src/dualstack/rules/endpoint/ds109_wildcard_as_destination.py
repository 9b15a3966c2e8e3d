"""A wildcard address stands where something sends to.

## What it detects
`0.0.0.0` or `[::]` as the host of an exporter, a scrape target, or a variable such as `OTEL_EXPORTER_OTLP_ENDPOINT`. It
is a warning where something in the same network listens on that port, or may: on a host nobody knows what else runs. It
is a note where a Collector speaks to itself, as the configuration of its distributions does to scrape itself.

## Why it breaks
A wildcard is what a server binds; it is nobody's address. Linux takes it for the host of the sender itself, Windows
refuses it. In a container nobody else is there.

## Fix
Write the name or the address of the receiver; for one in the same place `127.0.0.1` or `localhost`.

## Example
```yaml fires
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  containers:
    - {name: shop, env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://0.0.0.0:4318"}]}
```
```yaml fires
receivers: {prometheus: {config: {scrape_configs: [{static_configs: [{targets: ["0.0.0.0:8888"]}]}]}}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
exporters: {otlp: {endpoint: "collector:4317"}}
```

## References
- RFC 1122 section 3.2.1.3; RFC 4291 section 2.5.2: never a destination
- https://github.com/open-telemetry/opentelemetry-helm-charts/issues/163
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments, Sender, Senders
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.otel import Destination
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach import start
from dualstack.reach.callers import is_literal
from dualstack.reach.destination import read
from dualstack.reach.drafts import sent
from dualstack.reach.served import taken
from dualstack.reach.wiring import listens

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR

_ON_HOSTS = ("unit", "file", "ConfigMap", "Secret")
"""Kinds of workloads that run in the network of their host, or nobody knows where."""

_PLAIN = "0.0.0.0"
_PORTS = {"http": "80", "https": "443"}


def lint(senders: Senders, deployments: Deployments) -> Iterator[Finding]:
    """One finding for each destination that is a wildcard."""
    for sender in senders.items:
        said = sender.destination
        reading = read(said.value, said.form)
        if not reading.wildcard:
            continue
        port = reading.port or _PORTS.get(reading.scheme, "")
        own = _is_own(said, port, deployments) and reading.host == _PLAIN
        works = own or _listens_beside(sender, port, deployments)
        what = (
            "the same configuration listens"
            if own
            else "something can listen"
            if works
            else "nothing in these files listens on that port"
        )
        yield Finding(
            summary="Wildcard address as destination",
            detail=f"`{said.value}` is what a server binds, and no address of one. Linux takes it for this host itself,"
            f" where {what}; other systems refuse it.",
            hint=f"Write `localhost:{port}` for this place, or the name of the receiver."
            if works
            else "Write the name or the address of the receiver.",
            severity=Severity.INFO if own else Severity.WARNING if works else Severity.ERROR,
            confidence=Confidence.DECLARED,
            evidence=sent(said),
            location=said.written.at,
            fix=Fix("Name the receiver"),
        )


def _is_own(said: Destination, port: str, deployments: Deployments) -> bool:
    """Whether a Collector sends to itself: its own configuration listens there on the loopback of IPv4 as well."""
    mine = (x.config for x in deployments.items if said in x.config.destinations)
    each = (y for x in mine for y in x.endpoints if str(start.port(y)) == port and not is_literal(y))
    return any(Family.IPV4 in taken(x, Question()) for x in each)


def _listens_beside(sender: Sender, port: str, deployments: Deployments) -> bool:
    """Whether something in the network of a sender listens on a port, or may: nobody knows what else runs on a host."""
    workload = sender.workload
    if workload is None or workload.host_network or workload.meta.kind in _ON_HOSTS:
        return True
    if any(y.number.text == port for x in workload.containers for y in x.ports):
        return True
    beside = (x for x in deployments.items if x.workload == workload)
    return any(listens(x.config, int(port)) for x in beside) if port.isdigit() else False
