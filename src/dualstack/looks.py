"""Looks at the pods of a target: exports from outside, and containers inside where the user allows them."""

from collections.abc import Callable, Iterator
from functools import partial

from dualstack.conclusion import Sight, sight
from dualstack.gather.inside import Errand, Inside, inspections
from dualstack.gather.kube_api import Api
from dualstack.gather.port_forward import forwarded
from dualstack.model.address import join
from dualstack.model.evidence import Missing
from dualstack.model.glimpse import Glimpses, Way
from dualstack.model.question import Question
from dualstack.model.world import World
from dualstack.probe.outside import NotAllowed, Window, at_address, at_loopback, looks
from dualstack.probe.run import Options

Tell = Callable[[str], None]

_WINDOWS = 16
"""Ports of pods that are looked at from outside."""
_BY = {Way.ADDRESS: "the proxy of the API server", Way.LOOPBACK: "port-forward"}


def from_outside(api: Api, world: World, question: Question, seconds: float, tell: Tell) -> None:
    """Note what the exports show that can be made from outside. Raises Unreachable."""
    world.seen = _looked(api, world, question, seconds, tell)


def from_inside(api: Api, world: World, question: Question, allowed: Inside, seconds: float, tell: Tell) -> None:
    """Note what containers inside see, which are started for that and removed. Raises Unreachable."""
    errand = _errand(sight(world, question), world.namespace, seconds)
    world.inspections, gaps = inspections(api, allowed, errand, tell)
    world.gaps += gaps


def _looked(api: Api, world: World, question: Question, seconds: float, tell: Tell) -> Glimpses:
    """The exports that can be made from outside, to one pod of each kind; what is not allowed is a gap."""
    options, found = Options(seconds), []
    forward_port = partial(forwarded, api)
    refused = set[Way]()
    for way, window in looks(tuple(_windows(sight(world, question)))[:_WINDOWS]):
        if way in refused:
            continue
        tell(f"{window.protocol} port {window.port} of the {window.place}, by {_BY[way]} (exports without telemetry)")
        try:
            if way is Way.ADDRESS:
                found.append(at_address(window, api.through, options))
            else:
                found.append(at_loopback(window, forward_port, options))
        except (NotAllowed, OSError) as error:
            refused.add(way)
            world.gaps.append(Missing(f"exports by {_BY[way]}", str(error)))
    return Glimpses(tuple(x for x in found if x))


def _errand(seen: Sight, namespace: str, seconds: float) -> Errand:
    """One pod for each way in which the backends differ, every node, and the addresses that clients may use."""
    there = {x.name: x.pod for x in seen.places.values()}
    pods = dict.fromkeys(x.server for x in seen.traces.items if x.server in there)
    nodes = tuple(x.metadata.name for x in seen.cluster.nodes)
    targets = dict[str, None]()
    for trace in seen.traces.items:
        named = (trace.target.endpoint,) if trace.target.host.endswith(".svc") else ()
        for endpoint in named or (join(x, trace.target.port) for x in trace.addresses):
            targets[f"{trace.target.scheme}://{endpoint}"] = None
        pod = there.get(trace.server)
        for address in pod.addresses if pod else ():
            targets[f"{trace.target.scheme}://{join(address, trace.port)}"] = None
    return Errand(namespace, tuple(there[x] for x in pods), nodes, tuple(targets), seconds)


def _windows(seen: Sight) -> Iterator[Window]:
    """One pod for each way in which the backends of a flow differ."""
    there = {x.name: key for key, x in seen.places.items()}
    for trace in seen.traces.items:
        if trace.server in there and trace.arrives:
            yield Window(*there[trace.server], trace.server, trace.arrives, trace.protocol)
