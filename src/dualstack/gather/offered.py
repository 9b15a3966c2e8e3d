"""Which clients name a port that their Service lacks, where no flow to a Service that is asked about tells of it."""

from collections.abc import Collection

from dualstack.model.cluster import Service
from dualstack.model.exporter import Exporter

Key = tuple[str, str]
"""A namespace and a name."""


class Offered:
    """The ports of Services, as they come.

    A name of a headless one leads to its pods, which listen on what ports they like; that of an alias to the ports of
    what it stands for.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self._ports: dict[Key, frozenset[int]] = {}
        self._addresses: dict[str, Key] = {}
        self._aliases: dict[Key, Key] = {}
        self._told: set[Key] = set()

    def see(self, service: Service, *, told: bool) -> None:
        """Note the ports of a Service; of one that is asked about by itself it is `told` anyway who lacks which."""
        key = (service.metadata.namespace, service.metadata.name)
        self._told |= {key} if told else set()
        self._addresses.update(dict.fromkeys(service.addresses, key))
        if service.alias:
            self._aliases[key] = service.alias
        elif not service.headless and service.spec.type != "ExternalName":
            self._ports[key] = frozenset(x.port for x in service.spec.ports or () if x.protocol == "TCP")

    def lacks(self, one: Exporter) -> bool:
        """Whether the Service that a client means is there, and lacks the port, of which nobody is told yet."""
        key, target = self._meant(one), one.target
        if key is None or key in self._told or target is None:
            return False
        ports = self._ports.get(self._aliases.get(key, key))
        return ports is not None and target.port not in ports

    def lacking(self, clients: Collection[Exporter]) -> list[Key]:
        """The Services that lack the ports of those of some clients that come to them, and of which nobody is told yet.

        One to which others of them come is left out: what becomes of these follows from more than its ports.
        """
        ends = [(self._aliases.get(key, key), self.lacks(x)) for x in clients if (key := self._meant(x))]
        met = {end for end, lacks in ends if not lacks} | self._told
        return list(dict.fromkeys(end for end, lacks in ends if lacks and end not in met))

    def _meant(self, one: Exporter) -> Key | None:
        """The Service that a client names, or whose address it names."""
        return one.service or self._addresses.get(one.host)
