"""The real OpenTelemetry Operator, installed by its own manifests, with its webhooks.

Of those manifests cert-manager is left out: the certificate of the webhooks is made here. Its Collectors are of the
image that the nodes have.
"""

import base64
import os
import threading
from collections.abc import Iterator
from typing import Any

import yaml

from dualstack.lab import certificates
from dualstack.lab.incident import Certificate
from tests.e2e import image, node
from tests.e2e.cluster import COLLECTOR, NODES, Cluster
from tests.real.otel_operator import OBJECTS, PROGRAM, VERSION, place

IMAGE = f"ghcr.io/open-telemetry/opentelemetry-operator/opentelemetry-operator:{VERSION}"
"""Called as it is in the field, where its image tells what runs there."""
_ONE = threading.Lock()
"""Incidents are made at once, and the first one that asks for it installs it."""
_NAMESPACE = "opentelemetry-operator-system"
_SERVICE = "opentelemetry-operator-webhook-service"
_WEBHOOKS = f"--selector=kubernetes.io/service-name={_SERVICE}"
_DEPLOYMENT = "deployment/opentelemetry-operator-controller-manager"


def install(cluster: Cluster) -> None:
    """Install it where it is not there: 15 seconds. Raises CannotBuild."""
    with _ONE:
        if not cluster.kubectl("get", "namespace", _NAMESPACE, "--ignore-not-found", "--output=name"):
            _install(cluster)


def _install(cluster: Cluster) -> None:
    archive = f"{cluster.folder}/images/operator.tar"
    image.write(archive, IMAGE, [{f"/{PROGRAM}": place(PROGRAM)}], [f"/{PROGRAM}"])
    for name in NODES:
        node.load(cluster.machines[name], archive)
    folder = f"{cluster.folder}/operator"
    os.makedirs(folder, exist_ok=True)
    certificates.make(folder, {"webhook": Certificate(names=(f"{_SERVICE}.{_NAMESPACE}.svc",))})
    with open(f"{folder}/{OBJECTS}", "w", encoding="utf-8") as file:
        yaml.safe_dump_all(_objects(folder), file)
    cluster.kubectl("apply", "--server-side", f"--filename={file.name}")
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all")
    cluster.kubectl("-n", _NAMESPACE, "rollout", "status", "--timeout=120s", _DEPLOYMENT)
    ready = "--for=jsonpath={.endpoints[0].conditions.ready}=true"
    cluster.kubectl("-n", _NAMESPACE, "wait", "endpointslices", _WEBHOOKS, ready, "--timeout=60s")


def _objects(folder: str) -> Iterator[dict[str, Any]]:
    held = {name: _encoded(f"{folder}/{x}") for name, x in
            {"tls.crt": "webhook.pem", "tls.key": "webhook.key", "ca": "ca.pem"}.items()}  # fmt: skip
    authority = held.pop("ca")
    with open(place(OBJECTS), encoding="utf-8") as file:
        made = [x for x in yaml.safe_load_all(file) if not x["apiVersion"].startswith("cert-manager.io/")]
    for each in made:
        for hook in each.get("webhooks", ()):
            hook["clientConfig"]["caBundle"] = authority
        if conversion := each.get("spec", {}).get("conversion"):
            conversion["webhook"]["clientConfig"]["caBundle"] = authority
        if each["kind"] == "Deployment":
            _prepare(each["spec"]["template"]["spec"])
        yield each
    secret = {"name": "opentelemetry-operator-controller-manager-service-cert", "namespace": _NAMESPACE}
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "type": "kubernetes.io/tls", "data": held}


def _prepare(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    container |= {"image": IMAGE, "args": [*container["args"], f"--collector-image={COLLECTOR}"]}
    container["readinessProbe"] |= {"initialDelaySeconds": 0, "periodSeconds": 1}
    pod["nodeSelector"] = {"kubernetes.io/hostname": "n1"}


def _encoded(path: str) -> str:
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()
