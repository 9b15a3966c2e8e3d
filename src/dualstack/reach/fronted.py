"""What is wrong with the families of what stands in front of Services, by the flows from outside."""

from collections.abc import Iterable, Iterator

from dualstack.model.address import BOTH, Family, family, is_address
from dualstack.model.cluster import Cluster, Service
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.kube import Services
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.balancers import given, let_in, ranges
from dualstack.reach.entrance import LACKS, OTHER_FAMILY
from dualstack.reach.gates import GATEWAYS, INGRESSES, NO_GATEWAY, REFUSED, UNGRANTED
from dualstack.reach.lanes import host
from dualstack.reach.live import by_service, by_whom, failing, families_of, keys, patch, titles, written
from dualstack.reach.stacks import DUAL, PREFER, place


def lacking(cluster: Cluster, traces: Traces, services: Services | None) -> Iterator[Finding]:
    """One finding for each way in, but Gateways, with other families than its clients or its Service."""
    lost = (*failing(traces, Hop.SERVICE, LACKS, OTHER_FAMILY), *failing(traces, Hop.POLICY, LACKS))
    for service, flows in by_service(cluster, (x for x in lost if not _is_of_gateway(x))):
        for why in dict.fromkeys(_why(x) for x in flows):
            mine = tuple(x for x in flows if _why(x) == why)
            families, mark = families_of(mine), mine[0].failing.mark if mine[0].failing else ""
            both = mark == OTHER_FAMILY and set(BOTH) <= set(cluster.families)
            text, commands = written(services, service), (patch(service, {"ipFamilyPolicy": PREFER}),)
            wanted = f"Set `ipFamilyPolicy: {PREFER}`{by_whom(service)}."
            yield Finding(
                summary=f"Nobody serves {titles(families)} from outside",
                detail=f"{_capital(why)}.",
                hint=wanted if both else "Ask for an address of that family.",
                families=families,
                evidence=_evidence(mine),
                location=place(text) if text and not mine[0].vantage.startswith(INGRESSES) else None,
                fix=Fix("Ask for both families", commands=commands if both else ()),
                flows=keys(mine),
            )


def one_sided(cluster: Cluster, traces: Traces, question: Question) -> Iterator[Finding]:
    """Warnings of load balancers that have other families than what they stand before, or let one of them in alone."""
    told = {x.through for x in failing(traces, Hop.SERVICE, LACKS, OTHER_FAMILY)}
    for service in cluster.services:
        found = given(service)
        held = tuple(x for x in BOTH if x in {family(y) for y in found if is_address(y)})
        flows = [x for x in traces.items if x.through == host(service)]
        if not flows or host(service) in told or not all(map(is_address, found)) or not found:
            continue
        missing = tuple(x for x in question.expect or service.families if x not in held)
        if missing and service.spec.ip_family_policy in DUAL:
            yield _warning(
                service,
                f"Load balancer has no {titles(missing)} address",
                f"{service.called} asks for both families, and its load balancer has {', '.join(found)} alone",
                missing,
            )
        more = tuple(x for x in held if x not in service.families)
        if more:
            yield _warning(
                service,
                f"Load balancer has {titles(more)}, its Service not",
                f"The load balancer of {service.called} has {', '.join(found)}, and the Service has "
                f"{titles(service.families)} alone: it works where the load balancer translates",
                more,
            )
        yield from _ranges(service, held)


def _ranges(service: Service, held: tuple[Family, ...]) -> Iterator[Finding]:
    inside = let_in(service)
    apart = tuple(x for x in held if x not in inside)
    if inside and apart:
        shown = ", ".join(ranges(service))
        yield _warning(
            service,
            f"Source ranges name no {titles(apart)}",
            f"`loadBalancerSourceRanges` of {service.called} is {shown}: who enforces it decides what becomes of "
            f"clients over {titles(apart)}",
            apart,
        )


def gateways(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each Gateway without an address of a family of its clients."""
    lost = [x for x in failing(traces, Hop.POLICY, LACKS) if _is_of_gateway(x)]
    for _, flows in by_service(cluster, lost):
        for why in dict.fromkeys(_why(x) for x in flows):
            mine = tuple(x for x in flows if _why(x) == why)
            families = families_of(mine)
            yield Finding(
                summary=f"Gateway has no {titles(families)} address",
                detail=f"{why}, so clients over {titles(families)} have nobody to send to.",
                hint="Let the Gateway listen on both families, such as by `ipFamily: DualStack` of an EnvoyProxy.",
                families=families,
                evidence=_evidence(mine),
                fix=Fix("Listen on both families"),
                flows=keys(mine),
            )


_ADVICE = {
    REFUSED: (
        "See the conditions in the status of the route and of its Gateway.",
        "Change what the condition names",
    ),
    UNGRANTED: (
        "Make a ReferenceGrant in the namespace of what is named: `from` the kind and the namespace of what names it.",
        "Make a ReferenceGrant",
    ),
    NO_GATEWAY: ("Name a Gateway that is there in `parentRefs`, with its namespace.", "Name another Gateway"),
}
"""What to do by the mark, and that in short."""


def refused(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each reason why a route does not lead on."""
    for _, flows in by_service(cluster, failing(traces, Hop.POLICY, *_ADVICE)):
        for why in dict.fromkeys(_why(x) for x in flows):
            mine = tuple(x for x in flows if _why(x) == why)
            hint, fix = _ADVICE[mine[0].at(Hop.POLICY).mark]
            yield Finding(
                summary="Gateway does not lead to the Service",
                detail=f"{why}.",
                hint=hint,
                families=families_of(mine),
                evidence=_evidence(mine),
                fix=Fix(fix),
                flows=keys(mine),
            )


def _is_of_gateway(trace: Trace) -> bool:
    return trace.vantage.startswith(GATEWAYS)


def _why(trace: Trace) -> str:
    return trace.failing.why.rstrip(".") if trace.failing else ""


def _evidence(flows: Iterable[Trace]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(y for x in flows if x.failing for y in x.failing.evidence))


def _capital(said: str) -> str:
    return said[:1].upper() + said[1:]


def _warning(service: Service, summary: str, detail: str, families: tuple[Family, ...]) -> Finding:
    facts = (f"status.loadBalancer: {', '.join(given(service))}", f"ipFamilies: {titles(service.families)}")
    return Finding(
        summary=summary,
        detail=f"{detail}.",
        hint="Make the families of the load balancer, of its ranges and of the Service agree.",
        severity=Severity.WARNING,
        families=families,
        evidence=tuple(Evidence(x, service.called) for x in facts),
        fix=Fix("Ask for the same families everywhere"),
    )
