"""Finds the rules, gives each the evidence that its parameters name, and puts causes before symptoms.

A rule is a module `dsNNN_bad_pattern.py` below this package: its file name is the code and the name, its docstring the
documentation, `HOP` and `SEVERITY` say where and how bad, `BECAUSE` which other rules explain it, and `check` yields
the findings. The annotations of `check` are its inputs: a kind of evidence that is not there means that the rule is
skipped, and said to be; a kind written `Kind | None` may be missing.
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
from dualstack.model.evidence import Missing
from dualstack.model.finding import Confidence, Finding, Severity, Skipped
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Hop

_MODULE = re.compile(r"(?P<code>ds\d{3})_(?P<name>[a-z0-9_]+)")
_SEVERITIES = tuple(Severity)
_CONFIDENCES = tuple(Confidence)
_HOPS = tuple(Hop)
T = typing.TypeVar("T")


class UnknownCode(ValueError):
    """A code in `--select` or `--ignore` that no rule has."""


class Rule(msgspec.Struct, frozen=True):
    """One rule, read from its module. `needs` are the kinds it cannot do without, `takes` all of them in order."""

    code: str
    name: str
    hop: Hop
    severity: Severity
    documentation: str
    because: tuple[str, ...]
    needs: tuple[type[object], ...]
    takes: tuple[type[object], ...]
    check: Callable[..., Iterable[Finding]]


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of this package, by code."""
    found = pkgutil.walk_packages(dualstack.rules.__path__, "dualstack.rules.")
    matches = ((x.name, _MODULE.fullmatch(x.name.rpartition(".")[2])) for x in found)
    return tuple(sorted((_rule(name, match) for name, match in matches if match), key=lambda x: x.code))


def _rule(module_name: str, match: re.Match[str]) -> Rule:
    module = importlib.import_module(module_name)
    takes, needs = _inputs(module.check)
    return Rule(
        code=match["code"].upper(),
        name=match["name"].replace("_", "-"),
        hop=module.HOP,
        severity=module.SEVERITY,
        documentation=module.__doc__ or "",
        because=getattr(module, "BECAUSE", ()),
        needs=needs,
        takes=takes,
        check=module.check,
    )


def _inputs(check: Callable[..., Iterable[Finding]]) -> tuple[tuple[type[object], ...], tuple[type[object], ...]]:
    """The kinds that a check takes, and those of them that may not be missing."""
    takes, needs = [], []
    for name, hint in typing.get_type_hints(check).items():
        if name == "return":
            continue
        kinds = [x for x in typing.get_args(hint) if x is not types.NoneType] if typing.get_args(hint) else [hint]
        takes.append(kinds[0])
        if kinds == [hint]:
            needs.append(hint)
    return tuple(takes), tuple(needs)


def choose(select: str, ignore: str) -> tuple[Rule, ...]:
    """The rules that are selected and not ignored, by code, name or prefix such as `DS3`. Raises UnknownCode."""
    wanted, unwanted = codes(select), codes(ignore)
    return tuple(x for x in rules() if (not wanted or x.code in wanted) and x.code not in unwanted)


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


def evaluate(snapshot: Snapshot, chosen: Sequence[Rule]) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """The findings of the chosen rules, causes first, and what could not be judged for want of evidence."""
    found: list[Finding] = []
    skipped: dict[Missing, list[str]] = {x: [] for x in snapshot.gaps}
    for rule in chosen:
        missing = [x for kind in rule.needs if isinstance(x := snapshot.get(kind), Missing)]
        if missing:
            skipped.setdefault(missing[0], []).append(rule.code)
            continue
        found.extend(_complete(rule, x) for x in rule.check(*map(snapshot.having, rule.takes)))
    explained = _explain(tuple(_merge(found)), {x.code: x.because for x in chosen})
    gaps = tuple(Skipped(x.needs, x.why, tuple(codes)) for x, codes in skipped.items())
    return tuple(sorted(explained, key=_rank)), gaps


def _complete(rule: Rule, finding: Finding) -> Finding:
    severity = finding.severity if finding.severity is not Severity.ERROR else rule.severity
    return msgspec.structs.replace(finding, code=rule.code, name=rule.name, hop=rule.hop, severity=severity)


def _merge(found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings that say the same of several flows, as one."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in found:
        alike.setdefault((finding.code, finding.summary, finding.detail), []).append(finding)
    for first, *rest in alike.values():
        yield msgspec.structs.replace(
            first,
            families=_union(x.families for x in (first, *rest)),
            flows=_union(x.flows for x in (first, *rest)),
            evidence=_union(x.evidence for x in (first, *rest)),
        )


def _union(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


def _explain(found: Sequence[Finding], because: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Each finding with the codes that explain it: all of its flows must be covered by them."""
    for finding in found:
        causes = [x for x in found if x.code in because[finding.code] and _related(x, finding)]
        covered = {flow for cause in causes for flow in cause.flows}
        whole = causes and (set(finding.flows) <= covered or any(not x.flows for x in causes))
        codes = tuple(sorted({x.code for x in causes})) if whole else ()
        yield msgspec.structs.replace(finding, because=codes)


def _related(cause: Finding, symptom: Finding) -> bool:
    if cause.flows and symptom.flows:
        return bool(set(cause.flows) & set(symptom.flows))
    return not cause.families or not symptom.families or bool(set(cause.families) & set(symptom.families))


def _rank(finding: Finding) -> tuple[bool, int, int, int, str, tuple[str, ...]]:
    hop = _HOPS.index(finding.hop) if finding.hop else len(_HOPS)
    worst = _SEVERITIES.index(finding.severity)
    return bool(finding.because), worst, _CONFIDENCES.index(finding.confidence), hop, finding.code, finding.flows
