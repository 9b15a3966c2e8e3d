"""The backends that the resolvers of the loadbalancing exporter find behind a Service."""

from collections.abc import Iterator, Mapping

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import BOTH
from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.kube import Service, Services
from dualstack.model.otel import Balancer
from dualstack.model.question import Question
from dualstack.reach.destination import read
from dualstack.reach.stacks import granted
from dualstack.reach.wiring import Called, called, named

FIRST, EVERY = "first", "every"


class Balanced(msgspec.Struct, frozen=True):
    """A resolver, the Service with both families that it asks for, and what it gets by the versions it can have."""

    balancer: Balancer
    service: Service
    rows: tuple[Mapping[str, str], ...]

    @property
    def addresses(self) -> set[str]:
        """Which addresses of a pod it can get: `first`, `every` or, of an open version, both."""
        return {x["addresses"] for x in self.rows}


def balanced(deployments: Deployments, services: Services, question: Question) -> Iterator[Balanced]:
    """Every resolver of a Service in the files that has both families."""
    known = called((*services.items, *(y for x in deployments.items for y in x.services)))
    for item in deployments.items:
        for balancer in item.config.balancers:
            service = _service(balancer, item, known)
            if service and len(granted(service, question)) == len(BOTH):
                rows = tuple(x for x in table("balancers") if x["kind"] == balancer.kind and _fits(x, item))
                yield Balanced(balancer, service, rows)


def _service(balancer: Balancer, item: Deployed, known: Called) -> Service | None:
    namespace = item.workload.meta.namespace if item.workload else ""
    return named(read(balancer.name.text, "host").host, namespace, known)


def _fits(row: Mapping[str, str], item: Deployed) -> bool:
    said = _numbers(item.config.version)
    return not said or (_numbers(row["since"]) <= said and (not row["before"] or said < _numbers(row["before"])))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(x) for x in text.split(".") if x.isdigit())
