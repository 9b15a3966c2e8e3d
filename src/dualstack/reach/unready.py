"""Services of a cluster behind which no endpoint is ready."""

from collections.abc import Iterator

from dualstack.model.address import BOTH
from dualstack.model.cluster import Cluster, Service
from dualstack.model.finding import Finding, Fix
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.live import LOCAL, NO_PORT, by_service, failing, families_of, keys, look_at_pods, titles

_OTHERS = (LOCAL, NO_PORT)


def unready(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each Service and reason."""
    empty = (x for x in failing(traces, Hop.ENDPOINTS) if x.failing and x.failing.mark not in _OTHERS)
    for service, mine in by_service(cluster, empty):
        for why in dict.fromkeys(_why(x) for x in mine):
            yield _finding(service, why, tuple(x for x in mine if _why(x) == why))


def _why(trace: Trace) -> str:
    """What is wrong, without the family, which flows of one reason may differ in."""
    said = trace.failing.why if trace.failing else ""
    return said.replace(f" {trace.family.title}", "")


def _finding(service: Service, why: str, flows: tuple[Trace, ...]) -> Finding:
    families = families_of(flows)
    which = f"{titles(families)} " if len(families) < len(BOTH) and families != service.families else ""
    command = look_at_pods(service) if service.spec.selector else ""
    return Finding(
        summary=f"Service has no ready {which}endpoint",
        detail=f"{why[:1].upper()}{why[1:]}.",
        hint="See what keeps the pods from being ready." if command else "See who writes the EndpointSlices.",
        families=families,
        evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.ENDPOINTS).evidence)),
        fix=Fix("Get an endpoint ready", commands=(command,) if command else ()),
        flows=keys(flows),
    )
