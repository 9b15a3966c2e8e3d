"""Why a question about a cluster comes to no flow: which ports there are where none is for OTLP."""

from collections.abc import Iterable, Iterator, Sequence

from dualstack.model.address import OTLP_PORTS
from dualstack.model.cluster import Cluster, Service, ServicePort
from dualstack.model.exporter import Exporter
from dualstack.model.target import EVERYTHING
from dualstack.reach.crowds import listed
from dualstack.reach.exporting import silenced
from dualstack.reach.lanes import Spots, selected
from dualstack.reach.states import troubles

NEEDS = "ports for OTLP"
"""What a question needs that comes to no flow."""

QUIET = "send nothing by OTLP"
"""What is said of pods of which every one is told so."""

_NUMBERS = " or ".join(map(str, OTLP_PORTS))


def unaimed(cluster: Cluster, places: Spots, target: str, namespace: str, clients: Sequence[Exporter] = ()) -> str:
    """Why nothing is known to take OTLP there; empty where that may be for want of what could not be read."""
    if cluster.unseen & {"Service", "Pod"}:
        return ""
    if cluster.exporters:
        first = cluster.exporters[0]
        said = f"`{first.variable}{f'={first.endpoint}' if first.endpoint else ''}` of the {first.place}"
        return f"{said} has its value from {first.held}, which was not read" if first.held else f"{said} leads nowhere"
    if target == str(EVERYTHING) and not cluster.services:
        return _nowhere(cluster, namespace, clients)
    return _silent(cluster, target) or _unoffered(cluster, places, target)


def _silent(cluster: Cluster, target: str) -> str:
    """Why the pods of a workload send nothing, where that is so of all of them."""
    found = [silenced(x, cluster.config_maps) for x in cluster.pods]
    mine = found and all(found) and target != str(EVERYTHING) and not target.startswith("svc/")
    return f"by {found[0]} the pods of `{target}` {QUIET}, whatever endpoint they name" if mine else ""


def _nowhere(cluster: Cluster, namespace: str, clients: Sequence[Exporter]) -> str:
    """Why nothing was found where everything was asked about: whom to ask about instead, if anybody is there."""
    where = f"in the namespace `{namespace}`" if namespace else "in the cluster"
    said = f"no Service {where} has one, or leads to a Collector"
    if clients:
        one = clients[0]
        hosts = listed(list(dict.fromkeys(f"`{x.written or x.endpoint}`" for x in clients)), 3)
        return f"{said}. Pods send to {hosts}; ask about them: `dualstack diagnose {_asked(one)} -n {one.namespace}`"
    if cluster.pods:
        return f"{said}; there are Collectors, to whom clients come in another way. Ask about one of these clients"
    return f"{said}. Is it the right {where.split()[2]}?"


_WORDS = {"Deployment": "deploy", "DaemonSet": "ds", "StatefulSet": "sts", "Job": "job", "CronJob": "cronjob"}


def _asked(one: Exporter) -> str:
    """What a client is called on the command line."""
    kind, _, name = one.owner.partition(" ")
    return f"{_WORDS[kind]}/{name}" if kind in _WORDS else f"pod/{one.pod}"


def _unoffered(cluster: Cluster, places: Spots, target: str) -> str:
    """Why no port is known to be for OTLP."""
    if cluster.services:
        said = "; ".join(map(_ports, cluster.services))
        return f"{said}. None is {_NUMBERS}, or called `otlp`. {_remedy(places)}"
    if not cluster.pods:
        nowhere = any(x.status.desired_number_scheduled == 0 for x in cluster.makers)
        idle = any(x.spec.replicas == 0 for x in cluster.makers)
        none = " (`replicas: 0`)" if idle else " (it is for none of the nodes)" if nowhere else ""
        return f"`{target}` has no pods{none}, so nothing tells which Services lead there"
    return f"no Service and no host port leads to the pods of `{target}`. {_remedy(places)}"


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
    return "Ask for another Service, or call the port that takes OTLP `otlp-grpc` or `otlp-http`."


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
