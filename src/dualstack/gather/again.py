"""What contradicts itself because a controller was at work while it was read: it is read again, a few times."""

import contextlib
import time
from collections.abc import Callable, Mapping

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker, Source, behind, equal
from dualstack.gather.kube_objects import Refused, text, texts
from dualstack.model.cluster import Service
from dualstack.model.world import Object, World
from dualstack.reach.endpoint_lag import lagging

_TIMES, _SECONDS = 3, 1.0
"""A rollout on three nodes shows in the EndpointSlices of both families within 2 s of the pods (1.34.4, measured)."""
_MOST = 16
"""Services that are read again."""
_JUDGED = (kinds.SERVICES.kind, kinds.SLICES.kind, kinds.PODS.kind)


def read_again(api: Source, world: World, tell: Callable[[str], None]) -> None:
    """Replace the endpoints and the pods of Services where they contradict each other. Raises Unreachable."""
    for _ in range(_TIMES):
        judged = World(objects={x: world.objects.get(x, []) for x in _JUDGED})
        late = list(lagging(judged.cluster()))[:_MOST]
        if not late:
            return
        tell(f"endpoints and pods of {late[0].called} again, for they contradict each other")
        time.sleep(_SECONDS)
        with contextlib.suppress(Refused):  # what is known stays
            for service in late:
                _replace(Asker(api, service.metadata.namespace, world), service)


def _replace(ask: Asker, service: Service) -> None:
    """The slices and pods of a Service as they are now. Raises Refused."""
    led = {kinds.LED_BY: service.metadata.name}
    selector = service.spec.selector or {}
    slices = ask.api.objects(kinds.SLICES, ask.namespace, equal(led))
    pods = ask.api.objects(kinds.PODS, ask.namespace, equal(selector))
    _instead(ask, kinds.SLICES.kind, led, slices)
    _instead(ask, kinds.PODS.kind, selector, pods)
    behind([(ask, pods)])


def _instead(ask: Asker, kind: str, labels: Mapping[str, str], found: list[Object]) -> None:
    def is_old(item: Object) -> bool:
        return text(item, "metadata", "namespace") == ask.namespace and (
            labels.items() <= texts(item, "metadata", "labels").items()
        )

    ask.world.objects[kind] = [x for x in ask.world.objects.get(kind, ()) if not is_old(x)]
    ask.world.keep(kind, *found)
