"""What the configuration of kube-proxy says of families, from the ConfigMap that kubeadm and others keep it in."""

import re
from collections.abc import Iterable

from dualstack.gather.files import Text
from dualstack.model.address import Family
from dualstack.model.kube import KubeProxy
from dualstack.model.source import Location

NAMESPACE, NAME = "kube-system", "kube-proxy"
_OFF = re.compile(r"IPv6DualStack\W{1,4}false")
"""The feature gate of Kubernetes before 1.23; newer versions do not start with it (pkg/features/kube_features.go)."""


def proxy_of(texts: Iterable[Text], first: Family) -> KubeProxy | None:
    """What leaves out the second family; None where nothing does. `first` is the first family of the cluster."""
    for text in texts:
        found = _OFF.search(text.text) if text.path == f"{NAMESPACE}/configmap/{NAME}.yaml" else None
        if found:
            before = text.text[: found.start()]
            line, column = before.count("\n") + 1, found.start() - before.rfind("\n")
            end = column + len(found[0])
            return KubeProxy(found[0], first.other, Location(text.path, line, column, line, end))
    return None
