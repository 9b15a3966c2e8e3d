"""Diagnoses every incident on the cluster and counts, by the rights and the evidence that there are.

A machine outside of the cluster asks, which load balancers answer by a node. With all rights and containers inside
(`--inspect --matrix`) every cause is expected, and so it is from the snapshot that was gathered so. From outside, where
nothing is created, and with the role `view` less can be known: nothing that is said may be wrong, what fails may not be
called healthy, and it is counted how often a cause is named.

    python -m tests.e2e.score DIR [NAME ...]      # DIR of `tests.e2e.cluster up`
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from dualstack.cluster import ClusterRequest, gather
from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.inside import Inside
from dualstack.lab.incident import Expect
from dualstack.lab.judge import Judgement, judge, judge_withheld
from dualstack.lab.topology import CannotBuild
from dualstack.model.address import BOTH, Family
from dualstack.model.diagnosis import Verdict
from dualstack.model.question import Question
from dualstack.model.target import kube_target
from dualstack.pipeline import within
from dualstack.report.json import render
from tests.e2e import incidents, measure
from tests.e2e.cluster import PROJECT, Cluster, opened
from tests.e2e.control_plane import IPV4
from tests.e2e.incidents import Incident

_EXPECTED = {"dual": BOTH, "ipv4": (Family.IPV4,), "ipv6": (Family.IPV6,)}
_SHARED = re.compile("hostPort|hostNetwork|nodePort|traefik|address-pool")
_AT_ONCE = 3
MODES = ("all rights", "snapshot", "outside", "view")


def documents(cluster: Cluster, incident: Incident) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is said of an incident that stands, by mode."""
    words = list(incident.ask)
    expect = _EXPECTED[words.pop(words.index("--expect") + 1)] if "--expect" in words else ()
    target = kube_target(words[0])
    for mode in ("all rights", "outside", "view"):
        request = ClusterRequest(
            target,
            Question(expect=expect),
            cluster.kubeconfig("view" if mode == "view" else "admin", host=IPV4),
            namespace=incident.name,
            environ=dict(os.environ),
            inside=Inside(pods=True, jobs=True, image=PROJECT) if mode == "all rights" else None,
        )
        world = within(cluster.machines["laptop"].netns, lambda _, asked=request: gather(asked))
        yield mode, json.loads(render(conclude(world, request.question)))
        if mode == "all rights":
            again = unpacked("snapshot", packed(world, "test"))
            yield "snapshot", json.loads(render(conclude(again, request.question)))


def judged(incident: Incident, mode: str, found: Mapping[str, Any]) -> Judgement:
    """The judgement of one diagnosis; where nobody answers at what stands in front, what works may be unknown."""
    expect = incident.expect
    open_ended = incident.outside and expect.verdict is Verdict.HEALTHY
    verdicts = (expect.verdict, Verdict.UNKNOWN) if open_ended else expect.verdict
    right = Expect(verdicts, expect.causes, {}, expect.also)
    return (judge if mode in ("all rights", "snapshot") else judge_withheld)(right, found)


class Told(NamedTuple):
    """What came of one incident: flows that fared otherwise than recorded, and by mode the judgement and the codes.

    One that the cluster could not be brought to has no judgement.
    """

    incident: Incident
    surprises: list[str]
    modes: dict[str, tuple[Judgement, str]]

    def is_right(self, mode: str) -> bool:
        """Whether the cluster was as recorded, and nothing is wrong in a mode."""
        return not self.surprises and self.modes[mode][0].right

    @property
    def alarms(self) -> list[str]:
        """Errors on a healthy cluster that are none, by mode."""
        found = self.modes.items() if self.incident.healthy and not self.surprises else ()
        return [f"{self.incident.name}, {mode}: {y}" for mode, (x, _) in found for y in x.alarms]

    @property
    def complaints(self) -> list[str]:
        """What is wrong, by mode."""
        found = [f"{mode}: {y}  [{said}]" for mode, (x, said) in self.modes.items() for y in x.complaints]
        return [f"{self.incident.name}, {x}" for x in (*self.surprises, *found)]


def scored(cluster: Cluster, wanted: Sequence[Incident], pods: Mapping[str, str]) -> Iterator[Told]:
    """What comes of the incidents: some at once, those that need a node to themselves one after the other.

    One that is not right is made once more by itself: on a busy machine the cluster may be late.
    """
    crowd = [x for x in wanted if not is_alone(x)]
    apart = [x for x in wanted if is_alone(x)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for told in pool.map(lambda x: _scored(cluster, x, pods), crowd):
            if told.complaints:
                apart.append(told.incident)
            else:
                yield told
    for incident in apart:
        told = _scored(cluster, incident, pods)
        yield _scored(cluster, incident, pods) if told.complaints else told


def is_alone(incident: Incident) -> bool:
    """Whether an incident changes nodes or the whole cluster, or holds ports of nodes or the one proxy in front."""
    on_machines = any(x.keys() != {"kubectl"} for x in incident.steps)
    whole = on_machines or incident.policies or bool(incident.undo)
    return whole or bool(_SHARED.search(json.dumps([incident.patches, incident.objects])))


def _scored(cluster: Cluster, incident: Incident, pods: Mapping[str, str]) -> Told:
    try:
        with measure.standing(cluster, incident):
            surprises = incident.surprises(measure.measure(cluster, incident, pods))
            modes = {mode: (judged(incident, mode, x), _said(x)) for mode, x in documents(cluster, incident)}
    except CannotBuild as error:
        return Told(incident, [str(error)], {})
    return Told(incident, surprises, modes)


def _said(found: Mapping[str, Any]) -> str:
    codes = [x["code"] for x in found["findings"] if not x["because"]]
    return " ".join((found["verdict"], *codes))


def main(folder: str, *names: str) -> None:
    """The command line."""
    cluster = opened(folder)
    counts = {x: [0, 0, 0] for x in MODES}
    for told in scored(cluster, [incidents.load(x) for x in names or incidents.names()], measure.clients(cluster)):
        sys.stdout.writelines(f"{x}\n" for x in told.complaints or [f"{told.incident.name}: right"])
        sys.stdout.flush()
        for mode, (judgement, _) in told.modes.items():
            counts[mode][judgement.right] += 1
            counts[mode][2] += bool(told.incident.expect.causes) and judgement.named
    for mode, (wrong, right, named) in counts.items():
        sys.stdout.write(f"{mode}: {right} of {right + wrong}; a cause named in {named}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
