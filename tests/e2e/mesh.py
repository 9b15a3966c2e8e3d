"""A service mesh: the real Istio in two revisions, `default` and `dual`, which alone has dual-stack switched on.

Pods with the label `istio.io/rev` get the proxy of that revision. The proxy is the released Envoy, which lacks what
Istio adds to it: filters that tell proxies apart for telemetry, and choose protocols inside of mTLS. istiod leaves them
out by its own switches. The rest is as its chart makes it: native sidecars, and a packet filter by `istio-init`.
"""

import glob
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import yaml

from tests.e2e import control_plane, image, node
from tests.e2e.cluster import NODES, Cluster
from tests.real.helm import place as helm
from tests.real.istio import place

_ONE = threading.Lock()
"""Incidents are made at once, and the first one that asks for a mesh installs it."""
REVISIONS = ("default", "dual")
_NAMESPACE = "istio-system"
_XTABLES = "/usr/lib/x86_64-linux-gnu/xtables"
_PATH = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SWITCH = {"ISTIO_DUAL_STACK": "true"}
_LEFT_OUT = {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false",
             "PILOT_ENABLE_GATEWAY_API": "false"}  # fmt: skip


def install(cluster: Cluster) -> None:
    """Install both revisions where they are not there. Raises CannotBuild."""
    with _ONE:
        if not cluster.kubectl("get", "namespace", _NAMESPACE, "--ignore-not-found", "--output=name"):
            _install(cluster)


def _install(cluster: Cluster) -> None:
    for each in _archives(f"{cluster.folder}/images"):
        for name in NODES:
            node.load(cluster.machines[name], each)
    control_plane.apply(cluster.kubeconfig(), control_plane.namespace(_NAMESPACE))
    cluster.kubectl("apply", "--server-side", f"--filename={place('kinds.yaml')}")
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all")
    for revision in REVISIONS:
        control_plane.apply(cluster.kubeconfig(), *_objects(revision))
    for name in ("istiod", "istiod-dual"):
        cluster.kubectl("-n", _NAMESPACE, "rollout", "status", "--timeout=120s", f"deployment/{name}")


def _archives(folder: str) -> Iterator[str]:
    tools = {x: os.path.realpath(x) for x in glob.glob("/usr/sbin/ip*tables*") if not x.endswith("-apply")}
    tables = {x: x for x in glob.glob(f"{_XTABLES}/lib*.so")}
    envoy, agent = place("envoy"), place("pilot-agent")
    proxy = {
        "/usr/local/bin/envoy": envoy, "/usr/local/bin/pilot-agent": agent, **tools, **tables,
        "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": place("envoy_bootstrap.json"),
    }  # fmt: skip
    layers = {
        "proxyv2": [proxy, image.libraries([envoy, *tools.values(), *tables])],
        "pilot": [{"/usr/local/bin/pilot-discovery": place("pilot-discovery")}],
    }
    for name, program in {"proxyv2": "pilot-agent", "pilot": "pilot-discovery"}.items():
        path = f"{folder}/{name}.tar"
        image.write(path, f"localhost/{name}:dev", layers[name], [f"/usr/local/bin/{program}"], [_PATH])
        yield path


def _objects(revision: str) -> list[dict[str, Any]]:
    """What the chart of istiod makes of a revision; its image says here who runs it, which no value does."""
    dual = revision == "dual"
    values = {
        "revision": "" if revision == "default" else revision,
        "autoscaleEnabled": False,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        "nodeSelector": {"pool": "dual"},
        "env": {**_LEFT_OUT, **(_SWITCH if dual else {})},
        "telemetry": {"enabled": False},
        "meshConfig": {"defaultConfig": {"proxyMetadata": _SWITCH}} if dual else {},
        "global": {
            "hub": "localhost", "tag": "dev", "imagePullPolicy": "Never",
            "defaultPodDisruptionBudget": {"enabled": False}, "proxy": {"resources": None},
        },
    }  # fmt: skip
    argv = [
        helm(),
        "template",
        f"istiod-{revision}",
        place("istio-discovery.tgz"),
        f"--namespace={_NAMESPACE}",
        "--values=-",
    ]
    said = subprocess.run(argv, input=json.dumps(values), check=True, capture_output=True, text=True).stdout
    made = [x for x in yaml.safe_load_all(said) if x]
    for each in made:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["securityContext"] = {"runAsUser": 1337, "runAsGroup": 1337}
    return made
