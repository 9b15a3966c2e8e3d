"""What NetworkPolicies do to the flows of a cluster, at both ends, as far as they are enforced there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from dualstack.model.address import BOTH, family, is_address
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.netpol import LabelSelector, Policy
from dualstack.model.text import with_article
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach import cluster_dns
from dualstack.reach.blame import is_loopback
from dualstack.reach.crowds import ranges
from dualstack.reach.engines import DIRECT, HELD, Engine, beside, engine, is_by_rules
from dualstack.reach.exports import destination, flows, hosts, ways
from dualstack.reach.mesh_rules import unread as unread_rules
from dualstack.reach.mutual import is_ambient, may_be_in, may_join
from dualstack.reach.netpol import End, Lack, Let, Spot, Way, isolating, lacks, lets, missed
from dualstack.reach.node_ports import is_by_node
from dualstack.reach.pods import Place, Places
from dualstack.reach.policy_marks import (
    CHOOSES,
    NAMED,
    OF_NODES,
    OF_SOME,
    SHUT_OUT,
    UNCLEAR,
    WORDS,
    is_of_nodes,
    is_unclear,
    shut_out,
)
from dualstack.reach.unoffered import by_address

_AFAR = " on other nodes"
"""The end of what such clients are called that are not on the node of the receiver."""
_OTHERS, _OWN = (f" of pods in the network of {x}" for x in ("other nodes", "their own node"))
"""Whom it may be said of alone that no policy lets clients out to them."""
_PROVED = (Hop.HANDSHAKE, Hop.EXPORT)
NAME_LABEL = "kubernetes.io/metadata.name"
"""Every namespace has it, with its name (Kubernetes documentation, Well-Known Labels)."""
_NODE_LOCAL = "169.254.20.10/32"
"""Where NodeLocal DNSCache listens on each node (Kubernetes documentation, Using NodeLocal DNSCache)."""
_TUNNELLED = "Istio leads these connections to port 15008, and what the policies make of that is not read"
_PODS = "pods"
"""How flows of pods call whose they are."""
_ORDER = tuple(Hop)


class _Client(msgspec.Struct, frozen=True):
    """Whose way is judged.

    `labels` is None where they may be any, and `outside` says that nobody knows whether they are pods. Of those that
    are `near` one of the receivers is on the same `node`, whose own connections to its pods no policy stops, and where
    they are `home` all of them are. `meshed` says that they may be in a mesh.
    """

    namespace: str = ""
    labels: Mapping[str, str] | None = None
    addresses: tuple[str, ...] = ()
    host: bool = False
    node: str = ""
    near: bool = False
    home: bool = False
    outside: bool = False
    meshed: bool = False


class _Unasked(msgspec.Struct, frozen=True):
    """The policies that let a client ask no nameserver, and whether one lets it go to the address of its Service."""

    policies: tuple[Policy, ...] = ()
    by_service: bool = False


class _Said(msgspec.Struct, frozen=True):
    """What the policies of one end say of a flow; whoever else comes is told the `same`.

    `missed` says by what a rule fails the flow that seems to be meant for it. `apart` are those of the pods alone that
    it is said of, and of them it is not certain; empty for all. `host` says that who comes in is in the network of a
    node.
    """

    way: Way
    let: Let
    policies: tuple[Policy, ...]
    lack: Lack = Lack.RULE
    same: bool = True
    missed: str = ""
    apart: str = ""
    host: bool = False


def admitted(
    traces: Iterable[Trace], cluster: Cluster, places: Places, clients: Sequence[Exporter] = ()
) -> Iterator[Trace]:
    """The traces, those denied that nothing else fails before and that no policy lets through.

    Where nothing shows that policies are enforced, what becomes of these is not known. Of `clients` that are known and
    shut out, while others may get through, there are traces of their own.
    """
    every = tuple(traces)
    by = engine(cluster.nodes, cluster.engines)
    named, known = hosts(every), ways(every)
    theirs: dict[int, list[Exporter]] = {}
    for one in clients if not cluster.askers else ():
        for number in flows(one, destination(one, named), known, every):
            theirs.setdefault(number, []).append(one)
    used = {every[x].target.host for x in theirs}
    for number, trace in enumerate(every):
        found, *others = _fates(trace, _clients(trace, cluster), cluster, places, by)
        spared = shut_out(found.at(Hop.POLICY)) and number not in theirs and trace.target.host in used
        yield from (replace(found, required=False) if spared else found, *others)
        if not shut_out(found.at(Hop.POLICY)):
            yield from _of_their_own(trace, theirs.get(number, ()), cluster, places, by)


def _of_their_own(
    trace: Trace, clients: Iterable[Exporter], cluster: Cluster, places: Places, by: Engine
) -> Iterator[Trace]:
    """The flows of clients that are, or in the network of their nodes may be, shut out while others are not."""
    place = places.named(trace.server)
    home = place.pod.metadata.namespace if place else ""
    for one in {(x.namespace, x.owner, x.literal and x.host): x for x in clients}.values():
        made_by = one.made_by(ambiguous=cluster.ambiguous or one.namespace != home)
        mine = by_address(replace(trace, vantage=f"pods of {made_by}", nodes=()), one)
        held = tuple(x for x in one.addresses if family(x) is trace.family)
        asker = _Client(one.namespace, dict(one.labels), held, one.host_network, meshed=may_join(one, cluster))
        askers = tuple(replace(asker, node=x) for x in one.nodes) if one.host_network else ()
        found = (y for x in mine for y in _fates(x, askers or (asker,), cluster, places, by))
        yield from (x for x in found if shut_out(y := x.at(Hop.POLICY)) or (is_unclear(y) and is_of_nodes(y.mark)))


def _fates(trace: Trace, clients: Sequence[_Client], cluster: Cluster, places: Places, by: Engine) -> Iterator[Trace]:
    """A flow as policies leave it; where pods in the network of their nodes get to some of its ends alone, in two.

    A node gets to its own pods, whatever policies say, and a Service that is local leads to no others.
    """
    local = _is_local(trace, cluster)
    nodes = {x.pod.spec.node_name for y in trace.servers if (x := places.named(y))}
    near = [x for x in clients if x.host and x.node in nodes]
    afar = [replace(x, node="") for x in clients if x.host and nodes - {x.node} and not local]
    if near and afar and all(x.host for x in clients):
        other = _through(replace(trace, vantage=f"{trace.vantage}{_AFAR}"), afar, cluster, places, by)
        if shut_out(other.at(Hop.POLICY)):
            yield from (_through(trace, near, cluster, places, by), other)
            return
    yield _through(trace, clients, cluster, places, by)


def _is_local(trace: Trace, cluster: Cluster) -> bool:
    """Whether the address of a flow is that of a Service which leads each client to its own node alone."""
    local = (x for x in cluster.services if x.spec.internal_traffic_policy == "Local")
    return any({*x.addresses}.intersection(trace.addresses) for x in local)


def _clients(trace: Trace, cluster: Cluster) -> tuple[_Client, ...]:
    """The pods that are asked about and that a flow is of, or all that there may be on some nodes."""
    mine = [x for x in cluster.askers if not (trace.nodes and x.is_placed) or x.spec.node_name in trace.nodes]
    if not mine and not trace.vantage.startswith(_PODS):
        return (_Client(outside=True),)
    if not mine:
        return (_Client(addresses=ranges(cluster, trace.nodes, trace.family)),)
    return tuple(_as_client(x, trace, cluster) for x in mine)


def _as_client(pod: Pod, trace: Trace, cluster: Cluster) -> _Client:
    own = tuple(x for x in pod.addresses if family(x) is trace.family)
    held = own if pod.is_placed else ranges(cluster, trace.nodes, trace.family)
    about, labels = pod.metadata, pod.metadata.labels or {}
    meshed = may_be_in(pod, cluster)
    return _Client(about.namespace, labels, held, bool(pod.spec.host_network), pod.spec.node_name or "", meshed=meshed)


def _through(trace: Trace, clients: Sequence[_Client], cluster: Cluster, places: Places, by: Engine) -> Trace:
    """A flow as the policies of both ends leave it."""
    place = places.named(trace.server)
    if _fails_before(trace, Hop.RESOLVE) or (trace.addresses and all(map(is_loopback, trace.addresses))):
        return trace
    asked = [x for x in (_names(trace, x, cluster, by) for x in clients) if x.policies]
    nodes = {x.pod.spec.node_name for y in trace.servers if (x := places.named(y))}
    own = _is_local(trace, cluster)
    near = [replace(x, near=own or x.node in nodes, home=own or nodes == {x.node}) for x in clients]
    ended = place is None or _fails_before(trace, Hop.LISTEN)
    said = [y for x in near for y in (_ends(trace, x, place, cluster, by) if place and not ended else ())]
    none = [x for x in said if x.let is Let.NONE]
    shut = [x for x in none if len([y for y in none if y.way is x.way]) == len(clients)][:1]
    led = any(x.meshed or x.labels is None for x in clients)
    ambient = bool(shut) and place is not None and led and is_ambient(place.pod, cluster)
    if asked and len(asked) == len(clients):
        surely = [x for x in shut if asked[0].by_service and not (ambient or x.apart)]
        engine_of_both = beside(by, [*asked[0].policies, *(y for x in surely for y in x.policies)], cluster)
        return _nameless(trace, asked[0], shut, engine_of_both, sure=bool(surely) or not asked[0].by_service)
    if ended:
        return trace
    if shut:
        tunnelled = TracedHop(Hop.POLICY, Status.UNKNOWN, _TUNNELLED, UNCLEAR)
        host = place is not None and bool(place.pod.spec.host_network)
        by = beside(by, shut[0].policies, cluster, host=host)
        return _open(trace, tunnelled) if ambient else _denied(trace, shut[0], by)
    unread = _unread(trace, clients, place, cluster)
    why = unread or _unsure(clients, place, cluster)
    if why:
        return _open(trace, TracedHop(Hop.POLICY, Status.UNKNOWN, why, UNCLEAR if unread else ""))
    return _let(trace, said, known=clients[0].labels is not None)


def _unread(trace: Trace, clients: Sequence[_Client], place: Place | None, cluster: Cluster) -> str:
    """That there is something of another kind for one of the ends, and what it does is not known; else empty."""
    ends = [x.namespace for x in clients if not x.host]
    ends += [place.pod.metadata.namespace] if place and not place.pod.spec.host_network else []
    found = next(((x, y) for x, y in cluster.other_policies if y and y in ends), None)
    if found:
        return f"there is {with_article(found[0])} in the namespace {found[1]}, which is not read"
    meshed = {x.namespace for x in clients if x.meshed}
    return unread_rules(trace.target.host, meshed, place.pod, cluster) if place else ""


def _unsure(clients: Sequence[_Client], place: Place | None, cluster: Cluster) -> str:
    """That there are, or may be, policies which are not read, and may be for the ends or for none; else empty."""
    if "NetworkPolicy" in cluster.unseen:
        return "the NetworkPolicies could not be read"
    led = any(not x.host for x in clients) or (place is not None and not place.pod.spec.host_network)
    wide = next((x for x, y in cluster.other_policies if not y and led), "")
    return f"{with_article(wide)} may be for these pods, and is not read" if wide else ""


def _fails_before(trace: Trace, hop: Hop) -> bool:
    """Whether a flow never gets to a hop, whatever a policy says of it."""
    return trace.failing is not None and _ORDER.index(trace.failing.hop) < _ORDER.index(hop)


def _ends(trace: Trace, client: _Client, place: Place, cluster: Cluster, by: Engine) -> Iterator[_Said]:
    """What each end says that policies isolate; a pod in the network of its node is beyond them."""
    about, host = place.pod.metadata, bool(place.pod.spec.host_network)
    if client.labels is not None and not client.host:
        mine = isolating(cluster.policies, client.namespace, client.labels, Way.OUT)
        held = tuple(x for x in place.pod.addresses if family(x) is trace.family)
        end = _end(about.namespace, about.labels or {}, held, cluster, by)
        end = replace(end, host=host, apart=by.apart)
        said = [_said(mine, Way.OUT, Spot(place.pod, trace.port, trace.family, end))] if mine else []
        near = host and client.near
        yield from (z for x in said for z in (_of_nodes(x, trace, client, cluster, by) if near else (x,)))
    mine = () if host else isolating(cluster.policies, about.namespace, about.labels or {})
    if mine and not (client.host and client.near):
        end = _end(client.namespace, client.labels, client.addresses, cluster, by)
        end = replace(end, host=client.host, apart=by.apart, blocks=by.blocks or client.outside)
        yield _said(mine, Way.IN, Spot(place.pod, trace.port, trace.family, end))


def _of_nodes(said: _Said, trace: Trace, client: _Client, cluster: Cluster, by: Engine) -> Iterator[_Said]:
    """What policies say of the way out to the networks of nodes of which one is that of the client."""
    direct = trace.at(Hop.SERVICE).status is Status.NOT_APPLICABLE or is_by_rules(cluster.config_maps)
    if by.own == HELD or (by.own == DIRECT and direct):
        yield said
    elif said.let is Let.NONE and (by.own or not client.home):
        yield replace(said, apart=_OWN if client.home else _OTHERS)


def _said(policies: tuple[Policy, ...], way: Way, spot: Spot) -> _Said:
    let = lets(policies, way, spot)
    if way is Way.IN:
        anyone = replace(spot, other=End(spot.other.ranges, blocks=spot.other.blocks))
        same = lets(policies, way, anyone) is let
    else:
        same = all(x.spec.pod_selector == LabelSelector() for x in policies)
    host = way is Way.IN and spot.other.host
    if let is not Let.NONE:
        return _Said(way, let, policies, same=same, host=host)
    lack, why = lacks(policies, way, spot), missed(policies, way, spot)
    first = sorted(policies, key=lambda x: missed((x,), way, spot) != why or lacks((x,), way, spot) is not lack)
    return _Said(way, let, tuple(first), lack, same, why, host=host)


def _end(
    namespace: str, labels: Mapping[str, str] | None, addresses: tuple[str, ...], cluster: Cluster, by: Engine
) -> End:
    space = cluster.labels_of(namespace)
    return End(
        addresses,
        namespace,
        labels or {},
        {**(space or {}), **({NAME_LABEL: namespace} if namespace else {})},
        open=labels is None,
        namespace_open=space is None,
        blocks=by.blocks,
    )


def _names(trace: Trace, client: _Client, cluster: Cluster, by: Engine) -> _Unasked:
    """The policies of a client, where none of them lets it ask the nameserver that gives the name; else none.

    Policies see the pods behind the Service of the nameserver, unless the cache of a node takes what goes to it: to
    Cilium an address of that is one of the cluster or not, by the node (cilium/cilium issue 18644).
    """
    hop = trace.at(Hop.RESOLVE)
    asks = hop.status is Status.PASS and hop.mark == trace.family.record
    if client.labels is None or client.host or not asks:
        return _Unasked()
    mine = isolating(cluster.policies, client.namespace, client.labels, Way.OUT)
    slices = cluster_dns.endpoints(cluster) if mine else ()
    ports = {y.port for x in slices for y in x.ports or () if y.port}
    held = tuple(z for x in slices for y in x.endpoints or () for z in y.addresses or () if is_address(z))
    end = _end(next((x.metadata.namespace for x in slices), cluster_dns.NAMESPACE), None, (), cluster, by)
    blocks = tuple(y for x in cluster.ranges for y in x.spec.cidrs or () if is_address(y.partition("/")[0]))

    def asks_at(address: str, *, by_pods: bool = True) -> bool:
        near = replace(
            end, ranges=(address,) if address else (), blocks=by.blocks or not by_pods or address not in held
        )
        over = (family(address.partition("/")[0]),) if address else BOTH
        spots = (Spot(None, x, y, near, ("UDP", "TCP")) for x in ports or {53} for y in over)
        return any(lets(mine, Way.OUT, x) is not Let.NONE for x in spots)

    if not mine or not (held or cluster.dns) or any(map(asks_at, held or ("",))):
        return _Unasked()
    vain = any(asks_at(x, by_pods=False) for x in held)
    if not vain and asks_at(_NODE_LOCAL):
        return _Unasked()
    return _Unasked(mine, by_service=vain or any(map(asks_at, (*cluster.dns, *blocks))))


def _nameless(trace: Trace, unasked: _Unasked, shut: Sequence[_Said], by: Engine, *, sure: bool) -> Trace:
    """A flow of clients that may not ask for the name; where they are `shut` out as well that is told with it.

    It is `sure` to fail where no cache on the node can help.
    """
    too = "".join(f", or {WORDS[x.way]} to port {trace.port}" for x in shut)
    why = f"no policy lets the {trace.vantage} ask the nameserver of the cluster{too}{by.told}"
    if unasked.by_service:
        why += "; one lets them go to the address of its Service, in vain unless a DNS cache on the node has it"
    facts = (
        Evidence("lets them ask no nameserver", _called(unasked.policies), Layer.DECLARED),
        *(_fact(trace, x) for x in shut),
    )
    unheard = replace(trace.at(Hop.RESOLVE), status=Status.UNKNOWN)
    hops = tuple(unheard if x.hop is Hop.RESOLVE else x for x in trace.hops)
    status = by.status if sure else Status.UNKNOWN
    return _stopped(replace(trace, hops=hops), TracedHop(Hop.POLICY, status, why, cluster_dns.SHUT_IN, facts))


def _called(policies: Iterable[Policy]) -> str:
    return ", ".join(f"{NAMED}{x.metadata.called}" for x in policies)


def _fact(trace: Trace, said: _Said) -> Evidence:
    text = f"lets {said.let.value} of these clients {WORDS[said.way]} over {trace.family.title}"
    return Evidence(text, _called(said.policies), Layer.DECLARED)


def _let(trace: Trace, said: Sequence[_Said], *, known: bool) -> Trace:
    """A flow that policies let through, or may; whom they choose is known of clients alone that are."""
    chosen = [x for x in said if x.let is not Let.ALL]
    facts = tuple(dict.fromkeys(_fact(trace, x) for x in said))
    hop = trace.at(Hop.POLICY)
    if chosen and known:
        why = f"whether {_called(chosen[0].policies)} lets {_whom(trace)} through depends on what is not known here"
        mark = UNCLEAR + (OF_NODES if chosen[0].host else "")
        return _open(trace, TracedHop(Hop.POLICY, Status.UNKNOWN, why, mark, (*facts, *hop.evidence)))
    choosing = chosen or not all(x.same for x in said)
    passed = replace(hop, mark=CHOOSES if choosing else hop.mark, evidence=(*facts, *hop.evidence))
    return replace(trace, hops=tuple(passed if x.hop is Hop.POLICY else x for x in trace.hops))


def _open(trace: Trace, hop: TracedHop) -> Trace:
    """A flow with another hop, of which no export is proved any more; what fails in any case still does."""
    lost = (Status.PASS, Status.FAIL) if hop.status is Status.FAIL else (Status.PASS,)
    after = (replace(x, status=Status.UNKNOWN) if x.hop in _PROVED and x.status in lost else x for x in trace.hops)
    hops = tuple(hop if x.hop is hop.hop else x for x in after)
    return replace(trace, hops=hops, disposition=trace.disposition if trace.failing else Disposition.INSUFFICIENT_INFO)


def _denied(trace: Trace, said: _Said, by: Engine) -> Trace:
    over = f" over {trace.family.title}" if said.lack is Lack.FAMILY else ""
    past = "; a Service leads them past that where IPVS serves it" if said.apart == _OWN else ""
    why = f"no policy lets {_whom(trace)} {WORDS[said.way]} to port {trace.port}{over}{said.apart}{by.told}{past}"
    mark = SHUT_OUT[said.way, said.lack] + ("" if said.same else OF_SOME) + (OF_NODES if said.host else "")
    status = Status.UNKNOWN if said.apart else by.status
    own = "; what is on the same node gets in" if trace.vantage.endswith(_AFAR) else ""
    why = f"{why}; {said.missed}{own}" if said.missed else f"{why}{own}"
    return _stopped(trace, TracedHop(Hop.POLICY, status, why, mark, (_fact(trace, said),)))


def _whom(trace: Trace) -> str:
    """Whose flow it is; a port of a node is where clients come to, and no client."""
    return f"{'clients of ' * is_by_node(trace)}the {trace.vantage}"


def _stopped(trace: Trace, stop: TracedHop) -> Trace:
    found = _open(trace, stop)
    return replace(found, disposition=Disposition.DENIED) if stop.status is Status.FAIL else found
