"""Which pods export where: what `reach/exporting.py` says of each, in groups."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from dualstack.model.cluster import Pod
from dualstack.model.exporter import NODES, Exporter
from dualstack.reach.exporting import exporters

_OF_NODES = ("the address of its node", "the name of its node")
Key = tuple[str, str, str, str, str, object, bool]


class Clients:
    """Groups pods that export alike, as they come."""

    def __init__(self, of_pod: Callable[[Pod], Iterable[Exporter]] = exporters, *, apart: bool = False) -> None:
        """Nobody yet; `of_pod` says where a pod exports to.

        Pods of one text whose variables make other endpoints of it are `apart`, or one group.
        """
        self._of_pod, self._apart = of_pod, apart
        self._found: dict[Key, list[Exporter]] = {}
        self._counts: dict[Key, int] = {}
        self._nodes: dict[Key, dict[str, None]] = {}
        self._hosts: dict[Key, dict[str, None]] = {}
        self._held: dict[Key, list[tuple[str, ...]]] = {}
        self._each: dict[Key, str] = {}

    def see(self, pod: Pod, number: int = 1) -> list[Exporter]:
        """Note where so many pods like this one export to; of one that would be made there is none.

        Gives those of its exports that none before it was like.
        """
        mine, new = set[Key](), list[Exporter]()
        if pod.finished:
            return new
        for one in self._of_pod(pod):
            written = one.endpoint if self._apart else one.written or one.endpoint
            key = (one.namespace, one.owner, one.variable, written, one.protocol, one.families, one.host_network)
            if key not in self._found:
                self._found[key] = [one]
                self._each[key] = _each(one.host, pod)
                new.append(one)
            mine.add(key)
            hosts = self._hosts.setdefault(key, {})
            if len(hosts) < NODES:
                hosts[one.host] = None
        for found in mine:  # several containers may export alike
            self._counts[found] = self._counts.get(found, 0) + number
            held = self._held.setdefault(found, [])
            held += [pod.addresses] if len(held) < NODES else []
            there = self._nodes.setdefault(found, {})
            if pod.spec.node_name and len(there) < NODES:
                there[pod.spec.node_name] = None
        return new

    @property
    def items(self) -> list[Exporter]:
        """The groups, the largest first."""
        found = [self._made(k, x[0]) for k, x in self._found.items()]
        return sorted(found, key=lambda x: (-x.pods, x.namespace, x.owner, x.variable, x.endpoint))

    def _made(self, key: Key, one: Exporter) -> Exporter:
        """One of a group as all of it."""
        held = self._held[key]
        known = held if len(held) == self._counts[key] else ()
        addresses = tuple(dict.fromkeys(y for x in known for y in x))
        made = replace(one, pods=self._counts[key], nodes=tuple(self._nodes[key]), addresses=addresses)
        each, hosts = self._each[key], tuple(self._hosts[key])
        near = made.nodes if each in _OF_NODES else ()
        return replace(made, each=each, hosts=tuple(dict.fromkeys((*hosts, *near)))) if len(hosts) > 1 else made


def _each(host: str, pod: Pod) -> str:
    """What a host is to a pod of which others of its group have another one."""
    if host in {pod.status.host_ip, *(x.ip for x in pod.status.host_ips or ())}:
        return _OF_NODES[0]
    return _OF_NODES[1] if host == pod.spec.node_name else "a host of its own"


def of(pods: Iterable[Pod], of_pod: Callable[[Pod], Iterable[Exporter]] = exporters) -> list[Exporter]:
    """The clients among some pods, those apart that export to other endpoints."""
    found = Clients(of_pod, apart=True)
    for pod in pods:
        found.see(pod)
    return found.items
