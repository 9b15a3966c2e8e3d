"""What a world of Kubernetes comes to: the flows to its Services, and what the rules say of them.

    objects -> what they declare -> places (pods) -> forward (traces) -> rules (findings) -> diagnosis

The same for a stored world, whoever gathered it and when.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.gather.as_files import declared
from dualstack.gather.facts import snapshot_of
from dualstack.gather.proxy import proxy_of
from dualstack.model.address import Family
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding, Severity, Skipped
from dualstack.model.gateway import Gates
from dualstack.model.glimpse import Glimpse, Glimpses, Way, glimpsed
from dualstack.model.host import Namespace, Namespaces
from dualstack.model.inspection import Crossing, Inspection, crossings
from dualstack.model.kube import Services, Workloads
from dualstack.model.names import Names
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import CLUSTER, Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners
from dualstack.model.source import Location
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.model.world import World
from dualstack.reach.admitted import admitted
from dualstack.reach.arrival import heard
from dualstack.reach.balancers import balanced
from dualstack.reach.blame import is_loopback
from dualstack.reach.by_fronts import behind, followed, untaken
from dualstack.reach.cautions import cautions, joined
from dualstack.reach.certified import Sent, certified, unverified
from dualstack.reach.cluster_dns import unanswered
from dualstack.reach.concern import Concern, concern, deciding
from dualstack.reach.confined import client_of, confined
from dualstack.reach.crossed import as_clients, crossed, is_over_tls, spared, to_pods, unreached
from dualstack.reach.crowds import first_families
from dualstack.reach.entrance import answered, told, tried, untried
from dualstack.reach.exports import needed
from dualstack.reach.followed_on import followed_on
from dualstack.reach.forward import World as Reasoned
from dualstack.reach.forward import forward
from dualstack.reach.gates import gated
from dualstack.reach.halted import at_rest, unmade
from dualstack.reach.halted import standing as as_they_stand
from dualstack.reach.hint import in_namespace
from dualstack.reach.injected import told as instrumented
from dualstack.reach.landscape import Landscape, landscape
from dualstack.reach.large_exports import differing
from dualstack.reach.live import with_services
from dualstack.reach.mesh_refusals import decided
from dualstack.reach.mutual import mutual
from dualstack.reach.onward import not_followed, onward
from dualstack.reach.paths import UNSTRIPPED
from dualstack.reach.pods import Place, Places, looked_into, place
from dualstack.reach.readiness import spread
from dualstack.reach.refuted import said_at, standing, unmissed, unneeded, useful
from dualstack.reach.resolved import Heard, resolved
from dualstack.reach.routes import routes
from dualstack.reach.runs import foretold, left_alone, resting, runs
from dualstack.reach.sent import dialling_first
from dualstack.reach.strays import deserted
from dualstack.reach.superseded import current
from dualstack.reach.terms import agreed
from dualstack.reach.trace import NOTHING
from dualstack.reach.turned_back import doubted, told_by_pods
from dualstack.reach.unaimed import NEEDS, silent, unaimed
from dualstack.reach.unbound import held_by_others
from dualstack.reach.unexplained import unexplained
from dualstack.reach.unheld import is_unheld
from dualstack.reach.unoffered import unoffered, untransported
from dualstack.reach.unready import ending
from dualstack.reach.veiled import veiled
from dualstack.reach.verdict import verdict
from dualstack.reach.ways import unspoken, ways
from dualstack.rules.registry import Rule, explained, judged, ranked, rules, static_rules, under

_ANY = ("",)
"""Of a place in a file that no flow was followed to: every rule may speak."""
_ANSWERS = (Hop.HANDSHAKE, Hop.EXPORT)
"""Where a look from outside is what tells how a flow ends."""


class Sight(NamedTuple):
    """What a world comes to: the objects that matter, what they declare, the pods as places, and the flows.

    By the keys of flows, `refused` holds what clients make of a certificate and how larger exports ended, and `within`
    the network of a client's pod that a container looked into and that has no way. `unverified` is what no export
    showed of a certificate.
    """

    cluster: Cluster
    question: Question
    said: Snapshot
    places: Mapping[tuple[str, str], Place]
    traces: Traces
    seen: Glimpses
    heard: tuple[Names, ...] = ()
    refused: Mapping[str, ProbeResult] = {}
    within: Mapping[str, Namespace] = {}
    unverified: tuple[Skipped, ...] = ()
    clients: tuple[Exporter, ...] = ()


def sight(world: World, question: Question, whole: Cluster | None = None) -> Sight:
    """What there is to judge. `whole` is the cluster that the world is a part of, where it has the nodes."""
    cluster = world.cluster(ambiguous=whole.ambiguous if whole else None)
    if whole:
        cluster = replace(cluster, nodes=whole.nodes, more_nodes=whole.more_nodes, families=whole.families)
    asked = replace(
        question, place=CLUSTER, cluster=question.cluster or cluster.families, **first_families(cluster.pods)
    )
    said, texts = declared(world, asked)
    first = next(iter(asked.cluster), Family.IPV4)
    cluster = replace(cluster, pods=(*left_alone(cluster.pods, said),), proxy=proxy_of(texts.values(), first))
    looks = [(x, snapshot_of(x.facts)) for x in world.inspections]
    inside = [y for x, seen in looks for y in _shared(x, seen, cluster.pods)]
    cluster = replace(cluster, observed=tuple(_of_nodes(looks)))
    asking = {(x.metadata.namespace, x.metadata.name) for x in cluster.askers}
    exports = [y for x, seen in inside for y in crossings(x, seen) if not (asking and x.host)]
    made = list(doubted(as_clients(exports, asking), cluster))
    glimpses = Glimpses(
        (*told_by_pods(_renamed(world.seen, cluster.pods), cluster), *_from_inside(exports, cluster.pods)),
        world.seen.entrances,
        nameless=world.seen.nameless,
    )
    places = {(x.metadata.namespace, x.metadata.name): place(x, runs(x, said), cluster, glimpses) for x in cluster.pods}
    sent_on = (y for x in cluster.askers for y in onward(x, runs(x, said), cluster.config_maps))
    cluster = replace(cluster, onward=tuple(sent_on))
    for looked, seen in inside:
        spaces, key = seen.having(Namespaces), (looked.namespace, looked.pod)
        if spaces and key in places:
            places[key] = looked_into(places[key], spaces.items[0], seen.having(Listeners))
    heard = tuple(
        Heard(x.node, names, x.pod if (x.namespace, x.pod) in asking else "")
        for x, seen in _clients(looks, cluster)
        if (names := seen.having(Names))
    )
    near = to_pods(made, places.values())
    glimpses = replace(glimpses, unreached=unreached(near))
    reasoned = (cluster, places, asked, glimpses)
    flows = _ways(reasoned, said) if cluster.askers else forward(*reasoned)
    predicted = resolved(unanswered(_let_in(flows, world.clients, cluster, Places(places)), cluster), heard)
    met = spared(crossed(predicted, made, len(cluster.nodes) + cluster.more_nodes, near), asked.expect)
    every = tuple(
        confined(met if cluster.askers else held_by_others(met, Places(places)), (*made, *exports), Places(places))
    )
    brought = agreed(tuple(needed(every, world.clients, asked.expect)), world.clients, Places(places), glimpses)
    more = behind(reasoned, every) if cluster.askers else _more(reasoned, world.clients, said, every)
    sent = Sent(world.clients, made, glimpses, world.gathered)
    checked = list(certified(tuple(brought), Places(places), sent))
    traces = Traces((*as_they_stand((x for x, _ in checked), cluster), *more))
    aimed = replace(asked, targets=tuple(dict.fromkeys(x.target for x in traces.items)))
    refused = dict(differing(traces.items, (*made, *exports), Places(places)))
    refused |= {x.key: answer for x, answer in checked if answer}
    within = {x.key: y.space for x in traces.items if (y := client_of(x, made, Places(places)))}
    trust = tuple(dict.fromkeys(unverified(traces.items, sent)))
    lookups, exporters = tuple(x.names for x in heard), tuple(world.clients)
    return Sight(cluster, aimed, said, places, traces, glimpses, lookups, refused, within, trust, exporters)


def _let_in(flows: Iterable[Trace], clients: Sequence[Exporter], cluster: Cluster, places: Places) -> Iterator[Trace]:
    """The flows as policies, and the proxies of a mesh, leave them."""
    allowed = admitted(flows, cluster, places, clients)
    return decided(mutual(allowed, cluster, places), cluster, places)


def _ways(world: Reasoned, said: Snapshot) -> Iterator[Trace]:
    """The ways of the clients that are asked about, with what files say of them."""
    senders = said.having(Senders) or Senders()
    vain = deserted(senders, said.having(Workloads) or Workloads(), said.having(Deployments) or Deployments())
    return followed(ways(world, set(vain), set(dialling_first(senders))), world, *_gates(said))


def _clients(looks: Iterable[tuple[Inspection, Snapshot]], cluster: Cluster) -> Iterator[tuple[Inspection, Snapshot]]:
    """What containers saw that resolve names as clients do: in their pods, where some are asked about, and in Jobs."""
    theirs = {(x.metadata.namespace, x.metadata.name) for x in cluster.askers}
    others = {(x.metadata.namespace, x.metadata.name) for x in cluster.pods if theirs or not x.asks_cluster_dns}
    yield from (
        (x, seen) for x, seen in looks if (x.namespace, x.pod) not in others - theirs and not (theirs and x.host)
    )


def _shared(looked: Inspection, seen: Snapshot, pods: Iterable[Pod]) -> Iterator[tuple[Inspection, Snapshot]]:
    """What a container saw; in the network of a node that is what it would have seen in each pod there."""
    if not looked.host:
        yield looked, seen
    for about in (x.metadata for x in pods if looked.host and x.spec.host_network and x.spec.node_name == looked.node):
        yield replace(looked, namespace=about.namespace, pod=about.name), seen


def _of_nodes(looks: Iterable[tuple[Inspection, Snapshot]]) -> Iterator[Namespace]:
    for looked, seen in looks:
        for space in (seen.having(Namespaces) or Namespaces(())).items if looked.host else ():
            yield replace(space, place=f"node {looked.node}")


def _more(world: Reasoned, clients: Sequence[Exporter], said: Snapshot, every: Sequence[Trace]) -> Iterator[Trace]:
    """The flows to Services beside those of pods to each port: of clients that miss one, and from outside."""
    cluster, places, asked, seen = world
    yield from untransported(cluster, asked)
    yield from unoffered(cluster, clients, asked)
    yield from unspoken(world, clients, every)
    inner = tuple(agreed(every, (), Places(places), seen))  # who comes from outside is not known
    outer = admitted(dict.fromkeys(_outside(cluster, said, asked, inner)), cluster, Places(places))
    yield from tried(outer, seen)


def _outside(cluster: Cluster, said: Snapshot, asked: Question, inside: Sequence[Trace]) -> Iterator[Trace]:
    """The flows through what stands in front of the Services."""
    yield from balanced(cluster, asked, inside)
    gates, land = _gates(said)
    yield from gated(cluster, tuple(routes(gates, land)), land, asked, inside)


def _gates(said: Snapshot) -> tuple[Gates, Landscape]:
    gates, deployments = said.having(Gates) or Gates(), said.having(Deployments) or Deployments()
    every = (deployments, said.having(Services), said.having(Workloads) or Workloads())
    return gates, landscape(*every) if gates.items else Landscape()


def _from_inside(made: Iterable[Crossing], pods: Iterable[Pod]) -> Iterator[Glimpse]:
    """The exports that a container inside a pod made to the pod's own addresses."""
    there = {(x.metadata.namespace, x.metadata.name): x for x in pods}
    for each in made:
        task, mine = each.result.task, there.get((each.namespace, each.pod))
        if mine and (task.address in mine.addresses or is_loopback(task.address)):
            yield glimpsed(mine.place, task.port, Way.INSIDE, each.result, task.address)


def _renamed(seen: Glimpses, pods: Sequence[Pod]) -> Iterator[Glimpse]:
    """The looks from outside, of pods that are called as the question asks for; they may be of a wider question."""
    whole = {f"pod {x.metadata.namespace}/{x.metadata.name}": x.place for x in pods}
    alone = {f"pod {x.metadata.name}": x.place for x in pods}
    for look in seen.items:
        place = whole.get(look.place) or alone.get(look.place)
        yield look if place in (None, look.place) else replace(look, place=place)


def conclude(
    world: World, question: Question, chosen: Sequence[Rule] | None = None, whole: Cluster | None = None
) -> Diagnosis:
    """The diagnosis that the evidence allows: the same for a stored world, whoever gathered it and when."""
    seen = sight(world, question, whole)
    workloads, flows = seen.said.having(Workloads) or Workloads(), seen.traces.items
    near = tuple(seen.places.values())
    whom = concern(flows, world.clients, seen.cluster, near, seen.said, everything=whole is not None)
    found = _judged(seen, rules() if chosen is None else chosen, whom)
    told_of = (
        instrumented(x, seen.traces, world.clients, workloads, seen.cluster.instrumentations or ()) for x in found
    )
    spaces = {x.metadata.name: x.metadata.namespace for x in seen.cluster.pods}
    findings = tuple(
        replace(x, hint=in_namespace(x.hint, spaces)) for y in told_of for x in [current(y, seen.said, seen.cluster)]
    )
    asking = {(x.metadata.namespace, x.metadata.name) for x in seen.cluster.askers}
    met = (x for key, x in seen.places.items() if key not in asking)
    beyond = not_followed(met, seen.cluster.config_maps, seen.cluster.ranges) if whole is None else ()
    gaps = tuple(Skipped(x.needs, x.why) for x in (*world.gaps, *beyond, *seen.said.gaps))
    why = "" if seen.traces.items else unaimed(seen.cluster, seen.places, world.target, world.namespace)
    gaps = (*((Skipped(NEEDS, why),) if why else ()), *gaps, *seen.unverified, *untried(seen.traces))
    if len(chosen or rules()) == len(rules()):
        mute = silent(seen.cluster, why, "" if whole else world.target)
        findings = ranked([*findings, *(under(code, x) for code, x in mute)]) if why else findings
    traces = whom.spared(flows)
    fared = verdict(Traces(deciding(traces, world.clients, seen.cluster)), findings)
    answer = Diagnosis(seen.question, fared, traces, findings, gaps, exporters=tuple(world.clients))
    aside = replace(question, expect=())
    return followed_on(answer, (conclude(x, aside, chosen) for x in world.beyond))


def _judged(sight: Sight, wanted: Sequence[Rule], whom: Concern) -> tuple[Finding, ...]:
    """What the rules say of the flows, and of the objects as files; of one code the flows say it better."""
    places = with_services(Places(sight.places), sight.traces, sight.cluster)
    live = sight.said.adding(sight.question, sight.cluster, sight.traces, places)
    of_clusters = [x for x in wanted if x.check and (Places in x.check.needs or Cluster in x.check.takes)]
    found, _ = judged(live, of_clusters)
    for part in (*_parts(sight, live), *_unresolved(sight, live)):
        usable = [x for x in wanted if x.check and x not in of_clusters and set(x.check.needs) <= set(part.facts)]
        more, _ = judged(part, usable)
        found += more
    found = [spread(x, sight.traces, places) for x in found]
    unsaid = {x.code for x in wanted} - {x.code for x in found}
    files, _ = judged(sight.said.adding(sight.cluster), [x for x in static_rules() if x.code in unsaid], files=True)
    workloads = sight.said.having(Workloads) or Workloads()
    helpful = useful(files, sight.cluster, sight.said.having(Services) or Services())
    lasting = standing(helpful, tuple(sight.places.values()), workloads, sight.cluster.nodes)
    beside = (unneeded(x, sight.traces.items, workloads) for x in _beside(sight, lasting))
    every = (unmissed(told(x, sight.traces), sight.clients) for x in (*found, *beside))
    said = [untaken(x, sight.cluster, sight.said.having(Gates) or Gates()) for x in every]
    # Who leaves a rule out does not want to hear of its faults under another name.
    if len(wanted) == len(rules()):
        said += [under(code, x) for code, x in unexplained(sight.traces, said, sight.cluster, places)]
        said += [under(code, x) for code, x in (*at_rest(sight.traces, sight.cluster), *unmade(sight.cluster))]
        said = joined(said, (under(code, x) for code, x in cautions(sight.traces, sight.clients, sight.cluster)))
    return tuple(map(veiled, explained(map(whom.judged, said), wanted)))


def _beside(sight: Sight, static: Iterable[Finding]) -> Iterator[Finding]:
    """What files say beside the flows.

    Of a listener that flows were followed to there is nothing left to say where its sockets are known, or what else
    ends its container. Where they are not, or where only a template says it that is not in use while pods of another
    one run, what its file foretells is no certain fault.
    """
    followed, coming = dict(_followed(sight)), foretold(sight.places.values(), sight.said)
    aside = resting(coming, sight.said, sight.cluster.makers)
    for finding in (x for x in static if not (x.location and x.location.file in aside)):
        left = followed.get(finding.location, _ANY) if finding.location else _ANY
        if left is None or (finding.location and finding.location.file in coming):
            yield replace(finding, severity=max(finding.severity, Severity.WARNING, key=list(Severity).index))
        elif left is _ANY or finding.hop is not Hop.LISTEN or finding.code in left:
            yield finding


def _followed(sight: Sight) -> Iterator[tuple[Location, tuple[str, ...] | None]]:
    """The places in files of listeners that flows were followed to, with the rules that have something left to say.

    None where the sockets are not known.
    """
    there = {x.name: x for x in sight.places.values()}
    met = ((there[x.server], y) for x in sight.traces.items if x.server in there for y in there[x.server].on(x.port))
    halted = ((x, y) for x in there.values() for y in x.opened if y.container in x.stopped)
    for held, opened in (*met, *halted):
        running = None if opened.bound.unknown else ()
        left = ending(held, opened.container) if opened.container in held.stopped else running
        yield from ((x, left) for x in said_at(opened.endpoint))


def _parts(sight: Sight, live: Snapshot) -> Iterator[Snapshot]:
    """For each pod at which flows end what the rules of hosts want to know: its sockets, and its configuration.

    Of clients also the flows that were refused out of sight, or end where nobody may be. A flow without an address, as
    to a Service in files that has got none yet, is none that these rules know.
    """
    without_way = [x for x in sight.traces.items if x.key in sight.within]
    for trace in without_way:
        yield live.adding(Traces((trace,)), Namespaces((sight.within[trace.key],)))
    ended = [x for x in sight.traces.items if x.server and x.addresses and x not in without_way]
    for name in dict.fromkeys(x.server for x in ended):
        there = next(x for x in sight.places.values() if x.name == name)
        traces = Traces(tuple(x for x in ended if x.server == name))
        yield live.adding(
            traces,
            Listeners((*there.sockets, *heard(traces.items, there)), (name,)),
            Namespaces((there.space,)),
            there.declared(traces.items[0].port),
            Probes(tuple(y for x in traces.items for y in _answered(x, sight))),
        )
    for trace in (x for x in sight.traces.items if x.at(Hop.EXPORT).mark == UNSTRIPPED):
        yield live.adding(Traces((trace,)), Probes(()))
    certified_by = ((x, y) for x in sight.traces.items if x.failed and not x.server and (y := sight.refused.get(x.key)))
    for trace, made in (*answered(sight.traces.items, sight.seen.entrances), *certified_by):
        yield live.adding(Traces((trace,)), Probes((made,)))
    out_of_sight = (x for x in sight.traces.items if sight.cluster.askers and not x.server and x.addresses)
    refused = [x for x in out_of_sight if _turned(x) or is_unheld(x.at(Hop.ENDPOINTS))]
    yield from (live.adding(Traces(tuple(refused))) for _ in refused[:1])


def _turned(trace: Trace) -> bool:
    """Whether somebody refuses a flow of whom nothing else is known."""
    return trace.failing is not None and trace.failing.hop is Hop.LISTEN and trace.failing.mark != NOTHING


def _unresolved(sight: Sight, live: Snapshot) -> Iterator[Snapshot]:
    """For each place whose resolver was asked what the rules of names want to know."""
    lost = Traces(tuple(x for x in sight.traces.items if x.failing and x.failing.hop is Hop.RESOLVE))
    yield from (live.adding(lost, x) for x in sight.heard if lost.items)


def _answered(trace: Trace, sight: Sight) -> Iterator[ProbeResult]:
    """What a look from outside met at the end of a flow, as an answer to a probe of that flow."""
    if trace.key in sight.refused:
        yield sight.refused[trace.key]
        return
    ends = (x for x in trace.hops if x.hop in _ANSWERS and x.mark and x.status in (Status.FAIL, Status.UNKNOWN))
    end = next(ends, None)
    if end is None:
        return
    tls = any(map(is_over_tls, end.evidence))
    task = ProbeTask(next(iter(trace.addresses), ""), trace.target.port, trace.protocol, trace.target.host, tls)
    found = [x for x in sight.seen.items if (x.place, x.port, x.outcome) == (trace.server, trace.port, end.mark)]
    if not found and end.mark in tuple(Outcome):
        shown = (x.certificate for x in sight.seen.items if (x.place, x.port) == (trace.server, trace.port))
        held = next(filter(None, shown), None)
        yield ProbeResult(task, Outcome(end.mark), detail=end.why, signals=trace.signals, certificate=held)
    for look in sorted(found, key=lambda x: not x.detail):  # the proxy of an API server passes on no headers
        yield ProbeResult(task, look.outcome, status=look.status, detail=look.detail, signals=look.signals)
