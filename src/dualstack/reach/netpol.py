"""What NetworkPolicies let through: between two ends, on a port, in one family.

A pod that any policy selects for a direction is isolated in it, and what no rule of those policies allows is dropped
(networking.k8s.io/v1). Both ends decide: the policies of the client for what leaves it, those of the receiver for what
comes in. Rules for pods choose by labels, which are known of the pods in question and not of all that there may be.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from dualstack.model.address import BOTH, Family, Network, family, network
from dualstack.model.cluster import Pod
from dualstack.model.netpol import IPBlock, LabelSelector, Peer, Policy, PolicyPort, PolicyRule


class Let(enum.Enum):
    """Whether connections are let through: all, those that a rule selects by labels or addresses, or none."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether a selector matches labels (apimachinery, LabelSelectorAsSelector)."""
    if not (selector.match_labels or {}).items() <= labels.items():
        return False
    for term in selector.match_expressions or ():
        there, listed = term.key in labels, labels.get(term.key) in (term.values or ())
        said = {"In": listed, "NotIn": not listed, "Exists": there, "DoesNotExist": not there}
        if not said.get(term.operator, False):
            return False
    return True


class Way(enum.Enum):
    """A direction, as policies call it."""

    IN = "Ingress"
    OUT = "Egress"


class Lack(enum.Enum):
    """What rules that let nobody through would need: a rule at all, the port, the family, or these peers."""

    RULE = "rule"
    PORT = "port"
    FAMILY = "family"
    PEER = "peer"


class End(msgspec.Struct, frozen=True):
    """The other end of a connection, as the rules of a policy see it.

    `ranges` are the blocks that its addresses are from; none where they are not known. `labels` and `of_namespace`, the
    labels of its namespace, are those that are known: of `open` ones there may be more. `namespace` is empty where that
    is not known, and `host` says that it is in the network of its node, which labels need not match. `blocks` is False
    where what enforces the policies matches no pod by its address.
    """

    ranges: tuple[str, ...] = ()
    namespace: str = ""
    labels: Mapping[str, str] = {}
    of_namespace: Mapping[str, str] = {}
    open: bool = True
    namespace_open: bool = True
    host: bool = False
    blocks: bool = True


class Spot(msgspec.Struct, frozen=True):
    """What a connection comes to: a port of a pod, None where that is not known, in a family; and the other end."""

    pod: Pod | None
    port: int
    family: Family
    other: End
    protocols: tuple[str, ...] = ("TCP",)


def isolating(
    policies: Iterable[Policy], namespace: str, labels: Mapping[str, str], way: Way = Way.IN
) -> tuple[Policy, ...]:
    """The policies that isolate a pod with these labels in a direction.

    Where none is named ingress is meant, and egress as well where there are rules for it.
    """
    return tuple(
        x
        for x in policies
        if x.metadata.namespace == namespace and way.value in _ways(x) and selects(x.spec.pod_selector, labels)
    )


def _ways(policy: Policy) -> Sequence[str]:
    return policy.spec.policy_types or ("Ingress", *(["Egress"] if policy.spec.egress else []))


def lets(policies: Iterable[Policy], way: Way, spot: Spot) -> Let:
    """Whether these policies, which isolate one end, let the connection through."""
    found = {
        _peers(x, policy, way, spot) if _is_about(x, spot) else Let.NONE
        for policy in policies
        for x in _rules(policy, way)
    }
    return next((x for x in Let if x in found), Let.NONE)


def lacks(policies: Sequence[Policy], way: Way, spot: Spot) -> Lack:
    """What it takes for policies that let nobody through to do so."""
    every = [(policy, x) for policy in policies for x in _rules(policy, way)]
    if not every:
        return Lack.RULE
    about = [(policy, x) for policy, x in every if _is_about(x, spot)]
    if not about:
        others = (_peers(x, policy, way, spot) for policy, x in every)
        return Lack.PORT if any(x is not Let.NONE for x in others) else Lack.RULE
    somewhere = msgspec.structs.replace(spot, other=msgspec.structs.replace(spot.other, ranges=()))
    spots = {x: msgspec.structs.replace(somewhere, family=x) for x in BOTH}
    held = {x for x in BOTH if any(_peers(rule, policy, way, spots[x]) is not Let.NONE for policy, rule in about)}
    return Lack.FAMILY if held and spot.family not in held else Lack.PEER


def _rules(policy: Policy, way: Way) -> Sequence[PolicyRule]:
    return (policy.spec.ingress if way is Way.IN else policy.spec.egress) or ()


def _is_about(rule: PolicyRule, spot: Spot) -> bool:
    return not rule.ports or any(_has(x, spot) for x in rule.ports)


def _peers(rule: PolicyRule, policy: Policy, way: Way, spot: Spot) -> Let:
    peers = rule.from_ if way is Way.IN else rule.to
    if not peers:
        return Let.ALL
    found = {_peer(x, policy.metadata.namespace, spot) for x in peers}
    return next(x for x in Let if x in found)


def _has(said: PolicyPort, spot: Spot) -> bool:
    if (said.protocol or "TCP") not in spot.protocols:
        return False
    if isinstance(said.port, str) and not said.port.isdigit():
        if spot.pod is None:
            return True
        named = (y for x in spot.pod.spec.containers or () for y in x.ports or () if y.name == said.port)
        return any(x.container_port == spot.port for x in named)
    first = int(said.port or 0)
    return not first or first <= spot.port <= (said.end_port or first)


def _peer(peer: Peer, home: str, spot: Spot) -> Let:
    """Whether a peer is the other end; a selector of pods alone means those of the namespace of the policy."""
    end = spot.other
    if peer.ip_block:
        let = _block(peer.ip_block, spot.family, () if end.host else end.ranges)
        return let if end.blocks else Let.SOME if end.host and let is not Let.NONE else Let.NONE
    wanted = peer.namespace_selector
    if wanted is None:
        there = end.namespace == home if end.namespace else None
    else:
        there = _matches(wanted, end.of_namespace, more=end.namespace_open)
    these = _matches(peer.pod_selector or LabelSelector(), end.labels, more=end.open)
    if False in (there, these) and not end.host:
        return Let.NONE
    return Let.ALL if there and these and not end.host else Let.SOME


def _matches(selector: LabelSelector, labels: Mapping[str, str], *, more: bool) -> bool | None:
    """Whether a selector matches; None where it asks for labels that are not known, and there may be `more`."""
    asked = {*(selector.match_labels or {}), *(x.key for x in selector.match_expressions or ())}
    known = LabelSelector(
        match_labels={k: v for k, v in (selector.match_labels or {}).items() if k in labels or not more},
        match_expressions=[x for x in selector.match_expressions or () if x.key in labels or not more],
    )
    if not selects(known, labels):
        return False
    return None if more and asked - labels.keys() else True


def _block(block: IPBlock, wanted: Family, ranges: Sequence[str]) -> Let:
    held = network(block.cidr)
    if held is None or family(str(held.network_address)) is not wanted:
        return Let.NONE
    out = list(_networks(block.except_ or ()))
    mine = list(_networks(ranges))
    if not mine:
        return Let.ALL if held.prefixlen == 0 and not out else Let.SOME
    inside = [_within(x, held) and not any(_overlap(x, y) for y in out) for x in mine]
    apart = [not _overlap(x, held) or any(_within(x, y) for y in out) for x in mine]
    return Let.ALL if all(inside) else Let.NONE if all(apart) else Let.SOME


def _networks(texts: Iterable[str]) -> Iterator[Network]:
    yield from (x for x in map(network, texts) if x)


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
