"""What is decided for certain by what the proxies of Istio go by: whom they refuse, and what they send in vain.

Where policies for a pod allow, everybody is refused whom none of them lets in (Istio documentation, Authorization
Policy). Where a DestinationRule says how clients connect nobody looks whether a receiver has a proxy (istio
pilot/pkg/networking/core/cluster_tls.go, userSupplied).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.mutual import From, MeshRule
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.mesh_rules import is_of_receivers, may_be_for
from dualstack.reach.mutual import ROOT, askers_of, demanded, is_in_mesh, is_led, may_be_in
from dualstack.reach.paths import ENCRYPTED, KEPT_OUT, UNSECURED
from dualstack.reach.pods import Place, Places

_ALLOW = ("", "ALLOW")
_TLS = ("ISTIO_MUTUAL", "MUTUAL", "SIMPLE")
_PLAIN = ("DISABLE",)
_ACCOUNT = re.compile(r"(?:^|/)ns/([^/*]+)/sa/")
"""The namespace in the name of a service account, where that is plain."""


def decided(traces: Iterable[Trace], cluster: Cluster, places: Places) -> Iterator[Trace]:
    """The traces, those ended of known clients that every receiver's proxy refuses, or whose own sends in vain."""
    for trace in traces:
        met, clients = [x for y in trace.servers if (x := places.named(y))], askers_of(trace, cluster)
        known = met and clients and trace.failing is None and not trace.accepted
        stops = [_stop(x, trace, clients, cluster) for x in met] if known else []
        yield _ended(trace, stops[0]) if stops and stops[0] and all(stops) else trace


def _stop(place: Place, trace: Trace, clients: Sequence[Pod], cluster: Cluster) -> TracedHop | None:
    spaces = {x.metadata.namespace for x in clients}
    if rule := _shutting(place, spaces, cluster) if is_led(place, trace) else None:
        why = f"lets others in alone, and Istio refuses the {trace.vantage}"
        return _hop(rule, why, KEPT_OUT, "action: ALLOW")
    ends = place.on(trace.port)
    plain = ends and all(x.endpoint.tls is False for x in ends) and not trace.target.tls
    led = all(is_in_mesh(x, trace.family) for x in clients)
    bare = led and plain and not may_be_in(place.pod, cluster)
    rule = _sending(place, trace, spaces, cluster, _TLS) if bare else None
    if rule:
        mode = rule.spec.traffic_policy.tls.mode
        why = f"makes the proxies of clients send TLS (`{mode}`), and the receiver takes plain text, without a proxy"
        return _hop(rule, why, ENCRYPTED, f"tls.mode: {mode}")
    policy = demanded(place, trace, cluster.mutual) if led else None
    rule = _sending(place, trace, spaces, cluster, _PLAIN) if policy else None
    if rule and policy:
        why = f"makes the proxies of clients send plain text (`{_PLAIN[0]}`), and PeerAuthentication "
        return _hop(rule, f"{why}{policy.metadata.called} demands mTLS", UNSECURED, f"tls.mode: {_PLAIN[0]}")
    return None


def _hop(rule: MeshRule, why: str, mark: str, fact: str) -> TracedHop:
    called = f"{rule.kind} {rule.metadata.namespace}/{rule.metadata.name}"
    return TracedHop(Hop.EXPORT, Status.FAIL, f"{called} {why}", mark, (Evidence(fact, called, Layer.DECLARED),))


def _ended(trace: Trace, stop: TracedHop) -> Trace:
    hops = tuple(stop if x.hop is stop.hop else x for x in trace.hops)
    return replace(trace, hops=hops, disposition=Disposition.REJECTED)


def _shutting(place: Place, clients: Collection[str], cluster: Cluster) -> MeshRule | None:
    """A policy that allows others alone, where no other one may let these clients in."""
    every = (x for x in cluster.mesh_rules if is_of_receivers(x) and not (x.spec.target_ref or x.spec.target_refs))
    near = (x for x in every if x.metadata.namespace in (ROOT, place.pod.metadata.namespace))
    mine = [x for x in near if x.spec.action in _ALLOW and may_be_for(x, "", place.pod)]
    some = any(_lets(x, y) for x in mine for y in clients)
    return mine[0] if mine and not some else None


def _lets(rule: MeshRule, namespace: str) -> bool:
    """Whether a policy may let in somebody of a namespace, whatever else it asks for."""
    return any(_may_be(y, namespace) for x in rule.spec.rules or () for y in x.from_ or [From()])


def _may_be(one: From, namespace: str) -> bool:
    spaces, accounts = one.source.namespaces, [_ACCOUNT.search(x) for x in one.source.principals or ()]
    within = spaces is None or any(fnmatchcase(namespace, x) for x in spaces)
    return within and (not accounts or any(x is None or x[1] == namespace for x in accounts))


def _sending(
    place: Place, trace: Trace, clients: Collection[str], cluster: Cluster, modes: Sequence[str]
) -> MeshRule | None:
    """A DestinationRule for the very Service that makes clients send so, where no other one for it says otherwise."""
    spaces = {ROOT, place.pod.metadata.namespace, *clients}
    every = (x for x in cluster.mesh_rules if x.metadata.namespace in spaces and trace.at(Hop.SERVICE).mark)
    mine = [x for x in every if _names(x, trace.target.host)]
    return mine[0] if mine and all(_sends(x, modes) for x in mine) else None


def _names(rule: MeshRule, host: str) -> bool:
    """Whether it is for a Service by its whole name, or in its namespace by one label, which Istio makes whole."""
    said = rule.spec.host
    return said.startswith(f"{host}.") or f"{said}.{rule.metadata.namespace}.svc" == host


def _sends(rule: MeshRule, modes: Sequence[str]) -> bool:
    """Whether it makes all clients send so to all ports."""
    said = rule.spec
    some = said.workload_selector or said.traffic_policy.port_level_settings or said.export_to not in (None, ["*"])
    return said.traffic_policy.tls.mode in modes and not some
