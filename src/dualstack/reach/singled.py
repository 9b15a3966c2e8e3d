"""Clients of which no Service tells how they fare: whether one is asked about by itself, and how soon."""

import enum
from collections.abc import Collection, Mapping
from typing import NamedTuple

from dualstack.model.address import Family, Scope, family, is_address, scope
from dualstack.model.cluster import Pod
from dualstack.model.evidence import Evidence
from dualstack.model.exporter import Exporter
from dualstack.reach.aims import is_likely
from dualstack.reach.client_dns import own_names, strange
from dualstack.reach.garbled import garbled
from dualstack.reach.sidecars import sidecar, together

Led = Mapping[tuple[str, str], tuple[Family, ...]]
"""The Services that are asked about, by namespace and name, with their families; none where these are not known."""
_OWN = (Scope.LOOPBACK, Scope.WILDCARD)


class Doubt(enum.IntEnum):
    """What the client alone tells: that it fails, that it does what others do not, or nothing; the worst first."""

    FAILS = 0
    ODD = 1
    OPEN = 2


class Around(NamedTuple):
    """What is known of the cluster: the Services that are asked about, the addresses of all, and its domains.

    `slips` are domains that are the usual one misspelt. Where it is `meshed` it decides whether a client has a proxy,
    and where it is `ruled` who a client is.
    """

    led: Led
    addresses: Collection[str] = ()
    domains: Collection[str] = ()
    slips: Collection[str] = ()
    meshed: bool = False
    ruled: bool = False


def doubt(one: Exporter, pod: Pod, known: Around) -> Doubt | None:
    """Why a client is asked about by itself; None where its Service tells what there is to tell, or nobody could."""
    host = one.host.lower()
    if one.held:
        return None if one.held.startswith("Secret ") else Doubt.OPEN
    if garbled(one, Evidence(one.says, one.place)) or "$(" in host or "{{" in host:
        return Doubt.FAILS
    if host == "localhost" or (is_address(host) and scope(host) in _OWN):
        return Doubt.OPEN if one.host_network or len(together(pod)) > 1 else Doubt.FAILS
    if is_address(host):
        lacking = bool(one.families) and family(host) not in one.families
        told = host in known.addresses and not _may_be_refused(pod, known)
        return Doubt.FAILS if lacking else None if told else Doubt.OPEN
    if host in own_names(pod):
        return Doubt.ODD
    return _by_name(one, pod, known)


def _by_name(one: Exporter, pod: Pod, known: Around) -> Doubt | None:
    service = one.service or ("", "")
    if service not in known.led:
        return Doubt.ODD if one.target and is_likely(one.host) else None
    undialled = bool(pod.families) and not one.families
    has = known.led[service]
    if undialled or (one.families and has and not set(one.families) & set(has)):
        return Doubt.FAILS
    if not pod.asks_cluster_dns or strange(one.host, known.domains, known.slips)[0]:
        return Doubt.ODD
    return Doubt.OPEN if _may_be_refused(pod, known) else None


def _may_be_refused(pod: Pod, known: Around) -> bool:
    """Whether a mesh may refuse what comes from a pod, and not what comes from others."""
    return known.ruled or (known.meshed and not sidecar(pod))
