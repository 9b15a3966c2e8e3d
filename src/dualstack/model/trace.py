"""The way of one flow, hop by hop."""

import enum

import msgspec

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.evidence import Evidence


class Hop(enum.StrEnum):
    """The stations of a flow, in order."""

    ENDPOINT = "endpoint"
    RESOLVE = "resolve"
    SELECT = "select"
    ROUTE = "route"
    POLICY = "policy"
    SERVICE = "service"
    ENDPOINTS = "endpoints"
    POD = "pod"
    HOST = "host"
    LISTEN = "listen"
    HANDSHAKE = "handshake"
    EXPORT = "export"


class Status(enum.StrEnum):
    """What is known of a hop."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not applicable"


class Disposition(enum.StrEnum):
    """What became of a flow."""

    ACCEPTED = "accepted"
    UNPARSABLE = "unparsable"
    NO_ADDRESS = "no_address"
    NOT_TRIED = "not_tried"
    NO_ROUTE = "no_route"
    DENIED = "denied"
    NO_ENDPOINT = "no_endpoint"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    HANDSHAKE_FAILED = "handshake_failed"
    REJECTED = "rejected"
    INSUFFICIENT_INFO = "insufficient_info"


class TracedHop(msgspec.Struct, frozen=True):
    """One hop with the facts that say so. `why` is a sentence part; `mark` the short form for the one-line trace."""

    hop: Hop
    status: Status
    why: str = ""
    mark: str = ""
    evidence: tuple[Evidence, ...] = ()


class Trace(msgspec.Struct, frozen=True):
    """The way of one flow: client place, target, protocol, family, and the addresses that fared alike.

    `addresses` is empty where the name has none of this family. `server` is the place that holds the addresses, empty
    where that is out of sight. `signals` are those that the receiver takes while it rejects the one asked for.
    `arrives` is the port there, where something on the way leads to another than the target's. In a cluster `nodes` are
    those of the clients, or those whose address is asked, and `servers` all the places that stand behind the addresses.
    `through` is the name of the Service that something in front of it leads to, empty where clients come by themselves.
    `asked` is the name or the address that clients write, where they mean the target by another name.
    """

    vantage: str
    target: Target
    protocol: Protocol
    family: Family
    addresses: tuple[str, ...]
    hops: tuple[TracedHop, ...]
    disposition: Disposition
    required: bool = True
    server: str = ""
    signals: tuple[str, ...] = ()
    arrives: int = 0
    nodes: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    through: str = ""
    asked: str = ""

    @property
    def port(self) -> int:
        """The port that a server of this flow listens on."""
        return self.arrives or self.target.port

    @property
    def key(self) -> str:
        """What tells this trace from the others of a diagnosis."""
        name = f"{self.asked}>" if self.asked else ""
        way = f"{name}{self.target.endpoint}/{self.protocol}/{self.family}/{','.join(self.addresses)}"
        return f"{self.vantage}/{way}/{self.server}"

    def at(self, hop: Hop) -> TracedHop:
        """One hop of the way."""
        return next(x for x in self.hops if x.hop is hop)

    @property
    def failing(self) -> TracedHop | None:
        """The first hop that fails."""
        return next((x for x in self.hops if x.status is Status.FAIL), None)

    @property
    def failed(self) -> bool:
        """Whether the flow is known not to work."""
        return self.disposition not in (Disposition.ACCEPTED, Disposition.INSUFFICIENT_INFO)

    @property
    def accepted(self) -> bool:
        """Whether an export over this flow was taken."""
        return self.disposition is Disposition.ACCEPTED


class Traces(msgspec.Struct, frozen=True):
    """Every trace of a question, in the order of its targets, protocols and families."""

    items: tuple[Trace, ...] = ()

    @property
    def broken(self) -> tuple[Trace, ...]:
        """The required flows that do not work."""
        return tuple(x for x in self.items if x.required and x.failed)

    def sibling(self, trace: Trace) -> tuple[Trace, ...]:
        """The same target and protocol in the other family."""
        return tuple(x for x in self.items if x.target == trace.target and x.family is not trace.family)
