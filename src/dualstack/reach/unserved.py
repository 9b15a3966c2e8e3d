"""Families that a Service hands out and that lead nowhere, as far as the files tell."""

from collections.abc import Iterator

from dualstack.model.address import BOTH, Family
from dualstack.model.deployed import Deployed, Deployments, Sender
from dualstack.model.kube import NetworkPolicies
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.reach.callers import services
from dualstack.reach.destination import read
from dualstack.reach.families import has_both
from dualstack.reach.isolation import allowed, ingress
from dualstack.reach.served import single, taken
from dualstack.reach.start import port as number


def unserved(sender: Sender, deployments: Deployments, question: Question) -> tuple[Family, ...]:
    """The families of a sender's Service on which its port is refused; none where a listener is not known."""
    behind = [
        taken(endpoint, question) or frozenset(single(item, endpoint, question))
        for item, endpoint in _behind(sender, deployments, question)
    ]
    if not behind or not all(behind):
        return ()
    return tuple(x for x in BOTH if not any(x in y for y in behind))


def dropped(
    sender: Sender, deployments: Deployments, policies: NetworkPolicies, question: Question
) -> tuple[Family, ...]:
    """The families of a sender's Service that a NetworkPolicy keeps from every listener behind it, whoever comes."""
    behind = [
        ingress(policies, item.workload, number(endpoint))
        for item, endpoint in _behind(sender, deployments, question)
        if item.workload
    ]
    let_in = [() if any(x.others for x in rules) else allowed(rules) for rules in behind]
    if not let_in or not all(let_in):
        return ()
    return tuple(x for x in BOTH if not any(x in y for y in let_in))


def _behind(
    sender: Sender, deployments: Deployments, question: Question
) -> Iterator[tuple[Deployed, DeclaredEndpoint]]:
    """The listeners that a sender's Service of both families leads to on its port."""
    service, port = sender.service, read(sender.destination.value, sender.destination.form).port
    if service is None or port not in {x.number.text for x in service.ports} or has_both(service, question) is not True:
        return
    for item in deployments.items:
        for endpoint in item.config.endpoints:
            if _leads(sender, endpoint, port) and any(x is service for x, _ in services(item, endpoint)):
                yield item, endpoint


def _leads(sender: Sender, endpoint: DeclaredEndpoint, port: str) -> bool:
    """Whether a port of a Service can be that of a listener: what is spoken there is what the sender speaks."""
    return endpoint.protocol is sender.destination.protocol or endpoint.effective.endswith(f":{port}")
