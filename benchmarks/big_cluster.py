"""A control plane that holds a big cluster: 5,000 nodes, 150,000 pods and 10,000 Services, written straight into etcd.

Nothing runs but etcd and one API server; no kubelet was ever here, and what the objects say of themselves is what
kubelets and controllers write. `managedFields` are left out: kubectl decodes them and this project skips them, so that
they would only flatter it. `python benchmarks/big_cluster.py FOLDER` keeps one up.

etcd takes them over gRPC, in transactions whose protobuf is written here by hand (etcd api/etcdserverpb/rpc.proto): its
JSON gateway takes nine times as long.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.real import kubernetes

NODES, PODS, SERVICES = 5_000, 150_000, 10_000
NAMESPACES = 200
OTLP_EVERY = 500
"""Of so many Services one leads to Collectors, and the pods of the others export to it."""

_TXN = 128  # operations of a transaction, etcd's default limit (--max-txn-ops)
_INFLIGHT = 8
_SECONDS = 120.0
_BORN = "2026-01-01T00:00:00Z"
_CONFIG = """receivers:
  otlp:
    protocols:
      grpc:
        endpoint: "[::]:4317"
      http:
        endpoint: "[::]:4318"
exporters:
  debug: {}
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
"""

Json = dict[str, Any]


class BigCluster(NamedTuple):
    """One that is up: how it is reached, and the processes behind it."""

    kubeconfig: str
    etcd: int
    api: int


def lacking() -> str:
    """What this machine lacks for it, as a sentence part; empty where nothing is."""
    absent = [x for x in ("etcd",) if not shutil.which(x)]
    absent += [x for x in ("kube-apiserver", "kubectl") if not os.path.exists(kubernetes.place(x))]
    return f"needs {' and '.join(absent)}: `make cluster` builds Kubernetes" if absent else ""


def meta(name: str, namespace: str = "", **more: Any) -> Json:
    where = {"namespace": namespace} if namespace else {}
    return {"name": name, **where, "uid": "00000000-0000-4000-8000-000000000000", "creationTimestamp": _BORN, **more}


def _owned(kind: str, name: str) -> list[Json]:
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": True}]


def _node(number: int) -> Json:
    """Every fiftieth one has IPv4 alone."""
    dual = number % 50 > 0
    ranges = [f"10.{number // 256}.{number % 256}.0/24", *([f"fd00:{number:x}::/64"] if dual else [])]
    held = [f"172.{16 + number // 65536}.{number // 256}.{number % 256}", *([f"fd01::{number + 1:x}"] if dual else [])]
    images = [
        {"names": [f"registry.example.com/team/app-{x}@sha256:{'a' * 64}"], "sizeBytes": 10**6 + x} for x in range(20)
    ]
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": _BORN, "lastTransitionTime": _BORN,
             "reason": "KubeletReady", "message": "kubelet is posting ready status"}  # fmt: skip
    info = dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion",
                          "kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture"), "x")  # fmt: skip
    return {
        "kind": "Node", "apiVersion": "v1",
        "metadata": meta(f"node-{number}", labels={"kubernetes.io/hostname": f"node-{number}"}),
        "spec": {"podCIDR": ranges[0], "podCIDRs": ranges},
        "status": {"addresses": [{"type": "InternalIP", "address": x} for x in held], "conditions": [ready],
                   "images": images, "nodeInfo": info},
    }  # fmt: skip


def _is_otlp(app: int) -> bool:
    return app % OTLP_EVERY == 0


def _namespace(app: int) -> str:
    return f"team-{app % NAMESPACES}"


def _addresses(app: int) -> list[str]:
    return [f"10.96.{app // 250 + 1}.{app % 250 + 1}", f"fd00:96::{app + 4096:x}"]


def _allocated(app: int) -> Iterator[Json]:
    """What the API server notes of the addresses of a Service; it makes them one by one where they are missing."""
    for address in _addresses(app):
        labels = {"ipaddress.kubernetes.io/ip-family": "IPv6" if ":" in address else "IPv4",
                  "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}  # fmt: skip
        owner = {"group": "", "resource": "services", "namespace": _namespace(app), "name": f"svc-{app}"}
        yield {"kind": "IPAddress", "apiVersion": "networking.k8s.io/v1", "metadata": meta(address, labels=labels),
               "spec": {"parentRef": owner}}  # fmt: skip


def _service(app: int) -> Json:
    port = 4317 if _is_otlp(app) else 8080
    addresses = _addresses(app)
    name = "otlp-grpc" if _is_otlp(app) else "http"
    return {
        "kind": "Service", "apiVersion": "v1", "metadata": meta(f"svc-{app}", _namespace(app)),
        "spec": {"ports": [{"name": name, "port": port, "targetPort": port, "protocol": "TCP"}],
                 "selector": {"app": f"app-{app}"}, "clusterIP": addresses[0], "clusterIPs": addresses,
                 "type": "ClusterIP", "sessionAffinity": "None", "ipFamilies": ["IPv4", "IPv6"],
                 "ipFamilyPolicy": "PreferDualStack", "internalTrafficPolicy": "Cluster"},
        "status": {"loadBalancer": {}},
    }  # fmt: skip


class _Pod(NamedTuple):
    number: int

    @property
    def app(self) -> int:
        return self.number % SERVICES

    @property
    def node(self) -> int:
        """The pods of an application are spread, thirty on a node."""
        return (self.app + 613 * (self.number // SERVICES)) % NODES

    @property
    def name(self) -> str:
        return f"app-{self.app}-abc-{self.number}"

    @property
    def addresses(self) -> list[str]:
        last = self.number // SERVICES * 2 + self.app // NODES + 2
        both = [f"10.{self.node // 256}.{self.node % 256}.{last}", f"fd00:{self.node:x}::{last:x}"]
        return both if self.node % 50 else both[:1]


def _slices(app: int) -> Iterator[Json]:
    pods = [_Pod(x) for x in range(app, PODS, SERVICES)]
    port = 4317 if _is_otlp(app) else 8080
    labels = {"kubernetes.io/service-name": f"svc-{app}",
              "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}  # fmt: skip
    for index, family in enumerate(("IPv4", "IPv6")):
        held = [
            {"addresses": [x.addresses[index]], "conditions": {"ready": True, "serving": True, "terminating": False},
             "nodeName": f"node-{x.node}",
             "targetRef": {"kind": "Pod", "name": x.name, "namespace": _namespace(app), "uid": "u"}}
            for x in pods if len(x.addresses) > index
        ]  # fmt: skip
        yield {
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
            "metadata": meta(f"svc-{app}-{family.lower()}", _namespace(app), labels=labels), "addressType": family,
            "endpoints": held,
            "ports": [{"name": "otlp-grpc" if _is_otlp(app) else "http", "port": port, "protocol": "TCP"}],
        }  # fmt: skip


def _pod(pod: _Pod) -> Json:
    app, namespace = pod.app, _namespace(pod.app)
    served = app // OTLP_EVERY * OTLP_EVERY
    account = {"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}}  # fmt: skip
    container: Json = {
        "name": "app", "image": f"registry.example.com/team/app-{app}:v1",
        "env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": f"http://svc-{served}.{_namespace(served)}.svc:4317"},
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
                *({"name": f"VAR_{x}", "value": "v" * 40} for x in range(10))],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "volumeMounts": [{"name": "kube-api-access", "readOnly": True,
                          "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
    }  # fmt: skip
    volumes = [account]
    if _is_otlp(app):
        container["image"] = "otel/opentelemetry-collector-contrib:0.161.0"
        container["args"] = ["--config=/conf/collector.yaml"]
        container["env"] = container["env"][1:2]
        container["ports"] = [{"containerPort": 4317, "protocol": "TCP"}]
        container["volumeMounts"].append({"name": "config", "mountPath": "/conf"})
        volumes.append({"name": "config", "configMap": {"name": f"app-{app}", "defaultMode": 420}})
    states = [
        {"type": x, "status": "True", "lastTransitionTime": _BORN}
        for x in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    status = {
        "phase": "Running", "podIP": pod.addresses[0], "podIPs": [{"ip": x} for x in pod.addresses],
        "hostIP": "172.16.0.1", "startTime": _BORN, "qosClass": "Burstable", "conditions": states,
        "containerStatuses": [{"name": "app", "ready": True, "restartCount": 0, "image": "x", "imageID": "y",
                               "containerID": "containerd://z", "started": True,
                               "state": {"running": {"startedAt": _BORN}}}],
    }  # fmt: skip
    labels = {"app": f"app-{app}", "pod-template-hash": "abc", "team": namespace}
    about = meta(pod.name, namespace, labels=labels, ownerReferences=_owned("ReplicaSet", f"app-{app}-abc"))
    return {
        "kind": "Pod", "apiVersion": "v1", "metadata": {**about, "annotations": {"example.com/note": "z" * 200}},
        "spec": {"nodeName": f"node-{pod.node}", "containers": [container], "volumes": volumes,
                 "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "serviceAccountName": "default",
                 "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30},
        "status": status,
    }  # fmt: skip


def _workload(app: int) -> Iterator[tuple[str, Json]]:
    """What makes the Collectors of a Service, and their configuration."""
    name, namespace = f"app-{app}", _namespace(app)
    template = _pod(_Pod(app))
    labels = {"app": name}
    about = {"metadata": {"labels": {**labels, "team": namespace}}, "spec": {**template["spec"], "nodeName": ""}}
    body = {"replicas": PODS // SERVICES, "selector": {"matchLabels": labels}, "template": about}
    yield (
        f"deployments/{namespace}/{name}",
        {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": meta(name, namespace), "spec": body},
    )
    owned = meta(f"{name}-abc", namespace, ownerReferences=_owned("Deployment", name))
    yield (
        f"replicasets/{namespace}/{name}-abc",
        {"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": owned, "spec": body},
    )
    config = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta(name, namespace)}
    yield f"configmaps/{namespace}/{name}", {**config, "data": {"collector.yaml": _CONFIG}}


def objects() -> Iterator[tuple[str, Json]]:
    """Every object and its key below `/registry/`."""
    for number in range(NAMESPACES):
        about = {**meta(f"team-{number}"), "labels": {"kubernetes.io/metadata.name": f"team-{number}"}}
        yield f"namespaces/team-{number}", {"kind": "Namespace", "apiVersion": "v1", "metadata": about, "spec": {}}
    for number in range(NODES):
        yield f"minions/node-{number}", _node(number)
    for app in range(SERVICES):
        yield f"services/specs/{_namespace(app)}/svc-{app}", _service(app)
        yield from ((f"ipaddresses/{x['metadata']['name']}", x) for x in _allocated(app))
        for item in _slices(app):
            yield f"endpointslices/{_namespace(app)}/{item['metadata']['name']}", item
        if _is_otlp(app):
            yield from _workload(app)
    for number in range(PODS):
        pod = _Pod(number)
        yield f"pods/{_namespace(pod.app)}/{pod.name}", _pod(pod)


def _field(number: int, body: bytes) -> bytes:
    """A field of bytes (protobuf.dev, Encoding)."""
    size, length = b"", len(body)
    while length > 127:
        size, length = size + bytes((length & 127 | 128,)), length >> 7
    return bytes((number << 3 | 2,)) + size + bytes((length,)) + body


def seed(port: int) -> int:
    """Put every object into the etcd at a port, and say how many these are."""
    held: list[bytes] = []
    flying: list[Any] = []
    count = 0
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        send = channel.unary_unary("/etcdserverpb.KV/Txn")
        for key, item in objects():
            put = _field(1, f"/registry/{key}".encode()) + _field(2, json.dumps(item, separators=(",", ":")).encode())
            held.append(_field(2, _field(2, put)))
            count += 1
            if len(held) == _TXN:
                flying.append(send.future(b"".join(held), wait_for_ready=True))
                held = []
            if len(flying) == _INFLIGHT:
                flying.pop(0).result()
        flying.append(send.future(b"".join(held), wait_for_ready=True))
        for each in flying:
            each.result()
    return count


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        port: int = made.getsockname()[1]
        return port


def _until(argv: list[str], started: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SECONDS
    while subprocess.run(argv, capture_output=True, check=False).returncode:
        if started.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"{argv[0]} never succeeded; the log ends with: {log.read_text()[-1000:]}")
        time.sleep(0.2)


@contextmanager
def big_cluster(folder: Path) -> Iterator[BigCluster]:
    """One that is up as long as it is asked for; everything is below `folder`."""
    with ExitStack() as stack:

        def start(name: str, *argv: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            made = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(made.wait)
            stack.callback(made.kill)
            return made

        client, peer, secure = _free(), _free(), _free()
        store = start(
            "etcd", "etcd", f"--data-dir={folder}/etcd", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls=http://127.0.0.1:{client}", f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}", "--quota-backend-bytes=8589934592",
        )  # fmt: skip
        seed(client)
        subprocess.run(["openssl", "genrsa", "-out", f"{folder}/accounts.key", "2048"], check=True, capture_output=True)
        token = secrets.token_hex()
        (folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
        api = start(
            "kube-apiserver", kubernetes.place("kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{client}",
            "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112", "--bind-address=127.0.0.1",
            f"--secure-port={secure}", "--advertise-address=10.255.255.1", f"--cert-dir={folder}/certificates",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder}/accounts.key",
            f"--service-account-signing-key-file={folder}/accounts.key", f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC", "--endpoint-reconciler-type=none", "--disable-admission-plugins=ResourceQuota",
        )  # fmt: skip
        path = folder / "kubeconfig"
        path.write_text(json.dumps(_kubeconfig(f"https://127.0.0.1:{secure}", token)))
        argv = [kubernetes.place("kubectl"), f"--kubeconfig={path}", "get", "--raw=/readyz"]
        _until(argv, api, folder / "kube-apiserver.log")
        yield BigCluster(str(path), store.pid, api.pid)


def _kubeconfig(server: str, token: str) -> Json:
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "big",
        "clusters": [{"name": "big", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "big", "context": {"cluster": "big", "user": "admin"}}],
    }  # fmt: skip


if __name__ == "__main__" and len(sys.argv) > 1:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with big_cluster(Path(sys.argv[1])) as made:
        print(made.kubeconfig, flush=True)
        signal.pause()
