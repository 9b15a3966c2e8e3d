"""A node: containerd, a kubelet and kube-proxy in a machine of its own."""

import json
import os
from collections.abc import Mapping, Sequence

from dualstack.gather.interrupts import uninterrupted
from tests.e2e.control_plane import FORMS
from tests.e2e.machine import Machine
from tests.e2e.programs import CNI, tool
from tests.e2e.run import CGROUPS
from tests.real.kubernetes import place

DNS = "10.96.0.10"
PAUSE = "localhost/pause:1"

_CONTAINERD = f"""
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI}"
    conf_dir = "/var/lib/cni/conf"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"""


def start_containerd(machine: Machine) -> None:
    """Start the container runtime."""
    os.makedirs(f"{machine.folder}/lib/cni/conf")
    _write(f"{machine.folder}/containerd.toml", _CONTAINERD)
    machine.start("containerd", tool("containerd"), f"--config={machine.folder}/containerd.toml")


def load(machine: Machine, archive: str) -> None:
    """Give the node the image of a docker-archive."""
    machine.run("ctr", "--namespace=k8s.io", "images", "import", archive)


def start_kubelet(machine: Machine, kubeconfig: str, addresses: Sequence[str]) -> None:
    """Start the kubelet. Nodes share the kernel's cgroups: each has a subtree of its own."""
    _make_cgroups(machine.netns)
    _write(f"{machine.folder}/lib/resolv.conf", "nameserver 127.0.0.1\n")
    _write(f"{machine.folder}/kubelet.json", json.dumps(_kubelet(machine.netns)))
    machine.start(
        "kubelet",
        place("kubelet"),
        f"--config={machine.folder}/kubelet.json",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={machine.name}",
        f"--node-ip={','.join(addresses)}",
        f"--node-labels=pool={'dual' if len(addresses) == 2 else 'ipv4'}",
    )


def start_kube_proxy(machine: Machine, kubeconfig: str, environ: Mapping[str, str] = os.environ) -> None:
    """Start kube-proxy; limits of the connection tracker are those of the host, and stay."""
    machine.start(
        "kube-proxy",
        place("kube-proxy"),
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={machine.name}",
        "--proxy-mode=nftables",
        f"--cluster-cidr={FORMS['dual'].pods}",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
        environ=environ,
    )


def start_pod_network(machine: Machine, ranges: Sequence[str]) -> None:
    """Give the pods of the node addresses of these ranges, one each; the node is ready from then on."""
    bridge = {
        "type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": x}] for x in ranges]},
    }  # fmt: skip
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    plugins = {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, portmap]}
    _write(f"{machine.folder}/lib/cni/conf/10-pods.conflist", json.dumps(plugins))


def _kubelet(cgroup: str) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "clusterDNS": [DNS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "1Mi"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "resolvConf": "/var/lib/resolv.conf",
        "serializeImagePulls": False,
    }


def _make_cgroups(name: str) -> None:
    for controller in sorted(os.listdir(CGROUPS)):
        folder = f"{CGROUPS}/{controller}/{name}"
        with uninterrupted():
            os.mkdir(folder)
            if controller == "cpuset":
                for each in ("cpuset.cpus", "cpuset.mems"):
                    with open(f"{CGROUPS}/cpuset/{each}", encoding="ascii") as file:
                        _write(f"{folder}/{each}", file.read())


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
