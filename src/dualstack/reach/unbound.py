"""Ports of a pod on which nothing of its own listens: who ended, who is not there, and who else may answer."""

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.address import OTLP_PORTS
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.blame import is_loopback
from dualstack.reach.lanes import Backend
from dualstack.reach.pods import Place, Places
from dualstack.reach.sidecars import together
from dualstack.reach.states import last_words
from dualstack.reach.trace import CRASHED, NOTHING
from dualstack.reach.whereabouts import holder


def unbound(backend: Backend, place: Place, mark: str, facts: tuple[Evidence, ...]) -> TracedHop:
    """What becomes of a flow to a port on which no socket is predicted."""
    crash = next(iter(place.crashes), None)
    if crash and place.whole:
        told = (last_words(x) for x in place.pod.status.container_statuses or () if x.name == crash.container)
        ended = (Evidence(x, f"last message of the container {crash.container}") for x in told if x)
        fact = Evidence(f"{crash.value}: {crash.bound.error}", f"prediction for {crash.endpoint.field}", Layer.DECLARED)
        return TracedHop(
            Hop.LISTEN, Status.FAIL, f"{crash.endpoint.program} ends: {crash.bound.error}", CRASHED, (fact, *ended)
        )
    halted = _halted(backend.port, place)
    if halted and not mark:
        fact = Evidence(halted, f"status of the {place.name}")
        return TracedHop(Hop.LISTEN, Status.FAIL, f"nobody listens: {halted}", CRASHED, (fact,))
    if not mark and place.observed is not None:
        fact = Evidence(f"no socket on port {backend.port}", f"sock_diag in the {place.name}")
        return TracedHop(Hop.LISTEN, Status.FAIL, f"nothing listens on port {backend.port}", NOTHING, (fact,))
    unclear = _unclear(backend, place)
    if not mark and place.whole and not unclear:
        ports = ", ".join(str(x.port) for x in place.sockets) or "no port at all"
        fact = Evidence(f"the configuration listens on {ports}", f"prediction for the {place.name}", Layer.DECLARED)
        who = "no receiver" if named_for_another(place, backend.port) else "nothing"
        return TracedHop(Hop.LISTEN, Status.FAIL, f"{who} listens on port {backend.port}", NOTHING, (fact,))
    return TracedHop(Hop.LISTEN, Status.UNKNOWN, unclear, mark, facts)


def named_for_another(place: Place, port: int) -> str:
    """The container of another agent than the Collector that names a port where it has no receiver, in words.

    Such an agent has ports of its own, as for pages of it, of which its configuration of receivers says nothing. One
    of OTLP that it names is meant for a receiver. A program that has the receivers of the Collector within a
    configuration of its own need not name any.
    """
    others = {x.container for x in place.opened if "/" not in x.endpoint.component or x.endpoint.within}
    silent = {x.container for x in place.opened if x.endpoint.within}
    word = re.compile(rf":{port}(?!\d)")
    near = together(place.pod) if port not in OTLP_PORTS and not place.on(port) else ()
    for each in (x for x in near if x.name in others):
        words = (*(each.command or ()), *(each.args or ()))
        if any(x.container_port == port for x in each.ports or ()) or any(map(word.search, words)):
            return f"the container `{each.name}` names it"
        if each.name in silent:
            return f"the container `{each.name}` may have it"
    return ""


def _halted(port: int, place: Place) -> str:
    """Why the container does not run that would listen on a port, or any that could."""
    mine = (place.stopped.get(x.container, "") for x in place.on(port))
    every = tuple(place.stopped.values()) if len(place.stopped) == len(place.pod.spec.containers or ()) else ()
    return next(filter(None, (*mine, *every)), "")


def held_by_others(traces: Iterable[Trace], places: Places) -> Iterator[Trace]:
    """The traces; a port of a node is another program's where that of the pod that is asked about does not run.

    That somebody answers there is no proof of this pod.
    """
    for trace in traces:
        place = places.named(trace.server)
        direct = trace.at(Hop.SERVICE).status is Status.NOT_APPLICABLE and trace.at(Hop.LISTEN).status is Status.PASS
        halted = _halted(trace.port, place) if place and direct and place.pod.spec.host_network else ""
        yield _displaced(trace, halted) if halted else trace


def _displaced(trace: Trace, halted: str) -> Trace:
    facts = (
        Evidence(halted, f"status of the {trace.server}"),
        *trace.hops[-1].evidence,
        *trace.at(Hop.LISTEN).evidence,
    )
    why = f"another program answers there: {halted}"
    ends = TracedHop(Hop.LISTEN, Status.FAIL, why, CRASHED, tuple(dict.fromkeys(facts)))
    instead = {Hop.LISTEN: ends} | {x: TracedHop(x, Status.UNKNOWN) for x in (Hop.HANDSHAKE, Hop.EXPORT)}
    return replace(trace, hops=tuple(instead.get(x.hop, x) for x in trace.hops), disposition=Disposition.REFUSED)


def _unclear(backend: Backend, place: Place) -> str:
    """Why nobody can say who listens on a port: a text that came after the start does not tell."""
    mine = (x.bound.unknown or x.bound.error for x in place.opened if x.port in (backend.port, 0))
    return next(filter(None, mine), place.outdated or _named(backend, place) or _unread(backend.port, place))


def _unread(port: int, place: Place) -> str:
    """Which configurations of a pod are not known, or not all of; empty where they are."""
    if place.whole:
        return ""
    read = {x.container.name for x in place.configs if x.container}
    others = [x.name for x in together(place.pod) if x.name not in read]
    if len(others) == 1:
        return f"no configuration was found of {holder(place.pod, port, others, read)}"
    if others:
        return f"no configurations were found of the containers {', '.join(f'`{x}`' for x in others)}"
    if place.pod.spec.host_network:
        return "another program of the node may listen there"
    return f"not all of the configuration of {place.holder(port)} was found"


def _named(backend: Backend, place: Place) -> str:
    """The container beside a client that names the port of its loopback; that is no proof of a listener."""
    open_ = is_loopback(backend.address) and not place.whole and not place.on(backend.port)
    running = together(place.pod) if open_ else ()
    named = (x.name for x in running if any(y.container_port == backend.port for y in x.ports or ()))
    who = next(named, "")
    return f"the container `{who}` names port {backend.port}; whether it listens there is not known" if who else ""
