"""Node.js gives an address up before its answer can arrive.

## What it detects
The client is Node.js 20 or later, named as such or found on this host. A round trip to an address that works takes
longer than the time that Node gives to one attempt, and it is not the last address of its list.

## Why it breaks
Since Node 20 a connection tries the addresses by turns and gives each but the last 250 ms (500 ms since 26). On a slow
path, such as a satellite link or a VPN, every attempt is given up while its answer is on the way. The last address
alone has all the time; where that one is dead, the export fails although the receiver is up.

## Fix
Start Node with `--network-family-autoselection-attempt-timeout=1000`, in `NODE_OPTIONS` for one.

## Example
```yaml fires
target: http://collector:4318
client: node@20.11
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http accepted took=410", "10.9.0.7:4318 http accepted took=400"]
```
```yaml fires
target: http://collector:4318
names: {collector: ["fd00:9::7", 10.9.0.7]}
callers: ["http://collector:4318 node@20.11 ESTABLISHED 10.9.0.7 node app.js"]
probes: ["[fd00:9::7]:4318 http accepted took=410", "10.9.0.7:4318 http accepted took=400"]
```
```yaml fires
target: http://collector:4318
client: node@22
expect: [ipv6]
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http accepted took=410", "10.9.0.7:4318 http refused"]
```
```yaml quiet
target: http://collector:4318
client: node@20.11
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http accepted took=20", "10.9.0.7:4318 http accepted took=400"]
```
```yaml quiet
target: http://collector:4318
client: node@20.11
names: {collector: ["fd00:9::7"]}
probes: ["[fd00:9::7]:4318 http accepted took=410"]
```

## References
- Node.js net.setDefaultAutoSelectFamilyAttemptTimeout; https://github.com/nodejs/node/issues/54359
- Measured: Node.js 20.20 over a link with a round trip of 400 ms
"""

from collections.abc import Iterator

from dualstack.model.address import family
from dualstack.model.client import Callers
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.probe import ProbeResult, Probes
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.client import round_trip
from dualstack.reach.outlook import confidence, evidence, failed, flows, outlooks, severity, subject
from dualstack.reach.select import behaviour

HOP = Hop.SELECT
SEVERITY = Severity.ERROR

_OPTION = "--network-family-autoselection-attempt-timeout=1000"


def check(
    traces: Traces,
    question: Question,
    names: Names | None,
    routes: Routes | None,
    probes: Probes,
    callers: Callers | None,
) -> Iterator[Finding]:
    """One finding for each target of which such a client gives up an address that works."""
    for view in outlooks(traces, question, names, routes, probes, callers):
        slow = [x.address for x in failed(view) if x.address in view.answering]
        results = [probes.of(x, view.target.port, view.target.protocol) for x in slow]
        limit = behaviour(view.client.runtime, view.client.version).timeout
        if not slow or not view.dialled:
            continue
        instead = view.dialled.connected
        outcome = f"It uses `{instead}` instead" if instead else "It gets no connection"
        yield Finding(
            summary="The client gives a slow address up",
            detail=f"{subject(view)} gives up `{slow[0]}` after {limit} ms, before it can answer. {outcome}.",
            severity=severity(lost=not instead),
            hint=f"Start Node with `{_OPTION}`, or set that in `NODE_OPTIONS`.",
            families=tuple(dict.fromkeys(map(family, slow))),
            confidence=confidence(view),
            evidence=(*(_measured(x) for x in results if x), *evidence(view)),
            fix=Fix(f"Start Node with `{_OPTION}`"),
            flows=tuple(x.key for x in flows(traces, view, slow)),
        )


def _measured(result: ProbeResult) -> Evidence:
    where = f"{result.task.protocol} probe of {result.task.endpoint}"
    return Evidence(f"a round trip takes {round(round_trip(result))} ms", where, Layer.PROBED)
