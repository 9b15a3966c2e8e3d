"""Finds the rules, gives each the evidence that its parameters name, and puts causes before symptoms.

A rule is a module `dsNNN_bad_pattern.py` below this package: its file name is the code and the name, its docstring the
documentation, `HOP` and `SEVERITY` say where and how bad, and `BECAUSE` which other rules explain it. `check` yields
the findings on a running system, `lint` those on files; a rule has one of them or both. Their annotations are their
inputs: a kind of evidence that is not there means that the rule is skipped, and said to be; a kind written
`Kind | None` may be missing.
"""

import importlib
import pkgutil
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

import msgspec

import dualstack.rules
from dualstack.knowledge import table
from dualstack.model.evidence import Layer, Missing
from dualstack.model.finding import Confidence, Finding, Severity, Skipped
from dualstack.model.patterns import pattern
from dualstack.model.snapshot import NOT_GATHERED, Snapshot
from dualstack.model.source import Location
from dualstack.model.trace import Hop

_MODULE = pattern(r"(?P<code>ds\d{3})_(?P<name>[a-z0-9_]+)")
_SEVERITIES = tuple(Severity)
_CONFIDENCES = tuple(Confidence)
_HOPS = tuple(Hop)
_MET = {
    (Severity.ERROR, True): 0,
    (Severity.ERROR, None): 0,
    (Severity.WARNING, True): 1,
    (Severity.ERROR, False): 2,
    (Severity.WARNING, None): 3,
}
"""What clients meet goes before an error that none of those that are known meets; other findings weigh less."""
_OF_CLUSTERS = ("Cluster", "Places")
"""Evidence that a host or a file never has: nothing is missing there."""
T = typing.TypeVar("T")
_Places: typing.TypeAlias = dict[Location | str | None, list[Finding]]
"""Findings by their place, and those of flows, which a file shows only a part of, by their file as well."""


class UnknownCode(ValueError):
    """A code in `--select` or `--ignore` that no rule has."""


class Judge(msgspec.Struct, frozen=True):
    """A function that yields findings. `needs` are the kinds that it cannot do without, `takes` all in its order."""

    takes: tuple[type[object], ...]
    needs: tuple[type[object], ...]
    judge: Callable[..., Iterable[Finding]]


class Rule(msgspec.Struct, frozen=True):
    """One rule, read from its module: `check` judges a system, `lint` files."""

    code: str
    name: str
    hop: Hop
    severity: Severity
    documentation: str
    because: tuple[str, ...]
    check: Judge | None
    lint: Judge | None


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of this package, by code."""
    return tuple(_rule(name, match) for name, match in _modules())


@cache
def _modules() -> list[tuple[str, re.Match[str]]]:
    """The modules that are rules, by code."""
    areas = (x.name for x in pkgutil.iter_modules(dualstack.rules.__path__) if x.ispkg)
    found = ((x, y.name) for x in areas for y in pkgutil.iter_modules(f"{z}/{x}" for z in dualstack.rules.__path__))
    matches = ((f"dualstack.rules.{area}.{name}", _MODULE.fullmatch(name)) for area, name in found)
    return sorted(((name, match) for name, match in matches if match), key=lambda x: x[1]["code"])


@cache
def static_rules(lacking: frozenset[str] = frozenset()) -> tuple[Rule, ...]:
    """The rules that judge files, by code, as far as they do; the others are not even loaded.

    `lacking` leaves out those that have nothing to say where the files hold nothing of a kind, a word of the column
    `needs` in `knowledge/catalogue.table`: a healthy file is asked of most often, with every key in an editor.
    """
    wanted = {x["code"] for x in table("catalogue") if "static" in x["evidence"] and x["needs"] not in lacking}
    found = (_rule(name, match, living=False) for name, match in _modules() if match["code"].upper() in wanted)
    return tuple(x for x in found if x.lint)


def _rule(module_name: str, match: re.Match[str], *, living: bool = True) -> Rule:
    """A rule; for files without what it says of systems, so that nothing of systems has to be loaded."""
    module = importlib.import_module(module_name)
    return Rule(
        code=match["code"].upper(),
        name=match["name"].replace("_", "-"),
        hop=module.HOP,
        severity=module.SEVERITY,
        documentation=module.__doc__ or "",
        because=getattr(module, "BECAUSE", ()),
        check=_judge(getattr(module, "check", None) if living else None),
        lint=_judge(getattr(module, "lint", None)),
    )


def _judge(function: Callable[..., Iterable[Finding]] | None) -> Judge | None:
    """A function with the kinds that it takes, and those of them that may not be missing."""
    if function is None:
        return None
    takes, needs = [], []
    for name, hint in typing.get_type_hints(function, localns=_later(function)).items():
        if name == "return":
            continue
        kinds = [x for x in typing.get_args(hint) if x is not types.NoneType] if typing.get_args(hint) else [hint]
        takes.append(kinds[0])
        if kinds == [hint]:
            needs.append(hint)
    return Judge(tuple(takes), tuple(needs), function)


def _later(function: Callable[..., Iterable[Finding]]) -> dict[str, object]:
    """The kinds that a rule of files names by their names alone: those of clusters, which take long to load."""
    if not any(isinstance(x, str) for x in function.__annotations__.values()):
        return {}
    from dualstack.model.cluster import Cluster
    from dualstack.reach.pods import Places

    return {"Cluster": Cluster, "Places": Places}


def choose(select: str, ignore: str, among: Sequence[Rule] | None = None) -> tuple[Rule, ...]:
    """The rules that are selected and not ignored, by code, name or prefix such as `DS3`. Raises UnknownCode."""
    wanted, unwanted = codes(select), codes(ignore)
    return tuple(
        x for x in (rules() if among is None else among) if (not wanted or x.code in wanted) and x.code not in unwanted
    )


def codes(text: str) -> set[str]:
    """The codes that a list of codes, prefixes and names stands for. Raises UnknownCode."""
    known = {row["code"]: row["name"] for row in table("catalogue")}
    found = set()
    for word in filter(None, (x.strip() for x in text.split(","))):
        mine = {c for c, name in known.items() if c.startswith(word.upper()) or name == word.lower()}
        if not mine or (not re.fullmatch(r"(?i:ds)\d{0,3}", word) and word.lower() not in known.values()):
            msg = f"`{word}` is no rule. `dualstack rules` lists them all."
            raise UnknownCode(msg)
        found |= mine
    return found


def evaluate(
    snapshot: Snapshot, chosen: Sequence[Rule], *, files: bool = False
) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """The findings of the chosen rules, causes first, and what could not be judged for want of evidence.

    Where `files` are under review they are judged by `lint`, else the system by `check`.
    """
    found, gaps = judged(snapshot, chosen, files=files)
    return explained(found, chosen), gaps


def judged(
    snapshot: Snapshot, chosen: Sequence[Rule], *, files: bool = False
) -> tuple[list[Finding], tuple[Skipped, ...]]:
    """The same without causes told from symptoms."""
    found: list[Finding] = []
    skipped: dict[Missing, list[str]] = {x: [] for x in snapshot.gaps}
    for rule in chosen:
        judge = rule.lint if files else rule.check
        if judge is None:
            continue
        missing = [x for kind in judge.needs if isinstance(x := snapshot.get(kind), Missing)]
        if missing and missing[0].needs in _OF_CLUSTERS and missing[0].why == NOT_GATHERED:
            continue
        if missing:
            skipped.setdefault(missing[0], []).append(rule.code)
            continue
        found.extend(_complete(rule, x) for x in judge.judge(*map(snapshot.having, judge.takes)))
    return found, tuple(Skipped(x.needs, x.why, tuple(codes)) for x, codes in skipped.items())


def under(code: str, finding: Finding) -> Finding:
    """A finding that no rule makes, under the code of the nearest one."""
    row = next(x for x in table("catalogue") if x["code"] == code)
    return msgspec.structs.replace(finding, code=code, name=row["name"], hop=Hop(row["hop"]))


def explained(found: Iterable[Finding], chosen: Sequence[Rule]) -> tuple[Finding, ...]:
    """Findings with the codes that explain them, causes first."""
    return ranked(_explain(tuple(_merge(found)), {x.code: x.because for x in chosen}))


def ranked(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order in which they are told: causes first, and what known clients meet before other things."""
    return tuple(sorted(found, key=_rank))


def _complete(rule: Rule, finding: Finding) -> Finding:
    severity = finding.severity if finding.severity is not Severity.ERROR else rule.severity
    sure = max(finding.confidence, _resting_on(finding), key=_CONFIDENCES.index)
    return msgspec.structs.replace(
        finding, code=rule.code, name=rule.name, hop=rule.hop, severity=severity, confidence=sure
    )


def _resting_on(finding: Finding) -> Confidence:
    """The strongest that a finding can rest on by its evidence: what is declared alone was not seen."""
    declared = finding.evidence and all(x.layer is Layer.DECLARED for x in finding.evidence)
    return Confidence.DECLARED if declared else Confidence.PROBED


def _merge(found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings that say the same of several flows, as one."""
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for finding in found:
        alike.setdefault((finding.code, finding.summary, finding.detail, finding.location), []).append(finding)
    for first, *rest in alike.values():
        yield msgspec.structs.replace(
            first,
            families=_union(x.families for x in (first, *rest)),
            flows=_union(x.flows for x in (first, *rest)),
            evidence=_union(x.evidence for x in (first, *rest)),
            ports=_union(x.ports for x in (first, *rest)),
            met=next((x.met for x in (first, *rest) if x.met is not False), False),
        )


def _union(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


def _explain(found: Sequence[Finding], because: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Each finding with the codes that explain it: all of its flows must be covered by them."""
    places: dict[str, _Places] = {}
    for finding in found:
        mine = places.setdefault(finding.code, {})
        mine.setdefault(finding.location, []).append(finding)
        if finding.flows and finding.location:
            mine.setdefault(finding.location.file, []).append(finding)
    for finding in found:
        may = because[finding.code] if finding.causes is None else finding.causes
        near = (y for x in may for y in _near(finding, places.get(x, {})))
        causes = [x for x in near if _related(x, finding)]
        covered = {flow for cause in causes for flow in cause.flows}
        whole = causes and (set(finding.flows) <= covered or _of_all(causes, finding))
        codes = tuple(sorted({x.code for x in causes})) if whole else ()
        yield msgspec.structs.replace(finding, because=codes)


def _near(symptom: Finding, causes: _Places) -> Iterator[Finding]:
    """Of the findings of a code those that can be related: for one in a file, the few at its place."""
    if symptom.flows or symptom.location is None:
        yield from (x for place, found in causes.items() if not isinstance(place, str) for x in found)
        return
    for near in (symptom.location, None, symptom.location.file):
        yield from causes.get(near, ())


def _of_all(causes: Sequence[Finding], symptom: Finding) -> bool:
    """Whether some causes that know no flows may stand behind all that a symptom speaks of."""
    general = [x for x in causes if not x.flows]
    return any(not x.ports for x in general) or (
        bool(general) and {*symptom.ports} <= {y for x in causes for y in x.ports}
    )


def _related(cause: Finding, symptom: Finding) -> bool:
    if cause.ports and symptom.ports and not {*cause.ports} & {*symptom.ports}:
        return False
    if cause.flows and symptom.flows:
        return bool(set(cause.flows) & set(symptom.flows))
    if symptom.within:
        return cause.location is not None and cause.location.file == symptom.within
    if cause.location and symptom.location:
        same_file = cause.location.file == symptom.location.file
        return cause.location == symptom.location or (bool(cause.flows) and same_file)
    alike = set(cause.families) & set(symptom.families)
    # What a finding names as its causes itself, such as what ends a program, is none of a family.
    return symptom.causes is not None or not cause.families or not symptom.families or bool(alike)


def _rank(finding: Finding) -> tuple[bool, int, bool, int, int, str, tuple[str, ...]]:
    hop = _HOPS.index(finding.hop) if finding.hop else len(_HOPS)
    worst, sure = _SEVERITIES.index(finding.severity), _CONFIDENCES.index(finding.confidence)
    weight = _MET.get((finding.severity, finding.met), len(_MET) + worst)
    # What only files say stands behind what flows may meet, where neither is known to fail.
    beside = finding.severity is not Severity.ERROR and not finding.flows
    return bool(finding.because), weight, beside, sure, hop, finding.code, finding.flows
