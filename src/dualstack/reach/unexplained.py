"""Flows that do not work and of which no rule has anything to say: their own reason is told, under the nearest rule."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import BOTH, TITLES, Family, Target
from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Layer
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop, Traces
from dualstack.reach.dialled import UNDIALLED, WITHOUT
from dualstack.reach.garbled import FOREIGN, LISTED, NAMING, SCHEME, SCHEMELESS, UNSPOKEN, WHOLE
from dualstack.reach.live import by_service, families_of, keys, receives_on
from dualstack.reach.pods import Places
from dualstack.reach.slice_writers import leading_to
from dualstack.reach.trace import IN_FRONT, NOTHING
from dualstack.reach.unbracketed import bracketed

_NEAREST = {
    Hop.ENDPOINT: ("DS101", "Correct the endpoint that clients are told."),
    Hop.RESOLVE: ("DS408", "Look the name up where the client runs, with `getent ahosts NAME`."),
    Hop.SELECT: ("DS404", "Send to a name with addresses of a family that clients dial and can reach."),
    Hop.ROUTE: ("DS305", "Look at the routes of the nodes that the clients run on, with `ip route` and `ip -6 route`."),
    Hop.POLICY: ("DS702", "Look for NetworkPolicies, and run `nft list ruleset` on the nodes at both ends."),
    Hop.SERVICE: ("DS508", "Compare the ports and addresses of the Service with what clients use."),
    Hop.ENDPOINTS: ("DS507", "Look at the EndpointSlices of the Service, and at why its pods are not ready."),
    Hop.POD: ("DS507", "Look at the state of the pods and at the log of their containers."),
    Hop.HOST: ("DS306", "Look at the addresses inside the pod; `--inspect` shows them."),
    Hop.LISTEN: ("DS211", "Look at the sockets inside the pod; `--inspect` shows them."),
    Hop.HANDSHAKE: ("DS905", "Check which protocol the port is for, and whether it takes TLS."),
    Hop.EXPORT: ("DS904", "Look at the log of the receiver for what it rejects."),
}
"""The rule that a reader is sent to and what to do, by the hop at which a flow ends."""
_DIAL = "Remove `-Djava.net.preferIPv4Stack=true`"
_NAME = "send to a name that has an IPv4 address"
_ENDPOINTS = {
    "DS102": (
        "DS102",
        "A variable holds several addresses",
        "Fill it from `status.hostIP`, which is one address, in the place of `status.hostIPs`; and so for `podIPs`.",
    ),
    LISTED: (
        "DS119",
        "The endpoint is a list of several",
        "Write one, such as `{1}`. To send to several, let the client send to a Collector that does.",
    ),
    SCHEMELESS: (
        "DS119",
        "The endpoint has no scheme",
        "Write `http://{0.text}`, or `https://{0.text}` where the receiver takes TLS.",
    ),
    FOREIGN: ("DS119", "The endpoint has another scheme", SCHEME),
    NAMING: ("DS119", "The endpoint has a scheme of gRPC", WHOLE),
    UNSPOKEN: (
        "DS902",
        "This is no protocol of OTLP",
        "Set `OTEL_EXPORTER_OTLP_PROTOCOL` to `grpc` or `http/protobuf`, as the receiver takes it on that port.",
    ),
}
"""The nearest rule, summary and hint of endpoints that are no address, by the mark; the hint may speak of the target.

Other marks are the rule itself.
"""
_SILENT, _LED = "DS906", "DS508"


def unexplained(
    traces: Traces, found: Iterable[Finding], cluster: Cluster, places: Places | None = None
) -> Iterator[tuple[str, Finding]]:
    """One finding, with its code, for each reason of flows that no error among what was `found` speaks of.

    An error that names no flows, such as one of a file, may be about any.
    """
    errors = [x for x in found if x.severity is Severity.ERROR]
    told = {y for x in errors for y in x.flows}
    wide = {y for x in errors if not x.flows for y in x.families or BOTH}
    alike: dict[tuple[str, Hop, str], list[Trace]] = {}
    silent = (x for x in traces.broken if x.key not in told and x.family not in wide)
    for trace, end in ((x, y) for x in silent if (y := x.failing)):
        alike.setdefault((_nearest(trace, end), end.hop, _why(end, trace.family)), []).append(trace)
    for (code, hop, why), flows in alike.items():
        said = _finding(hop, why, flows)
        if hop is Hop.SELECT and code == UNDIALLED:
            said = replace(
                said,
                summary="The JVM of the client leaves out the family",
                hint=f"{_DIAL}." if why.endswith(WITHOUT) else f"{_DIAL}, or {_NAME}.",
            )
        if hop is Hop.LISTEN and {x.at(hop).mark for x in flows} == {NOTHING}:
            ports = " or ".join(dict.fromkeys(str(x.port) for x in flows))
            hint = f"Send to a port that it listens on, or let a receiver listen on {ports}."
            said = replace(said, summary=f"Nothing listens on port {ports}", hint=hint)
        if hop is Hop.ENDPOINT and code in _ENDPOINTS:
            rule, summary, hint = _ENDPOINTS[code]
            yield rule, replace(said, summary=summary, hint=hint.format(flows[0].target, _first(flows[0].target)))
            continue
        if code == "DS101" and (mend := _in_brackets(flows, cluster)):
            said = replace(said, summary="IPv6 address without brackets", hint=mend)
        if mend := _led_on(flows[0], places):
            yield code, replace(said, summary="The host port leads to a closed port", hint=mend)
            continue
        yield code, replace(said, hint=_by_hand(hop, flows[0], cluster) or said.hint)


def _first(target: Target) -> str:
    """The first endpoint of a list."""
    return target.text.partition(",")[0].rstrip("/ ")


def _in_brackets(flows: Sequence[Trace], cluster: Cluster) -> str:
    """What to do about an endpoint that lacks brackets around a variable; empty for others.

    Those of another family, that the same text is for some pods, take none (RFC 3986 section 3.2.2).
    """
    texts = {x.target.text for x in flows}
    known = [x for x in cluster.exporters if not x.held]
    told = next((x.written for x in known if x.endpoint.strip() in texts), "")
    meant = bracketed(told)[0]
    others = [x for x in known if x.written == told and x.endpoint.strip() not in texts]
    where = "; for the pods whose address is IPv4 that is wrong, and a name is right for all" if others else ""
    return f"Send to `{meant}`{where}." if meant else ""


def _led_on(trace: Trace, places: Places | None) -> str:
    """What to do about a host port that leads to a port of the pod where nobody listens; empty of other flows."""
    place, outside = places.named(trace.server) if places else None, trace.target.port
    every = [y for x in place.pod.spec.containers or () for y in x.ports or ()] if place else []
    led = any((x.host_port, x.container_port) == (outside, trace.port) for x in every)
    meant = receives_on(trace, places) if led else 0
    said = f"Write `containerPort: {meant}` beside `hostPort: {outside}`, in the place of {trace.port}"
    return f"{said}: there the pod takes {TITLES[trace.protocol]}." if meant else ""


def _by_hand(hop: Hop, trace: Trace, cluster: Cluster) -> str:
    """What to do where endpoints lead out of sight: to no pod that the Service selects; empty where they do not.

    What stands in front of Services may answer by itself.
    """
    before = trace.at(Hop.ENDPOINTS)
    if before.mark == IN_FRONT and hop is Hop.EXPORT:
        return "See where the Ingress or the Gateway leads this host and path: the answer need not be the receiver's."
    if trace.server or before.status is not Status.PASS or hop not in (Hop.LISTEN, Hop.HANDSHAKE):
        return ""
    led = (y for x, _ in by_service(cluster, (trace,)) for y in leading_to(cluster, x, before.why))
    who = " and ".join(dict.fromkeys(led))
    return f"See what takes connections at {before.why.removeprefix('ready: ')}, where {who} leads." if who else ""


def _nearest(trace: Trace, end: TracedHop) -> str:
    led = end.hop is Hop.LISTEN and trace.at(Hop.SERVICE).status is Status.PASS
    if end.hop is Hop.ENDPOINT or end.mark == UNDIALLED:  # the mark is the code of what is wrong
        return end.mark or _NEAREST[end.hop][0]
    return _SILENT if trace.disposition is Disposition.TIMED_OUT else _LED if led else _NEAREST[end.hop][0]


def _why(end: TracedHop, family: Family) -> str:
    """The reason without the family, which flows of one reason may differ in."""
    said = end.why or "it ends there"
    return said.replace(f" {family.title}", "").replace(f"{family.title} ", "")


def _finding(hop: Hop, why: str, flows: Sequence[Trace]) -> Finding:
    families = families_of(flows)
    which = " and ".join(dict.fromkeys(x.target.endpoint for x in flows))
    over = f" over {families[0].title}" if len(families) == 1 else ""
    evidence = tuple(dict.fromkeys(y for x in flows for y in x.at(hop).evidence))
    read = bool(evidence) and all(x.layer is Layer.DECLARED for x in evidence)
    return Finding(
        summary=f"Exports end at the hop {hop}{over}",
        detail=f"Of {which}: {why}.",
        hint=_NEAREST[hop][1],
        families=families,
        confidence=Confidence.DECLARED if read else Confidence.OBSERVED,
        evidence=evidence,
        flows=keys(flows),
        causes=(),
    )
