"""A cluster under diagnosis: what its API server says, what the configurations in its pods make of it, and the answer.

    target -> objects -> what they declare -> places (pods) -> forward (traces) -> rules (findings) -> diagnosis

Beside `pipeline.py`, which looks at a host, and `review.py`, which looks at files: the objects of a cluster are judged
as files, too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, NoReturn

import msgspec
from msgspec.structs import replace

from dualstack.gather.as_files import declared
from dualstack.gather.cluster import Asker, of
from dualstack.gather.dumps import read_world
from dualstack.gather.errors import BadInput
from dualstack.gather.facts import snapshot_of
from dualstack.gather.inside import Errand, Inside, inspections
from dualstack.gather.kube_api import Api
from dualstack.gather.kubeconfig import access
from dualstack.gather.port_forward import forwarded
from dualstack.gather.proxy import proxy_of
from dualstack.gather.stored import Stored
from dualstack.model.address import Family, join
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.evidence import Missing
from dualstack.model.finding import Finding, Severity, Skipped
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.host import Namespaces
from dualstack.model.inspection import Crossing, crossings
from dualstack.model.names import Names
from dualstack.model.probe import ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners
from dualstack.model.source import Location
from dualstack.model.target import KubeTarget, kube_target
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.model.world import World
from dualstack.probe.outside import NotAllowed, Window, at_address, at_loopback, looks
from dualstack.probe.run import Options
from dualstack.reach.admitted import admitted
from dualstack.reach.crossed import crossed
from dualstack.reach.forward import forward
from dualstack.reach.pods import Place, Places, looked_into, namespace, place
from dualstack.reach.readiness import spread
from dualstack.reach.resolved import resolved
from dualstack.reach.verdict import verdict
from dualstack.rules.registry import Rule, explained, judged, rules, static_rules

Tell = Callable[[str], None]

_ANSWERS = (Hop.HANDSHAKE, Hop.EXPORT)
"""Where a look from outside is what tells how a flow ends."""
_FROM_OUTSIDE = "exports came through the API server alone; `--matrix` makes them from each node"
_WINDOWS = 16
"""Ports of pods that are looked at from outside."""
_BY = {Way.ADDRESS: "the proxy of the API server", Way.LOOPBACK: "port-forward"}


class ClusterRequest(msgspec.Struct, frozen=True):
    """One call for a diagnosis of a cluster: the target, how the API server is reached, and the rules, None for all.

    `namespace` is empty for that of the context. `stored` is a file or a folder that is asked in the place of an API
    server; it may know the target itself. `inside` says what containers may be started.
    """

    target: KubeTarget | None
    question: Question = Question()
    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    environ: Mapping[str, str] = {}
    seconds: float = 10.0
    chosen: tuple[Rule, ...] | None = None
    stored: str = ""
    inside: Inside | None = None


def diagnose(request: ClusterRequest, tell: Tell = lambda _: None) -> Diagnosis:
    """Gather, look from outside, predict and judge.

    Raises BadInput where there is no such target, no kubeconfig or no API server, and for a file that cannot be read.
    """
    world = stored(request) if request.stored else gather(request, tell)
    return conclude(world, request.question, request.chosen)


def gather(request: ClusterRequest, tell: Tell = lambda _: None) -> World:
    """What a diagnosis needs of a cluster. Raises BadInput."""
    found = access(request.kubeconfig, request.context, request.environ)
    namespace = request.namespace or found.namespace
    with Api(found, request.seconds, tell) as api:
        world = of(Asker(api, namespace), request.target or _nothing())
        if request.question.probing:
            world.seen = _looked(api, world, request, tell)
        if not (request.inside and request.inside.jobs):
            world.gaps.append(Missing("the ways from the clients' nodes", _FROM_OUTSIDE))
        if request.inside:
            errand = _errand(_sight(world, request.question), namespace, request.seconds)
            world.inspections, gaps = inspections(api, request.inside, errand, tell)
            world.gaps += gaps
    world.target, world.namespace = str(request.target), namespace
    world.vantage = f"{found.server}, by the context {found.context}"
    world.gathered = datetime.now(UTC).isoformat(timespec="seconds")
    return world


def stored(request: ClusterRequest) -> World:
    """What a file, or a folder of what `kubectl get` wrote, holds for a question. Raises BadInput."""
    whole = read_world(request.stored)
    target = request.target or kube_target(whole.target) or _nothing()
    namespace = request.namespace or whole.namespace or "default"
    if (whole.target, whole.namespace) == (str(target), namespace):
        return whole
    world = of(Asker(Stored(whole), namespace), target)
    world.pseudonymised, world.vantage, world.gathered = whole.pseudonymised, whole.vantage, whole.gathered
    world.seen, world.target, world.namespace = whole.seen, str(target), namespace
    world.unseen |= whole.unseen
    world.gaps = list(dict.fromkeys((*whole.gaps, *world.gaps)))
    return world


def _nothing() -> NoReturn:
    raise BadInput("Name an object of the cluster, such as `svc/otel-collector`.")


class Sight(NamedTuple):
    """What a world comes to: the objects that matter, what they declare, the pods as places, and the flows."""

    cluster: Cluster
    question: Question
    said: Snapshot
    places: Mapping[tuple[str, str], Place]
    traces: Traces
    seen: Glimpses
    heard: tuple[Names, ...] = ()


def _sight(world: World, question: Question) -> Sight:
    cluster = world.cluster()
    asked = replace(question, place="cluster", cluster=question.cluster or cluster.families)
    said, texts = declared(world, asked)
    first = next(iter(asked.cluster), Family.IPV4)
    cluster = replace(cluster, proxy=proxy_of(texts.values(), first))
    inside = [(x, snapshot_of(x.facts)) for x in world.inspections]
    made = [y for x, seen in inside for y in crossings(x, seen)]
    glimpses = Glimpses((*world.seen.items, *_from_inside(made, cluster.pods)))
    places = {
        (x.metadata.namespace, x.metadata.name): place(x, _runs(x, said), cluster, glimpses) for x in cluster.pods
    }
    for looked, seen in inside:
        spaces, key = seen.having(Namespaces), (looked.namespace, looked.pod)
        if spaces and key in places:
            places[key] = looked_into(places[key], spaces.items[0], seen.having(Listeners))
    heard = tuple((x.node, names) for x, seen in inside if (names := seen.having(Names)))
    predicted = resolved(admitted(forward(cluster, places, asked, glimpses), cluster, Places(places)), heard)
    traces = Traces(tuple(crossed(predicted, made, len(cluster.nodes) + cluster.more_nodes)))
    aimed = replace(asked, targets=tuple(dict.fromkeys(x.target for x in traces.items)))
    return Sight(cluster, aimed, said, places, traces, glimpses, tuple(x for _, x in heard))


def _from_inside(made: Iterable[Crossing], pods: Iterable[Pod]) -> Iterator[Glimpse]:
    """The exports that a container inside a pod made to the pod's own addresses."""
    there = {x.metadata.name: x for x in pods}
    for each in made:
        task, mine = each.result.task, there.get(each.pod)
        if mine and task.address in mine.addresses:
            said = each.result.status or each.result.detail
            yield Glimpse(
                namespace(mine).place, task.port, task.protocol, Way.INSIDE, each.result.outcome, said, task.address
            )


def _looked(api: Api, world: World, request: ClusterRequest, tell: Tell) -> Glimpses:
    """The exports that can be made from outside, to one pod of each kind; what is not allowed is a gap."""
    options, found = Options(request.seconds), []
    forward_port = partial(forwarded, api)
    refused = set[Way]()
    for way, window in looks(tuple(_windows(_sight(world, request.question)))[:_WINDOWS]):
        if way in refused:
            continue
        tell(f"{window.protocol} port {window.port} of the {window.place}, by {_BY[way]} (exports without telemetry)")
        try:
            if way is Way.ADDRESS:
                found.append(at_address(window, api.through, options))
            else:
                found.append(at_loopback(window, forward_port, options))
        except (NotAllowed, OSError) as error:
            refused.add(way)
            world.gaps.append(Missing(f"exports by {_BY[way]}", str(error)))
    return Glimpses(tuple(x for x in found if x))


def _errand(sight: Sight, namespace: str, seconds: float) -> Errand:
    """One pod for each way in which the backends differ, every node, and the addresses that clients may use."""
    there = {x.name: x.pod for x in sight.places.values()}
    pods = dict.fromkeys(x.server for x in sight.traces.items if x.server in there)
    nodes = tuple(x.metadata.name for x in sight.cluster.nodes)
    targets = dict[str, None]()
    for trace in sight.traces.items:
        named = (trace.target.endpoint,) if trace.target.host.endswith(".svc") else ()
        for endpoint in named or (join(x, trace.target.port) for x in trace.addresses):
            targets[f"{trace.target.scheme}://{endpoint}"] = None
        pod = there.get(trace.server)
        for address in pod.addresses if pod else ():
            targets[f"{trace.target.scheme}://{join(address, trace.port)}"] = None
    chosen = tuple((there[x].metadata.name, there[x].spec.node_name or "") for x in pods)
    return Errand(namespace, chosen, nodes, tuple(targets), seconds)


def _windows(sight: Sight) -> Iterator[Window]:
    """One pod for each way in which the backends of a flow differ."""
    there = {x.name: key for key, x in sight.places.items()}
    for trace in sight.traces.items:
        if trace.server in there and trace.arrives:
            yield Window(*there[trace.server], trace.server, trace.arrives, trace.protocol)


def conclude(world: World, question: Question, chosen: Sequence[Rule] | None = None) -> Diagnosis:
    """The diagnosis that the evidence allows: the same for a stored world, whoever gathered it and when."""
    sight = _sight(world, question)
    findings = _judged(sight, rules() if chosen is None else chosen)
    gaps = tuple(Skipped(x.needs, x.why) for x in (*world.gaps, *sight.said.gaps))
    return Diagnosis(sight.question, verdict(sight.traces, findings), sight.traces.items, findings, gaps)


def _runs(pod: Pod, said: Snapshot) -> Iterator[Deployed]:
    """The configurations that a pod's containers read: those of the workloads whose template its labels come from."""
    deployments = said.having(Deployments) or Deployments()
    labels = (pod.metadata.labels or {}).items()
    for item in deployments.items:
        work = item.workload
        if work and work.meta.namespace == pod.metadata.namespace and work.labels.items() <= labels and work.labels:
            yield item


def _judged(sight: Sight, wanted: Sequence[Rule]) -> tuple[Finding, ...]:
    """What the rules say of the flows, and of the objects as files; of one code the flows say it better."""
    live = sight.said.adding(sight.question, sight.cluster, sight.traces, Places(sight.places))
    of_clusters = [x for x in wanted if x.check and (Places in x.check.needs or Cluster in x.check.takes)]
    found, _ = judged(live, of_clusters)
    for part in (*_parts(sight, live), *_unresolved(sight, live)):
        usable = [x for x in wanted if x.check and x not in of_clusters and set(x.check.needs) <= set(part.facts)]
        more, _ = judged(part, usable)
        found += more
    found = [spread(x, sight.traces, Places(sight.places)) for x in found]
    unsaid = {x.code for x in wanted} - {x.code for x in found}
    static, _ = judged(sight.said, [x for x in static_rules() if x.code in unsaid], files=True)
    return explained([*found, *_beside(sight, static)], wanted)


def _beside(sight: Sight, static: Iterable[Finding]) -> Iterator[Finding]:
    """What files say beside the flows.

    Of a listener that flows were followed to there is nothing left to say where its sockets are known. Where they are
    not, what its file foretells is no certain fault.
    """
    followed = dict(_followed(sight))
    for finding in static:
        known = followed.get(finding.location) if finding.location else None
        if known is None or (known and finding.hop is not Hop.LISTEN):
            yield finding
        elif not known:
            yield replace(finding, severity=max(finding.severity, Severity.WARNING, key=list(Severity).index))


def _followed(sight: Sight) -> Iterator[tuple[Location, bool]]:
    """The places in files of listeners that flows were followed to, and whether their sockets are known."""
    for trace in sight.traces.items:
        there = [x for x in sight.places.values() if x.name == trace.server]
        for opened in (y for x in there for y in x.on(trace.port)):
            endpoint = opened.endpoint
            places = (endpoint.location, *(x.at for x in (endpoint.written, endpoint.pinned) if x))
            yield from ((x, not opened.bound.unknown) for x in places if x)


def _parts(sight: Sight, live: Snapshot) -> Iterator[Snapshot]:
    """For each pod at which flows end what the rules of hosts want to know: its sockets, and its configuration."""
    for name in dict.fromkeys(x.server for x in sight.traces.items if x.server):
        there = next(x for x in sight.places.values() if x.name == name)
        traces = Traces(tuple(x for x in sight.traces.items if x.server == name))
        yield live.adding(
            traces,
            Listeners(there.sockets, (name,)),
            Namespaces((there.space,)),
            there.declared(traces.items[0].port),
            Probes(tuple(y for x in traces.items for y in _answered(x, sight.seen))),
        )


def _unresolved(sight: Sight, live: Snapshot) -> Iterator[Snapshot]:
    """For each place whose resolver was asked what the rules of names want to know."""
    lost = Traces(tuple(x for x in sight.traces.items if x.failing and x.failing.hop is Hop.RESOLVE))
    yield from (live.adding(lost, x) for x in sight.heard if lost.items)


def _answered(trace: Trace, seen: Glimpses) -> Iterator[ProbeResult]:
    """What a look from outside met at the end of a flow, as an answer to a probe of that flow."""
    mark = trace.failing.mark if trace.failing and trace.failing.hop in _ANSWERS else ""
    found = (x for x in seen.items if (x.place, x.port, x.outcome) == (trace.server, trace.port, mark))
    for look in found:
        task = ProbeTask(next(iter(trace.addresses), ""), trace.target.port, trace.protocol, trace.target.host)
        yield ProbeResult(task, look.outcome, detail=look.detail)
