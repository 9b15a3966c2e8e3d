"""What the Operator was told to make, and where these were stored what runs the Operator."""

import contextlib

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import Refused, parts, text
from dualstack.gather.stored import Stored
from dualstack.reach.nowhere import MADE

_DEPLOYMENTS = kinds.WORKLOADS["Deployment"]
_OPERATOR = "opentelemetry-operator"


def named(ask: Asker, key: tuple[str, str]) -> None:
    """Note the Collector that a Service which is not there is called after, of an API server."""
    found = MADE.fullmatch(key[1])
    if found and not isinstance(ask.api, Stored):
        ask.one(kinds.COLLECTORS, found["name"], key[0])


def unmade(ask: Asker, namespace: str) -> None:
    """Note the Collectors that the Operator makes in a namespace, where a Service is not there, and the Operator."""
    if not isinstance(ask.api, Stored):
        return
    with contextlib.suppress(Refused):
        made = ask.api.objects(kinds.COLLECTORS, namespace)
        ask.world.keep(kinds.COLLECTORS.kind, *made)
        for item in ask.api.objects(_DEPLOYMENTS) if made else ():
            images = [text(x, "image") for x in parts(item, "spec", "template", "spec", "containers")]
            if any(_OPERATOR in x for x in images):
                ask.world.keep(_DEPLOYMENTS.kind, item)
