"""What enforces the NetworkPolicies of a cluster, as far as its nodes show it, or what runs on them.

An API server takes policies whether or not anything enforces them (Kubernetes documentation, Network Policies,
Prerequisites).
"""

import re
from collections.abc import Collection, Iterable
from functools import cache, lru_cache

import msgspec

from dualstack.knowledge import table
from dualstack.model.cluster import Node
from dualstack.model.slim import ConfigMap
from dualstack.model.text import with_article
from dualstack.model.trace import Status

HELD, DIRECT = "held", "direct"
"""Policies hold for what a pod sends to its own node; or surely do where IPVS leads nothing there."""
_PROXY = ("kube-system", "kube-proxy")
_RULES = re.compile(r"""^mode: *["']?(?:iptables|nftables)?["']? *$""", re.MULTILINE)
"""A mode of kube-proxy that is not IPVS; none is iptables (KubeProxyConfiguration v1alpha1)."""
_TAG = re.compile(r":[^/:]*$")


class Engine(msgspec.Struct, frozen=True):
    """What enforces policies; nobody knows whether anything does where it has no name.

    `blocks` says whether an `ipBlock` matches the addresses of pods, and `apart` that selectors surely mean no pods in
    the network of their node: Kubernetes leaves that open. `own` is `HELD`, `DIRECT`, or empty where nobody knows.
    `others` are kinds of policies beside those of Kubernetes that there are, or may be: one of these can let through
    what none of Kubernetes does.
    """

    name: str = ""
    blocks: bool = True
    apart: bool = False
    own: str = ""
    rejects: bool = True
    others: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The end of a sentence on what policies do."""
        enforced = f", and {self.name} enforces policies" if self.name else ", if anything here enforces policies"
        return f"{enforced}; {with_article(self.others[0])} may, and is not read" if self.others else enforced

    @property
    def status(self) -> Status:
        """What becomes of a hop that no policy allows."""
        return Status.FAIL if self.name and not self.others else Status.UNKNOWN


def engine(nodes: Iterable[Node], running: Iterable[str] = ()) -> Engine:
    """What enforces policies on some of these nodes, or is known by its name to run there."""
    by_name = {x.name: x for x, *_ in _rows()}
    shown = (said for x in nodes if (said := _on(x)))
    return next(shown, next((by_name[x] for x in running if x in by_name), Engine()))


def is_by_rules(config_maps: Iterable[ConfigMap]) -> bool:
    """Whether the configuration of kube-proxy says that rules of a packet filter serve Services, and not IPVS."""
    mine = (x for x in config_maps if (x.metadata.namespace, x.metadata.name) == _PROXY)
    return any(_RULES.search(y) for x in mine for y in (x.data or {}).values())


def of_image(image: str) -> str:
    """The name of what enforces policies that an image is of; empty for others."""
    name = _TAG.sub("", image.partition("@")[0])
    return next((x.name for x, where, text in _rows() if where == "image" and f"/{name}".endswith(f"/{text}")), "")


def of_container(name: str, words: Collection[str]) -> str:
    """The name of what enforces policies that a container with this command is of; empty for others."""
    told = (x for x in _rows() if x[1] == "container" and x[2].partition(" ")[0] == name)
    return next((x.name for x, _, text in told if {*text.split()[1:]} <= {*words}), "")


def _on(node: Node) -> Engine | None:
    return _shown(
        tuple(x.reason or "" for x in node.status.conditions or () if x.type == "NetworkUnavailable"),
        frozenset(x.partition("/")[0] for x in node.metadata.annotations or ()),
        node.status.node_info.kubelet_version,
    )


@lru_cache
def _shown(reasons: tuple[str, ...], annotations: frozenset[str], version: str) -> Engine | None:
    """What runs on the nodes that say this: most nodes of a cluster say the same."""
    shown = {"reason": reasons, "annotation": annotations, "version": (version,)}
    return next((name for name, where, text in _rows() if any(text in x for x in shown.get(where, ()))), None)


@cache
def _rows() -> tuple[tuple[Engine, str, str], ...]:
    return tuple(
        (
            Engine(
                x["name"],
                blocks=x["blocks"] == "pods",
                apart=x["hosts"] == "apart",
                own=x["own"].strip("-"),
                rejects=x["denies"] == "rejects",
            ),
            x["where"],
            x["text"],
        )
        for x in table("policy_engines")
    )
