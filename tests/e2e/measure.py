"""Makes an incident on a cluster and exports for real, from a client on each node over each family.

    python -m tests.e2e.measure DIR [NAME ...]    # DIR of `tests.e2e.cluster up`; writes what came into the files

Those that are not named are measured where their file has no measurement yet.
"""

import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from dualstack.lab.topology import CannotBuild
from tests.e2e import control_plane, exports, incidents, mesh, otel_operator, policies
from tests.e2e.cluster import EXPORTER, Cluster, opened
from tests.e2e.incidents import Incident

TRIES = 2
"""Exports for each flow at once.

More would look like a fault: what kube-proxy rejects for want of endpoints is told by ICMP, of which a kernel sends six
at once and then one a second to any host (icmp_ratelimit in icmp(7)).
"""

_ROUNDS = 5

_SELECTED = {"app": "client"}
_CLIENTS = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "client", "namespace": "clients"},
    "spec": {
        "selector": {"matchLabels": _SELECTED},
        "template": {
            "metadata": {"labels": _SELECTED},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {"name": "client", "image": EXPORTER, "args": ["-c", "import signal; signal.pause()"]},
                ],
            },
        },
    },
}


def clients(cluster: Cluster) -> dict[str, str]:
    """The client pod of each node, by the name of the node; started where it is not there."""
    control_plane.apply(cluster.kubeconfig(), control_plane.namespace("clients"), _CLIENTS)
    cluster.kubectl("-n", "clients", "rollout", "status", "--timeout=90s", "daemonset/client")
    pods = json.loads(cluster.kubectl("-n", "clients", "get", "pods", "--output=json"))["items"]
    return {x["spec"]["nodeName"]: x["metadata"]["name"] for x in pods}


@contextmanager
def standing(cluster: Cluster, incident: Incident) -> Iterator[None]:
    """The incident for the length of a block."""
    if incident.mesh:
        mesh.install(cluster)
    if incident.operator:
        otel_operator.install(cluster)
    with ExitStack() as stack:
        if incident.policies:
            stack.enter_context(policies.enforced(cluster))
        stack.callback(cluster.kubectl, "delete", "namespace", incident.name, "--timeout=120s")
        for step in reversed(incident.undo):
            stack.callback(_take, cluster, incident, step)
        control_plane.apply(cluster.kubeconfig(), control_plane.namespace(incident.name))
        _apply(cluster, incident)
        for step in incident.steps:
            _take(cluster, incident, step)
        if incident.policies:
            policies.settled(cluster)
        yield


def measure(cluster: Cluster, incident: Incident, pods: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What came of each flow of an incident that stands, by the node of the client; several answers are joined by `/`.

    Where the incident names a pod or a machine that exports, that one alone is the client. Nothing tells when
    kube-proxy has written its rules on each node, so it is measured until two measurements agree.
    """
    before: dict[str, dict[str, str]] = {}
    for _ in range(_ROUNDS):
        came = _measured(cluster, incident, pods)
        if came == before:
            break
        before = came
    return before


def _measured(cluster: Cluster, incident: Incident, pods: Mapping[str, str]) -> dict[str, dict[str, str]]:
    places = {node: ("clients", pod) for node, pod in sorted(pods.items())}
    if incident.within:
        places = {incident.within: (incident.name, incident.within)}
    with ThreadPoolExecutor(len(places)) as pool:
        came = pool.map(lambda x: _exports(cluster, incident, *x), places.values())
    return dict(zip(places, came, strict=True))


def _exports(cluster: Cluster, incident: Incident, namespace: str, pod: str) -> dict[str, str]:
    asked = [x for flow, to in incident.flows.items() for x in [_asked(flow, to, incident.name)] * TRIES]
    if pod in cluster.machines:
        said = cluster.machines[pod].run(sys.executable, exports.__file__, json.dumps(asked))
    else:
        argv = ("--namespace", namespace, "exec", pod, "--", "python3", "-m", "exports", json.dumps(asked))
        said = cluster.kubectl(*argv)
    came = json.loads(said)
    each = [came[n : n + TRIES] for n in range(0, len(came), TRIES)]
    return {flow: "/".join(sorted(set(x))) for flow, x in zip(incident.flows, each, strict=True)}


def _asked(flow: str, to: str, namespace: str) -> tuple[str, str, str, int]:
    family, protocol = flow.split()[:2]
    host, _, port = to.format(namespace=namespace).rpartition(":")
    return family, protocol, host.strip("[]"), int(port)


def _apply(cluster: Cluster, incident: Incident) -> None:
    with tempfile.TemporaryDirectory(prefix="dualstack-e2e-") as folder:
        for base in incident.bases:
            shutil.copy(os.path.join(incidents.HERE, "bases", f"{base}.yaml"), folder)
        for number, each in enumerate(incident.objects):
            _write(f"{folder}/object-{number}.json", json.dumps(each))
        _write(f"{folder}/kustomization.yaml", incident.kustomization())
        cluster.kubectl("apply", f"--kustomize={folder}")


def _take(cluster: Cluster, incident: Incident, step: Mapping[str, str]) -> None:
    for place, line in step.items():
        if place == "kubectl":
            cluster.kubectl("--namespace", incident.name, *shlex.split(line))
        else:
            cluster.machines[place].run("sh", "-ec", line)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def record(name: str, measured: Mapping[str, Mapping[str, str]]) -> None:
    """Write a measurement into the file of its incident, instead of the one before."""
    with open(incidents.path(name), encoding="utf-8") as file:
        text = re.split(r"^measured:", file.read(), flags=re.MULTILINE)[0]
    lines = [f"  {node}: {{{', '.join(f'{k}: {v}' for k, v in x.items())}}}\n" for node, x in measured.items()]
    _write(incidents.path(name), f"{text.rstrip()}\nmeasured:\n{''.join(lines)}")


def main(folder: str, *names: str) -> None:
    """The command line."""
    cluster = opened(folder)
    pods = clients(cluster)
    for name in names or [x for x in incidents.names() if not incidents.load(x).measured]:
        incident = incidents.load(name)
        try:
            with standing(cluster, incident):
                measured = measure(cluster, incident, pods)
        except CannotBuild as error:
            sys.stderr.write(f"{name}: {error}\n")
            continue
        record(name, measured)
        sys.stderr.write(f"{name}: {measured}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
