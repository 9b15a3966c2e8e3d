"""A cluster under diagnosis: whom to ask, what its API server says, and what it lets in from outside.

    target -> objects -> (looks from outside, looks inside) -> `conclusion.py` -> diagnosis

Beside `pipeline.py`, which looks at a host, and `review.py`, which looks at files: the objects of a cluster are judged
as files, too. A question about one Service is answered in the time of a few requests, so what only some questions need
is loaded when they are asked, and the reasoning while the first answers are on their way.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from dualstack.gather.again import read_again
from dualstack.gather.ahead import Ahead
from dualstack.gather.beyond import beyond
from dualstack.gather.by_hand import by_hand
from dualstack.gather.cluster import Asker, begin, of
from dualstack.gather.elsewhere import elsewhere, elsewhere_in
from dualstack.gather.kinds import NAMESPACES, POLICIES
from dualstack.gather.kube_api import Api
from dualstack.gather.kube_objects import text
from dualstack.gather.kubeconfig import Access, access
from dualstack.gather.lags import templates_in
from dualstack.gather.logs import holders_in, last_lines
from dualstack.gather.reasons import reasons, reasons_in
from dualstack.gather.senders import every_sender, senders, strangers
from dualstack.gather.spaces import spaces
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.evidence import Missing
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget, kube_target
from dualstack.model.world import PEERS, World

if TYPE_CHECKING:
    from dualstack.gather.inside import Inside
    from dualstack.rules.registry import Rule

Tell = Callable[[str], None]

WAYS = Missing(
    "the ways from the clients' nodes",
    "nothing was exported from there; `--matrix` does that for a Service, from each node",
)
"""What is not seen without Jobs."""
_PAUSE = 30.0
"""Seconds that an API server may pause within an answer; it gives up itself after 60 (--request-timeout)."""
_WHOLE = 120.0
"""Seconds for all the objects of one target."""
_LISTS = 1800.0
"""Seconds for the lists of a whole cluster."""


class ClusterRequest(msgspec.Struct, frozen=True):
    """One call for a diagnosis of a cluster: the target, how the API server is reached, and the rules, None for all.

    `namespace` is empty for that of the context. `stored` is a file or a folder that is asked in the place of an API
    server; it may know the target itself. `inside` says what containers may be started.
    """

    target: KubeTarget | None
    question: Question = Question()
    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    environ: Mapping[str, str] = {}
    seconds: float = 10.0
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
    with Api(found, max(request.seconds, _PAUSE), tell) as api, Ahead(api) as ahead:
        asker = Asker(ahead, namespace)
        with api.within(_WHOLE):
            begin(asker, target)
            _load()
            world = of(asker, target)
            read_again(ahead, world, tell)
            reasons(asker, tell)
            elsewhere(asker, tell)
            by_hand(asker)
            if request.question.probing and not world.clients:
                from dualstack.gather.onward import by_others

                pods = senders(asker)
                world.clients += by_others(asker, pods)
                strangers(asker)
            spaces(asker)
            last_lines(api, world, tell)
            for further in beyond(asker):
                reasons(further, tell)
                elsewhere(further, tell)
                spaces(further)
                last_lines(api, further.world, tell)
        world.target, world.namespace = str(request.target), namespace
        _look(api, world, request, tell)
    return _dated(world, found)


def _everything(found: Access, request: ClusterRequest, tell: Tell) -> World:
    """What leads to every Service for OTLP and every Collector."""
    from dualstack.gather.survey import survey

    with Api(found, max(request.seconds, _PAUSE), tell) as api:
        with Ahead(api) as ahead, api.within(_LISTS):
            asker = Asker(ahead, request.namespace)
            world = survey(asker)
            read_again(ahead, world, tell)
            reasons(asker, tell)
            last_lines(api, world, tell)
        world.target, world.namespace = str(EVERYTHING), request.namespace
        world.gaps.append(WAYS)
        if request.question.probing:
            from dualstack.looks import from_outside_everywhere

            from_outside_everywhere(api, world, request.question, request.seconds, tell)
    return _dated(world, found)


def _dated(world: World, found: Access) -> World:
    world.vantage = f"{found.server}, by the context {found.context}"
    world.gathered = datetime.now(UTC).isoformat(timespec="seconds")
    return world


def _load() -> None:
    """Load what judges, which takes as long as an API server takes to answer."""
    from dualstack.conclusion import Sight  # noqa: F401
    from dualstack.rules.registry import rules

    rules()


def _look(api: Api, world: World, request: ClusterRequest, tell: Tell) -> None:
    """Look at the target's pods from outside and from inside, as far as the user allows it."""
    if not (request.inside and request.inside.jobs):
        world.gaps.append(WAYS)
    if not (request.question.probing or request.inside):
        return
    from dualstack.looks import from_inside, from_outside

    if request.question.probing:
        from_outside(api, world, request.question, request.seconds, tell)
    if request.inside:
        from_inside(api, world, request.question, request.inside, request.seconds, tell)


def stored(request: ClusterRequest) -> World:
    """What a file, or a folder of what `kubectl get` wrote, holds for a question. Raises BadInput."""
    from dualstack.gather.dumps import read_world
    from dualstack.gather.onward import by_all
    from dualstack.gather.stored import Stored

    whole = read_world(request.stored)
    target = request.target or kube_target(whole.target) or EVERYTHING
    namespace = request.namespace or whole.namespace or ("" if target == EVERYTHING else "default")
    if (whole.target, whole.namespace) == (str(target), namespace):
        return whole
    asker = Asker(Stored(whole), namespace)
    asker.world.engines, asker.world.dns = whole.engines, whole.dns
    if target == EVERYTHING:
        from dualstack.gather.survey import survey

        world = survey(asker)
    else:
        world = of(asker, target)
        if not world.asking:
            every_sender(asker, whole, by_all(whole) if not whole.target else ())
    world.seen, world.target, world.namespace = whole.seen, str(target), namespace
    world.unseen |= whole.unseen
    world.other_policies = whole.other_policies
    world.vacant = list(dict.fromkeys((*whole.vacant, *world.vacant)))
    near = {
        *(x.namespace for x in world.clients),
        *(text(x, "metadata", "namespace") for x in world.objects.get("Pod", ())),
    }
    theirs = [x for x in whole.objects.get(POLICIES.kind, ()) if text(x, "metadata", "namespace") in near]
    if theirs:
        world.keep(POLICIES.kind, *theirs)
    _as_stored(whole, world)
    world.pseudonymised, world.vantage, world.gathered = whole.pseudonymised, whole.vantage, whole.gathered
    world.gaps = list(dict.fromkeys((*whole.gaps, *world.gaps)))
    for further in beyond(asker) if target != EVERYTHING else ():
        _as_stored(whole, further.world)
    return world


def _as_stored(whole: World, world: World) -> None:
    """Note what else a world that holds more says of one."""
    from dualstack.gather.stored import unheld

    world.unheld = list(dict.fromkeys(unheld(whole, world)))
    reasons_in(whole, world)
    holders_in(whole, world)
    elsewhere_in(whole, world)
    templates_in(whole, world)
    for kind in (NAMESPACES.kind, PEERS):
        world.keep(kind, *whole.objects.get(kind, ()))
