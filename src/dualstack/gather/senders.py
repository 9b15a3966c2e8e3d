"""Clients of a question: the pods, beside those of it, that say where they export to."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator

from dualstack.gather import clients, kinds
from dualstack.gather.client_variables import teller
from dualstack.gather.cluster import Asker
from dualstack.gather.domains import domains
from dualstack.gather.kube_objects import PAGE, Refused
from dualstack.gather.pages import page
from dualstack.gather.singly import Chosen, Singles
from dualstack.gather.waiting import busy, waiting
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Exporter
from dualstack.model.mutual import MESH_RULES
from dualstack.model.world import PEERS, Object, World
from dualstack.reach.netpol import isolating
from dualstack.reach.onward import sends_on
from dualstack.reach.rights import Right, refused
from dualstack.reach.singled import Around, doubt

_DENIED = 403


def senders(ask: Asker) -> tuple[Pod, ...]:
    """Note who exports where in the namespace, of its CronJobs and of the first page of its pods, which it gives."""
    ask.soon("objects", kinds.CRON_JOBS, ask.namespace, "")
    try:
        found = ask.api.listed(kinds.PODS, ask.namespace, PAGE)
    except Refused:  # the pods of the Service were refused before, which is told
        return ()
    every = clients.Clients(apart=True)
    for pod in found.items:
        every.see(pod)
    for _, pod in waiting(ask, ask.namespace, None if found.more else busy(found.items)):
        every.see(pod, 0)
    ask.world.clients = every.items
    if found.more:
        ask.world.gaps.append(
            Missing("clients", f"{found.more} more pods in {ask.namespace} were not looked at; `--all` looks at all")
        )
    return found.items


def every_sender(ask: Asker, whole: World, onward: Iterable[Exporter]) -> None:
    """Note who exports to the Services of a question among all pods, of any namespace, that were stored.

    Pods that would be made, as by a CronJob, are among them, and `onward` are Collectors.
    """
    ask.world.clients = [*_theirs(ask.world, _stored(ask, whole, onward))]


def others(ask: Asker, whole: World, onward: Iterable[Exporter]) -> None:
    """Note beside the clients of a namespace those of others that export to its Services, as they were stored."""
    there = (x for x in _stored(ask, whole, onward) if x.namespace != ask.namespace)
    ask.world.clients += _theirs(ask.world, there)


def _stored(ask: Asker, whole: World, onward: Iterable[Exporter]) -> list[Exporter]:
    if whole.target:
        return whole.clients
    every, pods = clients.Clients(teller(ask.api), apart=True), tuple[Pod, ...]()
    with contextlib.suppress(Refused):
        pods = ask.api.listed(kinds.PODS).items
    for pod in pods:
        every.see(pod)
    for _, pod in waiting(ask, "", busy(pods)):
        every.see(pod, 0)
    return [*every.items, *onward]


def apart(ask: Asker, pods: Iterable[Pod], find: Callable[[Pod], Object | None], held: Collection[str] = ()) -> Chosen:
    """Those clients of a question, among some pods, that may meet what others do not: each to be asked about by itself.

    `find` gives a pod as it was written, and `held` are the kinds of which all objects were stored. Raises Unreachable.
    """
    services = [x for x in page(ask.world.objects.get(kinds.SERVICES.kind, ()), kinds.SERVICES).items if x]
    led = {(x.metadata.namespace, x.metadata.name): x.families for x in services}
    domains(ask, (x.host for x in ask.world.clients))
    known = Around(
        led,
        [y for x in services for y in x.addresses],
        ask.world.domains,
        ask.world.slips,
        PEERS in held,
        any(x in held for x in MESH_RULES),
    )
    found, asked = clients.Clients(teller(ask.api)), Singles(closely=bool(held))
    for pod in (x for x in pods if not sends_on(x)):
        for one in (x for x in found.see(pod) if x.service in led or x.host in known.addresses):
            how = doubt(one, pod, known)
            item = find(pod) if how is not None and asked.wants(one, how) else None
            if how is not None and item:
                asked.keep(one, how, item)
    return asked.chosen(())


def strangers(ask: Asker) -> None:
    """Note who exports to the Services of a question from other namespaces, where policies choose who comes in.

    Of the first page of all pods. Raises Unreachable.
    """
    if not _chooses(ask.world.cluster()):
        return
    try:
        found = ask.api.listed(kinds.PODS, "", PAGE)
    except Refused as error:
        why = refused(Right("list", "pods"), "diagnose", " in all namespaces") if error.status == _DENIED else error.why
        ask.world.gaps.append(Missing("clients in other namespaces", why))
        return
    there = clients.of(x for x in found.items if x.metadata.namespace != ask.namespace)
    ask.world.clients += _theirs(ask.world, there)
    if found.more:
        why = f"{found.more} more pods were not looked at; `--all` looks at all"
        ask.world.gaps.append(Missing("clients in other namespaces", why))


def _theirs(world: World, found: Iterable[Exporter]) -> Iterator[Exporter]:
    """Those that export to the Services of a world."""
    known = [x for x in page(world.objects.get(kinds.SERVICES.kind, ()), kinds.SERVICES).items if x]
    names = {(x.metadata.namespace, x.metadata.name) for x in known}
    addresses = {y for x in known for y in x.addresses}
    yield from (x for x in found if x.service in names or x.host in addresses)


def _chooses(cluster: Cluster) -> bool:
    """Whether policies decide who comes in to the pods, and none lets everybody in."""
    for pod in cluster.pods:
        about = pod.metadata
        mine = isolating(cluster.policies, about.namespace, about.labels or {})
        if mine and not any(not (y.from_ or y.ports) for x in mine for y in x.spec.ingress or ()):
            return True
    return False
