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

_EMPTY = '""'
"""How an empty value is written."""


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
    """What rules that let nobody through would need: a rule, the port, its protocol, the family, or these peers."""

    RULE = "rule"
    PORT = "port"
    PROTOCOL = "protocol"
    FAMILY = "family"
    PEER = "peer"


class End(msgspec.Struct, frozen=True):
    """The other end of a connection, as the rules of a policy see it.

    `ranges` are the blocks that its addresses are from; none where they are not known. `labels` and `of_namespace`, the
    labels of its namespace, are those that are known: of `open` ones there may be more. `namespace` is empty where that
    is not known, and `host` says that it is in the network of its node, which labels need not match, and surely do not
    where it is `apart`. `blocks` is False where what enforces the policies matches no pod by its address.
    """

    ranges: tuple[str, ...] = ()
    namespace: str = ""
    labels: Mapping[str, str] = {}
    of_namespace: Mapping[str, str] = {}
    open: bool = True
    namespace_open: bool = True
    host: bool = False
    apart: bool = False
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
        others = [x for policy, x in every if _peers(x, policy, way, spot) is not Let.NONE]
        unlike = any(_otherwise(x, spot) for x in others)
        return Lack.PROTOCOL if unlike else Lack.PORT if others else Lack.RULE
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


def _otherwise(rule: PolicyRule, spot: Spot) -> list[str]:
    """The protocols over which alone a rule is about a port."""
    named = (x for x in rule.ports or () if x.port and _numbers(x, spot))
    return [x.protocol or "TCP" for x in named] if not _is_about(rule, spot) else []


def _has(said: PolicyPort, spot: Spot) -> bool:
    return (said.protocol or "TCP") in spot.protocols and _numbers(said, spot)


def _numbers(said: PolicyPort, spot: Spot) -> bool:
    """Whether a port of a rule is that of a connection, whatever its protocol is."""
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
    if end.host:
        return Let.NONE if end.apart else Let.SOME
    there, these = _chosen(peer, home, end)
    if False in (there, these):
        return Let.NONE
    return Let.ALL if there and these else Let.SOME


def _chosen(peer: Peer, home: str, end: End) -> tuple[bool | None, bool | None]:
    """Whether a peer means the namespace of an end, and its labels; None where that is not known."""
    wanted = peer.namespace_selector
    if wanted is None:
        there = end.namespace == home if end.namespace else None
    else:
        there = _matches(wanted, end.of_namespace, more=end.namespace_open)
    return there, _matches(peer.pod_selector or LabelSelector(), end.labels, more=end.open)


def missed(policies: Iterable[Policy], way: Way, spot: Spot) -> str:
    """By what a rule that seems to be meant for a connection fails it, as a sentence; empty where none seems so."""
    found = (x for policy in policies for rule in _rules(policy, way) for x in _misses(rule, policy, way, spot))
    return next(found, "")


def _misses(rule: PolicyRule, policy: Policy, way: Way, spot: Spot) -> Iterator[str]:
    home, found = policy.metadata.namespace, list[str]()
    if _is_about(rule, spot):
        peers = (rule.from_ if way is Way.IN else rule.to) or ()
        found = [_by_labels(x, home, spot.other) for x in peers if not x.ip_block]
    elif _peers(rule, policy, way, spot) is not Let.NONE:
        found = [_by_protocol(rule, spot) or _by_name(rule, spot)]
    yield from (f"NetworkPolicy {policy.metadata.called} {x}" for x in found if x)


def _by_labels(peer: Peer, home: str, end: End) -> str:
    """By which labels a peer fails an end that it seems to mean: of its namespace, or with a label of that name."""
    there, these = _chosen(peer, home, end)
    if end.host:
        mean = "chooses by labels, which mean no pods in the network of their node"
        return "" if False in (there, these) else mean
    if there is not False:
        return _wants(peer.pod_selector, end.labels, "the pods, which have")
    if peer.namespace_selector is None:
        alone = f"has a `podSelector` without a `namespaceSelector`, which means the namespace {home} alone"
        return alone if these else ""
    wanted = {k: v for k, v in (peer.namespace_selector.match_labels or {}).items() if k not in end.of_namespace}
    return _wants(LabelSelector(match_labels=wanted), end.of_namespace, f"the namespace {end.namespace}, which has")


def _wants(selector: LabelSelector | None, labels: Mapping[str, str], whose: str) -> str:
    wrong = {k: v for k, v in ((selector.match_labels if selector else None) or {}).items() if labels.get(k) != v}
    wanted = ", ".join(f"{k}: {v or _EMPTY}" for k, v in wrong.items())
    has = " and ".join(f"`{k}: {labels[k] or _EMPTY}`" if k in labels else f"no label `{k}`" for k in wrong)
    return f"wants `{wanted}` of {whose} {has}" if wrong else ""


def _by_protocol(rule: PolicyRule, spot: Spot) -> str:
    """By which protocol a rule fails a connection to a port that it names."""
    said = _otherwise(rule, spot)
    return f"has that port over {' and '.join(dict.fromkeys(said))} alone, and OTLP goes over TCP" if said else ""


def _by_name(rule: PolicyRule, spot: Spot) -> str:
    """By which name of a port a rule fails a pod."""
    every = [y for x in (spot.pod.spec.containers if spot.pod else None) or () for y in x.ports or ()]
    held = {x.name: f"is port {x.container_port} of the pods" for x in every}
    names = [x.port for x in rule.ports or () if isinstance(x.port, str) and not x.port.isdigit()]
    return next((f"is for the port `{x}`, which {held.get(x, 'no container of the pods has')}" for x in names), "")


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
