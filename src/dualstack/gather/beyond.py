"""What the agents of a question send on to within the cluster: one step further, gathered as for clients."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from dualstack.gather import clients, kinds
from dualstack.gather.aimed import from_clients
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import Refused, key
from dualstack.gather.onward import sent_on
from dualstack.gather.pages import page
from dualstack.gather.senders import apart
from dualstack.model.cluster import Pod
from dualstack.model.exporter import Asking, Exporter
from dualstack.model.world import Object, World
from dualstack.reach.aims import is_likely, of_pod
from dualstack.reach.exporting import exporters, owner
from dualstack.reach.onward import is_within, sends_on

_WORKLOADS = 2
"""Workloads of agents that are followed, and of clients that are asked about by themselves."""
_ASTRAY = 8
"""Workloads of agents that send on to a port that is not there, of which each is followed."""
_PODS = 8
"""Pods of one of them."""
_SHARED = (kinds.NODES, kinds.RANGES, kinds.SLICES, kinds.POLICIES, kinds.CONFIG_MAPS)


def beyond(ask: Asker) -> list[Asker]:
    """Note what is behind the Services that agents which receive send on to, and give who asked for that.

    Raises Unreachable.
    """
    found_by = list[Asker]()
    maps = {key(x): x for x in ask.world.objects.get(kinds.CONFIG_MAPS.kind, ())}
    ranges = [x for x in page(ask.world.objects.get(kinds.RANGES.kind, ()), kinds.RANGES).items if x]
    for (namespace, who), found in list(_receivers(ask.world).items())[:_WORKLOADS]:
        pods = found[:_PODS]
        every = sent_on([x for x, _ in pods], lambda *key: maps.get(key))
        sent = [x for x in every if is_within(x, ranges) or _is_there(ask, x)]
        if sent:
            found_by.append(_followed(ask, namespace, who, pods, sent))
            ask.world.beyond.append(found_by[-1].world)
    return found_by


def astray(ask: Asker, lacks: Callable[[Exporter], bool]) -> None:
    """Note what is behind that to which agents send on, where it `lacks` their port. Raises Unreachable."""
    maps = {key(x): x for x in ask.world.objects.get(kinds.CONFIG_MAPS.kind, ())}
    every = ((who, found[:_PODS]) for who, found in _receivers(ask.world).items())
    sending = ((who, pods, sent_on([x for x, _ in pods], lambda *key: maps.get(key))) for who, pods in every)
    lost = [(who, pods, mine) for who, pods, sent in sending if (mine := [x for x in sent if lacks(x)])]
    ask.world.beyond += [_followed(ask, *who, pods, sent).world for who, pods, sent in lost[:_ASTRAY]]


def by_themselves(ask: Asker, pods: Iterable[Pod]) -> list[Asker]:
    """Note what is behind what clients among some pods send to that may meet what others do not, and give who asked.

    Raises Unreachable.
    """
    known, found_by = {(x.metadata.namespace, x.metadata.name): x for x in pods}, list[Asker]()

    def find(pod: Pod) -> Object | None:
        with contextlib.suppress(Refused):
            return ask.api.object(kinds.PODS, pod.metadata.namespace, pod.metadata.name)
        return None

    for (namespace, who), items in list(apart(ask, known.values(), find).items())[:_WORKLOADS]:
        mine = [(x, known[key(x)]) for x in items]
        found_by.append(_followed(ask, namespace, who, mine, [y for _, x in mine for y in exporters(x)]))
        ask.world.beyond.append(found_by[-1].world)
    return found_by


def _is_there(ask: Asker, sent: Exporter) -> bool:
    """Whether a name of two labels, which may be one of the world as well, is that of a Service."""
    with contextlib.suppress(Refused):
        namespace, name = sent.service or ("", "")
        return is_likely(sent.host) and bool(name and ask.api.object(kinds.SERVICES, namespace, name))
    return False


def _receivers(world: World) -> Mapping[tuple[str, str], Sequence[tuple[Object, Pod]]]:
    """The agents of a world by their workloads, but those that are asked about as clients."""
    held, asking = world.objects.get(kinds.PODS.kind, []), world.asking
    theirs = {(asking.namespace, x) for x in asking.pods} if asking else set()
    found = defaultdict[tuple[str, str], list[tuple[Object, Pod]]](list)
    for raw, pod in zip(held, page(held, kinds.PODS).items, strict=True):
        if pod and sends_on(pod) and not pod.finished and key(raw) not in theirs:
            found[pod.metadata.namespace, owner(pod)].append((raw, pod))
    return found


def _followed(
    ask: Asker, namespace: str, who: str, pods: Sequence[tuple[Object, Pod]], sent: Sequence[Exporter]
) -> Asker:
    known = ask.world
    shared = {x.kind: [*known.objects[x.kind]] for x in _SHARED if x.kind in known.objects}
    further = World(known.context, shared, dict(known.left_out), unseen=set(known.unseen), learned=known.learned)
    further.other_policies, further.engines, further.dns = [*known.other_policies], [*known.engines], [*known.dns]
    further.target, further.namespace = known.target, namespace
    further.keep(kinds.PODS.kind, *(x for x, _ in pods))
    further.clients = clients.of((x for _, x in pods), lambda x: of_pod(x, sent))
    further.asking = Asking(who, namespace, tuple(x.metadata.name for _, x in pods))
    there = Asker(ask.api, namespace, further)
    from_clients(there, [x for x, _ in pods], known=True)
    return there
