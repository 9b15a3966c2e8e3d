"""The proxies of service meshes in pods, and what they do with each family."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import Family, family
from dualstack.model.cluster import Pod
from dualstack.model.container import Container
from dualstack.model.glimpse import Glimpses, Way
from dualstack.model.host import Namespace
from dualstack.model.probe import Outcome
from dualstack.model.sockets import Listener
from dualstack.reach.bind import accepts

ONLY, SKIPS = "traffic.sidecar.istio.io/includeInboundPorts", "traffic.sidecar.istio.io/excludeInboundPorts"
"""The annotations of pods that say which ports are led to the proxy of Istio, and which are not."""
_ISTIO, _MADE_BY = "Istio", ("istio-init", "istio-validation")


class Ports(msgspec.Struct, frozen=True):
    """Ports that alone are led to a proxy, or all but those that it `skips`."""

    only: tuple[int, ...] | None = None
    skips: tuple[int, ...] = ()


class Sidecar(msgspec.Struct, frozen=True):
    """The proxy of a mesh in a pod.

    `led` are the families that the packet filter leads to it, and `deaf` those of them for which it has no socket; of
    meshes that do not say which these are, it is all. `said` is what says so, empty where nothing does.
    `passes` says that what is not led to it goes round it for certain, `alone` that nothing is behind it in the pod.
    `leads_on` says that it was seen to connect elsewhere than to the address that clients ask for, as a Sidecar of
    Istio with a `defaultEndpoint` makes it; `connects` says that by itself it does not. `health` is the port where the
    kubelet asks it, 0 where that is not known. `forwards` is the family to which it leads clients. `ports` say what is
    led to it: all that each of them leads.
    """

    container: str
    mesh: str
    led: tuple[Family, ...]
    deaf: tuple[Family, ...] = ()
    said: str = ""
    passes: bool = False
    alone: bool = False
    leads_on: bool = False
    connects: bool = False
    health: int = 0
    forwards: Family | None = None
    ports: tuple[Ports, ...] = ()

    def leads(self, port: int) -> bool:
        """Whether connections to a port of the pod may be led to it."""
        return all(port not in x.skips if x.only is None else port in x.only for x in self.ports)

    @property
    def takes(self) -> tuple[Family, ...]:
        """The families that it takes."""
        return tuple(x for x in self.led if x not in self.deaf)


def together(pod: Pod) -> list[Container]:
    """The containers that run together: an init container that is restarted always is one of them (KEP-753)."""
    beside = [x for x in pod.spec.init_containers or () if x.restart_policy == "Always"]
    return [*(pod.spec.containers or ()), *beside]


def sidecar(pod: Pod) -> Sidecar | None:
    """The proxy in a pod; None where there is none."""
    rows = {x["container"]: x for x in table("meshes")}
    found = next((x for x in together(pod) if x.name in rows), None)
    if found is None:
        return None
    row = rows[found.name]
    led, said = _led(pod, found, row) if row["switch"] else (pod.families, "")
    both = said and len(led) == len(pod.families)
    return Sidecar(
        found.name,
        row["mesh"],
        led,
        said=said,
        passes=bool(row["past"]),
        alone=len(together(pod)) == 1,
        connects=bool(row["connects"]),
        health=int(row["health"] or 0),
        forwards=Family(row["forwards"]) if row["forwards"] and both else None,
        ports=_past(pod) if row["mesh"] == _ISTIO else (),
    )


def _past(pod: Pod) -> tuple[Ports, ...]:
    """What says which ports are led to the proxy of Istio: the words of what made the redirection, and annotations.

    Those words are made of the annotations (istio 1.31, pkg/kube/inject and tools/istio-iptables/pkg/capture).
    """
    words = next((x.args or [] for x in pod.spec.init_containers or () if x.name in _MADE_BY), [])
    given, noted = dict(pairwise(words)), pod.metadata.annotations or {}
    said = ((given.get("-b"), given.get("-d")), (noted.get(ONLY), noted.get(SKIPS)))
    return tuple(_ports("*" if only is None else only, skips or "") for only, skips in said)


def _ports(only: str, skips: str) -> Ports:
    """The ports that are led, and those that are not where all others are; what cannot be read is led."""
    return Ports(None, _numbers(skips) or ()) if only.strip() == "*" else Ports(_numbers(only))


def _numbers(text: str) -> tuple[int, ...] | None:
    """The ports of a list; None where it has something else in it."""
    said = [x.strip() for x in text.split(",") if x.strip()]
    return tuple(map(int, said)) if all(map(str.isdecimal, said)) else None


def looked_at(found: Sidecar | None, pod: Pod, seen: Glimpses) -> Sidecar | None:
    """A proxy with what exports tell: one through it was taken at an address that refuses who goes round it."""
    mine = [x for x in seen.items if x.place == pod.place and x.address in ("", *pod.addresses[:1])]
    taken = {x.port for x in mine if x.way is Way.ADDRESS and x.outcome is Outcome.ACCEPTED}
    refused = {x.port for x in mine if x.way is Way.INSIDE and x.outcome is Outcome.REFUSED}
    return msgspec.structs.replace(found, leads_on=bool(taken & refused)) if found else None


def seen_in(found: Sidecar, pod: Pod, sockets: Sequence[Listener], space: Namespace) -> Sidecar:
    """A proxy with what the sockets of its pod tell: who is led to a port where nobody listens is refused."""
    port = next(x["listens"] for x in table("meshes") if x["container"] == found.container)
    mine = [x for x in sockets if str(x.port) == port]
    taken = {family(y) for x in mine for y in pod.addresses if accepts(x, y, space)}
    deaf = tuple(x for x in found.led if x not in taken) if mine else ()
    return msgspec.structs.replace(found, deaf=deaf)


def _led(pod: Pod, container: Container, row: Mapping[str, str]) -> tuple[tuple[Family, ...], str]:
    """The families that are led to a proxy by its variable, and what that says; all and nothing where nobody knows."""
    held = next((x for x in container.env or () if x.name == row["switch"]), None)
    if held and held.value_from:
        return pod.families, ""
    value = (held.value if held else None) or ""
    said = f"{row['switch']}={value}" if held else f"{row['switch']} is not set"
    if re.fullmatch(row["on"], value):
        return pod.families, said
    first = Family(row["off"])
    return ((first,) if first in pod.families else pod.families), said
