"""What Istio demands of those who come to pods, as an API server holds it: the fields that decide, and nothing else.

Field names and meanings are those of security.istio.io/v1 and networking.istio.io/v1.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from dualstack.model.netpol import LabelSelector
from dualstack.model.slim import ObjectMeta, Slim


class Mtls(Slim, frozen=True):
    """`mode` is STRICT, PERMISSIVE or DISABLE; UNSET or empty is what the wider policy says."""

    mode: str = ""


class PeerSpec(Slim, frozen=True):
    """Which pods are meant, all of the namespace without a selector, and what is demanded on which of their ports."""

    selector: LabelSelector = LabelSelector()
    mtls: Mtls = Mtls()
    port_level_mtls: Mapping[str, Mtls] | None = None


class PeerAuthentication(Slim, frozen=True):
    """A PeerAuthentication."""

    metadata: ObjectMeta
    spec: PeerSpec = PeerSpec()

    @property
    def wide(self) -> bool:
        """Whether it is for the whole namespace."""
        return self.spec.selector == LabelSelector()

    def mode(self, port: int) -> str:
        """What it says of a port of pods; empty where it leaves that to a wider one."""
        said = ((self.spec.port_level_mtls or {}).get(str(port), Mtls()).mode, self.spec.mtls.mode)
        return next((x for x in said if x not in ("", "UNSET")), "")


MESH_RULES = {
    "AuthorizationPolicy": "security.istio.io",
    "DestinationRule": "networking.istio.io",
    "Sidecar": "networking.istio.io",
    "ServiceEntry": "networking.istio.io",
}
"""What else decides in the proxies of a mesh, by its API group; it counts where what was stored has it."""


class Source(Slim, frozen=True):
    """Who is meant: those of namespaces, or service accounts as `DOMAIN/ns/NAMESPACE/sa/NAME`, with `*` at an end."""

    namespaces: list[str] | None = None
    principals: list[str] | None = None


class From(Slim, frozen=True):
    """One of those who are meant."""

    source: Source = Source()


class Access(Slim, frozen=True):
    """A rule of an AuthorizationPolicy, by whom it is for: everybody where it names none."""

    from_: list[From] | None = msgspec.field(name="from", default=None)


class TrafficPolicy(Slim, frozen=True):
    """How the proxies of clients connect: over TLS by its `mode`, or as ports of their own say."""

    tls: Mtls = Mtls()
    port_level_settings: list[Any] | None = None


class MeshSpec(Slim, frozen=True):
    """Whom such an object is for: pods that a `selector` chooses, or what clients ask for by a `host`.

    An AuthorizationPolicy with `target_refs` is for proxies beside the pods. Without `rules` it lets nobody in.
    """

    selector: LabelSelector = LabelSelector()
    host: str = ""
    action: str = ""
    rules: list[Access] | None = None
    target_ref: dict[str, Any] | None = None
    target_refs: list[Any] | None = None
    traffic_policy: TrafficPolicy = TrafficPolicy()
    workload_selector: dict[str, Any] | None = None
    export_to: list[str] | None = None


class MeshRule(Slim, frozen=True):
    """One of these objects."""

    kind: str
    metadata: ObjectMeta
    spec: MeshSpec = MeshSpec()
