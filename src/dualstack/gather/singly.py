"""Clients that are asked about by themselves where everything is: `reach/singled.py` says which.

Of each workload a few pods are kept whole while the lists go by. An API server is asked for nothing more than Services
that lack a port: what else the lists left out is then not known.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dualstack.gather import kinds
from dualstack.gather.aimed import from_clients, is_client
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import Kind, Refused, parts, text
from dualstack.gather.stored import Stored
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Exporter
from dualstack.model.slim import OVER
from dualstack.model.world import Object, World, of_template
from dualstack.reach.singled import Doubt

Key = tuple[str, str]
"""A namespace, and what made the pods of a client (`Deployment cart`); or a namespace and a name."""
Chosen = Mapping[Key, Sequence[Object]]
"""The pods of clients that are asked about by themselves, or what would make one, by workload."""
_MOST = 20
"""Workloads that are asked about by themselves."""
_NODES = 8
"""Nodes that pods of one of them are looked at on, where others of them were stored."""
_LEFT = 0
"""The status of an answer that no server gave."""
_PODS = 3
"""Pods of one of them, of which each exports in another way."""


class Singles:
    """Who is asked about: pods, or what would make one, by workload; those first that surely fail."""

    def __init__(self, *, closely: bool) -> None:
        """Nobody yet; who may do well is asked about where others than those of the question are known `closely`."""
        self._asked = tuple(x for x in Doubt if closely or x is not Doubt.OPEN)
        self._found: dict[Doubt, dict[Key, list[tuple[Exporter, Object]]]] = {x: {} for x in Doubt}
        self._every: dict[Key, None] = {}

    def wants(self, one: Exporter, how: Doubt) -> bool:
        """Whether the object behind a client is to be kept; that there is such a client is noted."""
        mine, who = self._found[how], (one.namespace, one.owner)
        if how not in self._asked:
            return False
        self._every[who] = None
        return len(mine.get(who, ())) < _PODS and (who in mine or len(mine) < _MOST)

    def keep(self, one: Exporter, how: Doubt, item: Object) -> None:
        """Keep the object behind a client."""
        self._found[how].setdefault((one.namespace, one.owner), []).append((one, item))

    def chosen(self, told: Collection[Exporter]) -> Chosen:
        """The objects of those who are asked about, without clients of which it is `told` how they fare."""
        known, found = {_identity(x) for x in told}, dict[Key, list[Object]]()
        for mine in self._found.values():
            for who, items in mine.items():
                left = [x for one, x in items if _identity(one) not in known]
                if left and (who in found or len(found) < _MOST):
                    held = found.setdefault(who, [])
                    held += [x for x in left if x not in held]
        return found

    def left_out(self, chosen: Collection[Key], told: Collection[Exporter]) -> Iterator[Missing]:
        """Those for whom there was no room."""
        known = {*chosen, *((x.namespace, x.owner) for x in told)}
        left = [x for x in self._every if x not in known]
        if left:
            (namespace, owner), others = left[0], f" and {len(left) - 1} more" if len(left) > 1 else ""
            why = f"{owner} in {namespace}{others} were not asked about by themselves; `dualstack diagnose` does that"
            yield Missing("the ways of clients", why)


def _identity(one: Exporter) -> tuple[str, ...]:
    return one.namespace, one.owner, one.variable, one.endpoint


class Kept(Stored):
    """What was kept of lists that an API server gave, as a source: of every kind there may be more than is here."""

    def __init__(self, world: World, gone: Callable[[Key], bool]) -> None:
        """`gone` says of a Service whether it would have been listed, and was not."""
        super().__init__(world)
        self._gone = gone

    def lists(self, kind: Kind[Any], namespace: str = "") -> bool:  # noqa: ARG002 -- some of every kind were left
        """Whether all objects of a kind are here."""
        return False

    def objects(self, kind: Kind[Any], namespace: str = "", labels: str = "", fields: str = "") -> list[Object]:
        """Objects with these labels. Raises Refused for those of some field: who has it may not be here."""
        if fields:
            raise Refused(_LEFT, "most were left out of the lists")
        return super().objects(kind, namespace, labels)

    def surveys(self, node: str) -> bool:  # noqa: ARG002 -- most pods were left
        """Whether all pods of a node are here."""
        return False

    def absent(self, kind: Kind[Any], namespace: str, name: str) -> bool:
        """Whether there is no such Service for certain."""
        return kind is kinds.SERVICES and self._gone((namespace, name))


def kept(
    known: World, items: Iterable[Object], gone: Callable[[Key], bool], services: Iterable[Object | None] = ()
) -> Kept:
    """What a survey kept, as a source for questions about some pods: of the nodes those that matter for them.

    More `services` are those that were asked for by their names, of which nothing behind them is known.
    """
    on = {text(x, "spec", "nodeName") for x in items} - {""}
    sent = {x.host for x in known.clients if x.literal}
    nodes = known.objects.get(kinds.NODES.kind, ())
    near = [x for x in nodes if text(x, "metadata", "name") in on or _addresses(x) & sent]
    world = World(known.context, {**known.objects, kinds.NODES.kind: near})
    world.objects[kinds.SERVICES.kind] = [*known.objects.get(kinds.SERVICES.kind, ())]
    world.keep(kinds.SERVICES.kind, *services)
    return Kept(world, gone)


def _addresses(node: Object) -> set[str]:
    return {text(x, "address") for x in parts(node, "status", "addresses")}


def ask_singly(source: Stored, known: World, chosen: Chosen) -> None:
    """Note beyond a world what is behind that to which clients send, of each workload by itself.

    The nodes are those of that world.
    """
    for (namespace, _), items in chosen.items():
        made = next((x for x in items if x.get("kind") != kinds.PODS.kind), None)
        template = f"{made['kind']}/{text(made, 'metadata', 'name')}" if made else ""
        mates = [] if made else _mates(source, namespace, items)
        pods = [of_template(made)] if made else [*items, *mates]
        further = World(known.context, unseen=set(known.unseen), learned=known.learned, vacant=[*known.vacant])
        further.absent, further.namespaces, further.meant = [*known.absent], [*known.namespaces], [*known.meant]
        further.other_policies, further.engines, further.dns = [*known.other_policies], [*known.engines], [*known.dns]
        further.domains, further.slips = [*known.domains], [*known.slips]
        further.namespace, there = namespace, Asker(source, namespace, further)
        further.keep(str(items[0].get("kind")), *items, *mates)
        if is_client(there, pods, list, template):
            from_clients(there, pods)
            further.objects[kinds.NODES.kind] = []
            known.beyond.append(further)


def _mates(source: Stored, namespace: str, items: Sequence[Object]) -> list[Object]:
    """Other pods that run of the same makers, as far as they are here, each on another node."""
    made = [y for x in items if (y := parts(x, "metadata", "ownerReferences"))]
    found = {text(x, "spec", "nodeName"): x for x in items}
    for pod in source.objects(kinds.PODS, namespace) if made else ():
        running = text(pod, "status", "phase") not in OVER and not text(pod, "metadata", "deletionTimestamp")
        if running and len(found) < _NODES and parts(pod, "metadata", "ownerReferences") in made:
            found.setdefault(text(pod, "spec", "nodeName"), pod)
    return [x for x in found.values() if x not in items]
