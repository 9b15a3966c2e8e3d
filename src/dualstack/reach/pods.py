"""A pod as a place: its network namespace as far as its status tells, and the sockets that its configuration makes."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from dualstack.model.address import BOTH, Family, family
from dualstack.model.cluster import Container, Pod
from dualstack.model.deployed import Deployed
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.names import Lookup
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.sockets import Listener, Process, Runtime
from dualstack.reach.bind import BindRequest, Bound, bind

_REFERENCE = re.compile(r"\$\{(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_LOCALHOST = (Lookup("localhost", ("127.0.0.1", "::1"), source="the hosts file that the kubelet writes"),)
"""kubernetes 1.34.4, pkg/kubelet/kubelet_pods.go managedHostsFileContent."""


class Opened(msgspec.Struct, frozen=True):
    """An endpoint of a configuration in one pod: `value` has its variables filled in, `bound` is what becomes of it."""

    endpoint: DeclaredEndpoint
    value: str
    bound: Bound


class Place(msgspec.Struct, frozen=True):
    """A pod with what listens in it.

    `opened` are the endpoints of the configurations that its containers read, `whole` says that nothing else can listen
    there as far as is known.
    """

    pod: Pod
    space: Namespace
    opened: tuple[Opened, ...] = ()
    whole: bool = False

    @property
    def name(self) -> str:
        """The pod as a place of sockets."""
        return self.space.place

    @property
    def sockets(self) -> tuple[Listener, ...]:
        """Every socket that is predicted here."""
        return tuple(y for x in self.opened for y in x.bound.sockets)


def place(pod: Pod, runs: Iterable[Deployed]) -> Place:
    """A pod with what its configurations make of it."""
    configs = list(runs)
    space = namespace(pod)
    opened = tuple(y for x in configs for y in _opened(x, pod, space))
    containers = {x.name for x in pod.spec.containers or ()}
    known = {x.container.name for x in configs if x.container and x.config.whole and not x.config.unread}
    return Place(pod, space, opened, whole=bool(known) and containers == known)


def namespace(pod: Pod, *, ipv6: bool | None = None) -> Namespace:
    """The network namespace of a pod. `ipv6` says whether it is on there; without it, it is where there is an address.

    The kubelet puts both families of the loopback in it.
    """
    held = pod.addresses
    on = ipv6 if ipv6 is not None else any(family(x) is Family.IPV6 for x in held)
    loopback = [InterfaceAddress("127.0.0.1", 8), *([InterfaceAddress("::1", 128)] if on else [])]
    addresses = tuple(InterfaceAddress(x, 32 if family(x) is Family.IPV4 else 128) for x in held)
    return Namespace(
        f"pod {pod.metadata.name}",
        (
            Interface("lo", 1, up=True, loopback=True, disable_ipv6=not on, addresses=tuple(loopback)),
            Interface("eth0", 2, up=True, disable_ipv6=not on, addresses=addresses),
        ),
        source="status of the pod",
    )


def _opened(item: Deployed, pod: Pod, space: Namespace) -> Iterator[Opened]:
    containers = (x for x in pod.spec.containers or () if item.container and x.name == item.container.name)
    values = {k: v for x in containers for k, v in environment(x, pod).items()}
    for endpoint in item.config.endpoints:
        value = filled(endpoint.effective, values)
        yield Opened(endpoint, value, _bound(endpoint, value, pod, space))


def _bound(endpoint: DeclaredEndpoint, value: str, pod: Pod, space: Namespace) -> Bound:
    """What becomes of an endpoint; where nobody can see whether IPv6 is on, what becomes of it either way."""
    shown = {family(x) for x in pod.addresses}
    spaces = [space] if shown == set(BOTH) or not shown else [namespace(pod, ipv6=x) for x in (True, False)]
    found = {bind(BindRequest(value, endpoint.network, endpoint.call, endpoint.runtime, x, _LOCALHOST)) for x in spaces}
    if len(found) > 1:
        return Bound(unknown=f"what {value} becomes depends on whether IPv6 is on in the pod")
    return _held(found.pop(), endpoint)


def _held(bound: Bound, endpoint: DeclaredEndpoint) -> Bound:
    owner = Process(0, "the Collector" if endpoint.runtime == Runtime.GO else endpoint.component)
    sockets = tuple(
        msgspec.structs.replace(x, processes=(owner,), source=f"prediction from `{endpoint.field}`")
        for x in bound.sockets
    )
    return msgspec.structs.replace(bound, sockets=sockets)


def environment(container: Container, pod: Pod) -> Mapping[str, str]:
    """The variables of a container whose values are known, those of the downward API among them."""
    fields = _fields(pod)
    found: dict[str, str] = {}
    for each in container.env or ():
        source = each.value_from.field_ref if each.value_from else None
        if each.value is not None and "$(" not in each.value:
            found[each.name] = each.value
        elif source and fields.get(source.field_path):
            found[each.name] = fields[source.field_path]
    return found


def _fields(pod: Pod) -> Mapping[str, str]:
    """Fields of the downward API (Kubernetes documentation, Downward API, Available fields)."""
    status = pod.status
    return {
        "metadata.name": pod.metadata.name,
        "metadata.namespace": pod.metadata.namespace,
        "spec.nodeName": pod.spec.node_name or "",
        "status.podIP": next(iter(pod.addresses), ""),
        "status.podIPs": ",".join(x.ip for x in status.pod_ips or ()),
        "status.hostIP": status.host_ip or "",
        "status.hostIPs": ",".join(x.ip for x in status.host_ips or ()),
    }


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text of a configuration with the variables in it filled in; those without a value stay."""

    def known(found: re.Match[str]) -> str:
        return values.get(found["name"]) or (found["default"] if found["default"] is not None else found[0])

    return _REFERENCE.sub(known, text)
