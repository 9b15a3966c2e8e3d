"""What an API server is asked for a question, step by step: each looks at what those before it found.

Loaded while the first answers are on their way.
"""

from collections.abc import Callable

from dualstack.gather.again import read_again
from dualstack.gather.beyond import beyond, by_themselves
from dualstack.gather.by_hand import by_hand
from dualstack.gather.cluster import Asker, of
from dualstack.gather.elsewhere import elsewhere
from dualstack.gather.kube_api import Api
from dualstack.gather.logs import last_lines
from dualstack.gather.onward import by_others
from dualstack.gather.reasons import reasons
from dualstack.gather.senders import senders, strangers
from dualstack.gather.spaces import spaces
from dualstack.gather.survey import survey
from dualstack.model.target import KubeTarget
from dualstack.model.world import World

Tell = Callable[[str], None]


def of_one(api: Api, ask: Asker, target: KubeTarget, tell: Tell, *, clients: bool) -> World:
    """What leads to a target and what is behind it; with `clients` also who else sends there. Raises BadInput."""
    world = of(ask, target)
    read_again(ask.api, world, tell)
    reasons(ask, tell, str(target))
    elsewhere(ask, tell)
    by_hand(ask)
    others = list[Asker]()
    if clients and not world.clients:
        pods = senders(ask)
        world.clients += by_others(ask, pods)
        strangers(ask)
        others = by_themselves(ask, pods)
    spaces(ask)
    last_lines(api, world, tell)
    for further in (*others, *beyond(ask)):
        reasons(further, tell)
        elsewhere(further, tell)
        spaces(further)
        last_lines(api, further.world, tell)
    return world


def of_all(api: Api, ask: Asker, tell: Tell) -> World:
    """What leads to every Service for OTLP and every Collector, of a namespace or of all. Raises Unreachable."""
    world = survey(ask)
    read_again(ask.api, world, tell)
    reasons(ask, tell)
    last_lines(api, world, tell)
    return world
