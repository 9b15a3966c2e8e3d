"""The programs that a cluster is made of, and what of them this machine lacks."""

import os
import shutil

from dualstack.lab import collector
from dualstack.lab.programs import build, cache, once
from dualstack.lab.topology import needs
from tests.real import helm, istio, kubernetes, otel_operator

SOURCES = os.path.join(os.path.dirname(__file__), "programs")
CNI = "/usr/lib/cni"  # Debian's containernetworking-plugins
_TOOLS = ("etcd", "containerd", "ctr", "runc", "conntrack", "nft", "iptables", "ip6tables", "ipset", "nsenter",
          "unshare", "openssl", "go")  # fmt: skip


def lacking() -> str:
    """What this machine lacks for a cluster, as a sentence part; empty where nothing is."""
    if lack := needs(*_TOOLS):
        return lack
    if not os.path.exists(f"{CNI}/bridge"):
        return f"needs the CNI plugins in {CNI}"
    if not os.path.exists(collector.program(collector.LATEST)):
        return f"needs the Collector {collector.LATEST}: `make collector` builds it"
    absent = [x for x in (*kubernetes.PROGRAMS, *kubernetes.BESIDE) if not os.path.exists(kubernetes.place(x))]
    beside = [*map(istio.place, istio.EVERY), *map(otel_operator.place, otel_operator.EVERY)]
    if absent or not all(map(os.path.exists, beside)):
        return f"needs Kubernetes {kubernetes.VERSION}, Istio and the Operator: `make cluster` builds them"
    return "" if os.path.exists(helm.place()) else f"needs Helm {helm.VERSION}: `make collector` builds it"


def own(name: str) -> str:
    """A program of this folder, compiled on first use: static, so that it runs in an image of its own."""
    product, source = os.path.join(cache(), "e2e", name), f"{SOURCES}/{name}.go"
    with once(product, source) as missing:
        if missing:
            build(["go", "build", "-ldflags", "-s -w", "-o", product, source], SOURCES,
                  {**os.environ, "CGO_ENABLED": "0"})  # fmt: skip
    return product


def tool(name: str) -> str:
    """Where a program of the system is."""
    return shutil.which(name) or name
