"""Clients that send to an address of what stands in front of Services: an Ingress, a Gateway, or a load balancer."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.cluster import Cluster
from dualstack.model.finding import Finding, Severity
from dualstack.model.gateway import Gates
from dualstack.model.trace import Hop, Status, Trace, TracedHop
from dualstack.reach.balancers import EXTERNAL, LOAD_BALANCER, balanced, given
from dualstack.reach.entrance import DEAD
from dualstack.reach.forward import World, forward
from dualstack.reach.gates import GATEWAYS, INGRESSES, gated, is_taken
from dualstack.reach.landscape import Landscape
from dualstack.reach.paths import is_usual
from dualstack.reach.routes import Route, covers, hosts, routes
from dualstack.reach.trace import IN_FRONT

_KINDS = {"Ingress": INGRESSES, "Gateway": GATEWAYS}
_WEB = (80, 443)
_ORDER = tuple(Hop)


def in_front(address: str, cluster: Cluster) -> TracedHop:
    """The hop at which an address of nobody in the cluster is come to: who has it, as far as a status says so."""
    for front in cluster.fronts:
        if front.kind in _KINDS and address in front.published:
            why = f"{front.kind} {front.metadata.name} has {address}, and nobody exported through it"
            return TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, why, IN_FRONT)
    for service in cluster.services:
        if address in (*given(service), *(service.spec.external_ips or ())):
            why = f"{address} leads to {service.called} from outside, and nobody exported through it"
            return TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, why, IN_FRONT)
    return TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, f"nobody is known to have {address}")


def followed(traces: Iterable[Trace], world: World, gates: Gates, land: Landscape) -> Iterator[Trace]:
    """The flows of clients; those to what stands in front, as far as every way on from there is known to fail."""
    cluster, _, question, _ = world
    for trace in traces:
        if trace.at(Hop.ENDPOINTS).mark != IN_FRONT:
            yield trace
            continue
        inside, mine = tuple(behind(world)), _narrowed(trace, cluster, gates, land)
        outside = (*gated(cluster, mine, land, question, inside), *balanced(cluster, question, inside))
        known = _vantages(trace, cluster)
        ways = [x for x in outside if x.vantage in known and _is_same(trace, x)]
        yield _led(trace, ways[0]) if ways and all(x.failed for x in ways) else trace


def behind(world: World, traces: Iterable[Trace] | None = None) -> Iterator[Trace]:
    """The flows from inside to the Services; where `traces` are given, to those behind which all of theirs end."""
    cluster, places, question, seen = world
    dead = {x.through for x in traces or () if x.failing and x.failing.mark == DEAD}
    if dead or traces is None:
        found = forward(replace(cluster, askers=(), exporters=()), places, question, seen)
        yield from (x for x in found if traces is None or x.target.host in dead)


def untaken(finding: Finding, cluster: Cluster, gates: Gates) -> Finding:
    """A finding of what stands in front by its file: a warning where no client that is asked about comes to that."""
    theirs = not cluster.askers or finding.flows
    if theirs or not finding.location or finding.location.file not in {x.meta.at.file for x in gates.items}:
        return finding
    return replace(finding, severity=max(finding.severity, Severity.WARNING, key=list(Severity).index))


def _narrowed(trace: Trace, cluster: Cluster, gates: Gates, land: Landscape) -> list[Route]:
    """The ways that an export of a client takes, by its host and its path, as those for that host alone."""
    host = (trace.asked or trace.target.host).lower()
    mine = [x for x in cluster.exporters if x.host.lower() == host]
    if trace.protocol is Protocol.HTTP and not all(map(is_usual, mine)):
        return []
    every = [(x, hosts(x, gates)) for x in routes(gates, land)]
    exact = [x for x, names in every if host in names]
    wide = [x for x, names in every if any(covers(y, host) for y in names)]
    found = exact or wide or [x for x, names in every if not names]
    meant = [replace(x, way=replace(x.way, hosts=(host,))) for x in found]
    return [x for x in meant if is_taken(x, trace.protocol, meant)]


def _vantages(trace: Trace, cluster: Cluster) -> set[str]:
    """As whom clients come from outside that send to the addresses of a flow."""
    found = {f"{kind} {x}" for kind in (LOAD_BALANCER, EXTERNAL) for x in trace.addresses}
    fronts = [x for x in cluster.fronts if x.kind in _KINDS and {*x.published} & {*trace.addresses}]
    return found | {f"{_KINDS[x.kind]} {x.metadata.name}" for x in fronts}


def _is_same(trace: Trace, way: Trace) -> bool:
    """Whether a way from outside is that of a client; an Ingress has the ports of the web."""
    web = way.vantage.startswith(f"{INGRESSES} ")
    port = trace.target.port in _WEB if web else trace.target.port == way.target.port
    return port and (trace.family, trace.protocol) == (way.family, way.protocol)


def _led(trace: Trace, way: Trace) -> Trace:
    """A flow that goes on as one from outside does."""
    before = _ORDER[: _ORDER.index(Hop.POLICY)]
    return replace(
        way,
        vantage=trace.vantage,
        target=trace.target,
        addresses=trace.addresses,
        asked=trace.asked,
        nodes=trace.nodes,
        required=trace.required,
        hops=(*(trace.at(x) for x in before), *(x for x in way.hops if x.hop not in before)),
    )
