"""What becomes of the endpoints of a configuration that does not run yet, as far as the files tell."""

from collections.abc import Iterator

import msgspec

from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.reach.bind import BindRequest, Bound, possible


class Fault(msgspec.Struct, frozen=True):
    """An endpoint that cannot be bound, who reads its configuration, and what the bind says."""

    deployed: Deployed
    endpoint: DeclaredEndpoint
    bound: Bound

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The endpoint as declared, and what binding it says."""
        declared = Evidence(self.endpoint.text or self.endpoint.default, self.endpoint.field, Layer.DECLARED)
        known = f"knowledge of what {self.endpoint.runtime} binds"
        return (declared, Evidence(self.bound.error, known, Layer.DECLARED))


def faults(deployments: Deployments, question: Question, code: str) -> Iterator[Fault]:
    """The endpoints that cannot be bound for the reason that a rule speaks of."""
    for item, endpoint in drafted(deployments):
        bound = failure(endpoint, question)
        if bound and bound.cause == code:
            yield Fault(item, endpoint, bound)


def drafted(deployments: Deployments) -> Iterator[tuple[Deployed, DeclaredEndpoint]]:
    """Every endpoint that something listens on, Collector or not, and the configuration that it stands in."""
    for item in deployments.items:
        yield from ((item, x) for x in item.config.endpoints)
    yield from ((Deployed(Declared((x,), at=x.location)), x) for x in deployments.foreign)


def failure(endpoint: DeclaredEndpoint, question: Question) -> Bound | None:
    """Why an endpoint cannot be bound anywhere that the user may mean; None where it can be, or may be."""
    if endpoint.cause:
        return Bound(error=endpoint.problem, cause=endpoint.cause)
    return certain(endpoint, endpoint.effective, question)


def certain(endpoint: DeclaredEndpoint, address: str, question: Question) -> Bound | None:
    """Why an address in the place of an endpoint's cannot be bound anywhere that the user may mean."""
    found = possible(BindRequest(address, endpoint.network, endpoint.call, endpoint.runtime), question.cluster)
    return found[0] if all(x.error for x in found) else None
