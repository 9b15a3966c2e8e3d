"""The resolver of a pod, by its specification: whom it asks, and of which names of the cluster it makes which.

Kubernetes documentation, DNS for Services and Pods; kubernetes 1.34.4, pkg/kubelet/network/dns/dns.go GetPodDNS;
resolv.conf(5): search, ndots.
"""

import re
from collections.abc import Collection, Iterable

import msgspec

from dualstack.model.address import Scope, is_address, network, parse, scope
from dualstack.model.cluster import Pod
from dualstack.model.container import DnsConfig
from dualstack.model.exporter import ABROAD
from dualstack.model.slim import ServiceCIDR

DOMAIN = "cluster.local"
"""The domain of a cluster unless its kubelets are told another one, which nothing in the API says."""
_SLIPS = frozenset(
    y
    for i in range(1, len(DOMAIN) - 1)
    for head, one, two, rest in [(DOMAIN[:i], DOMAIN[i], DOMAIN[i + 1], DOMAIN[i + 2 :])]
    for y in (head + two + rest, head + two + one + rest, head + one + one + two + rest)
) - {DOMAIN}
"""It with a letter left out, with two in the wrong order, or with one twice; its last letter may be meant so."""
_ZONES = re.compile(r"^\s*kubernetes\s+(?P<zones>[^\n{]+)", re.MULTILINE)
"""The line of a Corefile that names the zones of the cluster (CoreDNS, plugin/kubernetes)."""
_BARE = re.compile(rf"(?P<service>[a-z0-9-]+\.(?!(?:svc|pod)\.)[a-z0-9-]+)\.{re.escape(DOMAIN)}")
_SIGNS = re.compile(r"[\x00-,/:-@\[-`{-\x7f]")
"""What no label of a Service has (RFC 1035 section 2.3.1); of other letters clients may make some (RFC 5891)."""
_JOINS, _PORT = re.compile(r"[_\s]+"), re.compile(r"[;|,]\d+$")
"""Of these, what is written for `-`, and for the `:` before a port."""
_NDOTS = re.compile(r"\d{1,9}")
_NAME = re.compile(
    r"(?:(?P<pod>[a-z0-9-]+)\.)?(?P<name>[a-z0-9-]+)\.(?P<namespace>(?!svc\.)[a-z0-9-]+)"
    r"\.svc\.(?!(?:.*\.)?svc(?:\.|$)).+"
)
"""Kubernetes DNS specification 1.1 sections 2.3 and 2.4: a Service, and an endpoint of a headless one."""


class Resolver(msgspec.Struct, frozen=True):
    """How a pod looks names up.

    `said` is what makes it so, and `cluster` whether it asks the DNS of the cluster, None where nobody can say.
    `aliases` are the lines of its hosts file. `nobody` are its nameservers where no Service has any of their addresses.
    """

    said: str
    cluster: bool | None
    search: tuple[str, ...]
    ndots: int
    aliases: tuple[tuple[str, str], ...] = ()
    nobody: tuple[str, ...] = ()

    def addresses(self, host: str) -> tuple[str, ...]:
        """What its hosts file says of a name."""
        wanted = host.rstrip(".").lower()
        return tuple(address for name, address in self.aliases if name == wanted)


class ClusterName(msgspec.Struct, frozen=True):
    """A name that the DNS of a cluster would know: of a Service, or of one pod behind a headless one."""

    namespace: str
    name: str
    pod: str = ""


def resolver(
    pod: Pod, ranges: Iterable[ServiceCIDR] = (), known: Collection[str] = (), vacant: Collection[str] = ()
) -> Resolver:
    """The resolver of a pod.

    `ranges` of Services tell whether a nameserver is one; those that are `known` surely are, and the `vacant` nobody's.
    """
    spec, own = pod.spec, pod.spec.dns_config or DnsConfig()
    policy = spec.dns_policy or "ClusterFirst"
    aliases = tuple(
        (name.lower(), x.ip) for x in spec.host_aliases or () for name in x.hostnames or () if is_address(x.ip)
    )
    added = tuple(x.strip(".").lower() for x in own.searches or ())
    if policy == "None":
        named = nameservers(pod)
        left = tuple(x for x in named if x not in vacant)
        nobody = () if left else named
        return Resolver("dnsPolicy: None", _is_cluster(left[:1], ranges, known), added, _ndots(own, 1), aliases, nobody)
    if policy == "Default" or (policy == "ClusterFirst" and spec.host_network):
        said = "dnsPolicy: Default" if policy == "Default" else "hostNetwork with dnsPolicy: ClusterFirst"
        return Resolver(said, None, added, _ndots(own, 1), aliases)
    search = (*_usual(pod.metadata.namespace), *added)
    return Resolver(f"dnsPolicy: {policy}", cluster=True, search=search, ndots=_ndots(own, 5), aliases=aliases)


def _usual(namespace: str) -> tuple[str, ...]:
    return f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN


def _ndots(own: DnsConfig, otherwise: int) -> int:
    said = next((x.value or "" for x in own.options or () if x.name == "ndots"), "")
    return min(int(said), 15) if _NDOTS.fullmatch(said) else otherwise  # RES_MAXNDOTS in resolv.h


def own_names(pod: Pod) -> frozenset[str]:
    """The names that the hosts file of a pod has (pkg/kubelet/kubelet_pods.go managedHostsFileContent)."""
    aliases = (name for x in pod.spec.host_aliases or () for name in x.hostnames or ())
    return frozenset(x.lower() for x in ("localhost", pod.spec.hostname or pod.metadata.name, *aliases))


def nameservers(pod: Pod) -> tuple[str, ...]:
    """The nameservers that a pod asks, the first one first, where its specification alone names them."""
    own = (pod.spec.dns_config or DnsConfig()) if pod.spec.dns_policy == "None" else DnsConfig()
    return tuple(x for x in own.nameservers or () if is_address(x))


def _is_cluster(first: Iterable[str], ranges: Iterable[ServiceCIDR], known: Collection[str]) -> bool | None:
    """Whether a nameserver is that of the cluster: one of its Services, or a cache on each node."""
    mine = any(x in known or scope(x) is Scope.LINK_LOCAL or in_ranges(x, ranges) for x in first)
    return True if mine else None


def names(host: str, asked: Resolver) -> tuple[ClusterName, ...]:
    """The names of the cluster that a resolver makes of a host, in the order in which it tries them."""
    said = host.lower()
    whole = said.rstrip(".")
    found = [] if said.endswith(".") else [f"{whole}.{x}" for x in asked.search if x]
    every = (whole, *found) if whole.count(".") >= asked.ndots else (*found, whole)
    every = () if is_of_set(host) else every
    return tuple(dict.fromkeys(x for y in every if (x := _name(y))))


def intended(host: str, namespace: str) -> tuple[ClusterName, ...]:
    """The names of the cluster that a host is meant to be.

    They are those that pods with the usual resolver would make of it without a dot at its end and with the signs that a
    name can have, and that of a whole name which lacks `svc`.
    """
    usual = Resolver("", cluster=True, search=_usual(namespace), ndots=5)
    host = _JOINS.sub("-", _PORT.sub("", host).strip())
    whole = without_svc(host)
    return (*names(host.rstrip("."), usual), *(names(f"{whole}.", usual) if whole else ()))


def misshapen(host: str) -> str:
    """The signs of a host that no name of a Service has, as a sentence part; empty where it has none."""
    found = dict.fromkeys("a blank" if x.isspace() else f"`{x}`" for x in _SIGNS.findall(host))
    return " and ".join(found)


def without_svc(host: str) -> str:
    """What a name of a Service in the domain of clusters is without the `svc` that it lacks; empty where it does not.

    The DNS of a cluster has nothing else of two labels there (Kubernetes DNS specification 1.1 section 2).
    """
    found = _BARE.fullmatch(host.lower().rstrip("."))
    return f"{found['service']}.svc.{DOMAIN}" if found else ""


def _name(text: str) -> ClusterName | None:
    found = _NAME.fullmatch(text) if not is_of_set(text) else None
    return ClusterName(found["namespace"], found["name"], found["pod"] or "") if found else None


def domain(host: str) -> str:
    """The domain behind `svc` in a whole name of a cluster; empty where the host is none."""
    found = re.fullmatch(r"(?:[a-z0-9-]+\.){2,3}svc\.(?P<domain>.+)", host.lower().rstrip("."))
    return found["domain"] if found and not is_of_set(host) else ""


def is_foreign(host: str) -> bool:
    """Whether a whole name of a cluster is of another domain than clusters mostly have."""
    return domain(host) not in ("", DOMAIN)


def zones(corefile: str) -> tuple[str, ...]:
    """The domains that a CoreDNS answers for as that of the cluster."""
    said = (y.rstrip(".").lower() for x in _ZONES.finditer(corefile) for y in x["zones"].split())
    return tuple(x for x in said if not x.endswith(".arpa"))


def slips(hosts: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """The domains in whole names that are the usual one misspelt.

    Two clusters mostly have domains that are alike, such as `east.acme` and `west.acme`, so any other one may be meant.
    """
    return tuple(dict.fromkeys(x for x in map(domain, hosts) if x in _SLIPS and x not in known))


def strange(host: str, known: Collection[str], slipped: Collection[str]) -> tuple[str, bool]:
    """Why a whole name may be none of the cluster, as what is said of it, and whether it surely is none; else empty.

    `known` are the domains of this cluster. Another one may be that of several clusters or of a neighbour, to which
    nameservers can forward; one that is a slip is nobody's.
    """
    mine = domain(host)
    if not mine or mine in known or not (known or mine in slipped):
        return "", False
    if known:
        return f"is of the domain `{mine}`, and that of the cluster is `{next(iter(known))}`", mine in slipped
    return f"is of the domain `{mine}`, and clusters mostly have `{DOMAIN}`", False


def shortfall(host: str, asked: Resolver) -> str:
    """Why a resolver makes no name of the cluster of a host of which the usual one does, as a sentence part."""
    if host.endswith("."):
        return f"`{host}` ends in a dot, so no search domain is added to it"
    listed = ", ".join(f"`{x}`" for x in asked.search)
    have = f"has the search domains {listed} alone" if listed else "has no search domains"
    return f"`{host}` is no whole name, and the resolver of the pod (`{asked.said}`) {have}"


def is_surely_within(host: str) -> bool:
    """Whether a host can be nothing but a name of the cluster: of one label, or one that goes on with `svc`."""
    labels = host.lower().rstrip(".").split(".")
    return len(labels) == 1 or ("svc" in (labels[2:3] + labels[3:4]) and not is_of_set(host))


def is_of_set(host: str) -> bool:
    """Whether a host is a name of a Service of several clusters, which one of them need not have."""
    return host.lower().rstrip(".").endswith(f".{ABROAD}")


def may_be_abroad(host: str, asked: Resolver) -> bool:
    """Whether a search domain of a pod makes a name of a host that others than the cluster may give."""
    labels = host.lower().split(".")
    every = (x for x in asked.search if x == ABROAD or (x != DOMAIN and "svc" not in x.split(".")))
    return bool(labels[-1]) and "svc" not in labels and any(every)


def in_ranges(address: str, ranges: Iterable[ServiceCIDR]) -> bool:
    """Whether an address is one of those that Services get."""
    return any(parse(address) in block for x in ranges for y in x.spec.cidrs or () if (block := network(y)))
