"""How much of a cluster a list holds that `kubectl get -A` wrote: it says nowhere which namespaces were asked.

Kubernetes keeps a Service `kubernetes` in `default` (pkg/controlplane/controller/kubernetesservice), and on each node
something of `kube-system` runs. A list that holds these beside those of other namespaces was asked for all. Namespaces
are listed all at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from dualstack.gather.kube_objects import text
from dualstack.model.world import World

_OWN, _SYSTEM = ("default", "kubernetes"), "kube-system"


def note(world: World, items: Any, kind: str) -> None:  # noqa: ANN401 -- whatever a file holds
    """Note what a list holds all of: the Services, the Namespaces, and the pods of nodes."""
    found = defaultdict[str, list[Mapping[str, Any]]](list)
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping):
            found[text(item, "kind") or kind].append(item)
    names = {(_of(x), text(x, "metadata", "name")) for x in found["Service"]}
    if _OWN in names and len({x for x, _ in names}) > 1:
        world.whole = [*world.whole, "Service"]
    if {_OWN[0], _SYSTEM} <= {text(x, "metadata", "name") for x in found["Namespace"]}:
        world.whole = [*world.whole, "Namespace"]
    pods = found["Pod"]
    if len(set(map(_of, pods))) > 1:
        world.surveyed = list(dict.fromkeys((*world.surveyed, *_nodes(pods))))


def _of(item: Mapping[str, Any]) -> str:
    return text(item, "metadata", "namespace")


def _nodes(pods: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    running = (x for x in pods if _of(x) == _SYSTEM and text(x, "status", "phase") == "Running")
    return filter(None, (text(x, "spec", "nodeName") for x in running))
