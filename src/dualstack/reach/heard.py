"""Who sends where, by host and port."""

from collections.abc import Iterator, Mapping

import msgspec

from dualstack.model.deployed import Sender, Senders
from dualstack.model.kube import Container, Workload
from dualstack.reach.destination import read
from dualstack.reach.settings import variable_of

_NODE = "status.hostIP"


class Heard(msgspec.Struct, frozen=True):
    """Senders to a loopback address by port, each with its host, and all others by host and port.

    `at_nodes` are those by port that send to the address of the node that they run on.
    """

    local: Mapping[str, tuple[tuple[str, Sender], ...]] = {}
    named: Mapping[tuple[str, str], tuple[Sender, ...]] = {}
    at_nodes: Mapping[str, tuple[Sender, ...]] = {}

    def beside(self, workload: Workload, container: Container) -> bool:
        """Whether another container of the same pod sends to the loopback, to whichever port."""
        every = (x for sent in self.local.values() for _, x in sent if x.workload is workload)
        return any(x.container is not container for x in every)

    def from_elsewhere(self, workload: Workload, port: int) -> Iterator[tuple[str, Sender]]:
        """The senders of other services of a Compose file, and the name of this one that they use."""
        for name in workload.names:
            for sender in self.named.get((name, str(port)), ()):
                other = sender.workload
                if other and other is not workload and other.meta.namespace == workload.meta.namespace:
                    yield name, sender


def heard(senders: Senders) -> Heard:
    """The destinations of all, taken apart once."""
    local, named = dict[str, list[tuple[str, Sender]]](), dict[tuple[str, str], list[Sender]]()
    at_nodes = dict[str, list[Sender]]()
    for sender in senders.items:
        reading = read(sender.destination.value, sender.destination.form)
        variable = variable_of(reading.host, sender.container) if "$" in reading.host else None
        if variable and variable.field == _NODE:
            at_nodes.setdefault(reading.port, []).append(sender)
        elif reading.loopback:
            local.setdefault(reading.port, []).append((reading.host, sender))
        else:
            named.setdefault((reading.host, reading.port), []).append(sender)
    return Heard(
        {k: tuple(v) for k, v in local.items()},
        {k: tuple(v) for k, v in named.items()},
        {k: tuple(v) for k, v in at_nodes.items()},
    )
