"""The domains of a cluster, of which names of its Services end in one."""

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dualstack.gather import kinds
from dualstack.gather.kube_objects import Refused, text
from dualstack.gather.stored import Stored
from dualstack.reach import cluster_dns
from dualstack.reach.client_dns import domain, is_foreign, slips, zones

if TYPE_CHECKING:
    from dualstack.gather.cluster import Asker


def domains(ask: "Asker", hosts: Iterable[str]) -> None:
    """Note the domains of the cluster, where somebody names one that clusters mostly do not have.

    Where they were stored, wherever one names any.
    """
    stored, world = isinstance(ask.api, Stored), ask.world
    foreign = [x for x in hosts if is_foreign(x) or (stored and domain(x))]
    if foreign and not world.domains:
        with contextlib.suppress(Refused):
            said = ask.api.object(kinds.CONFIG_MAPS, cluster_dns.NAMESPACE, "coredns") or {}
            world.domains = list(zones(text(said, "data", "Corefile")))
    world.slips = list(dict.fromkeys((*world.slips, *slips(foreign, world.domains))))
