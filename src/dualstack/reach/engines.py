"""What enforces the NetworkPolicies of a cluster, as far as its nodes show it.

An API server takes policies whether or not anything enforces them (Kubernetes documentation, Network Policies,
Prerequisites).
"""

from collections.abc import Iterable
from functools import cache

from dualstack.knowledge import table
from dualstack.model.cluster import Node


def engine(nodes: Iterable[Node]) -> str:
    """What enforces policies on some of these nodes; empty where none of them shows it."""
    return next((said for x in nodes if (said := _on(x))), "")


def _on(node: Node) -> str:
    shown = {
        "reason": [x.reason or "" for x in node.status.conditions or () if x.type == "NetworkUnavailable"],
        "annotation": [x.partition("/")[0] for x in node.metadata.annotations or ()],
        "version": [node.status.node_info.kubelet_version],
    }
    return next((name for name, where, text in _rows() if any(text in x for x in shown[where])), "")


@cache
def _rows() -> tuple[tuple[str, str, str], ...]:
    return tuple((x["name"], x["where"], x["text"]) for x in table("policy_engines"))
