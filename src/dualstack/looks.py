"""Looks at the pods of a target: exports from outside, and containers inside where the user allows them."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from dualstack.conclusion import Sight, sight
from dualstack.gather.env import real
from dualstack.gather.errors import BadInput
from dualstack.gather.inside import Errand, Inside, inspections
from dualstack.gather.kube_api import Api
from dualstack.gather.port_forward import forwarded
from dualstack.gather.resolver import lookup
from dualstack.model.address import Family, Protocol, Scope, Target, family, is_address, join, scope
from dualstack.model.cluster import Pod, Service
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Exporter
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Options, ProbeTask
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status, Trace
from dualstack.model.world import World, part
from dualstack.overview import part_of
from dualstack.probe.outside import NotAllowed, Window, at_address, at_loopback, looks
from dualstack.probe.run import run
from dualstack.reach.blame import is_loopback
from dualstack.reach.crowds import listed
from dualstack.reach.entrance import can_be_tried, is_open
from dualstack.reach.holders import is_guess
from dualstack.reach.localhost import LOCALHOST
from dualstack.reach.paths import base
from dualstack.reach.pods import Places
from dualstack.reach.terms import speaks_tls

Tell = Callable[[str], None]

_BACKENDS = 16
"""Pods behind one Service that nodes export to one by one."""
_WINDOWS = 16
"""Ports of pods that are looked at from outside for one target."""
_EVERYWHERE = 64
"""The same for all of a cluster."""
_AT_ONCE = 8
_LATE = 2.5
"""Seconds until an export is made again that a proxy answered for want of a receiver."""
_BY = {Way.ADDRESS: "the proxy of the API server", Way.LOOPBACK: "port-forward"}


def from_outside(api: Api, world: World, question: Question, options: Options, tell: Tell) -> None:
    """Note what the exports show that can be made from outside. Raises Unreachable."""
    seen = sight(world, question)
    windows = tuple(dict.fromkeys(_windows(seen)))
    world.gaps += filter(None, [left_out(len(windows) - _WINDOWS, 0)])
    looked = _looked(api, world, windows[:_WINDOWS], options, tell)
    world.seen = replace(through(ways_in(seen.traces.items), tell, options), items=looked)


def from_outside_everywhere(api: Api, world: World, question: Question, options: Options, tell: Tell) -> None:
    """The same for the Services of a whole cluster, those first that the most clients name. Raises Unreachable."""
    whole, windows, ways, left = world.cluster(), dict[Window, None](), dict[Entrance, None](), 0
    for service in _in_turn(whole.services, world.clients):
        if len(windows) < _EVERYWHERE:
            seen = sight(part_of(world, service), question, whole)
            windows.update(dict.fromkeys(_windows(seen)))
            ways.update(dict.fromkeys(ways_in(seen.traces.items)))
        else:
            left += 1
    world.gaps += filter(None, [left_out(len(windows) - _EVERYWHERE, left)])
    looked = _looked(api, world, tuple(windows)[:_EVERYWHERE], options, tell)
    world.seen = replace(through(ways, tell, options), items=looked)


def _in_turn(services: Sequence[Service], clients: Iterable[Exporter]) -> Sequence[Service]:
    """Services by the number of pods that say that they export to them."""
    counts = Counter[tuple[str, str]]()
    for each in clients:
        counts.update({each.service: each.pods} if each.service else {})
    return sorted(services, key=lambda x: -counts[x.metadata.namespace, x.metadata.name])


def left_out(ports: int, services: int) -> Missing | None:
    """What is not tried: so many ports of pods, and whole Services."""
    counted = ((ports, "pod port"), (services, "Service"))
    said = [f"{count} {what}{'s' * (count > 1)}" for count, what in counted if count > 0]
    return Missing("exports from outside", f"{' and '.join(said)} left out; ask for one by its name") if said else None


def from_inside(api: Api, world: World, question: Question, allowed: Inside, options: Options, tell: Tell) -> None:
    """Note what containers inside see, which are started for that and removed.

    Raises Unreachable, and BadInput for nodes that are not there.
    """
    seen = sight(world, question)
    planned = errand(seen, world, options)
    known = [x.metadata.name for x in seen.cluster.nodes]
    unknown = [x for x in (*allowed.nodes, *allowed.hosts) if x not in known]
    if unknown and known and not seen.cluster.more_nodes:
        raise BadInput(f"There is no node `{unknown[0]}`. There are: {listed(known)}.")
    world.inspections, gaps = inspections(api, allowed, planned, tell)
    closer = _closer(world, question) if allowed.pods and allowed.jobs else ()
    alone, again = replace(allowed, jobs=False, hosts=()), replace(planned, pods=closer, askers=())
    more, unseen = inspections(api, alone, again, tell)
    world.inspections += more
    world.gaps += not_exported_to(seen.traces.items) if allowed.jobs else ()
    world.gaps += (*gaps, *unseen)


def not_exported_to(traces: Iterable[Trace]) -> tuple[Missing, ...]:
    """What nodes do not export to one by one: pods of a Service that has very many."""
    most = max((len(x.servers) for x in traces), default=0)
    why = f"made to {_BACKENDS} of {most} behind the Service one by one"
    return (Missing("exports to pods", why),) if most > _BACKENDS else ()


def _closer(world: World, question: Question) -> tuple[Pod, ...]:
    """The pods that no node reaches, of which nothing was seen from inside."""
    seen = sight(world, question)
    lost = {place for place, *_ in seen.seen.unreached}
    known = {(x.namespace, x.pod) for x in world.inspections}
    return tuple(x.pod for key, x in seen.places.items() if x.name in lost and key not in known)


class Entrance(NamedTuple):
    """What stands in front of a Service, as whom clients come there, and the family that they come over."""

    target: Target
    family: Family
    vantage: str


def ways_in(traces: Iterable[Trace]) -> Iterator[Entrance]:
    """The ways in of which nobody knows yet whether they lead anywhere."""
    yield from (Entrance(x.target, x.family, x.vantage) for x in traces if is_open(x) and can_be_tried(x))


def through(ways: Iterable[Entrance], tell: Tell, options: Options) -> Glimpses:
    """The exports that this host can make through what stands in front of Services, and the names that have none."""
    wanted = tuple(dict.fromkeys(ways))[:_WINDOWS]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(pool.map(_addresses, {x.target.host for x in wanted}))
    tasks = [
        ProbeTask(address, each.target.port, each.target.protocol, each.target.host, each.target.tls)
        for each in wanted
        for address in found[each.target.host]
        if family(address) is each.family
    ]
    called = {(x.target.host, x.family): x.vantage for x in wanted}

    def announce(task: ProbeTask) -> None:
        tell(f"{task.protocol} export to {task.endpoint}, the {called[task.host, family(task.address)]}, from here")

    made = run(tuple(dict.fromkeys(tasks)), options, announce).items if tasks else ()
    # During a rollout a proxy may be late by a moment: Traefik takes up what changed every two seconds.
    failed = tuple(x.task for x in made if x.status.startswith("HTTP 5"))
    if failed:
        time.sleep(_LATE)
    again = {x.task: x for x in run(failed, options, announce).items} if failed else {}
    return Glimpses(
        entrances=tuple(again.get(x.task, x) for x in made),
        nameless=tuple(sorted(host for host, addresses in found.items() if not addresses)),
    )


def _addresses(host: str) -> tuple[str, tuple[str, ...]]:
    """The first address of each family that a host has for this machine."""
    known = (host,) if is_address(host) else lookup(real(), host).addresses
    return host, tuple({family(x): x for x in reversed(known)}.values())


def _looked(api: Api, world: World, windows: Sequence[Window], options: Options, tell: Tell) -> tuple[Glimpse, ...]:
    """The exports that can be made from outside, in the order of the windows; what is not allowed is a gap."""
    closed, gaps = set[tuple[Way, str]](), dict[Missing, None]()

    def look(way: Way, window: Window) -> Glimpse | None:
        if (way, window.namespace) in closed:
            return None
        tell(f"{window.protocol} port {window.port} of the {window.place}, by {_BY[way]} (exports without telemetry)")
        try:
            if way is Way.ADDRESS:
                return at_address(window, api.through, options)
            return at_loopback(window, partial(forwarded, api), options)
        except (NotAllowed, OSError) as error:
            closed.add((way, window.namespace))
            gaps[Missing(f"exports by {_BY[way]}", str(error))] = None
            return None

    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        found = tuple(pool.map(lambda x: look(*x), looks(windows)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    world.gaps += sorted(gaps, key=lambda x: (x.needs, x.why))
    return tuple(x for x in found if x)


def errand(seen: Sight, world: World, options: Options) -> Errand:
    """One pod for each way in which the backends differ, every node, and the addresses that clients may use.

    Those are of the Service and of the first pods behind it.

    Of clients that are asked about their own nodes count, one of their pods, and the names that they write.
    """
    there = {x.name: x.pod for x in seen.places.values()}
    asking, placed = seen.cluster.askers, [x for x in seen.cluster.askers if x.is_placed]
    pods = dict.fromkeys(x.server for x in seen.traces.items if x.server in there and not _is_guess(x, seen))
    nodes = tuple(x.metadata.name for x in seen.cluster.nodes)
    if asking:
        where = {x.spec.node_name or "" for x in placed} or {y for x in seen.traces.items for y in x.nodes}
        nodes = tuple(sorted(where - {""}))
    targets, own = dict[str, None](), dict[str, None]()
    for trace in (x for x in seen.traces.items if not x.through):
        for endpoint in _endpoints(trace, asking=bool(asking)):
            wanted = own if _is_own(endpoint) else targets
            wanted[f"{_scheme(trace, seen)}://{endpoint}{_path(trace, seen)}"] = None
            # A resolver may give who asks for both families the first of them alone.
            loopback = [x for x in trace.addresses if ":" in x and trace.target.host == LOCALHOST]
            own.update({f"{_scheme(trace, seen)}://{join(x, trace.target.port)}": None for x in loopback})
        behind = dict.fromkeys((trace.server, *trace.servers[:_BACKENDS]))
        met = [there[x] for x in behind if x in there and not any(map(is_loopback, trace.addresses))]
        for address in (y for x in met for y in x.addresses):
            targets[f"{_scheme(trace, seen)}://{join(address, trace.port)}{_path(trace, seen)}"] = None
    return Errand(
        world.namespace,
        tuple(there[x] for x in pods),
        nodes,
        tuple(targets),
        options,
        tuple(placed[:1]),
        tuple(own),
        _resolver(world, asking[:1]),
    )


def _is_guess(trace: Trace, seen: Sight) -> bool:
    """Whether nobody knows that the pod at the end of a flow is the one that clients mean: it stays as it is."""
    place = Places(seen.places).named(trace.server)
    direct = trace.at(Hop.SERVICE).status is Status.NOT_APPLICABLE
    return bool(seen.cluster.askers) and direct and place is not None and is_guess(place, trace.port)


def _endpoints(trace: Trace, *, asking: bool) -> tuple[str, ...]:
    """Where clients of a flow send to, as they write it."""
    host, port = trace.asked or trace.target.host, trace.target.port
    if trace.at(Hop.ENDPOINT).status is Status.FAIL or "$" in host:
        return ()
    if asking or host.endswith(".svc"):
        return (join(host, port),)
    return tuple(join(x, port) for x in trace.addresses)


def _is_own(endpoint: str) -> bool:
    host = endpoint.rpartition(":")[0].strip("[]")
    return host == "localhost" or (is_address(host) and scope(host) in (Scope.LOOPBACK, Scope.WILDCARD))


def _resolver(world: World, askers: Sequence[Pod]) -> Mapping[str, Any]:
    """The fields of a client's pod that say how it looks names up; what is in the network of a node does as that."""
    names, unmade = {x.metadata.name for x in askers}, world.unmade()
    held = [unmade] if unmade else [x for x in world.objects.get("Pod", ()) if part(x, "metadata").get("name") in names]
    spec = next((x.get("spec") or {} for x in held if part(x, "metadata").get("namespace") == world.namespace), {})
    found = {x: spec[x] for x in ("dnsPolicy", "dnsConfig", "hostAliases") if spec.get(x)}
    if spec.get("hostNetwork") and found.get("dnsPolicy", "ClusterFirst") == "ClusterFirst":
        found["dnsPolicy"] = "Default"
    return found


def _scheme(trace: Trace, seen: Sight) -> str:
    """How a receiver is spoken to: over TLS where it is known to take that."""
    tls = speaks_tls(trace, Places(seen.places).named(trace.server), seen.seen)
    return replace(trace.target, tls=trace.target.tls or bool(tls)).scheme


def _path(trace: Trace, seen: Sight) -> str:
    """What stands before `/v1/traces` where a receiver of OTLP/HTTP takes traces."""
    place = Places(seen.places).named(trace.server)
    ends = [x.endpoint for x in place.on(trace.port)] if place and trace.protocol is Protocol.HTTP else []
    return base(ends[0]) if ends else ""


def _windows(seen: Sight) -> Iterator[Window]:
    """One pod for each way in which the backends of a flow differ."""
    there = {x.name: key for key, x in seen.places.items()}
    for trace in seen.traces.items:
        if trace.server in there and trace.arrives:
            path = _path(trace, seen)
            yield Window(*there[trace.server], trace.server, trace.arrives, trace.protocol, path)
