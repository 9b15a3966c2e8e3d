"""Pods that the Operator instruments: which of them an Instrumentation in the files is for, and what they then send."""

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.deployed import Sender
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding
from dualstack.model.kube import Container, Workload, Workloads
from dualstack.model.maker import Instrumentation
from dualstack.model.trace import Traces
from dualstack.reach.exports import clients
from dualstack.reach.neighbours import nearness
from dualstack.reach.operator import INSTRUMENTED
from dualstack.reach.settings import GENERAL, rest
from dualstack.reach.unaimed import restart
from dualstack.reach.wiring import same_namespace

_GROUP = "instrumentation.opentelemetry.io/"
_INJECT, _NAMES = f"{_GROUP}inject-", "container-names"
_SET, _OR = "Set `OTEL_EXPORTER_OTLP_", ", or send "
_IN_ANOTHER = re.compile(r", or let them send (?:gRPC|OTLP/HTTP) to \d+")
_SENDS = re.compile(rf"{_SET}|\bsend\b|^Send\b|Correct the name")
"""What findings say that are mended where clients say where they send."""


def aimed(sender: Sender, workloads: Workloads) -> Iterator[Sender]:
    """A sender as those who send: itself, and for an Instrumentation each container that it is injected into.

    What a container sets itself the Operator leaves alone (operator internal/instrumentation/sdk.go), and where all of
    its signals have endpoints of their own it sends nothing to that of all.
    """
    source = sender.workload
    if source is None or source.meta.kind != INSTRUMENTED:
        yield sender
        return
    resources = [x for x in workloads.items if x.meta.kind == INSTRUMENTED]
    for pod in workloads.items:
        if pod.pod and _is_for(source, pod, resources):
            for container in _chosen(source, pod):
                if container.variable(sender.destination.field) is None and _sends(sender, container):
                    yield Sender(sender.destination, pod, container)


def _sends(sender: Sender, container: Container) -> bool:
    """Whether a container sends something to what is injected into it."""
    given = sender.container.variables if sender.container else ()
    return sender.destination.field != GENERAL or bool(rest({x.name: x for x in (*given, *container.variables)}))


def _is_for(source: Workload, pod: Workload, resources: Sequence[Workload]) -> bool:
    """Whether pods ask for a resource, and for no other one that is nearer, or as near."""
    if not _asks(pod, source):
        return False
    others = (x for x in resources if x.meta != source.meta and _asks(pod, x))
    mine = nearness(source.meta.at.file, pod.meta.at.file)
    return all(nearness(x.meta.at.file, pod.meta.at.file) < mine for x in others)


def _asks(pod: Workload, source: Workload) -> bool:
    """Whether an annotation of pods names a resource; one that names none means that of the namespace."""
    keys = [x for x in source.annotations if x.startswith(_INJECT)] or pod.annotations
    said = next((pod.annotations[x].text for x in keys if x.startswith(_INJECT) and x in pod.annotations), "")
    where, _, name = said.rpartition("/")
    if said in ("", "false"):
        return False
    if said == "true":
        return _is_together(pod, source)
    return name == source.meta.name and same_namespace(where or pod.meta.namespace, source.meta.namespace)


def _is_together(pod: Workload, source: Workload) -> bool:
    """Whether they are surely applied to one namespace: they name it, or neither does and they share a folder."""
    if pod.meta.namespace or source.meta.namespace:
        return pod.meta.namespace == source.meta.namespace
    return pod.meta.at.file.rpartition("/")[0] == source.meta.at.file.rpartition("/")[0]


def _chosen(source: Workload, pod: Workload) -> Iterator[Container]:
    """The containers that are instrumented: those that an annotation names, or else the first one."""
    there = [x for x in pod.containers if not x.init]
    languages = [x.removeprefix(_INJECT) for x in source.annotations if x.startswith(_INJECT)]
    keys = (*(f"{_GROUP}{x}-{_NAMES}" for x in languages), f"{_GROUP}{_NAMES}")
    said = next((pod.annotations[x].text for x in keys if x in pod.annotations), "")
    names = [x.strip() for x in said.split(",") if x.strip()]
    yield from (x for x in there if x.name in names) if names else there[:1]


def told(
    finding: Finding,
    traces: Traces,
    exporters: Sequence[Exporter],
    workloads: Workloads,
    resources: Sequence[Instrumentation] = (),
) -> Finding:
    """A finding that tells clients where to send, with the Instrumentation by which all of them have their endpoint.

    Of two ways to mend it, to set the protocol is none: not every language there has an exporter of either transport.
    Where the resource says another endpoint by now the pods are older than that.
    """
    flows = [x for x in traces.items if x.key in finding.flows]
    known = clients(flows, exporters) if _SENDS.search(finding.hint) else {}
    # What is no address leads nowhere, and is known by its text.
    texts = {x.target.text for x in flows if _SENDS.search(finding.hint)}
    sent = [x for y in known.values() for x in y] or [x for x in exporters if x.endpoint.strip() in texts]
    found = {_giver(x, workloads.items) for x in sent}
    wanted = found.pop() if len(found) == 1 else None
    if not wanted:
        return _doubted(finding, sent, workloads.items)
    who, now = _called(*wanted), _endpoint(*wanted, resources)
    if now and not any(now in (x.endpoint, x.written) for x in sent):
        newer = f"{who[:1].upper()}{who[1:]} says `{now}` by now, and pods get that while they are made"
        return replace(finding, hint=f"{newer}. Where it is right, {restart(sent[0])} lets them have it.")
    hint = _sent(finding.hint)
    if not _SENDS.search(hint):
        return replace(finding, hint=hint)
    where = f"The Operator gives the clients their endpoint: `spec.exporter.endpoint` of {who}."
    return replace(finding, hint=f"{hint} {where}")


def _sent(hint: str) -> str:
    """What to do without that which may not help a program into which the Operator puts an SDK."""
    _, other, rest = hint.rpartition(_OR)
    return f"Send {rest}" if other and _SET in hint else _IN_ANOTHER.sub("", hint)


def _doubted(finding: Finding, sent: Sequence[Exporter], workloads: Sequence[Workload]) -> Finding:
    """A finding with where the endpoint may come from, of clients of which the templates are not known."""
    known = {(x.meta.namespace, f"{x.meta.kind} {x.meta.name}") for x in workloads}
    asked = {_named(x.asks, x.namespace) if (x.namespace, x.owner) not in known else None for x in sent}
    wanted = asked.pop() if len(asked) == 1 else None
    hint = _sent(finding.hint)
    if not wanted or not _SENDS.search(hint):
        return replace(finding, hint=hint) if wanted else finding
    where = (
        f"Where the Operator gives the clients their endpoint, it is `spec.exporter.endpoint` of {_called(*wanted)}."
    )
    return replace(finding, hint=f"{hint} {where}")


def _giver(exporter: Exporter, workloads: Sequence[Workload]) -> tuple[str, str] | None:
    """The namespace and name of the resource that gives a client its endpoint; None where none does."""
    for item in workloads:
        mine = next((x for x in item.containers if x.name == exporter.container), None)
        own = mine is None or mine.sources or mine.given or mine.variable(exporter.variable)
        same = (item.meta.namespace, f"{item.meta.kind} {item.meta.name}") == (exporter.namespace, exporter.owner)
        if same and not own:
            return _wanted(item)
    return None


def _wanted(pod: Workload) -> tuple[str, str] | None:
    """The resource that an annotation of pods asks for; it has no name where that of the namespace is meant."""
    return _named(next((x.text for k, x in pod.annotations.items() if k.startswith(_INJECT)), ""), pod.meta.namespace)


def _named(said: str, namespace: str) -> tuple[str, str] | None:
    where, _, name = said.rpartition("/")
    return None if said in ("", "false") else (where or namespace, "" if said == "true" else name)


def _called(namespace: str, name: str) -> str:
    return f"{INSTRUMENTED} {namespace}/{name}" if name else f"the {INSTRUMENTED} in {namespace}"


def _endpoint(namespace: str, name: str, resources: Sequence[Instrumentation]) -> str:
    """What a resource says by now; empty where it is not known, or may be another one."""
    mine = [x for x in resources if x.metadata.namespace == namespace and name in ("", x.metadata.name)]
    return mine[0].endpoint if len(mine) == 1 else ""
