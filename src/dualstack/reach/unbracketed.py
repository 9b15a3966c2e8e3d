"""Endpoints whose variable holds an address, before a port, without brackets around it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.address import Family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.source import Written
from dualstack.model.trace import Hop
from dualstack.reach.edits import fix, quoted
from dualstack.reach.start import Failure
from dualstack.reach.unknowns import REFERENCE

_HOST = re.compile(rf"(?P<before>^|//|@)(?P<host>{REFERENCE.pattern})(?=:)")
_IN_BRACKETS = r"\g<before>[\g<host>]"


def bracketed(text: str) -> tuple[str, str]:
    """An endpoint with brackets around the variable that is its host, and the variable; both empty for others."""
    found = _HOST.search(text)
    return (_HOST.sub(_IN_BRACKETS, text), found["host"]) if found else ("", "")


def unbracketed(
    written: Written, field: str, codes: Mapping[Family, str], *, either: bool, instead: str
) -> Iterator[Finding]:
    """What is to be said of an endpoint, if it is one; `codes` are the rules that it breaks with each family.

    `either` says that brackets are right around an address of either family; or else `instead` is, too.
    """
    variable = REFERENCE.search(written.text)
    if variable is None or codes.get(Family.IPV6) != "DS101":
        return
    only = Family.IPV4 not in codes
    meant = _HOST.sub(_IN_BRACKETS, written.text)
    if meant == written.text:
        return
    shown = quoted(written, meant)
    safe = either or only
    yield Finding(
        summary="Address variable without brackets",
        detail=f"With an IPv6 address in `{variable[0]}` this is no address with a port any more: too many colons."
        + ("" if only else " Nobody says which family it has; `--cluster-families` does."),
        hint=f"Write `{shown}`." if safe else f"Write `{shown}` where the addresses are IPv6, or {instead}.",
        severity=Severity.ERROR if only else Severity.WARNING,
        families=(Family.IPV6,),
        confidence=Confidence.DECLARED,
        evidence=(Evidence(written.text, field, Layer.DECLARED),),
        location=written.at,
        fix=fix(f"Write `{meant}`", Applicability.SAFE if safe else Applicability.MANUAL, written, meant),
    )


def evidence_of(failure: Failure, every: Sequence[Failure]) -> tuple[Evidence, ...]:
    """What is known of an endpoint that ended a Collector, and was not said of another one."""
    others = [x.endpoint.value for x in every if x.endpoint.value != failure.endpoint.value]
    met = (x for flow in failure.flows for x in flow.at(Hop.LISTEN).evidence if x.layer is not Layer.DECLARED)
    told = (x for x in met if not any(y in x.fact for y in others))
    return (*failure.evidence, *dict.fromkeys(told))


def together(found: Sequence[Finding]) -> Iterator[Finding]:
    """The endpoints of one Collector as one finding: it starts when all of them are mended."""
    for first in found[:1]:
        fixes = [x.fix for x in found if x.fix]
        evidence = dict.fromkeys(y for x in found for y in x.evidence)
        edits = tuple(y for x in fixes for y in x.edits)
        yield replace(
            first,
            hint=f"{_write(x.hint.rstrip('.') for x in found)}.",
            evidence=tuple(evidence),
            fix=replace(fixes[0], title=_write(x.title for x in fixes), edits=edits),
        )


def _write(texts: Iterable[str]) -> str:
    return f"Write {', '.join(dict.fromkeys(x.removeprefix('Write ') for x in texts))}"
