"""What is told of a name that gives a client no address, or may give none, by the mark of its hop `resolve`."""

import re

from dualstack.model.trace import Status, TracedHop
from dualstack.reach.cluster_dns import SILENT
from dualstack.reach.forward import NO_NAME
from dualstack.reach.lanes import NO_SERVICE
from dualstack.reach.nowhere import ASTRAY, HOLDS, REFUSED, UNLISTED, UNMADE, UNNAMED
from dualstack.reach.resolved import (
    ALIAS_ABROAD,
    FOREIGN,
    IN_NETWORK,
    OUTSIDE,
    UNANSWERED,
    UNFORWARDED,
    UNRESOLVED,
)
from dualstack.reach.unasked import UNASKED, UNHELD
from dualstack.reach.undefined import KEYLESS, TOO_EARLY, UNDEFINED, UNFILLED, UNLINKED, UNRENDERED
from dualstack.reach.ways import SHORT, UNLIKE

_NAME = "Correct the name"
_LISTS = f"{_NAME}; `kubectl get services -A` lists those"
_LIKE = re.compile(r"; there is (`[^`]+`)")
"""How it is told that one Service alone is like one that is not there."""
_COREDNS = "See whether CoreDNS runs: `kubectl get pods,endpointslices -n kube-system -l k8s-app=kube-dns`."
_LOOKS = "`--inspect` looks the name up from inside the pod."
_POLICIES = {OUTSIDE: "`dnsPolicy: ClusterFirst`", IN_NETWORK: "`dnsPolicy: ClusterFirstWithHostNet`"}
"""What makes a pod ask the nameserver of the cluster; the first is none for a pod in the network of its node
(Kubernetes documentation, DNS for Services and Pods, Pod's DNS Policy)."""
_ALONE = "send to the name of the Service alone, which leads to each of its pods."
_BEHIND = "Write a Service without a selector and an EndpointSlice with that address, or let clients send to it."
_ALIAS = "Write `externalName` with the domain of the cluster"
_ANEW = "Make the StatefulSet anew with this Service as its `serviceName` (`subdomain` of a pod)"
_ASKED = "Correct the name, or look at the nameservers of the nodes: CoreDNS asks these for names of the world."
_NODE = (
    "Let clients send to their node: `$(HOST_IP)` in the endpoint, and before it that variable from `status.hostIP`. "
    "Or make the Service, as the chart of the Collector does with `service.enabled: true`."
)
_REFUSED = {
    f"{REFUSED}: it is invalid": "Mend that in the `spec` of the resource: the Operator makes the Service then.",
    " exceeded quota": "Raise that quota, or make room in it: the Operator makes the Service then.",
    " cannot ": "Give the Operator that right, as its own ClusterRole does: it makes the Service then.",
    REFUSED: "See what forbids it: the Operator makes the Service as soon as it may.",
}
"""What to do about what the API server says to the Operator, by words of that; the first that are there tell."""
_OPERATOR = "Let the Operator run: it makes a Service of receivers with ports; its log says why where it does not."
_EITHER = f"{_POLICIES[OUTSIDE]}, in the network of their node with {_POLICIES[IN_NETWORK]}"
_SURE = {
    NO_SERVICE: ("No Service has this name", f"{_LISTS} that there are."),
    UNNAMED: ("No pod behind the Service has this name", f"Correct the name, or {_ALONE}"),
    ASTRAY: ("The pod has no name in this Service", f"{_ANEW}, or {_ALONE}"),
    NO_NAME: ("An ExternalName is an address", _BEHIND),
    SHORT: (
        "The client's resolver makes no name of the cluster of it",
        "Write the whole name, such as `NAME.NAMESPACE.svc.cluster.local`, or use `dnsPolicy: ClusterFirst`.",
    ),
    UNLIKE: (
        "The host is no name that a Service can have",
        "Write the name of the Service, of letters, digits and `-` alone, and `:` before the port.",
    ),
    UNDEFINED: (
        "The endpoint names a variable that is not there",
        "Define the variable before the one that uses it; `env` is read from the top.",
    ),
    KEYLESS: (
        "The endpoint names a variable without a value",
        "Add that key to the ConfigMap, or let the pods read one that it has, and restart them.",
    ),
    UNRENDERED: (
        "The endpoint is a template that nobody filled in",
        "Render it before it is applied, as `helm template` does (`tpl` for a text in the values), or write the name.",
    ),
    TOO_EARLY: (
        "The variable is of a Service that came later",
        "Restart the pods: the Service is there by now. Its name in the place of the variable needs no such order.",
    ),
    UNRESOLVED: (
        "The name does not resolve for the client",
        f"{_LISTS} of the cluster. Pods ask for these with {_EITHER}.",
    ),
    UNLISTED: ("No Service has this name", f"{_LISTS} that there are."),
    FOREIGN: (
        "The name is of another domain than the cluster",
        "Write it with the domain of the cluster, or end it with `svc`.",
    ),
    ALIAS_ABROAD: ("An ExternalName is of another domain than the cluster", f"{_ALIAS}."),
    UNHELD: (
        "Nobody has the address of the pod's nameserver",
        f"Use {_EITHER}, or name that of the cluster: `kubectl get services -n kube-system kube-dns` shows it.",
    ),
    UNASKED: (
        "The pods have no address of the family of their nameserver",
        f"Name a nameserver of a family that they have in `dnsConfig`, or use {_EITHER}.",
    ),
    UNANSWERED: ("No nameserver answers for this name", _COREDNS),
    UNFORWARDED: ("No nameserver answers for this name", _ASKED),
    **{k: ("The client does not resolve this name", f"Use {v}.") for k, v in _POLICIES.items()},
}
_OPEN = {
    UNLISTED: ("No Service has this name", f"{_LISTS} that there are. Outside the cluster it may have one."),
    UNLINKED: (
        "The variable is of a Service that may not be there",
        "Write the name of the Service with its namespace instead: pods get variables of those of their own alone.",
    ),
    UNFILLED: (
        "Kubernetes does not fill in this variable",
        "Write `$(NAME)`, as `value` in `env` below the variable that it names; a ConfigMap is never filled in.",
    ),
    SILENT: ("The nameserver of the cluster may not answer", f"{_COREDNS} `--matrix` looks names up from each node."),
    FOREIGN: (
        "The client may not resolve this name",
        f"Write it with the domain of the cluster, or end it with `svc`; {_LOOKS}",
    ),
    ALIAS_ABROAD: ("The client may not resolve this name", f"{_ALIAS}; {_LOOKS}"),
    **{k: ("The client may not resolve this name", f"Use {v}; {_LOOKS}") for k, v in _POLICIES.items()},
}
NAMELESS = tuple(_SURE)
"""Marks of names that surely have no address, where the hop fails."""


def is_doubted(hop: TracedHop) -> bool:
    """Whether a name may give no address, and a rule says so."""
    return hop.status is Status.UNKNOWN and hop.mark in _OPEN


def said_of(hop: TracedHop) -> tuple[str, str]:
    """What it is called, and what to do."""
    _, made, told = hop.why.partition(UNMADE)
    if made:
        return "The Operator has not made the Service", next((v for k, v in _REFUSED.items() if k in told), _OPERATOR)
    summary, hint = (_SURE if hop.status is Status.FAIL else _OPEN)[hop.mark]
    like = _LIKE.search(hop.why)
    hint = hint.replace(f"{_NAME};", f"{_NAME}, to {like[1]} if that is meant;") if like else hint
    return summary, _NODE if HOLDS in hop.why else hint
