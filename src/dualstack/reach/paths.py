"""What clients send that a receiver does not take, by what both say of themselves: paths of OTLP/HTTP, and signals.

OpenTelemetry specification, OTLP exporter, Endpoint URLs for OTLP/HTTP: the general variable is a base, to which the
path of the signal is added; the variable of a signal is used as it stands, with the root path where it has none. So
does the exporter of the Collector (exporter/otlphttpexporter 0.161, composeSignalURL).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.brings import SIGNALS
from dualstack.reach.garbled import is_naming
from dualstack.reach.pods import Place

PATH = "path"
"""Mark of the hop `export`: clients post to a path that the receiver does not serve."""
UNSTRIPPED = "front-path"
"""Mark of the hop `export`: what stands in front leads requests on with a prefix that the receiver does not serve."""
_UNPIPED = "unpiped:"
KEPT_OUT, ENCRYPTED, UNSECURED = "mesh-policy", "mesh-tls", "mesh-plain"
"""Marks of the hop `export`: the proxy of the receiver lets others in alone, and that of the client sends TLS, or none.
"""
_IN_MESHES: Mapping[str, tuple[str, str]] = {
    KEPT_OUT: ("An AuthorizationPolicy refuses these clients", "Add their namespace to {0}."),
    ENCRYPTED: (
        "A DestinationRule encrypts what is taken as plain text",
        "Set `tls.mode: DISABLE` there for this host, or let the pods of the receiver have the proxy.",
    ),
    UNSECURED: (
        "A DestinationRule switches the demanded mTLS off",
        "Take `tls.mode: DISABLE` out of it for this host, or let the receiver take plain text (`PERMISSIVE`).",
    ),
}
"""Summaries and hints for these; `{0}` is what decides."""
_ISTIO, _INJECTED = "Istio", "security.istio.io/tlsMode"
"""A mesh whose proxy leaves the path as it is, and the label of pods that have it (istio 1.31, pkg/kube/inject)."""
_AT = " are taken at "
_RECEIVER = "receivers/otlp"
_OTLP = "OTEL_EXPORTER_OTLP_"
_STRIP = (
    "Let it take `{0}` off, as `rewrite-target` of ingress-nginx does, or a `URLRewrite` filter of a route; or set "
    "`traces_url_path: {0}/v1/traces` at the receiver, and so for other signals."
)


def base(end: DeclaredEndpoint) -> str:
    """What stands before `/v1/traces` where a receiver takes traces; empty where nothing does, or nobody can say."""
    before, usual, rest = _served(end)[SIGNALS[0]].rpartition(f"/v1/{SIGNALS[0]}")
    return before if usual and not rest and _is_plain(end) else ""


def served_at(end: DeclaredEndpoint) -> tuple[str, ...]:
    """The paths that a receiver of OTLP takes signals at; none where nobody can say."""
    known = end.component.startswith(_RECEIVER) and _is_plain(end)
    return tuple(_served(end).values()) if known else ()


def _served(end: DeclaredEndpoint) -> dict[str, str]:
    """The paths that a receiver takes signals at (otlpreceiver config.go, sanitizeURLPath, puts the slash before)."""
    said = dict(zip(SIGNALS, end.paths, strict=True))
    return {k: f"/{v.lstrip('/')}" if v else f"/v1/{k}" for k, v in said.items()}


def _is_plain(end: DeclaredEndpoint) -> bool:
    """Whether all paths are known: a variable without a value leaves one open."""
    return not any("$" in x for x in end.paths)


def _posts(exporter: Exporter) -> dict[str, str]:
    """The paths that a client posts what it sends for certain to, by signal; none of a target of gRPC."""
    if is_naming(exporter.endpoint):
        return {}
    path = "/" + exporter.endpoint.strip().partition("://")[2].partition("/")[2].partition("?")[0].strip("/")
    signal = _signal(exporter.variable)
    every = (signal,) if signal else exporter.signals or exporter.may[:1] or SIGNALS[:1]
    return {x: path if signal else f"{path.rstrip('/')}/v1/{x}" for x in every}


def is_usual(exporter: Exporter) -> bool:
    """Whether a client posts traces, as an export of this tool does, to the path that is usual for them."""
    return f"/v1/{SIGNALS[0]}" in _posts(exporter).values()


def posted(trace: Trace, exporters: Sequence[Exporter], place: Place | None) -> Trace:
    """A trace; where its clients post to another path than the Collector at its end serves, it ends there."""
    proxy = place.proxy(trace.port) if place else None
    passed = proxy is None or (proxy.mesh == _ISTIO and not any(_INJECTED in dict(x.labels) for x in exporters))
    ends = [x.endpoint for x in place.on(trace.port) if not x.bound.unknown] if place and passed else []
    known = ends and all(x.component.startswith(_RECEIVER) and _is_plain(x) for x in ends)
    if not known or trace.protocol is not Protocol.HTTP:
        return trace
    served = _served(ends[0])
    lost = [(x, s, path) for x in exporters for s, path in _posts(x).items() if path != served.get(s, path)]
    if not lost or (trace.failing is not None and trace.failing.hop is not Hop.EXPORT):
        return trace
    said = dict.fromkeys(Evidence(x.says, x.place, Layer.DECLARED) for x, _, _ in lost[:3])
    _, signal, path = lost[0]
    usual = "/v1/traces` and its like" if not ends[0].moved else f"{served[signal]}`"
    facts = (Evidence(f"{k}{_AT}{v}", ends[0].component, Layer.DECLARED) for k, v in served.items() if ends[0].moved)
    why = f"clients post to `{path}`, and the receiver serves `{usual}"
    stop = TracedHop(Hop.EXPORT, Status.FAIL, why, PATH, (*said, *facts))
    hops = tuple(stop if x.hop is Hop.EXPORT else x for x in trace.hops)
    return replace(trace, hops=hops, disposition=Disposition.REJECTED, signals=())


def unpiped(signals: Iterable[str]) -> str:
    """Mark of the hop `export`: clients send these signals, of which the receiver has no pipeline."""
    return _UNPIPED + "+".join(signals)


def without(signals: Iterable[str]) -> str:
    """Why such a flow ends."""
    return f"the receiver has no pipeline of {' and '.join(signals)}, which its clients send"


def unmet(end: TracedHop) -> tuple[str, str, str] | None:
    """Summary, detail and hint for a flow that ends so by what both ends say; None for another one."""
    said = f"{end.why[:1].upper()}{end.why[1:]}."
    if end.mark.startswith(_UNPIPED):
        signals = " and ".join(end.mark.removeprefix(_UNPIPED).split("+"))
        return "A signal has no pipeline", said, f"Add the receiver to a pipeline of {signals}."
    if end.mark == UNSTRIPPED:
        path = end.evidence[0].fact
        return "The path is left in the requests", said, _STRIP.format(path)
    if end.mark in _IN_MESHES:
        summary, hint = _IN_MESHES[end.mark]
        return summary, said, hint.format(end.evidence[0].source)
    if end.mark != PATH:
        return None
    served = dict(x.fact.split(_AT) for x in end.evidence if _AT in x.fact) or {x: f"/v1/{x}" for x in SIGNALS}
    clients = [x.fact.partition("=") for x in end.evidence if _AT not in x.fact]
    right = dict.fromkeys(f"`{y}`" for x, _, where in clients for y in _right(x, where, served))
    rule = "an endpoint of one signal is used as it stands, with its path"
    if any(not _signal(x.strip("`").partition("=")[0]) for x in right):
        rule = "it is a base, to which the path of each signal is added"
    return "Clients post to another path", said, f"Set {' and '.join(right)}: {rule}."


def _right(variable: str, endpoint: str, served: Mapping[str, str]) -> Iterator[str]:
    """How a client should say where it sends: by the same variable, or by one for each signal without a common base."""
    scheme, _, rest = endpoint.strip().partition("://")
    host, signal = f"{scheme}://{rest.partition('/')[0]}", _signal(variable)
    bases = {v.removesuffix(f"/v1/{k}") for k, v in served.items()}
    if signal:
        yield f"{variable}={host}{served[signal]}"
    elif len(bases) == 1:
        yield f"{variable}={host}{bases.pop()}"
    else:
        before, name = variable[: -len("endpoint")], variable[-len("endpoint") :]
        yield from (f"{before}{x.upper() if name.isupper() else x}_{name}={host}{v}" for x, v in served.items())


def _signal(variable: str) -> str:
    """The signal that a variable, or a field of an exporter of the Collector, is for; empty where it is for all."""
    name = variable.rpartition(".")[2].upper().removeprefix(_OTLP)
    return name.removesuffix("ENDPOINT").strip("_").lower()
