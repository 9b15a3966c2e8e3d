"""A cluster as `kubectl get -o yaml` shows it, under diagnosis.

The first line may say how `dualstack diagnose` is called:

    # dualstack diagnose svc/otel-collector --expect dual

What a pod sends to, or what leads to it, is looked up as in a cluster.
Objects are written with the fields that matter, and their status; a namespace that is not said is `default`. Of
EndpointSlices, pods and nodes nothing is known unless there is at least one.
"""

import shlex

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.dumps import world_of
from dualstack.gather.files import Text
from dualstack.gather.stored import Stored
from dualstack.model.address import BOTH, Family
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, kube_target
from dualstack.model.world import World

CALL = "# dualstack diagnose "
_OPEN = {"EndpointSlice", "Node", "Pod"}
_EXPECTED = {"ipv4": (Family.IPV4,), "ipv6": (Family.IPV6,), "dual": BOTH}


def world(text: str) -> World:
    """The objects of a text."""
    found = world_of((Text("example.yaml", text),), "example")
    found.unseen = _OPEN - set(found.objects)
    for items in found.objects.values():
        for item in items:
            item.setdefault("metadata", {}).setdefault("namespace", "default")  # type: ignore[attr-defined]
    return found


def diagnosis(text: str) -> Diagnosis:
    """The diagnosis that a text asks for. Raises KeyError and ValueError for options that are not understood."""
    first = text.partition("\n")[0]
    words = shlex.split(first.removeprefix(CALL)) if first.startswith(CALL) else []
    given = dict(zip(words[1::2], words[2::2], strict=True))
    expect = _EXPECTED[given.pop("--expect")] if "--expect" in given else ()
    if given:
        msg = f"{', '.join(given)} is not understood here"
        raise ValueError(msg)
    found = world(text)
    if words and words[0].startswith("pod/"):
        open_yet = found.unseen
        found = of(Asker(Stored(found, complete=True), "default"), kube_target(words[0]) or EVERYTHING)
        found.unseen |= open_yet
    return conclude(found, Question(expect=expect))
