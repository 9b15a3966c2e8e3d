"""What keeps the pods of a workload from a node: a label that they ask for, or a taint that they do not tolerate."""

from dualstack.model.cluster import Node, Pod


def kept_out(pod: Pod, node: Node) -> str:
    """Why a pod like this one is never on a node, as a sentence part; empty where nothing that is known says so.

    Affinities are not read.
    """
    name, labels, taint = node.metadata.name, node.metadata.labels or {}, pod.barred_from(node)
    lacking = [f"{k}={v}" for k, v in (pod.spec.node_selector or {}).items() if labels.get(k) != v]
    if lacking:
        return f"its nodeSelector asks for {lacking[0]}, which {name} lacks"
    if taint is None:
        return ""
    value = f"={taint.value}" if taint.value else ""
    return f"it has no toleration for the taint {taint.key}{value}:{taint.effect} of {name}"
