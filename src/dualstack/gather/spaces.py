"""The labels of namespaces, where a NetworkPolicy chooses by them whom it lets through."""

from collections.abc import Iterator

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import text
from dualstack.model.netpol import LabelSelector, Policy
from dualstack.model.world import World
from dualstack.reach.admitted import NAME_LABEL

_SPACES = 8
"""Namespaces that are asked for."""


def spaces(ask: Asker) -> None:
    """Note the namespaces of clients and of receivers, where a policy wants more of them than a name.

    Raises Unreachable.
    """
    policies = World(objects={kinds.POLICIES.kind: ask.world.objects.get(kinds.POLICIES.kind, [])}).cluster().policies
    if not any(map(_chooses, policies)):
        return
    pods = (text(x, "metadata", "namespace") for x in ask.world.objects.get(kinds.PODS.kind, ()))
    named = dict.fromkeys(x for x in (*(x.namespace for x in ask.world.clients), *pods) if x)
    for name in list(named)[:_SPACES]:
        ask.soon("object", kinds.NAMESPACES, "", name)
    for name in list(named)[:_SPACES]:
        Asker(ask.api, "", ask.world).one(kinds.NAMESPACES, name)


def _chooses(policy: Policy) -> bool:
    rules = (*(policy.spec.ingress or ()), *(policy.spec.egress or ()))
    peers = (y for x in rules for y in (*(x.from_ or ()), *(x.to or ())))
    return any({*_keys(x.namespace_selector)} - {NAME_LABEL} for x in peers if x.namespace_selector)


def _keys(selector: LabelSelector) -> Iterator[str]:
    yield from selector.match_labels or ()
    yield from (x.key for x in selector.match_expressions or ())
