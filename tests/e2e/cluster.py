"""A real dual-stack cluster of three nodes, the third without IPv6, for the length of a block or by hand.

    python -m tests.e2e.cluster up DIR      # stays until Ctrl-C; DIR/ready is there when everything is
    python -m tests.e2e.cluster image DIR   # gives the nodes an image of this project as it is now

DIR then has `kubeconfig` and `kubeconfig.ipv6` (all rights, over 127.0.0.1 and [::1]), `view.kubeconfig` (the role
`view`), `cluster.json` (the machines), and the same for each further form of control plane that `--also` names, as
`ipv4.kubeconfig`. `nsenter --target INIT --net --mount --pid` enters a machine.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import NoReturn

import msgspec

from dualstack.lab import collector
from dualstack.lab.topology import CannotBuild
from dualstack.model.address import join
from tests.e2e import control_plane, dns, fronts, image, network, node
from tests.e2e.control_plane import FORMS, kubeconfig, kubectl
from tests.e2e.machine import Machine, boot
from tests.e2e.programs import lacking, own
from tests.e2e.run import Run, begun
from tests.real.kubernetes import KINDS, VERSION, place

NODES = {
    "n1": ("10.100.0.11", "fd00:100::11"),
    "n2": ("10.100.0.12", "fd00:100::12"),
    "n3": ("10.100.0.13",),
}
"""By name, the addresses."""
LAPTOP = ("10.100.0.2", "fd00:100::2")
"""Those of the machine outside, which reaches the API servers, and load balancers by a node."""

COLLECTOR, PROJECT, EXPORTER = "localhost/otelcol:1", "localhost/dualstack:dev", "localhost/exporter:dev"
TELEGRAF = "docker.io/library/telegraf:1.37"
"""Called as it is in the field, where its image tells what an agent is."""
_SECONDS = 120.0


@dataclass(frozen=True)
class Cluster:
    """One that is up: its folder, its machines by name, and the loopback ports of its API servers by form."""

    folder: str
    machines: dict[str, Machine]
    ports: dict[str, dict[str, int]]

    @property
    def credentials(self) -> str:
        """The folder of certificates, keys and tokens."""
        return f"{self.folder}/credentials"

    def kubeconfig(self, user: str = "admin", form: str = "dual", host: str = "127.0.0.1") -> str:
        """The file with which a user reaches an API server, by the relay of the host or at its own address."""
        server = f"https://{join(host, self.ports[form].get(host, FORMS[form].port))}"
        path = f"{self.folder}/{form}.{user}.{host.replace(':', '-')}"
        return path if os.path.exists(path) else kubeconfig(path, self.credentials, server, user)

    def kubectl(self, *argv: str, lines: Sequence[str] = ()) -> str:
        """The output of a kubectl command with all rights. Raises CannotBuild."""
        return kubectl(self.kubeconfig(), *argv, lines=lines)


@contextmanager
def cluster(also: Sequence[str] = ()) -> Iterator[Cluster]:
    """The cluster for the length of a block, with further control planes of these forms. Raises CannotBuild."""
    with _run() as run:
        yield _build(run, ("dual", *also))


@contextmanager
def control_planes(*forms: str) -> Iterator[Cluster]:
    """Control planes of these forms, without any node, for the length of a block. Raises CannotBuild."""
    with _run() as run:
        made = _control(run, forms)
        _complete(made, forms)
        yield made


@contextmanager
def api_servers(version: str, *forms: str) -> Iterator[Cluster]:
    """API servers of another version, without controllers, for the length of a block. Raises CannotBuild."""
    with _run() as run:
        made = _control(run, forms, version)
        for form in forms:
            control_plane.wait_until_ready(made.kubeconfig(form=form), made.machines["cp"], form)
        yield made


@contextmanager
def _run() -> Iterator[Run]:
    if lack := lacking():
        raise CannotBuild(lack)
    run = begun()
    try:
        yield run
    finally:
        run.down()


def _build(run: Run, forms: Sequence[str]) -> Cluster:
    with ThreadPoolExecutor(1) as pool:
        archives = pool.submit(_archives, f"{run.folder}/images")
        made = _control(run, forms)
        switch = made.machines["cp"]
        for name, addresses in NODES.items():
            made.machines[name] = boot(run, name, own("pause"))
            network.plug(switch, made.machines[name], addresses)
            node.start_containerd(made.machines[name])
        made.machines["laptop"] = boot(run, "laptop", own("pause"))
        network.plug(switch, made.machines["laptop"], LAPTOP)
        network.route(made.machines["laptop"], fronts.BALANCED, NODES["n1"])
        _complete(made, forms)
        control_plane.scheduler(switch, f"{run.folder}/dual.inside")
        for each in archives.result():
            for name in NODES:
                node.load(made.machines[name], each)
    outside = f"https://{control_plane.IPV4}:{FORMS['dual'].port}"
    config = kubeconfig(f"{run.folder}/nodes.kubeconfig", made.credentials, outside)
    for name, addresses in NODES.items():
        node.start_kubelet(made.machines[name], config, addresses)
        node.start_kube_proxy(made.machines[name], config)
    _connect_pods(made)
    control_plane.apply(made.kubeconfig(), *dns.objects())
    made.kubectl("apply", "--server-side", f"--filename={place(KINDS)}")
    made.kubectl("wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all")
    fronts.start_metallb(switch, f"{run.folder}/dual.inside")
    control_plane.apply(made.kubeconfig(), *fronts.objects())
    made.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "nodes", "--all")
    made.kubectl("-n", "kube-system", "rollout", "status", "--timeout=120s", "deployment/coredns")
    made.kubectl("-n", "traefik", "rollout", "status", "--timeout=120s", "deployment/traefik")
    return made


def _control(run: Run, forms: Sequence[str], version: str = VERSION) -> Cluster:
    """The machine of the control planes, with its store and its API servers, which are not ready yet."""
    switch = boot(run, "cp", own("pause"))
    network.bridge(switch)
    made = Cluster(run.folder, {"cp": switch}, control_plane.relay(switch, forms))
    control_plane.credentials(made.credentials)
    control_plane.etcd(switch)
    for form in forms:
        control_plane.api_server(switch, form, made.credentials, version)
    return made


def _complete(made: Cluster, forms: Sequence[str]) -> None:
    """Wait for the API servers and start their controllers."""
    for form in forms:
        control_plane.wait_until_ready(made.kubeconfig(form=form), made.machines["cp"], form)
        server = f"https://127.0.0.1:{FORMS[form].port}"
        inside = kubeconfig(f"{made.folder}/{form}.inside", made.credentials, server)
        control_plane.controllers(made.machines["cp"], form, made.credentials, inside)


def _archives(folder: str) -> list[str]:
    os.makedirs(folder)
    python, env = image.interpreter(), image.environment()
    static = {"pause": (node.PAUSE, own("pause")), "coredns": (dns.IMAGE, place("coredns")),
              "otelcol": (COLLECTOR, collector.program(collector.LATEST)),
              "telegraf": (TELEGRAF, place("telegraf")),
              "traefik": (fronts.IMAGE, place("traefik"))}  # fmt: skip
    for name, (tag, path) in static.items():
        image.write(f"{folder}/{name}.tar", tag, [{f"/{name}": path}], [f"/{name}"])
    _write_project(f"{folder}/dualstack.tar", python)
    image.write(f"{folder}/exporter.tar", EXPORTER, [python, image.exporter()], ["python3"], env)
    return [f"{folder}/{x}.tar" for x in (*static, "dualstack", "exporter")]


def _write_project(path: str, python: image.Layer) -> None:
    image.write(path, PROJECT, [python, image.project()], ["dualstack"], image.environment())


def opened(folder: str) -> Cluster:
    """The cluster that another process keeps up, by the folder that it wrote. Raises OSError."""
    with open(os.path.join(folder, "cluster.json"), "rb") as file:
        return msgspec.json.decode(file.read(), type=Cluster)


def _image(folder: str) -> None:
    made = opened(folder)
    archive = f"{made.folder}/images/dualstack.tar"
    _write_project(archive, image.interpreter())
    for name in NODES:
        node.load(made.machines[name], archive)


def _connect_pods(made: Cluster) -> None:
    until = time.monotonic() + _SECONDS
    for name, addresses in NODES.items():
        while not (ranges := _pod_ranges(made, name)):
            if time.monotonic() > until:
                said = made.machines[name].last_words("kubelet")
                raise CannotBuild(f"node {name} did not register; the log of its kubelet ends with: {said}")
            time.sleep(0.2)
        held = [x for x in ranges if len(addresses) == 2 or ":" not in x]
        network.route(made.machines["cp"], held, addresses)
        node.start_pod_network(made.machines[name], held)


def _pod_ranges(made: Cluster, name: str) -> list[str]:
    said = made.kubectl("get", "node", name, "--ignore-not-found", "--output=jsonpath={.spec.podCIDRs[*]}")
    return said.split()


def describe(made: Cluster, folder: str, forms: Sequence[str]) -> None:
    """Write the files that `up` promises."""
    os.makedirs(folder, exist_ok=True)
    hosts = {"kubeconfig": ("admin", "127.0.0.1"), "kubeconfig.ipv6": ("admin", "::1"),
             "view.kubeconfig": ("view", "127.0.0.1")}  # fmt: skip
    for form in forms:
        for name, (user, host) in hosts.items():
            path = os.path.join(folder, name if form == "dual" else f"{form}.{name}")
            with (
                open(made.kubeconfig(user, form, host), encoding="ascii") as file,
                open(path, "w", encoding="ascii") as to,
            ):
                to.write(file.read())
    with open(os.path.join(folder, "cluster.json"), "w", encoding="ascii") as file:
        json.dump(asdict(made), file, indent=1)


def _up(folder: str, also: Sequence[str]) -> None:
    ready, started = os.path.join(folder, "ready"), time.monotonic()
    try:
        with suppress(FileNotFoundError):  # one that was killed has left it
            os.unlink(ready)
        with cluster(also) as made:
            describe(made, folder, ("dual", *also))
            with open(ready, "w", encoding="ascii") as file:
                file.write(f"{time.monotonic() - started:.0f} s\n")
            sys.stderr.write(f"ready after {time.monotonic() - started:.0f} s: {folder}/kubeconfig\n")
            signal.pause()
    finally:
        with suppress(FileNotFoundError):
            os.unlink(ready)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["up", "image"])
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--also", nargs="*", default=(), choices=[x for x in FORMS if x != "dual"])
    asked = parser.parse_args()
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _interrupt)
    try:
        _image(asked.folder) if asked.verb == "image" else _up(asked.folder, asked.also)
    except CannotBuild as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.stderr.write("down\n")


if __name__ == "__main__":
    main()
