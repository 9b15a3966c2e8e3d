"""Which families a Service hands out, as far as its manifest and the user tell."""

from dualstack.model.kube import Service
from dualstack.model.question import Question

_REQUIRE, _PREFER, _SINGLE = "RequireDualStack", "PreferDualStack", "SingleStack"


def has_both(service: Service, question: Question) -> bool | None:
    """Whether a Service has both families; None where the cluster decides and nobody says which it has."""
    policy = service.policy.text if service.policy else _SINGLE
    if policy == _SINGLE:
        return False
    if policy == _REQUIRE or len(service.families) > 1:
        return True
    return len(question.cluster) > 1 if policy == _PREFER and question.cluster else None
