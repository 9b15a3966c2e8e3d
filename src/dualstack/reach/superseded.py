"""Faults of configurations that pods run with and that are right by now where they come from.

A newer template, or the resource of the Operator, says otherwise, and has not come to the pods: to write in the older
text mends nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model.cluster import Cluster
from dualstack.model.deployed import Deployed, Deployments, Lag, Lags
from dualstack.model.finding import Finding, Fix
from dualstack.model.maker import MakerSpec
from dualstack.model.otel import DeclaredEndpoint, Holder
from dualstack.model.snapshot import Snapshot
from dualstack.reach.bind import BindRequest, possible
from dualstack.reach.callers import is_loopback
from dualstack.reach.operator import OPERATED, resource
from dualstack.reach.refuted import said_at

_OPERATOR = "kubectl get pods -A -l app.kubernetes.io/name=opentelemetry-operator"


class _Newer(NamedTuple):
    """What there is by now for a configuration: who says it, such as `Deployment otel`, and the address."""

    who: str
    value: str
    pods: tuple[str, Mapping[str, str]]
    lag: Lag | None = None


def current(finding: Finding, said: Snapshot, cluster: Cluster) -> Finding:
    """A finding with what brings the newer text to the pods, where all who read the older one have such.

    Of what the Operator writes it says where that comes from: there alone a change lasts.
    """
    deployments, lags = said.having(Deployments) or Deployments(), said.having(Lags) or Lags()
    read = [(x, y) for x in deployments.items for y in x.config.endpoints if finding.location in said_at(y)]
    alone = next((y for x, _ in read if (y := _lag(x, lags)) and y.unmanaged), None) if finding.location else None
    if alone:
        left = f"the Operator leaves {OPERATED} {alone.resource} alone (`managementState: unmanaged`)"
        return replace(finding, hint=f"{finding.hint} Then restart the pods; {left}.")
    found = [next(_newer(x, y, deployments.items, lags), None) for x, y in read] if finding.location else []
    first = found[0] if found and all(found) else None
    if first is None:
        return _written(finding, deployments, cluster)
    rolled = first.lag is None or bool(first.lag.template)
    return _rolled(finding, first, cluster) if rolled else _unwritten(finding, first)


def _written(finding: Finding, deployments: Deployments, cluster: Cluster) -> Finding:
    """A finding in a ConfigMap of a Collector, with the resource that the Operator writes it from, if that is so."""
    file = finding.location.file if finding.location else ""
    holders = [x.config.holder for x in deployments.items if file and file == x.config.file]
    named = {(x.namespace, x.name) for x in holders if x and x.kind == "ConfigMap"}
    maps = (x.metadata for x in cluster.config_maps if (x.metadata.namespace, x.metadata.name) in named)
    made = next(filter(None, map(resource, maps)), "")
    if not made or not finding.hint or "`spec.config`" in finding.hint:
        return finding
    where = f"The Operator writes this ConfigMap: its text is changed in `spec.config` of {made}."
    return replace(finding, hint=f"{finding.hint} {where}")


def _lag(item: Deployed, lags: Lags) -> Lag | None:
    holder = item.config.holder
    return lags.of(holder.namespace, holder.name) if holder and holder.kind == "ConfigMap" else None


def _newer(item: Deployed, old: DeclaredEndpoint, every: Sequence[Deployed], lags: Lags) -> Iterator[_Newer]:
    """The same endpoint in what the pods of a configuration would read by now, if others than themselves reach it."""
    lag = _lag(item, lags)
    mine = (x for x in every if x.workload and (_is_of(x, lag) if lag else _replaces(x, item)))
    for other in mine:
        who = (lag.template if lag else "") or " ".join(_named(other))
        for new in other.config.endpoints:
            if new.field == old.field and new.text not in ("", old.text) and _is_open(new):
                yield _Newer(who, new.text, _pods(item), lag)


def _is_open(endpoint: DeclaredEndpoint) -> bool:
    """Whether an address is none of the loopback, and there may be a network in which it can be bound."""
    request = BindRequest(endpoint.effective, endpoint.network, endpoint.call, endpoint.runtime)
    wrong = endpoint.problem or all(x.cause for x in possible(request))
    return not wrong and not is_loopback(endpoint)


def _pods(item: Deployed) -> tuple[str, Mapping[str, str]]:
    """The namespace and the labels of the pods that read a configuration."""
    return (item.workload.meta.namespace, item.workload.labels) if item.workload else ("", {})


def _named(item: Deployed) -> tuple[str, str]:
    return (item.workload.meta.kind, item.workload.meta.name) if item.workload else ("", "")


def _is_of(other: Deployed, lag: Lag) -> bool:
    """Whether a configuration is that of the resource from which a ConfigMap was written."""
    return other.config.holder == Holder(OPERATED, lag.namespace, lag.resource)


def _replaces(other: Deployed, item: Deployed) -> bool:
    """Whether a container is that of a pod by the template that its workload has by now."""
    old, new = item.workload, other.workload
    if not (old and new and item.container and other.container and old.meta.kind == "Pod" and old.meta.owners):
        return False
    same = (old.meta.namespace, item.container.name) == (new.meta.namespace, other.container.name)
    return same and new.meta.kind != "Pod" and bool(new.labels) and new.labels.items() <= old.labels.items()


def _unwritten(finding: Finding, newer: _Newer) -> Finding:
    """That the Operator has not written what its resource says."""
    there = f"{newer.who} has `{newer.value}` there"
    return replace(
        finding,
        detail=f"{finding.detail} {there}, and the Operator has not written it to what the pods mount.",
        hint=f"See that the Operator runs and what its log says; {newer.who} needs no change.",
        fix=Fix("Let the Operator write its resource", commands=(_OPERATOR,)),
    )


def _rolled(finding: Finding, newer: _Newer, cluster: Cluster) -> Finding:
    """That the pods are older than the template of their workload."""
    kind, _, name = newer.who.partition(" ")
    space, labels = newer.pods
    made = (x for x in cluster.makers if (x.kind, x.metadata.name, x.metadata.namespace) == (kind, name, space))
    spec = next((x.spec for x in made), MakerSpec())
    if spec.update_strategy and spec.update_strategy.type == "OnDelete":
        hint = f"Delete the older pods: {newer.who} replaces none by itself (`updateStrategy: OnDelete`)."
        command = f"kubectl delete pod -n {space} -l {','.join(f'{k}={v}' for k, v in labels.items())}"
    elif spec.paused:
        hint = f"Resume the rollout of {newer.who}, which is paused."
        command = f"kubectl rollout resume {kind.lower()} {name} -n {space}"
    else:
        hint = f"Let the rollout of {newer.who} end: it replaces these pods."
        command = f"kubectl rollout status {kind.lower()} {name} -n {space}"
    return replace(
        finding,
        detail=f"{finding.detail} These pods are older than the template of {newer.who}, which has `{newer.value}`.",
        hint=hint,
        fix=Fix("Bring the newer template to the pods", commands=(command,)),
    )
