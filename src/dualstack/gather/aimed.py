"""What the pods of a workload send to: the Services, pods and nodes that their variables lead to, and what is behind.

Beside `gather/cluster.py`, which begins with what receives.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from dualstack.gather import client_variables, clients, kinds
from dualstack.gather.cluster import Asker, around, behind, enforced, followed
from dualstack.gather.domains import domains
from dualstack.gather.front import meeting
from dualstack.gather.kube_objects import Refused, text
from dualstack.gather.meant import leads_back, meant
from dualstack.gather.onward import sent_on
from dualstack.gather.pages import page
from dualstack.gather.stored import Stored
from dualstack.gather.unmade import unmade
from dualstack.model.address import family
from dualstack.model.cluster import Cluster, Node, Pod, Service
from dualstack.model.container import Container
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Asking, Exporter
from dualstack.model.world import Object, World
from dualstack.reach.aims import aims, is_otlp, of_pod, with_onward
from dualstack.reach.client_dns import in_ranges, nameservers
from dualstack.reach.exporting import asked, is_collector, owner, unread
from dualstack.reach.holders import may_hold, names
from dualstack.reach.nowhere import alike, host_ports, is_near, is_of_pods, is_worldly
from dualstack.reach.onward import is_agent, sends_on
from dualstack.reach.rights import Right, refused
from dualstack.reach.sidecars import together
from dualstack.reach.taken import wanting
from dualstack.reach.unheld import is_scaled

T = TypeVar("T")
_DENIED = 403
_ADDRESSES = 20
_OTHERS = 3
"""Services that are named in the place of one that nothing is like."""
_PODS = 500
"""Pods of a namespace that are looked through for a Collector."""
_TELEMETRY = 8888
"""Where a Collector offers its own metrics (service.telemetry.metrics, its default)."""


def is_client(
    ask: Asker, pods: Sequence[Object], leading: Callable[[], Sequence[Object | None]], template: str = ""
) -> bool:
    """Whether these pods export, beside what a Collector in them does; who exports what is noted then.

    Where one of them is a Collector that a Service for OTLP leads to, they are asked about as receivers; where nothing
    leads to it, by what it sends on. With a `template` it is of the pod that this would make.
    """
    _instrumented(ask)
    found = [x for x in page(pods, kinds.PODS).items if x]
    maps, linked = client_variables.config_maps(ask, found), client_variables.linked(ask, found)
    given = [x for x in page(linked, kinds.SERVICES).items if x]
    receives = any(map(sends_on, found))
    sent = clients.of(found, lambda x: asked(x, maps, given))
    if sent or (receives and not _is_met(found, [x for x in leading() if x])):
        onward = _onward(ask, pods, template)
        sent = clients.of(found, lambda x: with_onward(asked(x, maps, given), of_pod(x, onward)))
    if sent and not (receives and any(is_otlp(x) for x in page(filter(None, leading()), kinds.SERVICES).items if x)):
        ask.world.keep(kinds.SERVICES.kind, *linked)
        names = () if template else tuple(x.metadata.name for x in found)
        ask.world.clients = [replace(x, pods=0) if template else x for x in sent]
        ask.world.asking = Asking(sent[0].owner, ask.namespace, names, template)
        for key in dict.fromkeys(client_variables.made_of(sent)):
            _instead(ask, key, plain=False)
        ask.world.gaps += client_variables.held(sent, ask.world.absent)
        return True
    hidden = {owner(x): y for x in found for y in unread(x, maps)} if not receives else {}
    ask.world.gaps += (Missing(f"the endpoint of {who}", client_variables.hidden(what)) for who, what in hidden.items())
    return False


def _is_met(pods: Sequence[Pod], leading: Sequence[Object]) -> bool:
    """Whether clients may come to some agents: by a Service, but for what they tell of themselves, or by a node.

    What other agents than Collectors offer by a Service, they do for OTLP only where that says so.
    """
    services = [x for x in page(leading, kinds.SERVICES).items if x]
    if any(map(is_otlp, services)):
        return True
    ports = [y for x in services for y in x.spec.ports or ()] if any(map(is_collector, pods)) else []
    if any(x.port != _TELEMETRY for x in ports):
        return True
    return any(x.spec.host_network or any(map(_host_ports, together(x))) for x in pods)


def _host_ports(container: Container) -> list[int]:
    return [x.host_port for x in container.ports or () if x.host_port]


def _onward(ask: Asker, pods: Sequence[Object], template: str) -> list[Exporter]:
    """What the agents among these pods send on, each by itself."""
    kind, _, name = template.partition("/")
    makers = (x for x in ask.world.objects.get(kind, ()) if text(x, "metadata", "name") == name)
    known = {text(x, "metadata", "name"): x for x in ask.world.objects.get(kinds.CONFIG_MAPS.kind, ())}
    if not any(sends_on(x) for x in page(pods, kinds.PODS).items if x):
        return []
    return sent_on(pods, lambda _, x: known.get(x) or ask.one(kinds.CONFIG_MAPS, x), next(makers, None))


def from_clients(ask: Asker, pods: Sequence[Object], *, known: bool = False) -> World:
    """What clients name, with what is behind it; what is around them may be `known`."""
    if not known:
        around(ask)
    led: list[tuple[Asker, Iterable[Object]]] = [(ask, pods)]
    _nameservers(ask)
    found = aims(_cluster(ask, pods))
    domains(ask, (x.host for x in found))
    # Of a pod behind a Service of the own namespace, which any name of two labels may be as well, files need not tell.
    files = isinstance(ask.api, Stored)
    names = {(x.namespace, x.name): aim.likely and not (x.pod and files) for aim in reversed(found) for x in aim.names}
    for (namespace, name), likely in names.items():
        mine = [aim for aim in found for x in aim.names if (x.namespace, x.name) == (namespace, name)]
        led += _to_service(ask, namespace, name, likely=likely, plain=any(x.plain for x in mine))
        _beside(ask, (namespace, name), {x.port for x in mine} - {0})
    fronts = meeting(ask, [(aim.host, x) for aim in found if not aim.own for x in aim.addresses])
    for namespace, name in fronts:
        led += _to_service(ask, namespace, name)
    addresses = {(x, aim.port): None for aim in found for x in aim.literals}
    for address, port in list(addresses)[:_ADDRESSES]:
        led += _to_address(ask, address, port)
        meant(ask, address, port)
    if len(addresses) > _ADDRESSES:
        ask.world.gaps.append(Missing("addresses", f"{len(addresses) - _ADDRESSES} more were not looked at"))
    behind(led)
    enforced(ask)
    return ask.world


def _nameservers(ask: Asker) -> None:
    """Note which nameservers of pods are Services, where the ranges do not tell, and which of these have no Service."""
    known = ask.world.cluster()
    named = dict.fromkeys(y for x in known.askers for y in nameservers(x))
    asked = [x for x in named if not known.ranges or in_ranges(x, known.ranges)]
    services = _services(ask) if asked else None
    held = {y for x in services or () for y in x.addresses}
    ask.world.nameservers = [x for x in asked if x in held]
    if known.ranges and services is not None and _is_whole(ask):
        for address in (x for x in asked if x not in held):
            _vacate(ask, address)


def _instrumented(ask: Asker) -> None:
    """Note what the Operator would put into pods by now, where that was stored."""
    if isinstance(ask.api, Stored):
        with contextlib.suppress(Refused):
            ask.world.keep(kinds.INSTRUMENTATIONS.kind, *ask.api.objects(kinds.INSTRUMENTATIONS))


def _cluster(ask: Asker, pods: Sequence[Object]) -> Cluster:
    """What is known by now, with the pods that are asked about."""
    known = ask.world.cluster()
    sent = tuple(y for x in known.askers for y in asked(x, known.config_maps, known.services))
    template = ask.world.asking.template if ask.world.asking else ""
    return replace(known, exporters=sent, onward=tuple(_onward(ask, pods, template)))


def _to_service(
    ask: Asker, namespace: str, name: str, *, likely: bool = True, plain: bool = False
) -> list[tuple[Asker, Iterable[Object]]]:
    """A Service with what is behind it; one that is not `likely` to be meant may be out of reach.

    `plain` says that a port of OTLP is meant, without TLS.
    """
    there = Asker(ask.api, namespace, ask.world)
    service = there.one(kinds.SERVICES, name) if likely else there.quietly(kinds.SERVICES, name, namespace)
    if not service:
        _instead(ask, (namespace, name), plain=plain)
        return _kept(ask, _agents(ask, namespace)) if (namespace, name) in ask.world.absent else []
    there.some(kinds.POLICIES, namespace)
    return followed(there, service)


def _to_address(ask: Asker, address: str, port: int) -> list[tuple[Asker, Iterable[Object]]]:
    """What has an address: a Service, a node with the pods or the Service that hold the port there, or a pod."""
    known = ask.world.cluster()
    node = next((x for x in known.nodes if address in x.addresses), None)
    if node:
        return _to_node(ask, node.metadata.name, port)
    if known.ranges and not in_ranges(address, known.ranges):
        return _to_pods(ask, address, known)
    services = _services(ask)
    mine = next((x for x in services or () if address in x.addresses), None)
    if mine:
        return _to_service(ask, mine.metadata.namespace, mine.metadata.name)
    if services is None or not _is_whole(ask):
        return []
    if known.ranges:
        _vacate(ask, address)
        return []
    found = _to_pods(ask, address, known)
    if not found and _is_surveyed(ask, known.nodes) and is_near(address, [y for x in services for y in x.addresses]):
        _vacate(ask, address)
    return found


def _to_pods(ask: Asker, address: str, known: Cluster) -> list[tuple[Asker, Iterable[Object]]]:
    """The pod with an address; an API server finds it by the first one of a pod alone."""
    there = _asked(ask, f"pods with {address}", lambda: _pods(ask, f"status.podIP={address}"))
    first = {family(x.addresses[0]) for x in known.askers if x.addresses}
    if there == [] and family(address) in first and is_of_pods(address, known.nodes) and _is_surveyed(ask, known.nodes):
        _vacate(ask, address)
    return _kept(ask, there or ())


def _vacate(ask: Asker, address: str) -> None:
    ask.world.vacant = list(dict.fromkeys((*ask.world.vacant, address)))


def _is_whole(ask: Asker) -> bool:
    """Whether all Services are known where they were listed."""
    return not isinstance(ask.api, Stored) or ask.api.lists(kinds.SERVICES)


def _is_surveyed(ask: Asker, nodes: Iterable[Node]) -> bool:
    """Whether all pods of all nodes are known where they were listed."""
    return all(_surveys(ask, x.metadata.name) for x in nodes)


def _surveys(ask: Asker, node: str) -> bool:
    """Whether all pods of a node are known where they were listed."""
    return not isinstance(ask.api, Stored) or ask.api.surveys(node)


def _instead(ask: Asker, key: tuple[str, str], *, plain: bool) -> None:
    """Note what tells that a name was meant to be that of a Service which is not there.

    Of a name for plain OTLP in a namespace that is not there, either, it is that there are others.
    """
    world, source = ask.world, ask.api
    if key not in world.absent:
        return
    seen = source.namespaces if isinstance(source, Stored) else set()
    seen |= {text(x, "metadata", "namespace") for y in world.objects.values() for x in y}
    where = "" if isinstance(source, Stored) else key[0]
    keys = _namesakes(ask, key)
    with contextlib.suppress(Refused):
        known = source.listed(kinds.SERVICES, where).items
        seen |= {x.metadata.namespace for x in known}
        near = (x.metadata for x in known if is_otlp(x) and not leads_back(x, world.clients))
        keys += [(x.namespace, x.name) for x in near]
    missed(ask, key, seen, keys)
    gone = isinstance(source, Stored) and source.lists(kinds.NAMESPACES) and key[0] not in seen
    if plain and gone and not is_worldly(key[0]) and not any(x[:2] == key for x in world.meant):
        world.meant += [(*key, *x) for x in dict.fromkeys(keys[:_OTHERS])]


def _agents(ask: Asker, namespace: str) -> list[Object]:
    """A Collector of a namespace that takes OTLP by ports of its node, where there is one and it may be read."""
    with contextlib.suppress(Refused):
        found = (x.metadata.name for x in ask.api.listed(kinds.PODS, namespace, _PODS).items if host_ports(x))
        return [x for y in found if (x := ask.api.object(kinds.PODS, namespace, y))][:1]
    return []


def _namesakes(ask: Asker, key: tuple[str, str]) -> list[tuple[str, str]]:
    """The Services for OTLP of other namespaces that have the name of one that is not there, where they may be read."""
    found = list[Object | None]()
    with contextlib.suppress(Refused):
        near = alike(key, [(x, key[1]) for x in ask.api.places(kinds.SERVICES, key[1])])
        found = [ask.api.object(kinds.SERVICES, x, key[1]) for x, _ in near]
    held = page([x for x in found if x], kinds.SERVICES).items
    return [(x.metadata.namespace, key[1]) for x in held if x and is_otlp(x)]


def _beside(ask: Asker, key: tuple[str, str], ports: set[int]) -> None:
    """Note the Services of a namespace that have a port which one of them lacks, for OTLP, and lead to its pods."""
    known = page(ask.world.objects.get(kinds.SERVICES.kind, ()), kinds.SERVICES).items
    mine = next((x for x in known if x and (x.metadata.namespace, x.metadata.name) == key), None)
    if mine is None or mine.spec.type == "ExternalName" or ports <= {x.port for x in mine.spec.ports or ()}:
        return
    with contextlib.suppress(Refused):
        every = ask.api.listed(kinds.SERVICES, key[0]).items
        wanted = (mine.spec.selector or {}).items()
        like = [x for x in every if wanted and wanted == (x.spec.selector or {}).items() and is_otlp(x)]
        near = [x for x in like if ports <= {y.port for y in x.spec.ports or ()}]
        found = ((*key, x.metadata.namespace, x.metadata.name) for x in near)
        ask.world.meant = list(dict.fromkeys((*ask.world.meant, *found)))


def missed(ask: Asker, key: tuple[str, str], namespaces: Collection[str], services: Sequence[tuple[str, str]]) -> None:
    """Note a Service that is not there, whether its namespace is, what is called alike, and who should make it."""
    world = ask.world
    world.absent = list(dict.fromkeys((*world.absent, key)))
    unmade(ask, key)
    if key[0] in namespaces:
        world.namespaces = list(dict.fromkeys((*world.namespaces, key[0])))
    world.meant = list(dict.fromkeys((*world.meant, *((*key, *x) for x in alike(key, services)))))


def _to_node(ask: Asker, node: str, port: int) -> list[tuple[Asker, Iterable[Object]]]:
    """Who holds a port of a node: pods there, else the Service that has it as its node port.

    Of Collectors in the network of the node what they read tells whether they do.
    """
    there = _asked(ask, f"pods on {node}", lambda: _pods(ask, f"spec.nodeName={node}"))
    holders = [x for x in there or () if _is(x, lambda pod: names(pod, port) or may_hold(pod))]
    if any(_is(x, lambda pod: names(pod, port)) for x in holders):
        return _kept(ask, [*holders, *_waiting(ask, holders, port)])
    services = _services(ask)
    mine = next((x for x in services or () if x.by_node_port(port)), None)
    if mine:
        return _to_service(ask, mine.metadata.namespace, mine.metadata.name)
    if there is not None and services is not None and _is_whole(ask) and _surveys(ask, node):
        ask.world.surveyed = list(dict.fromkeys((*ask.world.surveyed, node)))
        _offered(ask, services)
    elsewhere = _pods(ask, "") if isinstance(ask.api, Stored) and there is not None else ()
    ask.world.keep(
        kinds.PODS.kind, *(x for x in elsewhere if _is(x, lambda pod: is_collector(pod) and names(pod, port)))
    )
    idle = [x for x in there or () if x not in holders and _is(x, lambda pod: is_agent(pod) and not is_scaled(pod))]
    _kept(ask, [x for x in there or () if _is(x, is_collector)])
    return _kept(ask, [*holders, *idle])


def _offered(ask: Asker, services: Iterable[Service]) -> None:
    """Note the Service whose node port clients may mean: the only one for OTLP, or that of their namespace."""
    found = [x.metadata for x in services if is_otlp(x) and any(y.node_port for y in x.spec.ports or ())]
    near = [x for x in found if x.namespace == ask.namespace] or found
    if len(near) == 1:
        Asker(ask.api, near[0].namespace, ask.world).one(kinds.SERVICES, near[0].name)


def _waiting(ask: Asker, holders: Iterable[Object], port: int) -> list[Object]:
    """The Collectors that wait for a port of a node, where those that hold it are none."""
    if any(_is(x, lambda pod: names(pod, port) and is_collector(pod)) for x in holders):
        return []
    found = _asked(ask, "pods on no node", lambda: _pods(ask, "spec.nodeName="))
    return [x for x in found or () if _is(x, lambda pod: (port, "TCP") in wanting(pod) and is_collector(pod))]


def _services(ask: Asker) -> Sequence[Service] | None:
    return _asked(ask, "Services of all namespaces", lambda: ask.api.listed(kinds.SERVICES).items, "services")


def _pods(ask: Asker, fields: str) -> list[Object]:
    return ask.api.objects(kinds.PODS, "", "", fields)


def _is(item: Object, what: Callable[[Pod], bool]) -> bool:
    """Whether something is true of a pod as the server gave it."""
    return any(what(x) for x in page([item], kinds.PODS).items if x)


def _kept(ask: Asker, pods: Iterable[Object]) -> list[tuple[Asker, Iterable[Object]]]:
    """Pods of any namespaces, noted, each with who asks there."""
    by_namespace: Mapping[str, list[Object]] = defaultdict(list)
    for pod in pods:
        by_namespace[text(pod, "metadata", "namespace")].append(pod)
    for found in by_namespace.values():
        ask.world.keep(kinds.PODS.kind, *found)
    return [(Asker(ask.api, k, ask.world), v) for k, v in by_namespace.items()]


def _asked(ask: Asker, called: str, what: Callable[[], T], resource: str = "pods") -> T | None:
    """What helps where it may be read; else it is a gap, and nothing that is known is less certain for it."""
    try:
        return what()
    except Refused as error:
        right = Right("list", resource)
        why = refused(right, where=" in all namespaces") if error.status == _DENIED else error.why
        ask.world.gaps.append(Missing(called, why))
        return None
