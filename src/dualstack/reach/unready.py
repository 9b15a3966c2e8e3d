"""Services of a cluster behind which no endpoint is ready."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import BOTH
from dualstack.model.cluster import Cluster, Pod, Service
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.crowds import listed
from dualstack.reach.endpoint_lag import missed
from dualstack.reach.held_up import held_up, to_end
from dualstack.reach.lanes import leaving, near, of_family, over, selected
from dualstack.reach.live import (
    LOCAL,
    NO_PORT,
    by_service,
    failing,
    families_of,
    keys,
    look_at_pods,
    maker,
    titles,
)
from dualstack.reach.outdated import cured, restarting
from dualstack.reach.pods import Place, Places
from dualstack.reach.probe_events import UNHEALTHY
from dualstack.reach.pulls import pulled
from dualstack.reach.rollouts import Revision, revision
from dualstack.reach.sidecars import together
from dualstack.reach.slice_writers import written_as
from dualstack.reach.states import (
    ended_well,
    has_ended,
    held_back,
    holder,
    initialising,
    lacked_memory,
    last_words,
    since_when,
    starting_again,
    status_of,
    taken,
    was_killed,
)
from dualstack.reach.trace import CRASHED

_OTHERS = (LOCAL, NO_PORT)
ENDING = (
    *("DS101", "DS102", "DS104", "DS105", "DS106", "DS107", "DS108", "DS113", "DS114", "DS115", "DS117", "DS118"),
    *("DS119", "DS120", "DS122", "DS210", "DS212", "DS215", "DS301", "DS302", "DS607"),
)
"""The rules of what ends a Collector, or keeps it from starting; where it does not run, the others explain nothing."""
_NONE = "Service has no ready endpoint"
_TAKEN = "address already in use"
"""EADDRINUSE, in the words of strerror(3), which Go and most others repeat."""
_KILLING = ("DS216", "DS218")
"""Those of what the kubelet ends a container for."""


def unready(cluster: Cluster, traces: Traces, places: Places) -> Iterator[Finding]:
    """One finding for each Service and reason, and for each pod without a Service in which nobody runs.

    Of pods that other flows end at these flows say nothing.
    """
    empty = (x for x in failing(traces, Hop.ENDPOINTS) if x.failing and x.failing.mark not in _OTHERS)
    for service, mine in by_service(cluster, empty):
        for why in dict.fromkeys(_why(x) for x in mine):
            flows = tuple(x for x in mine if _why(x) == why)
            every, own = selected(cluster, service), {y for x in flows for y in x.servers}
            others = {y for x in mine for y in x.servers if own} - own
            pods = [x for x in every if x.place not in others]
            nodes = {y for x in flows for y in x.nodes} if _local(cluster, service, flows) else set()
            near_by = [x for x in pods if not nodes or x.spec.node_name in nodes]
            halted = _halted(near_by, places)
            found = _finding(cluster, service, why, flows, halted)
            if halted and len(pods) < len(every) and not _halted(every, places):
                found = replace(found, summary=_NONE)
            reason = held_up(cluster, pods or leaving(cluster, service), flows, places)
            if to_end(near_by, places):
                found = replace(found, causes=ENDING)
            if reason:
                evidence = (*found.evidence, *reason.evidence)
                found = replace(found, detail=f"{found.detail} {reason.said}", hint=reason.hint, evidence=evidence)
            lacking = [_starved(x, places) for x in near_by if not x.ready]
            asked = reason is None or any(x.fact.startswith(UNHEALTHY) for x in reason.evidence)
            if asked and lacking and all(lacking):
                found = replace(found, hint=lacking[0])
            yield _younger(found, pods, places) if asked else found
    dead = tuple(x for x in failing(traces, Hop.LISTEN, CRASHED) if _stopped(places.named(x.server)))
    held = [(x, place) for x in dead for y in x.servers if (place := places.named(y)) and _stopped(place)]
    for who in dict.fromkeys(_whose(x) for _, x in held):
        lost = [(x, y) for x, y in held if _whose(y) == who]
        yield _dead(tuple({x.name: x for _, x in lost}.values()), tuple({x.key: x for x, _ in lost}.values()))


def _younger(found: Finding, pods: Sequence[Pod], places: Places) -> Finding:
    """A finding of pods that are not ready; the first thing is a restart where their configuration was mended since."""
    every = [(x, places.items.get((x.metadata.namespace, x.metadata.name))) for x in pods]
    old = next((y for x, y in every if y and not _stopped(y) and cured(x, y)), None)
    if old is None:
        return found
    what = f"{old.outdated}, and by what is there now it listens where the kubelet asks"
    return replace(found, hint=f"Restart the pods: {what}.", fix=restarting(old))


def beside(traces: Traces, places: Places) -> Iterator[Finding]:
    """One warning for each template of which a pod serves while another one does not run."""
    serving = [x for x in traces.items if x.required and not x.failed and x.server]
    told = dict[Revision, Place]()
    for here in filter(None, map(places.named, dict.fromkeys(x.server for x in serving))):
        made, space = revision(here.pod), here.pod.metadata.namespace
        down = (x for x in places.items.values() if _stopped(x) and not x.pod.finished)
        other = next((x for x in down if x.pod.metadata.namespace == space and revision(x.pod) == made), None)
        if made and other and made not in told:
            told[made] = other
            found = _dead((other,), tuple(x for x in serving if x.server == here.name))
            fact = Evidence(_stopped(other), f"status of the {other.name}")
            summary = "Another pod of the workload does not run"
            hint = _apart(here, other) or found.hint
            yield replace(found, summary=summary, hint=hint, severity=Severity.WARNING, evidence=(fact,), causes=())


def _apart(here: Place, other: Place) -> str:
    """What to do where two pods of one template are in the network of one node, and want the same port of it."""
    one, two = here.pod.spec, other.pod.spec
    alike = one.host_network and two.host_network and one.node_name == two.node_name
    return (
        f"Run no two of them on one node, as a DaemonSet does: the {here.name} has it."
        if alike and _is_taken(other)
        else ""
    )


def _halted(pods: Sequence[Pod], places: Places) -> Place | None:
    """The first of some pods, where a container runs in none of them."""
    found = [places.items.get((x.metadata.namespace, x.metadata.name)) for x in pods]
    return found[0] if found and all(map(_stopped, found)) else None


def _stopped(place: Place | None) -> str:
    return next(iter(place.stopped.values()), "") if place else ""


def ending(place: Place, container: str) -> tuple[str, ...]:
    """The rules that can say why a container does not run; that it lacked memory is reason enough."""
    if lacked_memory(place.pod, container):
        return ()
    return (*ENDING, *_KILLING) if was_killed(place.pod, container) else ENDING


def _of(place: Place) -> tuple[str, ...]:
    """The same of a pod: nothing that its Collector reads, where an init container keeps that from starting."""
    return () if held_back(place.pod)[0] else ending(place, _culprit(place))


def _culprit(place: Place) -> str:
    """The container that does not run, or the init container that it waits for."""
    return held_back(place.pod)[0] or next(iter(place.stopped))


def _waits(place: Place) -> bool:
    """Whether that is an init container which runs, and has not ended before."""
    return bool(since_when(_culprit(place), place.pod)) and not _is_ended(place)


def _whose(place: Place) -> tuple[str, str]:
    """What made a pod, and its container that does not run."""
    return maker(place.pod), next(iter(place.stopped))


def _dead(places: tuple[Place, ...], flows: tuple[Trace, ...]) -> Finding:
    place = max(places, key=lambda x: len(_stopped(x)))
    more = f" and {len(places) - 1} more of {maker(place.pod)}" if len(places) > 1 else ""
    return Finding(
        summary="A container of the receiver does not run",
        detail=f"In the {place.name}{more} {_stopped(place)}.",
        hint=_correct(place),
        families=families_of(flows),
        evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.LISTEN).evidence)),
        fix=Fix("Let the container run", commands=_logs(place)),
        flows=keys(flows),
        causes=_of(place),
    )


def _correct(place: Place) -> str:
    """What to do about a container that does not run: what it says of that is in its log or in the message."""
    name = _culprit(place)
    if _waits(place):
        return f"See in its log what the init container {name} waits for."
    if lacked_memory(place.pod, name):
        return _more_memory(place, name)
    if was_killed(place.pod, name):
        return "See in the events of the pod which probe failed: the kubelet ends a container for that."
    if _is_taken(place):
        node = f"a process of the node {place.pod.spec.node_name}, or of a pod in its network"
        whose = f"{node}," if place.pod.spec.host_network else _neighbour(place)
        return f"Give one of the two another port: {holder(place.pod) or whose} has the one that it wants."
    ended = _is_ended(place)
    if ended_well(status_of(name, place.pod)):
        return "See its command, its arguments and its hooks: it ended without an error of its own."
    says = pulled(place.pod, name) or "See what the kubelet says of the container."
    rival = holder(place.pod)
    look = f"See what the container said when it ended: {rival} listens on a port that it wants as well."
    return (look if rival else "Correct what the container said when it ended.") if ended else says


def _more_memory(place: Place, name: str) -> str:
    """What to do about a container that the kernel ended for its memory: it says nothing of that itself."""
    mine = next((x.resources for x in together(place.pod) if x.name == name), None)
    limit = ((mine.limits if mine else None) or {}).get("memory", "")
    reads = any(x.container and x.container.name == name for x in place.configs)
    first = f"Raise the memory limit of the container {name}, `{limit}`" if limit else f"Give {name} more memory"
    return f"{first}{', or let a `memory_limiter` keep it below' if reads else ''}."


def _starved(pod: Pod, places: Places) -> str:
    """What to do about a container of a pod that runs again after it lacked memory; empty where there is none."""
    place = places.items.get((pod.metadata.namespace, pod.metadata.name))
    again = (x.name for x in pod.status.container_statuses or () if starting_again(x))
    name = next((x for x in again if lacked_memory(pod, x)), "")
    return _more_memory(place, name) if place and name else ""


def _neighbour(place: Place) -> str:
    """Who can have the port that a container of a pod wanted: the pod has a network of its own."""
    name = next(iter(place.stopped))
    wanted = next(filter(None, (taken(last_words(x)) for x in place.pod.status.container_statuses or ())), 0)
    listening = [x.container for x in place.opened if x.port == wanted and x.container != name]
    if wanted and listening:
        return f"the container {listening[0]} of the pod"
    others = [x.name for x in together(place.pod) if x.name != name]
    named = f" ({', '.join(others)})" if others else ""
    return f"another container of the pod{named}, or another receiver,"


def _is_taken(place: Place) -> bool:
    """Whether a container ended because the port that it wants is somebody else's."""
    return any(_TAKEN in last_words(x).lower() for x in place.pod.status.container_statuses or ())


def _is_ended(place: Place) -> bool:
    name = _culprit(place)
    every = (*(place.pod.status.container_statuses or ()), *(place.pod.status.init_container_statuses or ()))
    return any(x.name == name and has_ended(x) for x in every)


def _logs(place: Place) -> tuple[str, ...]:
    """The command that shows what a container said before its end, or else what the kubelet says of it."""
    about, name = place.pod.metadata, _culprit(place)
    shown = f"kubectl logs {about.name} -n {about.namespace} -c {name}"
    if _waits(place):
        return (shown,)
    logs = f"{shown} --previous"
    describe = f"kubectl describe pod {about.name} -n {about.namespace}"
    if lacked_memory(place.pod, name):
        return (describe,)
    if was_killed(place.pod, name) or ended_well(status_of(name, place.pod)):
        return (describe, logs)
    if place.pod.spec.host_network and _is_taken(place):
        return (f"kubectl get pods -A -o wide --field-selector spec.nodeName={place.pod.spec.node_name}", logs)
    return (logs,) if _is_ended(place) else (describe,)


def _why(trace: Trace) -> str:
    """What is wrong, without the family, which flows of one reason may differ in."""
    said = trace.failing.why if trace.failing else ""
    return said.replace(f" {trace.family.title}", "")


def _local(cluster: Cluster, service: Service, flows: Sequence[Trace]) -> str:
    """That clients are kept to the endpoints of their nodes, where others are ready; empty where it is not that."""
    ready = {x for y in near(cluster.slices_of(service)).values() for x in y}.difference(*(x.nodes for x in flows))
    if service.spec.internal_traffic_policy != "Local" or not ready:
        return ""
    kept = "`internalTrafficPolicy: Local` keeps clients to those of their own node"
    return f"; {kept}, and ready ones are on {listed(sorted(ready))}"


def _finding(cluster: Cluster, service: Service, why: str, flows: tuple[Trace, ...], halted: Place | None) -> Finding:
    pods, past = selected(cluster, service), over(cluster, service)
    families = families_of(flows)
    which = f"{titles(families)} " if len(families) < len(BOTH) and families != service.families else ""
    said = flows[0].failing.why if which and flows[0].failing else why
    commands = _logs(halted) if halted else (look_at_pods(service),) if service.spec.selector else ()
    writers = " and ".join(dict.fromkeys(map(written_as, cluster.slices_of(service)))) or "the EndpointSlices"
    look = "See what keeps the pods from being ready." if commands else f"See who writes {writers}."
    begun = next(((x.metadata.name, name) for x in pods if (name := initialising(x))), None)
    if begun and not halted:
        look = f"See what the init container {begun[1]} waits for, which its log may say."
        commands = (f"kubectl logs {begun[0]} -n {service.metadata.namespace} -c {begun[1]}",)
    lacks = [x.title for x in families if not of_family(cluster.slices_of(service), x)]
    if lacks and not service.spec.selector and writers.startswith("EndpointSlice "):
        each = " and ".join(lacks)
        look = f"Add an EndpointSlice of {each} with the address of the receiver, or take {each} from the Service."
    local = _local(cluster, service, flows)
    said += local
    near_by = " on the nodes of its clients" if local else ""
    if pods and all(missed(cluster.slices_of(service), x, service) for x in pods):
        said = f"{said}, although the pods are ready"
        look = "See whether kube-controller-manager runs: it writes the EndpointSlices."
    if past:
        about, verb = past[0].metadata, "describe pod" if past[0].status.reason else "logs"
        look, commands = _anew(past), (f"kubectl {verb} {about.name} -n {about.namespace}",)
    return Finding(
        summary=f"No pod of the Service runs{near_by}" if halted or past else f"Service has no ready {which}endpoint",
        detail=f"{said[:1].upper()}{said[1:]}.",
        hint=_correct(halted) if halted else look,
        families=families,
        evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.ENDPOINTS).evidence)),
        fix=Fix("Get an endpoint ready", commands=commands),
        flows=keys(flows),
        causes=_of(halted) if halted else None,
    )


def _anew(pods: Sequence[Pod]) -> str:
    """What to do about pods that have ended, which nothing starts again (Kubernetes documentation, Pod Lifecycle)."""
    kinds = {x.kind for pod in pods for x in pod.metadata.owner_references or ()}
    if any(x.status.reason for x in pods):
        more = "." if kinds else ", and make it anew: no workload does that."
        return f"Mend what the kubelet says of the pod{more}"
    if "Job" in kinds:
        return "Run the Collector by a Deployment: a Job is for work that ends."
    return "See why its process ended, and run it by a Deployment: nothing starts a pod again that has ended."
