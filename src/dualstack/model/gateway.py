"""What stands between clients and a Service: Ingresses, and objects of the Gateway API and of Envoy Gateway."""

import msgspec

from dualstack.model.kube import Meta
from dualstack.model.source import Written

INGRESS = "Ingress"
ROUTES = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")
PROXIES = ("Gateway", "GatewayClass", "EnvoyProxy")
"""Those that say nothing of telemetry themselves."""
KINDS = (INGRESS, *ROUTES, *PROXIES)


class Way(msgspec.Struct, frozen=True):
    """One way through a route or an Ingress to a port of a Service.

    `port` is the number or, in an Ingress, the name of a port of the Service, None where nothing is said. `hosts` are
    the names that clients use, `*.` in front of all below one; any name where there are none. `path` is empty where
    every request takes this way. `narrow` says that it is taken by what else a request has, such as a header, and
    `rewritten` that a filter may lead it on with another path.
    """

    service: Written
    port: Written | None = None
    namespace: str = ""
    hosts: tuple[str, ...] = ()
    path: str = ""
    narrow: bool = False
    rewritten: bool = False


class Gate(msgspec.Struct, frozen=True):
    """An Ingress, a route, a Gateway, a GatewayClass or an EnvoyProxy.

    `leads` are the objects that it names towards the proxy, as kind and name; `ways` those that it opens; `family` is
    the `ipFamily` of an EnvoyProxy. Of a Gateway `hosts` and `ports` are those that it listens for and on.
    """

    meta: Meta
    leads: tuple[tuple[str, str], ...] = ()
    ways: tuple[Way, ...] = ()
    family: Written | None = None
    hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()

    def named(self, kind: str) -> str:
        """The first object of a kind that it names; empty for none."""
        return next((name for each, name in self.leads if each == kind), "")


class Gates(msgspec.Struct, frozen=True):
    """Every such object in the files."""

    items: tuple[Gate, ...] = ()


class ChartFamilies(msgspec.Struct, frozen=True):
    """Families and policies that the values of the chart opentelemetry-collector ask for: field and text."""

    items: tuple[tuple[str, Written], ...] = ()
