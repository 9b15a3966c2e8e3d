"""The Service that clients mean by an address that nobody has, as far as files tell."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker, equal
from dualstack.gather.kube_objects import Refused
from dualstack.gather.pages import page
from dualstack.gather.stored import Stored
from dualstack.model.cluster import Service
from dualstack.model.exporter import Exporter
from dualstack.reach.aims import is_otlp
from dualstack.reach.exporting import is_collector
from dualstack.reach.nowhere import is_foreign


def meant(ask: Asker, address: str, port: int) -> None:
    """Note the Service that will be meant: the only one that leads to Collectors by the port that clients name."""
    known = ask.world.cluster()
    if isinstance(ask.api, Stored) and (address in known.vacant or is_foreign(address, known)):
        mine = [x.metadata for x in _taking(ask, port)]
        ask.world.meant += [("", address, x.namespace, x.name) for x in mine if len(mine) == 1]


def leads_back(service: Service, clients: Iterable[Exporter]) -> bool:
    """Whether a Service leads to the pods that ask, so that they cannot mean it."""
    home, wanted = service.metadata.namespace, (service.spec.selector or {}).items()
    return bool(wanted) and any(x.namespace == home and wanted <= dict(x.labels).items() for x in clients)


def _taking(ask: Asker, port: int) -> Iterator[Service]:
    """The Services that lead to Collectors by a port; a headless one leads to the same pods as another."""
    with suppress(Refused):
        for service in ask.api.listed(kinds.SERVICES).items:
            labels = "" if service.headless else equal(service.spec.selector or {})
            if labels and is_otlp(service) and any(x.port == port for x in service.spec.ports or ()):
                there = ask.api.objects(kinds.PODS, service.metadata.namespace, labels)
                yield from [service] if any(x and is_collector(x) for x in page(there, kinds.PODS).items) else []
