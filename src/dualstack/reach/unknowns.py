"""Addresses with variables in them: which families a variable can have, and what the whole then is."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeVar

from dualstack.knowledge import table
from dualstack.model.address import BOTH, Family, family, is_address
from dualstack.model.kube import Container
from dualstack.model.question import Question
from dualstack.reach.settings import variable_name, variable_of

T = TypeVar("T")

SAMPLES = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}
"""Addresses that stand for any of their family (RFC 5737 section 3, RFC 3849 section 2)."""

_OF_NODE = "status.hostIP"
FIRST_ADDRESS = ("status.podIP", _OF_NODE)
"""Fields of the downward API that hold one address, that of the first family."""

REFERENCE = re.compile(r"\$\{[^{}]*\}|\$\([^()]*\)")


@cache
def _names() -> re.Pattern[str]:
    return re.compile("|".join(x["name"] for x in table("address_variables")))


def families(reference: str, container: Container | None, question: Question) -> tuple[Family, ...]:
    """The families that the address in a variable can have; none where it holds no address as far as is known."""
    variable, name = variable_of(reference, container), variable_name(reference)
    if variable is None or (variable.value is None and not variable.field):
        return _of_first(question) if _names().fullmatch(name) else ()
    # What fails with an IPv6 address of a node is told of the clients that have it.
    if variable.field == _OF_NODE and question.nodes == (Family.IPV4,):
        return question.nodes
    if variable.field:
        return _of_first(question) if variable.field in FIRST_ADDRESS else ()
    said = variable.value.text if variable.value else ""
    return (family(said),) if is_address(said) else ()


def wanted(question: Question) -> tuple[Family, ...]:
    """The families that clients use by the user's word: those insisted on, or those of the cluster; none if unsaid."""
    return question.expect or question.cluster


def may_matter(family: Family, question: Question) -> bool:
    """Whether a client can use a family, as far as anybody has said."""
    return family in (wanted(question) or BOTH)


def _of_first(question: Question) -> tuple[Family, ...]:
    """The families that the first address of a pod or a node can have: those that some have, else what is said."""
    if question.first:
        return question.first
    if question.cluster:
        return question.cluster[:1]
    return question.expect if len(question.expect) == 1 else BOTH


def outcomes(
    value: str, container: Container | None, question: Question, judge: Callable[[str], T]
) -> Mapping[Family, T]:
    """What `judge` makes of a text with an address of each possible family in place of its variables.

    Of one whose variables all have values it is what stands for IPv6. Empty where a variable holds no address.
    """
    references = dict.fromkeys(REFERENCE.findall(value))
    if not references:
        return {Family.IPV6: judge(value)}
    each = [families(x, container, question) for x in references]
    if not each or not all(each):
        return {}
    shared = [x for x in BOTH if all(x in y for y in each)]
    return {x: judge(REFERENCE.sub(SAMPLES[x], value)) for x in shared}
