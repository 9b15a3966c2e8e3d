"""What the peers of failed flows answered, and who they are."""

from collections.abc import Collection, Iterator

import msgspec

from dualstack.model.address import OTLP_PORTS, TITLES, Protocol, Target
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.probe import Larger, Outcome, ProbeResult, Probes
from dualstack.model.sockets import Listener, Listeners, Process
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.arrival import OUTSIDE
from dualstack.reach.blame import is_loopback
from dualstack.reach.certificate_names import holds, names_of
from dualstack.reach.client import connects
from dualstack.reach.dial import ACCEPTED
from dualstack.reach.spoken import FIELD
from dualstack.reach.start import declared_on
from dualstack.reach.trace import comes_home

SIGNALS = ("traces", "metrics", "logs")
"""What a probe asks for: the first, then the others where that one is not served."""
CLIENT_CERTIFICATE = (
    "Give the clients a certificate by the authority in the receiver's `client_ca_file`, as files that"
    " `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE` and `OTEL_EXPORTER_OTLP_CLIENT_KEY` name (`cert_file` and `key_file` in a"
    " Collector's exporter)."
)
"""What to do where a receiver wants to know who its clients are."""


def ended(traces: Traces, probes: Probes, outcomes: Collection[Outcome]) -> Iterator[tuple[Trace, ProbeResult]]:
    """The required flows that a probe ended in one of these ways, each with the first such result.

    The addresses of one trace fared alike, so one result speaks for all.
    """
    for trace in traces.broken:
        found = (
            probes.of(x, trace.target.port, trace.protocol) for x in (() if _is_of_mesh(trace) else trace.addresses)
        )
        result = next((x for x in found if x and x.outcome in outcomes), None)
        if result:
            yield trace, result


def _is_of_mesh(trace: Trace) -> bool:
    """Whether the proxy of a mesh answered: for a receiver that it does not reach, or a client that it turns away."""
    end = trace.failing
    return end is not None and (end.hop is Hop.LISTEN or end.mark == OUTSIDE)


def doubted(traces: Traces, probes: Probes) -> Iterator[tuple[Trace, ProbeResult]]:
    """The flows of which an export was refused for its signal alone, and nobody says what clients send."""
    for trace in traces.items:
        end = trace.at(Hop.EXPORT)
        if trace.required and trace.signals and (end.status, end.mark) == (Status.UNKNOWN, Outcome.REJECTED):
            found = (probes.of(x, trace.target.port, trace.protocol) for x in trace.addresses)
            yield from ((trace, x) for x in list(filter(None, found))[:1])


def differing(traces: Traces, probes: Probes) -> Iterator[tuple[Trace, ProbeResult, Larger]]:
    """The flows that took an empty export and not a larger one, each with the first result that says so, and how."""
    for trace in traces.items:
        found = (probes.of(x, trace.target.port, trace.protocol) for x in trace.addresses if trace.accepted)
        yield from [(trace, x, x.larger) for x in found if x and x.larger and trace.required][:1]


def unpiped(trace: Trace, result: ProbeResult, declared: Declared | None) -> DeclaredEndpoint | None:
    """The receiver of a flow whose configuration has it in no pipeline of traces, where its answer fits that.

    The Collector serves no path and no service for a signal without a pipeline (otlpreceiver otlp.go).
    """
    found = declared_on(declared, trace.port)
    unserved = result.status == "HTTP 404" or "UNIMPLEMENTED" in result.status
    return found if found and unserved and found.signals and SIGNALS[0] not in found.signals else None


def elsewhere(traces: Traces, trace: Trace) -> tuple[Trace, ...]:
    """The flows of the same target, over either family, that a listener answers."""
    mine = (x for x in traces.items if x.target == trace.target and x is not trace)
    return tuple(x for x in mine if connects(x) == ACCEPTED)


def deserted(traces: Traces) -> Iterator[tuple[Trace, tuple[Trace, ...]]]:
    """The required flows to an address that a name hands out and nobody answers at, with the flows to others that do.

    That `localhost` has two families is no promise, and neither has a name of this host itself.
    """
    for trace in traces.broken:
        others = elsewhere(traces, trace)
        named = not trace.target.literal and not trace.target.addresses
        if not named or not others or connects(trace) in (None, ACCEPTED):
            continue
        own = is_loopback(trace.addresses[0]) and not comes_home(traces, trace)
        if not own or any(x.family is trace.family for x in others):
            yield trace, others


def url(target: Target, protocol: Protocol | None = None, *, tls: bool | None = None, port: int = 0) -> str:
    """The target as a URL of this tool, with another protocol, with or without TLS, or with another port."""
    changed = msgspec.structs.replace(
        target,
        protocol=protocol or target.protocol,
        tls=target.tls if tls is None else tls,
        port=port or target.port,
    )
    return f"{changed.scheme}://{changed.endpoint}"


def listening(trace: Trace, listeners: Listeners | None) -> tuple[Listener, ...]:
    """The sockets in sight on the port of a flow."""
    return listeners.on(trace.server, trace.port) if listeners else ()


def holder(trace: Trace, listeners: Listeners | None) -> str:
    """The name of the process whose socket is on the port of a flow, empty where it is out of sight."""
    return next((x.processes[0].name for x in listening(trace, listeners) if x.processes), "")


def stopped(trace: Trace, listeners: Listeners | None) -> Process | None:
    """A process whose socket is on the port of a flow while nobody runs who could take connections from it."""
    held = (x.processes for x in listening(trace, listeners))
    return next((x[0] for x in held if x and all(y.stopped for y in x)), None)


_ASKED = "pods of "
"""How the vantage of clients begins whose endpoints are known, and with these whether they use TLS."""


def crossed(trace: Trace, result: ProbeResult, other: str = "") -> tuple[str, str, str]:
    """Summary, detail and hint for a flow that was answered in another protocol than the client speaks.

    `other` says where else it can send, as the end of a sentence, where more is known than the ports that OTLP has.
    """
    target = trace.target
    port = target.port
    more = twice = ""
    met = trace
    if result.task.tls and not target.tls and trace.vantage.startswith(_ASKED):
        met = msgspec.structs.replace(trace, target=msgspec.structs.replace(target, tls=True))
        twice = " It takes TLS alone, and the client speaks without."
        more = f", and send to {_secured(trace, result, _OTHER[trace.protocol])}"
    match result.outcome:
        case Outcome.TLS_NOT_SPOKEN:
            detail = "The client begins a TLS handshake, and the server answers without TLS."
            others = "or give the receiver a `tls` section, which all of its clients then speak"
            hint = f"{_without_tls(trace)}, {others}."
            return f"Port {port} does not speak TLS", detail, hint
        case Outcome.TLS_EXPECTED:
            detail = "The client speaks without TLS, and the server takes TLS alone."
            hint = f"Send to {_secured(trace, result)}."
            return f"Port {port} expects TLS", detail, hint
        case Outcome.HTTP2_SPOKEN:
            detail = "The answer to an HTTP/1 request is HTTP/2, as gRPC servers speak it. The connection itself works."
            hint = f"{_by(trace, Protocol.GRPC)}{more}"
            if not is_of_sdk(trace):
                hint = f"Test gRPC exporters, which write `{url(target)}` too, with `{url(target, Protocol.GRPC)}`"
            return f"Port {port} speaks gRPC, not HTTP/1", f"{detail}{twice}", f"{hint}{_other(met, other)}."
        case Outcome.TLS_REFUSED if target.protocol is Protocol.HTTP:
            detail = (
                "The TLS handshake offers HTTP/1.1, and the server wants another protocol (ALPN): HTTP/2, as gRPC does."
            )
            hint = f"{_by(trace, Protocol.GRPC)}{_other(trace, other)}."
            return f"Port {port} takes no HTTP/1.1", detail, hint
        case Outcome.TLS_REFUSED:
            detail = "The TLS handshake offers HTTP/2, as gRPC needs it, and the server wants another protocol (ALPN)."
            hint = f"{_by(trace, Protocol.HTTP)}{_other(trace, other)}."
            return f"Port {port} takes no HTTP/2", detail, hint
        case _:
            detail = "The answer to a gRPC request is HTTP/1 or OTLP/HTTP. The connection itself works."
            hint = f"{_by(trace, Protocol.HTTP)}{more}{_other(met, other)}."
            return f"Port {port} speaks HTTP, not gRPC", f"{detail}{twice}", hint


_SPOKEN = {Protocol.GRPC: "grpc", Protocol.HTTP: "http/protobuf"}
"""Values of OTEL_EXPORTER_OTLP_PROTOCOL (OpenTelemetry specification, OTLP exporter configuration)."""
_EXPORTERS = {Protocol.GRPC: "otlp", Protocol.HTTP: "otlphttp"}
_OTHER = {Protocol.GRPC: Protocol.HTTP, Protocol.HTTP: Protocol.GRPC}


def is_of_sdk(trace: Trace) -> bool:
    """Whether clients say where they send by the variables of SDKs, as pods do, and not in the words of this tool."""
    return trace.vantage.startswith("pods")


def _is_bare(trace: Trace, protocol: Protocol | None = None) -> bool:
    """Whether clients write a target without a scheme: the fields of agents for gRPC take `host:port`.

    Telegraf speaks OTLP/HTTP to what has one (plugins/outputs/opentelemetry/opentelemetry.go Connect).
    """
    spoken = protocol or trace.target.protocol
    return spoken is Protocol.GRPC and trace.at(Hop.ENDPOINT).mark.startswith(FIELD)


def sent_to(trace: Trace, protocol: Protocol | None = None, *, tls: bool | None = None, port: int = 0) -> str:
    """A target as a client writes it: the endpoint of an SDK has the scheme of HTTP, whatever is spoken there."""
    named = msgspec.structs.replace(trace.target, host=trace.asked or trace.target.host)
    found = url(named, protocol, tls=tls, port=port)
    scheme, _, rest = found.partition("://")
    if _is_bare(trace, protocol):
        return rest
    return f"{'https' if scheme.endswith('s') else 'http'}://{rest}" if is_of_sdk(trace) else found


def _without_tls(trace: Trace) -> str:
    """How to speak without TLS to the same port: of schemes the Collector's exporter of gRPC heeds `https` alone.

    Collector configgrpc README, `endpoint` and `tls`; Grafana Alloy has the same exporter.
    """
    said = {x.fact.partition("=")[0] for x in trace.at(Hop.HANDSHAKE).evidence}
    # Of the clients of a Service their own words tell, where all of them have the same.
    own = trace.at(Hop.ENDPOINT).mark.removeprefix(FIELD) or (said.pop() if len(said) == 1 else "")
    section, grpc = own.rpartition(".")[0], trace.protocol is Protocol.GRPC
    if grpc and own.startswith(("exporters.otlp", "otelcol.exporter.otlp")):
        wins = any("=https://" in x.fact for x in trace.at(Hop.HANDSHAKE).evidence)
        first = f"Take `https://` out of `{own}`: it wins over `tls`. Then set" if wins else "Set"
        return f"{first} `{section}.tls.insecure` to `true`"
    flag = " (a Collector's exporter also needs `tls: {insecure: true}`)" if grpc else ""
    return f"Send to `{sent_to(trace, tls=False)}`{' without TLS' if _is_bare(trace) else flag}"


def _secured(trace: Trace, result: ProbeResult, protocol: Protocol | None = None) -> str:
    """The same port over TLS, for what speaks this protocol, with what that may need."""
    trust = "`--ca-file`"
    if is_of_sdk(trace):
        where = "`OTEL_EXPORTER_OTLP_CERTIFICATE` (`ca_file` in a Collector's exporter)"
        trust = f"the authority's certificate in {where}"
    over = " over TLS" * _is_bare(trace, protocol)
    return f"`{sent_to(_named(trace, result), protocol, tls=True)}`{over}, with {trust} if needed"


def _named(trace: Trace, result: ProbeResult) -> Trace:
    """A flow as clients may ask for its host: in a form that the certificate holds, where it lacks the usual one."""
    host, held = trace.asked or trace.target.host, result.certificate
    fit = [x for x in (host, *names_of(trace)) if held and holds(held, x)]
    return msgspec.structs.replace(trace, asked=next(iter(fit), trace.asked))


def _by(trace: Trace, protocol: Protocol) -> str:
    """How to speak another protocol to the same port."""
    if is_of_sdk(trace):
        by = trace.at(Hop.ENDPOINT).mark or "OTEL_EXPORTER_OTLP_PROTOCOL"
        if by.startswith(FIELD):
            own = by.removeprefix(FIELD)
            named = f"the exporter `{_EXPORTERS[protocol]}`" if own.startswith("exporters.") else "an exporter"
            return f"Use {named} of {TITLES[protocol]} in the place of `{own}`"
        named = f"`{by}={_SPOKEN[protocol]}`"
        return f"Set {named} (the exporter `{_EXPORTERS[protocol]}` in a Collector)"
    end = url(trace.target, protocol)
    return f"Use an HTTP exporter with `{end}`" if protocol is Protocol.HTTP else f"Send gRPC to `{end}`"


def _other(trace: Trace, known: str) -> str:
    """The port where a client finds what it speaks: the one that is `known`, or that OTLP has for it."""
    if known:
        return f", or {known}"
    port = usual(trace.protocol)
    said = f", or send {TITLES[trace.protocol]} to `{sent_to(trace, port=port)}`"
    return said if trace.target.port != port else ""


def usual(protocol: Protocol) -> int:
    """The port that OTLP has for a transport."""
    return next(k for k, v in OTLP_PORTS.items() if v is protocol)
