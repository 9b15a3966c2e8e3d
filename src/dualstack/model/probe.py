"""Connections and exports that this tool made, as results."""

import enum

import msgspec

from dualstack.model.address import Protocol, join


class Outcome(enum.StrEnum):
    """How one probe ended. Everything before `ACCEPTED` is a stage that failed, in the order of the stages."""

    REFUSED = "refused"  # ECONNREFUSED: a reset answered the SYN
    TIMED_OUT = "timed_out"  # nothing answered the SYN
    NO_ROUTE = "no_route"  # ENETUNREACH, EHOSTUNREACH before a packet left
    UNREACHABLE = "unreachable"  # EHOSTUNREACH, or an ICMP error from the way
    DENIED = "denied"  # EACCES, EPERM, or an ICMP error that filters send: a local or remote one said so
    NO_SOURCE = "no_source"  # EADDRNOTAVAIL: this host has no address to send from
    FAMILY_ABSENT = "family_absent"  # EAFNOSUPPORT: this kernel has no such family
    BAD_ADDRESS = "bad_address"  # EINVAL: a link-local address without a zone
    TLS_NOT_SPOKEN = "tls_not_spoken"  # the peer answered a ClientHello with something else
    TLS_REFUSED = "tls_refused"  # an alert, such as one that asks for a client certificate
    TLS_UNTRUSTED = "tls_untrusted"  # the chain leads to no trusted authority, or is out of date
    TLS_NAME_MISMATCH = "tls_name_mismatch"  # the certificate does not hold the name or address
    TLS_STALLED = "tls_stalled"  # the handshake gets no answer unless in small segments: the path takes no larger ones
    TLS_EXPECTED = "tls_expected"  # a plaintext request met a TLS server
    SILENT = "silent"  # accepted the connection and sent nothing until the time was up
    CLOSED = "closed"  # closed or reset the connection without an answer
    GARBAGE = "garbage"  # bytes that are neither HTTP/1 nor HTTP/2
    ENDLESS = "endless"  # kept sending without ever finishing an answer
    HTTP1_SPOKEN = "http1_spoken"  # an answer in HTTP/1, or of OTLP/HTTP, to a gRPC request
    HTTP2_SPOKEN = "http2_spoken"  # an HTTP/2 answer to an HTTP/1 request
    NOT_OTLP = "not_otlp"  # a well-formed answer of something that is no OTLP receiver
    UNPROVED = "unproved"  # a success that is no answer of OTLP, and that the server gives to any path
    REJECTED = "rejected"  # an OTLP answer that says no
    LARGE_LOST = "large_lost"  # an empty export is taken and a larger one is not even acknowledged
    LARGE_STALLED = "large_stalled"  # the same, and in small segments it arrives: the path takes no larger ones
    ACCEPTED = "accepted"  # the export was taken
    CONNECTED = "connected"  # for protocol tcp: the handshake is all that was asked
    CANCELLED = "cancelled"  # interrupted by the user


class Options(msgspec.Struct, frozen=True):
    """How to probe: TLS files, headers that go with every export, and seconds for each probe.

    The larger export that follows an accepted one has the same time again. Who took a request has longer to answer it
    (`probe/stages.py`), and an error of the way has half a second more to arrive.
    """

    seconds: float = 3.0
    ca_file: str = ""
    cert: str = ""
    key: str = ""
    insecure: bool = False
    headers: tuple[tuple[str, str], ...] = ()


class Stage(msgspec.Struct, frozen=True):
    """One step of a probe: `connect`, `tls`, `export`, `large`; an errno name or reason where it failed; its time."""

    name: str
    ok: bool
    milliseconds: float
    reason: str = ""


class Larger(msgspec.Struct, frozen=True):
    """How an export of 12 KiB on a second connection ended, where it was not accepted as the empty one was."""

    outcome: Outcome
    status: str = ""
    detail: str = ""


class Certificate(msgspec.Struct, frozen=True):
    """What the server's certificate says: the names and addresses in its subjectAltName, and its end."""

    subject: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    not_after: str = ""
    issuer: str = ""


class ProbeTask(msgspec.Struct, frozen=True):
    """One probe to make. `host` is the name for `:authority`, Host and SNI; `address` what is dialled."""

    address: str
    port: int
    protocol: Protocol
    host: str
    tls: bool = False
    path: str = ""

    @property
    def endpoint(self) -> str:
        """What is dialled, as `host:port`."""
        return join(self.address, self.port)


class ProbeResult(msgspec.Struct, frozen=True):
    """How a probe ended.

    `status` is the answer in its protocol's words (`grpc-status 12`, `HTTP 404`); `detail` what the peer or the
    system said, control characters escaped and cut to 200 characters; `signals` those of traces, metrics and logs that
    were accepted, `server` the peer's `server` header, and `larger` what became of more than an empty export.
    """

    task: ProbeTask
    outcome: Outcome
    stages: tuple[Stage, ...] = ()
    status: str = ""
    detail: str = ""
    alpn: str = ""
    server: str = ""
    signals: tuple[str, ...] = ()
    certificate: Certificate | None = None
    larger: Larger | None = None


class Probes(msgspec.Struct, frozen=True):
    """The results of every probe that was made; `left_out` says in sentences which were not, for their number."""

    items: tuple[ProbeResult, ...] = ()
    left_out: tuple[str, ...] = ()

    def of(self, address: str, port: int, protocol: Protocol) -> ProbeResult | None:
        """The result for one address, port and protocol."""
        wanted = (address, port, protocol)
        return next((x for x in self.items if (x.task.address, x.task.port, x.task.protocol) == wanted), None)
