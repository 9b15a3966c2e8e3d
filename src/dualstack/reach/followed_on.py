"""What Collectors that receive send on, beside what they receive: told where that is lost, or its name may be."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.nameless import is_doubted
from dualstack.reach.onward import way_on
from dualstack.reach.untold import untold
from dualstack.reach.verdict import verdict

_ORDER = tuple(Severity)


def followed_on(found: Diagnosis, beyond: Iterable[Diagnosis]) -> Diagnosis:
    """A diagnosis with the flows of others that fail for certain, or whose name may have no address, and why.

    What else nobody knows of them stays as a way that was not seen: nothing is exported there.
    """
    for other in beyond:
        own = all(x.configured for x in other.exporters)
        each = other if own else untold(other, found.findings, found.traces)
        lost = tuple(x for x in each.traces if x.required and (x.failed or is_doubted(x.at(Hop.RESOLVE))))
        why = _causes(each.findings, found.findings, {x.key for x in lost if not x.failed})
        if lost and why:
            found = _joined(found, each, Traces(lost), why)
    return found


def _causes(others: Iterable[Finding], own: Sequence[Finding], doubted: set[str]) -> tuple[Finding, ...]:
    """The errors of others, and what is said of flows in doubt, that are not told of the flows to the Collectors."""
    told = {_key(x): x.severity for x in own}
    meant = (x for x in others if x.flows and (x.severity is Severity.ERROR or doubted & {*x.flows}))
    return tuple(x for x in meant if _key(x) not in told or _worse(x.severity, told[_key(x)]))


def _key(finding: Finding) -> tuple[object, ...]:
    """What is the same fault: one of no file is told by what it says of its flows."""
    return finding.code, finding.location, finding.summary, "" if finding.location else finding.detail


def _worse(one: Severity, other: Severity) -> bool:
    return _ORDER.index(one) < _ORDER.index(other)


def _joined(found: Diagnosis, other: Diagnosis, lost: Traces, why: tuple[Finding, ...]) -> Diagnosis:
    traces = (*found.traces, *(x for x in lost.items if x not in found.traces))
    worse = {*map(_key, why)}
    every = (*(x for x in found.findings if _key(x) not in worse), *why)
    findings = tuple(sorted(every, key=lambda x: (bool(x.because), _ORDER.index(x.severity))))
    known = {*map(_identity, found.exporters)}
    followed = {*map(way_on, other.exporters)}
    asked = replace(found.question, targets=tuple(dict.fromkeys(x.target for x in traces)))
    return replace(
        found,
        question=asked,
        verdict=verdict(Traces(traces), findings),
        traces=traces,
        findings=findings,
        skipped=tuple(x for x in found.skipped if x.needs not in followed),
        exporters=(*found.exporters, *(x for x in other.exporters if _identity(x) not in known)),
    )


def _identity(one: Exporter) -> tuple[str, ...]:
    return one.namespace, one.owner, one.variable, one.endpoint
