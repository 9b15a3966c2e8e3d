"""What keeps the pods of a workload from a node: a label that they ask for, or a taint that they do not tolerate."""

from dualstack.model.cluster import Node, Pod, Taint
from dualstack.model.container import Toleration

_BARS = ("NoSchedule", "NoExecute")


def kept_out(pod: Pod, node: Node) -> str:
    """Why a pod like this one is never on a node, as a sentence part; empty where nothing that is known says so.

    Affinities are not read.
    """
    name, labels = node.metadata.name, node.metadata.labels or {}
    lacking = [f"{k}={v}" for k, v in (pod.spec.node_selector or {}).items() if labels.get(k) != v]
    if lacking:
        return f"its nodeSelector asks for {lacking[0]}, which {name} lacks"
    barring = (x for x in node.spec.taints or () if x.effect in _BARS and not _is_borne(x, pod))
    taint = next(barring, None)
    if taint is None:
        return ""
    value = f"={taint.value}" if taint.value else ""
    return f"it has no toleration for the taint {taint.key}{value}:{taint.effect} of {name}"


def _is_borne(taint: Taint, pod: Pod) -> bool:
    return any(_tolerates(x, taint) for x in pod.spec.tolerations or ())


def _tolerates(said: Toleration, taint: Taint) -> bool:
    """Whether a toleration is for a taint (kubernetes 1.34.4, staging core/v1 toleration.go, ToleratesTaint)."""
    if said.effect not in ("", taint.effect) or said.key not in ("", taint.key):
        return False
    return said.operator == "Exists" or (bool(said.key) and said.value == taint.value)
