"""Configurations of a cluster that are younger than the pods that have read them."""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix
from dualstack.model.trace import Traces
from dualstack.reach.pods import Places


def outdated(traces: Traces, places: Places) -> Iterator[Finding]:
    """One finding for each pod that may run an older configuration, of those whose flows are not known to work."""
    for name in dict.fromkeys(x.server for x in traces.items if not x.accepted):
        place = places.named(name)
        if place is None or not place.outdated:
            continue
        mine = [x for x in traces.items if x.server == name and not x.accepted]
        owner = next((x.workload.meta for x in place.configs if x.workload), None)
        restart = f"kubectl rollout restart {owner.kind.lower()} {owner.name} -n {owner.namespace}" if owner else ""
        holder = next(x.config.at for x in place.configs)
        yield Finding(
            summary="Pods are older than their configuration",
            detail=f"{place.outdated}. The {name} may run what was there before, so what it listens on is not known.",
            hint="Restart the pods to let them read it.",
            families=tuple(dict.fromkeys(x.family for x in mine)),
            confidence=Confidence.INFERRED,
            evidence=(Evidence(place.outdated, "managedFields, status of the container"),),
            location=holder,
            fix=Fix("Restart the pods", commands=(restart,) if restart and owner and owner.kind != "Pod" else ()),
            flows=tuple(x.key for x in mine),
        )
