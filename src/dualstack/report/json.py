"""A diagnosis as JSON: the contract that other programs read. Its schema is `schema/diagnosis-1.json`.

Times and process ids stand in evidence alone, so that two runs over the same world give the same text elsewhere.
"""

from collections.abc import Iterator

import msgspec

from dualstack.model.address import Protocol, join
from dualstack.model.client import Outlook
from dualstack.model.diagnosis import SCHEMA, Diagnosis, Verdict
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Applicability, Confidence, Edit, Finding, Severity, Skipped
from dualstack.model.source import Location
from dualstack.model.text import legible
from dualstack.model.trace import Disposition, Hop, Status, Trace
from dualstack.reach.trace import codes_of, line


class HopDocument(msgspec.Struct):
    """One hop of a trace."""

    hop: Hop
    status: Status
    why: str
    evidence: tuple[Evidence, ...]


class TraceDocument(msgspec.Struct):
    """One flow. `addresses` fared alike; `required` says whether a client depends on the flow."""

    vantage: str
    target: str
    protocol: str
    family: str
    disposition: Disposition
    hops: tuple[HopDocument, ...]
    line: str
    addresses: tuple[str, ...]
    required: bool


class FixDocument(msgspec.Struct):
    """A way out."""

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...]
    commands: tuple[str, ...]


class FindingDocument(msgspec.Struct):
    """One fault."""

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    summary: str
    detail: str
    hint: str
    hop: Hop | None
    families: tuple[str, ...]
    because: tuple[str, ...]
    location: Location | None
    evidence: tuple[Evidence, ...]
    fix: FixDocument | None


class AttemptDocument(msgspec.Struct):
    """One connection attempt, `at` milliseconds after the first; `outcome` is what it meets."""

    address: str
    at: int
    outcome: str


class ClientDocument(msgspec.Struct):
    """What one client makes of one target.

    `addresses` are in the order in which it tries them; `connected` is the one that it gets after `waited`
    milliseconds. Both are null where it gets none, and `attempts` is null where nobody knows what the addresses answer.
    `verified` says that a run has shown how this client dials, `found` that such a process runs on this host.
    """

    client: str
    target: str
    protocol: str
    addresses: tuple[str, ...]
    attempts: tuple[AttemptDocument, ...] | None
    connected: str | None
    waited: int | None
    verified: bool
    found: bool
    why: str
    evidence: tuple[Evidence, ...]


class ExporterDocument(msgspec.Struct):
    """Pods of a cluster that export alike, by their variables.

    `owner` is what made them, `pods` their number, `pod` one of them. `endpoint` is the text of the `variable`;
    `target` the host and port that it leads to, of a Service by its full name, and null where a variable in it is not
    known, or has another value in each pod. `service` is the Service that it names, as NAMESPACE/NAME; null where it
    names none. `traces` are the places in the list of traces, from 0 on, of the flows that are theirs.
    """

    owner: str
    namespace: str
    pod: str
    pods: int
    variable: str
    endpoint: str
    protocol: Protocol | None
    families: tuple[str, ...]
    service: str | None
    target: str | None
    traces: tuple[int, ...]


class Document(msgspec.Struct):
    """The whole answer."""

    schema: str
    verdict: Verdict
    traces: tuple[TraceDocument, ...]
    findings: tuple[FindingDocument, ...]
    skipped: tuple[Skipped, ...]
    interrupted: bool
    clients: tuple[ClientDocument, ...]
    exporters: tuple[ExporterDocument, ...]


def render(diagnosis: Diagnosis) -> str:
    """The diagnosis as one JSON object with a final newline."""
    document = Document(
        schema=SCHEMA,
        verdict=diagnosis.verdict,
        traces=tuple(_trace(x, diagnosis.findings) for x in diagnosis.traces),
        findings=tuple(map(_finding, diagnosis.findings)),
        skipped=diagnosis.skipped,
        interrupted=diagnosis.interrupted,
        clients=tuple(map(_client, diagnosis.outlooks)),
        exporters=tuple(_exporters(diagnosis)),
    )
    return msgspec.json.format(_encoded(document), indent=2).decode() + "\n"


def _encoded(document: Document) -> bytes:
    r"""The document as bytes of JSON. A file name may hold bytes that are no text; they are shown as `\udcff`."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(_legible(msgspec.to_builtins(document)))


def _legible(value: object) -> object:
    if isinstance(value, dict):
        return {k: _legible(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_legible(x) for x in value]
    return legible(value) if isinstance(value, str) else value


def _trace(trace: Trace, findings: tuple[Finding, ...]) -> TraceDocument:
    return TraceDocument(
        vantage=trace.vantage,
        target=trace.target.endpoint,
        protocol=trace.protocol,
        family=trace.family,
        disposition=trace.disposition,
        hops=tuple(HopDocument(x.hop, x.status, x.why, x.evidence) for x in trace.hops),
        line=line(trace, codes_of(trace, findings)),
        addresses=trace.addresses,
        required=trace.required,
    )


def _finding(finding: Finding) -> FindingDocument:
    fix = finding.fix
    return FindingDocument(
        code=finding.code,
        name=finding.name,
        severity=finding.severity,
        confidence=finding.confidence,
        summary=finding.summary,
        detail=finding.detail,
        hint=finding.hint,
        hop=finding.hop,
        families=tuple(finding.families),
        because=finding.because,
        location=finding.location,
        evidence=finding.evidence,
        fix=FixDocument(fix.title, fix.applicability, fix.edits, fix.commands) if fix else None,
    )


def _client(view: Outlook) -> ClientDocument:
    from dualstack.reach.outlook import evidence, sentence, spelled  # of files there is none

    dialled = view.dialled
    return ClientDocument(
        client=spelled(view.client),
        target=view.target.endpoint,
        protocol=view.target.protocol,
        addresses=view.order,
        attempts=tuple(AttemptDocument(x.address, x.at, x.outcome) for x in dialled.attempts) if dialled else None,
        connected=(dialled.connected or None) if dialled else None,
        waited=dialled.waited if dialled else None,
        verified=view.verified,
        found=view.caller is not None,
        why=sentence(view),
        evidence=evidence(view),
    )


def _exporters(diagnosis: Diagnosis) -> Iterator[ExporterDocument]:
    if not diagnosis.exporters:
        return
    from dualstack.reach.exports import destination, flows, hosts, ways  # of a host and of files there is none

    known, every = ways(diagnosis.traces), hosts(diagnosis.traces)
    for each in diagnosis.exporters:
        found, target = destination(each, every), each.target
        named = each.service if each.certain or found.endswith(".svc") else None
        yield ExporterDocument(
            owner=each.owner,
            namespace=each.namespace,
            pod=each.pod,
            pods=each.pods,
            variable=each.variable,
            endpoint=each.written or each.endpoint,
            protocol=target.protocol if target else None,
            families=tuple(each.families),
            service="/".join(named) if named else None,
            target=join(found or each.host, target.port) if target and not each.each else None,
            traces=flows(each, found, known, diagnosis.traces),
        )
