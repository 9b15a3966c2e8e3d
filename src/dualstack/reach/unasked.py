"""Nameservers of a pod's own that it cannot ask: it has no address of their family, or nobody has theirs."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.address import Family, Scope, family, is_address, scope
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.container import DnsConfig
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.aims import Aim
from dualstack.reach.crowds import crowds

UNASKED = "unasked"
"""Mark of the hop `resolve`: the pods have no address of the family of their nameservers."""
UNHELD = "unheld-nameserver"
"""The same: their nameservers are among the addresses of Services, and no Service has any of them."""
_MOST = 3
"""Nameservers that a pod is given, and that its C library reads (resolv.conf(5), MAXNS)."""
_NEAR = (Scope.LOOPBACK, Scope.LINK_LOCAL)
"""Those of the pod itself or of its node, for which it may have an address that nobody tells of."""


def unheld(aim: Aim) -> TracedHop | None:
    """The hop of a name that pods ask nobody for; None where somebody may have the addresses of their nameservers."""
    asked, several = aim.resolver, len(aim.resolver.nobody) > 1
    if not asked.nobody:
        return None
    held = "are among the addresses of Services, and no Service has them"
    held = held if several else "is among the addresses of Services, and no Service has it"
    why = f"the pod asks {' and '.join(asked.nobody)} alone (`{asked.said}`), which {held}"
    facts = Evidence(f"nameservers: {', '.join(asked.nobody)}", aim.exporter.place, Layer.DECLARED), aim.said
    return TracedHop(Hop.RESOLVE, Status.FAIL, why, UNHELD, facts)


def unasked(traces: Iterable[Trace], aim: Aim, cluster: Cluster) -> Iterator[Trace]:
    """The traces of an aim, those without an address whose name the pods can ask none of their nameservers for.

    `cluster` is the one with these pods as clients.
    """
    servers = () if aim.own or aim.addresses else _servers(aim.pods)
    families = {family(x) for x in servers}
    only = families.pop() if len(families) == 1 and all(scope(x) not in _NEAR for x in servers) else None
    for trace in traces:
        lost = only and trace.at(Hop.RESOLVE).status is not Status.FAIL and _lacks(trace, only, cluster)
        yield _stopped(trace, only, servers, aim) if only and lost else trace


def _servers(pods: Iterable[Pod]) -> tuple[str, ...]:
    """The nameservers that all of these pods have; none where they differ, or where the kubelet adds others."""
    every = {_named(x) for x in pods}
    return every.pop() if len(every) == 1 else ()


def _named(pod: Pod) -> tuple[str, ...]:
    own = (pod.spec.dns_config or DnsConfig()) if pod.spec.dns_policy == "None" else DnsConfig()
    said = tuple(own.nameservers or ())[:_MOST]
    return said if all(map(is_address, said)) else ()


def _lacks(trace: Trace, wanted: Family, cluster: Cluster) -> bool:
    """Whether all pods of a trace surely have addresses, and none of a family."""
    mine = [x for x in crowds(cluster) if {*trace.nodes} <= {*x.nodes}]
    return bool(mine) and all(x.families and wanted not in (*x.families, *x.open) for x in mine)


def _stopped(trace: Trace, lacking: Family, servers: tuple[str, ...], aim: Aim) -> Trace:
    called = f"nameserver{'s' * (len(servers) > 1)} {', '.join(servers)}"
    held = next((x for x in aim.pods if x.addresses), None)
    why = f"the pods ask the {called} alone (`dnsConfig`), and have no {lacking.title} address to ask from"
    facts = [Evidence(f"dnsPolicy: None, dnsConfig: {called}", aim.exporter.place, Layer.DECLARED)]
    facts += (
        [Evidence(f"podIPs {', '.join(held.addresses)}", f"status of the pod {held.metadata.called}")] if held else []
    )
    hop = TracedHop(Hop.RESOLVE, Status.FAIL, why, UNASKED, (*facts, aim.said))
    hops = tuple(hop if x.hop is Hop.RESOLVE else x for x in trace.hops)
    return replace(trace, hops=hops, disposition=Disposition.NO_ADDRESS)
