"""What the proxies of Istio at the ends of a flow go by: whom an AuthorizationPolicy keeps out, and what is not read.

Where there are policies that allow for a pod, it refuses everybody whom none of them lets in (Istio documentation,
Authorization Policy).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from dualstack.model.address import is_address
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.mutual import From, MeshRule
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.crowds import listed
from dualstack.reach.mutual import ROOT, askers_of, is_led, may_be_in
from dualstack.reach.netpol import selects
from dualstack.reach.paths import KEPT_OUT
from dualstack.reach.pods import Place, Places

_ALLOW = ("", "ALLOW")
_OF_RECEIVERS = "AuthorizationPolicy"
"""The kind that the proxies of receivers go by; those of clients go by the others."""

_ACCOUNT = re.compile(r"(?:^|/)ns/([^/*]+)/sa/")
"""The namespace in the name of a service account, where that is plain."""


def unread(host: str, clients: Collection[str], server: Pod, cluster: Cluster) -> str:
    """What there is for a receiver, and for clients in the mesh, of these namespaces; empty where there is none.

    Istio takes it from the namespace of an end, or from that of the control plane, which is for all (Istio
    documentation, Configuration scoping, Global namespace).
    """
    home, met = server.metadata.namespace, may_be_in(server, cluster)
    of_clients = {ROOT, home, *clients} if clients else set()
    of_server = {ROOT, home} if met else set()
    rules = (x for x in cluster.mesh_rules if x.metadata.namespace in (of_server if _is_theirs(x) else of_clients))
    found = [f"{x.kind} {x.metadata.namespace}/{x.metadata.name}" for x in rules if _is_for(x, host, server)]
    return f"Istio goes by {listed(found, 3)}, which {'is' if len(found) == 1 else 'are'} not read" if found else ""


def refused(traces: Iterable[Trace], cluster: Cluster, places: Places) -> Iterator[Trace]:
    """The traces, those ended of clients of namespaces that no AuthorizationPolicy of their receivers lets in."""
    for trace in traces:
        met = [x for y in trace.servers if (x := places.named(y))]
        clients = {x.metadata.namespace for x in askers_of(trace, cluster)}
        said = [_shutting(x, trace, clients, cluster) for x in met]
        open_ = trace.failing is None and not trace.accepted and clients
        yield _ended(trace, said[0]) if open_ and said and said[0] and all(said) else trace


def _shutting(place: Place, trace: Trace, clients: Collection[str], cluster: Cluster) -> MeshRule | None:
    """A policy that allows others alone, where no other one may let these clients in."""
    every = (x for x in cluster.mesh_rules if _is_theirs(x) and not (x.spec.target_ref or x.spec.target_refs))
    near = (x for x in every if x.metadata.namespace in (ROOT, place.pod.metadata.namespace))
    mine = [x for x in near if x.spec.action in _ALLOW and _is_for(x, "", place.pod)]
    some = any(_lets(x, y) for x in mine for y in clients)
    return mine[0] if mine and not some and is_led(place, trace) else None


def _lets(rule: MeshRule, namespace: str) -> bool:
    """Whether a policy may let in somebody of a namespace, whatever else it asks for."""
    return any(_may_be(x.from_ or [From()], namespace) for x in rule.spec.rules or ())


def _may_be(sources: Sequence[From], namespace: str) -> bool:
    for source in (x.source for x in sources):
        spaces = source.namespaces is None or any(fnmatchcase(namespace, x) for x in source.namespaces)
        named = [(x, _ACCOUNT.search(x)) for x in source.principals or ()]
        accounts = source.principals is None or any(found is None or found[1] == namespace for _, found in named)
        if spaces and accounts:
            return True
    return False


def _ended(trace: Trace, rule: MeshRule) -> Trace:
    called = f"{rule.kind} {rule.metadata.namespace}/{rule.metadata.name}"
    why = f"{called} lets others in alone, and Istio refuses the {trace.vantage}"
    stop = TracedHop(Hop.EXPORT, Status.FAIL, why, KEPT_OUT, (Evidence("action: ALLOW", called, Layer.DECLARED),))
    hops = (stop if x.hop is stop.hop else x for x in trace.hops)
    return replace(trace, hops=tuple(hops), disposition=Disposition.REJECTED)


def _is_theirs(rule: MeshRule) -> bool:
    return rule.kind == _OF_RECEIVERS


def _is_for(rule: MeshRule, host: str, server: Pod) -> bool:
    """Whether it may be for a receiver, by its labels or by the first label of the host that clients name."""
    if _is_theirs(rule):
        return selects(rule.spec.selector, server.metadata.labels or {})
    said = rule.spec.host.partition(".")[0]
    return not said or "*" in said or is_address(host) or said == host.partition(".")[0]
