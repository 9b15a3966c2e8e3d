"""Control planes: one etcd, and for each form of cluster an API server with its controllers.

An API server listens in its machine; a relay makes it reachable on the loopback addresses of the host, so that who asks
need not enter a namespace.
"""

import base64
import json
import os
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dualstack.lab import certificates
from dualstack.lab.incident import Certificate
from dualstack.lab.topology import CannotBuild, run
from tests.e2e.machine import Machine
from tests.e2e.programs import own, tool
from tests.real.kubernetes import VERSION, place

IPV4, IPV6 = "10.100.0.1", "fd00:100::1"
"""The addresses of the control plane, on the bridge of the nodes."""

TOKENS = {"admin": "system:masters", "view": "e2e:view", "nobody": "e2e:nobody"}
"""By user, its group; the name of a user is its token."""

_SECONDS = 120.0
_VIEW = {
    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "e2e-view"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "e2e:view"}],
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A kind of cluster: the ranges of Services and of pods, its first family's address, a port of its own."""

    services: str
    pods: str
    address: str
    port: int


FORMS = {
    "dual": Form("10.96.0.0/16,fd00:96::/112", "10.244.0.0/16,fd00:244::/56", IPV4, 6443),
    "ipv4": Form("10.96.0.0/16", "10.244.0.0/16", IPV4, 6444),
    "ipv6": Form("fd00:96::/112", "fd00:244::/56", IPV6, 6445),
    "ipv6-first": Form("fd00:96::/112,10.96.0.0/16", "fd00:244::/56,10.244.0.0/16", IPV6, 6446),
}


def credentials(folder: str) -> None:
    """Write the authority, the certificate of the API servers, the key of service accounts and the tokens."""
    os.makedirs(folder)
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    addresses = ("127.0.0.1", "::1", IPV4, IPV6, "10.96.0.1", "fd00:96::1")
    wanted = {"server": Certificate(names=names, addresses=addresses), "accounts": Certificate(common_name="accounts")}
    certificates.make(folder, wanted)
    with open(f"{folder}/tokens.csv", "w", encoding="ascii") as file:
        file.writelines(f'{user},{user},{user},"{group}"\n' for user, group in TOKENS.items())


def kubeconfig(path: str, credentials: str, server: str, user: str = "admin") -> str:
    """Write how a user reaches a server; gives the path."""
    with open(f"{credentials}/ca.pem", "rb") as file:
        authority = base64.b64encode(file.read()).decode()
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
        "clusters": [{"name": "e2e", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": user, "user": {"token": user}}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": user}}],
    }  # fmt: skip
    with open(f"{path}.new", "w", encoding="ascii") as file:
        json.dump(document, file, indent=1)
    os.rename(f"{path}.new", path)
    return path


def etcd(machine: Machine) -> None:
    """Start the store; its data is gone with the machine."""
    machine.start("etcd", tool("etcd"), "--data-dir=/var/lib/etcd", "--unsafe-no-fsync", "--log-level=warn",
                  "--quota-backend-bytes=8589934592")  # fmt: skip


def api_server(machine: Machine, name: str, credentials: str, version: str = VERSION) -> None:
    """Start the API server of one form."""
    form = FORMS[name]
    machine.start(
        f"kube-apiserver-{name}",
        place("kube-apiserver", version),
        "--etcd-servers=http://127.0.0.1:2379",
        f"--etcd-prefix=/{name}",
        "--bind-address=::",
        f"--secure-port={form.port}",
        f"--advertise-address={form.address}",
        f"--service-cluster-ip-range={form.services}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={credentials}/accounts.pem",
        f"--service-account-signing-key-file={credentials}/accounts.key",
        f"--tls-cert-file={credentials}/server.pem",
        f"--tls-private-key-file={credentials}/server.key",
        f"--token-auth-file={credentials}/tokens.csv",
        "--authorization-mode=RBAC",
        "--allow-privileged",
        "--enable-aggregator-routing",
        "--kubelet-preferred-address-types=InternalIP",
    )


def controllers(machine: Machine, name: str, credentials: str, config: str) -> None:
    """Start the controllers of one form; `config` is the kubeconfig that they use."""
    form = FORMS[name]
    machine.start(
        f"kube-controller-manager-{name}",
        place("kube-controller-manager"),
        f"--kubeconfig={config}",
        f"--cluster-cidr={form.pods}",
        *(("--node-cidr-mask-size-ipv6=64",) if ":" in form.pods else ()),
        "--allocate-node-cidrs",
        f"--service-cluster-ip-range={form.services}",
        f"--service-account-private-key-file={credentials}/accounts.key",
        f"--root-ca-file={credentials}/ca.pem",
        "--leader-elect=false",
        "--secure-port=0",
    )


def scheduler(machine: Machine, config: str) -> None:
    """Start the scheduler."""
    argv = (f"--kubeconfig={config}", "--leader-elect=false", "--secure-port=0")
    machine.start("kube-scheduler", place("kube-scheduler"), *argv)


def relay(machine: Machine, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """By form, the ports of this host that lead to its API server: one on 127.0.0.1 and one on [::1]."""
    held = [(name, host, _listening(host)) for name in names for host in ("127.0.0.1", "::1")]
    try:
        machine.start("relay", own("relay"), *(f"{x.fileno()}=127.0.0.1:{FORMS[name].port}" for name, _, x in held))
        ports: dict[str, dict[str, int]] = {}
        for name, host, each in held:
            ports.setdefault(name, {})[host] = each.getsockname()[1]
        return ports
    finally:
        for _, _, each in held:
            each.close()


def _listening(host: str) -> socket.socket:
    made = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512)
    made.set_inheritable(True)
    return made


def kubectl(config: str, *argv: str, lines: Iterable[str] = ()) -> str:
    """The output of a kubectl command. Raises CannotBuild with its words."""
    return run(place("kubectl"), f"--kubeconfig={config}", *argv, lines=[*lines])


def apply(config: str, *documents: Mapping[str, object]) -> None:
    """Create or change these objects."""
    kubectl(
        config, "apply", "--filename=-", lines=[json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})]
    )


def namespace(name: str) -> dict[str, object]:
    """The object of a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def wait_until_ready(config: str, machine: Machine, name: str) -> None:
    """Return when the API server of that form answers that it is ready, and the view-only user may see.

    Raises CannotBuild with the end of its log.
    """
    until = time.monotonic() + _SECONDS
    while True:
        try:
            kubectl(config, "get", "--raw=/readyz")
            return apply(config, _VIEW)
        except CannotBuild as error:
            if time.monotonic() > until:
                said = machine.last_words(f"kube-apiserver-{name}")
                raise CannotBuild(f"the API server is not ready: {error}; its log ends with: {said}") from error
            time.sleep(0.3)
