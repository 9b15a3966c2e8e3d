"""Files under review: what they declare, what the rules say of it, and what mends it.

    files -> recognise -> what is declared -> wiring -> rules (findings) -> suppressions -> diagnosis

A file is read once. What is no YAML, or cannot be read, is an error that is told beside the findings of the others.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from dualstack.gather.errors import BadFile
from dualstack.gather.evidence import evidence_of
from dualstack.gather.files import SETTINGS, Included, Text
from dualstack.gather.project import Project
from dualstack.gather.reading import Reading, Sources, read_into
from dualstack.gather.recognise import Found, take
from dualstack.gather.settle import settle
from dualstack.gather.worlds import worlds
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.evidence import Missing
from dualstack.model.finding import Applicability, Edit, Finding, Fix, Severity, Skipped
from dualstack.model.question import FILES, Question
from dualstack.model.review import Former, Suppression, Unused
from dualstack.model.snapshot import Snapshot
from dualstack.model.source import Location
from dualstack.model.text import LINE_BREAK
from dualstack.reach.destination import read
from dualstack.reach.drafts import drafted, is_usable
from dualstack.reach.suppress import MARK, comments, silenced
from dualstack.rules.registry import Rule, evaluate, static_rules

if TYPE_CHECKING:
    from dualstack.gather.baseline import Known
    from dualstack.gather.git import Changes
    from dualstack.model.understood import Understood

STDIN = "-"


class Review(msgspec.Struct, frozen=True):
    """One call for a review: paths, what stdin holds and is called, and what the user said of the cluster.

    `configs` and `settings` are what `--config` and `--set` say: one configuration more. `environ` are the variables of
    configurations that nobody in the files runs. `chosen` are the rules, None for all. `instead` are texts that stand
    in the place of what files hold. `former` is what they held before a change, by path; it is empty where nothing is
    known of that. `helm` says that charts are rendered and judged by what they make. `project` is what a file of
    settings says, `changes` what has changed, where findings elsewhere are not wanted, and `baseline` are findings that
    are not to be told again. `jobs` is how many processes read, as `Sources` has it.
    """

    paths: tuple[str, ...] = (".",)
    stdin: bytes = b""
    stdin_name: str = STDIN
    question: Question = Question()
    environ: Mapping[str, str] = {}
    collector_version: str = ""
    chosen: tuple[Rule, ...] | None = None
    instead: Mapping[str, str] = {}
    former: Mapping[str, str] = {}
    helm: bool = False
    configs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    project: Project = Project()
    changes: "Changes | None" = None
    baseline: "Known | None" = None
    jobs: int = 1


PASSES = 5
"""Rounds of fixes: what one of them changed can let another one be seen."""


class Mended(msgspec.Struct, frozen=True):
    """Texts by file, before and after the fixes, how many were made in each, and the review of what is there then."""

    before: Mapping[str, Text]
    after: Mapping[str, str]
    done_in: Mapping[str, int]
    reviewed: "Reviewed"

    @property
    def done(self) -> int:
        """How many edits were made."""
        return sum(self.done_in.values())


class Reviewed(msgspec.Struct, frozen=True):
    """The answer, what could not be read, the texts of the files that a finding is in, and all files that were read.

    `every` are the findings of whatever line, also those of a baseline.
    """

    diagnosis: Diagnosis
    errors: tuple[BadFile, ...]
    texts: Mapping[str, Text]
    read: frozenset[str]
    every: tuple[Finding, ...]


def explained(request: Review) -> tuple["Understood", tuple[BadFile, ...]]:
    """What is understood of the files, and what could not be read. Raises BadInput."""
    from dualstack.reach.understood import understood

    reading, included = _read(request, lambda _: None)
    seen, read = reading.seen, reading.names
    settle(seen, None)
    evidence = [
        evidence_of(x, request.question, request.environ, request.collector_version, included) for x in worlds(seen)
    ]
    passed_over = [*seen.notes, *(Missing(_where(x), x.sentence) for x in seen.errors)]
    files = (read | set(included.texts)) - {SETTINGS}
    return understood(evidence, files, passed_over, request.collector_version), tuple(seen.errors)


def _where(error: BadFile) -> str:
    return str(error).removesuffix(f" {error.sentence}")


def lint(request: Review, progress: Callable[[str], None] = lambda _: None) -> Reviewed:
    """Read the files, judge what they declare. Raises BadInput for a path that is not there.

    `progress` is told the name of each file, and nothing when all are read.
    """
    reading, included = _read(request, progress)
    progress("")
    seen, texts, marked = reading.seen, reading.texts, reading.marked
    findings, skipped = _judged(request, seen, included)
    texts |= included.texts
    marked |= {k: v for k, v in included.texts.items() if MARK in v.text}
    told = [*seen.suppressions, *(y for x in marked.values() for y in comments(x.path, LINE_BREAK.split(x.text)))]
    findings = tuple(_at_template(x, seen) for x in _heeded(findings, told, request))
    texts |= {x.file: Text(x.file, x.template) for x in seen.rendered.values()}
    notes = (*(Skipped(x.needs, x.why) for x in seen.notes), *map(_unreadable, seen.errors))
    heard = [x for x in findings if not _is_exempt(x, request)]
    every = tuple(sorted(_excerpts(heard, texts), key=_place))
    new = request.baseline.new(every) if request.baseline else every
    wanted = tuple(x for x in new if _is_wanted(x, request))
    answer = Diagnosis(replace(request.question, place=FILES), _verdict(wanted, seen), (), wanted, skipped + notes)
    return Reviewed(answer, tuple(seen.errors), texts, frozenset(reading.names | set(texts)), every)


def _read(request: Review, progress: Callable[[str], None]) -> tuple[Reading, Included]:
    """The files, and what gives those that they refer to. Raises BadInput for a path that is not there."""
    reading = Reading()
    included = Included(reading.names, request.instead)
    _take_given(request, included, reading.seen)
    sources = Sources(
        tuple(x for x in request.paths if x != STDIN),
        (request.stdin_name, request.stdin) if STDIN in request.paths else None,
        request.instead,
        request.project.excluded(),
        tuple(x.removeprefix("file:") for x in request.configs),
        request.helm,
        request.jobs,
    )
    read_into(reading, sources, progress)
    return reading, included


def _take_given(request: Review, included: Included, seen: Found) -> None:
    """The configuration that `--config` and `--set` name."""
    if not (request.configs or request.settings):
        return
    from dualstack.gather.command_line import take_given

    take_given(request.configs, request.settings, included.named, request.environ, seen)
    if request.settings:
        included.texts[SETTINGS] = Text(SETTINGS, "\n".join(x.replace("\n", " ") for x in request.settings))


def _at_template(finding: Finding, seen: Found) -> Finding:
    """A finding in what a template made, at the template and without edits: those are for the manifests."""
    at = finding.location
    rendered = seen.rendered.get(at.file) if at else None
    if at is None or rendered is None:
        return finding
    from dualstack.gather.charts import at as in_template

    fix = finding.fix and Fix(finding.fix.title)
    return replace(finding, location=in_template(at, rendered), fix=fix)


def _is_exempt(finding: Finding, request: Review) -> bool:
    """Whether the settings say that a rule is not to be heard of in a file."""
    return finding.location is not None and request.project.exempts(finding.location.file, finding.code)


def _is_wanted(finding: Finding, request: Review) -> bool:
    """Whether a finding is in a line that has changed, where that is asked."""
    at = finding.location
    if at is None or request.changes is None:
        return True
    if finding.code in _comparing() or at.file in (request.stdin_name, SETTINGS):
        return True
    return request.changes.touch(at.file, at.line, max(at.line, at.end_line))


def _comparing() -> set[str]:
    """The rules that compare with what was there before: what they find is new, wherever it stands."""
    return {x.code for x in static_rules() if x.lint and Former in x.lint.takes}


def _judged(request: Review, seen: Found, included: Included) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """The findings in each of the worlds; what several of them have at one place is told once."""
    found, skipped = dict[object, Finding](), dict[Skipped, None]()
    formers = _formers(request, composed=bool(seen.builds))
    for number, world in enumerate(worlds(seen)):
        former = formers[min(number, len(formers) - 1)] if formers else None
        findings, passed = _judged_world(request, world, included, former)
        skipped |= dict.fromkeys(passed)
        for finding in findings:
            key = (finding.code, finding.location) if seen.builds else id(finding)
            other = found.setdefault(key, finding)
            if finding.severity is Severity.ERROR and other.severity is not Severity.ERROR:
                found[key] = finding
    seen.errors[:] = {str(x): x for x in seen.errors}.values()
    return tuple(found.values()), tuple(skipped)


def _judged_world(
    request: Review, seen: Found, included: Included, former: Former | None
) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    evidence = evidence_of(seen, request.question, request.environ, request.collector_version, included)
    if former:
        evidence = evidence.adding(former)
    chosen = _chosen(request, _lacking(seen, evidence))
    return evaluate(evidence, [x for x in chosen if not _speaks_last(x)], files=True)


def _lacking(seen: Found, evidence: Snapshot) -> frozenset[str]:
    """What the files hold nothing of, in the words of `knowledge/catalogue.table`; suppressions come last."""
    deployments, senders = evidence.having(Deployments) or Deployments(), evidence.having(Senders) or Senders()
    objects = (seen.workloads, seen.services, seen.policies, seen.gates, seen.slices)
    others = (*objects, seen.families, seen.agents, seen.foreign)
    said = [x.destination for x in senders.items]
    written = (*(x.written for _, x in drafted(deployments)), *(x.written for x in said))
    held = {
        "objects": any(others),
        "faults": seen.slips or not is_usable(deployments, senders, evidence.having(Question) or Question()),
        "variables": any("$" in x.text for x in written if x),
        "wildcards": any(read(x.value, x.form).wildcard for x in said),
        "expressions": any(x.config.expressions for x in deployments.items),
        "suppressions": False,
    }
    return frozenset(x for x, there in held.items() if not there)


def _formers(request: Review, *, composed: bool) -> Sequence[Former]:
    """The Services that the files held before, in each world; what was not understood then is left out."""
    seen = Found()
    if request.former and composed:
        seen = _read(replace(request, instead={**request.instead, **request.former}), lambda _: None)[0].seen
    else:
        for path, text in request.former.items():
            take(Text(path, text, named=False), seen)
    settle(seen, None)
    return [Former(tuple(x.services)) for x in worlds(seen)] if request.former else ()


def _heeded(findings: Sequence[Finding], told: Sequence[Suppression], request: Review) -> tuple[Finding, ...]:
    """The findings that nobody has silenced, and those that speak of suppressions that silence nothing."""
    ran = None if request.chosen is None else [x.code for x in request.chosen]
    kept, spare = silenced(findings, told, ran)
    if not spare:
        return kept
    lacking = frozenset({"objects", "faults", "variables", "wildcards", "expressions"})
    last = [x for x in _chosen(request, lacking) if _speaks_last(x)]
    return (*kept, *evaluate(Snapshot({Unused: Unused(spare)}), last, files=True)[0])


def _chosen(request: Review, lacking: frozenset[str]) -> tuple[Rule, ...]:
    return static_rules(lacking) if request.chosen is None else request.chosen


def _speaks_last(rule: Rule) -> bool:
    """Whether a rule judges what became of the findings of the others."""
    return rule.lint is not None and Unused in rule.lint.takes


def _unreadable(error: BadFile) -> Skipped:
    """An error of a file; one that is about the whole of it stands at its beginning."""
    at = Location(error.file, error.line or 1, error.column or 1)
    place = f"{error.file}:{error.line}" if error.line else error.file
    return Skipped(place, error.sentence, unreadable=True, location=at)


def _excerpts(findings: Sequence[Finding], texts: Mapping[str, Text]) -> Iterator[Finding]:
    """The findings, each with the line of the file that it is about."""
    wanted: dict[str, set[int]] = {}
    for at in (x.location for x in findings):
        if at and at.file in texts:
            wanted.setdefault(at.file, set()).add(at.line)
    lines = {x: _lines(texts[x].text, numbers) for x, numbers in wanted.items()}
    for finding in findings:
        at = finding.location
        yield replace(finding, excerpt=lines[at.file].get(at.line, "")) if at and at.file in lines else finding


def _lines(text: str, wanted: Collection[int]) -> Mapping[int, str]:
    """Some of the lines of a text by their numbers from 1, without a list of them all."""
    found, start, last = dict[int, str](), 0, max(wanted)
    ends = chain((x.span() for x in LINE_BREAK.finditer(text)), ((len(text), len(text)),))
    for number, (end, following) in enumerate(ends, 1):
        if number in wanted:
            found[number] = text[start:end]
        if number == last:
            break
        start = following
    return found


def _place(finding: Finding) -> tuple[str, int, int, str]:
    at = finding.location
    return (at.file, at.line, at.column, finding.code) if at else ("", 0, 0, finding.code)


def _verdict(findings: Sequence[Finding], seen: Found) -> Verdict:
    """Broken with an error, degraded with a warning; of files that nobody understands nothing is known."""
    severities = {x.severity for x in findings}
    if Severity.ERROR in severities:
        return Verdict.BROKEN
    if Severity.WARNING in severities:
        return Verdict.DEGRADED
    return Verdict.HEALTHY if seen.understood and not seen.errors else Verdict.UNKNOWN


def mend(request: Review, found: Reviewed, *, unsafe: bool) -> Mended:
    """The files as the fixes of a review leave them; nothing is written."""
    from dualstack.patch.text import apply

    before, after, done = dict[str, Text](), dict[str, str](), Counter[str]()
    for _ in range(PASSES):
        edits = _edits(found.diagnosis.findings, unsafe=unsafe)
        changed = False
        for path, mine in edits.items():
            text = found.texts[path]
            patched = apply(text.text, mine)
            if patched.done:
                before.setdefault(path, text)
                after[path] = patched.text
                done[path] += len(patched.done)
                changed = True
        if not changed:
            break
        found = lint(replace(request, instead={**request.instead, **after}))
    return Mended(before, after, done, found)


def _edits(findings: Sequence[Finding], *, unsafe: bool) -> Mapping[str, Sequence[Edit]]:
    """The edits that may be made, by file."""
    allowed = (Applicability.SAFE, Applicability.UNSAFE) if unsafe else (Applicability.SAFE,)
    edits = dict[str, list[Edit]]()
    for finding in findings:
        for edit in finding.fix.edits if finding.fix and finding.fix.applicability in allowed else ():
            edits.setdefault(edit.target, []).append(edit)
    return edits
