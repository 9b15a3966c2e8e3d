"""Ways in that leave a prefix in the path of requests, where no receiver of OTLP serves what begins so."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from dualstack.knowledge import table
from dualstack.model.address import Protocol
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.paths import UNSTRIPPED, served_at
from dualstack.reach.routes import Route

_PLAIN = re.compile(r"(?:/[\w.~-]+)+/?")
"""A path that stands for itself in any syntax of patterns, but for the dot."""


def unstripped(route: Route, ways: Sequence[Route], proxy: str) -> Iterator[TracedHop]:
    """The hop at which all requests by a way end that its proxy leads on as they are; none where one may be served."""
    path, ends = route.way.path.rstrip("/"), [served_at(x) for x in route.receivers]
    known = all(x.protocol is Protocol.HTTP for x in route.receivers) and all(ends) and _PLAIN.fullmatch(path)
    beside = (x.way.path for x in ways if x.gate == route.gate and x.way.service.text == route.way.service.text)
    if not (ends and known and _keeps(route, proxy)):
        return
    if any(_is_below(z, y) for x in ends for z in x for y in (path, *beside)):
        return
    called = route.gate.meta.called
    why = f"{called} leads requests for `{path}` on with that path, and the receiver serves `{ends[0][0]}` and its like"
    fact = Evidence(path, called, Layer.DECLARED)
    yield TracedHop(Hop.EXPORT, Status.FAIL, why, UNSTRIPPED, (fact,))


def _keeps(route: Route, proxy: str) -> bool:
    """Whether a proxy that is known leads requests on with their path."""
    said = route.gate.meta.annotations
    row = next((x for x in table("kept_paths") if proxy in x["proxies"].split()), None)
    changed = row is None or any(fnmatchcase(x, y) for x in said for y in row["unless"].split())
    return not (changed or route.way.rewritten)


def _is_below(served: str, path: str) -> bool:
    return f"{served}/".startswith(f"{path.rstrip('/')}/")
