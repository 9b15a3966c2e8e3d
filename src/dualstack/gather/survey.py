"""Every Service of a cluster, or of a namespace, that clients send OTLP to, and every Collector, and what is behind.

All Services, pods and nodes are listed once, page by page, and of most of them nothing is kept. What leads on from the
others (endpoints, configurations, what makes the pods) is asked for by name.
"""

import contextlib
import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from dualstack.gather import front, kinds, proxy
from dualstack.gather.ahead import Ahead
from dualstack.gather.aimed import missed
from dualstack.gather.client_variables import teller
from dualstack.gather.clients import Clients
from dualstack.gather.cluster import Asker, begin_nameserver, behind, enforced, nameserver, ranges
from dualstack.gather.domains import domains
from dualstack.gather.kube_objects import Kind, Refused, text
from dualstack.gather.offered import Offered
from dualstack.gather.pages import Page, page
from dualstack.gather.singly import Singles, ask_singly, kept
from dualstack.gather.stored import Stored
from dualstack.gather.waiting import busy, waiting
from dualstack.model.address import Family, is_address
from dualstack.model.cluster import Pod, Service
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Exporter
from dualstack.model.mutual import MESH_RULES
from dualstack.model.slim import ObjectMeta
from dualstack.model.world import PEERS, Object, World, part
from dualstack.reach.client_dns import domain, in_ranges, own_names
from dualstack.reach.exporting import exporters, is_collector, owner
from dualstack.reach.lanes import spoken
from dualstack.reach.onward import sends_on
from dualstack.reach.singled import Around, Doubt, doubt
from dualstack.reach.unsent import is_unsent

T = TypeVar("T")
Key = tuple[str, str]

_NAMES = 50
"""Names in one label selector: a URL holds so many of 63 characters (etcd and proxies take 8 KB)."""


class _Selectors:
    """Services by what they select, to be asked for each of many pods."""

    def __init__(self) -> None:
        self._by_term: defaultdict[tuple[str, str, str], list[tuple[Mapping[str, str], Key]]] = defaultdict(list)

    def add(self, service: Service) -> None:
        """Note a Service that selects pods."""
        wanted, about = service.spec.selector or {}, service.metadata
        for key, value in list(wanted.items())[:1]:
            self._by_term[about.namespace, key, value].append((wanted, (about.namespace, about.name)))

    def of(self, about: ObjectMeta) -> list[Key]:
        """The Services that select a pod."""
        labels, namespace = about.labels or {}, about.namespace
        near = (y for k, v in labels.items() for y in self._by_term.get((namespace, k, v), ()))
        return [key for wanted, key in near if wanted.items() <= labels.items()]


class _Survey:
    """What is found while the lists go by."""

    def __init__(self, ask: Asker) -> None:
        self.ask, self.world = ask, ask.world
        self.spoken, self.others = _Selectors(), _Selectors()
        self.services: dict[Key, None] = {}
        self.names: set[Key] = set()
        self.addresses: set[str] = set()
        self.aliases: dict[Key, Object] = {}
        self.spaces: set[str] = set()
        self.over: set[Key] = set()
        self.own: set[Key] = set()
        self.nodes: set[str] = set()
        self.jobs: set[Key] = set()
        self.pods: list[Object] = []
        self.clients, self.singles = Clients(teller(ask.api)), Singles(closely=isinstance(ask.api, Stored))
        self.led: dict[Key, tuple[Family, ...]] = {}
        held = ask.api.holds if isinstance(ask.api, Stored) else lambda _: False
        self.meshed, self.ruled = held(PEERS), any(map(held, MESH_RULES))
        self.alone: dict[str, None] = {}
        self.zones, self.mute, self.offered = set[str](), set[Key](), Offered()
        self.more: dict[Key, None] = {}

    def every(self, kind: Kind[T], source: Iterable[Page[T]]) -> Iterator[Page[T]]:
        """The pages of a kind; what is refused, and what has another form than is known, is a gap."""
        self.world.objects.setdefault(kind.kind, [])
        odd = list[str]()
        try:
            for page in source:
                odd += page.odd
                yield page
        except Refused as error:
            self.ask.refused(kind, self.ask.namespace, "list", error)
        if odd:
            self.world.unseen.add(kind.kind)
            why = f"{len(odd)} have another form than is known here, such as: {odd[0]}"
            self.world.gaps.append(Missing(kind.called, why))

    def see_services(self, page: Page[Service]) -> None:
        """Keep those with a port for OTLP."""
        wanted, aliases = list[int](), dict[int, Key]()
        for place, service in enumerate(page.items):
            if service is None:
                continue
            self.names.add((service.metadata.namespace, service.metadata.name))
            self.addresses.update(service.addresses)
            speaks = any(spoken(service, x, (), {}) for x in service.spec.ports or ())
            (self.spoken if speaks else self.others).add(service)
            self.offered.see(service, told=speaks)
            if speaks:
                wanted.append(place)
                self.services[service.metadata.namespace, service.metadata.name] = None
                self.led[service.metadata.namespace, service.metadata.name] = service.families
            elif service.alias:
                aliases[place] = (service.metadata.namespace, service.metadata.name)
                self.led[aliases[place]] = ()
        self.aliases |= zip(aliases.values(), page.whole(aliases), strict=True)
        self._keep(kinds.SERVICES, page.whole(wanted))

    def see_pods(self, page: Page[Pod]) -> None:
        """Keep those that a Service for OTLP leads to, and Collectors; note who exports where.

        Of those that have ended one of each workload: it says why no other is there.
        """
        wanted, alone = list[int](), dict[int, list[tuple[Exporter, Doubt]]]()
        for place, pod in enumerate(page.items):
            if pod is None:
                continue
            if pod.finished:
                made = (pod.metadata.namespace, owner(pod))
                if pod.ended and made not in self.over and self.spoken.of(pod.metadata):
                    self.over.add(made)
                    wanted.append(place)
                continue
            self.spaces.add(pod.metadata.namespace)
            self.jobs |= busy([pod])
            self.own.update((pod.metadata.namespace, x) for x in _known_by_itself(pod))
            if found := self.see_client(pod):
                alone[place] = found
            if self.spoken.of(pod.metadata) or self._is_mute(pod):
                wanted.append(place)
            elif sends_on(pod):
                wanted.append(place)
                led_by = self.others.of(pod.metadata)
                self.more.update(dict.fromkeys(led_by if is_collector(pod) else ()))
                if not led_by and is_collector(pod):
                    self.alone[f"{owner(pod)} in {pod.metadata.namespace}"] = None
        self.pods += page.whole(wanted)
        for found, item in zip(alone.values(), page.whole(alone), strict=True):
            self.keep_clients(found, item)

    def _is_mute(self, pod: Pod) -> bool:
        """Whether a pod is the first of its workload that sends nothing, or to nobody; it is noted then."""
        who = pod.metadata.namespace, owner(pod)
        new = who not in self.mute and is_unsent(pod)
        self.mute |= {who} if new else set()
        return new

    def see_client(self, pod: Pod, number: int = 1) -> list[tuple[Exporter, Doubt]]:
        """Note where a pod exports to; which of it is to be asked about by itself, and was not seen before."""
        new = self.clients.see(pod, number)
        if not new or (is_collector(pod) and self.spoken.of(pod.metadata)):
            return []
        left = [x for x in new if not self._is_told(x)]
        self.see_domains(x.host for x in left)
        known = Around(self.led, self.addresses, self.world.domains, self.world.slips, self.meshed, self.ruled)
        found = [(x, Doubt.FAILS if self.offered.lacks(x) else doubt(x, pod, known)) for x in left]
        return [(x, how) for x, how in found if how is not None and self.singles.wants(x, how)]

    def see_domains(self, hosts: Iterable[str]) -> None:
        """Note the domains of the cluster where one of these is of another one than those before."""
        new = {said: x for x in hosts if (said := domain(x)) and said not in self.zones}
        self.zones.update(new)
        domains(self.ask, new.values())

    def _is_told(self, one: Exporter) -> bool:
        """Whether a client names a Service that is surely not there, of which it is told anyway."""
        place = one.service
        return place is not None and one.certain and not self.is_another(one) and _is_gone(place, self)

    def is_another(self, one: Exporter) -> bool:
        """Whether a host is a name that its pods know by themselves, or that of a node."""
        host = one.host.lower()
        return (one.namespace, host) in self.own or host in self.nodes

    def keep_clients(self, found: Iterable[tuple[Exporter, Doubt]], item: Object) -> None:
        """Keep the pod of clients that are asked about by themselves, or what would make it."""
        for one, how in found:
            self.singles.keep(one, how, item)

    def _keep(self, kind: Kind[Any], found: Iterable[Object]) -> None:
        self.world.objects.setdefault(kind.kind, []).extend(found)


def survey(ask: Asker) -> World:
    """The Services and Collectors of a namespace, or of all where the asker has none. Raises Unreachable."""
    found, source = _Survey(ask), ask.api
    if not isinstance(source, Ahead | Stored):
        raise TypeError(source)
    services, pods = source.every(kinds.SERVICES, ask.namespace), source.every(kinds.PODS, ask.namespace)
    nodes = source.every(kinds.NODES, "")
    _begin(ask)
    with _uncollected():
        for page in found.every(kinds.SERVICES, services):
            found.see_services(page)
        for each in found.every(kinds.NODES, nodes):
            ask.world.objects[kinds.NODES.kind] += [msgspec.to_builtins(x) for x in each.items if x]
            found.nodes.update(y for x in each.items if x for y in x.names)
        for one in found.every(kinds.PODS, pods):
            found.see_pods(one)
    ask.world.objects[kinds.PODS.kind] = found.pods
    for item, pod in waiting(ask, ask.namespace, found.jobs):
        found.keep_clients(found.see_client(pod, 0), item)
    ask.world.clients = found.clients.items
    named = {x.service for x in ask.world.clients}
    ask.world.keep(kinds.SERVICES.kind, *(v for k, v in found.aliases.items() if k in named))
    _lead_on(found)
    from dualstack.gather.beyond import astray
    from dualstack.gather.onward import by_all

    ask.world.clients += by_all(ask.world)
    if isinstance(source, Stored):
        astray(ask, found.offered.lacks)
    if kinds.SERVICES.kind not in ask.world.unseen:
        ask.world.lost = [x for x in ask.world.clients if _is_lost(x, found)]
    _ask_singly(found)
    return ask.world


def _ask_singly(found: _Survey) -> None:
    """Ask about clients by themselves: a file, or what was kept of what the API server gave."""
    world, source = found.ask.world, found.ask.api
    chosen = found.singles.chosen(world.lost)
    items = [y for x in chosen.values() for y in x]
    listed = kinds.SERVICES.kind not in world.unseen
    for alias in (z for y in page(items, kinds.PODS).items if y for z in y.spec.host_aliases or ()):
        if listed and is_address(alias.ip):
            _is_vacant(alias.ip, found)
    if isinstance(source, Stored):
        ask_singly(source, world, chosen)
    else:
        service = cache(lambda x: _named(found.ask, x))
        for who, some in chosen.items():
            lacking = found.offered.lacking([x for x in world.clients if (x.namespace, x.owner) == who])
            near = kept(world, items, lambda x: listed and _is_gone(x, found), map(service, lacking))
            ask_singly(near, world, {who: some})
    world.gaps += found.singles.left_out(chosen, world.lost)


def _named(ask: Asker, key: Key) -> Object | None:
    """A Service that the lists gave, and of which nothing was kept; None where it may not be read."""
    with contextlib.suppress(Refused):
        return ask.api.object(kinds.SERVICES, *key)
    return None


def _is_lost(one: Exporter, found: _Survey) -> bool:
    """Whether a client names a Service that would have been listed, and was not; what is like it is noted then."""
    place, world = one.service, found.ask.world
    if one.literal:
        return _is_vacant(one.host, found)
    if place is None or not _is_gone(place, found) or found.is_another(one):
        return False
    own = found.spoken.of(ObjectMeta(namespace=one.namespace, labels=dict(one.labels)))
    near = [x for x in found.services if x not in own]
    missed(found.ask, place, found.spaces | {x for x, _ in found.names}, near)
    return one.certain or place[0] in world.namespaces or any(x[:2] == place for x in world.meant)


def _known_by_itself(pod: Pod) -> Iterator[str]:
    """The names that a pod has in its hosts file, and those that it looks up otherwise than most pods do.

    These are names of two labels that it asks other nameservers for, and all of one with search domains of its own.
    """
    yield from (*own_names(pod), (pod.spec.node_name or "").lower())
    searches = bool(pod.spec.dns_config and pod.spec.dns_config.searches)
    if searches or not pod.asks_cluster_dns:
        yield from (x.host.lower() for x in exporters(pod) if searches or not x.certain)


def _is_gone(place: Key, found: _Survey) -> bool:
    """Whether a Service would have been listed, and was not."""
    return place not in found.names and found.ask.namespace in ("", place[0]) and _lists(found, place[0])


def _lists(found: _Survey, namespace: str = "") -> bool:
    return not isinstance(found.ask.api, Stored) or found.ask.api.lists(kinds.SERVICES, namespace)


def _is_vacant(address: str, found: _Survey) -> bool:
    """Whether an address is of Services, and none of all has it; what is not is asked for by nobody here."""
    ranges = [x for x in page(found.ask.world.objects.get(kinds.RANGES.kind, ()), kinds.RANGES).items if x]
    every = not found.ask.namespace and _lists(found)
    if not every or address in found.addresses or not in_ranges(address, ranges):
        return False
    found.ask.world.vacant = list(dict.fromkeys((*found.ask.world.vacant, address)))
    return True


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Nothing that is made of a page refers to itself, and to look for that takes longer than to read the page."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _begin(ask: Asker) -> None:
    ask.soon("objects", kinds.RANGES, "", "")
    ask.soon("object", kinds.CONFIG_MAPS, proxy.NAMESPACE, proxy.NAME)
    begin_nameserver(ask)
    ask.soon("objects", kinds.COLLECTORS, ask.namespace, "")
    ask.soon("objects", kinds.CRON_JOBS, ask.namespace, "")
    ask.soon("objects", kinds.POLICIES, ask.namespace, "")
    front.begin(ask)


def _lead_on(found: _Survey) -> None:
    """What leads to the pods and is behind them."""
    ask = found.ask
    ranges(ask)
    ask.quietly(kinds.CONFIG_MAPS, proxy.NAME, proxy.NAMESPACE)
    nameserver(ask)
    ask.some(kinds.COLLECTORS, ask.namespace)
    for namespace, name in found.more:
        ask.soon("object", kinds.SERVICES, namespace, name)
    for namespace, name in found.more:
        ask.one(kinds.SERVICES, name, namespace)
        found.services[namespace, name] = None
    _aliases(found)
    _slices(found)
    _fronts(found)
    near = {x for x, _ in found.services} | {x.namespace for x in ask.world.clients}
    policies = ask.peek(kinds.POLICIES, ask.namespace)
    ask.world.keep(kinds.POLICIES.kind, *(x for x in policies if text(x, "metadata", "namespace") in near))
    enforced(ask)
    by_namespace = defaultdict(list)
    for pod in found.pods:
        by_namespace[text(pod, "metadata", "namespace")].append(pod)
    askers = [(Asker(ask.api, namespace, ask.world), pods) for namespace, pods in by_namespace.items()]
    behind(askers, listed=True)
    if found.alone and kinds.SERVICES.kind not in ask.world.unseen:
        names, left = sorted(found.alone), len(found.alone) - 5
        shown = ", ".join(names[:5]) + (f" and {left} more" if left > 0 else "")
        ask.world.gaps.append(Missing("ways to Collectors", f"no Service leads to {shown}"))


def _aliases(found: _Survey) -> None:
    """Note what Services stand for that is not there, and domains that may be none of the cluster."""
    world = found.ask.world
    held = page(world.objects[kinds.SERVICES.kind], kinds.SERVICES).items
    domains(found.ask, (x.spec.external_name or "" for x in held if x and x.spec.type == "ExternalName"))
    for one in held:
        if one and one.alias and _is_gone(one.alias, found):
            world.absent = list(dict.fromkeys((*world.absent, one.alias)))


def _fronts(found: _Survey) -> None:
    """What leads to the Services from outside; all Services were listed, unless that was refused."""
    ask, scope = found.ask, found.ask.namespace
    listed = kinds.SERVICES.kind not in ask.world.unseen

    def there(key: Key) -> bool:
        return key in found.names or not listed or scope not in ("", key[0])

    front.fronts(ask, ask.world.objects[kinds.SERVICES.kind], there)


def _slices(found: _Survey) -> None:
    """The endpoints of the Services, of many in one answer."""
    ask = found.ask
    names = sorted({name for _, name in found.services})
    chunks = [names[x : x + _NAMES] for x in range(0, len(names), _NAMES)]
    selectors = [f"{kinds.LED_BY} in ({','.join(x)})" for x in chunks]
    for selector in selectors:
        ask.soon("objects", kinds.SLICES, ask.namespace, selector)
    for selector in selectors:
        for item in ask.peek(kinds.SLICES, ask.namespace, selector):
            about = part(item, "metadata")
            if (text(about, "namespace"), text(about, "labels", kinds.LED_BY)) in found.services:
                ask.world.objects.setdefault(kinds.SLICES.kind, []).append(item)
