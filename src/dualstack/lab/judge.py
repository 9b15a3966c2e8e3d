"""Holds a diagnosis against the answer that is right. Pure functions over the JSON document of a diagnosis."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from dualstack.lab.incident import Expect
from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Severity
from dualstack.model.trace import Disposition
from dualstack.rules.registry import rules

Document = Mapping[str, Any]
_WORKS = (Disposition.ACCEPTED,)


class Judgement(msgspec.Struct, frozen=True):
    """What a diagnosis got wrong, as sentences, empty where it is right; the figures of a score are made of the rest.

    `root_first` says that the first finding is a cause, `all_found` that every cause is named, `alarms` are errors
    that should not be, `wrong` causes that are none, and `named` says that a cause is named at all.
    """

    complaints: tuple[str, ...] = ()
    root_first: bool = True
    all_found: bool = True
    alarms: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    named: bool = False

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return not self.complaints


def judge(expect: Expect, found: Document) -> Judgement:
    """The judgement of a diagnosis that had all evidence."""
    causes = [x["code"] for x in _causes(found)]
    roots = expect.roots
    first = not roots or any(x in root for x in causes[:1] for root in roots)
    missing = [x for x in roots if not set(x) & set(causes)]
    alarms = tuple(x["code"] for x in _causes(found) if x["severity"] == Severity.ERROR) if not roots else ()
    wrong = _wrong(expect, found)
    said = causes[0] if causes else "nothing"
    wanted = " or ".join(dict.fromkeys(x for root in roots for x in root))
    complaints = [] if first else [f"{wanted} should stand first, not {said}"]
    complaints += [f"{' or '.join(x)} is not found" for x in missing]
    complaints += [f"{x} is a false alarm" for x in alarms]
    complaints += [f"{x} is no cause here" for x in wrong if x not in alarms]
    if found["verdict"] not in expect.verdicts:
        complaints.append(f"the verdict is {found['verdict']}, not {' or '.join(expect.verdicts)}")
    complaints += _flows(expect, found)
    return Judgement(tuple(complaints), first, not missing, alarms, wrong, bool(causes))


def judge_withheld(expect: Expect, found: Document) -> Judgement:
    """The judgement of one that was kept from evidence: it may know less, and nothing that it says may be wrong."""
    wrong = _wrong(expect, found)
    alarms = tuple(x["code"] for x in _causes(found) if x["severity"] == Severity.ERROR) if not expect.roots else ()
    complaints = [f"{x} is no cause here" for x in wrong] + [f"{x} is a false alarm" for x in alarms if x not in wrong]
    if found["verdict"] == Verdict.HEALTHY and Verdict.HEALTHY not in expect.verdicts:
        complaints.append("the verdict is healthy, and it is not")
    if found["verdict"] in (Verdict.BROKEN, Verdict.DEGRADED) and set(expect.verdicts) <= {Verdict.HEALTHY}:
        complaints.append(f"the verdict is {found['verdict']}, and nothing fails")
    complaints += _mistaken(expect, found)
    named = any({x["code"]} & {y for root in expect.roots for y in root} for x in _causes(found))
    return Judgement(tuple(complaints), alarms=alarms, wrong=wrong, named=named)


def _causes(found: Document) -> Sequence[Document]:
    """The findings that no other explains, in order."""
    return [x for x in found["findings"] if not x["because"]]


def _wrong(expect: Expect, found: Document) -> tuple[str, ...]:
    """The codes given as a cause that are neither one, nor what follows from one, nor declared to be in order."""
    causes = {x for root in expect.roots for x in root}
    said = [x["code"] for x in _causes(found) if x["severity"] != Severity.INFO]
    return tuple(x for x in said if x not in causes | set(expect.also) and not _explained(x) & causes)


@cache
def _explained(symptom: str) -> frozenset[str]:
    """The codes that explain a symptom, by any number of steps."""
    because = {x.code: x.because for x in rules()}
    known: set[str] = set()
    ahead = [symptom]
    while ahead:
        new = [x for x in because.get(ahead.pop(), ()) if x not in known]
        known.update(new)
        ahead.extend(new)
    return frozenset(known)


def _flows(expect: Expect, found: Document) -> Iterator[str]:
    """A sentence for each flow that ends otherwise than it should."""
    for key, wanted, mine in _pairs(expect, found):
        for each in mine:
            if each["disposition"] not in wanted:
                yield f"{key} of {each['target']} is {each['disposition']}, not {' or '.join(wanted)}"
        if not mine:
            yield f"{key} has no trace"


def _mistaken(expect: Expect, found: Document) -> Iterator[str]:
    """A sentence for each flow that is said to work and does not, or the reverse."""
    for key, wanted, mine in _pairs(expect, found):
        for each in mine:
            said = each["disposition"]
            if said != Disposition.INSUFFICIENT_INFO and (said in _WORKS) not in {x in _WORKS for x in wanted}:
                yield f"{key} of {each['target']} is {said}, not {' or '.join(wanted)}"


def _pairs(expect: Expect, found: Document) -> Iterator[tuple[str, tuple[str, ...], list[Document]]]:
    """For each flow expected its key, the dispositions that are right, and the traces that it speaks of."""
    for key, wanted in expect.flows.items():
        family, _, protocol = key.partition(" ")
        mine = [x for x in found["traces"] if x["family"] == family and protocol in ("", x["protocol"])]
        yield key, (wanted,) if isinstance(wanted, str) else tuple(wanted), mine
