"""Names and addresses of a cluster that nobody has, as far as what was gathered tells."""

import re
from collections.abc import Iterator, Sequence

from dualstack.knowledge import table
from dualstack.model.address import OTLP_PORTS, Scope, family, network, parse, scope
from dualstack.model.cluster import Cluster, Node, Pod, Service
from dualstack.model.evidence import Evidence
from dualstack.model.maker import Maker
from dualstack.model.slim import ObjectMeta
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.client_dns import in_ranges, intended, misshapen
from dualstack.reach.crowds import listed, there
from dualstack.reach.exporting import is_collector, owner
from dualstack.reach.lanes import NO_SERVICE
from dualstack.reach.operator import OPERATED, resource_for
from dualstack.reach.sidecars import together

UNLISTED = "unlisted"
"""Mark of the hop `resolve`: no Service has the name, which may be one of the world as well."""
UNNAMED, ASTRAY = "unnamed", "astray"
"""Marks of the hop `resolve`: no endpoint of a headless Service has the name, or a pod that says another Service."""
VACANT = "vacant"
"""Mark of the hops `service` and `pod`: nobody in the cluster has the address."""

HOLDS = "takes OTLP by ports of its nodes:"
"""How it is told that agents take what a Service that is not there would be for."""

UNMADE = "the Operator has not made it"
"""How it is told that a resource of the Operator is there for a Service that is not."""
REFUSED = "which the API server does not let it"
"""How it is told that it tries in vain."""
_UNMADE_OF = re.compile(rf"in the namespace `(.+?)`: {UNMADE} of {OPERATED} ([^\s,]+)")
_OPERATOR = re.compile(r"opentelemetry-operator(?:[:@]|$)")
"""The image of the Operator."""

Key = tuple[str, str]
"""A Service by its namespace and its name."""

_ALIKE = 0.8
_SHOWN = 3
_PRIVATE = (Scope.PRIVATE, Scope.UNIQUE_LOCAL)
_COUNTRY = 2
"""Letters of the domain of a country."""


def without_service(key: Key, cluster: Cluster, said: Evidence, *, sure: bool) -> TracedHop:
    """The hop of a name that would be that of a Service which is not there; `sure` where it can be no other name."""
    namespace, name = key
    near = [f"`{y}.{x}`" for *which, x, y in cluster.meant if tuple(which) == key]
    instead = f"; {there(near)}" if near else ""
    made = _unmade(key, cluster)
    why = f"there is no Service `{name}` in the namespace `{namespace}`{made or instead}"
    agent = next((x for x in cluster.pods if x.metadata.namespace == namespace and host_ports(x)), None)
    if agent and not near and not made:
        why += f"; {owner(agent)} there {HOLDS} {listed(list(map(str, host_ports(agent))))}"
    if sure:
        return TracedHop(Hop.RESOLVE, Status.FAIL, why, NO_SERVICE, (said,))
    return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, UNLISTED, (said,))


def _unmade(key: Key, cluster: Cluster) -> str:
    """That a resource of the Operator is there for a Service, and whether the Operator is, as the end of a sentence."""
    name = resource_for(key[1])
    if (key[0], name) not in cluster.operated:
        return ""
    known = [x for x in cluster.makers if any(map(_OPERATOR.search, x.images))]
    down = [_stopped(x) for x in known]
    runs = f", and no pod of it runs: {down[0]}" if down and all(down) else ""
    return f": {UNMADE} of {OPERATED} {name}{_refusal(key, name, cluster) or runs}"


def unmade_of(why: str) -> str:
    """The file of the resource that is told to be there for a Service, as it is gathered; empty where none is."""
    found = _UNMADE_OF.search(why)
    return f"{found[1]}/{OPERATED.lower()}/{found[2]}.yaml" if found else ""


def _refusal(key: Key, name: str, cluster: Cluster) -> str:
    """What the API server says of a Service that the Operator would make, as the end of a sentence.

    Source: operator internal/controllers/common.go, and the status of its resource, whose events have the words.
    """
    about = ObjectMeta(name=name, namespace=key[0])
    words = re.compile(rf'\b(?:Service|services) "{re.escape(key[1])}" is (.*[^.\s])')
    mine = (x for x in cluster.events if words.search(x.said) and x.is_about(OPERATED, about))
    last = max(mine, key=lambda x: x.last, default=None)
    found = words.search(last.said) if last else None
    return f", {REFUSED}: it is {found[1]}" if found else ""


def _stopped(maker: Maker) -> str:
    """Why a Deployment surely has no pod that runs; empty where it may have."""
    called = f"{maker.kind} {maker.metadata.namespace}/{maker.metadata.name}"
    if maker.spec.replicas == 0:
        return f"{called} has `replicas: 0`"
    said = {x.type: x.status for x in maker.status.conditions or ()}
    runs = bool(maker.status.ready_replicas)
    return f"{called} is not available" if said.get("Available") == "False" and not runs else ""


def host_ports(pod: Pod) -> list[int]:
    """The ports of its node by which a pod takes OTLP, if it is a Collector."""
    held = (y for x in together(pod) for y in x.ports or () if is_collector(pod) and not pod.finished)
    return [x.host_port for x in held if x.host_port and x.container_port in OTLP_PORTS and x.protocol == "TCP"]


def unlike_service(host: str, namespace: str, cluster: Cluster) -> str:
    """Why a host can be no name of a Service, with those that are like it, as a sentence part; empty where it can."""
    signs = misshapen(host)
    if not signs:
        return ""
    meant = [(x.namespace, x.name) for x in intended(host, namespace)]
    known = [x for x in meant if cluster.service(*x)] or [(x, y) for *of, x, y in cluster.meant if tuple(of) in meant]
    near = [f"`{y}.{x}`" for x, y in dict.fromkeys(known)]
    return f"`{host}` has {signs} in it, and no name of a Service has{f'; {there(near)}' if near else ''}"


def without_pod(service: Service, name: str, cluster: Cluster, said: Evidence) -> TracedHop:
    """The hop of the name of a pod behind a headless Service that no endpoint of it has.

    An endpoint gets one where the pod says `hostname`, and the Service as its `subdomain` (Kubernetes documentation,
    DNS for Services and Pods); in a StatefulSet they are its name and `serviceName`.
    """
    why = f"no endpoint of {service.called} is called `{name}`"
    if "EndpointSlice" in cluster.unseen:
        return TracedHop(Hop.RESOLVE, Status.UNKNOWN, why, "", (said,))
    ends = [y for x in cluster.slices_of(service) for y in x.endpoints or ()]
    behind = {x.target_ref.name for x in ends if x.target_ref}
    pod = next((x for x in cluster.pods if x.metadata.name == name and _is_beside(x, service) and name in behind), None)
    if pod and pod.spec.subdomain != service.metadata.name:
        has = f"the subdomain `{pod.spec.subdomain}`" if pod.spec.subdomain else "no subdomain"
        of = f", by `serviceName` of {owner(pod)}" if owner(pod).startswith("StatefulSet ") else ""
        why += f": the pod {pod.metadata.called} has {has}{of}"
        fact = Evidence(f"subdomain: {pod.spec.subdomain or 'none'}", pod.place)
        return TracedHop(Hop.RESOLVE, Status.FAIL, why, ASTRAY, (said, fact))
    named = sorted({f"`{x.hostname}`" for x in ends if x.hostname})
    why += f"; they are called {listed(named)}" if named else ""
    return TracedHop(Hop.RESOLVE, Status.FAIL, why, UNNAMED, (said,))


def _is_beside(pod: Pod, service: Service) -> bool:
    return pod.metadata.namespace == service.metadata.namespace


def is_meant(key: Key, cluster: Cluster) -> bool | None:
    """Whether a name of two labels is surely none of the world: its namespace is there, or one of the name elsewhere.

    None where nothing says that a Service was meant.
    """
    called = [name for *which, _, name in cluster.meant if tuple(which) == key]
    sure = key[0] in cluster.namespaces or (key[1] in called and not is_worldly(key[0]))
    return sure if sure or called else None


def alike(key: Key, known: Sequence[Key]) -> tuple[Key, ...]:
    """The Services that are most like one that is not there: of its name elsewhere, or of a name like it.

    Where none is like it, they are those of its namespace.
    """
    found = sorted((-score, x) for x in known if (score := _likeness(key, x)))
    beside = [x for x in known if x[0] == key[0]]
    return tuple(x for _, x in found[:_SHOWN]) or tuple(beside if len(beside) <= _SHOWN else ())


def is_worldly(domain: str) -> bool:
    """Whether the last label of a host is mostly one of the world, or of a private network, and no namespace."""
    return len(domain) == _COUNTRY or any(domain in x["domains"].split() for x in table("top_domains"))


def _likeness(one: Key, other: Key) -> float:
    parts = [likeness(x, y) for x, y in zip(one, other, strict=True)]
    return sum(parts) if parts[1] == 1 or min(parts) else 0


def likeness(one: str, other: str) -> float:
    """How alike two names are: 1 for the same, 0 for too little; one may be the other with more words."""
    from difflib import SequenceMatcher

    longer = other.startswith(f"{one}-") or one.startswith(f"{other}-")
    ratio = SequenceMatcher(None, one, other).ratio()
    return ratio if ratio >= _ALIKE else _ALIKE if longer else 0


def unowned(address: str, cluster: Cluster) -> Iterator[TracedHop]:
    """The hops to an address that nobody has: surely, where it is of a range that is given out by the cluster."""
    yield TracedHop(Hop.POLICY, Status.PASS)
    of_pods = nobody_at(address, cluster)
    if is_foreign(address, cluster):
        why = f"no node, pod or Service that is known here has an {family(address).title} address"
        addresses = ", ".join(dict.fromkeys(y for x in cluster.nodes for y in x.addresses[:1]))
        yield TracedHop(
            Hop.SERVICE, Status.FAIL, why, VACANT, (Evidence(f"InternalIP {addresses}", "status of the nodes"),)
        )
    elif in_ranges(address, cluster.ranges):
        why = f"{address} is among the addresses of Services, and no Service has it"
        fact = Evidence(f"no Service has {address}", "Services of all namespaces")
        yield TracedHop(Hop.SERVICE, Status.FAIL, why, VACANT, (fact,))
    elif of_pods:
        yield from (TracedHop(x, Status.NOT_APPLICABLE) for x in (Hop.SERVICE, Hop.ENDPOINTS))
        yield of_pods
    else:
        why = f"{address} looks like an address of a Service, and no Service, pod or node is known to have it"
        yield TracedHop(Hop.SERVICE, Status.UNKNOWN, why, VACANT)


def is_foreign(address: str, cluster: Cluster) -> bool:
    """Whether an address is a private one of a family that no node, range or client of a cluster has.

    A public one may be that of somebody outside, whom pods would reach if they had the family.
    """
    held = {*cluster.families, *(y for x in cluster.askers for y in x.families)}
    nodes = [{*map(family, x.addresses), *x.ranges} for x in cluster.nodes if x.addresses]
    known = cluster.families and nodes and len(nodes) == len(cluster.nodes) and not cluster.more_nodes
    return bool(known) and scope(address) in _PRIVATE and family(address) not in held.union(*nodes)


def nobody_at(address: str, cluster: Cluster) -> TracedHop | None:
    """The hop at which what is sent to an address of pods ends that no pod has; None where one may have it."""
    node = next((x for x in cluster.nodes if _is_pods(address, x)), None) if address in cluster.vacant else None
    if node is None:
        return None
    why = f"{address} is among the addresses of pods on the node {node.metadata.name}, and no pod has it"
    fact = Evidence(f"no pod has {address}", "pods of all namespaces")
    return TracedHop(Hop.POD, Status.FAIL, why, VACANT, (fact,))


def _is_pods(address: str, node: Node) -> bool:
    return any(_holds(x, address) for x in node.spec.pod_cidrs or [node.spec.pod_cidr or ""])


_OWN = 2
"""The first addresses of such a range, which the node itself may have (containernetworking/plugins, bridge)."""


def is_of_pods(address: str, nodes: Sequence[Node]) -> bool:
    """Whether an address is of a range that a node has for its pods."""
    return any(_is_pods(address, x) for x in nodes)


def is_near(address: str, others: Sequence[str]) -> bool:
    """Whether an address is of the same block as one of others, as those of one range of Services mostly are."""
    block = network(f"{address}/{64 if ':' in address else 16}")
    return block is not None and any(parse(x) in block for x in others)


def _holds(block: str, address: str) -> bool:
    known, wanted = network(block), parse(address)
    return known is not None and wanted in known and int(wanted) - int(known.network_address) >= _OWN
