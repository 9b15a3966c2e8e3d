"""Services that are other names, and where these lead in the end."""

import msgspec

from dualstack.model.address import is_address
from dualstack.model.cluster import Cluster, Service
from dualstack.reach.client_dns import DOMAIN, is_surely_within, strange
from dualstack.reach.nowhere import is_worldly

MOST = 8
"""Aliases of aliases that are followed (CoreDNS, plugin/pkg/upstream: it asks itself again, as resolvers do)."""


class End(msgspec.Struct, frozen=True):
    """Where an alias leads: to a Service, or with `dead` surely nowhere; neither where that is out of sight.

    `said` are the names that it stands for, one after the other. `abroad` says that the last is of another domain than
    the cluster has, to which nameservers may forward.
    """

    said: tuple[str, ...]
    service: Service | None = None
    dead: str = ""
    abroad: str = ""


def half_of(name: str) -> tuple[str, ...]:
    """The namespace and name of the Service that a name of two labels is half of; empty where it may be of the world.

    A program would complete it by its search domains; to what an alias stands for none is added.
    """
    service, _, namespace = name.partition(".")
    return (namespace, service) if namespace and "." not in namespace and not is_worldly(namespace) else ()


def end_of(alias: Service, cluster: Cluster) -> End:
    """Where a Service of type ExternalName leads to in the end.

    The name goes out as it is written: no search domain is added to it, in CoreDNS or by who asks (measured). One that
    looks like an address is a name as well (Kubernetes documentation, Service, Type: ExternalName).
    """
    said = list[str]()
    for _ in range(MOST):
        said.append(alias.spec.external_name or "nothing")
        to = alias.alias
        if is_address(said[-1]):
            return End(tuple(said), dead="which is an address, and is looked up as a name all the same")
        if to is None:
            half = next(iter(half_of(said[-1])), "") in cluster.namespaces
            rest = f": `.svc.{next(iter(cluster.domains), DOMAIN)}` is missing" if half else ""
            within = half or is_surely_within(said[-1])
            return End(tuple(said), dead=f"which is no whole name, and gets no search domain{rest}" if within else "")
        odd, surely_none = strange(said[-1], cluster.domains, cluster.slips)
        if odd:
            why = f"which {odd}"
            return End(tuple(said), dead=why if surely_none else "", abroad=why)
        found = cluster.service(*to)
        if found is None:
            gone = f"and there is no Service `{to[1]}` in the namespace `{to[0]}`"
            return End(tuple(said), dead="" if "Service" in cluster.unseen and to not in cluster.absent else gone)
        if found.spec.type != "ExternalName":
            return End(tuple(said), found)
        alias = found
    return End(tuple(said), dead="and so on: they are names of each other")
