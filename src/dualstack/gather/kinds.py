"""The kinds of objects that are asked of an API server."""

from typing import Any

from dualstack.gather.kube_objects import Kind
from dualstack.model.cluster import EndpointSlice, Node, Pod, Service
from dualstack.model.event import Event
from dualstack.model.mutual import MESH_RULES
from dualstack.model.slim import ServiceCIDR

SERVICES = Kind("", "v1", "services", "Service", Service)
SLICES = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", EndpointSlice)
PODS = Kind("", "v1", "pods", "Pod", Pod)
NODES = Kind("", "v1", "nodes", "Node", Node, namespaced=False)
RANGES = Kind("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", ServiceCIDR, namespaced=False)
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", dict[str, Any], namespaced=False)
EVENTS = Kind("", "v1", "events", "Event", Event)
CONFIG_MAPS = Kind("", "v1", "configmaps", "ConfigMap", dict[str, Any])
POLICIES = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", dict[str, Any])
INGRESSES = Kind("networking.k8s.io", "v1", "ingresses", "Ingress", dict[str, Any])
_GATEWAY_API = "gateway.networking.k8s.io"
GATEWAYS = Kind(_GATEWAY_API, "v1", "gateways", "Gateway", dict[str, Any])
WAYS = (
    INGRESSES,
    Kind(_GATEWAY_API, "v1", "httproutes", "HTTPRoute", dict[str, Any]),
    Kind(_GATEWAY_API, "v1", "grpcroutes", "GRPCRoute", dict[str, Any]),
)
"""What leads requests from outside to Services."""
COLLECTORS = Kind("opentelemetry.io", "v1beta1", "opentelemetrycollectors", "OpenTelemetryCollector", dict[str, Any])
INSTRUMENTATIONS = Kind("opentelemetry.io", "v1alpha1", "instrumentations", "Instrumentation", dict[str, Any])
REPLICA_SETS = Kind("apps", "v1", "replicasets", "ReplicaSet", dict[str, Any])
WORKLOADS = {
    "Deployment": Kind("apps", "v1", "deployments", "Deployment", dict[str, Any]),
    "DaemonSet": Kind("apps", "v1", "daemonsets", "DaemonSet", dict[str, Any]),
    "StatefulSet": Kind("apps", "v1", "statefulsets", "StatefulSet", dict[str, Any]),
    "ReplicaSet": REPLICA_SETS,
    "Job": Kind("batch", "v1", "jobs", "Job", dict[str, Any]),
}
"""Workloads by their kind; each makes its pods itself, but a Deployment by a ReplicaSet."""
CRON_JOBS = Kind("batch", "v1", "cronjobs", "CronJob", dict[str, Any])

LED_BY = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""

BY_TARGET: dict[str, Kind[Any]] = {
    "svc": SERVICES,
    "pod": PODS,
    "deploy": WORKLOADS["Deployment"],
    "ds": WORKLOADS["DaemonSet"],
    "sts": WORKLOADS["StatefulSet"],
    "job": WORKLOADS["Job"],
    "cronjob": CRON_JOBS,
    "collector": COLLECTORS,
}
"""Kinds by the words of a target."""

_EVERY: tuple[Kind[Any], ...] = (
    SERVICES,
    SLICES,
    PODS,
    NODES,
    RANGES,
    NAMESPACES,
    EVENTS,
    CONFIG_MAPS,
    POLICIES,
    GATEWAYS,
    *WAYS,
    COLLECTORS,
    INSTRUMENTATIONS,
    CRON_JOBS,
)
GROUPS = MESH_RULES | {x.kind: x.group for x in (*_EVERY, *WORKLOADS.values())}
"""API groups by kind: others have kinds of the same name, such as the Service of Knative and the Gateway of Istio."""

_ANY = dict[str, Any]
OTHER_POLICIES: dict[str, tuple[Kind[Any], ...]] = {
    "Calico": (
        Kind("crd.projectcalico.org", "v1", "networkpolicies", "NetworkPolicy.crd.projectcalico.org", _ANY),
        Kind("crd.projectcalico.org", "v1", "globalnetworkpolicies", "GlobalNetworkPolicy", _ANY, namespaced=False),
    ),
    "Cilium": (
        Kind("cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy", _ANY),
        Kind(
            "cilium.io",
            "v2",
            "ciliumclusterwidenetworkpolicies",
            "CiliumClusterwideNetworkPolicy",
            _ANY,
            namespaced=False,
        ),
    ),
}
"""Policies of their own by what enforces those of Kubernetes; what one of these allows, these need not."""

BY_FOLDER: dict[str, Kind[Any]] = {
    "configmaps": CONFIG_MAPS,
    "cronjobs": CRON_JOBS,
    "daemonsets": WORKLOADS["DaemonSet"],
    "deployments": WORKLOADS["Deployment"],
    "endpointslices": SLICES,
    "events": EVENTS,
    "ingress": INGRESSES,
    "jobs": WORKLOADS["Job"],
    "network-policy": POLICIES,
    "nodes": NODES,
    "pods": PODS,
    "replicasets": REPLICA_SETS,
    "services": SERVICES,
    "statefulsets": WORKLOADS["StatefulSet"],
}
"""Kinds by the folders of a support bundle, whose older versions say them nowhere else."""

_ALL: tuple[Kind[Any], ...] = (*_EVERY, *WORKLOADS.values())
_SHORT: dict[str, Kind[Any]] = {
    "cm": CONFIG_MAPS,
    "cj": CRON_JOBS,
    "deploy": WORKLOADS["Deployment"],
    "ds": WORKLOADS["DaemonSet"],
    "ev": EVENTS,
    "ing": INGRESSES,
    "netpol": POLICIES,
    "no": NODES,
    "ns": NAMESPACES,
    "otelcol": COLLECTORS,
    "po": PODS,
    "rs": REPLICA_SETS,
    "sts": WORKLOADS["StatefulSet"],
    "svc": SERVICES,
}
_NAMED: dict[str, Kind[Any]] = {y: x for x in _ALL for y in (x.plural, x.called, x.kind.lower())}
BY_WORD = _NAMED | _SHORT
"""Kinds by the words that `kubectl get` takes for them (`kubectl api-resources`): plural, singular, short."""
