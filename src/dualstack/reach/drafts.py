"""What becomes of the endpoints of a configuration that does not run yet, as far as the files tell."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial

import msgspec

from dualstack.model.address import Family, is_address
from dualstack.model.deployed import Deployed, Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.kube import Service, Services
from dualstack.model.otel import DeclaredEndpoint, Destination
from dualstack.model.patterns import pattern
from dualstack.model.question import CLUSTER, Question
from dualstack.reach.bind import BindRequest, Bound, possible
from dualstack.reach.destination import Reading, read
from dualstack.reach.place import Place, placed
from dualstack.reach.settings import variable_of
from dualstack.reach.unknowns import REFERENCE, SAMPLES, outcomes
from dualstack.reach.wiring import called, named

_TEMPLATE = pattern(r"\{\{|<|%\w+%")
"""Marks of what is filled in before the file is used."""


class Fault(msgspec.Struct, frozen=True):
    """An endpoint that cannot be bound, who reads its configuration, and what the bind says."""

    deployed: Deployed
    endpoint: DeclaredEndpoint
    bound: Bound

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The endpoint as declared, and what binding it says."""
        known = f"knowledge of what {self.endpoint.runtime} binds"
        return (declared(self.endpoint), Evidence(self.bound.error, known, Layer.DECLARED))


def declared(endpoint: DeclaredEndpoint) -> Evidence:
    """An endpoint as its configuration has it, or its default."""
    return Evidence(endpoint.text or endpoint.default, endpoint.field, Layer.DECLARED)


def faults(deployments: Deployments, question: Question, *codes: str) -> Iterator[Fault]:
    """The endpoints that cannot be bound for the reason that a rule speaks of."""
    for item, endpoint in drafted(deployments):
        bound = failure(endpoint, there(item, question))
        if bound and bound.cause in codes:
            yield Fault(item, endpoint, bound)


class Bare(Fault, frozen=True):
    """An endpoint that is one variable, which holds an address of one of these families."""

    families: tuple[Family, ...] = ()


def bare_variables(deployments: Deployments, question: Question) -> Iterator[Bare]:
    """The endpoints that are a variable of a container, with an address and nothing else, which cannot be bound."""
    for item, endpoint in drafted(deployments):
        text = endpoint.effective
        if endpoint.cause or not REFERENCE.fullmatch(text) or not variable_of(text, item.container):
            continue
        asked = there(item, question)
        found = outcomes(text, item.container, asked, partial(certain, endpoint, question=asked))
        bounds = [msgspec.structs.replace(x, error=x.error.replace(SAMPLES[k], text)) for k, x in found.items() if x]
        if bounds and len(bounds) == len(found):
            yield Bare(item, endpoint, bounds[0], tuple(found))


def behind_services(deployments: Deployments, services: Services) -> Iterator[tuple[DeclaredEndpoint, Service]]:
    """The endpoints of pods whose host is the name of a Service with an address of its own, and none of the pods."""
    known = called(services.items)
    for item in deployments.items if services.items else ():
        workload = item.workload
        for endpoint in item.config.endpoints if workload and workload.pod and not workload.host_network else ():
            host, home = taken_apart(endpoint).host, workload.meta if workload else None
            found = named(host, home.namespace, known, home.at.file) if host and home and not is_address(host) else None
            own = workload is not None and any(fnmatchcase(host, x) for x in workload.hosts)
            if found and not own and not found.headless and found.type != "ExternalName":
                yield endpoint, found


def drafted(deployments: Deployments) -> Iterator[tuple[Deployed, DeclaredEndpoint]]:
    """Every endpoint that something listens on, Collector or not, and the configuration that it stands in."""
    for item in (*deployments.items, *deployments.foreign):
        yield from ((item, x) for x in item.config.endpoints)


def there(item: Deployed, question: Question) -> Question:
    """The question as it stands for a reader: the families of a cluster say nothing of a node, or of another host.

    There it is what a program says of its own sockets that counts.
    """
    workload = item.workload
    outside = workload is not None and (workload.host_network or not workload.pod)
    return msgspec.structs.replace(question, cluster=workload.families) if workload and outside else question


def whose(item: Deployed, question: Question) -> tuple[str, str, str]:
    """Who holds the addresses that a reader can bind, whose lack of a family counts, and what says so."""
    workload = item.workload
    if workload is None or not workload.families:
        told = "families of its Services and nodes" if question.place == CLUSTER else "--cluster-families"
        return "Pods have", "the cluster", told
    return (
        f"{workload.meta.called[:1].upper()}{workload.meta.called[1:]} has",
        workload.meta.called,
        workload.meta.called,
    )


def failure(endpoint: DeclaredEndpoint, question: Question) -> Bound | None:
    """Why an endpoint cannot be bound anywhere that the user may mean; None where it can be, or may be."""
    if endpoint.cause:
        return Bound(error=endpoint.problem, cause=endpoint.cause)
    return certain(endpoint, endpoint.effective, question)


def certain(endpoint: DeclaredEndpoint, address: str, question: Question) -> Bound | None:
    """Why an address in the place of an endpoint's cannot be bound anywhere that the user may mean."""
    if not address or _TEMPLATE.search(address):
        return None
    found = possible(BindRequest(address, endpoint.network, endpoint.call, endpoint.runtime), question.cluster)
    return found[0] if all(x.error for x in found) else None


def taken_apart(endpoint: DeclaredEndpoint) -> Place:
    """The host and the port of an endpoint, by the text that is bound."""
    return placed(endpoint.effective, ())


def misread(senders: Senders, *codes: str) -> Iterator[tuple[Destination, Reading]]:
    """The destinations that cannot be used for the reason that a rule speaks of, and how they are read."""
    for sender in senders.items:
        said = sender.destination
        reading = Reading() if _TEMPLATE.search(said.value) else read(said.value, said.form)
        if reading.fault in codes:
            yield said, reading


def is_usable(deployments: Deployments, senders: Senders, question: Question) -> bool:
    """Whether no rule can find a fault of an address: all that is bound can be, and all that is sent to be read."""
    broken = (failure(endpoint, there(item, question)) for item, endpoint in drafted(deployments))
    said = (x.destination for x in senders.items)
    bare = any(True for _ in bare_variables(deployments, question))
    return not any(broken) and not bare and not any(read(x.value, x.form).fault for x in said)


def sent(said: Destination) -> tuple[Evidence, ...]:
    """A destination as its file has it, and filled in where variables are in it."""
    filled = (Evidence(said.value, "with its variables filled in", Layer.DECLARED),) * (said.value != said.written.text)
    return (Evidence(said.written.text, said.by or said.field, Layer.DECLARED), *filled)
