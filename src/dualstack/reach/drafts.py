"""What becomes of the endpoints of a configuration that does not run yet, as far as the files tell."""

from collections.abc import Iterator

import msgspec

from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.sockets import Runtime
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
        return (declared, Evidence(self.bound.error, "knowledge of what Go binds", Layer.DECLARED))


def faults(deployments: Deployments, question: Question, code: str) -> Iterator[Fault]:
    """The endpoints that cannot be bound for the reason that a rule speaks of."""
    for item in deployments.items:
        for endpoint in item.config.endpoints:
            bound = failure(endpoint, question)
            if bound and bound.cause == code:
                yield Fault(item, endpoint, bound)


def failure(endpoint: DeclaredEndpoint, question: Question) -> Bound | None:
    """Why an endpoint cannot be bound anywhere that the user may mean; None where it can be, or may be."""
    if endpoint.cause:
        return Bound(error=endpoint.problem, cause=endpoint.cause)
    return certain(endpoint, endpoint.effective, question)


def certain(endpoint: DeclaredEndpoint, address: str, question: Question) -> Bound | None:
    """Why an address in the place of an endpoint's cannot be bound anywhere that the user may mean."""
    found = possible(BindRequest(address, endpoint.network, endpoint.call, Runtime.GO), question.cluster)
    return found[0] if all(x.error for x in found) else None
