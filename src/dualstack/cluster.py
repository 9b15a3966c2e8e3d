"""A cluster under diagnosis: whom to ask, what its API server says, and what it lets in from outside.

    target -> objects -> (looks from outside, looks inside) -> `conclusion.py` -> diagnosis

Beside `pipeline.py`, which looks at a host, and `review.py`, which looks at files: the objects of a cluster are judged
as files, too. A question about one Service is answered in the time of a few requests, so what only some questions need
is loaded when they are asked, and the reasoning while the first answers are on their way.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING

import msgspec

from dualstack.gather.ahead import Ahead
from dualstack.gather.cluster import Asker, begin
from dualstack.gather.kube_api import Api
from dualstack.gather.kubeconfig import Access, access
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.evidence import Missing
from dualstack.model.probe import Options
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.model.world import World

if TYPE_CHECKING:
    from dualstack.gather.inside import Inside
    from dualstack.rules.registry import Rule

Tell = Callable[[str], None]

WAYS = Missing(
    "the ways from the clients' nodes",
    "nothing was exported from there; `--matrix` does that for a Service, from each node",
)
"""What is not seen without Jobs."""
STRANGERS = Missing("clients in other namespaces", "were not looked for; `--all` without `-n` does that")
"""What is not seen where a namespace is asked about: to list the pods of all takes long."""
_PAUSE = 30.0
"""Seconds that an API server may pause within an answer; it gives up itself after 60 (--request-timeout)."""
_WHOLE = 120.0
"""Seconds for all the objects of one target."""
_LISTS = 1800.0
"""Seconds for the lists of a whole cluster."""


class ClusterRequest(msgspec.Struct, frozen=True):
    """One call for a diagnosis of a cluster: the target, how the API server is reached, and the rules, None for all.

    `namespace` is empty for that of the context. `stored` is a file or a folder that is asked in the place of an API
    server; it may know the target itself. `options` are those of the exports, `inside` says what containers may be
    started.
    """

    target: KubeTarget | None
    question: Question = Question()
    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    environ: Mapping[str, str] = {}
    options: Options = Options(10.0)
    chosen: "Callable[[], tuple[Rule, ...]] | None" = None
    stored: str = ""
    inside: "Inside | None" = None


def diagnose(request: ClusterRequest, tell: Tell = lambda _: None) -> Diagnosis:
    """Gather, look from outside, predict and judge.

    Raises BadInput where there is no such target, no kubeconfig or no API server, and for a file that cannot be read.
    """
    world = stored(request) if request.stored else gather(request, tell)
    chosen = request.chosen() if request.chosen else None
    if world.target == str(EVERYTHING):
        from dualstack.overview import conclude_all

        return conclude_all(world, request.question, chosen)
    from dualstack.conclusion import conclude

    return conclude(world, request.question, chosen)


def gather(request: ClusterRequest, tell: Tell = lambda _: None) -> World:
    """What a diagnosis needs of a cluster. Raises BadInput."""
    found = access(request.kubeconfig, request.context, request.environ)
    target = request.target or EVERYTHING
    if target == EVERYTHING:
        return _everything(found, request, tell)
    namespace = request.namespace or found.namespace
    with Api(found, max(request.options.seconds, _PAUSE), tell) as api, Ahead(api) as ahead:
        with api.within(_WHOLE):
            asker = Asker(ahead, namespace)
            begin(asker, target)
            live = _loaded()
            world = live.of_one(api, asker, target, tell, clients=request.question.probing)
        world.target, world.namespace = str(request.target), namespace
        _look(api, world, request, tell)
    return _dated(world, found)


def _everything(found: Access, request: ClusterRequest, tell: Tell) -> World:
    """What leads to every Service for OTLP and every Collector."""
    from dualstack.gather import live

    with Api(found, max(request.options.seconds, _PAUSE), tell) as api:
        with Ahead(api) as ahead, api.within(_LISTS):
            world = live.of_all(api, Asker(ahead, request.namespace), tell)
        world.target, world.namespace = str(EVERYTHING), request.namespace
        world.gaps += [WAYS, STRANGERS] if request.namespace else [WAYS]
        if request.question.probing:
            from dualstack.looks import from_outside_everywhere

            from_outside_everywhere(api, world, request.question, request.options, tell)
    return _dated(world, found)


def _dated(world: World, found: Access) -> World:
    world.vantage = f"{found.server}, by the context {found.context}"
    world.gathered = datetime.now(UTC).isoformat(timespec="seconds")
    return world


def _loaded() -> ModuleType:
    """What goes on to ask; with what judges, since to load both takes as long as an API server takes to answer."""
    from dualstack.conclusion import Sight  # noqa: F401
    from dualstack.gather import live
    from dualstack.rules.registry import rules

    rules()
    return live


def _look(api: Api, world: World, request: ClusterRequest, tell: Tell) -> None:
    """Look at the target's pods from outside and from inside, as far as the user allows it."""
    if not (request.inside and request.inside.jobs):
        world.gaps.append(WAYS)
    if not (request.question.probing or request.inside):
        return
    from dualstack.looks import from_inside, from_outside

    if request.question.probing:
        from_outside(api, world, request.question, request.options, tell)
    if request.inside:
        from_inside(api, world, request.question, request.inside, request.options, tell)


def stored(request: ClusterRequest) -> World:
    """What a file, or a folder of what `kubectl get` wrote, holds for a question. Raises BadInput."""
    from dualstack.gather.kept import kept

    return kept(request.stored, request.target, request.namespace)
