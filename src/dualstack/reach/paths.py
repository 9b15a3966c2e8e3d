"""The paths that clients of OTLP/HTTP post to.

OpenTelemetry specification, OTLP exporter, Endpoint URLs for OTLP/HTTP: the general variable is a base, to which the
path of the signal is added; the variable of a signal is used as it stands, with the root path where it has none.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.pods import Place

PATH = "path"
"""Mark of the hop `export`: clients post to a path that the receiver does not serve."""
_OTLP = "OTEL_EXPORTER_OTLP_"


def astray(exporter: Exporter) -> str:
    """The path that a client posts to, where that is not the one that a receiver of OTLP/HTTP serves by default."""
    path = "/" + exporter.endpoint.partition("://")[2].partition("/")[2].partition("?")[0].strip("/")
    signal = exporter.variable.removeprefix(_OTLP).removesuffix("ENDPOINT").strip("_").lower()
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
    said = tuple(Evidence(f"{x.variable}={x.endpoint}", x.place, Layer.DECLARED) for x, _ in lost[:3])
    why = f"clients post to `{lost[0][1]}`, and the receiver serves `/v1/traces` and its like"
    stop = TracedHop(Hop.EXPORT, Status.FAIL, why, PATH, said)
    hops = tuple(stop if x.hop is Hop.EXPORT else x for x in trace.hops)
    return replace(trace, hops=hops, disposition=Disposition.REJECTED, signals=())
