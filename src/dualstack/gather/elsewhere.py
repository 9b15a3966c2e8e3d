"""Services of the same name in other namespaces that have endpoints, where one selects no pods: somebody moved them."""

from collections.abc import Callable, Iterable, Iterator

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker, equal
from dualstack.gather.kube_objects import Refused, parts, text
from dualstack.gather.pages import page
from dualstack.gather.reasons import alone
from dualstack.model.evidence import Missing
from dualstack.model.world import Object, World, part
from dualstack.reach.aims import is_otlp
from dualstack.reach.nowhere import alike
from dualstack.reach.rights import Right, refused

_SERVICES = 4
"""Services without pods whose name is looked for."""
_DENIED = 403


def elsewhere(ask: Asker, tell: Callable[[str], None]) -> None:
    """Note the Services of other namespaces that have the name of one without pods. Raises Unreachable."""
    for service in [*alone(ask.world)][:_SERVICES]:
        name = text(service, "metadata", "name")
        tell(f"Services of other namespaces that are called {name}, which selects no pods here")
        try:
            _note(ask.world, service, _near(ask, service, name))
        except Refused as error:
            right = Right("list", "services")
            why = refused(right, "workloads", " in all namespaces") if error.status == _DENIED else error.why
            ask.world.gaps.append(Missing("Services of the same name elsewhere", why))
            return


def elsewhere_in(whole: World, world: World) -> None:
    """Note the same from a world that holds more."""
    held = whole.objects.get(kinds.SLICES.kind, ())
    for service in alone(world):
        name, space = text(service, "metadata", "name"), text(service, "metadata", "namespace")
        named = (x for x in whole.objects.get(kinds.SERVICES.kind, ()) if text(x, "metadata", "name") == name)
        others = {text(x, "metadata", "namespace") for x in named if _is_otlp(x)} - {space}
        served = sorted(x for x in others if _is_served(y for y in held if _leads(y, x, name)))
        _note(world, service, (x for x, _ in alike((space, name), [(x, name) for x in served])))


def _near(ask: Asker, service: Object, name: str) -> Iterator[str]:
    here = text(service, "metadata", "namespace")
    others = [(x, name) for x in ask.api.places(kinds.SERVICES, name) if x != here]
    for space, _ in alike((here, name), others):
        found = ask.api.object(kinds.SERVICES, space, name)
        if found and _is_otlp(found) and _is_served(ask.api.objects(kinds.SLICES, space, equal({kinds.LED_BY: name}))):
            yield space


def _note(world: World, service: Object, spaces: Iterable[str]) -> None:
    name, here = text(service, "metadata", "name"), text(service, "metadata", "namespace")
    world.meant = list(dict.fromkeys((*world.meant, *((here, name, x, name) for x in spaces))))


def _is_otlp(service: Object) -> bool:
    return any(is_otlp(x) for x in page([service], kinds.SERVICES).items if x)


def _leads(item: Object, space: str, name: str) -> bool:
    return (text(item, "metadata", "namespace"), text(item, "metadata", "labels", kinds.LED_BY)) == (space, name)


def _is_served(slices: Iterable[Object]) -> bool:
    return any(part(y, "conditions").get("ready") is not False for x in slices for y in parts(x, "endpoints"))
