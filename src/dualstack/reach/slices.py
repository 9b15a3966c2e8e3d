"""What stands behind a Service without selector: EndpointSlices that somebody writes.

Sources: kubernetes 1.34.4 pkg/apis/discovery/validation, pkg/apis/core/validation ValidateEndpointIP,
pkg/proxy/endpointslicecache.go.
"""

import ipaddress
import re
from collections.abc import Iterator

from dualstack.model.address import BOTH, Family, Scope, canonical, family, is_address, parse, scope, unmapped
from dualstack.model.kube import Service, ServicePort, Slice, SliceAddress, Slices
from dualstack.model.question import Question
from dualstack.reach.landscape import Landscape
from dualstack.reach.stacks import granted
from dualstack.reach.wiring import same_namespace

NOT_CANONICAL = "not in canonical form"
"""What 1.34.4 rejects of IPv6 in an EndpointSlice, not of IPv4 and not in Endpoints; other versions may take it."""

_FAMILIES = {x.title: x for x in BOTH}
_SCOPES = {
    Scope.WILDCARD: "unspecified",
    Scope.LOOPBACK: "a loopback address",
    Scope.LINK_LOCAL: "a link-local address",
}
_MULTICAST = tuple(map(ipaddress.ip_network, ("224.0.0.0/24", "ff02::/16")))
_NOT_AN_ADDRESS = re.compile(r"\[[0-9a-fA-F:]+\](?::\d+)?|[\d.]+[:/]\d+|(?![\d.]+$)[a-z0-9-]+(?:\.[a-z0-9-]+)+")
"""Texts that are surely meant as they stand, and are no address; others may be placeholders."""


def backing(service: Service, slices: Slices, land: Landscape) -> list[Slice]:
    """The slices of a Service that has no selector and an address of its own; none where they do not tell it all."""
    alike = land.titled.get(service.meta.name, ())
    if service.type == "ExternalName" or service.headless or any(x.selector for x in alike):
        return []
    named = (x for x in slices.items if x.service == service.meta.name)
    mine = [x for x in named if same_namespace(x.meta.namespace, service.meta.namespace)]
    return mine if all(_families(x) is not None for x in mine) else []


def _families(each: Slice) -> frozenset[Family] | None:
    """The families of the ready addresses of a slice; None where that is not known, as of names."""
    if not each.addresses or (each.type and each.type.text not in _FAMILIES):
        return None
    if each.type:
        return frozenset({_FAMILIES[each.type.text]} if any(x.ready for x in each.addresses) else ())
    if not all(is_address(x.written.text) for x in each.addresses):
        return None
    return frozenset(family(x.written.text) for x in each.addresses if x.ready)


def lacking(service: Service, mine: list[Slice], question: Question) -> tuple[Family, ...]:
    """The families that a Service surely gets and none of its slices has a ready address of."""
    served = {y for x in mine for y in _families(x) or ()}
    return tuple(x for x in granted(service, question) if x not in served) if mine else ()


def unmatched(each: ServicePort, mine: list[Slice]) -> bool:
    """Whether no slice has a port of the same name and protocol as a port of the Service; numbers do not count."""
    return bool(mine) and (each.name, each.protocol) not in {(y.name, y.protocol) for x in mine for y in x.ports}


def refused(slices: Slices) -> Iterator[tuple[Slice, SliceAddress, str]]:
    """The addresses that API servers reject, and what each is instead of one that they take."""
    for each in slices.items:
        kind = each.type.text if each.type else ""
        if not each.type or kind in _FAMILIES:
            for address in each.addresses:
                wrong = _wrong(address.written.text, _FAMILIES.get(kind))
                if wrong:
                    yield each, address, wrong


def _wrong(text: str, wanted: Family | None) -> str:
    if not is_address(text):
        return "no address" if _NOT_AN_ADDRESS.fullmatch(text) else ""
    if wanted and family(text) is not wanted:
        return f"no {wanted.title} address"
    if any(parse(unmapped(text)) in x for x in _MULTICAST):
        return "a link-local multicast address"
    spelled = "%" not in text and wanted is Family.IPV6 and canonical(text) != text
    return _SCOPES.get(scope(text), NOT_CANONICAL if spelled else "")
