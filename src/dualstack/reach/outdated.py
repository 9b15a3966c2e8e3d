"""ConfigMaps that are younger than the pods that have read them, and what a restart would make of these pods.

What runs is known from exports and from sockets inside, what would run from the text that is there now.
"""

from collections.abc import Iterator, Sequence

import msgspec

from dualstack.model.address import family
from dualstack.model.cluster import Pod
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.sockets import Listener
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.bind import Bound, accepts, accepts_phrase
from dualstack.reach.hint import where
from dualstack.reach.pods import Opened, Place, Places
from dualstack.reach.states import probed


class Next(msgspec.Struct, frozen=True):
    """What the containers of a pod make when they start again: sockets, and what ends or is not known of them.

    `closed` says that nothing else can listen there then.
    """

    sockets: tuple[Listener, ...]
    failed: Opened | None
    unclear: tuple[Opened, ...]
    closed: bool


def outdated(traces: Traces, places: Places) -> Iterator[Finding]:
    """For each pod that may run an older configuration: what a restart would mend, or else what it would break."""
    for name in dict.fromkeys(x.server for x in traces.items):
        place = places.named(name)
        if place is None or not place.outdated:
            continue
        then = following(place)
        mine = [x for x in traces.items if x.server == name and x.required and (then.failed or _is_open(x, place))]
        mended = [x for x in mine if _is_refused(x) and takes(then, x, place)]
        broken = [x for x in mine if not x.failed and takes(then, x, place) is False]
        if mended:
            yield _mended(place, mended, broken)
        if broken:
            yield _breaking(place, then, broken)
        unsure = [x for x in mine if not x.accepted]
        if unsure and not mended and not broken:
            yield _unsure(place, unsure, sure=all(takes(then, x, place) for x in unsure))


def _is_open(trace: Trace, place: Place) -> bool:
    """Whether what listens for a flow may be of an older text; on ports with the sockets of the newer one it is not."""
    there = place.on(trace.port)
    return not there or any(x.anew for x in there)


def following(place: Place) -> Next:
    """What a restart makes of a pod."""
    bounds = [(x, x.anew or x.bound) for x in place.opened]
    failed = next((x for x, y in bounds if x.anew and y.cause), None)
    sockets = tuple(z for x, y in bounds if not (failed and failed.container == x.container) for z in y.sockets)
    return Next(sockets, failed, tuple(x for x, y in bounds if y.unknown), place.whole)


def cured(pod: Pod, place: Place) -> bool:
    """Whether a restart surely opens what the kubelet asks a pod at, which runs an older configuration."""
    then, ports = following(place), {*probed(pod)}
    address = next(iter(pod.addresses), "")
    known = bool(place.outdated and address and ports) and not then.failed
    return known and all(_opens(then, x, address, place) for x in ports)


def _opens(then: Next, port: int, address: str, place: Place) -> bool:
    return any(accepts(x, address, place.space) is True for x in then.sockets if x.port == port)


def takes(then: Next, trace: Trace, place: Place) -> bool | None:
    """Whether a flow to a pod is taken after a restart; None where nobody can say."""
    address = next((x for x in place.pod.addresses if family(x) is trace.family), "")
    refused = any(x.config.refused for x in place.configs)
    if not address or refused or any(x.port in (trace.port, 0) for x in then.unclear):
        return None
    said = [accepts(x, address, place.space) for x in then.sockets if x.port == trace.port]
    if not said:
        return False if then.closed or then.failed else None
    return True if True in said else None if None in said else False


def _is_refused(trace: Trace) -> bool:
    return trace.failed and trace.at(Hop.LISTEN).status is Status.FAIL


def _finding(place: Place, flows: Sequence[Trace]) -> Finding:
    """What all of these findings have."""
    return Finding(
        summary="Pods are older than their configuration",
        detail=f"{place.outdated}.",
        families=tuple(dict.fromkeys(x.family for x in flows)),
        evidence=(Evidence(place.outdated, "metadata of what it reads, status of the container"),),
        location=next(x.config.at for x in place.configs),
        flows=tuple(x.key for x in flows),
    )


def _mended(place: Place, flows: Sequence[Trace], broken: Sequence[Trace]) -> Finding:
    one = _finding(place, flows)
    told = tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.LISTEN).evidence))
    first = " after what the other finding says of it is corrected" if broken else ""
    return msgspec.structs.replace(
        one,
        detail=f"{one.detail} By the text that is there now {_ports(flows)} would take what the {place.name} refuses.",
        hint=f"Restart the pods to let them read it{first}.",
        evidence=(*one.evidence, *told),
        fix=None if broken else restarting(place),
    )


def _breaking(place: Place, then: Next, flows: Sequence[Trace]) -> Finding:
    """What a restart would break; nobody should be told to make one before that is corrected."""
    one = _finding(place, flows)
    ports = dict.fromkeys(x.port for x in flows)
    wrong = [then.failed] if then.failed else [y for x in ports for y in place.on(x)]
    fields = " and ".join(f"`{x.endpoint.field}`{where(x.endpoint).rstrip(',')}" for x in wrong)
    runs = "runs" if any(x.at(Hop.LISTEN).status is Status.PASS for x in flows) else "may run"
    return msgspec.structs.replace(
        one,
        summary="The next restart ends the Collector" if then.failed else f"The next restart closes {_ports(flows)}",
        detail=f"{one.detail} The {place.name} {runs} what was there before. {_said(next(iter(wrong), None), flows)}",
        hint=f"Correct {fields or 'it'} before anything restarts the pods.",
        severity=Severity.WARNING,
        confidence=Confidence.INFERRED,
        location=wrong[0].endpoint.location if wrong else one.location,
    )


def _said(wrong: Opened | None, flows: Sequence[Trace]) -> str:
    """The sentence that says what becomes of these flows with the text that is there now."""
    if wrong is None:
        return f"The text that is there now listens on {_ports(flows)} no more."
    bound = wrong.anew or Bound()
    if bound.cause:
        return f"With `{wrong.value}`, which is there now, it does not start: `{bound.error}`."
    taken = " and ".join(map(accepts_phrase, bound.sockets)) or "takes nothing"
    return f"With `{wrong.value}`, which is there now, port {wrong.port} {taken}."


def _unsure(place: Place, flows: Sequence[Trace], *, sure: bool) -> Finding:
    one = _finding(place, flows)
    hint = "Restart the pods to let them read it." if sure else "See that it is right, then restart the pods."
    return msgspec.structs.replace(
        one,
        detail=f"{one.detail} The {place.name} may run what was there before, so what it listens on is not known.",
        hint=hint,
        severity=Severity.WARNING,
        confidence=Confidence.INFERRED,
        fix=restarting(place) if sure else None,
    )


def restarting(place: Place) -> Fix:
    """What restarts the pods of a workload, with the command where that is known."""
    owner = next((x.workload.meta for x in place.configs if x.workload), None)
    named = owner is not None and owner.kind != "Pod"
    restart = f"kubectl rollout restart {owner.kind.lower()} {owner.name} -n {owner.namespace}" if owner else ""
    return Fix("Restart the pods", commands=(restart,) if named else ())


def _ports(flows: Sequence[Trace]) -> str:
    """`port 4317`, `ports 4317 and 4318`."""
    found = tuple(dict.fromkeys(x.port for x in flows))
    return f"port{'s' * (len(found) > 1)} {' and '.join(map(str, found))}"
