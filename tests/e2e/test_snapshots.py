"""A snapshot of a real cluster gives the answer that the cluster gives, with every right and with few."""

import json
from pathlib import Path

import pytest

from dualstack.cli.app import run
from dualstack.cluster import ClusterRequest, gather
from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.model.probe import Options
from dualstack.model.question import Question
from dualstack.model.target import kube_target
from dualstack.report.json import render
from tests.e2e import incidents, measure
from tests.e2e.cluster import NODES, Cluster

pytestmark = pytest.mark.cluster

CHOSEN = (
    "grpc-bound-to-first-pod-address",
    "healthy-network-policy-that-nothing-enforces",
    "healthy-dual-stack-everywhere",
    "replicas-on-nodes-of-different-families",
    "service-single-stack",
)


def answer(capsys: pytest.CaptureFixture[str], path: Path) -> str:
    capsys.readouterr()
    assert run(["diagnose", "--from", str(path), "--format", "json"]) in (0, 1, 3)
    return capsys.readouterr().out


def told(answer: str) -> list[tuple[object, ...]]:
    return [(x["code"], x["severity"], x["hop"], x["families"], (x["location"] or {}).get("line"))
            for x in json.loads(answer)["findings"]]  # fmt: skip


@pytest.mark.parametrize("name", CHOSEN)
def test_a_snapshot_gives_the_answer_of_the_cluster(
    name: str, cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    incident = incidents.load(name)
    plain, veiled, key = (tmp_path / x for x in ("plain.tar.zst", "veiled.tar.zst", "key"))
    with measure.standing(cluster, incident):
        pods = cluster.kubectl("-n", name, "get", "pods", "--output=jsonpath={.items[*].metadata.name}").split()
        for user in ("admin", "view"):
            target = kube_target(incident.ask[0])
            world = gather(
                ClusterRequest(target, kubeconfig=cluster.kubeconfig(user), namespace=name, options=Options(3.0))
            )
            live = render(conclude(world, Question()))
            plain.write_bytes(packed(world, "1.0"))
            words = ["gather", "--from-troubleshoot", str(plain), "--pseudonymise", "--key-file", str(key), "-q"]
            assert run([*words, "-o", str(veiled)]) == 0

            assert answer(capsys, plain) == live
            assert told(answer(capsys, veiled)) == told(live)
            kept = unpacked("w", plain.read_bytes())
            assert kept.vantage == f"https://127.0.0.1:{cluster.ports['dual']['127.0.0.1']}, by the context e2e"
            assert kept.gathered.endswith("+00:00")
            held = str(unpacked("v", veiled.read_bytes()))
            assert [x for x in (name, *pods, *(f"'{x}'" for x in NODES)) if x in held] == []
