"""Why a question about a cluster comes to no flow: which ports there are where none is for OTLP."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.address import OTLP_PORTS
from dualstack.model.cluster import Cluster, Service, ServicePort
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding
from dualstack.model.otel import Declared
from dualstack.model.slim import PodStatus
from dualstack.model.target import EVERYTHING
from dualstack.reach.arguments import SCRIPT, started
from dualstack.reach.client_dns import is_of_set, is_surely_within
from dualstack.reach.crowds import listed
from dualstack.reach.declarative import BESIDE, is_file, unread_file
from dualstack.reach.exporting import asked, receives, silenced
from dualstack.reach.idle import rests
from dualstack.reach.lanes import Spots, selected
from dualstack.reach.onward import is_agent
from dualstack.reach.redacted import HIDDEN
from dualstack.reach.states import troubles
from dualstack.reach.unbegun import lacking, unbegun, waiting_in
from dualstack.reach.uninjected import uninjected
from dualstack.reach.unsent import READ, aimless, is_its_own, is_meant, wanted
from dualstack.reach.variables import AS_THEN

NEEDS = "ports for OTLP"
"""What a question needs that comes to no flow."""

QUIET = "send nothing by OTLP"
"""What is said of pods of which every one is told so."""

ALONE = "SDKs then send to the loopback"
"""What is said of pods of clients that name no endpoint."""

ASIDE = "the way of "
"""What begins the name of a gap for a client to which no Service leads on."""

UNNAMED = "names an endpoint for OTLP"
HELD = "holds it"
"""The same of pods of which nothing tells that they are clients, and of what may hold the endpoint."""
SINCE = "that was changed since"
"""What is said of a ConfigMap that holds something else by now."""

_SDK, _ENDPOINT = "OTEL_", "OTEL_EXPORTER_OTLP_ENDPOINT"
_NUMBERS = " or ".join(map(str, OTLP_PORTS))


def unaimed(cluster: Cluster, places: Spots, target: str, namespace: str, clients: Sequence[Exporter] = ()) -> str:
    """Why nothing is known to take OTLP there; empty where that may be for want of what could not be read."""
    if cluster.unseen & {"Service", "Pod"}:
        return ""
    down = waiting_in(cluster)
    if down and not _is_of_service(target):
        return f"{down}: see to that first"
    if cluster.exporters:
        return _untraced(cluster.exporters[0], cluster)
    if target == str(EVERYTHING) and not cluster.services:
        return _nowhere(cluster, namespace, clients)
    if _is_of_service(target):
        return _unoffered(cluster, places, target)
    asking = "" if any(map(receives, cluster.pods)) else uninjected(cluster, target)
    return _silent(cluster, target) or asking or _unoffered(cluster, places, target)


def silent(cluster: Cluster, why: str, target: str) -> Iterator[tuple[str, Finding]]:
    """What is told, with the codes of the nearest rules, of clients of which there is no flow; `why` says that.

    Those that cannot begin are told where they are asked about: the target is empty where all are.
    """
    yield from (("DS110", x) for x in aimless(cluster) if ALONE in why)
    yield from (("DS507", x) for x in unbegun(cluster) if target and not _is_of_service(target))


def _is_of_service(target: str) -> bool:
    """Whether a question is about a Service, or about all."""
    return target.startswith("svc/") or target == str(EVERYTHING)


def _untraced(one: Exporter, cluster: Cluster) -> str:
    """Why nobody knows where clients export to that are asked about."""
    said = f"`{one.variable}{f'={one.endpoint}' if one.endpoint else ''}` of the {one.place}"
    if not one.held:
        return f"{said} is no host with a port, and is not followed"
    if one.held == HIDDEN:
        return f"{said} was hidden by who stored it, so nobody knows where it leads"
    if is_file(one.held):
        return f"{said} is set: {unread_file(one.held)}"
    if not one.held.endswith(AS_THEN):
        return f"{said} has its value from {one.held}, which was not read"
    fresh = [replace(x, status=PodStatus()) for x in cluster.askers if x.metadata.name == one.pod]
    every = (y for x in fresh for y in asked(x, cluster.config_maps, cluster.services))
    now = next((x.endpoint for x in every if (x.container, x.variable) == (one.container, one.variable)), "")
    what = one.held.removesuffix(f" {AS_THEN}")
    shown = f"; now it says `{now}`" if now else ""
    then = f"{said} is what {what} held when the container started, and {SINCE}{shown}"
    return f"{then}. Where what is there now is right, {restart(one)} lets the pods read it"


def restart(one: Exporter) -> str:
    """How clients are made anew."""
    called = _asked(one)
    rolled = called.partition("/")[0] in _ROLLED
    return f"`kubectl rollout restart {called} -n {one.namespace}`" if rolled else f"to make {called} anew"


def _silent(cluster: Cluster, target: str) -> str:
    """Why the pods of a workload send nothing, where that is so of all of them."""
    found = [silenced(x, cluster.config_maps, _SDK) for x in cluster.pods]
    mine = found and all(found)
    return f"by {found[0]} the pods of `{target}` {QUIET}, whatever endpoint they name" if mine else ""


def _nowhere(cluster: Cluster, namespace: str, clients: Sequence[Exporter]) -> str:
    """Why nothing was found where everything was asked about: whom to ask about instead, if anybody is there."""
    where = f"in the namespace `{namespace}`" if namespace else "that was found"  # a dump need not hold all
    said = f"no Service {where} has one, or leads to a Collector"
    if clients:
        one = clients[0]
        hosts = listed(list(dict.fromkeys(f"`{x.written or x.endpoint}`" for x in clients)), 3)
        return f"{said}. Pods send to {hosts}; ask about them: `dualstack diagnose {_asked(one)} -n {one.namespace}`"
    if cluster.pods:
        return f"{said}; there are Collectors, to whom clients come in another way. Ask about one of these clients"
    return f"{said}. Is it the right {'namespace' if namespace else 'cluster'}?"


_ROLLED = ("deploy", "ds", "sts")
_WORDS = {"Deployment": "deploy", "DaemonSet": "ds", "StatefulSet": "sts", "Job": "job", "CronJob": "cronjob"}


def _asked(one: Exporter) -> str:
    """What a client is called on the command line."""
    kind, _, name = one.owner.partition(" ")
    return f"{_WORDS[kind]}/{name}" if kind in _WORDS else f"pod/{one.pod}"


def aside(clients: Sequence[Exporter], cluster: Cluster) -> Mapping[str, str]:
    """What is said of clients to which no Service leads on: they send to a node, to a set of clusters, or to a text.

    So it is of Collectors that send on to a pod by its name, and of those whom a file tells it nobody knows; others are
    asked about by themselves.
    """
    hosts = {y for x in cluster.nodes for y in (*x.addresses, *x.names)}
    others = (x for x in clients if x.host.lower() in hosts or "$(" in x.host or is_of_set(x.host) or _is_of_pod(x))
    files = {f"{ASIDE}{x.owner} in {x.namespace}": unread_file(x.held) for x in clients if is_file(x.held)}
    return files | {
        f"{ASIDE}{x.owner} in {x.namespace}": f"it sends to `{x.written or x.endpoint}`, which is no Service; "
        f"`dualstack diagnose {_asked(x)} -n {x.namespace}` asks about that"
        for x in others
    }


def _is_of_pod(one: Exporter) -> bool:
    """Whether a Collector sends on to what can be nothing but the name of a pod."""
    return one.service is None and "." in one.host and one.configured and is_surely_within(one.host)


def _unoffered(cluster: Cluster, places: Spots, target: str) -> str:
    """Why no port is known to be for OTLP."""
    if cluster.services:
        meant = "" if target.startswith("svc/") else _unset(cluster, target, certain=True)
        if meant:
            return meant
        said = "; ".join(map(_ports, cluster.services))
        return f"{said}. None is {_NUMBERS}, or called `otlp`. {_remedy(places)}"
    if not cluster.pods:
        mine = [x for x in cluster.makers if x.metadata.name == target.partition("/")[2]]
        why = rests(mine, cluster.events)
        told = f". {why.maker.called} {why.said}. {why.hint}" if why else ""
        return f"`{target}` has no pods, so nothing tells which Services lead there{told}"
    return _unset(cluster, target) or f"no Service and no host port leads to the pods of `{target}`. {_remedy(places)}"


def _unset(cluster: Cluster, target: str, *, certain: bool = False) -> str:
    """What is said of clients that name no endpoint; empty of pods of which nothing tells that they are clients.

    To be `certain` of that, something has to be there that is meant for an endpoint.
    """
    every = [(x, started(y, x, cluster.config_maps)) for x in cluster.pods for y in x.spec.containers or ()]
    set_ = [k for _, x in every for k, v in x.values.items() if v]
    held = [k for _, x in every for k, v in x.held.items() if v == SCRIPT]
    told, odd = any(map(READ.fullmatch, (*set_, *held))), next(filter(is_meant, set_), "")
    names = {k for _, x in every for k in x.values if k.startswith(_SDK)} | ({odd} - {""})
    other = any(y.ports for x, _ in every for y in x.spec.containers or ()) or bool(troubles(cluster.pods))
    if told or any(map(receives, cluster.pods)) or (other and not names):
        return ""
    keyless = next(lacking(cluster.pods, cluster), "")
    if certain and not (odd or keyless):
        return ""
    if any(map(is_agent, cluster.pods)):
        said = f"nothing that was read says where the agents in the pods of `{target}` send OTLP"
        return f"{said}, as their configuration would, and no Service leads to them"
    beside = (f"the file `{y}`" for _, x in every if (y := x.values.get(BESIDE)))
    unread = next((y for _, x in every for y in x.unread), "") or next(beside, "")
    maybe = f", unless {unread} {HELD}" if unread else ""
    if keyless:
        said = f"`{_ENDPOINT}` of the pods of `{target}` is not set{maybe}: {keyless}. {ALONE} of their pod"
        return f"{said} (port {_NUMBERS}). Correct the key, in the pods or there."
    if not names:
        said = f"no variable of the pods of `{target}` {UNNAMED}, and no Service leads to them{maybe}"
        return f"{said}. If they are clients, set it: `{wanted(x.values for _, x in every)}"
    where = next(_origins(odd, cluster), "")
    own = is_its_own(odd) and not where
    reads = "which programs of their own may read" if own else "which SDKs do not read"
    slip = f" (`{odd}`{where} is, {reads})" if odd else ""
    said = f"`{_ENDPOINT}` of the pods of `{target}` is {'empty' if _ENDPOINT in names else 'not set'}{slip}{maybe}"
    mend, to = "Rename that one, or set" if odd and not own else "Set", wanted(x.values for _, x in every)
    return f"{said}, and {ALONE} of their pod (port {_NUMBERS}). {mend} it to the Service of the Collector: `{to}"


def _origins(name: str, cluster: Cluster) -> Iterator[str]:
    """Where pods have a variable from, if not by its own name: from the ConfigMaps of their `envFrom`."""
    maps = {(x.metadata.namespace, x.metadata.name): x.data or {} for x in cluster.config_maps}
    for pod, source in ((x, z) for x in cluster.pods for y in x.spec.containers or () for z in y.env_from or ()):
        called = source.config_map_ref.name if source.config_map_ref else ""
        if name.removeprefix(source.prefix or "") in maps.get((pod.metadata.namespace, called), ()):
            yield f" of ConfigMap {called}{f' with the prefix `{source.prefix}`' if source.prefix else ''}"


def _ports(service: Service) -> str:
    ports = service.spec.ports or ()
    said = listed([_port(x) for x in ports])
    return f"{service.called} has the port{'s' * (len(ports) > 1)} {said}" if said else f"{service.called} has no port"


def _port(port: ServicePort) -> str:
    transport = "" if port.protocol == "TCP" else f"/{port.protocol}"
    return f"{port.port}{transport}{f' ({port.name})' if port.name else ''}"


def _remedy(places: Spots) -> str:
    """What to do, which depends on whether the pods are known to receive OTLP, and run at all."""
    received = sorted(set(_received(places)))
    if received:
        return f"The pods receive OTLP on {' and '.join(map(str, received))}: lead a port of a Service there."
    down = troubles([x.pod for x in places.values()])
    if down:
        return f"{down[:1].upper()}{down[1:]}: see to that first."
    if _is_deaf(places):
        return "These Collectors take no OTLP, and send none on: no pipeline has a receiver or an exporter of it."
    return "Ask for another Service, or call the port that takes OTLP `otlp-grpc` or `otlp-http`."


def _is_deaf(places: Spots) -> bool:
    """Whether all that runs in some pods is read, and neither takes OTLP nor sends it on."""
    configs = [y.config for x in places.values() for y in x.configs]
    open_ = any(not x.whole for x in places.values()) or any(x.unread for x in configs)
    sent = any(y.otlp for x in configs for y in x.destinations)
    return bool(configs) and not open_ and not sent and not any(_taken(x) for x in configs)


def _taken(config: Declared) -> bool:
    return any(x.component.startswith("receivers/otlp") for x in config.endpoints)


def _received(places: Spots) -> Iterator[int]:
    opened = (x for place in places.values() for x in place.opened)
    yield from (x.port for x in opened if x.endpoint.component.startswith("receivers/otlp") and x.port)


def unreached(services: Iterable[Service], reached: Iterable[Service], cluster: Cluster) -> Iterator[Service]:
    """Those of some Services with pods to which none of others leads."""
    known = {(x.metadata.namespace, x.metadata.name) for service in reached for x in selected(cluster, service)}
    for service in services:
        pods = (x.metadata for x in selected(cluster, service))
        if any((x.namespace, x.name) not in known for x in pods):
            yield service
