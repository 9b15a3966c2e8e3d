"""Flows that a Service leads to where nobody listens, although its pods do listen."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from dualstack.model.address import OTLP_PORTS
from dualstack.model.cluster import Cluster, Service, ServicePort
from dualstack.model.finding import Applicability, Finding, Fix
from dualstack.model.kube import Services
from dualstack.model.source import Location
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.crowds import listed
from dualstack.reach.gates import ABSENT
from dualstack.reach.lanes import is_named, selected
from dualstack.reach.live import (
    MISREAD,
    NO_PORT,
    STALE,
    by_service,
    by_whom,
    elsewhere,
    failing,
    families_of,
    is_agent,
    keys,
    maker,
    misread_in,
    other_way,
    port_at,
    receives_on,
)
from dualstack.reach.pods import Place, Places
from dualstack.reach.slice_writers import leading_to, uneven, written_as
from dualstack.reach.stray_endpoints import beside
from dualstack.reach.unbound import named_for_another

_OF_ONE = re.compile(r"^[a-z.]*/?(?:pod-template-hash|controller-revision-hash|pod-name|pod-index):")
"""Labels of one revision, or of one pod."""


class Misled(msgspec.Struct, frozen=True):
    """Flows of a Service that end nowhere: `why` as a sentence, the port that is wrong, and the one that is `meant`.

    `port` is None where none is, `meant` 0 where nobody knows. `headless` says that no proxy leads to that port.
    `mend` is what to do about what is wrong elsewhere than in the port; one of it and `meant` is always there. `at` is
    where that is.
    """

    port: ServicePort | None
    summary: str
    why: str
    flows: tuple[Trace, ...]
    meant: int = 0
    headless: bool = False
    mend: str = ""
    at: Location | None = None

    @property
    def hint(self) -> str:
        """What to do."""
        if self.mend:
            return self.mend
        if self.headless and self.port:
            return f"Send to port {self.meant}, or let the receiver listen on port {self.port.port}."
        return f"Set its `targetPort` to {self.meant}."


def leading_nowhere(cluster: Cluster, traces: Traces, places: Places, services: Services | None) -> Iterator[Finding]:
    """One finding for each port of a Service that leads to nobody, and for endpoints that are gone."""
    for service, flows in by_service(cluster, traces.broken):
        stray = {x.key: who for x in flows if (who := elsewhere(x, traces, places))}
        own = [x for x in flows if x.key not in stray]
        led = (*_misled(cluster, service, own, traces, places), *_strays(service, flows, stray, places))
        misread = {*misread_in(cluster, service, places).values()}
        for each in led:
            where = by_whom(service, "spec.ports") if not (each.mend or each.headless) else ""
            yield Finding(
                summary=each.summary,
                detail=each.why,
                hint=f"{each.hint[:-1]}{where}.",
                families=families_of(each.flows),
                evidence=tuple(dict.fromkeys(y for x in each.flows if x.failing for y in x.failing.evidence)),
                location=each.at or (port_at(services, service, each.port.port) if each.port else None),
                fix=Fix("Lead to the receiver", _who(each)),
                flows=keys(each.flows),
                causes=(MISREAD,) if each.port and each.port.port in misread else None,
            )
    yield from _led_to_none(traces)
    for service, flows in by_service(cluster, traces.items):
        yield from uneven(cluster, service, flows)
        yield from beside(cluster, service, [x for x in flows if x.required and not x.accepted], places)


def _led_to_none(traces: Traces) -> Iterator[Finding]:
    """One finding for each Ingress or route to a Service that is not there."""
    lost = failing(traces, Hop.SERVICE, ABSENT)
    for why in dict.fromkeys(x.at(Hop.SERVICE).why for x in lost):
        flows = tuple(x for x in lost if x.at(Hop.SERVICE).why == why)
        yield Finding(
            summary="There is no such Service",
            detail=f"{why}.",
            hint="Name the Service of the Collector there.",
            families=families_of(flows),
            evidence=flows[0].at(Hop.SERVICE).evidence,
            fix=Fix("Name the Service of the Collector"),
            flows=keys(flows),
        )


def _who(found: Misled) -> Applicability:
    return Applicability.UNSAFE if found.meant and not found.headless else Applicability.MANUAL


def _misled(
    cluster: Cluster, service: Service, flows: Sequence[Trace], traces: Traces, places: Places
) -> Iterator[Misled]:
    """What is wrong with each port: its name, or its number, is that of no port of the pods or slices, or it is old."""
    for port in service.spec.ports or ():
        mine = tuple(x for x in flows if x.target.port in (port.port, port.node_port))
        unnamed = _unnamed(cluster, service, port, mine) or _unmatched(cluster, service, port, mine)
        yield from filter(None, [unnamed])
        yield from _deaf(service, port, mine, traces, places)
    yield from _stale(cluster, service, flows)


def _unnamed(cluster: Cluster, service: Service, port: ServicePort, flows: Sequence[Trace]) -> Misled | None:
    lost = tuple(x for x in flows if x.failing and x.failing.mark == NO_PORT)
    target, pods = port.target_port, selected(cluster, service)
    held = [z for x in pods for y in x.spec.containers or () for z in y.ports or ()]
    if not lost or not pods or not isinstance(target, str) or target.isdigit() or target in {x.name for x in held}:
        return None
    shown = ", ".join(dict.fromkeys(f"`{x.name}` ({x.container_port})" for x in held if x.name)) or "none with a name"
    meant = next((x.container_port for x in held if x.container_port == port.port), 0)
    why = f"No container of its pods ({maker(pods[0])}) has a port `{target}`; they have {shown}."
    mend = "" if meant else "Name a port of theirs, or select the pods of the Collector."
    return Misled(port, _silent(port), why, lost, meant, mend=mend)


def _unmatched(cluster: Cluster, service: Service, port: ServicePort, flows: Sequence[Trace]) -> Misled | None:
    """A port whose name, with its protocol, no EndpointSlice has: that of the Service leads to none of theirs."""
    lost = tuple(x for x in flows if x.failing and x.failing.mark == NO_PORT)
    if not lost:
        return None
    held = dict.fromkeys(y for x in cluster.slices_of(service) for y in x.ports or ())
    shown = " and ".join(f"{_named(x.name)} ({x.protocol or 'TCP'} {x.port or 'any'})" for x in held) or "none"
    who = " and ".join(dict.fromkeys(map(written_as, cluster.slices_of(service))))
    why = f"Port {port.port} of {service.called} has {_named(port.name)} (TCP), those of its slices have {shown}."
    mend = f"Give the port of {who} {_named(port.name)} and the protocol TCP, or see who writes it."
    return Misled(port, "No EndpointSlice has this port", why, lost, mend=mend)


def _named(name: str | None) -> str:
    return f"the name `{name}`" if name else "no name"


def _silent(port: ServicePort) -> str:
    return f"Nobody listens behind port {port.port}"


def _deaf(
    service: Service, port: ServicePort, flows: Sequence[Trace], traces: Traces, places: Places
) -> Iterator[Misled]:
    """A port that leads to one where nobody listens: the `targetPort` is wrong only where that is so in all pods."""
    lost = tuple(x for x in flows if receives_on(x, places) and x.failing and x.failing.hop is not Hop.ROUTE)
    numbers: dict[int, dict[str, Trace]] = {}
    for each in (replace(x, server=y) for x in lost for y in x.servers):
        numbers.setdefault(receives_on(each, places), {})[each.server] = each
    numbers.pop(0, None)
    others = [x for x in _others(lost, traces) if x.at(Hop.LISTEN).status is not Status.FAIL]
    if others or len(numbers) > 1:
        for meant, pods in numbers.items():
            mine = tuple(x for x in lost if pods.keys() & {*x.servers})
            yield replace(_odd(service, port, (meant, tuple(pods.values())), others, places), flows=mine)
        return
    for meant in numbers:
        aside = _aside(service, port, lost, meant, places)
        if aside:
            yield aside
            continue
        said = f"Port {port.port} of {service.called} leads to {lost[0].port} of its pods, where nothing listens"
        if service.headless:
            said = f"{_direct(service, port)}, and nothing listens there"
        why = f"{said}: {lost[0].protocol} is taken on {meant}."
        yield Misled(port, _silent(port), why, lost, meant, service.headless)


def _aside(service: Service, port: ServicePort, lost: tuple[Trace, ...], meant: int, places: Places) -> Misled | None:
    """A port that is for something else by its name and number, where another one leads to the receiver; else None.

    So is one that an agent with ports of its own names. To lead it elsewhere would take it from who uses it.
    """
    place, first = places.named(lost[0].server), lost[0]
    named = named_for_another(place, first.port) if place else ""
    known, other = other_way(first, meant, places)
    for_otlp = port.port in OTLP_PORTS or is_named(port) is not None or "otlp" in port.name
    if not other or not (named or (known and not for_otlp and not service.headless)):
        return None
    why = f"Port {port.port} of {service.called} leads to {first.port} of its pods, where no receiver listens"
    why += f"{f', and {named} for something else' if named else ''}: {first.protocol} is taken on {meant}."
    mend = f"{other[:1].upper()}{other[1:]}."
    return Misled(port, f"No receiver listens behind port {port.port}", why, lost, mend=mend)


def _direct(service: Service, port: ServicePort) -> str:
    named = f"connect to port {port.port} of the pods themselves, whatever its `targetPort` says"
    return f"{service.called} is headless: clients {named}"


def _others(lost: Sequence[Trace], traces: Traces) -> list[Trace]:
    """The flows to the same port that come to other pods than these."""
    targets, met = {x.target for x in lost}, {y for x in lost for y in x.servers}
    return [x for x in traces.items if x.target in targets and not met.intersection(x.servers) and x.server]


def _odd(
    service: Service, port: ServicePort, found: tuple[int, tuple[Trace, ...]], others: Sequence[Trace], places: Places
) -> Misled:
    """Some pods of a port, with a flow to each, that listen on another one, and so not where the `others` do."""
    meant, lost = found
    names = [x.server.removeprefix("pod ") for x in lost]
    number, several = lost[0].port, len(names) > 1
    first = places.named(lost[0].server)
    field, at = _read_by(first, meant) if first else ("", None)
    well = len({y for x in others if x.at(Hop.LISTEN).status is Status.PASS for y in x.servers})
    beside = f"{well} {'others listen' if well > 1 else 'other listens'}" if well else "others may listen"
    beside = beside if others else "none of its pods listens"
    led = _direct(service, port) if service.headless else f"Port {port.port} of {service.called} leads to {number}"
    who = f"the pod{'s' * several} {listed(names)} {'take' if several else 'takes'}"
    why = f"{led}, where {beside}; {who} {lost[0].protocol} on {meant} instead, by {field}."
    like = " as the others do" if well else ""
    mend = f"Let {'them' if several else 'it'} listen on {number}{like}: change {field}."
    if not service.headless:
        mend += f" A `targetPort` of {meant} would lead to none of the others."
    return Misled(port, f"Some pods do not listen on port {number}", why, lost, mend=mend, at=at)


def _read_by(place: Place, number: int) -> tuple[str, Location | None]:
    """The field that says where a pod listens, with the ConfigMap that it stands in, and the place in that."""
    read = next(x.endpoint for x in place.on(number))
    holders = (x.config.holder for x in place.configs if read in x.config.endpoints)
    holder = next((x for x in holders if x and x.kind == "ConfigMap"), None)
    where = f" in ConfigMap {place.pod.metadata.beside(holder.name)}" if holder else ""
    return f"`{read.field}`{where}", read.location


def _strays(service: Service, flows: Sequence[Trace], right: Mapping[str, str], places: Places) -> Iterator[Misled]:
    """Pods of another workload among those of a Service, in which nobody listens, or on another port or the loopback.

    `right` says by the keys of flows which workload takes the connections that they lose.
    """
    lost = [(x, place) for x in flows if x.key in right and (place := places.named(x.server))]
    for stray in dict.fromkeys(maker(y.pod) for _, y in lost):
        mine = tuple(x for x, y in lost if maker(y.pod) == stray)
        wanted = _ports({x.port: None for x in mine})
        agent = any(is_agent(x, y) for x, y in lost if maker(y.pod) == stray)
        taken = dict.fromkeys(f"{x.protocol} is taken on {y}" for x in mine if (y := receives_on(x, places)))
        how = f"which listen on {wanted} for their own host alone" if agent else f"where nothing listens on {wanted}"
        said = f"The selector of {service.called} takes in pods of {stray}, {how}"
        said += f": {' and '.join(taken)} there" if taken else ""
        mend = _apart(service, right[mine[0].key], stray, places)
        mend += f", or let the receiver of {stray} listen on {wanted}" if taken else ""
        led = (x for x in service.spec.ports or () if any(y.target.port in (x.port, x.node_port) for y in mine))
        summary = "The Service takes in agents" if agent else f"Some pods do not listen on {wanted}"[:60]
        yield Misled(next(led, None), summary, f"{said}.", mine, mend=f"{mend}.")


def _apart(service: Service, right: str, stray: str, places: Places) -> str:
    """What leads a Service to the pods of one workload alone, and not to those of another."""
    label = _label(right, stray, places)
    if label:
        return f"Narrow the selector to the pods of {right}, by their label `{label}`"
    asked = " or ".join(f"`{x}`" for x in service.spec.selector or {})
    whose = stray if stray.startswith("pod ") else f"the pods of {stray}"
    return f"No label tells {whose} from those of {right}: give the first another value of {asked}"


def _label(right: str, stray: str, places: Places) -> str:
    """A label that the pods of one workload have and those of another have not; empty where there is none of use."""
    held = [(maker(x.pod), (x.pod.metadata.labels or {}).items()) for x in places.items.values()]
    mine = [x for who, x in held if who == right]
    theirs = {y for who, x in held if who == stray for y in x}
    found = (f"{k}: {v}" for k, v in mine[0] if all((k, v) in x for x in mine) and (k, v) not in theirs)
    return next((x for x in found if not _OF_ONE.search(x)), "")


def _ports(numbers: Iterable[int]) -> str:
    every = [str(x) for x in numbers]
    return f"port{'s' if len(every) > 1 else ''} {' and '.join(every)}"


def _stale(cluster: Cluster, service: Service, flows: Sequence[Trace]) -> Iterator[Misled]:
    """Endpoints whose address nobody has, apart for each object that says so."""
    lost = [x for x in flows if x.failing and x.failing.mark == STALE]
    said = {x.key: leading_to(cluster, service, x.at(Hop.ENDPOINTS).why) for x in lost}
    for each in dict.fromkeys(said.values()):
        mine = tuple(x for x in lost if said[x.key] == each)
        who = " and ".join(each)
        why = f"{who} {'lead' if len(each) > 1 else 'leads'} to an address where nobody is: {mine[0].at(Hop.POD).why}."
        now = f"Write the address that the receiver has now in {who}; a `selector` follows those of its pods."
        mend = f"See who writes {who}." if service.spec.selector else now
        yield Misled(None, "Endpoints lead to nobody", why, mine, mend=mend)
