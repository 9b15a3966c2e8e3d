"""The evidence of a review of files in the words of a reader."""

from collections.abc import Iterable, Iterator, Sequence

from dualstack.model.address import BOTH, Scope, family, is_address, scope, without_zone
from dualstack.model.deployed import Deployed, Deployments, Sender, Senders
from dualstack.model.evidence import Missing
from dualstack.model.foreign import ForeignListeners
from dualstack.model.gateway import Gates
from dualstack.model.kube import NetworkPolicies, Service, Services, Slice, Slices, Workload, Workloads
from dualstack.model.otel import DeclaredEndpoint, Holder
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.understood import (
    Case,
    Configuration,
    Endpoint,
    Exposed,
    File,
    Leads,
    Part,
    Routed,
    State,
    Understood,
)
from dualstack.reach.bind import BindRequest
from dualstack.reach.cases import cases
from dualstack.reach.destination import read
from dualstack.reach.drafts import there
from dualstack.reach.images import version
from dualstack.reach.landscape import landscape
from dualstack.reach.routes import Route, followed, lost, place, routes, shown, spoken
from dualstack.reach.slices import backing
from dualstack.reach.sources import INLINE
from dualstack.reach.wiring import selects


def understood(
    worlds: Sequence[Snapshot], read_files: Iterable[str], passed_over: Sequence[Missing], wanted: str
) -> Understood:
    """What the evidence of each world says. `wanted` is the version that the user named, empty where there is none."""
    each = [_understood(x, read_files, passed_over, wanted) for x in worlds]
    files = dict[str, set[Part]]()
    for file in (y for x in each for y in x.files):
        files.setdefault(file.file, set()).update(file.parts)
    return Understood(
        tuple(File(k, tuple(sorted(v, key=lambda x: (x.line, x.what)))) for k, v in sorted(files.items())),
        tuple(dict.fromkeys(y for x in each for y in x.configurations)),
        tuple(dict.fromkeys(y for x in each for y in x.others)),
        tuple(dict.fromkeys(y for x in each for y in x.destinations)),
        tuple(dict.fromkeys(y for x in each for y in x.services)),
        tuple(dict.fromkeys(y for x in each for y in x.routes)),
        each[0].passed_over,
    )


def _understood(
    evidence: Snapshot, read_files: Iterable[str], passed_over: Sequence[Missing], wanted: str
) -> Understood:
    question = evidence.having(Question) or Question()
    deployments, services = evidence.having(Deployments) or Deployments(), evidence.having(Services) or Services()
    workloads = evidence.having(Workloads) or Workloads()
    slices, gates = evidence.having(Slices) or Slices(), evidence.having(Gates) or Gates()
    senders = (evidence.having(Senders) or Senders()).items
    land = landscape(deployments, services, workloads)
    ways = list(routes(gates, land))
    return Understood(
        tuple(_files(evidence, deployments.items, read_files)),
        tuple(_configuration(x, question, wanted) for x in deployments.items),
        tuple(_others(evidence, deployments.foreign, question)),
        tuple(_leads(x, followed(x, ways, gates)) for x in senders),
        tuple(_exposed(x, workloads.items, backing(x, slices, land), question) for x in services.items),
        tuple(_routed(x, lost(x, land)) for x in ways),
        tuple(passed_over),
    )


def _files(evidence: Snapshot, deployments: Sequence[Deployed], read_files: Iterable[str]) -> Iterator[File]:
    found: dict[str, set[tuple[int, str]]] = {x: set() for x in read_files}
    objects = (evidence.having(Services) or Services()).items
    more = (evidence.having(Workloads) or Workloads()).items
    policies = (evidence.having(NetworkPolicies) or NetworkPolicies()).items
    slices, gates = (evidence.having(Slices) or Slices()).items, (evidence.having(Gates) or Gates()).items
    places = [(x.meta.at, x.meta.called) for y in (objects, more, policies, slices, gates) for x in y]
    places += [(x.config.at, f"Collector configuration{_in(x.config.holder)}") for x in deployments if x.config.at]
    for at, what in places:
        found.setdefault(at.file, set()).add((at.line, what))
    for file, parts in sorted(found.items()):
        yield File(file, tuple(Part(line, what) for line, what in sorted(parts)))


def _in(holder: Holder | None) -> str:
    if holder is None:
        return ""
    if holder.kind == "file":
        return f" from {holder.name}"
    if holder.kind == INLINE:
        return " in the command line"
    if holder.kind == "values":
        return f" at `{holder.key}`"
    return f" in {holder.kind} {holder.name}" + (f", {holder.key}" if holder.key else "")


def _configuration(item: Deployed, question: Question, wanted: str) -> Configuration:
    config = item.config
    image = item.container.image if item.container else ""
    if wanted:
        why = "as `--collector-version` says"
    elif config.version and version(image) == config.version:
        why = f"the tag of the image {image}"
    else:
        why = "nothing in the files says which; judged as the newest that is known here"
    alone = (config.holder,) if config.holder and config.holder.kind != "file" else ()
    holders = config.parts if len(config.parts) > 1 else alone
    run = f"{item.workload.meta.called}, container {item.container.name}" if item.workload and item.container else ""
    return Configuration(
        config.file,
        config.at.line if config.at else 0,
        " and".join(map(_in, holders)).strip(),
        run,
        config.version,
        why,
        tuple(_endpoint(x, there(item, question)) for x in config.endpoints),
    )


def _endpoint(endpoint: DeclaredEndpoint, question: Question) -> Endpoint:
    address = f":{endpoint.effective.rpartition(':')[2]}" if endpoint.host_ignored else endpoint.effective
    request = BindRequest(address, endpoint.network, endpoint.call, endpoint.runtime)
    return Endpoint(
        endpoint.component,
        endpoint.field,
        endpoint.text,
        address,
        endpoint.network,
        endpoint.runtime,
        (_problem(endpoint),) if endpoint.problem else cases(request, question.cluster),
        endpoint.protocol,
        endpoint.location,
    )


def _problem(endpoint: DeclaredEndpoint) -> Case:
    """Where the value cannot be taken as it stands: an error where a rule speaks of it, or else nobody can tell."""
    error, unknown = (endpoint.problem, "") if endpoint.cause else ("", endpoint.problem)
    return Case("", State(), error=error, unknown=unknown)


def _others(evidence: Snapshot, agents: Sequence[Deployed], question: Question) -> Iterator[Endpoint]:
    """The endpoints of other programs, those of agents with what is spoken there."""
    told = {(y.component, y.field, y.location) for x in agents for y in x.config.endpoints}
    yield from (_endpoint(y, there(x, question)) for x in agents for y in x.config.endpoints)
    for item in (evidence.having(ForeignListeners) or ForeignListeners()).items:
        if (item.product, item.field, item.written.at) not in told:
            request = BindRequest(item.address, item.network, runtime=item.runtime)
            yield Endpoint(
                item.product,
                item.field,
                item.written.text,
                item.address,
                item.network,
                item.runtime,
                cases(request, question.cluster),
                location=item.written.at,
            )


def _leads(sender: Sender, ways: Sequence[Route]) -> Leads:
    sent = sender.destination
    said = " and ".join(dict.fromkeys(f"{x.gate.meta.called}, which leads to {shown(x)}" for x in ways))
    meaning = said or _meaning(sender)
    return Leads(sent.owner, sent.field, sent.written.text, sent.value, sent.protocol, meaning, sent.written.at)


def _meaning(sender: Sender) -> str:
    if sender.destination.unset:
        return f"not known: {' and '.join(sender.destination.unset)} has no value here"
    if sender.service:
        at = sender.service.meta.at
        return f"{sender.service.meta.called} ({at.file}:{at.line})"
    host = read(sender.destination.value, sender.destination.form).host
    if host == "localhost":
        return "where it is sent from"
    if is_address(without_zone(host)):
        kind = " of the loopback, where it is sent from" if scope(host) is Scope.LOOPBACK else ""
        return f"an {family(without_zone(host)).title} address{kind}"
    return "a name that stands for nothing in the files" if host else "not known: it cannot be taken apart"


def _routed(route: Route, lacking: Service | None) -> Routed:
    found = spoken(route)
    ends = tuple(f"{x.component} at {x.effective} ({x.protocol})" for x in route.receivers)
    if not ends:
        missing = (
            f"{lacking.meta.called} has no such port" if lacking else "no receiver behind that Service in the files"
        )
        ends = (missing if route.services else "no Service of that name in the files",)
    speaks = (f"{found.protocol} with TLS" if found.tls else found.protocol) if found else ""
    return Routed(route.gate.meta.called, place(route), shown(route), speaks, ends, route.way.service.at)


def _exposed(service: Service, workloads: Sequence[Workload], slices: Sequence[Slice], question: Question) -> Exposed:
    return Exposed(
        service.meta.called,
        _families(service, question),
        tuple(_port(x.number.text, x.target.text if x.target else "", x.protocol) for x in service.ports),
        (*(x.meta.called for x in workloads if selects(service, x)), *map(_sliced, slices)),
        service.meta.at,
    )


def _sliced(each: Slice) -> str:
    addresses = (x.written.text + ("" if x.ready else " (not ready)") for x in each.addresses)
    return f"{each.meta.called}: {', '.join(addresses)}"


def _port(number: str, target: str, protocol: str) -> str:
    return f"{number}/{protocol}" + (f" to {target}" if target and target != number else "")


def _families(service: Service, question: Question) -> str:
    """The families of a Service as the API server would set them."""
    policy = service.policy.text if service.policy else ""
    named = " and ".join(x.text for x in service.families)
    if policy == "RequireDualStack":
        return "both, or it is rejected"
    if policy == "PreferDualStack":
        cluster = len(question.cluster)
        return (
            "both"
            if cluster == len(BOTH)
            else question.cluster[0].title
            if cluster
            else "both where the cluster has both"
        )
    if named:
        return named
    return question.cluster[0].title if question.cluster else "the first one of the cluster, which is not known"
