"""What NetworkPolicies let through: to a port of a pod, from the pods of some nodes, in one family.

A pod that any policy selects for a direction is isolated in it, and what no rule of those policies allows is dropped
(networking.k8s.io/v1). Clients are known by their addresses and not by their labels: a rule for pods of certain labels
lets those in that it is meant for, whatever the family.
"""

import enum
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dualstack.model.address import Family, family
from dualstack.model.cluster import Pod
from dualstack.model.netpol import IPBlock, LabelSelector, Peer, Policy, PolicyPort, PolicyRule

_Net = ipaddress.IPv4Network | ipaddress.IPv6Network


class Let(enum.Enum):
    """Whether clients are let in: all of them, those that a rule selects by labels or addresses, or none."""

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


def isolating(policies: Iterable[Policy], pod: Pod) -> tuple[Policy, ...]:
    """The policies that isolate a pod from those who come. Ingress is meant where no direction is named."""
    labels = pod.metadata.labels or {}
    return tuple(
        x
        for x in policies
        if x.metadata.namespace == pod.metadata.namespace
        and "Ingress" in (x.spec.policy_types or ("Ingress",))
        and selects(x.spec.pod_selector, labels)
    )


def ingress(policies: Sequence[Policy], pod: Pod, port: int, wanted: Family, ranges: Sequence[str]) -> Let:
    """Whether these policies, which isolate the pod, let clients with addresses in `ranges` in to a TCP port.

    `ranges` are the blocks that the addresses of the clients in this family are from; none where they are not known.
    """
    found = {_rule(x, pod, port, wanted, ranges) for policy in policies for x in policy.spec.ingress or ()}
    return next((x for x in Let if x in found), Let.NONE)


def _rule(rule: PolicyRule, pod: Pod, port: int, wanted: Family, ranges: Sequence[str]) -> Let:
    if rule.ports and not any(_has(x, pod, port) for x in rule.ports):
        return Let.NONE
    if not rule.from_:
        return Let.ALL
    found = {_peer(x, wanted, ranges) for x in rule.from_}
    return next(x for x in Let if x in found)


def _has(said: PolicyPort, pod: Pod, port: int) -> bool:
    if (said.protocol or "TCP") != "TCP":
        return False
    if isinstance(said.port, str) and not said.port.isdigit():
        named = (y for x in pod.spec.containers or () for y in x.ports or () if y.name == said.port)
        return any(x.container_port == port for x in named)
    first = int(said.port or 0)
    return not first or first <= port <= (said.end_port or first)


def _peer(peer: Peer, wanted: Family, ranges: Sequence[str]) -> Let:
    if peer.ip_block:
        return _block(peer.ip_block, wanted, ranges)
    everywhere = peer.namespace_selector == LabelSelector()
    everyone = peer.pod_selector in (None, LabelSelector())
    return Let.ALL if everywhere and everyone else Let.SOME


def _block(block: IPBlock, wanted: Family, ranges: Sequence[str]) -> Let:
    held = _network(block.cidr)
    if held is None or family(str(held.network_address)) is not wanted:
        return Let.NONE
    out = list(_networks(block.except_ or ()))
    mine = list(_networks(ranges))
    if not mine:
        return Let.ALL if held.prefixlen == 0 and not out else Let.SOME
    inside = [_within(x, held) and not any(_overlap(x, y) for y in out) for x in mine]
    apart = [not _overlap(x, held) or any(_within(x, y) for y in out) for x in mine]
    return Let.ALL if all(inside) else Let.NONE if all(apart) else Let.SOME


def _networks(texts: Iterable[str]) -> Iterator[_Net]:
    yield from (x for x in map(_network, texts) if x)


def _network(text: str) -> _Net | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(one: _Net, other: _Net) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def _overlap(one: _Net, other: _Net) -> bool:
    return one.version == other.version and one.overlaps(other)
