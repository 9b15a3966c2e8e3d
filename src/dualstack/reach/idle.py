"""Workloads that make no pods: because none is asked for, or because they may not."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dualstack.model.cluster import Cluster, Service
from dualstack.model.event import Event
from dualstack.model.maker import Maker
from dualstack.reach.exporting import COLLECTOR, owner
from dualstack.reach.live import patch
from dualstack.reach.nowhere import likeness
from dualstack.reach.operator import OPERATED, resource
from dualstack.reach.states import cut


class Idle(NamedTuple):
    """A workload without pods: why, as what is said of it, what to do, and the command for that, where there is one."""

    maker: Maker
    said: str
    hint: str
    command: str = ""


def idle(cluster: Cluster, service: Service) -> Idle | None:
    """Why there is no pod that a Service selects, where a workload says it in a sentence."""
    found = rests([x for x in cluster.makers if _is_for(x, service)], cluster.events)
    selected = f"whose pods {service.called} selects"
    return found._replace(said=f"{found.maker.called}, {selected}, {found.said}") if found else None


def rests(makers: Sequence[Maker], events: Iterable[Event]) -> Idle | None:
    """Why some workloads have no pods, where one of them says it, or else what happened to them does."""
    found = [y for tell in (_refused, _unwanted) for x in makers for y in tell(x)]
    return next(iter((*found, *(y for x in makers for y in _told(x, events)))), None)


def _is_for(maker: Maker, service: Service) -> bool:
    wanted = (service.spec.selector or {}).items()
    return bool(wanted) and maker.metadata.namespace == service.metadata.namespace and wanted <= maker.labels.items()


def astray(cluster: Cluster, service: Service) -> tuple[Maker, dict[str, str | None]] | None:
    """The Collectors that a Service seems to mean, where some labels keep it from them, and what selects them instead.

    They are the only ones of the namespace, or have its name or one of its labels, of several such labels that are like
    all of its own, and make pods; where none does, those with one of its labels. Who is asked about as a client does
    not mean itself.
    """
    wanted, space = (service.spec.selector or {}).items(), service.metadata.namespace
    mine = [x for x in cluster.makers if x.metadata.namespace == space and any(map(COLLECTOR.search, x.images))]
    asking = {(x.metadata.namespace, owner(x)) for x in cluster.askers}
    others = [x for x in mine if (space, f"{x.kind} {x.metadata.name}") not in asking]
    highest = [x for x in others if not x.metadata.owner_references]
    high = [x for x in highest if x.spec.replicas != 0] or [x for x in highest if wanted & x.labels.items()]
    near = [x for x in high if x.metadata.name == service.metadata.name or wanted & x.labels.items()]
    alike = [x for x in near if all(likeness(v, x.labels.get(k, "")) for k, v in wanted)]
    found = next((x[0] for x in (near, alike, high) if len(x) == 1), None)
    if not found or wanted <= found.labels.items():
        return None
    wrong = {k: found.labels.get(k) for k, v in wanted if found.labels.get(k) != v}
    # A selector without a label selects nothing.
    return found, wrong if any(k in found.labels for k, _ in wanted) else {**wrong, **found.own}


class Unselected(NamedTuple):
    """What is told of a Service that selects nothing: why in a sentence, what to do, and a command."""

    said: str
    hint: str
    command: str


def unselected(cluster: Cluster, service: Service) -> Unselected:
    """Why a Service for whose pods no workload is known has none, and what it or its clients may mean instead."""
    where, meant = service.metadata.namespace, astray(cluster, service)
    wants = ", ".join(f"{k}: {v}" for k, v in (service.spec.selector or {}).items())
    said = f"No pod of the namespace {where} has the labels `{wants}` of the selector of {service.called}"
    if meant:
        has = ", ".join(f"{k}: {v or 'not set'}" for k, v in meant[1].items())
        down = meant[0].spec.replicas == 0
        said += (
            f"; the pods of {meant[0].called}, a Collector, have `{has}`{', and it has `replicas: 0`' if down else ''}"
        )
        hint = f"Let the Service select the pods of {meant[0].called}{', and scale it up' if down else ''}."
        return Unselected(said, hint, patch(service, {"selector": meant[1]}))
    else_ = "see whether its workload has no pods, as with `replicas: 0`; else select the labels that they have."
    other = _successor(cluster, service)
    hint = f"let clients send to `{service.metadata.name}.{other}`, if that is for them; or {else_}" if other else else_
    command = f"kubectl get deployments,statefulsets,daemonsets -n {where} -o wide"
    return Unselected(said, f"{hint[:1].upper()}{hint[1:]}", command)


def moved(cluster: Cluster, service: Service) -> tuple[str, ...]:
    """The namespaces of other Services that are called like this one, for OTLP, and have ready endpoints."""
    mine = (service.metadata.namespace, service.metadata.name)
    return tuple(x for *which, x, _ in cluster.meant if tuple(which) == mine and x != mine[0])


def _successor(cluster: Cluster, service: Service) -> str:
    """The namespace of the only one of these, or of the only one whose namespace is alike; else empty."""
    every = moved(cluster, service)
    near = [x for x in every if likeness(service.metadata.namespace, x)]
    return next((x[0] for x in (every, near) if len(x) == 1), "")


def _refused(maker: Maker) -> Iterator[Idle]:
    """Its pods are not let in, as by a quota (kubernetes 1.34.4, pkg/controller/replicaset, ReplicaFailure)."""
    for each in maker.status.conditions or ():
        if each.type == "ReplicaFailure" and each.status == "True":
            yield _denied(maker, each.message or each.reason or "nobody says why")


def _told(maker: Maker, events: Iterable[Event]) -> Iterator[Idle]:
    """The same of a StatefulSet and a DaemonSet, which have no such condition."""
    mine = (x for x in events if x.is_about(maker.kind, maker.metadata) and x.reason == "FailedCreate")
    last = max(mine, key=lambda x: x.last, default=None)
    if last:
        yield _denied(maker, last.said)


def _denied(maker: Maker, words: str) -> Idle:
    return Idle(maker, f"cannot make pods: {cut(words).rstrip('.')}", "Mend what the API server says of the pods.")


def _unwanted(maker: Maker) -> Iterator[Idle]:
    """What asks for no pods, or is kept from making any.

    Kubernetes documentation, Deployments, Pausing and Resuming a rollout; Jobs and CronJob, Suspending.
    """
    about, called = maker.metadata, f"{maker.kind.lower()} {maker.metadata.name} -n {maker.metadata.namespace}"
    # A Deployment, and what else makes ReplicaSets, keeps its older ones without pods.
    if maker.spec.replicas == 0 and not (maker.kind == "ReplicaSet" and about.owner_references):
        yield Idle(maker, "has `replicas: 0`", *_scaled(maker))
    if maker.kind == "DaemonSet" and maker.status.desired_number_scheduled == 0:
        hint = "See its `nodeSelector`, its affinity, and the taints of the nodes."
        yield Idle(maker, "is for none of the nodes", hint)
    if maker.spec.suspend:
        what = "Jobs" if maker.kind == "CronJob" else "pods"
        resume = f'kubectl patch {called} --type=merge -p \'{{"spec":{{"suspend":false}}}}\''
        yield Idle(maker, f"is suspended and makes no {what}", "Resume it where it is to run.", resume)
    if maker.spec.paused and not maker.status.updated_replicas:
        hint, resume = "Resume its rollout, if the template is well by now.", f"kubectl rollout resume {called}"
        yield Idle(maker, "is paused, and makes no pods of the template that it has", hint, resume)


def _scaled(maker: Maker) -> tuple[str, str]:
    """What gives a workload pods again, and the command: at what it is made of, for its own replicas are taken back."""
    about, made = maker.metadata, resource(maker.metadata)
    owner = made or next((f"{x.kind} {about.beside(x.name)}" for x in about.owner_references or ()), "")
    if not owner:
        command = f"kubectl scale {maker.kind.lower()} {about.name} -n {about.namespace} --replicas=1"
        return "Scale it up; an autoscaler may have taken its pods away.", command
    name = made.rpartition(" ")[2].rpartition("/")[2]
    command = f"kubectl scale {OPERATED.lower()} {name} -n {about.namespace} --replicas=1" if made else ""
    return f"Set the replicas in {owner}, of which it is made; where they are set, see why it is behind.", command
