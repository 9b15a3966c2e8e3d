"""What was stored of a cluster, by a snapshot or as what `kubectl get` wrote: the part that a question is about."""

from dualstack.gather.beyond import beyond
from dualstack.gather.cluster import Asker, enforced, of
from dualstack.gather.dumps import read_world
from dualstack.gather.elsewhere import elsewhere_in
from dualstack.gather.front import leading
from dualstack.gather.kinds import NAMESPACES, PODS, POLICIES
from dualstack.gather.kube_objects import key
from dualstack.gather.lags import templates_in
from dualstack.gather.logs import holders_in
from dualstack.gather.onward import by_all
from dualstack.gather.pages import page
from dualstack.gather.reasons import reasons_in
from dualstack.gather.senders import apart, every_sender, others
from dualstack.gather.singly import Chosen, ask_singly
from dualstack.gather.stored import Stored, unheld
from dualstack.gather.survey import survey
from dualstack.model.mutual import MESH_RULES
from dualstack.model.target import EVERYTHING, KubeTarget, kube_target
from dualstack.model.world import CLAIMS, PEERS, World


def kept(path: str, target: KubeTarget | None, namespace: str) -> World:
    """What a file or a folder holds for a question; one that was stored for it as it is.

    Without a target or a namespace they are those of the file. Raises BadInput.
    """
    whole = read_world(path)
    target = target or kube_target(whole.target) or EVERYTHING
    namespace = namespace or whole.namespace or ("" if target == EVERYTHING else "default")
    if (whole.target, whole.namespace) == (str(target), namespace):
        return whole
    source = Stored(whole)
    asker = Asker(source, namespace)
    asker.world.engines, asker.world.dns = whole.engines, whole.dns
    world = survey(asker) if target == EVERYTHING else of(asker, target)
    if namespace and not world.asking:
        note = others if target == EVERYTHING else every_sender
        note(asker, whole, by_all(whole) if not whole.target else ())
        ask_singly(source, world, _apart(asker, whole, but=namespace if target == EVERYTHING else ""))
    if world.asking:
        world.gaps += leading(asker, (x.host for x in world.clients))
    world.seen, world.target, world.namespace = whole.seen, str(target), namespace
    world.unseen |= whole.unseen
    world.other_policies = whole.other_policies
    world.vacant = list(dict.fromkeys((*whole.vacant, *world.vacant)))
    near = {*(x.namespace for x in world.clients), *(key(x)[0] for x in world.objects.get("Pod", ()))}
    theirs = [x for x in whole.objects.get(POLICIES.kind, ()) if key(x)[0] in near]
    if theirs:
        world.keep(POLICIES.kind, *theirs)
        enforced(asker)
    _beside(whole, world)
    world.pseudonymised, world.vantage, world.gathered = whole.pseudonymised, whole.vantage, whole.gathered
    world.gaps = list(dict.fromkeys((*whole.gaps, *world.gaps)))
    if target != EVERYTHING:
        beyond(asker)
    for further in world.beyond:
        _beside(whole, further)
    return world


def _apart(ask: Asker, whole: World, but: str) -> Chosen:
    raw = {key(x): x for x in whole.objects.get(PODS.kind, ()) if key(x)[0] != but}
    pods = (x for x in page([*raw.values()], PODS).items if x)
    held = [k for k, x in whole.objects.items() if x]
    return apart(ask, pods, lambda x: raw.get((x.metadata.namespace, x.metadata.name)), held)


def _beside(whole: World, world: World) -> None:
    """Note what else a world that holds more says of one."""
    world.unheld = list(dict.fromkeys(unheld(whole, world)))
    reasons_in(whole, world)
    holders_in(whole, world)
    elsewhere_in(whole, world)
    templates_in(whole, world)
    for kind in (NAMESPACES.kind, PEERS, CLAIMS, *MESH_RULES):
        world.keep(kind, *whole.objects.get(kind, ()))
