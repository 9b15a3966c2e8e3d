"""What a role has to allow for what is asked of a cluster, by feature: for its author, and for whoever is refused."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dualstack.knowledge import table

_REFUSAL = re.compile(r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"')
"""What the API server says of it (apiserver pkg/endpoints/handlers/responsewriters/errors.go, ForbiddenMessage)."""


class Right(NamedTuple):
    """One verb on one resource; an empty group is that of the core."""

    verb: str
    resource: str
    group: str = ""


def features() -> tuple[str, ...]:
    """Every feature that needs rights, that which all others build on first."""
    return tuple(dict.fromkeys(x["feature"] for x in table("rights")))


def rights(wanted: Iterable[str]) -> tuple[Right, ...]:
    """The rights that these features need, each once."""
    found = (Right(x["verb"], x["resource"], x["group"]) for x in table("rights") if x["feature"] in set(wanted))
    return tuple(dict.fromkeys(found))


def role(wanted: Sequence[str], name: str = "dualstack") -> str:
    """A ClusterRole in YAML that allows these features, one rule for each group and set of verbs."""
    lines = ["apiVersion: rbac.authorization.k8s.io/v1", "kind: ClusterRole", "metadata:", f"  name: {name}", "rules:"]
    for feature in wanted:
        lines += [f"# {feature}: {'; '.join(_losses(feature))}", *_rules(feature)]
    return "\n".join(lines) + "\n"


def _losses(feature: str) -> Iterator[str]:
    yield from dict.fromkeys(x["loses"] for x in table("rights") if x["feature"] == feature)


def _rules(feature: str) -> Iterator[str]:
    verbs = dict[tuple[str, str], list[str]]()
    for right in rights([feature]):
        verbs.setdefault((right.group, right.resource), []).append(right.verb)
    for group in dict.fromkeys(x for x, _ in verbs):
        for said in dict.fromkeys(tuple(y) for (x, _), y in verbs.items() if x == group):
            resources = (r for (x, r), y in verbs.items() if x == group and tuple(y) == said)
            yield f'- apiGroups: ["{group}"]'
            yield f"  resources: [{', '.join(resources)}]"
            yield f"  verbs: [{', '.join(said)}]"


def refused(right: Right, feature: str = "", where: str = "") -> str:
    """Why evidence is not there that needs a right; the first feature that needs it where none is named."""
    named = feature or next((x["feature"] for x in table("rights") if _of(x) == right), "")
    group = f" of the group `{right.group}`" if right.group else ""
    more = f"; see `dualstack gather --print-rbac --feature {named}`" if named else ""
    return f"not allowed{where}; a role with the verb `{right.verb}` on `{right.resource}`{group} allows it{more}"


def _of(row: dict[str, str]) -> Right:
    return Right(row["verb"], row["resource"], row["group"])


def said_of(message: str, otherwise: Right) -> Right:
    """The right that the API server names in a refusal; another one where it names none."""
    found = _REFUSAL.search(message)
    return Right(found["verb"], found["resource"], found["group"]) if found else otherwise
