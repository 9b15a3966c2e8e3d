"""What the diagnosis of some clients says beside that of the Services: faults that are not told there, and their flows.

A flow that fails as the Service tells, and one of which nobody knows how it ends, is left out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.address import Family
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Trace

_ORDER = tuple(Severity)
Goal = tuple[str, int, Family]
Goals = Mapping[str, frozenset[Goal]]
"""What flows are to, by their keys."""


def untold(found: Diagnosis, told: Sequence[Finding], traces: Iterable[Trace]) -> Diagnosis:
    """A diagnosis of clients without what is `told` of Services, whose flows are `traces`."""
    known = {x.key: frozenset(_goals_of(x)) for x in (*traces, *found.traces)}
    new = tuple(x for x in found.findings if _matters(x) and not any(_covers(y, x, known) for y in told))
    flows, all_of_them = {y for x in new for y in x.flows}, any(not x.flows for x in new)
    kept = (x for x in found.traces if x.key in flows or (all_of_them and x.required and x.failed))
    return replace(found, findings=new, traces=tuple(kept))


def is_same(one: Finding, other: Finding) -> bool:
    """Whether two findings are of one place in a file and say the same."""
    return one.location is not None and (one.code, one.summary, one.location) == (
        other.code,
        other.summary,
        other.location,
    )


def _matters(finding: Finding) -> bool:
    """Whether it is a fault of these clients: an error, or a warning of their flows."""
    return finding.severity is Severity.ERROR or (finding.severity is Severity.WARNING and bool(finding.flows))


def _covers(told: Finding, mine: Finding, known: Goals) -> bool:
    """Whether a finding says of Services what another one, which is no worse, says of their clients."""
    if _ORDER.index(told.severity) > _ORDER.index(mine.severity):
        return False
    near = set(_goals(told.flows, known)) & set(_goals(mine.flows, known))
    seen = bool(mine.evidence) and told.evidence == mine.evidence
    return is_same(told, mine) or ((told.code, told.summary) == (mine.code, mine.summary) and (bool(near) or seen))


def _goals(flows: Collection[str], known: Goals) -> Iterator[Goal]:
    yield from (y for x in flows for y in known.get(x, ()))


def _goals_of(trace: Trace) -> Iterator[Goal]:
    """What a flow is to: what stands in front of Services has a name for some and an address for others."""
    for host in (trace.target.host, *trace.addresses[:1]):
        yield host, trace.target.port, trace.family
