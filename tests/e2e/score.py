"""Diagnoses every incident on the cluster and counts, by the rights and the evidence that there are.

A machine outside of the cluster asks, which load balancers answer by a node. With all rights and containers inside
(`--inspect --matrix`) every cause is expected, and so it is from the snapshot that was gathered so. From outside, where
nothing is created, and with the role `view` less can be known: nothing that is said may be wrong, what fails may not be
called healthy, and it is counted how often a cause is named.

    python -m tests.e2e.score DIR [NAME ...]      # DIR of `tests.e2e.cluster up`
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from dualstack.cluster import ClusterRequest, gather
from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.inside import Inside
from dualstack.lab.incident import Expect
from dualstack.lab.judge import Judgement, judge, judge_withheld
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


def main(folder: str, *names: str) -> None:
    """The command line."""
    cluster = opened(folder)
    counts = {x: [0, 0, 0] for x in MODES}
    for name in names or incidents.names():
        incident = incidents.load(name)
        with measure.standing(cluster, incident):
            for mode, found in documents(cluster, incident):
                told = judged(incident, mode, found)
                counts[mode][told.right] += 1
                counts[mode][2] += bool(incident.expect.causes) and told.named
                said = "right" if told.right else "; ".join(told.complaints)
                codes = [x["code"] for x in found["findings"] if not x["because"]]
                sys.stdout.write(f"{name}, {mode}: {said}  [{found['verdict']} {' '.join(codes)}]\n")
                sys.stdout.flush()
    for mode, (wrong, right, named) in counts.items():
        sys.stdout.write(f"{mode}: {right} of {right + wrong}; a cause named in {named}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
