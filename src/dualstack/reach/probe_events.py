"""Probes of the kubelet that were refused, by what it says of that itself."""

from typing import TYPE_CHECKING

from dualstack.model.evidence import Evidence
from dualstack.model.kube import Workload

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster

UNHEALTHY = "Unhealthy"
"""The reason of the events of a probe that fails (kubernetes 1.34.4, pkg/kubelet/events)."""
_REFUSED = "connect: connection refused"
"""ECONNREFUSED at a connect(2), as Go writes it (net, OpError)."""


def refused(cluster: "Cluster", work: Workload, number: int) -> Evidence | None:
    """What the kubelet said last of a port that pods of a workload refused it; None where it did not."""
    from dualstack.reach.runs import is_of

    mine = [x.metadata for x in cluster.pods if is_of(x, work)]
    said = [x for x in cluster.events if x.reason == UNHEALTHY and f":{number}: {_REFUSED}" in x.said]
    met = [x for x in said if any(x.is_about("Pod", y) for y in mine)]
    last = max(met, key=lambda x: x.last, default=None)
    return Evidence(last.said, f"events of the pod {last.involved_object.name}") if last else None
