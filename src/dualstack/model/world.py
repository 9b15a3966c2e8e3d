"""What was gathered of a cluster, as it came and as it is stored: the evidence behind a diagnosis of Kubernetes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from dualstack.model.address import BOTH, Family
from dualstack.model.cluster import Cluster, EndpointSlice, Node, Pod, Service
from dualstack.model.decoders import converted
from dualstack.model.event import Event
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Asking, Exporter
from dualstack.model.front import FRONTS, Front
from dualstack.model.glimpse import Glimpses
from dualstack.model.inspection import Inspection
from dualstack.model.kube import TEMPLATES
from dualstack.model.maker import Instrumentation, Maker, Space
from dualstack.model.mutual import MESH_RULES, MeshRule, PeerAuthentication
from dualstack.model.netpol import Policy
from dualstack.model.slim import Claim, ConfigMap, ServiceCIDR

T = TypeVar("T")
Object = Mapping[str, Any]


MAKERS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Job")
"""Workloads, those first that make others."""
PEERS = "PeerAuthentication"
"""What Istio demands of those who come to pods; it is not asked for, and counts where what was stored has it."""
CLAIMS = "PersistentVolumeClaim"
"""What pods may wait for; it is not asked for either."""
BY_OTHERS = "EndpointSlice of a Service without a selector"
"""What is unseen where the slices are those that follow from Services and pods."""
_AGENTS = "Instrumentation"
_OPERATED = "OpenTelemetryCollector"
_POLICIES = "NetworkPolicy"


class World(msgspec.Struct):
    """Objects by kind, such as `EndpointSlice`, and what could not be had.

    `context` is the name of the cluster for the user, `target` and `namespace` are what was asked about. `left_out`
    counts objects of a kind that were not asked for, `seen` is what exports from outside showed, and `inspections` what
    containers inside saw. Of the kinds that are `unseen` some objects may be missing. `clients` are pods that say where
    they export to, `asking` those whose way is asked about, `lost` those that name a Service that is not there,
    `absent` the Services that an Ingress or a route leads to and that are not there, by namespace and name,
    `no_gateways` the Gateways that routes name and that are not there, and `learned` the families that the server would
    give to a new Service that wants both. The keys of `pseudonymised` objects stand in the order of what they stand
    for. `vantage` says from where it was `gathered`, and when (RFC 3339); neither decides anything. `vacant` are
    addresses that clients name and nobody in the cluster has. `namespaces` are some that there are, and `meant` says
    which Services may be meant instead of one, by namespace and name of both: ones that are alike where it is not
    there, namesakes elsewhere where it selects nothing, a neighbour with the port that it lacks; or, without a
    namespace, the one instead of an address. `whole` are kinds of which all objects of all namespaces are here, and
    `surveyed` are nodes all of whose pods were looked at; of files, that are here. `nameservers` are addresses of
    Services that pods name as theirs, and `domains` those of the cluster where they name one; `slips` are the usual one
    misspelt. `unheld` are addresses of endpoints, in the ranges of pods, which no pod has that is known.
    `other_policies` are kinds of policies, beside those of Kubernetes, with the namespace where there are some, or may
    be; in all where it is empty. `engines` are what enforces policies and was seen to run (`gather.enforcers`), and
    `dns` the addresses of the Service of the nameserver, both of files alone. `beyond` is the same for what Collectors
    that receive send on, of each by itself; where everything is asked about, for clients that are asked about by
    themselves.
    """

    context: str = ""
    objects: dict[str, list[Object]] = {}
    left_out: dict[str, int] = {}
    gaps: list[Missing] = []
    seen: Glimpses = Glimpses()
    inspections: list[Inspection] = []
    target: str = ""
    namespace: str = ""
    unseen: set[str] = set()
    clients: list[Exporter] = []
    learned: tuple[str, ...] = ()
    asking: Asking | None = None
    lost: list[Exporter] = []
    absent: list[tuple[str, str]] = []
    no_gateways: list[tuple[str, str]] = []
    pseudonymised: bool = False
    vantage: str = ""
    gathered: str = ""
    vacant: list[str] = []
    namespaces: list[str] = []
    meant: list[tuple[str, str, str, str]] = []
    whole: list[str] = []
    surveyed: list[str] = []
    nameservers: list[str] = []
    domains: list[str] = []
    slips: list[str] = []
    unheld: list[str] = []
    other_policies: list[tuple[str, str]] = []
    engines: list[str] = []
    dns: list[str] = []
    beyond: list["World"] = []

    def keep(self, kind: str, *found: Object | None) -> None:
        """Note objects, each once."""
        known = self.objects.setdefault(kind, [])
        names = {_identity(x) for x in known}
        known += [x for x in found if x is not None and _identity(x) not in names]

    def cluster(self, *, ambiguous: bool | None = None) -> Cluster:
        """The objects by their fields that matter; those of another shape are gaps.

        Whether names are `ambiguous` follows from the namespaces, unless the world is a part of another one.
        """
        several = self._is_ambiguous() if ambiguous is None else ambiguous
        services = tuple(self._as(Service, "Service", ambiguous=several))
        nodes = tuple(self._as(Node, "Node"))
        ranges = tuple(self._as(ServiceCIDR, "ServiceCIDR"))
        pods = tuple(self._as(Pod, "Pod", ambiguous=several))
        asking = self.asking
        mine = {(asking.namespace, x) for x in asking.pods} if asking else set()
        unmade = tuple(self._read(Pod, "Pod", [y for y in [self.unmade()] if y], ambiguous=several))
        return Cluster(
            self.context,
            _families(self.learned, ranges, services, nodes),
            services,
            tuple(self._as(EndpointSlice, "EndpointSlice", ambiguous=several)),
            pods,
            nodes,
            self.left_out.get("Node", 0),
            ranges,
            tuple(self._as(ConfigMap, "ConfigMap", ambiguous=several)),
            frozenset(self.unseen),
            policies=tuple(self._as(Policy, _POLICIES, ambiguous=several or self._is_ambiguous(_POLICIES))),
            askers=unmade or tuple(x for x in pods if (x.metadata.namespace, x.metadata.name) in mine),
            exporters=tuple(self.clients) if asking else (),
            ambiguous=several,
            fronts=tuple(y for x in FRONTS for y in self._as(Front, x)),
            no_gateways=frozenset(self.no_gateways),
            absent=frozenset(self.absent),
            vacant=frozenset(self.vacant),
            namespaces=frozenset(self.namespaces),
            meant=tuple(self.meant),
            surveyed=frozenset(self.surveyed),
            nameservers=frozenset(self.nameservers),
            domains=tuple(self.domains),
            slips=frozenset(self.slips),
            unheld=frozenset(self.unheld),
            other_policies=tuple(self.other_policies),
            engines=tuple(self.engines),
            dns=tuple(self.dns),
            mutual=tuple(self._as(PeerAuthentication, PEERS, ambiguous=several)),
            mesh_rules=tuple(y for x in MESH_RULES for y in self._as(MeshRule, x)),
            spaces=tuple(self._as(Space, "Namespace")),
            makers=tuple(y for x in MAKERS for y in self._as(Maker, x, ambiguous=several)),
            events=tuple(self._as(Event, "Event", ambiguous=several)),
            claims=tuple(self._as(Claim, CLAIMS, ambiguous=several)),
            operated=frozenset(map(_identity, filter(is_served, self.objects.get(_OPERATED, ())))),
            instrumentations=tuple(self._as(Instrumentation, _AGENTS)) if _AGENTS in self.objects else None,
            inhabited=frozenset(y for x in self.clients for y in x.nodes),
        )

    def unmade(self) -> Object | None:
        """The pod that is asked about where none runs."""
        kind, _, name = self.asking.template.partition("/") if self.asking else ("", "", "")
        place = (self.asking.namespace, name) if self.asking else ("", "")
        return next((of_template(x) for x in self.objects.get(kind, ()) if _identity(x) == place), None)

    def _is_ambiguous(self, *more: str) -> bool:
        """Whether Services, pods, clients that are told of, or objects of more kinds are of more than one namespace."""
        held = [_identity(y)[0] for x in ("Service", "Pod", *more) for y in self.objects.get(x, ())]
        return len({*held, *(x.namespace for x in self.lost)} - {""}) > 1

    def _as(self, kind: type[T], name: str, *, ambiguous: bool = False) -> Iterator[T]:
        return self._read(kind, name, self.objects.get(name, ()), ambiguous=ambiguous)

    def _read(self, kind: type[T], name: str, items: Iterable[Object], *, ambiguous: bool = False) -> Iterator[T]:
        for item in items:
            try:
                found = converted(item, kind)
                yield _told_apart(found) if ambiguous else found
            except msgspec.ValidationError as error:
                self.unseen.add(name)
                called = "/".join(filter(None, _identity(item)))
                gap = Missing(f"{name} {called}", f"has another form than is known here: {error}")
                if gap not in self.gaps:
                    self.gaps.append(gap)


def is_served(item: Object) -> bool:
    """Whether the Operator makes a Service for a Collector (operator internal/manifests/collector/collector.go)."""
    return part(item, "spec").get("mode") != "sidecar" and is_managed(item)


def is_managed(item: Object) -> bool:
    """Whether the Operator makes anything of a Collector, which it does of one that is managed alone.

    Source: operator internal/controllers/opentelemetrycollector_controller.go.
    """
    return part(item, "spec").get("managementState") != "unmanaged"


def of_template(item: Object) -> Object:
    """The pod that a workload would make, or that one which has ended was: on no node, and without addresses."""
    kind = str(item.get("kind"))
    about, template = part(item, "metadata"), part(item, *TEMPLATES.get(kind, ()))
    made_by = [{"kind": kind, "name": about.get("name"), "controller": True}]
    metadata = {
        "namespace": about.get("namespace"),
        "labels": part(template, "metadata").get("labels"),
        "ownerReferences": about.get("ownerReferences") if kind == "Pod" else made_by,
    }
    spec = {k: v for k, v in part(template, "spec").items() if k != "nodeName"}
    return {"kind": "Pod", "metadata": metadata, "spec": spec}


def part(item: object, *keys: str) -> Object:
    """What an object has at some place; what is of another form there than it should be counts as not there."""
    for key in keys:
        item = item.get(key) if isinstance(item, Mapping) else None
    return item if isinstance(item, Mapping) else {}


def _told_apart(item: Any) -> Any:  # noqa: ANN401 -- any kind with metadata
    return msgspec.structs.replace(item, metadata=msgspec.structs.replace(item.metadata, ambiguous=True))


def _identity(item: Object) -> tuple[str, str]:
    held = item.get("metadata")
    if not isinstance(held, dict):
        return "", ""
    return str(held.get("namespace") or ""), str(held.get("name") or "")


def _families(
    learned: tuple[str, ...], ranges: tuple[ServiceCIDR, ...], services: tuple[Service, ...], nodes: tuple[Node, ...]
) -> tuple[Family, ...]:
    """The families of the Service ranges, the default one first, from what tells them best.

    A ServiceCIDR called `kubernetes` holds what the API server was started with, the first range first (Kubernetes
    1.33). A Service of two families shows both. The families of the pods are those of the Services in any cluster that
    works, so the nodes tell the rest.
    """
    default = [x.families for x in ranges if x.metadata.name == "kubernetes"]
    if default and default[0]:
        return default[0]
    if learned:
        return tuple(x for y in learned for x in BOTH if x.title == y)
    widest = max((x.families for x in services), key=len, default=())
    pods = max((x.ranges for x in nodes), key=len, default=())
    return widest if len(widest) > len(pods) else pods
