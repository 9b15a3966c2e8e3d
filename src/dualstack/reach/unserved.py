"""Families that a Service hands out and that no listener behind it takes, as far as the files tell."""

from dualstack.model.address import BOTH, Family
from dualstack.model.deployed import Deployments, Sender
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.reach.callers import services
from dualstack.reach.destination import read
from dualstack.reach.families import has_both
from dualstack.reach.served import single, taken


def unserved(sender: Sender, deployments: Deployments, question: Question) -> tuple[Family, ...]:
    """The families of a sender's Service on which its port is refused; none where a listener is not known."""
    service, port = sender.service, read(sender.destination.value, sender.destination.form).port
    if service is None or has_both(service, question) is not True:
        return ()
    ports = {x.number.text for x in service.ports}
    behind = [
        taken(endpoint, question) or frozenset(single(item, endpoint, question))
        for item in deployments.items
        for endpoint in item.config.endpoints
        if port in ports and _leads(sender, endpoint, port) and any(x is service for x, _ in services(item, endpoint))
    ]
    if not behind or not all(behind):
        return ()
    return tuple(x for x in BOTH if not any(x in y for y in behind))


def _leads(sender: Sender, endpoint: DeclaredEndpoint, port: str) -> bool:
    """Whether a port of a Service can be that of a listener: what is spoken there is what the sender speaks."""
    return endpoint.protocol is sender.destination.protocol or endpoint.effective.endswith(f":{port}")
