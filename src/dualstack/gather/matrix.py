"""Exports from many nodes: a Job on each, for a moment; or a look at the networks of nodes themselves.

One suspended Job owns the others, so that to delete it removes everything, whatever became of this program; those that
end are removed by their time to live as well.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from dualstack.gather import kinds
from dualstack.gather.errors import BadFile
from dualstack.gather.facts import decoded
from dualstack.gather.inspect import FATAL, SECURITY, NoAnswer, held_up, why, words
from dualstack.gather.kube_api import Api
from dualstack.gather.kube_objects import Refused
from dualstack.model.probe import Options
from dualstack.model.snapshot import Snapshot

AT_ONCE = 8
"""Jobs at a time."""
LABEL = "app.kubernetes.io/managed-by"
_POLL = 0.5
_TTL = 120
_MADE = 20.0
"""Seconds within which a controller makes the pod of a Job, or never: a refusal is an event of the Job alone."""
_UNMADE = {
    False: "no pod was made; `kubectl get events` may say why",
    True: "no pod was made: where the pod security level is not `privileged`, none may be in the network of a node",
}
_JOBS = kinds.WORKLOADS["Job"]


class Order(NamedTuple):
    """What the Jobs do: where they are made, of which image, what they export to, and the options of an export.

    With `host` they run in the network of their node. `resolver` are the fields that say how a pod looks names up.
    """

    namespace: str
    image: str
    targets: tuple[str, ...]
    options: Options
    host: bool = False
    resolver: Mapping[str, Any] = {}


def matrix(
    api: Api, order: Order, nodes: Sequence[str], tell: Callable[[str], None]
) -> Iterator[tuple[str, Snapshot | str]]:
    """What a container on each node sees, or why it saw nothing, as they end.

    Everything that was made is removed, also when this is closed before its end. Raises Refused and Unreachable.
    """
    name = f"dualstack-{'node' if order.host else 'matrix'}-{int(time.time())}"
    parent = api.post(_JOBS, order.namespace, _job(name, order, "", []))
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": parent["metadata"]["uid"]}
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        asked = [(x, pool.submit(_ask, api, order, f"{name}-{i}", x, owner, tell)) for i, x in enumerate(nodes)]
        for node, future in asked:
            yield node, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        api.delete(_JOBS, order.namespace, name)


def _ask(
    api: Api, order: Order, name: str, node: str, owner: Mapping[str, Any], tell: Callable[[str], None]
) -> Snapshot | str:
    tell(f"the network of node {node}, by a Job in it" if order.host else f"exports from node {node}, by a Job")
    raw = b""
    try:
        api.post(_JOBS, order.namespace, _job(name, order, node, [owner]))
        pod = _ended(api, order, name)
        raw = api.text(f"/api/v1/namespaces/{order.namespace}/pods/{pod}/log", {})
        return decoded(f"the log of {pod}", raw)
    except (Refused, NoAnswer) as error:
        return why(error, "matrix")
    except BadFile as error:
        return f"{error.sentence} It said: {raw.decode(errors='replace').strip()[-300:]}"
    finally:
        with contextlib.suppress(Refused):
            api.delete(_JOBS, order.namespace, name)


def _ended(api: Api, order: Order, job: str) -> str:
    """The pod of a Job, once it has ended. Raises NoAnswer."""
    until = time.monotonic() + 60 + 4 * order.options.seconds
    said, soon = "", time.monotonic() + _MADE
    path = f"/api/v1/namespaces/{order.namespace}/pods?labelSelector=batch.kubernetes.io/job-name%3D{job}"
    while time.monotonic() < until:
        for pod in api.json(path)["items"]:
            status = pod.get("status") or {}
            if status.get("phase") in ("Succeeded", "Failed"):
                return str(pod["metadata"]["name"])
            waiting = _waiting(status)
            said = held_up(waiting) or f"the pod is {status.get('phase')}"
            if waiting.get("reason") in FATAL:
                raise NoAnswer(said)
        if not said and time.monotonic() > soon:
            raise NoAnswer(_UNMADE[order.host])
        time.sleep(_POLL)
    raise NoAnswer(f"the Job did not end: {said}")


def _waiting(status: Mapping[str, Any]) -> Mapping[str, Any]:
    states = ((x.get("state") or {}).get("waiting") for x in status.get("containerStatuses") or ())
    return next((x for x in states if x), {})


def _job(name: str, order: Order, node: str, owners: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A Job for one node; without one it is suspended and owns the others."""
    labels = {LABEL: "dualstack", "app.kubernetes.io/name": f"dualstack-{'node' if order.host else 'matrix'}"}
    container = {
        "name": "dualstack",
        "image": order.image,
        "imagePullPolicy": "IfNotPresent",
        "command": words(order.targets, order.options),
        "securityContext": SECURITY,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "tolerations": [{"operator": "Exists"}],
        "nodeName": node or "none",
        "containers": [container],
        **({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"} if order.host else {}),
        **order.resolver,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels, "ownerReferences": list(owners)},
        "spec": {
            "suspend": not node,
            "backoffLimit": 0,
            "activeDeadlineSeconds": int(60 + 4 * order.options.seconds),
            "ttlSecondsAfterFinished": _TTL,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
