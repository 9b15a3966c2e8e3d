"""What was found in the files, put together: who reads which configuration, and who sends where."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.gather.configs import declared
from dualstack.gather.files import Included
from dualstack.gather.recognise import Found
from dualstack.gather.settle import settle
from dualstack.model.address import BOTH, Family
from dualstack.model.deployed import Deployments, Sender, Senders
from dualstack.model.foreign import ForeignListeners
from dualstack.model.gateway import ChartFamilies, Gates
from dualstack.model.kube import Container, NetworkPolicies, Services, Slices, Workload, Workloads
from dualstack.model.otel import Declared, Destination
from dualstack.model.question import Question
from dualstack.model.review import Slip, Slips
from dualstack.model.snapshot import Snapshot
from dualstack.reach.destination import read
from dualstack.reach.foreign import foreign
from dualstack.reach.operator import INSTRUMENTED
from dualstack.reach.settings import destinations
from dualstack.reach.wiring import Called, called, deployed, named


def evidence_of(
    seen: Found, question: Question, environ: Mapping[str, str], version: str, included: Included
) -> Snapshot:
    """What was found, as the evidence of the rules.

    `environ` are the variables of configurations that nobody in the files runs, `version` that of the Collector, empty
    where nobody said.
    """
    if seen.workloads or seen.compositions:
        from dualstack.gather.joined import join

        join(seen, included.near)
    if seen.first and not question.first:
        every, nodes = {x for _, x in seen.first}, {x for name, x in seen.first if name == "hostIP"}
        question = replace(question, first=_ordered(every), nodes=_ordered(nodes))
    configs = tuple(declared(seen, environ, version, included))
    behind = (x.service for x in seen.slices), (y.service.text for x in seen.gates for y in x.ways)
    settle(seen, frozenset((*_leads(configs, seen.workloads), *(y for x in behind for y in x if y))))
    others = [x.declared for x in seen.agents if x.declared.endpoints or x.declared.destinations]
    each = (tuple(deployed(x, seen.workloads, seen.services)) for x in (configs, others))
    deployments = Deployments(*each)
    values = (
        question,
        deployments,
        Senders(tuple(_senders(deployments, seen))),
        Services(tuple(seen.services)),
        Workloads(tuple(seen.workloads)),
        NetworkPolicies(tuple(seen.policies)),
        Gates(tuple(seen.gates)),
        Slices(tuple(seen.slices)),
        ChartFamilies(tuple(seen.families)),
        ForeignListeners((*seen.foreign, *(y for x in seen.workloads for y in foreign(x)))),
        Slips(tuple(Slip(x.written, x.meant, x.code) for x in seen.slips)),
    )
    return Snapshot({type(x): x for x in values})


def _ordered(families: Collection[Family]) -> tuple[Family, ...]:
    return tuple(x for x in BOTH if x in families)


def _leads(configs: Sequence[Declared], workloads: Sequence[Workload]) -> Iterator[str]:
    """Words of which a Service has one that leads to a workload, or that something sends to."""
    for config in configs:
        yield from (x.name.text.partition(".")[0] for x in config.balancers)
        yield from (_name(x) for x in config.destinations)
    for workload in workloads:
        yield from (held or key.rpartition("/")[2] for key, held in workload.labels.items())
        yield from (_name(y) for x in workload.containers for y in destinations(workload, x))


def _name(destination: Destination) -> str:
    return read(destination.value, destination.form).host.partition(".")[0]


def _senders(deployments: Deployments, seen: Found) -> Iterator[Sender]:
    found = {id(x) for x in seen.services}
    known = called((*seen.services, *(y for x in deployments.items for y in x.services if id(y) not in found)))
    for item in deployments.items:
        for each in item.config.destinations:
            yield _sender(each, item.workload, item.container, known, item.config.file)
    for workload in seen.workloads:
        for container in workload.containers:
            for each in destinations(workload, container):
                yield _sender(each, workload, container, known, workload.meta.at.file)
    yield from (Sender(y) for x in seen.agents for y in x.declared.destinations)


def _sender(
    sent: Destination, workload: Workload | None, container: Container | None, known: Called, file: str
) -> Sender:
    if workload and not workload.pod and workload.meta.kind != INSTRUMENTED:
        return Sender(sent, workload, container)
    namespace = workload.meta.namespace if workload else ""
    return Sender(sent, workload, container, named(read(sent.value, sent.form).host, namespace, known, file))
