"""The ways of the clients that are asked about, each by its own name, protocol and resolver, to where it leads."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import BOTH, OTLP_PORTS, Family, Protocol, Target, family, is_address
from dualstack.model.cluster import Cluster, Pod, Service, ServicePort
from dualstack.model.evidence import Evidence
from dualstack.model.exporter import Exporter
from dualstack.model.glimpse import Glimpses
from dualstack.model.otel import BY_API
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.aims import Aim, aims
from dualstack.reach.aliases import end_of
from dualstack.reach.arrival import Flow, alike, behind, traced
from dualstack.reach.by_fronts import in_front
from dualstack.reach.client_dns import (
    ClusterName,
    intended,
    is_surely_within,
    may_be_abroad,
    names,
    shortfall,
    strange,
    without_svc,
)
from dualstack.reach.crowds import Crowd, crowds
from dualstack.reach.dialled import dialled
from dualstack.reach.forward import World, of_port, outward, unresolved
from dualstack.reach.garbled import garbled, seeming
from dualstack.reach.holders import guessed, on_node, within, without
from dualstack.reach.lanes import NO_SERVICE, Backend, host, spoken
from dualstack.reach.localhost import settled
from dualstack.reach.node_ports import behind as offered
from dualstack.reach.node_ports import from_pods, up_to
from dualstack.reach.nowhere import is_foreign, is_meant, unlike_service, unowned, without_pod, without_service
from dualstack.reach.other_names import of_another
from dualstack.reach.resolved import FOREIGN, IN_NETWORK, OUTSIDE, UNTRIED
from dualstack.reach.spoken import as_told, understood
from dualstack.reach.trace import NOTHING
from dualstack.reach.unasked import unasked
from dualstack.reach.unasked import unheld as unheld_nameserver
from dualstack.reach.undefined import is_open, undefined, unlinked
from dualstack.reach.unheld import unheld
from dualstack.reach.unoffered import by_address, not_offered, sent_by

SHORT, UNLIKE = "not-whole", "no-label"
"""Marks of the hop `resolve`: the resolver makes no name of the cluster of the host, or that can be none."""
_SPOKEN = (Hop.HANDSHAKE, Hop.EXPORT)
_PARSES = TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses")

Vain = Collection[tuple[str, str]]
"""The variables, with what they say, that lead to a loopback where nobody listens."""


def ways(world: World, vain: Vain = (), first: Vain = ()) -> Iterator[Trace]:
    """The traces of everything that the pods that are asked about aim at.

    `first` are the variables of clients that dial the first address of a name alone.
    """
    for aim in aims(world[0]):
        mine = _scoped(world, aim)
        alone = (aim.exporter.variable, aim.exporter.endpoint) in first
        found = tuple(settled(tuple(_way(aim, mine, vain)), world[2].expect, alone=alone))
        every = dialled(aim, tuple(unasked(found, aim, mine[0])))
        yield from (as_told(x, aim.exporter) for x in every)


def unspoken(world: World, exporters: Iterable[Exporter], traces: Iterable[Trace]) -> Iterator[Trace]:
    """The ways of clients to ports of a Service that fail for what is spoken there, or for want of a listener.

    The `traces` are of the ports that are for OTLP, each in its protocol: others are named by clients alone.
    """
    cluster, places, _, _ = world
    flows = tuple(traces)
    known = {(x.target.host, x.target.port, x.protocol) for x in flows if x.failed or x.accepted}
    judged = {(x.target.host, x.target.port) for x in flows}
    found = dict[tuple[object, ...], Trace]()
    for one in (x for x in exporters if x.protocol):
        target, service = one.target, next((x for x in cluster.services if x.is_meant_by(one)), None)
        if target is None or service is None or (host(service), target.port, target.protocol) in known:
            continue
        ends = _SPOKEN if (host(service), target.port) in judged else (Hop.LISTEN, *_SPOKEN)
        for port in (x for x in service.spec.ports or () if x.port == target.port):
            for trace in of_port(service, port, target.protocol, world, None):
                sent = replace(trace, target=replace(trace.target, tls=target.tls))
                who = sent_by(one, service, cluster)
                met = replace(as_told(understood(sent, places), one), vantage=who, nodes=())
                over = not one.families or trace.family in one.families
                for told in by_address(met, one):
                    if over and told.failing and told.failing.hop in ends:
                        found[who, told.asked, target.port, target.protocol, trace.family] = told
    yield from found.values()


def _scoped(world: World, aim: Aim) -> World:
    """The same with the pods of this aim as clients."""
    cluster, places, question, seen = world
    return replace(cluster, askers=aim.pods, exporters=(aim.exporter,)), places, question, seen


def _way(aim: Aim, world: World, vain: Vain) -> Iterator[Trace]:
    exporter, target = aim.exporter, aim.exporter.target
    broken = garbled(exporter, aim.said)
    if exporter.held:
        gone = unlinked(exporter, world[0])
        yield from _flows(seeming(exporter), world, (_PARSES, gone)) if gone else ()
        return
    if broken:
        yield from _flows(broken[0], world, broken[1:])
    elif target is None:
        unfilled = "$(" in exporter.endpoint
        yield from _flows(seeming(exporter), world, (_PARSES, undefined(aim, world[0]))) if unfilled else ()
    elif aim.own:
        yield from _to_itself(aim, target, world, vain)
    elif aim.addresses:
        for address in aim.addresses:
            yield from _to_address(aim, target, address, world)
    else:
        yield from _to_name(aim, target, world)


def _flows(
    target: Target, world: World, hops: Iterable[TracedHop], families: Sequence[Family] = (), asked: str = ""
) -> Iterator[Trace]:
    """One trace for each group of these clients and each family, all with these hops."""
    cluster, _, question, _ = world
    known = tuple(hops)
    only = (family(target.host),) if is_address(target.host) else ()
    addresses = (target.host,) if only else ()
    for crowd in crowds(cluster):
        for each in families or only or question.expect or crowd.families or BOTH:
            yield replace(traced(Flow(crowd.name, crowd.nodes, target, each, addresses), known), asked=asked)


def _to_itself(aim: Aim, target: Target, world: World, vain: Vain) -> Iterator[Trace]:
    """To the loopback: of the pod, or of the node where it is in the network of that."""
    exporter = aim.exporter
    named = not is_address(aim.host)
    why = f"`{aim.host}` is the pod itself"
    before = (
        _PARSES,
        TracedHop(Hop.RESOLVE, Status.PASS if named else Status.NOT_APPLICABLE, why, "", (aim.said,)),
        *(TracedHop(x, Status.NOT_APPLICABLE) for x in (Hop.SELECT, Hop.SERVICE, Hop.ENDPOINTS)),
        *(TracedHop(x, Status.PASS) for x in (Hop.ROUTE, Hop.POLICY)),
    )
    shown = replace(target, host="localhost") if named else target
    every = BOTH if named else (family(aim.host),)
    if (exporter.variable, exporter.endpoint) in vain:
        why = f"nothing listens on the loopback of the {exporter.place}"
        yield from _flows(shown, world, (*before, TracedHop(Hop.LISTEN, Status.FAIL, why, NOTHING, (aim.said,))))
        return
    for crowd, pods in _crowded(aim, world):

        def over(each: Family, crowd: Crowd = crowd, pods: Sequence[Pod] = pods) -> Iterator[Trace]:
            address = "127.0.0.1" if each is Family.IPV4 else "::1"
            near = tuple(within(pods, address, aim, world[0], world[1], world[3]))
            for backends in alike(target.protocol, near, world[3]):
                hops = behind(target.protocol, backends[0], world[3])
                flow = Flow(crowd.name, crowd.nodes, shown, each, (address,))
                yield understood(traced(flow, (*before, *hops), backends), world[1])

        having = [x for x in every if not named or x in crowd.families or not crowd.families]
        found = [y for x in having for y in over(x)]
        yield from found
        if all(x.failed for x in found):
            # A pod has 127.0.0.1 without any address of IPv4, and ::1 likewise where IPv6 is on.
            yield from (y for x in every if x not in having for y in over(x) if not y.failed)


def _crowded(aim: Aim, world: World) -> Iterator[tuple[Crowd, tuple[Pod, ...]]]:
    """The groups of these clients with the pods of each."""
    for crowd in crowds(world[0]):
        pods = (x for x in aim.pods if x.families == crowd.families or not (crowd.families and x.is_placed))
        yield crowd, tuple(x for x in pods if not (crowd.nodes and x.is_placed) or x.spec.node_name in crowd.nodes)


def _to_name(aim: Aim, target: Target, world: World) -> Iterator[Trace]:
    cluster = world[0]
    by_api = aim.exporter.variable.endswith(f".{BY_API}")
    usual = intended(aim.host, aim.exporter.namespace)
    own = usual if by_api else names(aim.host, aim.resolver)
    known = any(_is_there(x, cluster) for x in (*own, *usual))
    hop = unheld_nameserver(aim) or (None if known else of_another(aim, cluster))
    hop = None if by_api else hop or _lookup(aim, own, cluster, known=any(_is_there(x, cluster) for x in usual))
    followed = own if hop is None or hop.mark == UNLIKE else (*own, *usual)
    found = next((x for x in followed if _is_there(x, cluster)), None)
    service = cluster.service(found.namespace, found.name) if found else None
    if is_open(aim.host):
        yield from _flows(target, world, (_PARSES, undefined(aim, cluster)))
    elif found and service:
        # Who asks the API server connects to the pods, whatever ports the Service has.
        direct = replace(service, spec=replace(service.spec, cluster_ip="None", cluster_ips=None))
        for trace in _to_service(aim, target, found, direct if by_api else service, world):
            yield _named(trace, hop) if hop else trace
    else:
        yield from _flows(target, world, (_PARSES, hop or _absent(aim, own, cluster)))


def _is_there(name: ClusterName, cluster: Cluster) -> bool:
    found = cluster.service(name.namespace, name.name)
    return found is not None and (not name.pod or found.headless)


def _lookup(aim: Aim, own: Sequence[ClusterName], cluster: Cluster, *, known: bool) -> TracedHop | None:
    """What the resolver of the pods makes of a name of the cluster; None where it asks for it as it should.

    `known` says that the usual resolver would find a Service.
    """
    asked, facts = aim.resolver, (Evidence(aim.resolver.said, aim.exporter.place), aim.said)
    odd, surely_none = strange(aim.host, cluster.domains, cluster.slips) if asked.cluster else ("", False)
    if odd:
        status, mark = (Status.FAIL, NO_SERVICE) if surely_none else (Status.UNKNOWN, FOREIGN)
        return TracedHop(Hop.RESOLVE, status, f"`{aim.host}` {odd}", mark, (aim.said,))
    if asked.cluster and known and (whole := without_svc(aim.host)):
        why = f"`{aim.host}` lacks `svc`, without which the DNS of the cluster has no such name: `{whole}`"
        return TracedHop(Hop.RESOLVE, Status.FAIL, why, NO_SERVICE, (aim.said,))
    if asked.cluster and own:
        return None
    surely = is_surely_within(aim.host)
    last = aim.host.lower().rpartition(".")[2]  # the DNS of the world has no such domain as `svc`, or one label
    unaided = asked.said == "dnsPolicy: None" and not asked.search and last in ("svc", aim.host.lower())
    meant = surely or (known and asked.cluster)  # a Service that the usual resolver would find
    if not own and meant and (asked.cluster or unaided or aim.host.endswith(".")):
        unlike = unlike_service(aim.host, aim.exporter.namespace, cluster)
        why, mark = (unlike, UNLIKE) if unlike else (shortfall(aim.host, asked), SHORT)
        return TracedHop(Hop.RESOLVE, Status.FAIL, why, mark, (aim.said,) if unlike else facts)
    if asked.cluster or not (surely or own or known):
        return None
    whose = "nameservers of its own" if asked.said == "dnsPolicy: None" else "the nameservers of its node"
    why = f"the pod asks {whose} (`{asked.said}`), which need not know the names of the cluster"
    mark = IN_NETWORK if aim.exporter.host_network else OUTSIDE
    return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, mark, facts)


def _absent(aim: Aim, own: Sequence[ClusterName], cluster: Cluster) -> TracedHop:
    """A name that no Service has: surely of the cluster, or, of two labels, such as one may be in the world as well."""
    every = [(x.namespace, x.name) for x in own if not x.pod] or [(x.namespace, x.name) for x in own[:1]]
    key, gone = next(iter(every), ("", "")), {*every} <= {*cluster.absent}
    behind = cluster.service(*key)
    within = not may_be_abroad(aim.host, aim.resolver)
    if every and not behind and is_surely_within(aim.host) and ("Service" not in cluster.unseen or gone):
        return without_service(key, cluster, aim.said, sure=within)
    if key in cluster.absent and (meant := is_meant(key, cluster)) is not None:
        plain = aim.exporter.target is not None and not aim.exporter.target.tls
        return without_service(key, cluster, aim.said, sure=within and plain and meant)
    # CoreDNS knows the pods of any Service by name, and others those of headless ones alone.
    why = f"{behind.called} is not headless, so its pods need not have names, and `{aim.host}`" if behind else ""
    why = f"{why or f'`{aim.host}` is no Service that is known here, and'} {UNTRIED}"
    return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, "", (aim.said,))


def _named(trace: Trace, hop: TracedHop) -> Trace:
    """A trace whose name is looked up otherwise than by the DNS of the cluster."""
    if trace.at(Hop.RESOLVE).status is Status.FAIL:
        return trace
    hops = tuple(hop if x.hop is Hop.RESOLVE else x for x in trace.hops)
    if hop.status is Status.FAIL:
        return replace(trace, hops=hops, disposition=Disposition.NO_ADDRESS)
    end = Disposition.INSUFFICIENT_INFO if trace.accepted else trace.disposition
    return replace(trace, hops=hops, disposition=end)


def _to_service(aim: Aim, target: Target, name: ClusterName, service: Service, world: World) -> Iterator[Trace]:
    """To a Service by its name, by an alias of it, or to one pod behind it."""
    alias = None
    if service.spec.type == "ExternalName":
        end = end_of(service, world[0])
        if end.service is None:
            shown = replace(target, host=host(service))
            yield from _flows(shown, world, (_PARSES, unresolved(service, end)), asked=_other(aim.host, host(service)))
            return
        alias, service = service, end.service
    if name.pod:
        yield from _to_pod(aim, target, name, service, world)
        return
    yield from _by_port(aim, target, service, world, alias)


def _by_port(aim: Aim, target: Target, service: Service, world: World, alias: Service | None = None) -> Iterator[Trace]:
    """To the port of a Service that the client names, in the protocol that it speaks."""
    places = world[1]
    ports = [x for x in service.spec.ports or () if x.protocol == "TCP"]
    port = next((x for x in ports if x.port == target.port), None)
    if port is None and service.headless and ports:
        port = replace(ports[0], port=target.port)
    called = host(alias or service)
    if port is None:
        hops = (_PARSES, TracedHop(Hop.RESOLVE, Status.PASS), not_offered(service, target.port, aim.said))
        yield from _flows(replace(target, host=called), world, hops, service.families, _other(aim.host, called))
        return
    for trace in of_port(service, port, _protocol(aim, target, service, port, world), world, alias):
        meant = replace(trace.target, tls=target.tls)
        yield understood(replace(trace, target=meant, asked=_other(aim.host, called)), places)


def _protocol(aim: Aim, target: Target, service: Service, port: ServicePort, world: World) -> Protocol:
    """What a client speaks to the port of a Service; what is spoken there where nobody says it."""
    said = bool(aim.exporter.protocol) or target.port in OTLP_PORTS
    guessed = () if said else spoken(service, port, world[0].slices_of(service), world[1])
    return next(iter(guessed), target.protocol)


def _other(written: str, called: str) -> str:
    """What a client writes, where that is not what a target is called."""
    return written if written.rstrip(".").lower() != called else ""


def _to_pod(aim: Aim, target: Target, name: ClusterName, service: Service, world: World) -> Iterator[Trace]:
    """To one pod behind a headless Service (Kubernetes DNS specification 1.1 section 2.4.2)."""
    cluster = world[0]
    slices = cluster.slices_of(service)
    mine = [replace(x, endpoints=[y for y in x.endpoints or () if y.hostname == name.pod]) for x in slices]
    if any(x.endpoints for x in mine):
        alone = (replace(cluster, slices=tuple(x for x in mine if x.endpoints)), *world[1:])
        for trace in _by_port(aim, target, service, alone):
            yield replace(trace, target=replace(trace.target, host=aim.host), asked="")
        return
    yield from _flows(target, world, (_PARSES, without_pod(service, name.pod, cluster, aim.said)))


def _to_address(aim: Aim, target: Target, address: str, world: World) -> Iterator[Trace]:
    """To an address that is written, or that the hosts file of the pod has for the name."""
    cluster, places, _, seen = world
    said = aim.said
    written = is_address(aim.host)
    status, why = Status.NOT_APPLICABLE, "the endpoint is an address"
    if not written:
        status, why = Status.PASS, f"the hosts file of the pod has {address} for `{aim.host}`"
    hop = TracedHop(Hop.RESOLVE, status, why, "", (said,))
    service = next((x for x in cluster.services if address in x.addresses), None)
    if service:
        found = [x for x in _by_port(aim, target, service, world) if x.family is family(address)]
        yield from (_at_once(x, hop) for x in found)
        return
    place = next((x for x in places.values() if address in x.pod.addresses and not x.pod.spec.host_network), None)
    node = next((x for x in cluster.nodes if address in x.addresses), None)
    at = node.metadata.name if node else ""
    held = tuple(on_node(at, target.port, address, cluster, places)) if node else ()
    leads = offered(target.port, cluster) if node and not held else None
    if node and not held and not leads:
        maybe = guessed(at, target.port, target.protocol, cluster, places, seen)
        held = tuple(Backend(y, target.port, place=x) for x in maybe for y in x.pod.addresses)
    every = (Backend(address, target.port, place=place),) if place else held
    shown = target if written else replace(target, host=address)
    shown = replace(shown, protocol=_protocol(aim, target, *leads[:2], world)) if leads else shown
    for crowd in crowds(cluster):
        before = (_PARSES, hop, TracedHop(Hop.SELECT, Status.NOT_APPLICABLE), outward(crowd, address, cluster))
        flow = Flow(crowd.name, crowd.nodes, shown, family(address), (address,))
        asked = "" if written else aim.host
        if node and leads:
            ends = from_pods(flow, (*before, up_to(aim.pods, cluster)), at, leads, places, seen)
        else:
            ends = _ends(flow, (*before, *_beyond(address, target, world, every)), every, seen)
        yield from (replace(understood(x, places), asked=asked) for x in ends)


def _at_once(trace: Trace, hop: TracedHop) -> Trace:
    """A trace to a Service whose name is not looked up."""
    return replace(trace, hops=tuple(hop if x.hop is Hop.RESOLVE else x for x in trace.hops))


def _beyond(address: str, target: Target, world: World, held: Sequence[Backend]) -> Iterator[TracedHop]:
    """The hops to an address that is no Service's, up to who has it."""
    cluster, places, *_ = world
    if (address in cluster.vacant or is_foreign(address, cluster)) and not in_front(address, cluster).mark:
        yield from unowned(address, cluster)
    elif held:
        yield TracedHop(Hop.POLICY, Status.PASS)
        yield from (TracedHop(Hop.SERVICE, Status.NOT_APPLICABLE), without(held, address))
    else:
        node = next((x for x in cluster.nodes if address in x.addresses), None)
        yield from (TracedHop(x, Status.PASS) for x in [Hop.POLICY] if node)
        yield unheld(node, target, address, cluster, places) if node else in_front(address, cluster)


def _ends(flow: Flow, before: Sequence[TracedHop], every: Sequence[Backend], seen: Glimpses) -> Iterator[Trace]:
    mine = [x for x in every if family(x.address) is flow.family]
    for backends in alike(flow.target.protocol, mine, seen):
        yield traced(flow, (*before, *behind(flow.target.protocol, backends[0], seen)), backends)
    if not mine:
        lacking = tuple(dict.fromkeys(x.place.name for x in every if x.place))
        yield replace(traced(flow, before), servers=lacking)
