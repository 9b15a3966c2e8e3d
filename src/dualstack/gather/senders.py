"""Clients of a question: the pods, beside those of it, that say where they export to."""

import contextlib
from collections.abc import Iterable

from dualstack.gather import clients, kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import PAGE, Refused
from dualstack.gather.pages import page
from dualstack.model.cluster import Pod
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Exporter
from dualstack.model.world import World


def senders(ask: Asker) -> tuple[Pod, ...]:
    """Note who exports where in the namespace, of the first page of its pods, which it gives."""
    try:
        found = ask.api.listed(kinds.PODS, ask.namespace, PAGE)
    except Refused:  # the pods of the Service were refused before, which is told
        return ()
    ask.world.clients = clients.of(found.items)
    if found.more:
        ask.world.gaps.append(
            Missing("clients", f"{found.more} more pods in {ask.namespace} were not looked at; `--all` looks at all")
        )
    return found.items


def every_sender(ask: Asker, whole: World, onward: Iterable[Exporter]) -> None:
    """Note who exports to the Services of a question among all pods, of any namespace, that were stored.

    `onward` are Collectors among them.
    """
    known = [x for x in page(ask.world.objects.get(kinds.SERVICES.kind, ()), kinds.SERVICES).items if x]
    names = {(x.metadata.namespace, x.metadata.name) for x in known}
    addresses = {y for x in known for y in x.addresses}
    found = whole.clients
    if not whole.target:
        with contextlib.suppress(Refused):
            found = [*clients.of(ask.api.listed(kinds.PODS).items), *onward]
    ask.world.clients = [x for x in found if x.service in names or x.host in addresses]
