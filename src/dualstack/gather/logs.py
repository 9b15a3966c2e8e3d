"""What containers that do not run said before they ended, where they left no message: the end of their logs.

That is what the kubelet does itself under `terminationMessagePolicy: FallbackToLogsOnError`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple, TypeVar

from dualstack.gather.as_files import declared
from dualstack.gather.kinds import PODS
from dualstack.gather.kube_api import Api
from dualstack.gather.kube_objects import Refused, key, parts, text
from dualstack.gather.pages import page
from dualstack.model.address import Scope, is_address, scope, unmapped
from dualstack.model.cluster import Pod
from dualstack.model.evidence import Missing
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Transport
from dualstack.model.world import Object, World, part
from dualstack.reach.exporting import owner
from dualstack.reach.holders import may_hold, names
from dualstack.reach.rights import Right, refused
from dualstack.reach.runs import runs
from dualstack.reach.start import port as port_of
from dualstack.reach.states import error_in, taken, taken_at
from dualstack.reach.taken import bound_to, told, wanting

_CONTAINERS = 8
"""Containers whose logs are asked for, one of each kind."""
_LINES, _BYTES = "40", "8192"
_DENIED = 403
_FAILED = 1
"""The code with which a Collector ends that cannot start (cmd/builder, main.go.tmpl: log.Fatalf)."""
_LOOPBACK = "localhost"
_RIGHT, _PODS = Right("get", "pods/log"), Right("list", "pods")

T = TypeVar("T")
State = MutableMapping[str, Any]


def last_lines(api: Api, world: World, tell: Callable[[str], None]) -> None:
    """Note in the states of containers what their logs end with, and who has their port. Raises Unreachable."""
    for (about, name), (state, previous) in _first(world, _ended(world), "the logs of containers"):
        space, pod = about
        tell(f"the end of the log of {name} in the pod {pod}")
        asked = {"container": name, "tailLines": _LINES, "limitBytes": _BYTES}
        try:
            path = f"/api/v1/namespaces/{space}/pods/{pod}/log"
            raw = api.text(path, {**asked, "previous": "true"} if previous else asked)
        except Refused as error:
            why = refused(_RIGHT, "logs") if error.status == _DENIED else error.why
            world.gaps.append(Missing(f"the log of {name} in the pod {pod}", why))
            continue
        state["log"] = error_in(raw.decode(errors="replace"))
    for mine, ended, port in _first(world, _turned_away(world), "who has the port of a node"):
        tell(f"who has port {port} of the node {text(mine, 'spec', 'nodeName')}")
        ended["holder"] = _holder(api, world, mine, port)
    for pending, node, condition in _first(world, _waiting(world), "who has the ports of a node"):
        tell(f"who has the ports of the node {node} that {pending.metadata.name} waits for")
        condition["holder"] = _kept_from(pending, _there(api, world, node))


def _first(world: World, found: Iterable[T], called: str) -> list[T]:
    """The first of what may be asked for; that there is more is a gap."""
    every = list(found)
    if every[_CONTAINERS:]:
        world.gaps.append(Missing(called, f"{len(every[_CONTAINERS:])} more were not looked at"))
    return every[:_CONTAINERS]


def holders_in(whole: World, world: World) -> None:
    """Note from a world that holds more who has the ports that pods wait for, or ended for, where nobody told it."""
    known = [x for x in page(whole.objects.get(PODS.kind, ()), PODS).items if x]
    for pod, node, condition in _waiting(world):
        condition["holder"] = _kept_from(pod, [x for x in known if x.spec.node_name == node]) or condition.get("holder")
    ends, mute = list(_turned_away(world)), list(_mute(world))
    said = declared(whole, Question())[0] if ends or mute else Snapshot({})
    for mine, ended, port in ends:
        at = _single(taken_at(_words(ended)))
        wanted = {_Bound(at, port)} if at else {x for x in _wanted(mine, said) if x.port == port} or {_Bound("", port)}
        held = (x for x in _up(known, mine) if _holds(x, port, wanted, said))
        ended["holder"] = _told(mine, held) or ended.get("holder")
    for mine, ended in mute:
        wanted = _wanted(mine, said)
        held = (x for x in _up(known, mine) if may_hold(x) and _meet(wanted, _bound(x, said)))
        ended["holder"] = _told(mine, held) or ended.get("holder")


def _up(known: Iterable[Pod], mine: Object) -> Iterator[Pod]:
    """The pods of the node of one of which a container runs, so that they may have a port."""
    for pod in known:
        running = any(x.state and x.state.running for x in pod.status.container_statuses or ())
        if running and pod.spec.node_name == text(mine, "spec", "nodeName"):
            yield pod


def _mute(world: World) -> Iterator[tuple[Object, State]]:
    """Pods in the network of a node that ended by themselves and left no word of why."""
    for pod in world.objects.get("Pod", ()):
        mine = parts(pod, "status", "containerStatuses") if part(pod, "spec").get("hostNetwork") is True else ()
        for each in mine:
            for ended in (part(each, "state", "terminated"), part(each, "lastState", "terminated")):
                failed = ended.get("exitCode") == _FAILED and _is_silent(ended) and not ended.get("log")
                if failed and isinstance(ended, MutableMapping):
                    yield pod, ended


class _Bound(NamedTuple):
    """What is listened on: a port of one address, or of any where the address is empty."""

    address: str
    port: int


def _wanted(mine: Object, said: Snapshot) -> set[_Bound]:
    """What a Collector in the network of a node would listen on."""
    return {y for x in page([mine], PODS).items if x and may_hold(x) for y in _bound(x, said)}


def _bound(pod: Pod, said: Snapshot) -> set[_Bound]:
    """What a pod listens on over TCP by what its containers read."""
    every = (y for x in runs(pod, said) for y in x.config.endpoints if y.transport is Transport.TCP)
    return {_Bound(_single(x.effective.rpartition(":")[0]), port_of(x)) for x in every if port_of(x)}


def _single(host: str) -> str:
    """The one address that a host stands for, or `localhost`; empty where it stands for all, or nobody knows."""
    said = host.strip("[]")
    one = is_address(said) and scope(unmapped(said)) is not Scope.WILDCARD
    return unmapped(said) if one else _LOOPBACK * (said == _LOOPBACK)


def _meet(some: Iterable[_Bound], others: Collection[_Bound]) -> bool:
    """Whether an address of a port may be in both."""
    pairs = ((x, y) for x in some for y in others if x.port == y.port)
    return any(_is_near(x.address, y.address) for x, y in pairs)


def _is_near(one: str, other: str) -> bool:
    """Whether two such addresses may be the same: `localhost` is any of the loopback."""
    inner = all(x == _LOOPBACK or (is_address(x) and scope(x) is Scope.LOOPBACK) for x in (one, other))
    return not (one and other) or one == other or (inner and _LOOPBACK in (one, other))


def _holds(pod: Pod, port: int, wanted: Collection[_Bound], said: Snapshot) -> bool:
    """Whether a pod has a port that is wanted: by its configuration where that speaks of it, else by what it names."""
    mine = {x for x in _bound(pod, said) if x.port == port} if may_hold(pod) else ()
    return _meet(wanted, mine) if mine else names(pod, port)


def _kept_from(pod: Pod, there: Iterable[Pod]) -> str | None:
    """Who of the pods on a node has a port that a pod waits for."""
    ports = wanting(pod)
    found = next((x for x in there if any(names(x, *y) for y in ports)), None)
    return told(found, f"{found.metadata.namespace}/{found.metadata.name}", ports) if found else None


def _waiting(world: World) -> Iterator[tuple[Pod, str, State]]:
    """Pods that wait for a port of the only node that they may come to, and the condition that says so."""
    for item in world.objects.get("Pod", ()):
        for pod in page([item], PODS).items:
            node = bound_to(pod) if pod and wanting(pod) else ""
            for each in parts(item, "status", "conditions") if node else ():
                if pod and each.get("type") == "PodScheduled" and isinstance(each, MutableMapping):
                    yield pod, node, each


def _holder(api: Api, world: World, mine: Object, port: int) -> str | None:
    """Who says that it has the port of a node that a pod in its network wanted. Raises Unreachable."""
    there = _there(api, world, text(mine, "spec", "nodeName"))
    return _told(mine, [x for x in there if names(x, port)])


def _told(mine: Object, holders: Iterable[Pod]) -> str | None:
    """The first of those who have a port that is another pod."""
    others = (x for x in holders if (x.metadata.namespace, x.metadata.name) != key(mine))
    held = next(others, None)
    return f"the pod {held.metadata.namespace}/{held.metadata.name} of {owner(held)}" if held else None


def _there(api: Api, world: World, node: str) -> list[Pod]:
    """The pods of a node, as far as they may be read. Raises Unreachable."""
    try:
        return [x for x in page(api.objects(PODS, "", "", f"spec.nodeName={node}"), PODS).items if x]
    except Refused as error:
        why = refused(_PODS, where=" in all namespaces") if error.status == _DENIED else error.why
        world.gaps.append(Missing(f"pods on {node}", why))
        return []


Found = tuple[tuple[tuple[str, str], str], tuple[State, bool]]


def _ended(world: World) -> Iterator[Found]:
    """Containers that ended badly, one for each workload and name, and whether they have been started again since."""
    known = set[tuple[str, str, str]]()
    for pod in world.objects.get("Pod", ()):
        about, status = part(pod, "metadata"), part(pod, "status")
        made = next((text(x, "name") for x in parts(about, "ownerReferences")), text(about, "name"))
        where = text(about, "namespace")
        for each in (*parts(status, "initContainerStatuses"), *parts(status, "containerStatuses")):
            state, last = each.get("state") or {}, each.get("lastState") or {}
            end: State
            end, name = state.get("terminated") or last.get("terminated") or {}, str(each.get("name"))
            if _is_silent(end) and not state.get("running") and (where, made, name) not in known:
                known.add((where, made, name))
                yield ((where, text(about, "name")), name), (end, not state.get("terminated"))


def _turned_away(world: World) -> Iterator[tuple[Object, State, int]]:
    """Pods in the network of a node that ended because somebody else has a port there: the state, and the port."""
    for pod in world.objects.get("Pod", ()):
        mine = parts(pod, "status", "containerStatuses") if part(pod, "spec").get("hostNetwork") is True else ()
        for each in mine:
            for ended in (part(each, "state", "terminated"), part(each, "lastState", "terminated")):
                wanted = taken(_words(ended))
                if wanted and isinstance(ended, MutableMapping):
                    yield pod, ended, wanted


def _words(end: Mapping[str, Any]) -> str:
    """What a container said at its end, or its log of that."""
    return text(end, "message") or text(end, "log")


def _is_silent(end: Mapping[str, Any]) -> bool:
    """Whether a container ended badly and left no message."""
    return bool(end.get("exitCode")) and not end.get("message")
