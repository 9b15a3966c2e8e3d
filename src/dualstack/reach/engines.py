"""What enforces the NetworkPolicies of a cluster, as far as its nodes show it, or what runs on them.

An API server takes policies whether or not anything enforces them (Kubernetes documentation, Network Policies,
Prerequisites).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache

import msgspec
from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.cluster import Cluster, Node
from dualstack.model.netpol import Policy
from dualstack.model.slim import ConfigMap
from dualstack.model.text import with_article
from dualstack.model.trace import Status

HELD, DIRECT = "held", "direct"
"""Policies hold for what a pod sends to its own node; or surely do where IPVS leads nothing there."""
_PROXY = ("kube-system", "kube-proxy")
_RULES = re.compile(r"""^mode: *["']?(?:iptables|nftables)?["']? *$""", re.MULTILINE)
"""A mode of kube-proxy that is not IPVS; none is iptables (KubeProxyConfiguration v1alpha1)."""
NOT = "-"
"""What the name of an engine follows that is known to enforce no policies of Kubernetes."""
EGRESS = "egress "
"""What a family follows, beside the engines, that pods without it come to by the address of their node."""
_TAG = re.compile(r":[^/:]*$")
_WORD = re.compile(r'"([^"]*)"')


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
    """What enforces policies on some of these nodes, or is known by its name to run there.

    What a server of K3s is told holds for all nodes (k3s-io/k3s pkg/daemons/config, CriticalControlArgs).
    """
    every, names = tuple(nodes), tuple(running)
    off = frozenset((*(x.removeprefix(NOT) for x in names if x.startswith(NOT)), *(y for x in every for y in _off(x))))
    by_name = {x.name: x for x, *_ in _rows()}
    shown = (said for x in every if (said := _on(x, off)))
    return next(shown, next((by_name[x] for x in names if x in by_name and x not in off), Engine()))


def beside(by: Engine, policies: Sequence[Policy], cluster: Cluster, *, host: bool = False) -> Engine:
    """What enforces these policies, with the kinds of others that may be for the same pods.

    To a `host`, a pod in the network of a node, Cilium's alone let pods out by its address: what was not stored of them
    may do so.
    """
    spaces = {"", *(x.metadata.namespace for x in policies)}
    there = [x for x, y in cluster.other_policies if y in spaces]
    unread = sorted((x for x in cluster.unseen if host and not by.blocks and x.startswith(by.name)), key=len)
    return replace(by, others=tuple(dict.fromkeys((*there, *unread))))


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


def idle(name: str, data: Mapping[str, object]) -> str:
    """The name of what enforces no policies where a ConfigMap of this name says so; empty for others."""
    told = ((x.name, text.split()) for x, where, text in _rows() if where == "config")
    return next((x for x, (held, key, value) in told if held == name and data.get(key) == value), "")


def _off(node: Node) -> Iterator[str]:
    """What enforces no policies as the node was started."""
    held = node.metadata.annotations or {}
    for each, where, text in _rows():
        key, _, option = text.partition(" ")
        if where == "option" and key in held:
            words = f" {' '.join(_WORD.findall(held[key]))} "
            if f" {option} " in words and f" {option} false " not in words:
                yield each.name


def _on(node: Node, off: frozenset[str]) -> Engine | None:
    return _shown(
        tuple(x.reason or "" for x in node.status.conditions or () if x.type == "NetworkUnavailable"),
        frozenset(x.partition("/")[0] for x in node.metadata.annotations or ()),
        node.status.node_info.kubelet_version,
        off,
    )


@lru_cache
def _shown(reasons: tuple[str, ...], annotations: frozenset[str], version: str, off: frozenset[str]) -> Engine | None:
    """What runs on the nodes that say this, but for what is off: most nodes of a cluster say the same."""
    shown = {"reason": reasons, "annotation": annotations, "version": (version,)}
    rows = (x for x in _rows() if x[0].name not in off)
    return next((name for name, where, text in rows if any(text in x for x in shown.get(where, ()))), None)


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
