"""Probes of the kubelet that nobody answered, by what it says of that itself."""

from typing import TYPE_CHECKING

from dualstack.model.evidence import Evidence
from dualstack.model.kube import Meta

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster

UNHEALTHY = "Unhealthy"
"""The reason of the events of a probe that fails (kubernetes 1.34.4, pkg/kubelet/events)."""
_REFUSED = "connection refused"
"""ECONNREFUSED, in the words of strerror(3), which Go repeats."""


def turned_away(cluster: "Cluster", about: Meta, number: int) -> Evidence | None:
    """What the kubelet said last of pods of a workload that refused to be asked at a port; None where it did not."""
    asked = (f":{number}: connect: ", f":{number}: {_REFUSED}")
    said = [
        x
        for x in cluster.events
        if x.reason == UNHEALTHY and x.involved_object.namespace == about.namespace
        if x.involved_object.name.startswith(about.name) and _REFUSED in x.said and any(y in x.said for y in asked)
    ]
    last = max(said, key=lambda x: x.last, default=None)
    return Evidence(last.said, f"events of the pod {last.involved_object.name}") if last else None
