"""The ways in through load balancers and external addresses of Services, by what their status and fields say."""

from collections.abc import Iterator, Sequence

import msgspec

from dualstack.model.address import Family, Target, family, is_address
from dualstack.model.cluster import Cluster, Service
from dualstack.model.evidence import Evidence
from dualstack.model.front import Ingress
from dualstack.model.question import Question
from dualstack.model.slim import families_of
from dualstack.model.trace import Hop, Status, Trace, TracedHop
from dualstack.reach.entrance import LACKS, OTHER_FAMILY, PENDING, Entrance, entered, led_by
from dualstack.reach.lanes import host

LOAD_BALANCER, EXTERNAL = "load balancer", "external address"
"""How the vantage of such flows begins."""
_PROXY = "Proxy"
"""The `ipMode` of a load balancer that sends to the nodes under an address of its own (KEP-1860)."""
_NOBODY_TRIED = "nobody exported from outside"


class Way(msgspec.Struct, frozen=True):
    """An address or a host name, empty for none, at which clients outside find a Service over one family."""

    kind: str
    family: Family
    address: str = ""
    name: str = ""
    proxied: bool = False

    @property
    def vantage(self) -> str:
        """As whom clients come."""
        return f"{self.kind} {self.address or self.name}".strip()


def balanced(cluster: Cluster, question: Question, inside: Sequence[Trace]) -> Iterator[Trace]:
    """The traces from outside to every OTLP port of the Services, by the traces from inside."""
    for service in cluster.services:
        ports = dict.fromkeys((x.target.port, x.protocol) for x in led_by(host(service), inside))
        for way in _ways(service, question) if ports else ():
            for port, protocol in ports:
                called = way.address or way.name or host(service)
                target = Target(called, called, port, protocol)
                hops = tuple(_hops(way, service))
                entrance = Entrance(
                    way.vantage,
                    target,
                    way.family,
                    (way.address,) if family_is(way.address, way.family) else (),
                    hops,
                    host(service),
                    port,
                    not way.proxied and way.family in service.families,
                    hops[-1].mark != PENDING and (not question.expect or way.family in question.expect),
                )
                yield from entered(entrance, inside)


def family_is(address: str, wanted: Family) -> bool:
    """Whether a text is an address of a family."""
    return is_address(address) and family(address) is wanted


def given(service: Service) -> tuple[str, ...]:
    """The addresses and host names that the load balancer of a Service was given."""
    found = (x.ip or x.hostname for x in _entries(service))
    return tuple(filter(None, found)) if service.spec.type == "LoadBalancer" else ()


def let_in(service: Service) -> tuple[Family, ...]:
    """The families of clients that a load balancer is told to let in; none where it is not told."""
    return families_of(ranges(service))


def ranges(service: Service) -> tuple[str, ...]:
    """The blocks that a load balancer is told to let in; spaces around them count for nothing (ValidateService)."""
    return tuple(x.strip() for x in service.spec.load_balancer_source_ranges or ())


def _ways(service: Service, question: Question) -> Iterator[Way]:
    for address in filter(is_address, service.spec.external_ips or ()):
        yield Way(EXTERNAL, family(address), address)
    if service.spec.type != "LoadBalancer":
        return
    found = given(service)
    modes = {x.ip for x in _entries(service) if x.ip_mode == _PROXY}
    held = [x for x in found if is_address(x)]
    names = [x for x in found if not is_address(x)]
    yield from (Way(LOAD_BALANCER, family(x), x, proxied=x in modes) for x in held)
    wanted = question.expect or service.families
    yield from (Way(LOAD_BALANCER, y, name=x, proxied=True) for x in names for y in wanted)
    if not found:
        yield from (Way(LOAD_BALANCER, x) for x in wanted)
    elif not names:
        missing = (x for x in question.expect if x not in map(family, held))
        yield from (Way(LOAD_BALANCER, x, held[0]) for x in missing)


def _entries(service: Service) -> Sequence[Ingress]:
    balancer = service.status.load_balancer if service.status else None
    return (balancer.ingress if balancer else None) or ()


def _hops(way: Way, service: Service) -> Iterator[TracedHop]:
    yield TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses")
    if way.name:
        yield TracedHop(Hop.RESOLVE, Status.UNKNOWN, f"`{way.name}` was not looked up")
    else:
        yield TracedHop(Hop.RESOLVE, Status.NOT_APPLICABLE)
    yield TracedHop(Hop.SELECT, Status.NOT_APPLICABLE)
    yield TracedHop(Hop.ROUTE, Status.UNKNOWN, _NOBODY_TRIED)
    yield _policy(way, service)
    yield _service(way, service)


def _policy(way: Way, service: Service) -> TracedHop:
    """Who is let in; nodes and clouds differ in what they make of ranges of one family alone."""
    told = ranges(service)
    mine = [x for x in told if way.family in families_of((x,))]
    if way.kind == EXTERNAL or not told or any(x.endswith("/0") for x in mine):
        return TracedHop(Hop.POLICY, Status.PASS)
    shown = ", ".join(mine) or f"no range of {way.family.title}"
    why = f"loadBalancerSourceRanges of {service.called} names {shown}"
    return TracedHop(Hop.POLICY, Status.UNKNOWN, why, "ranges", (Evidence(why, service.called),))


def _service(way: Way, service: Service) -> TracedHop:
    called, title = service.called, way.family.title
    has = " and ".join(x.title for x in service.families)
    status = f"status of {called}"
    if not (way.address or way.name):
        why = f"no load balancer has given {called} an address"
        return TracedHop(Hop.SERVICE, Status.FAIL, why, PENDING, (Evidence(why, status),))
    if way.address and not family_is(way.address, way.family):
        why = f"the load balancer of {called} has no {title} address"
        return TracedHop(Hop.SERVICE, Status.FAIL, why, LACKS, (Evidence(", ".join(given(service)), status),))
    if way.family in service.families:
        return TracedHop(Hop.SERVICE, Status.PASS, f"{called} has {way.address or way.name}")
    fact = Evidence(f"{way.address or way.name} before ipFamilies {has}", called)
    if way.kind == EXTERNAL:
        why = f"nobody serves {way.address}: {called} has {has} alone"
        return TracedHop(Hop.SERVICE, Status.FAIL, why, OTHER_FAMILY, (fact,))
    why = f"{called} has {has} alone, so the load balancer has to translate {title}"
    return TracedHop(Hop.SERVICE, Status.UNKNOWN, why, OTHER_FAMILY, (fact,))
