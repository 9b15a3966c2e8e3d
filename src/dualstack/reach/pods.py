"""A pod as a place: its network namespace as far as its status tells, and the sockets that its configuration makes."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from dualstack.model.address import Family, family, join
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.container import Container
from dualstack.model.deployed import Deployed
from dualstack.model.glimpse import Glimpses, Way
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.names import Lookup
from dualstack.model.offer import Offer
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.probe import Outcome
from dualstack.model.sockets import Listener, Listeners, Process, Runtime
from dualstack.reach.bind import BindRequest, Bound, accepts, bind
from dualstack.reach.blame import is_loopback, is_wildcard
from dualstack.reach.client_dns import own_names
from dualstack.reach.images import is_released
from dualstack.reach.links import is_number
from dualstack.reach.sidecars import Sidecar, looked_at, seen_in, sidecar, together
from dualstack.reach.start import idle_on, numbered
from dualstack.reach.states import held_back, reached, since_when, starting_again, status_of, stopped
from dualstack.reach.variables import FILLED_IN, Variables, environment, filled
from dualstack.reach.whereabouts import holder, placed
from dualstack.reach.wiring import is_told

_PORT = re.compile(f".*:{FILLED_IN.pattern}")
"""An address whose port is such a variable."""
_SERVICE = re.compile(r"(?P<name>[a-z0-9-]+)(?:\.(?P<namespace>[a-z0-9-]+)(?:\.svc(?:\.[a-z0-9.-]+)?)?)?")
"""The name of a Service, as the DNS of a cluster has it (Kubernetes DNS specification 1.1 section 2.3)."""
_LOCALHOST = (Lookup("localhost", ("127.0.0.1", "::1"), source="the hosts file that the kubelet writes"),)
"""kubernetes 1.34.4, pkg/kubelet/kubelet_pods.go managedHostsFileContent."""


class Opened(msgspec.Struct, frozen=True):
    """An endpoint of a configuration in one container of a pod.

    `value` has its variables filled in, `bound` is what became of it. `anew` is what will become of it when the
    container starts again, where what that has read may be another text by now; else None. `runs` says that the
    container is ready with just this configuration, so that nothing in it keeps the container from running. `silent`
    says that looks showed that nothing listens there, whatever the configuration says. `unset` is the variable that its
    port is, where the container has none of this name.
    """

    endpoint: DeclaredEndpoint
    value: str
    bound: Bound
    container: str = ""
    anew: Bound | None = None
    runs: bool = False
    silent: bool = False
    unset: str = ""

    @property
    def port(self) -> int:
        """The port that it names, 0 where it names none."""
        return numbered(self.value.rpartition(":")[2])


class Place(msgspec.Struct, frozen=True):
    """A pod with what listens in it.

    `opened` are the endpoints of the configurations that its containers read, `whole` says that nothing else can listen
    there as far as is known. `sidecar` is what takes connections before them, where something does. `outdated` says why
    what its containers have read may be another text by now. `observed` are the sockets that a container inside saw.
    `stopped` says of containers why they do not run, where their configurations do not show it.
    """

    pod: Pod
    space: Namespace
    opened: tuple[Opened, ...] = ()
    whole: bool = False
    sidecar: Sidecar | None = None
    configs: tuple[Deployed, ...] = ()
    outdated: str = ""
    observed: tuple[Listener, ...] | None = None
    stopped: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """The pod as a place of sockets."""
        return self.space.place

    @property
    def crashes(self) -> tuple[Opened, ...]:
        """The endpoints that cannot be bound: one is enough to end a Collector with all its receivers."""
        return tuple(x for x in self.opened if x.bound.cause)

    @property
    def known(self) -> bool:
        """Whether a port without a socket here surely has none."""
        return self.whole and not self.outdated and not any(x.bound.unknown for x in self.opened)

    @property
    def sockets(self) -> tuple[Listener, ...]:
        """Every socket that was seen here, or else is predicted."""
        if self.observed is not None:
            return self.observed
        ended = {x.container for x in self.crashes}
        return tuple(y for x in self.opened if x.container not in ended for y in x.bound.sockets)

    def proxy(self, port: int) -> Sidecar | None:
        """What takes connections to a port before its own listener does, over some family."""
        return self.sidecar if self.sidecar and self.sidecar.leads(port) else None

    def before(self, address: str, port: int) -> Sidecar | None:
        """What takes connections to a port at one of its addresses before its own listener does."""
        proxy = self.proxy(port)
        return proxy if proxy and not is_loopback(address) and family(address) in proxy.led else None

    def declared(self, port: int) -> Declared:
        """The configuration that is about a port, or else the first, with the variables of this pod filled in.

        What it says now of ports where other sockets are, or may be, is left out: it did not make them. A default
        stands for what nobody may read.
        """
        mine = (x.config for x in self.configs if any(y.endpoint in x.config.endpoints for y in self.on(port)))
        every = [x.config for x in self.configs]
        config = (*mine, *(x for x in every if idle_on(x, (port,))), *every, Declared())[0]
        values = {x.endpoint: filled(x.value, Variables()) for x in self.opened if self._is_made(x)}
        made = (x for x in config.endpoints if x in values)
        whole = (msgspec.structs.replace(x, value=values[x] if x.value else "") for x in made)
        readers = [x.container for x in self.configs if x.config is config and x.container]
        return msgspec.structs.replace(config, endpoints=tuple(placed(x, readers[0], self.pod) for x in whole))

    def holder(self, port: int) -> str:
        """Words for the container that listens on a port."""
        read = {x.container.name for x in self.configs if x.container}
        return holder(self.pod, port, {x.container for x in self.on(port)}, read)

    def _is_made(self, item: Opened) -> bool:
        """Whether the sockets on a port can be those of an endpoint that is there now."""
        there = [x for x in self.observed or () if x.port == item.port]
        return item.anew is None and (not there or not item.bound.sockets or alike(there, item.bound.sockets))

    def on(self, port: int) -> tuple[Opened, ...]:
        """The endpoints of a port."""
        return tuple(x for x in self.opened if x.port == port)


class Places(msgspec.Struct, frozen=True):
    """The pods in question as places, by namespace and name.

    `strays` are those of another workload than the pods that take what a Service leads to both. `offers` are the ports
    of the Services.
    """

    items: Mapping[tuple[str, str], Place] = {}
    strays: frozenset[str] = frozenset()
    offers: tuple[Offer, ...] = ()

    def named(self, name: str) -> Place | None:
        """A place by its name."""
        return next((x for x in self.items.values() if x.name == name), None)


def place(pod: Pod, runs: Iterable[Deployed], cluster: Cluster, seen: Glimpses) -> Place:
    """A pod with what its configurations make of it, as far as they are those that its containers have read.

    What was `seen` from outside settles what the version of a Collector leaves open.
    """
    configs = read_by(pod, runs)
    space = namespace(pod)
    opened = tuple(y for x in configs for y in _opened(x, pod, space, cluster))
    opened = tuple(_settled(x, pod, space, seen) for x in opened)
    older = {x.container for x in opened if _is_open(x) and x.port in reached(pod, x.container)}
    opened = tuple(_everywhere(x, pod, space) if x.container in older and _is_open(x) else x for x in opened)
    if any(y.address == "::1" for x in opened for y in x.bound.sockets) and not space.owner("::1"):
        space = namespace(pod, ipv6=True)
    running = together(pod)
    refused = {x.container.name for x in configs if x.container and x.config.refused}
    states = {x.name: status_of(x.name, pod) for x in running}
    halted = {k: why for k, x in states.items() if (why := stopped(x) or (starting_again(x) if k in refused else ""))}
    halted = {k: v for k, v in halted.items() if not any(x.bound.cause and x.container == k for x in opened)}
    _, before = held_back(pod)
    halted = {x.name: before for x in pod.spec.containers or ()} if before else halted
    opened = tuple(_halted(x, halted) for x in opened)
    known = {x.container.name for x in configs if x.container and x.config.whole and not x.config.unread}
    whole = bool(known) and {x.name for x in running} == known and not pod.spec.host_network
    doubts = (
        _doubt(x, pod, y, cluster) for x in configs for y in running if x.container and x.container.name == y.name
    )
    return Place(
        pod,
        space,
        opened,
        whole,
        looked_at(sidecar(pod), pod, seen),
        configs,
        next(filter(None, doubts), ""),
        stopped=halted,
    )


def read_by(pod: Pod, runs: Iterable[Deployed]) -> tuple[Deployed, ...]:
    """Of some configurations those that the containers of a pod have read."""
    return tuple(x for x in runs if x.container and _is_read(x, pod))


def _halted(item: Opened, halted: Mapping[str, str]) -> Opened:
    """An endpoint of a container that does not run: what its configuration foretells is not there."""
    why = halted.get(item.container, "")
    return msgspec.structs.replace(item, bound=Bound(unknown=why)) if why else item


def _is_read(item: Deployed, pod: Pod) -> bool:
    """Whether a pod was made of the template that reads a configuration, and not of an older one."""
    mine = next((x for x in together(pod) if item.container and x.name == item.container.name), None)
    if mine is None or item.container is None:
        return False
    words = [x.text for x in item.container.words]
    volumes = {y.config_map.name for x in pod.spec.volumes or () for y in (x, *x.parts) if y.config_map}
    holder = item.config.holder
    held = holder is None or holder.kind != "ConfigMap" or not pod.spec.volumes or holder.name in volumes
    return held and (not words or words == [*(mine.command or ()), *(mine.args or ())])


def looked_into(found: Place, space: Namespace, listeners: Listeners | None) -> Place:
    """A place as a container inside saw it; what its configuration would make now, and is there, was made so."""
    there = msgspec.structs.replace(space, place=found.name)
    if listeners is None:
        return msgspec.structs.replace(found, space=there)
    mine = tuple(msgspec.structs.replace(x, place=found.name) for x in listeners.items)
    opened = tuple(_as_now(x) if x.anew and _is_there(x.anew, mine) else x for x in found.opened)
    beside = seen_in(found.sidecar, found.pod, mine, there) if found.sidecar else None
    owned = tuple(msgspec.structs.replace(_owned(x, mine, opened), holder=found.holder(x.port)) for x in mine)
    return msgspec.structs.replace(found, space=there, observed=owned, opened=opened, sidecar=beside)


def _owned(socket: Listener, there: Iterable[Listener], opened: Iterable[Opened]) -> Listener:
    """A socket whose process is out of sight, with who makes just these sockets by a configuration."""
    mine = [x for x in there if x.port == socket.port]
    made = (x.bound.sockets for x in opened if x.anew is None and x.port == socket.port)
    like = next((x for x in made if alike(mine, x)), ())
    return msgspec.structs.replace(socket, processes=like[0].processes) if like and not socket.processes else socket


def _is_there(bound: Bound, there: Iterable[Listener]) -> bool:
    ports = {x.port for x in bound.sockets}
    return alike([x for x in there if x.port in ports], bound.sockets)


def _as_now(item: Opened) -> Opened:
    return msgspec.structs.replace(item, bound=item.anew or item.bound, anew=None)


def alike(some: Iterable[Listener], others: Iterable[Listener]) -> bool:
    """Whether sockets are bound alike; of a literal IPV6_V6ONLY changes nothing, and Go sets it with `tcp6` alone."""
    one, other = ({(x.address, is_wildcard(x) and bool(x.v6only)) for x in y} for y in (some, others))
    return bool(one) and one == other


def namespace(pod: Pod, *, ipv6: bool | None = None) -> Namespace:
    """The network namespace of a pod. `ipv6` says whether it is on there; without it, it is where there is an address.

    The kubelet puts both families of the loopback in it, and `net.ipv6.bindv6only` of a new one is 0 (Linux,
    net/ipv6/af_inet6.c inet6_net_init).
    """
    held = pod.addresses
    on = ipv6 if ipv6 is not None else any(family(x) is Family.IPV6 for x in held)
    off = None if ipv6 is None else not ipv6
    loopback = [InterfaceAddress("127.0.0.1", 8), *([InterfaceAddress("::1", 128)] if on else [])]
    addresses = tuple(InterfaceAddress(x, 32 if family(x) is Family.IPV4 else 128) for x in held)
    return Namespace(
        pod.place,
        (
            Interface("lo", 1, up=True, loopback=True, disable_ipv6=off, addresses=tuple(loopback)),
            Interface("eth0", 2, up=True, disable_ipv6=off, addresses=addresses),
        ),
        bindv6only=None if pod.spec.host_network else False,
        source="status of the pod",
    )


def _opened(item: Deployed, pod: Pod, space: Namespace, cluster: Cluster) -> Iterator[Opened]:
    container = next(x for x in together(pod) if item.container and x.name == item.container.name)
    given, doubt = environment(container, pod, cluster.config_maps), _doubt(item, pod, container, cluster)
    for endpoint in item.config.endpoints:
        value = _looked_up(filled(endpoint.effective, given), pod, cluster)
        runs = bool(status_of(container.name, pod).ready)
        refused = Bound(error=endpoint.problem, cause=endpoint.cause)
        bound = refused if endpoint.cause else _bound(endpoint, value, pod, space, runs=runs)
        if not endpoint.value and endpoint.runtime == Runtime.GO and not is_told(item, endpoint):
            bound = Bound(unknown=_by_version(endpoint))
        if doubt:
            yield Opened(endpoint, value, Bound(unknown=doubt), container.name, bound)
            continue
        if runs and bound.cause:
            bound = Bound(unknown=f"`{value}` cannot be bound (`{bound.error}`), and the container runs all the same")
        unset = _unset(value, given)
        if unset and bound.unknown and is_released(container.image):
            bound = Bound()  # on a port that the kernel chooses, and that nobody knows to ask for
        yield Opened(endpoint, value, bound, container.name, runs=runs, unset=unset)


def _unset(value: str, given: Variables) -> str:
    """The variable that the port of an address is, and that a container has not, unless its image sets it.

    Services may give it one with a number in it.
    """
    found = _PORT.fullmatch(value)
    name = found["name"] if found else ""
    linked = given.links is not None and is_number(name)
    return "" if name in given.held or given.unread or linked else name


def _looked_up(value: str, pod: Pod, cluster: Cluster) -> str:
    """An address with what it stands for in the place of the name of a Service; Go binds the IPv4 one of two.

    No pod holds the cluster address of a Service; in the network of a node kube-proxy may put it on an interface.
    """
    host, _, number = value.rpartition(":")
    found = _SERVICE.fullmatch(host)
    if found is None or pod.spec.host_network or not pod.asks_cluster_dns or host in own_names(pod):
        return value
    service = cluster.service(found["namespace"] or pod.metadata.namespace, found["name"])
    addresses = sorted(service.addresses if service else (), key=lambda x: family(x) is Family.IPV6)
    return join(addresses[0], int(number)) if addresses and numbered(number) else value


def _settled(item: Opened, pod: Pod, space: Namespace, seen: Glimpses) -> Opened:
    """An endpoint of which looks tell what the objects leave open.

    That is one left to its default, the loopback in newer versions and every address in older ones, and one that was
    written after the start and says the loopback, where just that answers. Where nothing answers at the loopback, which
    its sockets would take, there are none.
    """
    looks = {x: seen.of(space.place, item.port, item.endpoint.protocol, x) for x in Way}
    direct, inside = looks[Way.ADDRESS], looks[Way.LOOPBACK]
    refused = inside and not {x.outcome for x in (direct, inside) if x} - {Outcome.REFUSED}
    if refused and any(accepts(x, "127.0.0.1", space) for x in item.bound.sockets):
        why = f"nothing listens on port {item.port}, whatever the configuration says"
        return msgspec.structs.replace(item, bound=Bound(unknown=why), silent=True)
    if item.anew and item.anew.sockets and all(is_loopback(x.address) for x in item.anew.sockets):
        local = direct and inside and direct.outcome is Outcome.REFUSED and inside.outcome is not Outcome.REFUSED
        return _as_now(item) if local else item
    if item.bound.unknown != _by_version(item.endpoint):
        return item
    if direct and direct.outcome is not Outcome.REFUSED:
        return _everywhere(item, pod, space)
    if direct and inside and inside.outcome is not Outcome.REFUSED:
        return msgspec.structs.replace(item, bound=_bound(item.endpoint, item.value, pod, space))
    return item


def _is_open(item: Opened) -> bool:
    """Whether the version of the Collector decides where it listens, by the same gate for all its components."""
    return item.bound.unknown == _by_version(item.endpoint) and not item.endpoint.component.startswith("service/")


def _everywhere(item: Opened, pod: Pod, space: Namespace) -> Opened:
    return msgspec.structs.replace(item, bound=_bound(item.endpoint, f"0.0.0.0:{item.port}", pod, space))


def _by_version(endpoint: DeclaredEndpoint) -> str:
    return f"`{endpoint.field}` is left out, and its default is another one before {endpoint.local_since}"


def _doubt(item: Deployed, pod: Pod, container: Container, cluster: Cluster) -> str:
    """Why a container may have another configuration than the one that is there now; empty where it has not.

    A Collector reads its configuration when it starts.
    """
    holders = {(x.namespace, x.name) for x in (item.config.holder, *item.config.parts) if x and x.kind == "ConfigMap"}
    held = [x for x in cluster.config_maps if (x.metadata.namespace, x.metadata.name) in holders]
    since = since_when(container.name, pod)
    newer = next((x for x in held if since and x.metadata.changed > since), None)
    if newer is None:
        return ""
    return f"ConfigMap {newer.metadata.called} was changed at {newer.metadata.changed}, after the container started"


def _bound(endpoint: DeclaredEndpoint, value: str, pod: Pod, space: Namespace, *, runs: bool = False) -> Bound:
    """What becomes of an endpoint; where nobody can see whether IPv6 is on, what becomes of it either way.

    IPv6 is on where the pod has such an address, IPv4 always is, and of a container that `runs` no socket failed.
    """
    shown = {family(x) for x in pod.addresses}
    spaces = [space] if Family.IPV6 in shown else [namespace(pod, ipv6=x) for x in (True, False)]
    found = {bind(BindRequest(value, endpoint.network, endpoint.call, endpoint.runtime, x, _LOCALHOST)) for x in spaces}
    possible = {x for x in found if not (runs and x.cause)} or found
    if len(possible) > 1:
        return Bound(unknown=f"what {value} becomes depends on whether IPv6 is on in the pod")
    return _held(possible.pop(), endpoint)


def _held(bound: Bound, endpoint: DeclaredEndpoint) -> Bound:
    owner = Process(0, endpoint.program, runtime=Runtime(endpoint.runtime))
    sockets = tuple(
        msgspec.structs.replace(x, processes=(owner,), source=f"prediction from `{endpoint.field}`")
        for x in bound.sockets
    )
    return msgspec.structs.replace(bound, sockets=sockets)
