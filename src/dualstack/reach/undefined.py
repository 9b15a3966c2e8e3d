"""Hosts, and ports, of clients that are variables which nobody filled in."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.aims import Aim
from dualstack.reach.crowds import there
from dualstack.reach.links import later, service_of
from dualstack.reach.states import since_when
from dualstack.reach.variables import LINKED, references

UNDEFINED, UNFILLED, TOO_EARLY, UNLINKED = "undefined", "not-filled", "too-early", "unlinked"
"""Marks of the hop `resolve`: the variable is not there, is none that Kubernetes fills in, or is of a Service that is
younger than the container, or that is not there."""
KEYLESS = "keyless"
"""The same of a variable that is to have its value from a key which a ConfigMap lacks."""
UNRENDERED = "not-rendered"
"""The same of a host that is a template."""


def is_open(host: str) -> bool:
    """Whether a host is a text that somebody was to fill in: a variable, or a template of Go or Jinja."""
    return "$" in host or "{{" in host


def undefined(aim: Aim, cluster: Cluster) -> TracedHop:
    """The hop at which such a host ends; a Service that was made anew may have been there before."""
    if "{{" in aim.host:
        why = f"`{aim.host}` is a template that nobody filled in, and no name of a host has such letters"
        return TracedHop(Hop.RESOLVE, Status.FAIL, why, UNRENDERED, (aim.said,))
    text = aim.host if "$" in aim.host else aim.exporter.endpoint
    by_kubelet = aim.exporter.variable.startswith("OTEL_") and not aim.exporter.by
    if "$(" not in text and by_kubelet and "${" in aim.host:
        why = f"`{aim.host}` stays as it is unless the program fills it in: Kubernetes does so with `$(NAME)` alone"
        return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, UNFILLED, (aim.said,))
    if "$(" not in text:
        why = f"`{aim.host}` is a variable of another kind, of which nobody here knows the value"
        return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, "", (aim.said,))
    young = {y for x in aim.pods for y in later(x, cluster.services, since_when(aim.exporter.container, x))}
    late = next((x for x in map(service_of, references(text)) if x in young), "")
    if late:
        why = f"`{text}` stays as it is written, since Service {late} was made after the container had started"
        return TracedHop(Hop.RESOLVE, Status.FAIL, why, TOO_EARLY, (aim.said,))
    for why in _keyless(aim, references(text), cluster):
        said = f"`{text}` stays as it is written: {why}"
        return TracedHop(Hop.RESOLVE, Status.FAIL, said, KEYLESS, (aim.said,))
    why = f"`{text}` names no variable that comes before it, so the text itself is the name"
    return TracedHop(Hop.RESOLVE, Status.FAIL, why, UNDEFINED, (aim.said,))


def _keyless(aim: Aim, named: Sequence[str], cluster: Cluster) -> Iterator[str]:
    """Why variables that come before the endpoint have no value: a ConfigMap lacks the key of it."""
    maps = {(x.metadata.namespace, x.metadata.name): x for x in cluster.config_maps}
    for pod in aim.pods:
        every = (*(pod.spec.containers or ()), *(pod.spec.init_containers or ()))
        mine = (y for x in every if x.name == aim.exporter.container for y in x.env or ())
        for each in takewhile(lambda x: x.name != aim.exporter.variable, mine):
            ref = each.value_from.config_map_key_ref if each.value_from and each.name in named else None
            found = maps.get((pod.metadata.namespace, ref.name)) if ref else None
            if ref and found and ref.key not in (found.data or {}):
                without = ", and the pods start without it (`optional: true`)" if ref.optional else ""
                lacks = f"ConfigMap {found.metadata.called} has no key `{ref.key}`"
                yield f"{lacks}, from which `{each.name}` is to have its value{without}"


def unlinked(exporter: Exporter, cluster: Cluster) -> TracedHop | None:
    """The hop of an endpoint with a variable of a Service that the namespace of the client does not have.

    One that was there when the container started gave it an address, which another one may have by now. None where the
    namespace may have it, or where the endpoint is held by something else.
    """
    space = exporter.namespace
    named = [x for x in map(service_of, references(exporter.endpoint)) if (space, x) in cluster.absent]
    if exporter.held != LINKED or not named:
        return None
    near = [f"`{y}.{x}`" for *which, x, y in cluster.meant if tuple(which) == (space, named[0])]
    instead = f"; {there(near)}" if near else ""
    made = f"the variable is one of a Service `{named[0]}` in the namespace `{space}`, and there is none now"
    why = f"{made}: it stays a text, or holds the address of one that is gone{instead}"
    said = Evidence(exporter.says, exporter.place, Layer.DECLARED)
    return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, UNLINKED, (said,))
