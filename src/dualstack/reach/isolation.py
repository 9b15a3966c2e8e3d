"""NetworkPolicies: which of their rules let addresses reach a port of a Collector, and of which family."""

import ipaddress
from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.kube import NetworkPolicies, NetworkPolicy, PolicyPort, PolicyRule, Workload
from dualstack.reach.landscape import Landscape
from dualstack.reach.ports import otlp
from dualstack.reach.stacks import is_otlp
from dualstack.reach.start import numbered, port
from dualstack.reach.wiring import same_namespace

_FAMILIES = {4: Family.IPV4, 6: Family.IPV6}


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A block of addresses; None for a text that is none."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


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
    """The ports of the pods on which OTLP is received: by the configuration, or by the ports that they name."""
    read = [port(y) for x in land.read_by(workload) for y in otlp(x.config) if port(y)]
    named = [numbered(y.number.text) for x in workload.containers for y in x.ports if is_otlp(y.name, y.number.text)]
    return tuple(dict.fromkeys(read or filter(None, named)))


def ingress(policies: NetworkPolicies, workload: Workload, number: int) -> tuple[PolicyRule, ...]:
    """The rules that say who may reach a port of these pods; none where a policy cannot be judged."""
    mine = [x for x in policies.items if same_namespace(x.meta.namespace, workload.meta.namespace)]
    if not all(x.plain for x in mine):
        return ()
    rules = (y for x in mine if _selects(x, workload) for y in x.rules if y.direction == "ingress")
    return tuple(x for x in rules if _on(x, workload, number))


def _selects(policy: NetworkPolicy, workload: Workload) -> bool:
    return policy.selector.items() <= workload.labels.items()


def _on(rule: PolicyRule, workload: Workload, number: int) -> bool:
    """Whether a rule is about a TCP port of these pods."""
    return not rule.ports or any(_is(x, workload, number) for x in rule.ports)


def _is(said: PolicyPort, workload: Workload, number: int) -> bool:
    if said.protocol != "TCP":
        return False
    first = numbered(said.first)
    if first:
        return first <= number <= (numbered(said.last) or first)
    named = {y.name for x in workload.containers for y in x.ports if y.number.text == str(number)}
    return not said.first or said.first in named
