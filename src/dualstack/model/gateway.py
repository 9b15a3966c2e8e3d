"""Objects of the Gateway API, and of Envoy Gateway, that stand between clients and a Service."""

import msgspec

from dualstack.model.kube import Meta
from dualstack.model.source import Written


class Gate(msgspec.Struct, frozen=True):
    """A route, a Gateway, a GatewayClass or an EnvoyProxy.

    `leads` are the objects that it names towards the proxy, as kind and name; `backends` the Services and ports that a
    route sends to; `family` is the `ipFamily` of an EnvoyProxy.
    """

    meta: Meta
    leads: tuple[tuple[str, str], ...] = ()
    backends: tuple[tuple[str, str], ...] = ()
    family: Written | None = None


class Gates(msgspec.Struct, frozen=True):
    """Every such object in the files."""

    items: tuple[Gate, ...] = ()


class ChartFamilies(msgspec.Struct, frozen=True):
    """Families and policies that the values of the chart opentelemetry-collector ask for: field and text."""

    items: tuple[tuple[str, Written], ...] = ()
