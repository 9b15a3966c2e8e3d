"""The ports that Services offer, where each leads, and which of them takes what a client speaks."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from dualstack.model.address import OTLP_PORTS, Protocol, is_address
from dualstack.model.cluster import Cluster, Service, ServicePort
from dualstack.model.offer import Offer
from dualstack.model.trace import Trace
from dualstack.reach.aliases import end_of
from dualstack.reach.lanes import carrying, host, is_named, received_on
from dualstack.reach.pods import Place, Places


def offers(cluster: Cluster, items: Mapping[tuple[str, str], Place]) -> Iterator[Offer]:
    """Every port of every Service, by its own name and by its aliases."""
    aliases = [x for x in cluster.services if x.spec.type == "ExternalName"]
    for service in (x for x in cluster.services if x not in aliases):
        names = (service, *(x for x in aliases if end_of(x, cluster).service is service))
        for port in (x for x in service.spec.ports or () if x.protocol == "TCP"):
            ends, means = tuple(_ends(cluster, service, port, items)), OTLP_PORTS.get(port.port, is_named(port))
            for name in names:
                yield Offer(host(name), port.port, port.node_port or 0, means, ends, service.headless)


def _ends(
    cluster: Cluster, service: Service, port: ServicePort, items: Mapping[tuple[str, str], Place]
) -> Iterator[tuple[str, int]]:
    """The pods behind a port, with the port there."""
    for item in cluster.slices_of(service):
        mine = [port.port] if service.headless else [x.port or port.port for x in carrying(item, port)]
        for each in (x.target_ref for x in item.endpoints or () if x.target_ref):
            there = items.get((each.namespace or item.metadata.namespace, each.name))
            yield from ((there.name, x) for x in mine[:1] if there)


def used(trace: Trace, places: Places) -> Offer | None:
    """The port of a Service that a flow uses; None where it uses none, or something stands in front of that."""
    by_node, target = is_address(trace.target.host), trace.target
    for each in places.offers if not trace.through else ():
        if target.port == (each.node_port if by_node else each.port) and (by_node or each.host == target.host):
            return each
    return None


def door(trace: Trace, mine: Offer, places: Places) -> int:
    """Another port of the same Service by which the client of a flow finds what it speaks; 0 where there is none."""
    near = (x for x in places.offers if x.host == mine.host and x != mine and _takes(x, trace.protocol, places))
    return next((x.node_port if is_address(trace.target.host) else x.port for x in near), 0)


def fits(offer: Offer, meant: int, protocol: Protocol, places: Places) -> bool:
    """Whether a port of a Service is for a protocol, and all pods behind it take that on the port that is `meant`.

    To lead it there closes nothing that works.
    """
    led = replace(offer, ends=tuple((x, meant) for x, _ in offer.ends))
    return offer.means is protocol and not offer.direct and _takes(led, protocol, places)


def _takes(offer: Offer, protocol: Protocol, places: Places) -> bool:
    """Whether all pods behind a port take a protocol there, as far as they are known."""
    found = [(y, n) for x, n in offer.ends if (y := places.named(x))]
    return bool(found) and all(protocol in received_on((n,), (x,)) for x, n in found)
