"""Ports of a pod on which nothing of its own listens: who ended, who is not there, and who else may answer."""

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.lanes import Backend
from dualstack.reach.pods import Place
from dualstack.reach.states import last_words

CRASHED, NOTHING = "crashed", "none"
"""Marks: a receiver that does not run, and a port without a socket."""


def unbound(backend: Backend, place: Place, mark: str, facts: tuple[Evidence, ...]) -> TracedHop:
    """What becomes of a flow to a port on which no socket is predicted."""
    crash = next(iter(place.crashes), None)
    if crash and place.whole:
        told = (last_words(x) for x in place.pod.status.container_statuses or () if x.name == crash.container)
        ended = (Evidence(x, f"last message of the container {crash.container}") for x in told if x)
        fact = Evidence(f"{crash.value}: {crash.bound.error}", f"prediction for {crash.endpoint.field}", Layer.DECLARED)
        return TracedHop(Hop.LISTEN, Status.FAIL, f"the Collector ends: {crash.bound.error}", CRASHED, (fact, *ended))
    halted = _halted(backend, place)
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
        return TracedHop(Hop.LISTEN, Status.FAIL, f"nothing listens on port {backend.port}", NOTHING, (fact,))
    return TracedHop(Hop.LISTEN, Status.UNKNOWN, unclear, mark, facts)


def _halted(backend: Backend, place: Place) -> str:
    """Why the container does not run that would listen on a port, or any that could."""
    mine = (place.stopped.get(x.container, "") for x in place.on(backend.port))
    every = tuple(place.stopped.values()) if len(place.stopped) == len(place.pod.spec.containers or ()) else ()
    return next(filter(None, (*mine, *every)), "")


def another(backend: Backend, place: Place, facts: tuple[Evidence, ...]) -> TracedHop | None:
    """A connection to the address of a node that another program than that of a pod takes, which does not run."""
    halted = _halted(backend, place) if place.pod.spec.host_network else ""
    if not halted:
        return None
    fact = Evidence(halted, f"status of the {place.name}")
    return TracedHop(Hop.LISTEN, Status.FAIL, f"another program answers there: {halted}", CRASHED, (fact, *facts))


def _unclear(backend: Backend, place: Place) -> str:
    """Why nobody can say who listens on a port."""
    mine = (x.bound.unknown or x.bound.error for x in place.opened if x.port in (backend.port, 0))
    return next(filter(None, mine), "")
