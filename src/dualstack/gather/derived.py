"""EndpointSlices as their controller makes them, for evidence that has Services and pods and no slices.

`kubectl cluster-info dump` and older support bundles leave them out. What follows here is what the controller does from
the same objects (kubernetes 1.34.4, staging/src/k8s.io/endpointslice/utils.go and reconciler.go).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dualstack.gather import kinds
from dualstack.gather.kube_objects import text
from dualstack.model.address import BOTH, Family, family
from dualstack.model.cluster import (
    Cluster,
    Conditions,
    Endpoint,
    EndpointPort,
    EndpointSlice,
    Pod,
    Service,
    ServicePort,
)
from dualstack.model.evidence import Missing
from dualstack.model.slim import ObjectMeta, ObjectReference
from dualstack.model.world import BY_OTHERS, Object, World
from dualstack.reach import cluster_dns
from dualstack.reach.sidecars import together

_OWNER = "kubernetes.io/service-name"


def derive_slices(world: World) -> None:
    """Add the slices that follow from Services and pods, where there are none, and say so.

    Where there are some, those of the nameserver alone: who takes what is of some namespaces leaves it out.
    """
    if not {"Service", "Pod"} <= set(world.objects):
        return
    if kinds.SLICES.kind in world.objects:
        found = _of_nameserver(world)
        world.keep(kinds.SLICES.kind, *(_object(y) for x in found.services for y in _slices(x, found.pods)))
        return
    cluster = world.cluster()
    world.unseen.add(BY_OTHERS)
    world.keep(kinds.SLICES.kind, *(_object(y) for x in cluster.services for y in _slices(x, cluster.pods)))
    world.gaps.append(Missing(kinds.SLICES.called, "not among what was stored; they follow from the Services and pods"))


def nameserver(world: World) -> Sequence[Service]:
    """The Service of the cluster's nameserver, where it is there."""
    mine = [
        x for x in world.objects.get("Service", ()) if (_space(x), text(x, "metadata", "name")) == cluster_dns.KEYS[0]
    ]
    return World(objects={"Service": mine}).cluster().services


def _of_nameserver(world: World) -> Cluster:
    """That Service with the pods of its namespace, where it has no slices."""
    known = [(_space(x), text(x, "metadata", "labels", _OWNER)) for x in world.objects[kinds.SLICES.kind]]
    pods = [x for x in world.objects["Pod"] if _space(x) == cluster_dns.NAMESPACE]
    silent = () if cluster_dns.KEYS[0] in known else nameserver(world)
    return Cluster(services=tuple(silent), pods=World(objects={"Pod": pods}).cluster().pods if silent else ())


def _space(item: Object) -> str:
    return text(item, "metadata", "namespace")


def _slices(service: Service, pods: Sequence[Pod]) -> Iterator[EndpointSlice]:
    """Those of a Service with a selector: one for each family and each set of ports that its pods resolve to."""
    selector, about = (service.spec.selector or {}).items(), service.metadata
    if not selector:
        return
    mine = [x for x in pods if x.metadata.namespace == about.namespace]
    chosen = [x for x in mine if selector <= (x.metadata.labels or {}).items() and not _has_ended(x)]
    for wanted in service.families or BOTH:
        by_ports = defaultdict[tuple[EndpointPort, ...], list[Endpoint]](list)
        for pod in chosen:
            address = next((x for x in pod.addresses if family(x) is wanted), "")
            if address:
                by_ports[tuple(_ports(service, pod))].append(_endpoint(service, pod, address))
        for number, (ports, endpoints) in enumerate(by_ports.items()):
            yield _slice(about, wanted, number, ports, endpoints)


def _slice(
    about: ObjectMeta, wanted: Family, number: int, ports: Sequence[EndpointPort], endpoints: list[Endpoint]
) -> EndpointSlice:
    name = f"{about.name}-{wanted}-{number}"
    labels = {_OWNER: about.name}
    found = ObjectMeta(name=name, namespace=about.namespace, labels=labels)
    return EndpointSlice(metadata=found, address_type=wanted.title, endpoints=endpoints, ports=list(ports))


def _has_ended(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def _endpoint(service: Service, pod: Pod, address: str) -> Endpoint:
    leaving = pod.metadata.deletion_timestamp is not None
    ready = pod.ready or bool(service.spec.publish_not_ready_addresses)
    return Endpoint(
        addresses=[address],
        conditions=Conditions(ready=ready and not leaving, serving=ready, terminating=leaving),
        node_name=pod.spec.node_name,
        target_ref=ObjectReference(kind="Pod", name=pod.metadata.name, namespace=pod.metadata.namespace),
    )


def _ports(service: Service, pod: Pod) -> Iterator[EndpointPort]:
    """The ports of a Service as this pod resolves them; a name that no container has is left out."""
    for port in service.spec.ports or ():
        number = _number(port, pod)
        if number:
            yield EndpointPort(name=port.name, port=number, protocol=port.protocol)


def _number(port: ServicePort, pod: Pod) -> int:
    if isinstance(port.target_port, int) or not port.target_port:
        return int(port.target_port or port.port)
    named = (y for x in together(pod) for y in x.ports or ())
    matching = (x.container_port for x in named if (x.name, x.protocol) == (port.target_port, port.protocol))
    return next(matching, 0)


def _object(item: EndpointSlice) -> Object:
    plain: Mapping[str, object] = msgspec.to_builtins(item)
    return {"apiVersion": kinds.SLICES.api_version, "kind": kinds.SLICES.kind, **plain}
