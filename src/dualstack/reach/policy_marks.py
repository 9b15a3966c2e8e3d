"""Marks of the hop `policy`: what NetworkPolicies do to a flow, and for want of what."""

from collections.abc import Mapping

from dualstack.model.trace import TracedHop
from dualstack.reach import cluster_dns
from dualstack.reach.netpol import Lack, Way

CHOOSES, UNCLEAR = "network-policy-for-some", "network-policy-for-labels"
"""Marks of the hop `policy`: a NetworkPolicy lets in some clients that it chooses; labels decide that are not known."""
SHUT_OUT: Mapping[tuple[Way, Lack], str] = {
    (way, lack): f"network-policy-{way.name.lower()}-{lack.value}" for way in Way for lack in Lack
}
"""Marks of the hop `policy`: no NetworkPolicy lets these clients through, in a direction, for want of something."""
OF_SOME = "-by-labels"
"""The end of such a mark where it is for the labels of these clients, and others may get through."""
OF_NODES = "-in-host-network"
"""The end of such a mark where these clients are in the network of their nodes, which no labels choose."""
UNMEANT = SHUT_OUT[Way.IN, Lack.PEER] + OF_SOME + OF_NODES
"""That of such clients of which an export of their own showed that labels do not mean them."""
WORDS = {Way.IN: "in", Way.OUT: "out"}
NAMED = "NetworkPolicy "
"""How policies are called in the sources of facts, before their names."""


def shut_out(hop: TracedHop) -> bool:
    """Whether no NetworkPolicy lets clients through."""
    return plain(hop.mark) in SHUT_OUT.values() or hop.mark == cluster_dns.SHUT_IN


def plain(mark: str) -> str:
    """A mark without what it says of other clients."""
    return mark.removesuffix(OF_NODES).removesuffix(OF_SOME)


def is_of_nodes(mark: str) -> bool:
    """Whether a mark is of clients in the network of their nodes."""
    return mark.endswith(OF_NODES)


def named_in(hop: TracedHop) -> str:
    """The policies that a hop speaks of first."""
    return next((x.source for x in hop.evidence if x.source.startswith(NAMED)), "a policy")


def is_chosen(hop: TracedHop) -> bool:
    """Whether policies choose clients by what others have not: an export of somebody else proves nothing there."""
    chosen = hop.mark.removesuffix(OF_NODES)
    return chosen in (UNCLEAR, cluster_dns.SHUT_IN) or chosen.endswith(OF_SOME)


def is_unclear(hop: TracedHop) -> bool:
    """Whether it is not known what policies make of clients: by labels that are not known, or may not be meant."""
    return plain(hop.mark) == UNCLEAR


def bars(hop: TracedHop) -> Way:
    """The direction in which the policies of a hop bar clients, or choose them."""
    out = any(plain(hop.mark) == SHUT_OUT[Way.OUT, x] for x in Lack) or hop.mark == cluster_dns.SHUT_IN
    chosen = [x.fact for x in hop.evidence if x.source.startswith(NAMED)]
    return Way.OUT if out or any(f" {WORDS[Way.OUT]} over " in x for x in chosen[:1]) else Way.IN


def lacks_family(hop: TracedHop) -> bool:
    """Whether policies bar clients for their family alone."""
    return plain(hop.mark) in (SHUT_OUT[Way.IN, Lack.FAMILY], SHUT_OUT[Way.OUT, Lack.FAMILY])


def words(hop: TracedHop) -> str:
    """The same in a word: `in` or `out`."""
    return WORDS[bars(hop)]
