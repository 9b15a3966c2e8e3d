"""What the Operator was told to make, and what runs the Operator, where these were stored."""

import contextlib

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import Refused, parts, text
from dualstack.gather.stored import Stored
from dualstack.reach.operator import resource_for

_DEPLOYMENTS = kinds.WORKLOADS["Deployment"]
_OPERATOR = "opentelemetry-operator"


def unmade(ask: Asker, key: tuple[str, str]) -> None:
    """Note the Collector of which the Operator would make a Service that is not there.

    Of what was stored the Operator itself is noted as well.
    """
    namespace, name = key
    made_of = resource_for(name)
    if not isinstance(ask.api, Stored):
        if made_of:
            ask.one(kinds.COLLECTORS, made_of, namespace)
        return
    with contextlib.suppress(Refused):
        made = [x for x in ask.api.objects(kinds.COLLECTORS, namespace) if text(x, "metadata", "name") == made_of]
        ask.world.keep(kinds.COLLECTORS.kind, *made)
        for item in ask.api.objects(_DEPLOYMENTS) if made else ():
            images = [text(x, "image") for x in parts(item, "spec", "template", "spec", "containers")]
            if any(_OPERATOR in x for x in images):
                ask.world.keep(_DEPLOYMENTS.kind, item)
