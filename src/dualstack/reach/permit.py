"""What to add to NetworkPolicies so that they let clients through, in words."""

from collections.abc import Iterable, Iterator, Sequence

from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.kube import NetworkPolicies
from dualstack.model.source import Location
from dualstack.model.trace import Hop, Trace
from dualstack.reach import cluster_dns
from dualstack.reach.engines import engine
from dualstack.reach.live import families_of, titles
from dualstack.reach.netpol import Lack, Way
from dualstack.reach.node_ports import is_by_node
from dualstack.reach.pods import Places
from dualstack.reach.policy_marks import SHUT_OUT, is_of_nodes, plain, shut_out, words

_DNS = 53


def barred(traces: Iterable[Trace]) -> Iterator[tuple[str, tuple[Trace, ...]]]:
    """The required flows that no policy lets through, by mark, those together that one change would mend.

    Where nobody knows whether policies are enforced those are left out that fail for another reason.
    """
    found: dict[tuple[str, object], list[Trace]] = {}
    shut = [x for x in traces if x.required and shut_out(x.at(Hop.POLICY)) and _ends_there(x)]
    for trace in shut:
        mark = next((x.at(Hop.POLICY).mark for x in shut if _is_wider(x, trace)), trace.at(Hop.POLICY).mark)
        hop = trace.at(Hop.POLICY)
        family = trace.family if _is(mark, Lack.FAMILY) else None
        also = len(hop.evidence) if mark == cluster_dns.SHUT_IN else 0
        found.setdefault((mark, (hop.status, trace.vantage, family, also)), []).append(trace)
    for (mark, _), flows in found.items():
        yield mark, tuple(sorted(flows, key=lambda x: x.at(Hop.POLICY).mark != mark))


def _ends_there(trace: Trace) -> bool:
    return trace.failing is None or trace.failing.hop is Hop.POLICY


def _is_wider(one: Trace, other: Trace) -> bool:
    """Whether what lets one flow through lets the other one of the same clients to the same pods through as well.

    The other one lacks but its family, and the one lacks more than that.
    """
    mine, theirs = one.at(Hop.POLICY), other.at(Hop.POLICY)
    if (one.vantage, one.target, mine.status) != (other.vantage, other.target, theirs.status):
        return False
    way = next((x for x in Way if _is(theirs.mark, Lack.FAMILY) and _is(theirs.mark, x)), None)
    return way is not None and _is(mine.mark, way) and not _is(mine.mark, Lack.FAMILY)


def told(flows: Sequence[Trace]) -> tuple[str, tuple[Evidence, ...]]:
    """What becomes of these flows in a sentence, with the policies that say so."""
    hops = [x.at(Hop.POLICY) for x in flows]
    facts = tuple(dict.fromkeys(y for x in hops for y in x.evidence))
    if flows[0].accepted:
        them = f"The policies let none of these clients {words(hops[0])} to {ports(flows)}"
        if hops[0].mark == cluster_dns.SHUT_IN:
            them = "The policies let these clients ask no nameserver"
        return f"{them}, and exports from their nodes passed: nothing enforces policies here, or not these.", facts
    why = hops[0].why.replace(f"port {flows[0].port}", ports(flows))
    return f"{why[:1].upper()}{why[1:]}.", facts


def _is(mark: str, *wanted: Way | Lack) -> bool:
    """Whether a mark says one of these."""
    return any(x == plain(mark) and (way in wanted or lack in wanted) for (way, lack), x in SHUT_OUT.items())


def ports(flows: Sequence[Trace]) -> str:
    """The ports of the pods that flows lead to."""
    numbers = dict.fromkeys(str(x.port) for x in flows)
    return f"port{'s' * (len(numbers) > 1)} {' and '.join(numbers)}"


def summary(mark: str, flows: Sequence[Trace]) -> str:
    """What policies do to flows, in a few words."""
    if mark == cluster_dns.SHUT_IN:
        return "No policy lets clients ask the nameserver"
    way = "out" if _is(mark, Way.OUT) else "in"
    if _is(mark, Lack.FAMILY):
        return f"No policy lets {flows[0].family.title} {way}"
    return f"No policy lets clients {way} to OTLP"


def permit(mark: str, flows: Sequence[Trace], cluster: Cluster, places: Places) -> str:
    """What to add to the policies; they see the addresses and the ports of pods, also where clients use a Service's."""
    flow, numbers = flows[0], ports(flows)
    if mark == cluster_dns.SHUT_IN:
        names = _names(cluster)
        facts = [x.fact for x in flow.at(Hop.POLICY).evidence]
        too = [x for x in Way if any(f" clients {x.name.lower()} over " in y for y in facts)]
        return " ".join((names, *(permit(SHUT_OUT[x, Lack.RULE], flows, cluster, places) for x in too)))
    if _is(mark, Lack.FAMILY):
        return f"Add the blocks of {flow.family.title} that clients {'go to' if _is(mark, Way.OUT) else 'come from'}."
    named = flow.target.port
    seen = f"; policies see the port of the pods, not {named}, that of the Service" if named != flow.port else ""
    if _is(mark, Lack.PROTOCOL):
        return f"Set `protocol: TCP` for {numbers} in the rule that is for these clients."
    if _is(mark, Lack.PORT):
        return f"Add {numbers} to the rule that is for these clients{seen}."
    if _is(mark, Way.OUT):
        return f"Let them out to {numbers} with {_out(flows, cluster, places)}."
    return f"Let them in to {numbers} with {_in(flows, cluster)}{seen}."


def _out(flows: Sequence[Trace], cluster: Cluster, places: Places) -> str:
    """The rule by which clients get out to a receiver."""
    end = places.named(flows[0].server)
    if end and end.pod.spec.host_network:
        return _of_nodes(flows, cluster, "to")
    where = f"`to: [{_space(end.pod.metadata.namespace)}]`" if end else "a rule"
    return f"{where}; policies see the pods behind a Service, not its address"


def _in(flows: Sequence[Trace], cluster: Cluster) -> str:
    """The rule by which clients get in to a receiver."""
    if is_of_nodes(flows[0].at(Hop.POLICY).mark) or any(x.spec.host_network for x in cluster.askers):
        return _of_nodes(flows, cluster, "from")
    if is_by_node(flows[0]):
        return "an `ipBlock` of the addresses that they come from"
    asker = next((x.metadata.namespace for x in cluster.askers), _namespace(flows[0]))
    return f"`from: [{_space(asker)}]`" if asker else "a `namespaceSelector` or a `podSelector` for them"


def _of_nodes(flows: Sequence[Trace], cluster: Cluster, way: str) -> str:
    """The rule that means pods in the network of their node."""
    if engine(cluster.nodes, cluster.engines).blocks:
        over, tunnels = titles(families_of(flows)), ", and of their tunnels in an overlay" if way == "from" else ""
        where = f"addresses of the nodes, in whose network the pods are{tunnels}"
        return f"`{way}: [{{ipBlock: …}}]` of the {over} {where}"
    return f"a CiliumNetworkPolicy `{way}Entities: [host, remote-node]`: the pods are in the network of their nodes"


def _namespace(flow: Trace) -> str:
    """That of the workload that a flow is of, where it is named with it."""
    space, named, _ = flow.vantage.rpartition(" ")[2].partition("/")
    return space if named else ""


def _names(cluster: Cluster) -> str:
    """The rule by which clients ask the nameserver."""
    held = cluster_dns.endpoints(cluster)
    space = next((x.metadata.namespace for x in held), cluster_dns.NAMESPACE)
    number = next((y.port for x in held for y in x.ports or () if y.protocol == "UDP" and y.port), _DNS)
    seen = f"; policies see the port of the pods, not {_DNS}, that of the Service" if number != _DNS else ""
    return f"Let them out to port {number}, over UDP and TCP, with `to: [{_space(space)}]`{seen}."


def found(facts: Iterable[Evidence], policies: NetworkPolicies | None) -> Location | None:
    """Where the first policy stands that these facts speak of; policies of several namespaces may have one name."""
    every = [x.meta for x in (policies.items if policies else ())]
    named = {x.called: x.at for x in every} | {f"{x.kind} {x.namespace}/{x.name}": x.at for x in every}
    return next((named[x] for y in facts for x in y.source.split(", ") if x in named), None)


def _space(namespace: str) -> str:
    return f"{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}"
