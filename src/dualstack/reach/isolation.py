"""NetworkPolicies: which of their rules let addresses reach a port of a Collector, and of which family."""

import re
from collections.abc import Iterator

from dualstack.knowledge import table
from dualstack.model.address import BOTH, Family, network
from dualstack.model.kube import Container, NetworkPolicies, NetworkPolicy, PolicyPort, PolicyRule, Workload
from dualstack.reach.landscape import Landscape
from dualstack.reach.ports import otlp
from dualstack.reach.stacks import is_otlp
from dualstack.reach.start import numbered, port
from dualstack.reach.wiring import same_namespace

_TAG = re.compile(r":[^/:]*$")
_FAMILIES = {4: Family.IPV4, 6: Family.IPV6}


def is_part(one: str, other: str) -> bool | None:
    """Whether a block is a smaller part of another one; None where one of the texts is no block."""
    part, whole = network(one), network(other)
    if part is None or whole is None:
        return None
    return part.version == whole.version and part.prefixlen > whole.prefixlen and part.overlaps(whole)


def block_families(rule: PolicyRule) -> Iterator[Family]:
    """The families of the blocks of a rule."""
    found = (network(x.cidr.text) for x in rule.blocks)
    return (_FAMILIES[x.version] for x in found if x)


def otlp_ports(workload: Workload, land: Landscape) -> tuple[int, ...]:
    """The ports of the pods on which OTLP is received: by the configuration, or by the ports that they name.

    A container that is given nothing runs with what its image has.
    """
    read = [port(y) for x in land.read_by(workload) for y in otlp(x.config) if port(y)]
    named = [numbered(y.number.text) for x in workload.containers for y in x.ports if is_otlp(y.name, y.number.text)]
    own = [y for x in workload.containers for y in default_ports(x)]
    return tuple(dict.fromkeys(read or [x for x in named if x] or own))


def default_ports(container: Container) -> tuple[int, ...]:
    """The ports on which a container takes OTLP by the configuration in its image; none where it may have another."""
    if container.words or container.mounts or container.init:
        return ()
    name = _TAG.sub("", container.image.partition("@")[0])
    found = (x["otlp ports"] for x in table("default_configs") if re.search(x["image"], name))
    return tuple(map(int, next(found, "").split()))


def ingress(policies: NetworkPolicies, workload: Workload, number: int) -> tuple[PolicyRule, ...]:
    """The rules that say who may reach a port of these pods; none where a policy cannot be judged."""
    mine = [x for x in policies.items if same_namespace(x.meta.namespace, workload.meta.namespace)]
    if not all(x.plain for x in mine):
        return ()
    rules = (y for x in mine if covers(x, workload) for y in x.rules if y.direction == "ingress")
    return tuple(x for x in rules if _on(x, workload, number))


def alone(policies: NetworkPolicies, policy: NetworkPolicy, number: int) -> tuple[PolicyRule, ...]:
    """The rules for the pods of a policy that name a port by its number, where they let one family in and nobody else.

    The other policies that select these pods as well have their say.
    """
    same = [x for x in policies.items if same_namespace(x.meta.namespace, policy.meta.namespace)]
    mine = [x for x in same if not x.plain or x.selector.items() <= policy.selector.items()]
    rules = tuple(y for x in mine for y in x.rules if y.direction == "ingress" and _names(y, number))
    single = len(allowed(rules)) == 1 and not any(x.others for x in rules)
    return rules if single and all(x.plain for x in mine) else ()


def _names(rule: PolicyRule, number: int) -> bool:
    return not rule.ports or any(_has(x, number) for x in rule.ports)


def names(policy: NetworkPolicy, number: int) -> bool:
    """Whether a policy speaks of a port by its number."""
    return any(_has(y, number) for x in policy.rules if x.direction == "ingress" for y in x.ports)


def allowed(rules: tuple[PolicyRule, ...]) -> tuple[Family, ...]:
    """The families of the blocks that these rules let in; none where one of them lets in everybody."""
    if any(x.open for x in rules):
        return ()
    found = {y for x in rules for y in block_families(x)}
    return tuple(x for x in BOTH if x in found)


def covers(policy: NetworkPolicy, workload: Workload) -> bool:
    """Whether a policy is about these pods."""
    together = same_namespace(policy.meta.namespace, workload.meta.namespace)
    return together and policy.selector.items() <= workload.labels.items()


def _on(rule: PolicyRule, workload: Workload, number: int) -> bool:
    """Whether a rule is about a TCP port of these pods."""
    return not rule.ports or any(_is(x, workload, number) for x in rule.ports)


def _is(said: PolicyPort, workload: Workload, number: int) -> bool:
    if said.protocol != "TCP":
        return False
    if numbered(said.first):
        return _has(said, number)
    named = {y.name for x in workload.containers for y in x.ports if y.number.text == str(number)}
    return not said.first or said.first in named


def _has(said: PolicyPort, number: int) -> bool:
    """Whether the numbers of a TCP port or range hold one."""
    first = numbered(said.first)
    return said.protocol == "TCP" and 0 < first <= number <= (numbered(said.last) or first)
