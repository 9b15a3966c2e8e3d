"""The endpoints that a Collector configuration declares."""

from collections.abc import Mapping

import msgspec

from dualstack.model.address import Protocol
from dualstack.model.sockets import Runtime, Transport
from dualstack.model.source import Location, Room, Written

TEMPO = "distributor"
"""The field of Grafana Tempo's configuration that has receivers of the Collector (modules/distributor/config.go)."""


class DeclaredEndpoint(msgspec.Struct, frozen=True):
    """One address that a component of a configuration listens on.

    `component` is the path of the component (`receivers/otlp`), `field` that of the value inside the configuration
    (`receivers.otlp.protocols.grpc.endpoint`). `text` is the value as written, `value` with variables expanded;
    both are empty where the field is left out and `default` holds what the component uses then. `problem` says why the
    value cannot be taken as it stands, and `cause` is the rule that speaks of it, where one does. `network` is the
    network string that the component hands to Go (`tcp`, `tcp4`, `udp`, …), `call` how (`listen` for net.Listen and
    ListenPacket, `resolve` for ResolveUDPAddr with ListenUDP). `protocol` is what clients speak there. `written` is the
    address in the file, `pinned` the transport; `vacant` is where the address would be written. `runtime` is what
    binds, a word of `knowledge/bind.table`: that of the Collector, or of another agent, whose product `component`
    names. `tls` says whether it speaks that, None where nobody here knows, as where a variable stands for that section.
    `host_ignored` says that the component listens on every address, whatever host is written, `host_apart` that its
    port is another field, `room` is where a transport can be written that is not there. `signals` are those whose
    pipelines a receiver is in, empty where nobody says, and `pipelines` is where these are. `paths` are those that it
    takes traces, metrics and logs at, empty where they are those of OTLP/HTTP. `assumed` says that its address is that
    of the newest version, while others have another one and nobody says which runs. `otlp` says whether it takes OTLP
    over its protocol, None where nobody knows, and `wants` what clients have to bring, in the words of
    `reach/brings.py`, and it `trusts` an authority that it names, or anybody. `inside` names the variable or the
    argument of a container that it stands in, and `given` a variable that it is made of and what holds that, which was
    not read. `within` is the field of another program's configuration that has the component, as that of Grafana Tempo.
    """

    component: str
    field: str
    text: str
    value: str
    default: str
    network: str
    call: str
    transport: Transport
    protocol: Protocol
    tls: bool | None = False
    location: Location | None = None
    problem: str = ""
    cause: str = ""
    written: Written | None = None
    pinned: Written | None = None
    vacant: Room | None = None
    runtime: str = Runtime.GO
    host_ignored: bool = False
    host_apart: bool = False
    room: Room | None = None
    signals: tuple[str, ...] = ()
    pipelines: Location | None = None
    paths: tuple[str, ...] = ("", "", "")
    assumed: bool = False
    otlp: bool | None = None
    wants: tuple[str, ...] = ()
    inside: str = ""
    given: str = ""
    within: str = ""

    def inside_of(self, field: str) -> "DeclaredEndpoint":
        """The same in a configuration that has the Collector's in a field; as it is where that is empty."""
        return msgspec.structs.replace(self, field=f"{field}.{self.field}", within=field) if field else self

    @property
    def moved(self) -> bool:
        """Whether it takes other paths than those of OTLP/HTTP."""
        return any(self.paths)

    @property
    def program(self) -> str:
        """What listens there, in words."""
        named = "the Collector" if "/" in self.component else self.component
        return "Tempo" if self.within == TEMPO else named

    @property
    def local_since(self) -> str:
        """The version of the program since which what is left out is local (grafana/tempo CHANGELOG, 2.7.0)."""
        return "2.7" if self.within == TEMPO else "0.104"

    @property
    def effective(self) -> str:
        """The address string that the component binds."""
        return self.value or self.default


class Destination(msgspec.Struct, frozen=True):
    """An address that something sends to, or scrapes.

    `owner` is who does it (`exporters/otlp`, `Deployment shop`), `field` where that is said. `form` is how the text is
    read: `url`, `grpc` (a target of gRPC: `host:port` with or without a scheme), `hostport` or `host`. `value` has the
    variables filled in, and `unset` are those without a value. `client` is the runtime that dials. Of a Collector's
    exporter of `otlp`, `signals` are those whose pipelines it is in, empty where nobody says, and `brings` are its
    credentials, in the words of `reach/brings.py`. Of its `tls` it has these texts as they are written, variables and
    all: `insecure` (the reference that stands for the whole section, where one does), the `authority` that it trusts,
    `unverified` (`insecure_skip_verify`), and `server_name`, which the certificate has to be for in the place of the
    host. `by` is what says it in the place of that field, such as a property of a JVM. `since` is the version of the
    program, by its image, from which on it is known to speak this `protocol`.
    """

    owner: str
    field: str
    written: Written
    value: str
    form: str
    protocol: Protocol
    client: str = ""
    unset: tuple[str, ...] = ()
    otlp: bool = False
    signals: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()
    insecure: str = ""
    authority: str = ""
    unverified: str = ""
    server_name: str = ""
    by: str = ""
    since: str = ""


BY_API = "resolver.k8s.service"
"""The field of a loadbalancing exporter that names the Service whose pods the API server is asked for."""


class Balancer(msgspec.Struct, frozen=True):
    """A resolver of the loadbalancing exporter: `kind` is `k8s`, `dns` or `static`, `name` the Service or the name.

    `by_host` says that it asks for the names of the pods and not for their addresses. `sent` is what goes to the pods
    of a Service that the API server is asked for; the other kinds look names up, as any destination.
    """

    component: str
    kind: str
    name: Written
    by_host: bool = False
    sent: Destination | None = None


class Expression(msgspec.Struct, frozen=True):
    """A regular expression of Prometheus that is held against labels, joined by a separator; one is an address."""

    written: Written
    labels: tuple[str, ...]
    separator: str = ";"


class Holder(msgspec.Struct, frozen=True):
    """What holds a configuration: a ConfigMap and the key in it, the resource of the Operator, values, or a file.

    `name` is the path of a file, and for values that path with the line.
    """

    kind: str
    namespace: str
    name: str
    key: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """What a Collector refuses of a configuration: the place, its words, and what to do.

    `whole` says that it does where nothing else is merged into the configuration.
    """

    at: Location
    said: str
    mend: str
    whole: bool = False


class Declared(msgspec.Struct, frozen=True):
    """What one configuration says of addresses, and the Collector version it is read for, empty where that is open.

    `endpoints` are those that it listens on, `destinations` those that it sends to or scrapes, `expressions` the
    regular expressions for addresses. `whole` says that it names what runs together, of a Collector in a section
    `service`. `unread` are the texts of components, by name, of which nobody here knows whether they listen. `parts`
    are the holders of what is merged in it, where it is several texts. `refused` is what keeps a Collector from
    starting with it, `idle` are the endpoints of components that it has and does not use.
    """

    endpoints: tuple[DeclaredEndpoint, ...] = ()
    version: str = ""
    file: str = ""
    destinations: tuple[Destination, ...] = ()
    expressions: tuple[Expression, ...] = ()
    balancers: tuple[Balancer, ...] = ()
    holder: Holder | None = None
    at: Location | None = None
    whole: bool = True
    unread: Mapping[str, str] = {}
    parts: tuple[Holder, ...] = ()
    refused: tuple[Refusal, ...] = ()
    idle: tuple[DeclaredEndpoint, ...] = ()
