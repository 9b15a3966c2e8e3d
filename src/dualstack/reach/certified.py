"""The certificate of a receiver against what its clients ask for.

Exports from inside of a cluster are made without a look at the certificate, for nobody knows whom clients trust. The
names that it holds, and its end, need no authority.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Skipped
from dualstack.model.glimpse import Glimpses
from dualstack.model.inspection import Crossing
from dualstack.model.probe import Certificate, Outcome, ProbeResult, ProbeTask
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.certificate_names import holds, names_of
from dualstack.reach.crossed import export_of
from dualstack.reach.exports import clients
from dualstack.reach.outcomes import MEANINGS
from dualstack.reach.pods import Places

_ORDER = tuple(Hop)
MISTRUSTED = "mistrusted"
"""Mark of the hop `handshake`: nothing says that clients trust who vouches for the certificate."""
_SECONDS = len("2026-01-31T00:00:00")


class Shown(NamedTuple):
    """A certificate that was met, and how; `name` is what a client's own export asked for (SNI), empty for others."""

    certificate: Certificate
    source: str
    name: str = ""


class Sent(NamedTuple):
    """What the flows are judged by: who sends, the exports that were made, and when."""

    exporters: Sequence[Exporter]
    made: Sequence[Crossing]
    seen: Glimpses
    gathered: str = ""


def certified(traces: Sequence[Trace], places: Places, sent: Sent) -> Iterator[tuple[Trace, ProbeResult | None]]:
    """The traces, each with what clients of TLS meet whose receiver shows a certificate that they cannot take."""
    mine = clients(traces, sent.exporters)
    for number, trace in enumerate(traces):
        shown, secure = _shown(trace, sent), [x for x in mine[number] if x.tls]
        found = _met(shown, trace, secure, sent.gathered) if shown and _is_open(trace) else None
        if found is None or shown is None:
            strange = [x for x in secure if shown and trace.accepted and not x.trusts and _is_inner(x)]
            yield (_mistrusted(trace, shown, strange[0]) if shown and strange else trace), None
            continue
        met, asking = found
        # A Collector shows everybody the same certificate; of another server it is known for the name that was asked.
        place = places.named(trace.server)
        same = shown.name == met.task.host or (place and any(x.endpoint.tls for x in place.on(trace.port)))
        sure = bool(asking) and bool(same)
        sure = sure and not _is_common(shown.certificate, met.task.host)
        yield (_ended(trace, met, shown, asking), met) if sure else (_doubted(trace, met, shown), None)


def _is_inner(exporter: Exporter) -> bool:
    """Whether a client asks for a name of the cluster, for which no authority of the world vouches.

    Nobody owns such a name (CA/Browser Forum, Baseline Requirements, Internal Name).
    """
    return exporter.certain or (exporter.service is not None and exporter.host.count(".") == 1)


def _mistrusted(trace: Trace, shown: Shown, exporter: Exporter) -> Trace:
    """A flow that was taken, of clients of whom nothing says that they trust the authority."""
    by = f" by `{shown.certificate.issuer}`" if shown.certificate.issuer else " by nobody who is known"
    why = f"the certificate is{by}, and nothing tells the clients to trust that authority"
    said = Evidence(exporter.says, exporter.place, Layer.DECLARED)
    stop = replace(trace.at(Hop.HANDSHAKE), status=Status.UNKNOWN, why=why, mark=MISTRUSTED, evidence=(said,))
    hops = (stop if x.hop is Hop.HANDSHAKE else x for x in trace.hops)
    return replace(trace, hops=tuple(hops), disposition=Disposition.INSUFFICIENT_INFO)


def unverified(traces: Iterable[Trace], sent: Sent) -> Iterator[Skipped]:
    """What nobody looked at of the certificates with which exports were taken: who vouches for them."""
    for trace in traces:
        shown = _shown(trace, sent) if trace.accepted else None
        if shown:
            by = f"; it is by `{shown.certificate.issuer}`" if shown.certificate.issuer else ""
            what = f"whether clients trust the certificate of {trace.target.endpoint}"
            yield Skipped(what, f"exports were made without verifying it{by}")


def _shown(trace: Trace, sent: Sent) -> Shown | None:
    """The certificate that an export to the addresses of a flow met, or one to the pod that it ends at."""
    for each in sent.made:
        held = each.result.certificate
        if held and each.to in {(x, trace.target.port, trace.protocol) for x in trace.addresses}:
            return Shown(held, export_of(each), each.result.task.host if each.own and each.pod else "")
    for look in sent.seen.items:
        if look.certificate and (look.place, look.port) == (trace.server, trace.port):
            return Shown(look.certificate, look.source)
    return None


def _met(
    shown: Shown, trace: Trace, secure: Sequence[Exporter], gathered: str
) -> tuple[ProbeResult, Sequence[Exporter]] | None:
    """What clients meet, and which; None where nothing speaks against the certificate."""
    held, ends = shown.certificate, shown.certificate.not_after[:_SECONDS]
    looking = [x for x in secure if x.verifies]
    if ends and gathered and ends < gathered[:_SECONDS] and looking:
        return _result(trace, looking[0].certified, Outcome.TLS_UNTRUSTED, "certificate has expired", held), looking
    lost = [x for x in looking if x.certified and "$" not in x.certified and not holds(held, x.certified)]
    if lost:
        return _result(trace, lost[0].certified, Outcome.TLS_NAME_MISMATCH, "", held), lost
    if not secure and not any(holds(held, x) for x in names_of(trace)):
        return _result(trace, trace.asked or trace.target.host, Outcome.TLS_NAME_MISMATCH, "", held), ()
    return None


def _result(trace: Trace, host: str, outcome: Outcome, detail: str, held: Certificate) -> ProbeResult:
    task = ProbeTask(next(iter(trace.addresses), ""), trace.target.port, trace.protocol, host, tls=True)
    return ProbeResult(task, outcome, detail=detail, certificate=held)


def _is_open(trace: Trace) -> bool:
    """Whether a flow does not end before its certificate is looked at."""
    return trace.failing is None or _ORDER.index(trace.failing.hop) > _ORDER.index(Hop.HANDSHAKE)


def _is_common(certificate: Certificate, host: str) -> bool:
    """Whether a certificate names a host in its subject alone, which some clients still take."""
    held = certificate.names or certificate.addresses
    return not held and f"CN={host}".lower() in certificate.subject.lower().replace(" ", "").split(",")


def _facts(met: ProbeResult, shown: Shown) -> tuple[Evidence, ...]:
    held = shown.certificate
    names = ", ".join((*held.names, *held.addresses)) or held.subject or "no name"
    said = f"a certificate until {held.not_after}" if met.detail else f"a certificate for {names}"
    return (Evidence(said, shown.source, Layer.PROBED),)


def _ended(trace: Trace, met: ProbeResult, shown: Shown, asking: Sequence[Exporter]) -> Trace:
    meaning = MEANINGS[met.outcome]
    said = tuple(Evidence(x.says, x.place, Layer.DECLARED) for x in asking[:3])
    why = met.detail or f"{meaning.why} than `{met.task.host}`"
    stop = TracedHop(Hop.HANDSHAKE, Status.FAIL, why, met.outcome, (*_facts(met, shown), *said))
    after = TracedHop(Hop.EXPORT, Status.UNKNOWN)
    hops = (stop if x.hop is stop.hop else after if x.hop is after.hop else x for x in trace.hops)
    return replace(trace, hops=tuple(hops), disposition=meaning.disposition, signals=())


def _doubted(trace: Trace, met: ProbeResult, shown: Shown) -> Trace:
    """A flow whose clients may not take the certificate."""
    if trace.failed:
        return trace
    (fact,) = _facts(met, shown)
    why = f"it shows {fact.fact}" if met.detail else f"it shows {fact.fact}, and not for `{met.task.host}`"
    hops = (
        replace(x, status=Status.UNKNOWN, why=why, evidence=(fact, *x.evidence)) if x.hop is Hop.HANDSHAKE else x
        for x in trace.hops
    )
    return replace(trace, hops=tuple(hops), disposition=Disposition.INSUFFICIENT_INFO)
