"""The answer of a diagnosis in one sentence, for every report."""

from collections.abc import Callable, Iterable, Sequence

from dualstack.model.address import BOTH, Family, Target
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.model.question import CLUSTER, FILES
from dualstack.model.trace import Disposition, Trace
from dualstack.reach.outlook import spelled
from dualstack.reach.tally import counted, tally
from dualstack.reach.unaimed import ALONE, HELD, NEEDS, QUIET, SINCE, UNNAMED
from dualstack.reach.uninjected import ASKING

ENDPOINTS = 3
"""How many endpoints are named one by one."""

_FOUND = {
    QUIET: f"these pods {QUIET}",
    SINCE: "where these pods send to is not known",
    HELD: "where these pods send to is not known",
    ASKING: "these pods got no agent",
    ALONE: "these pods name no endpoint",
    UNNAMED: "these pods name no endpoint",
}
"""What was found where there is no flow, by words of the reason."""


def answer(diagnosis: Diagnosis) -> str:
    """The answer in one sentence: what works, what does not, from where; of files, how much was found in them."""
    return tally(diagnosis) if diagnosis.question.place == FILES else _of_flows(diagnosis)


def _of_flows(diagnosis: Diagnosis) -> str:
    required = [x for x in diagnosis.traces if x.required]
    called = tuple(dict.fromkeys(_called(x, listing=diagnosis.question.listing) for x in diagnosis.question.targets))
    what = " and ".join(called)
    where = "" if diagnosis.question.place in ("host", CLUSTER) else f" from {diagnosis.question.place}"
    if len(called) > ENDPOINTS or (len(called) > 1 and any(x.nodes for x in required)):
        return f"{_counts(required)}{where}{_beside(diagnosis)}."
    said = [("work", [x for x in required if x.accepted])]
    said.extend((f"carry {' and '.join(x)} alone", [y for y in required if y.signals == x]) for x in _partial(required))
    said.append(("fail", [x for x in required if x.failed and not x.signals]))
    said.append(("are not known", [x for x in required if x.disposition is Disposition.INSUFFICIENT_INFO]))
    parts = [f"{verb} {_flows(traces, required)}" for verb, traces in said if traces]
    lacking = [x.why for x in diagnosis.skipped if x.needs == NEEDS]
    if not parts and lacking:
        found = next((y for x, y in _FOUND.items() if x in lacking[0]), "no port for OTLP was found")
        return f"{found}, so nothing was tried."
    if not called:
        return "whether exports arrive cannot be told."
    away = dict.fromkeys(f"{spelled(x.client)} sends them to a proxy" for x in diagnosis.outlooks if x.proxy)
    parts.extend(away)
    return f"exports to {what}{where} {'; '.join(parts) or 'were not tried'}{_beside(diagnosis)}."


def _beside(diagnosis: Diagnosis) -> str:
    """How many errors there are, where they alone make the verdict and no flow is known to fail."""
    found = [x for x in diagnosis.findings if x.severity is Severity.ERROR and not x.because]
    alone = diagnosis.verdict is Verdict.DEGRADED and not any(x.required and x.failed for x in diagnosis.traces)
    return f"; {counted(len(found), 'error')} {'was' if len(found) == 1 else 'were'} found" if found and alone else ""


def _whom(traces: Sequence[Trace], every: Sequence[Trace]) -> str:
    """For whom, where these flows are not those of everybody in their family."""
    names = list(dict.fromkeys(x.vantage for x in traces))
    if len(names) == len({x.vantage for x in every}):
        return ""
    *most, last = dict.fromkeys(y for x in traces for y in x.nodes) or ("",)
    if len(names) > 1 and all(x.nodes and x.vantage == f"pods on {' and '.join(x.nodes)}" for x in traces):
        return f" for the pods on {', '.join(most)} and {last}"
    return f" for the {' and the '.join(names)}"


def _counts(required: Sequence[Trace]) -> str:
    """How many endpoints work and fail, and of how many that is not known, where there are too many to name each."""
    every = {x.target for x in required}
    fail = {x.target for x in required if x.failed}
    unclear = {x.target for x in required if x.disposition is Disposition.INSUFFICIENT_INFO} - fail
    works = every - fail - unclear
    said = ((works, "works", "work"), (fail, "fails", "fail"))
    parts = [f"{len(some)} {one if len(some) == 1 else many}" for some, one, many in said if some]
    if not parts:
        return f"whether any of {len(every)} endpoints works is not known"
    open_ = f"; of {len(unclear)} it is not known" if unclear else ""
    return f"of {len(every)} endpoints {', '.join(parts)}{open_}"


def _partial(traces: Iterable[Trace]) -> dict[tuple[str, ...], None]:
    """The sets of signals that receivers take while they reject what was asked for."""
    return dict.fromkeys(x.signals for x in traces if x.failed and x.signals)


def _called(target: Target, *, listing: bool) -> str:
    return target.endpoint if listing else target.text


_ENDS: tuple[Callable[[Trace], tuple[str, ...]], ...] = (lambda x: x.addresses, lambda x: x.servers)
_GROUPINGS: tuple[Callable[[Trace], str], ...] = (
    lambda _: "",
    lambda x: f"by {x.target.scheme} ",
    lambda x: f"to {x.target.endpoint} ",
)


def _flows(traces: Sequence[Trace], every: Sequence[Trace]) -> str:
    """The families of these traces, told apart by protocol, then by endpoint, where they are not the same for all."""
    even = (x for x in _GROUPINGS if _is_even(x, traces, every))
    name = next(even, _GROUPINGS[-1])
    groups = dict.fromkeys(map(name, traces))
    parts = {key: _over([y for y in traces if name(y) == key], [y for y in every if name(y) == key]) for key in groups}
    return ", ".join(f"{key}{said}" for key, said in parts.items())


def _over(traces: Sequence[Trace], every: Sequence[Trace]) -> str:
    """The families of these flows, and for whom they are so."""
    said = dict[str, list[str]]()
    for each in BOTH:
        mine, all_of_it = ([x for x in some if x.family is each] for some in (traces, every))
        if mine:
            whom = _whom(mine, all_of_it)
            pods = "" if whom else _pods(mine, all_of_it)
            said.setdefault(whom, []).append(f"{_family(each, traces, every)}{pods}")
    return " and ".join(f"over {' and '.join(families)}{whom}" for whom, families in said.items())


def _pods(traces: Sequence[Trace], every: Sequence[Trace]) -> str:
    """The number of pods behind these flows, where others behind the same addresses fare differently."""
    mine, known = ([{z for x in some for z in y(x)} for y in _ENDS] for some in (traces, every))
    same = mine[0] == known[0] and mine[1] and mine[1] < known[1]
    return f" ({len(mine[1])} of {len(known[1])} pods)" if same else ""


def _is_even(name: Callable[[Trace], str], traces: Sequence[Trace], every: Sequence[Trace]) -> bool:
    """Whether, in each group of that name, these flows are in the same families for each endpoint."""
    return all(
        {x.family for x in traces if x.target == one.target} == {x.family for x in traces if name(x) == name(one)}
        for one in every
        if any(name(x) == name(one) for x in traces)
    )


def _family(family: Family, traces: Iterable[Trace], every: Iterable[Trace]) -> str:
    """A family that these flows are in, with the number of its addresses where others of them fared differently."""
    mine = {x for trace in traces if trace.family is family for x in trace.addresses or ("",)}
    known = {x for trace in every if trace.family is family for x in trace.addresses or ("",)}
    count = f" ({len(mine)} of {len(known)} addresses)" if len(mine) < len(known) else ""
    return f"{family.title}{count}" if mine else ""
