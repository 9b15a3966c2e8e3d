"""Flows of which nobody knows how they end, where both ends say what is, or may be, amiss, and what to do."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model.cluster import Cluster
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.trace import Disposition, Hop, Status, Trace, Traces
from dualstack.reach.answers import CLIENT_CERTIFICATE
from dualstack.reach.arrival import LED_PAST
from dualstack.reach.certified import MISTRUSTED
from dualstack.reach.exports import clients
from dualstack.reach.garbled import FOREIGN, NAMING, SCHEME, SCHEMELESS, UNSPOKEN, WHOLE
from dualstack.reach.live import families_of, keys
from dualstack.reach.terms import BARE, BLANK, PARTLY, PROXIED, UNCERTIFIED, UNNAMED, UNSAID


class _Caution(NamedTuple):
    """Where a flow may end, by the mark of its hop; the hint may speak of the client's endpoint and host."""

    hop: Hop
    mark: str
    code: str
    summary: str
    hint: str
    severity: Severity = Severity.WARNING


_HEADER = "such as `authorization=Bearer%20TOKEN` (`headers` in a Collector's exporter)"
_SCHEME = "Write `http://{0.endpoint}`, or `https://{0.endpoint}` where the receiver takes TLS."
_CAUTIONS = (
    _Caution(
        *(Hop.ENDPOINT, BLANK, "DS119", "A blank ends the endpoint"),
        "Leave it out: in YAML with `|-` in the place of `|`.",
    ),
    _Caution(*(Hop.ENDPOINT, BARE, "DS119", "The endpoint has no scheme"), _SCHEME),
    _Caution(*(Hop.ENDPOINT, SCHEMELESS, "DS119", "The endpoint has no scheme"), _SCHEME, Severity.ERROR),
    _Caution(*(Hop.ENDPOINT, FOREIGN, "DS119", "The endpoint has another scheme"), SCHEME),
    _Caution(*(Hop.ENDPOINT, NAMING, "DS119", "The endpoint has a scheme of gRPC"), WHOLE, Severity.ERROR),
    _Caution(
        *(Hop.ENDPOINT, UNSPOKEN, "DS902", "This is no protocol of OTLP"),
        "Set `OTEL_EXPORTER_OTLP_PROTOCOL` to `grpc` or `http/protobuf`, as the receiver takes it on that port.",
    ),
    _Caution(
        *(Hop.LISTEN, LED_PAST, "DS202", "The proxy of the mesh does not lead to the loopback"),
        "Let the receiver listen on every address, `0.0.0.0`. Only a Sidecar of Istio with a `defaultEndpoint` leads to"
        " the loopback.",
    ),
    _Caution(
        *(Hop.HANDSHAKE, UNSAID, "DS902", "The endpoint says nothing of TLS"),
        "Write `http://` before it, or set `OTEL_EXPORTER_OTLP_INSECURE=true`, where the receiver has no TLS.",
    ),
    _Caution(
        *(Hop.HANDSHAKE, MISTRUSTED, "DS907", "Nothing tells the clients to trust the certificate"),
        "Give the authority's certificate to the clients, as a file that `OTEL_EXPORTER_OTLP_CERTIFICATE` names"
        " (`ca_file` in a Collector's exporter).",
    ),
    _Caution(*(Hop.HANDSHAKE, UNCERTIFIED, "DS908", "The receiver wants a certificate of clients"), CLIENT_CERTIFICATE),
    _Caution(
        *(Hop.EXPORT, UNNAMED, "DS904", "The receiver wants credentials"),
        f"Set `OTEL_EXPORTER_OTLP_HEADERS` to what its authenticator takes, {_HEADER}.",
    ),
    _Caution(
        *(Hop.EXPORT, PARTLY, "DS904", "A signal has no pipeline"),
        "Add the receiver to a pipeline of each, or let the clients not send them: `OTEL_METRICS_EXPORTER=none` and its"
        " like, or no exporter in such a pipeline of a Collector.",
    ),
    _Caution(
        *(Hop.ROUTE, PROXIED, "DS806", "A proxy gets what is for the cluster"),
        "Add `{0.host}` to `NO_PROXY` in the environment of the clients, or let the proxy know the way.",
    ),
)
_LEADING = "Sidecar"
_ANYBODY = Exporter("", "", "", "", "HOST:PORT")


def cautions(traces: Traces, exporters: Iterable[Exporter], cluster: Cluster) -> Iterator[tuple[str, Finding]]:
    """One finding, with the code of its rule, for each reason why clients fail, or may.

    A Sidecar of Istio may lead to the loopback what comes to a pod.
    """
    sent = clients(traces.items, exporters)
    known = {x.server for x in traces.items if x.accepted or (x.failing and x.failing.hop is Hop.LISTEN)}
    led = any(x.kind == _LEADING for x in cluster.mesh_rules)
    for each in _CAUTIONS:
        met = [(n, x) for n, x in enumerate(traces.items) if _is_met(each, x)]
        # What one way shows of a proxy holds for the others.
        left = [x for x in met if each.mark != LED_PAST or not (led or x[1].server in known)]
        open_ = [(sent.get(n, ()), x) for n, x in left]
        for why in dict.fromkeys(x.at(each.hop).why for _, x in open_):
            mine = [(by, x) for by, x in open_ if x.at(each.hop).why == why]
            yield each.code, _finding(each, [x for _, x in mine], [y for by, _ in mine for y in by])


def joined(found: Iterable[Finding], more: Iterable[Finding]) -> list[Finding]:
    """All of these; those of files that say the same as another get its flows, and it is told once."""
    every = list(found)
    for each in more:
        alike = [x for x in every if (x.code, x.summary) == (each.code, each.summary) and x.location]
        every = [replace(x, flows=(*x.flows, *each.flows)) if x in alike else x for x in every]
        every += [] if alike else [each]
    return every


def _is_met(caution: _Caution, trace: Trace) -> bool:
    hop = trace.at(caution.hop)
    unclear = trace.required and trace.disposition is Disposition.INSUFFICIENT_INFO
    return unclear and hop.status is Status.UNKNOWN and hop.mark == caution.mark


def _finding(caution: _Caution, flows: Sequence[Trace], brought: Sequence[Exporter]) -> Finding:
    why = flows[0].at(caution.hop).why
    evidence = tuple(dict.fromkeys(y for x in flows for y in x.at(caution.hop).evidence))
    said = {x.fact for x in evidence}
    told = [*(x for x in brought if x.says in said), *brought, _ANYBODY][0]
    return Finding(
        summary=caution.summary,
        detail=f"{why[:1].upper()}{why[1:]}.",
        hint=caution.hint.format(told),
        severity=caution.severity,
        confidence=Confidence.DECLARED,
        families=families_of(flows),
        evidence=evidence,
        flows=keys(flows),
        causes=(),
    )
