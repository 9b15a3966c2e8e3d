"""What a question about a cluster needs, asked of its API server by names and label selectors.

Whatever the server refuses is a gap that names the right which would allow it, and the rest goes on.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec

from dualstack.gather import front, kinds, proxy
from dualstack.gather.ahead import Ahead
from dualstack.gather.domains import domains
from dualstack.gather.errors import BadInput
from dualstack.gather.kube_objects import NOT_STORED, Kind, Listed, Refused, parts, text, texts
from dualstack.gather.pages import page
from dualstack.gather.stored import Stored
from dualstack.gather.targets import pods_of, selected_by
from dualstack.model.evidence import Missing
from dualstack.model.kube import TEMPLATES
from dualstack.model.slim import AUTHORITY
from dualstack.model.target import KubeTarget
from dualstack.model.text import with_article
from dualstack.model.world import Object, World, of_template, part
from dualstack.reach import cluster_dns
from dualstack.reach.aliases import MOST, half_of
from dualstack.reach.client_dns import strange
from dualstack.reach.engines import engine
from dualstack.reach.rights import Right, refused

T = TypeVar("T")

NODES = 500
"""Nodes that are looked at for a question about one Service: one page."""

_DENIED, _ABSENT = 403, 404
_SHOWN = 10
_FIRST_RANGE = "kubernetes"
"""The ServiceCIDR that holds what the API server was started with (Kubernetes 1.33, defaultservicecidr)."""
_NAMESERVER = {kinds.LED_BY: cluster_dns.NAME}


class Source(Protocol):
    """What holds the objects of a cluster: its API server, or a file of them. All may raise Refused."""

    context: str

    def object(self, kind: Kind[Any], namespace: str, name: str) -> Object | None:
        """One object, None where there is no such."""

    def objects(self, kind: Kind[Any], namespace: str = "", labels: str = "", fields: str = "") -> list[Object]:
        """The objects that have these labels and this field (`spec.nodeName=n1`), in a namespace or in all."""

    def listed(self, kind: Kind[T], namespace: str = "", most: int = 0) -> Listed[T]:
        """Objects by their fields that matter, all or about the first `most`."""

    def places(self, kind: Kind[Any], name: str) -> list[str]:
        """The namespaces that have an object of this name."""

    def families(self, namespace: str) -> tuple[str, ...]:
        """The families that a new Service that wants both would get, the default one first."""

    def absent(self, kind: Kind[Any], namespace: str, name: str) -> bool:
        """Whether there is no such object for certain."""


class Asker:
    """Asks one source, and notes what it refuses."""

    def __init__(self, api: Source, namespace: str, world: World | None = None) -> None:
        """Begin with nothing known, or with what another one noted."""
        self.api, self.namespace = api, namespace
        self.world = World(context=api.context) if world is None else world
        self._refusals = 0

    def soon(
        self, method: str, *args: object, then: Callable[[Any], None] = lambda _: None, first: bool = False
    ) -> None:
        """Begin to ask for what will be wanted, and for more `then`, where the source can do that beside other work."""
        if isinstance(self.api, Ahead):
            self.api.soon(method, *args, then=then, first=first)

    def soon_each(self, kind: Kind[Any], names: Iterable[str]) -> None:
        """The same for objects of the namespace, by their names."""
        for name in names:
            self.soon("object", kind, self.namespace, name)

    def one(self, kind: Kind[Any], name: str, namespace: str = "") -> Object | None:
        """One object, noted; None where there is none or it may not be read."""
        where = namespace or self.namespace
        refusals = self._refusals
        found = self._try(kind, where, "get", lambda: self.api.object(kind, where, name), name)
        self.world.keep(kind.kind, found)
        known = found is not None or self._refusals > refusals or (where, name) in self.world.absent
        if kind is kinds.SERVICES and not known:
            self.world.absent.append((where, name))
        return found

    def quietly(self, kind: Kind[Any], name: str, namespace: str) -> Object | None:
        """An object that helps where there is one, noted; nobody misses it where it may not be read."""
        with contextlib.suppress(Refused):
            found = self.api.object(kind, namespace, name)
            self.world.keep(kind.kind, found)
            return found
        return None

    def some(self, kind: Kind[Any], namespace: str, labels: Mapping[str, str] | str = "") -> list[Object]:
        """The objects with these labels, noted."""
        said = labels if isinstance(labels, str) else equal(labels)
        found: list[Object] | None = self._try(kind, namespace, "list", lambda: self.api.objects(kind, namespace, said))
        self.world.keep(kind.kind, *(found or ()))
        return found or []

    def peek(self, kind: Kind[Any], namespace: str, labels: str = "", fields: str = "") -> list[Object]:
        """Objects of a kind in a namespace, of which nothing is noted."""
        asked = (labels, fields) if fields else (labels,)
        return self._try(kind, namespace, "list", lambda: self.api.objects(kind, namespace, *asked)) or []

    def _try(self, kind: Kind[Any], namespace: str, verb: str, ask: Callable[[], T], name: str = "") -> T | None:
        try:
            return ask()
        except Refused as error:
            lacking = error.status == _ABSENT and not (verb == "list" and kind is kinds.SLICES)
            if not lacking:
                self.refused(kind, namespace, verb, error, name)
            return None

    def refused(self, kind: Kind[Any], namespace: str, verb: str, error: Refused, name: str = "") -> None:
        """Note what the server would not give, and the right that would allow it; several of a kind in one gap."""
        self._refusals += 1
        self.world.unseen.add(kind.kind)
        where = f" in the namespace {namespace}" if namespace and kind.namespaced else ""
        called = f"{kind.called} {name}".strip()
        right = Right(verb, kind.plural, kind.group)
        why = refused(right, where=where) if error.status == _DENIED else f"{error.why}{where}"
        told = [x for x in self.world.gaps if x.why == why and x.needs.partition(" ")[0] == kind.called]
        if told:
            self.world.gaps[self.world.gaps.index(told[0])] = Missing(kind.called, why)
        else:
            self.world.gaps.append(Missing(called, why))


def of(ask: Asker, target: KubeTarget) -> World:
    """What leads to an object and what is behind it, or what clients send to. Raises BadInput where there is none."""
    if target.kind == "svc":
        services, pods = [_named(ask, kinds.SERVICES, target.name)], list[Object]()
    else:
        from dualstack.gather.aimed import from_clients, is_client

        leading = cache(lambda: _leading(ask, made))

        found = _named(ask, kinds.BY_TARGET[target.kind], target.name)
        pods = pods_of(ask, target, found)
        shown = page(pods, kinds.PODS).items
        alive = [x for x, pod in zip(pods, shown, strict=True) if not (pod and pod.finished)]
        kind = text(found, "kind")
        made = [of_template(found)] if found and kind in TEMPLATES and not alive else alive
        template = "" if alive else f"{kind}/{target.name}"
        if is_client(ask, made, leading, template):
            return from_clients(ask, made)
        services = leading()
    for service in filter(None, services):
        _begin_through(ask, service)
    led: list[tuple[Asker, Iterable[Object]]] = [(ask, pods)]
    for service in filter(None, services):
        led += followed(ask, service)
    front.fronts(ask, filter(None, services))
    around(ask)
    behind(led)
    enforced(ask)
    return ask.world


def equal(labels: Mapping[str, str]) -> str:
    """Labels as the API server takes them in a URL."""
    return ",".join(f"{k}={v}" for k, v in sorted(labels.items()))


def begin(ask: Asker, target: KubeTarget) -> None:
    """Ask whatever can be asked before anything is known, the target itself first, and its pods once that is here."""

    def go_on(found: Object | None) -> None:
        if found and target.kind == "svc":
            _begin_through(ask, found)
        elif wanted := selected_by(target, found):
            ask.soon("objects", kinds.PODS, ask.namespace, wanted, first=True)

    ask.soon("object", kinds.BY_TARGET[target.kind], ask.namespace, target.name, then=go_on)
    if target.kind == "svc":
        ask.soon("objects", kinds.SLICES, ask.namespace, equal({kinds.LED_BY: target.name}))
    else:
        ask.soon("objects", kinds.SERVICES, ask.namespace, "")
    ask.soon("listed", kinds.NODES, "", NODES)
    ask.soon("objects", kinds.POLICIES, ask.namespace, "")
    front.begin(ask)
    ask.soon("objects", kinds.RANGES, "", "")
    ask.soon("object", kinds.CONFIG_MAPS, proxy.NAMESPACE, proxy.NAME)
    begin_nameserver(ask)


def begin_nameserver(ask: Asker) -> None:
    """Ask for what `nameserver` wants."""
    ask.soon("objects", kinds.SLICES, cluster_dns.NAMESPACE, equal(_NAMESERVER))


def _named(ask: Asker, kind: Kind[Any], name: str) -> Object | None:
    """An object that the user named; None where it may not be read. Raises BadInput where there is no such."""
    from dualstack.gather.instead import instead

    found = ask.one(kind, name)
    stored = any(NOT_STORED in x.why for x in ask.world.gaps)
    if found is None and (stored or not ask.world.gaps):
        among = " among what was stored" if stored else ""
        said = f"There is no {kind.kind} `{name}` in the namespace `{ask.namespace}`{among}"
        raise BadInput(f"{said}{instead(ask, kind, name)}")
    return found


def _leading(ask: Asker, pods: Iterable[Object]) -> list[Object | None]:
    """The Services of the namespace that lead to these pods, noted."""
    labels = [texts(x, "metadata", "labels").items() for x in pods]
    found: list[Object | None] = []
    for service in ask.peek(kinds.SERVICES, ask.namespace) if labels else ():
        selector = texts(service, "spec", "selector").items()
        if selector and any(selector <= x for x in labels):
            found.append(service)
    ask.world.keep(kinds.SERVICES.kind, *found)
    return found


def _begin_through(ask: Asker, service: Object) -> None:
    ask.soon("objects", kinds.SLICES, ask.namespace, equal({kinds.LED_BY: text(service, "metadata", "name")}))
    selector = texts(service, "spec", "selector")
    if selector:
        ask.soon("objects", kinds.PODS, ask.namespace, equal(selector), first=True)


def through(ask: Asker, service: Object) -> list[Object]:
    """The endpoints of a Service, and the pods that it selects."""
    ask.some(kinds.SLICES, ask.namespace, {kinds.LED_BY: text(service, "metadata", "name")})
    selector = texts(service, "spec", "selector")
    return ask.some(kinds.PODS, ask.namespace, selector) if selector else []


def followed(ask: Asker, service: Object, left: int = MOST) -> list[tuple["Asker", Iterable[Object]]]:
    """What is behind a Service, by who asks there; of one that is another name, behind that which it stands for."""
    shown = next((x for x in page([service], kinds.SERVICES).items if x), None)
    if shown is None or shown.spec.type != "ExternalName":
        return [(ask, through(ask, service))]
    named = shown.spec.external_name or ""
    domains(ask, [named])
    half = half_of(named)
    with contextlib.suppress(Refused):
        ask.world.namespaces += [half[0]] if half and ask.api.object(kinds.SERVICES, *half) else []
    strays = strange(named, ask.world.domains, ask.world.slips)[0]
    there = Asker(ask.api, shown.alias[0], ask.world) if shown.alias and left and not strays else None
    stands_for = there.one(kinds.SERVICES, shown.alias[1]) if there and shown.alias else None
    return followed(there, stands_for, left - 1) if there and stands_for else []


def behind(several: Sequence[tuple[Asker, Iterable[Object]]], *, listed: bool = False) -> None:
    """What makes some pods, the configurations that they read, and their nodes; of each namespace by its own asker.

    Nodes that were `listed`, or may not be, are not asked for one by one.
    """
    found = [(ask, _wanted(ask, pods, listed=listed)) for ask, pods in several]
    for ask, (owners, configs, nodes) in found:
        for kind, name in owners:
            if made_by := _maker(kind):
                ask.soon_each(made_by, (name,))
        ask.soon_each(kinds.CONFIG_MAPS, configs)
        ask.soon_each(kinds.NODES, nodes)
    for ask, (owners, configs, nodes) in found:
        for kind, name in owners:
            _owner(ask, kind, name)
        for name in configs:
            _operated(ask, ask.one(kinds.CONFIG_MAPS, name) or {})
        for name in nodes:
            ask.one(kinds.NODES, name)


def _wanted(ask: Asker, pods: Iterable[Object], *, listed: bool) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """The owners, the ConfigMaps and the nodes that are not known yet, each once."""
    held = list(pods)
    owners = dict.fromkeys(x for pod in held for x in _owners(pod))
    here = {text(x, "metadata", "name") for x in _noted(ask, kinds.CONFIG_MAPS)} | {"", AUTHORITY}
    configs = dict.fromkeys(x for pod in held for x in config_maps_of(part(pod, "spec")) if x not in here)
    known = {text(x, "metadata", "name") for x in ask.world.objects.get(kinds.NODES.kind, ())}
    nodes = dict.fromkeys(x for pod in held if (x := text(pod, "spec", "nodeName")) and x not in known)
    return list(owners), list(configs), [] if listed else list(nodes)


def _noted(ask: Asker, kind: Kind[Any]) -> Iterator[Object]:
    """The objects of the namespace that are known already."""
    known = ask.world.objects.get(kind.kind, ())
    yield from (x for x in known if text(x, "metadata", "namespace") == ask.namespace)


def _owners(item: Object) -> Iterator[tuple[str, str]]:
    for owner in parts(item, "metadata", "ownerReferences"):
        yield text(owner, "kind"), text(owner, "name")


def _maker(kind: str) -> Kind[Any] | None:
    return kinds.COLLECTORS if kind == "OpenTelemetryCollector" else kinds.WORKLOADS.get(kind)


def _owner(ask: Asker, kind: str, name: str) -> None:
    made_by = _maker(kind)
    found = ask.one(made_by, name) if made_by else None
    for above in _owners(found or {}):
        _owner(ask, *above)


def _operated(ask: Asker, config: Object) -> None:
    """Who wrote a configuration, where the workload that reads it does not tell of the Operator's resource."""
    known = {text(x, "metadata", "name") for x in ask.world.objects.get(kinds.COLLECTORS.kind, ())}
    for kind, name in _owners(config):
        told = name in known or kinds.COLLECTORS.kind in ask.world.unseen
        if _maker(kind) is kinds.COLLECTORS and not told:
            _owner(ask, kind, name)


def config_maps_of(spec: Mapping[str, Any]) -> Iterator[str]:
    """The ConfigMaps that the containers of a pod see, as files or as variables; never a Secret."""
    for volume in parts(spec, "volumes"):
        for source in (volume, *parts(volume, "projected", "sources")):
            yield text(source, "configMap", "name")
    for container in (*parts(spec, "containers"), *parts(spec, "initContainers")):
        for variable in parts(container, "env"):
            yield text(variable, "valueFrom", "configMapKeyRef", "name")
        for source in parts(container, "envFrom"):
            yield text(source, "configMapRef", "name")


def ranges(ask: Asker) -> None:
    """The Service ranges; servers before Kubernetes 1.31 do not show them, and are asked what a Service would get."""
    shown = any(text(x, "metadata", "name") == _FIRST_RANGE for x in ask.some(kinds.RANGES, ""))
    if shown or kinds.RANGES.kind in ask.world.unseen:
        return
    try:
        ask.world.learned = ask.api.families(ask.namespace)
    except Refused as error:
        if error.status == _DENIED:
            why = f"{refused(Right('create', 'services'))}; with dryRun, so that nothing is made"
            ask.world.gaps.append(Missing("families of the Service ranges", why))


def nameserver(ask: Asker) -> None:
    """The endpoints of the cluster's nameserver; nobody misses them where they may not be read.

    Those of OpenShift where they were stored: a cluster that runs is asked for the usual ones alone.
    """
    keys = cluster_dns.KEYS if isinstance(ask.api, Stored) else cluster_dns.KEYS[:1]
    with contextlib.suppress(Refused):
        asked = (ask.api.objects(kinds.SLICES, x, equal({kinds.LED_BY: y})) for x, y in keys)
        ask.world.keep(kinds.SLICES.kind, *next(filter(None, asked), ()))


def around(ask: Asker) -> None:
    """What decides for every Service of the namespace: policies, ranges, nodes."""
    ask.some(kinds.POLICIES, ask.namespace)
    ranges(ask)
    ask.quietly(kinds.CONFIG_MAPS, proxy.NAME, proxy.NAMESPACE)
    nameserver(ask)
    try:
        found = ask.api.listed(kinds.NODES, "", NODES)
    except Refused as error:
        ask.refused(kinds.NODES, "", "list", error)
        return
    ask.world.keep(kinds.NODES.kind, *map(msgspec.to_builtins, found.items))
    ask.world.left_out[kinds.NODES.kind] = found.more


def enforced(ask: Asker) -> None:
    """Note which kinds of policies there are, or may be, of what enforces those of Kubernetes."""
    held = dict.fromkeys(ask.world.other_policies)
    known = [x for x in page(ask.world.objects.get(kinds.NODES.kind, ()), kinds.NODES).items if x]
    for kind in kinds.OTHER_POLICIES.get(engine(known, ask.world.engines).name, ()):
        try:
            there = {text(x, "metadata", "namespace") for x in ask.api.objects(kind, "", "")}
        except Refused as error:
            there = {""} if error.status == _DENIED else set()
            if NOT_STORED in error.why:
                ask.world.unseen.add(kind.kind)
            if NOT_STORED in error.why and ask.world.objects.get(kinds.POLICIES.kind):
                ask.world.gaps.append(
                    Missing(f"{with_article(kind.kind)}, which may let through what others do not", error.why)
                )
        held |= dict.fromkeys((kind.kind, x) for x in sorted(there))
    ask.world.other_policies = list(held)
