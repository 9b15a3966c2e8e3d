"""The labels of namespaces, where a NetworkPolicy chooses by them whom it lets through, or Istio whom it leads."""

from collections.abc import Iterator

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import text
from dualstack.model.netpol import LabelSelector, Policy
from dualstack.model.world import World, part
from dualstack.reach.admitted import NAME_LABEL
from dualstack.reach.mutual import AMBIENT

_SPACES = 8
"""Namespaces that are asked for."""


def spaces(ask: Asker) -> None:
    """Note the namespaces of clients and of receivers, where a policy wants more of them than a name.

    And where policies see a port of Istio in the place of a pod's own, of clients in the mesh. Raises Unreachable.
    """
    policies = World(objects={kinds.POLICIES.kind: ask.world.objects.get(kinds.POLICIES.kind, [])}).cluster().policies
    held = ask.world.objects.get(kinds.PODS.kind, ())
    led = policies and any(AMBIENT[0] in part(x, "metadata", "annotations") for x in held)
    if not led and not any(map(_chooses, policies)):
        return
    pods = (text(x, "metadata", "namespace") for x in held)
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
