"""What stands in front of Services: MetalLB, whose addresses lead to a node, and Traefik for Ingresses and Gateways.

A Service says which addresses its load balancer has, by the annotation `metallb.io/address-pool` or
`metallb.io/loadBalancerIPs`; one that says nothing gets none. Traefik stands behind such a Service of both families, as
its chart makes it: clients come to port 80 and a listener of a Gateway is on port 8000.
"""

from tests.e2e import control_plane
from tests.e2e.machine import Machine
from tests.real.kubernetes import place

BALANCED = ("203.0.113.0/24", "2001:db8::/64")
"""The addresses of load balancers."""
IMAGE = "localhost/traefik:1"

_POOLS = {
    "both": ["203.0.113.0/25", "2001:db8::/120"],
    "ipv4": ["203.0.113.128/25"],
}
_EDGE = {"metallb.io/loadBalancerIPs": "203.0.113.80,2001:db8::80"}
_LABELS = {"app": "traefik"}
_POD = {
    "serviceAccountName": "traefik",
    "nodeSelector": {"kubernetes.io/hostname": "n1"},
    "containers": [
        {
            "name": "traefik",
            "image": IMAGE,
            "args": [
                "--entrypoints.web.address=:8000",
                "--entrypoints.websecure.address=:8443",
                "--entrypoints.websecure.http.tls",
                "--entrypoints.traefik.address=:9000",
                "--ping",
                "--providers.kubernetesingress.ingressendpoint.publishedservice=traefik/traefik",
                "--providers.kubernetesgateway.statusaddress.service.name=traefik",
                "--providers.kubernetesgateway.statusaddress.service.namespace=traefik",
                "--providers.providersthrottleduration=0.1s",
                "--global.checknewversion=false",
            ],
            "ports": [{"name": "web", "containerPort": 8000}, {"name": "websecure", "containerPort": 8443}],
            "readinessProbe": {"httpGet": {"path": "/ping", "port": 9000}, "periodSeconds": 1},
        }
    ],
}


def start_metallb(machine: Machine, config: str) -> None:
    """Start the controller of MetalLB, which needs its kinds. Routes of the machines do what its speakers would."""
    argv = (f"--kubeconfig={config}", "--namespace=metallb-system", "--webhook-mode=disabled")
    machine.start("metallb", place("metallb"), *argv)


def objects() -> list[dict[str, object]]:
    """What is to be applied."""
    rbac, api = "rbac.authorization.k8s.io/v1", "gateway.networking.k8s.io/v1"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    template = {"metadata": {"labels": _LABELS}, "spec": _POD}
    ports = [{"name": "web", "port": 80, "targetPort": "web"},
             {"name": "websecure", "port": 443, "targetPort": "websecure"}]  # fmt: skip
    service = {"type": "LoadBalancer", "ipFamilyPolicy": "RequireDualStack", "selector": _LABELS, "ports": ports}
    gateway = {"gatewayClassName": "traefik", "listeners": [{"name": "web", "port": 8000, "protocol": "HTTP"}]}
    return [
        control_plane.namespace("metallb-system"),
        control_plane.namespace("traefik"),
        *(_pool(name, addresses) for name, addresses in _POOLS.items()),
        _object("v1", "ServiceAccount"),
        _object(rbac, "ClusterRoleBinding", roleRef=role, subjects=[
            {"kind": "ServiceAccount", "name": "traefik", "namespace": "traefik"}]),
        _object("networking.k8s.io/v1", "IngressClass", spec={"controller": "traefik.io/ingress-controller"}),
        _object(api, "GatewayClass", spec={"controllerName": "traefik.io/gateway-controller"}),
        _object(api, "Gateway", spec=gateway),
        _object("apps/v1", "Deployment", spec={"selector": {"matchLabels": _LABELS}, "template": template}),
        _object("v1", "Service", _EDGE, spec=service),
    ]  # fmt: skip


def _pool(name: str, addresses: list[str]) -> dict[str, object]:
    return {
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": {"name": name, "namespace": "metallb-system"},
        "spec": {"addresses": addresses, "autoAssign": False},
    }  # fmt: skip


def _object(version: str, kind: str, annotations: dict[str, str] | None = None, **rest: object) -> dict[str, object]:
    metadata = {"name": "traefik", "namespace": "traefik", "annotations": annotations or {}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
