"""What a world of many Services comes to: each is judged as if it alone was asked about; what is equal is told once.

So are clients of which no Service tells how they fare (`gather/singly.py`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.conclusion import conclude
from dualstack.gather.as_files import declared
from dualstack.gather.cluster import Asker, of
from dualstack.gather.elsewhere import elsewhere_in
from dualstack.gather.kinds import COLLECTORS, NAMESPACES, POLICIES
from dualstack.gather.kube_objects import key, text
from dualstack.gather.lags import templates_in
from dualstack.gather.reasons import reasons_in
from dualstack.gather.stored import Stored
from dualstack.model.cluster import Cluster, Service
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding, Skipped
from dualstack.model.kube import Workloads
from dualstack.model.mutual import MESH_RULES
from dualstack.model.question import CLUSTER, Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Traces
from dualstack.model.world import World
from dualstack.reach.concern import UNSENT
from dualstack.reach.crowds import listed
from dualstack.reach.injected import told as instrumented
from dualstack.reach.leftover import RESTS, as_leftover, is_at_rest, is_leftover
from dualstack.reach.live import MISREAD
from dualstack.reach.operator import MONITORING
from dualstack.reach.strays import lost
from dualstack.reach.unaimed import ASIDE, NEEDS, aside, unaimed, unreached
from dualstack.reach.unbegun import unbegun
from dualstack.reach.unsent import aimless
from dualstack.reach.untold import is_same, untold
from dualstack.reach.verdict import verdict
from dualstack.rules.registry import Rule, explained, judged, ranked, rules, under

_SENDERS = ("clients", "the endpoint of", "pods")
"""Gaps in what is known of clients."""
_SWITCHED_OFF, _REFUSED = "DS808", ("DS122", "DS515", "DS516")
_BALANCED, _BALANCER = ("DS512", "DS520"), re.compile(r"^exporters\.loadbalancing\b.*\.resolver\.")
"""The rules of balancers, and the fields by which these are clients."""
_UNREADY = "DS507"
_SAID = re.compile(r" (?:container|scheduled:) (.*)")
"""How a detail tells that (`reach/states.py`)."""
_LOST = 20
"""Clients of Services that are not there, and Services without a port for OTLP, of which each is told."""


def conclude_all(world: World, question: Question, chosen: Sequence[Rule] | None = None) -> Diagnosis:
    """The diagnosis of every Service of a world, and of clients that are asked about by themselves."""
    wanted = rules() if chosen is None else chosen
    whole = world.cluster()
    each = [(x, _of_one(world, x, whole, conclude(part_of(world, x), question, wanted, whole))) for x in whole.services]
    strays = Traces(tuple(lost(world.lost[:_LOST], whole)))
    astray, _ = judged(Snapshot({}).adding(strays, whole), [x for x in wanted if x.check and Cluster in x.check.takes])
    mute = [x for x in astray if x.code == _SWITCHED_OFF]
    mute += [under("DS110", x) for x in aimless(whole) if len(wanted) == len(rules())]
    waiting = [under("DS507", x) for x in unbegun(whole) if len(wanted) == len(rules())]
    astray = [x for x in astray if x not in mute]
    astray += _unserved(world, whole, wanted)
    lonely = [instrumented(x, strays, world.lost, Workloads()) for x in explained(astray, wanted)]
    told = [(x.called, y) for x, one in each for y in one.findings if not _is_of_another(y, x)]
    traces = [*(y for _, x in each for y in x.traces), *strays.items]
    singles = (conclude(x, question, wanted, replace(whole, ambiguous=True)) for x in world.beyond)
    alone = [untold(x, [*(y for _, y in told), *lonely], traces) for x in singles]
    apart = [(x.exporters[0].made_by(ambiguous=True), y) for x in alone for y in x.findings]
    found = tuple(_together((x, y) for x, y in told if not any(is_same(y, z) for _, z in apart)))
    silent = _together((x.evidence[0].source, x) for x in mute)
    known = {(x.code, x.location) for x in found}
    shared = [x for x in _balancing(world, whole, wanted) if (x.code, x.location) not in known]
    findings = ranked([*found, *_together(apart, by_detail=True), *lonely, *silent, *waiting, *shared])
    every = tuple(dict.fromkeys((*traces, *(y for x in alone for y in x.traces))))
    asked = replace(question, place=CLUSTER, targets=tuple(dict.fromkeys(x.target for x in every)))
    heard = {f"{ASIDE}{y.owner} in {y.namespace}" for x in alone if x.findings for y in x.exporters}
    gaps = tuple(x for x in dict.fromkeys(_gaps(world, whole, each)) if x.needs not in heard)
    return Diagnosis(asked, verdict(Traces(every), findings), every, findings, gaps, exporters=tuple(world.clients))


def _unserved(world: World, whole: Cluster, chosen: Sequence[Rule]) -> list[Finding]:
    """Why Collectors of the Operator have no Service, as far as their own text tells."""
    bare = [x for x in world.objects.get(COLLECTORS.kind, ()) if not whole.service(key(x)[0], f"{key(x)[1]}-collector")]
    said, _ = declared(World(world.context, {COLLECTORS.kind: bare}), Question())
    return judged(said, [x for x in chosen if x.code in _REFUSED], files=True)[0]


def _is_of_another(finding: Finding, service: Service) -> bool:
    """Whether a finding is of ports that the Operator gives to another Service than the one for its own metrics."""
    return finding.code == MISREAD and service.metadata.name.endswith(MONITORING)


def _balancing(world: World, whole: Cluster, chosen: Sequence[Rule]) -> list[Finding]:
    """What files say of balancers among the clients: they are behind other Services than those that they ask for."""
    if not any(_BALANCER.match(x.variable) for x in world.clients):
        return []
    said, _ = declared(World(world.context, world.objects), Question(cluster=whole.families))
    return judged(said, [x for x in chosen if x.code in _BALANCED], files=True)[0]


def _of_one(world: World, service: Service, whole: Cluster, found: Diagnosis) -> Diagnosis:
    """The diagnosis of one; who was not looked at may use it, and where others are used, what they meet goes first."""
    known = not any(x.needs.startswith(_SENDERS) for x in world.gaps)
    if world.clients and not found.exporters:
        found = replace(found, findings=tuple(replace(x, met=False) for x in found.findings))
    at_rest = known and is_at_rest(service, whole, world.clients)
    unused = at_rest or (known and is_leftover(service, whole, world.clients))
    return as_leftover(found, at_rest=at_rest) if unused else found


def _gaps(world: World, whole: Cluster, each: Sequence[tuple[Service, Diagnosis]]) -> Iterator[Skipped]:
    """What could not be had, and ports: of a Service without one for OTLP where no other one leads to its pods."""
    why = "" if whole.services or world.lost else unaimed(whole, {}, world.target, world.namespace, world.clients)
    yield from (Skipped(NEEDS, x) for x in [why] if x)
    unseen = aside(world.clients, whole) if not why else {}
    yield from (Skipped(*x) for x in list(unseen.items())[:_LOST])
    yield from (Skipped(x.needs, x.why) for x in world.gaps)
    leading = [x for x, one in each if one.traces]
    silent = list(unreached((x for x, one in each if not one.traces), leading, whole))
    yield from (y for x, one in each for y in one.skipped if y.needs != NEEDS or x in silent[:_LOST])
    if len(silent) > _LOST:
        yield Skipped(NEEDS, f"{len(silent) - _LOST} more Services of Collectors have none")
    if len(world.lost) > _LOST:
        yield Skipped("clients", f"{len(world.lost) - _LOST} more name Services that are not there")


def part_of(world: World, service: Service) -> World:
    """What a question about one of the Services would have gathered, but for the nodes: they are the same for all."""
    rest = World(world.context, {**world.objects, "Node": []}, unseen=set(world.unseen), absent=world.absent)
    about = service.metadata
    known = World(world.context, domains=list(world.domains), slips=list(world.slips))
    found = of(Asker(Stored(rest), about.namespace, known), KubeTarget("svc", about.name))
    found.unseen |= world.unseen
    found.gaps.clear()
    found.clients = [x for x in world.clients if service.is_meant_by(x)]
    near = {x.namespace for x in found.clients}
    theirs = (x for x in world.objects.get(POLICIES.kind, ()) if text(x, "metadata", "namespace") in near)
    found.keep(POLICIES.kind, *theirs)
    found.unheld, found.other_policies = world.unheld, world.other_policies
    found.engines, found.dns = world.engines, world.dns
    reasons_in(rest, found)
    elsewhere_in(rest, found)
    templates_in(rest, found)
    for kind in (NAMESPACES.kind, *MESH_RULES):
        found.keep(kind, *world.objects.get(kind, ()))
    found.target, found.namespace, found.seen = f"svc/{about.name}", about.namespace, world.seen
    return found


def _together(found: Iterable[tuple[str, Finding]], *, by_detail: bool = False) -> Iterator[Finding]:
    """Findings of several Services; those that say the same of each are told of one, and the others named.

    It is one that clients use, where there is one. What explains a finding is what does so in its own Service, and what
    to do has to begin alike; what may rest is apart, unless another one needs the same change. Of clients, which send
    to many places, the same has to be said `by_detail`.
    """
    every = tuple(found)
    wanted = {x.fix for _, x in every if x.fix and not x.hint.endswith(RESTS)}
    alike: dict[tuple[object, ...], list[tuple[str, Finding]]] = {}
    for called, finding in every:
        detail = finding.detail if by_detail else _reason(finding)
        to_do = f"{finding.hint} ".partition(". ")[0]
        rests = finding.hint.endswith(RESTS) and finding.fix not in wanted
        key = (finding.code, rests, finding.summary, finding.because, to_do, detail)
        alike.setdefault(key, []).append((called, finding))
    for same in alike.values():
        (called, first), *rest = sorted(same, key=lambda x: x[1].met is False)
        others = [x for x in dict.fromkeys(x for x, _ in rest) if x != called]
        if not rest:
            yield first
            continue
        all_of_it = (first, *(x for _, x in rest))
        more = f" The same is true of {listed(others)}." if others else ""
        yield replace(
            first,
            detail=f"{first.detail}{more}",
            families=tuple(dict.fromkeys(y for x in all_of_it for y in x.families)),
            flows=tuple(dict.fromkeys(y for x in all_of_it for y in x.flows)),
        )


def _reason(finding: Finding) -> str:
    """What a container, or the scheduler, says of pods that are not ready; empty of anything else."""
    found = _SAID.search(finding.detail.removesuffix(f" {UNSENT}")) if finding.code == _UNREADY else None
    return found[1] if found else ""
