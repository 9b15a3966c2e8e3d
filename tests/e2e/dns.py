"""CoreDNS as the cluster's nameserver, with a Service of both families."""

from tests.e2e.node import DNS

IMAGE = "localhost/coredns:1"
DNS_IPV6 = "fd00:96::a"

_COREFILE = """.:53 {
    errors
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }
    loop
    reload 2s
}
"""
_LABELS = {"k8s-app": "kube-dns"}
_RULES = [
    {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
]
_POD = {
    "serviceAccountName": "coredns",
    "dnsPolicy": "Default",
    "nodeSelector": {"kubernetes.io/hostname": "n1"},
    "containers": [
        {
            "name": "coredns",
            "image": IMAGE,
            "args": ["-conf", "/etc/coredns/Corefile"],
            "ports": [
                {"containerPort": 53, "name": "dns", "protocol": "UDP"},
                {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
            ],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
        }
    ],
    "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
}
_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"}


def objects(corefile: str = _COREFILE) -> list[dict[str, object]]:
    """What is to be applied."""
    subject = {"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}
    deployment = {"replicas": 1, "selector": {"matchLabels": _LABELS},
                  "template": {"metadata": {"labels": _LABELS}, "spec": _POD}}  # fmt: skip
    service = {
        "clusterIP": DNS, "clusterIPs": [DNS, DNS_IPV6], "ipFamilyPolicy": "PreferDualStack", "selector": _LABELS,
        "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}],
    }  # fmt: skip
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        _object("v1", "ServiceAccount", "coredns"),
        _object(rbac, "ClusterRole", "system:coredns", rules=_RULES),
        _object(rbac, "ClusterRoleBinding", "system:coredns", roleRef=_ROLE, subjects=[subject]),
        _object("v1", "ConfigMap", "coredns", data={"Corefile": corefile}),
        _object("apps/v1", "Deployment", "coredns", spec=deployment),
        _object("v1", "Service", "kube-dns", spec=service),
    ]


def _object(version: str, kind: str, name: str, **rest: object) -> dict[str, object]:
    metadata = {"name": name, "namespace": "kube-system", "labels": _LABELS}
    if kind.startswith("ClusterRole"):
        del metadata["namespace"]
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
