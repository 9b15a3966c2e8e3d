"""What the rules of clusters ask: whose flows these are, which pods and nodes lack what, and what to type."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model import kube
from dualstack.model.address import BOTH, TITLES, Family, Protocol, is_address
from dualstack.model.address import family as family_of
from dualstack.model.cluster import Cluster, Node, Pod, Service
from dualstack.model.finding import Finding
from dualstack.model.source import Location
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach import node_ports
from dualstack.reach.aliases import end_of
from dualstack.reach.answers import sent_to
from dualstack.reach.arrival import STALE
from dualstack.reach.bind import accepts
from dualstack.reach.blame import is_loopback
from dualstack.reach.crowds import families_on
from dualstack.reach.entrance import LACKS, OTHER_FAMILY
from dualstack.reach.exporting import owner
from dualstack.reach.forward import LOCAL, NO_ADDRESS, NO_POD, NO_PORT, NOBODY
from dualstack.reach.lanes import host, misread_behind, received_on, selected
from dualstack.reach.offers import door, fits, offers, used
from dualstack.reach.operator import OPERATED, misread, writer
from dualstack.reach.pods import Place, Places
from dualstack.reach.rollouts import revision
from dualstack.reach.sidecars import together
from dualstack.reach.spoken import stranger
from dualstack.reach.start import idle_on
from dualstack.reach.trace import CRASHED, NOTHING
from dualstack.reach.unbound import named_for_another

__all__ = ["LOCAL", "NOBODY", "NO_ADDRESS", "NO_POD", "NO_PORT", "STALE"]


_AGENTS = "DaemonSet "
MISREAD = "DS516"
"""The rule of ports that the Operator reads wrongly, which explains what is told of the Services that have them."""


def failing(traces: Traces, hop: Hop, *marks: str) -> tuple[Trace, ...]:
    """The required flows whose first failing hop is this one, with one of these marks where any are named."""
    broken = (x for x in traces.broken if x.failing and x.failing.hop is hop)
    return tuple(x for x in broken if not marks or (x.failing and x.failing.mark in marks))


def by_service(cluster: Cluster, traces: Iterable[Trace]) -> Iterator[tuple[Service, tuple[Trace, ...]]]:
    """The Services with those of these flows that they lead, each with at least one; an alias has those of its end."""
    every = tuple(traces)
    aliases = [(x, y) for x in cluster.services if x.spec.type == "ExternalName" and (y := end_of(x, cluster).service)]
    for service in cluster.services:
        if any(x is service for x, _ in aliases):
            continue
        names = [service, *(x for x, y in aliases if y is service)]
        mine = tuple(x for x in every if any(is_of(y, x) for y in names))
        if mine:
            yield service, mine


def is_of(service: Service, trace: Trace) -> bool:
    """Whether a flow is led by a Service: by its name, by its node port, or through what stands in front of it."""
    if trace.through:
        return trace.through == host(service)
    if trace.vantage.startswith(node_ports.NODE_PORT) or is_address(trace.target.host):
        return service.by_node_port(trace.target.port) is not None
    return trace.target.host == host(service)


def lacks_family(trace: Trace, has: Family) -> bool:
    """Whether a Service with one family, or that family itself, is what a flow lacks."""
    stop = trace.failing
    if stop and trace.through:
        return stop.mark in (LACKS, OTHER_FAMILY)
    if stop and stop.hop is Hop.SERVICE:
        return stop.mark == node_ports.SINGLE
    return stop is not None and stop.hop is (Hop.ROUTE if trace.family is has else Hop.RESOLVE)


def is_of_host_port(trace: Trace) -> bool:
    """Whether a flow comes by a host port, or to a pod in the network of its node.

    So does one that clients send to a node, where the pods that hold the port lack its family.
    """
    hop = trace.failing
    lacking = hop is not None and (hop.hop, hop.mark) == (Hop.ENDPOINTS, node_ports.POD_LACKS)
    sent = lacking and trace.at(Hop.SERVICE).status is Status.NOT_APPLICABLE
    return sent or trace.vantage.startswith(node_ports.HOST_PORT)


def keys(traces: Iterable[Trace]) -> tuple[str, ...]:
    """What the flows are known by."""
    return tuple(x.key for x in traces)


def families_of(traces: Iterable[Trace]) -> tuple[Family, ...]:
    """The families of these flows."""
    found = {x.family for x in traces}
    return tuple(x for x in BOTH if x in found)


def titles(families: Iterable[Family], joint: str = "and") -> str:
    """`IPv4 and IPv6`."""
    return f" {joint} ".join(x.title for x in families)


def ports_of(traces: Iterable[Trace]) -> str:
    """The ports that clients ask for."""
    return " and ".join(map(str, dict.fromkeys(x.target.port for x in traces)))


def clients_of(traces: Iterable[Trace]) -> str:
    """For whom these flows fail."""
    return " and ".join(dict.fromkeys(x.vantage for x in traces))


def written(services: kube.Services | None, service: Service) -> kube.Service | None:
    """A Service as its text has it."""
    about = service.metadata
    every = services.items if services else ()
    return next((x for x in every if (x.meta.name, x.meta.namespace) == (about.name, about.namespace)), None)


def port_at(services: kube.Services | None, service: Service, number: int) -> Location | None:
    """Where a Service says where a port leads."""
    found = written(services, service)
    each = next((x for x in found.ports if x.number.text == str(number)), None) if found else None
    return (each.target or each.number).at if each else found.meta.at if found else None


def patch(service: Service, spec: Mapping[str, object]) -> str:
    """The command that changes fields of a Service, or those of the resource by which the Operator writes them."""
    about = service.metadata
    _, _, made = writer(about.name, about).rpartition("/" if about.ambiguous else " ")
    what, body = f"{OPERATED.lower()} {made}" if made else f"service {about.name}", json.dumps({"spec": spec})
    return f"kubectl patch {what} -n {about.namespace} --type=merge -p '{body}'"


def by_whom(service: Service, part: str = "spec") -> str:
    """Where fields of a Service are changed, as the end of a sentence, if not in itself."""
    made = writer(service.metadata.name, service.metadata)
    return f" in `{part}` of {made}, by which the Service is written" if made else ""


def misread_in(cluster: Cluster, service: Service, places: Places) -> Mapping[int, int]:
    """The ports that the pods of a Service listen on, with those that it has instead, by the Operator's reading."""
    ports = {x.port for x in service.spec.ports or ()}
    found = misread_behind(cluster, service, places.items)
    return {k: v for k, v in found.items() if k not in ports and v in ports}


def is_misread(trace: Trace, places: Places | None) -> bool:
    """Whether a flow comes to a port of a pod that the Operator read in the address of a receiver there."""
    place = places.named(trace.server) if places else None
    return place is not None and trace.port in misread(x.config for x in place.configs).values()


def look_at_pods(service: Service) -> str:
    """The command that shows the pods of a Service."""
    chosen = ",".join(f"{k}={v}" for k, v in (service.spec.selector or {}).items())
    return f"kubectl get pods -n {service.metadata.namespace} -l {chosen} -o wide"


def lacking(pods: Iterable[Pod], family: Family) -> tuple[Pod, ...]:
    """The pods that have addresses, and none of a family."""
    return tuple(x for x in pods if x.addresses and family not in x.families)


def without(cluster: Cluster, pods: Iterable[Pod], family: Family) -> tuple[Node, ...]:
    """The nodes of these pods that have no address of a family, and give their pods none, as far as they are seen."""
    names = {x.spec.node_name for x in pods}
    return tuple(x for x in cluster.nodes if x.metadata.name in names and lacks(x, family))


def lacks(node: Node, family: Family) -> bool:
    """Whether no address of a node is of a family; of one that shows none, its range for pods."""
    held = {*map(family_of, node.addresses)} or {*families_on(node)}
    return bool(held) and family not in held


def kept_on(cluster: Cluster, trace: Trace) -> tuple[str, ...]:
    """The nodes that a traffic policy keeps a flow on: that whose address clients send to, else their own."""
    if trace.vantage.startswith(node_ports.NODE_PORT) or not is_address(trace.target.host):
        return trace.nodes
    return tuple(x.metadata.name for x in cluster.nodes if trace.target.host in x.addresses)


def behind(cluster: Cluster, service: Service, traces: Sequence[Trace]) -> tuple[Pod, ...]:
    """The pods that some flows of a Service would end at; where it keeps traffic on a node, those of that node."""
    pods = selected(cluster, service)
    local = [y for x in traces if x.failing and x.failing.mark == LOCAL for y in kept_on(cluster, x)]
    return tuple(x for x in pods if x.spec.node_name in local) if local else pods


def owner_of(pod: Pod) -> str:
    """What made a pod, as a user names it, or the pod where nothing did."""
    kind, _, name = owner(pod).partition(" ")
    return f"{kind} {pod.metadata.beside(name)}" if pod.metadata.owner_references else pod.place


def waiting_for(cluster: Cluster, traces: Traces, pods: Sequence[Pod]) -> tuple[Trace, ...]:
    """The flows that fail because none of their pods runs, and these are among them."""
    names = {x.place for x in pods}
    found = [x for x in failing(traces, Hop.POD) if names.intersection(x.servers)]
    for service, mine in by_service(cluster, failing(traces, Hop.ENDPOINTS, NOBODY)):
        found += mine if any(x in pods for x in selected(cluster, service)) else ()
    return tuple(found)


def receives_on(trace: Trace, places: Places | None) -> int:
    """Another port on which a pod takes what a flow brings to one without a listener; 0 where there is none.

    Nor is there one to send to instead where its configuration has a receiver for this port that nothing uses.
    """
    mine = places.named(trace.server) if places else None
    if (
        mine is None
        or trace.at(Hop.LISTEN).mark != NOTHING
        or any(idle_on(x.config, (trace.port,)) for x in mine.configs)
    ):
        return 0
    return taken_on(mine, trace.protocol, _ends(trace, mine), trace.port)


def _ends(trace: Trace, place: Place) -> Sequence[str]:
    """The addresses of a pod that a flow can come to."""
    inside = all(map(is_loopback, trace.addresses))
    return trace.addresses if inside else [x for x in place.pod.addresses if family_of(x) is trace.family]


def taken_on(place: Place, protocol: Protocol, at: Sequence[str], but: int = 0) -> int:
    """The port, but one, on which a pod takes a protocol at some of its addresses; 0 where there is none."""
    numbers = dict.fromkeys(x.port for x in place.opened if x.port not in (0, but) and not x.silent)
    return next((x for x in numbers if protocol in received_on((x,), (place,)) and _is_met(place, x, at)), 0)


def _is_met(place: Place, port: int, at: Sequence[str]) -> bool:
    """Whether what listens on a port takes what comes to one of these addresses, as far as is known."""
    sockets = [x for x in place.sockets if x.port == port]
    if not sockets:
        return place.observed is None
    return any(accepts(x, y, place.space) is not False for x in sockets for y in at)


class Redirected(NamedTuple):
    """Who takes a flow that another protocol answers, where it is no OTLP receiver, what to do, and where else to send.

    The first two are sentences; the second is empty where the client's choice is what is wrong, or nobody knows better.
    The last is the end of a sentence, empty where nobody knows more than the ports that OTLP has.
    """

    who: str = ""
    hint: str = ""
    other: str = ""


def redirected(trace: Trace, places: Places) -> Redirected:
    """What is said of a flow that another protocol answers, or no OTLP receiver.

    A port that leads to a receiver of one protocol is wrong only where its number, or its name, says the other one:
    else it is that of other clients.
    """
    place, mine = places.named(trace.server), used(trace, places)
    end = stranger(place, trace.port) if place else None
    meant = taken_on(place, trace.protocol, _ends(trace, place), trace.port) if place else 0
    who = f" `{end.component}` listens there, which is no OTLP receiver." if end else ""
    if mine and meant and fits(mine, meant, trace.protocol, places):
        return Redirected(who, f"Set `targetPort` to {meant} where the Service says {mine.port}.")
    port, other = other_way(trace, meant, places)
    where = f"a port that leads to {meant} of these pods" if meant else "an OTLP receiver"
    told = f"{other[:1].upper()}{other[1:]}." if port else f"Send {TITLES.get(trace.protocol, 'OTLP')} to {where}."
    return Redirected(who, told if end else "", other)


def other_way(trace: Trace, meant: int, places: Places) -> tuple[int, str]:
    """The port by which the client of a flow finds a receiver behind the same Service, and what to do for that.

    `meant` is the port of the pods that takes what the client speaks. Zero and no words where nobody knows.
    """
    mine, title = used(trace, places), TITLES.get(trace.protocol, "OTLP")
    port = (meant if mine.direct else door(trace, mine, places)) if mine else 0
    if port:
        return port, f"send {title} to `{sent_to(trace, port=port)}`"
    give = f"give the Service a port with `targetPort: {meant}`, and send {title} there"
    return 0, give if mine and meant else ""


def unheeded(found: Finding, trace: Trace, places: Places | None) -> Finding:
    """A finding of a closed port, with the container whose configuration has a receiver there, or one without a port.

    Of an empty port the kernel chooses one (Go src/net/dial.go, Listen), and the Collector makes nothing of a variable
    that is not set (opentelemetry-collector confmap/provider/envprovider).
    """
    place = places.named(trace.server) if places else None
    if place is None:
        return found
    named = named_for_another(place, trace.port)
    silent = next((x for x in place.on(trace.port) if x.silent), None)
    unset = next((x for x in place.opened if x.unset and x.endpoint.protocol is trace.protocol), None)
    if named:
        _, other = other_way(trace, taken_on(place, trace.protocol, _ends(trace, place)), places or Places())
        return replace(
            found,
            summary=f"No receiver listens on port {trace.port}",
            detail=f"The configuration of `{place.name}` has no receiver there; {named} for something else.",
            hint=f"{other[:1].upper()}{other[1:]}." if other else "Send to a port of its receivers.",
        )
    if silent:
        image = next(x.image for x in together(place.pod) if x.name == silent.container)
        named = f"the container `{silent.container}` (image `{image}`)"
        said = f"The configuration for {named} has `{silent.value}` all the same."
        hint = f"See in its log, image and command whether {named} runs a Collector that reads this configuration."
    elif unset:
        field, named = unset.endpoint.field, f"the container `{unset.container}`"
        said = f"`{field}` is `{unset.value}`, and {named} has no variable `{unset.unset}`, so any port is taken."
        hint = f"Set `{unset.unset}` to {trace.port} in {named}, or write that port in `{field}`."
    else:
        return found
    return replace(found, detail=f"{found.detail} {said}", hint=hint)


def is_open(trace: Trace, places: Places | None) -> bool:
    """Whether a port without a socket has another reason, or may have one in spite of what is known of the pod.

    What is known of a pod's loopback was told by who sends there.
    """
    if any(map(is_loopback, trace.addresses)):
        return trace.at(Hop.LISTEN).mark == CRASHED
    place, mark = places.named(trace.server) if places else None, trace.at(Hop.LISTEN).mark
    other = mark == CRASHED or receives_on(trace, places) != 0 or (places is not None and trace.server in places.strays)
    return place is not None and (other or not (place.known or mark == NOTHING))


def elsewhere(trace: Trace, traces: Traces, places: Places | None) -> str:
    """What made other pods that take connections of the same target, where those of a flow do not.

    Nobody listens in these, or they are agents. Empty where there are no others of another workload.
    """
    place = places.named(trace.server) if places else None
    if places is None or place is None:
        return ""
    agent = is_agent(trace, place)
    near = (x for x in traces.items if x.target == trace.target and x.at(Hop.LISTEN).status is Status.PASS)
    others = (maker(y.pod) for x in near if (y := places.named(x.server)))
    fitting = (x for x in others if x != maker(place.pod) and not (agent and x.startswith(_AGENTS)))
    return next(fitting, "") if agent or trace.at(Hop.LISTEN).mark == NOTHING else ""


def is_agent(trace: Trace, place: Place) -> bool:
    """Whether a flow is refused by one of the pods of each node that listens for its own host or pod alone."""
    sockets = [x for x in place.sockets if x.port == trace.port]
    local = bool(sockets) and all(is_loopback(x.address) for x in sockets)
    return local and trace.at(Hop.LISTEN).status is Status.FAIL and maker(place.pod).startswith(_AGENTS)


def with_services(places: Places, traces: Traces, cluster: Cluster) -> Places:
    """The places, with the ports of Services, and those told that a Service leads to by mistake."""
    lost = (x.server for x in traces.broken if elsewhere(x, traces, places))
    return Places(places.items, frozenset(lost), tuple(offers(cluster, places.items)))


def maker(pod: Pod) -> str:
    """The workload of a pod as a user names it, or else what made it."""
    made = revision(pod)
    return f"{made.kind} {made.name}" if made else owner_of(pod)
