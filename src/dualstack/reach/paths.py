"""What clients send that a receiver does not take, by what both say of themselves: paths of OTLP/HTTP, and signals.

OpenTelemetry specification, OTLP exporter, Endpoint URLs for OTLP/HTTP: the general variable is a base, to which the
path of the signal is added; the variable of a signal is used as it stands, with the root path where it has none. So
does the exporter of the Collector (exporter/otlphttpexporter 0.161, composeSignalURL).
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.pods import Place

PATH = "path"
"""Mark of the hop `export`: clients post to a path that the receiver does not serve."""
_UNPIPED = "unpiped:"
_OTLP = "OTEL_EXPORTER_OTLP_"


def astray(exporter: Exporter) -> str:
    """The path that a client posts to, where that is not the one that a receiver of OTLP/HTTP serves by default."""
    path = "/" + exporter.endpoint.partition("://")[2].partition("/")[2].partition("?")[0].strip("/")
    signal = _signal(exporter.variable)
    usual = f"/v1/{signal or next(iter(exporter.signals), 'traces')}"
    posted = path if signal else f"{path.rstrip('/')}{usual}"
    return "" if posted == usual else posted


def posted(trace: Trace, exporters: Sequence[Exporter], place: Place | None) -> Trace:
    """A trace; where its clients post to another path than the Collector at its end serves, it ends there."""
    ends = [x.endpoint for x in place.on(trace.port) if not x.bound.unknown] if place and not place.sidecar else []
    known = ends and all(x.component.startswith("receivers/otlp") and not x.moved for x in ends)
    lost = [(x, y) for x in exporters if (y := astray(x))] if known and trace.protocol is Protocol.HTTP else []
    if not lost or (trace.failing is not None and trace.failing.hop is not Hop.EXPORT):
        return trace
    said = tuple(Evidence(x.says, x.place, Layer.DECLARED) for x, _ in lost[:3])
    why = f"clients post to `{lost[0][1]}`, and the receiver serves `/v1/traces` and its like"
    stop = TracedHop(Hop.EXPORT, Status.FAIL, why, PATH, said)
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
    if end.mark != PATH:
        return None
    right = dict.fromkeys(f"`{x}={_right(x, y)}`" for x, _, y in (z.fact.partition("=") for z in end.evidence))
    rule = "an endpoint of one signal is used as it stands, with its path"
    if not all(_signal(x.fact.partition("=")[0]) for x in end.evidence):
        rule = "it is a base, to which the path of each signal is added"
    return "Clients post to another path", said, f"Set {' and '.join(right)}: {rule}."


def _right(variable: str, endpoint: str) -> str:
    """An endpoint as a variable should say it for a receiver of the usual paths."""
    scheme, _, rest = endpoint.partition("://")
    signal = _signal(variable)
    return f"{scheme}://{rest.partition('/')[0]}{f'/v1/{signal}' if signal else ''}"


def _signal(variable: str) -> str:
    """The signal that a variable, or a field of an exporter of the Collector, is for; empty where it is for all."""
    name = variable.rpartition(".")[2].upper().removeprefix(_OTLP)
    return name.removesuffix("ENDPOINT").strip("_").lower()
