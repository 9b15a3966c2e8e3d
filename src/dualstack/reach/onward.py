"""Where Collectors and other agents of a cluster send on to by OTLP, as the configurations say that their pods read."""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache

from dualstack.knowledge import table
from dualstack.model.address import OTLP_PORTS, Protocol, Scope, family, scope
from dualstack.model.cluster import Pod
from dualstack.model.container import Container
from dualstack.model.deployed import Deployed
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Exporter
from dualstack.model.kube import Container as Declaring
from dualstack.model.otel import Destination
from dualstack.model.slim import ConfigMap, ServiceCIDR
from dualstack.reach.aims import is_likely
from dualstack.reach.brings import SIGNALS
from dualstack.reach.client_dns import in_ranges, intended, is_surely_within
from dualstack.reach.exporting import COLLECTOR, diverting, owner, unknown_tls
from dualstack.reach.images import tag_of
from dualstack.reach.pods import Place, read_by
from dualstack.reach.redacted import HIDDEN, hides_host
from dualstack.reach.sidecars import together
from dualstack.reach.variables import Variables, environment, filled
from dualstack.reach.versions import before

_PROTOCOLS = {Protocol.GRPC: "grpc", Protocol.HTTP: "http/protobuf"}
_NUMBERED = re.compile(r"v?\d{1,2}\.\d+")
"""How the tag of an image begins that says a version."""
_NEAR = (Scope.WILDCARD, Scope.LOOPBACK, Scope.LINK_LOCAL)
_BALANCED = 4317
"""The port of backends that have none (contrib 0.161, exporter/loadbalancingexporter/resolver_static.go)."""


@cache
def _agents() -> re.Pattern[str]:
    return re.compile("|".join(dict.fromkeys(x["image"] for x in table("agents") if x["image"])))


def sends_on(pod: Pod) -> bool:
    """Whether a container of a pod runs a Collector or another agent that may send on, by its image."""
    return any(_runs_one(x) for x in together(pod))


def _runs_one(container: Container | Declaring) -> bool:
    return bool(COLLECTOR.search(container.image) or _agents().search(container.image))


def is_agent(pod: Pod) -> bool:
    """Whether a pod is there for such an agent: its first container runs it, others may stand by."""
    return any(map(_runs_one, (pod.spec.containers or ())[:1]))


def onward(pod: Pod, runs: Iterable[Deployed], config_maps: Iterable[ConfigMap]) -> Iterator[Exporter]:
    """The exporters of OTLP of the agents in a pod, with the variables of that pod filled in."""
    maps = tuple(config_maps)
    there = {x.name: x for x in together(pod)}
    for item in _run(read_by(pod, runs)):
        container = there[item.container.name] if item.container else Container()
        found = environment(container, pod, maps)
        by_api = (x.sent for x in item.config.balancers if x.sent)
        every = (*(x for x in item.config.destinations if x.otlp and _speaks(container, x)), *by_api)
        yield from (_exporter(pod, container, x, found) for x in every)


def _run(read: Iterable[Deployed]) -> Iterator[Deployed]:
    """The configurations that agents run with; one beside an agent may read its file to tell it of changes."""
    every = tuple(read)
    run = {x.config.file for x in every if x.container and _runs_one(x.container)}
    yield from (x for x in every if x.config.file not in run or (x.container and _runs_one(x.container)))


def _speaks(container: Container, sent: Destination) -> bool:
    """Whether the program in a container is known to speak what its configuration asks for."""
    found = _NUMBERED.match(tag_of(container.image))
    return not sent.since or (found is not None and not before(found[0], sent.since))


def _exporter(pod: Pod, container: Container, sent: Destination, found: Variables) -> Exporter:
    said = filled(sent.value, found)
    signals = tuple(x for x in SIGNALS if x in sent.signals)
    tls, anybody = _is_over_tls(sent, said, found), _truth(sent.unverified, found)
    endpoint = f"{said}:{_BALANCED}" if sent.form == "host" and ":" not in said else said
    if sent.form == "host" and sent.protocol is Protocol.HTTP:
        endpoint = f"http{'s' * bool(tls)}://{said}"
    made = Exporter(
        pod.metadata.namespace,
        owner(pod),
        pod.metadata.name,
        sent.field,
        endpoint,
        _PROTOCOLS[sent.protocol],
        pod.families,
        host_network=bool(pod.spec.host_network),
        written=sent.written.text if sent.written.text != endpoint else "",
        signals=signals,
        tls=tls,
        credentials=sent.brings,
        container=container.name,
        held=_holder(said, found),
        labels=tuple((pod.metadata.labels or {}).items()),
        may=signals,
        trusts=bool(_valued(sent.authority, found)) or anybody is not False,
        verifies=anybody is False,
        server_name=filled(sent.server_name, found),
        tls_held=_held_tls(sent, found) if tls is None else "",
    )
    return diverting(made, found)


def _is_over_tls(sent: Destination, said: str, found: Variables) -> bool | None:
    """Whether an exporter sends over TLS; None where a variable decides whose value is not known.

    gRPC takes TLS unless it is told `insecure` and no authority; `https` is TLS in any case. Over HTTP that decides
    (configgrpc and confighttp 0.161, ClientConfig), where there is a scheme at all.
    """
    plain, authority = _truth(sent.insecure, found), _valued(sent.authority, found)
    if said.lower().startswith("https:") or (sent.protocol is not Protocol.GRPC and sent.form != "host"):
        return said.lower().startswith("https:")
    if plain is False or (authority and sent.protocol is Protocol.GRPC):
        return True
    return None if plain is None or authority is None else False


def _truth(text: str, found: Variables) -> bool | None:
    """A truth value of a configuration; None where it is not known. One that is left out, or empty, is false."""
    said = _valued(text, found)
    return None if said is None else {"true": True, "false": False, "": False}.get(said.lower())


def _valued(text: str, found: Variables) -> str | None:
    """A text with its variables filled in; None where one has no value that is known."""
    said = filled(text, found)
    return None if "$" in said else said


def _held_tls(sent: Destination, found: Variables) -> str:
    """Why nobody can say whether an exporter sends over TLS."""
    said = next((x for x in (sent.insecure, sent.authority) if _valued(x, found) is None), sent.insecure)
    return unknown_tls(said, _holder(said, found))


def _holder(said: str, found: Variables) -> str:
    """What holds the value of a variable that is left in an endpoint, or hides it; empty where nothing does."""
    if "${" not in said:
        return HIDDEN if hides_host(said) else ""
    known = (why for name, why in found.held.items() if name in said)
    return next(known, next(iter(found.unread), "a variable without a value here"))


def way_on(sent: Exporter) -> str:
    """What was not seen where nobody followed what an agent sends on."""
    return f"the way on from {sent.owner} in {sent.namespace}"


def is_within(sent: Exporter, ranges: Collection[ServiceCIDR] = ()) -> bool:
    """Whether something is surely sent to a Service, or to a name that may be one and the port of OTLP.

    So is what goes to an address of Services, or to one of a family that the pods have not, wherever that is.
    """
    if sent.literal:
        lacking = bool(sent.families) and family(sent.host) not in sent.families
        return in_ranges(sent.host, ranges) or (lacking and scope(sent.host) not in _NEAR)
    port = sent.target.port if sent.target else 0
    of_pod = sent.service is None and "." in sent.host and is_surely_within(sent.host)
    return sent.certain or of_pod or (sent.service is not None and is_likely(sent.host) and port in OTLP_PORTS)


def not_followed(
    places: Iterable[Place], config_maps: Iterable[ConfigMap], ranges: Collection[ServiceCIDR] = ()
) -> Iterator[Missing]:
    """What Collectors that were asked about as receivers send on to Services, where nobody looked.

    A receiver that takes everything may lose it there.
    """
    maps, told = tuple(config_maps), set[tuple[str, str]]()
    for place in places:
        for one in onward(place.pod, place.configs, maps):
            if is_within(one, ranges) and (way_on(one), one.endpoint) not in told:
                told.add((way_on(one), one.endpoint))
                behind = [(x.namespace, x.name) for x in intended(one.host, one.namespace)]
                namespace, name = one.service or next(iter(behind), ("", ""))
                ask = f"`dualstack diagnose svc/{name} -n {namespace}` asks about that"
                ask = "ask about the Service that has this address" if one.literal else ask
                yield Missing(way_on(one), f"it sends on to `{one.endpoint}` ({one.variable}); {ask}")
