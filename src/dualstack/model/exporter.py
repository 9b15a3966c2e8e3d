"""Clients of a cluster: pods whose environment says where their SDK exports to."""

import re

import msgspec

from dualstack.model.address import OTLP_PORTS, Family, Protocol, Target, canonical, is_address
from dualstack.model.patterns import pattern

NODES = 100
"""Nodes of pods that export alike that are kept; where there are so many, they may be on more."""
ABROAD = "svc.clusterset.local"
"""The end of names that Services of a set of clusters have (Multi-Cluster Services API, KEP-1645)."""
_IN_CLUSTER = pattern(rf"(?P<name>[a-z0-9-]+)(?:\.(?P<namespace>[a-z0-9-]+)(?:\.(?!{ABROAD}\.?$)svc(?:\..+)?)?)?\.?")
"""Kubernetes DNS specification 1.1 section 2.3, with what the search list of a pod adds."""
_AUTHORITY = pattern(
    r"(?!(?:dns|passthrough|xds)://[^/])(?:[a-z]+://|(?:dns|passthrough):///)?(?:[^/?#@]*@)?"
    r"(?P<host>\[[^\]]+\]|[^/:]+)(?::(?P<port>\d+))?(?:/|$)",
    re.IGNORECASE,
)
"""A URL, or a target of gRPC (grpc/doc/naming.md) that names no server to ask for the name: some SDKs send to that."""

_USER = pattern(r"(?<=://)[^/?#\s`]*@|^[^/?#:\s]+:[^/?#\s]*@")
"""Who somebody is to a server, and the password (RFC 3986 section 3.2.1)."""

_PROTOCOLS = {"grpc": Protocol.GRPC, "http/protobuf": Protocol.HTTP, "http/json": Protocol.HTTP}
"""OpenTelemetry specification, OTLP exporter configuration: OTEL_EXPORTER_OTLP_PROTOCOL."""


def anonymous(text: str) -> str:
    """A text in which nobody's name and password stand before the host of a URL."""
    return _USER.sub("***@", text) if "@" in text else text


class Asking(msgspec.Struct, frozen=True):
    """The pods whose way is asked about: what made them, their namespace, and their names.

    Where none runs, it is the way of a pod that would be made: `template` names what has its template (`Job/load`).
    """

    owner: str
    namespace: str
    pods: tuple[str, ...] = ()
    template: str = ""


class Exporter(msgspec.Struct, frozen=True):
    """Pods of one owner that export alike.

    `owner` is what made them (`Deployment shop`), `pod` one of them, `pods` their number; where none is there it is
    of one that would be made, which has no name. `variable` says the `endpoint`, with its variables filled in as for
    that pod; `written` is its text where that is another one. `protocol` is empty where neither the environment nor the
    version of an agent says it. `signals`, `tls`, `credentials`, `may` and `trusts` are what `reach/brings.py` says of
    the environment. `families` are those of their addresses; with `host_network` these are the node's. `container` is
    the one that has the variable, and `held` says what holds a value that nobody here may read (`Secret otel`); the
    endpoint is then as it is written, if it is. `proxy` is the variable by which clients that heed it send to a proxy
    instead. `labels` are those of that pod, and `nodes` are some that such pods are on. Of a Collector or another agent
    that sends on, `variable` is the field of its configuration (`exporters.otlp.endpoint`). `by` and `protocol_by` are
    what says the endpoint and the protocol in the place of the usual variable:
    `JAVA_TOOL_OPTIONS: -Dotel.exporter.otlp.endpoint`.
    With `java` the Java agent of OpenTelemetry exports. Names and passwords in an endpoint are left out. `verifies`
    says whether it looks at the certificate of the server, and `server_name` is the name that it wants there in the
    place of the host. `tls_held` says why nobody can tell whether it sends over TLS, where a variable decides. Where
    each pod sends to a host of its own, `each` says what that is to it, and `hosts` are some, with the nodes that they
    are of. `addresses` are those of all these pods, none where they are many. `asks` is what an annotation asks the
    Operator for: `true`, or the name of an Instrumentation.
    """

    namespace: str
    owner: str
    pod: str
    variable: str
    endpoint: str
    protocol: str = ""
    families: tuple[Family, ...] = ()
    host_network: bool = False
    pods: int = 1
    written: str = ""
    signals: tuple[str, ...] = ()
    tls: bool | None = None
    credentials: tuple[str, ...] = ()
    container: str = ""
    held: str = ""
    proxy: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    may: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    trusts: bool = False
    by: str = ""
    protocol_by: str = ""
    verifies: bool = True
    server_name: str = ""
    java: bool = False
    tls_held: str = ""
    each: str = ""
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    asks: str = ""

    def __post_init__(self) -> None:
        """Leave out who a client is to a server."""
        for name in ("endpoint", "written"):
            msgspec.structs.force_setattr(self, name, anonymous(getattr(self, name)))

    @property
    def says(self) -> str:
        """The endpoint as it is told: `NAME=VALUE`."""
        return f"{self.by or self.variable}={self.endpoint}"

    @property
    def configured(self) -> bool:
        """Whether a configuration says the endpoint, as that of a Collector, and no variable."""
        return "." in self.variable

    def made_by(self, *, ambiguous: bool) -> str:
        """Its owner, with the namespace where the name alone may be that of another one."""
        kind, _, name = self.owner.partition(" ")
        return f"{kind} {self.namespace}/{name}" if ambiguous else self.owner

    @property
    def place(self) -> str:
        """The pod, or what would make one where none is there."""
        return f"pod {self.pod}" if self.pod else self.owner

    @property
    def host(self) -> str:
        """The host of the endpoint, without brackets; empty where a variable leaves it open, or it cannot be read.

        A variable that is not there stays as it is written: `$(COLLECTOR)`. Of an address it is the one spelling.
        """
        found = _AUTHORITY.match(self.endpoint.strip())
        said = found["host"].strip("[]") if found and not self.held else ""
        return canonical(said) if is_address(said) else said

    @property
    def certified(self) -> str:
        """The name or address that the certificate of the server has to be for."""
        return self.server_name or self.host

    @property
    def service(self) -> tuple[str, str] | None:
        """The namespace and name of the Service that the host would be; None where it can be none.

        A name of two labels may be a host outside of the cluster as well.
        """
        found = _IN_CLUSTER.fullmatch(self.host.lower())
        return (found["namespace"] or self.namespace, found["name"]) if found else None

    @property
    def certain(self) -> bool:
        """Whether the host can be nothing but a Service: a name of one label, or one that ends in `svc`."""
        labels = self.host.lower().rstrip(".").split(".")
        return self.service is not None and (len(labels) == 1 or labels[2:3] == ["svc"]) and self.host != "localhost"

    @property
    def target(self) -> Target | None:
        """Where it sends; None where that is not known."""
        found = _AUTHORITY.match(self.endpoint.strip())
        if not self.host or not found:
            return None
        tls = self.endpoint.strip().lower().startswith("https:") if self.tls is None else self.tls
        port = int(found["port"] or (443 if tls else 80))
        spoken = _PROTOCOLS.get(self.protocol) or OTLP_PORTS.get(port, Protocol.HTTP)
        return Target(self.endpoint.strip(), self.host, port, spoken, tls) if 0 < port < 65536 else None

    @property
    def unspoken(self) -> bool:
        """Whether the environment says a protocol that is none of OTLP."""
        return bool(self.protocol) and self.protocol not in _PROTOCOLS

    @property
    def literal(self) -> bool:
        """Whether the host is an address."""
        return is_address(self.host)
