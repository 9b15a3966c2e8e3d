"""What stands in front of a Service for clients from outside, as an API server holds it: addresses and conditions.

Field names and meanings are those of the Kubernetes API reference 1.34 and of Gateway API 1.4.
"""

from collections.abc import Iterable

from dualstack.model.slim import Condition, ObjectMeta, Slim

FRONTS = ("Ingress", "HTTPRoute", "GRPCRoute", "Gateway")
"""Kinds of what stands in front of Services."""


class Ingress(Slim, frozen=True):
    """One way in through a load balancer; `ip_mode` is VIP where nodes get what is sent to the address itself."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str = ""


class LoadBalancer(Slim, frozen=True):
    """What a load balancer was given."""

    ingress: list[Ingress] | None = None


class GatewayAddress(Slim, frozen=True):
    """One address of a Gateway, an IP address or a host name."""

    value: str = ""


class ParentRef(Slim, frozen=True):
    """What a route is attached to; no section is all listeners."""

    kind: str = "Gateway"
    name: str = ""
    namespace: str = ""
    section_name: str = ""


class RouteParent(Slim, frozen=True):
    """What the controller of a Gateway says of a route."""

    parent_ref: ParentRef = ParentRef()
    controller_name: str = ""
    conditions: list[Condition] | None = None


class FrontListener(Slim, frozen=True):
    """A listener of a Gateway."""

    name: str = ""
    port: int = 0
    protocol: str = ""


class ListenerStatus(Slim, frozen=True):
    """What became of a listener of a Gateway."""

    name: str = ""
    conditions: list[Condition] | None = None


class FrontTLS(Slim, frozen=True):
    """The names for which an Ingress has a certificate."""

    hosts: list[str] | None = None


class FrontSpec(Slim, frozen=True):
    """What is asked of an Ingress (`tls`), a route (`parent_refs`) or a Gateway (`listeners`)."""

    tls: list[FrontTLS] | None = None
    parent_refs: list[ParentRef] | None = None
    listeners: list[FrontListener] | None = None


class FrontStatus(Slim, frozen=True):
    """What became of an Ingress (`load_balancer`), a route (`parents`) or a Gateway (the others)."""

    load_balancer: LoadBalancer | None = None
    parents: list[RouteParent] | None = None
    addresses: list[GatewayAddress] | None = None
    conditions: list[Condition] | None = None
    listeners: list[ListenerStatus] | None = None


class Front(Slim, frozen=True):
    """An Ingress, a route or a Gateway."""

    kind: str
    metadata: ObjectMeta
    spec: FrontSpec = FrontSpec()
    status: FrontStatus = FrontStatus()

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the others."""
        return self.kind, self.metadata.namespace, self.metadata.name

    @property
    def published(self) -> tuple[str, ...]:
        """The addresses and the host names at which clients find an Ingress or a Gateway, as far as its status says."""
        balancer = self.status.load_balancer
        held = [x.ip or x.hostname for x in (balancer.ingress if balancer else None) or ()]
        return tuple(filter(None, (*held, *(x.value for x in self.status.addresses or ()))))

    def denied(self, conditions: Iterable[Condition] | None, *wanted: str) -> Condition | None:
        """A condition of one of these types that is False of the object as it is now, and not as it was before."""
        found = (x for x in conditions or () if x.type in wanted and x.status == "False")
        return next((x for x in found if (x.observed_generation or 0) >= (self.metadata.generation or 0)), None)
