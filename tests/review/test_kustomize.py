"""Kustomizations: composed as the real kustomize builds them, and judged at the characters that people wrote."""

import base64
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dualstack.gather.files import text_of
from dualstack.gather.kustomize import Build, Tree
from dualstack.gather.recognise import Found
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, SequenceNode, chunks, compose, is_null, scalar
from dualstack.model.address import BOTH
from dualstack.model.question import Question
from dualstack.review import Review, Reviewed, explained, lint, mend
from tests.real.kustomize import kustomize
from tests.review.kustomizations import documents, tree, write

CONFIG = """\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: localhost:4317}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  selector: {matchLabels: {app: otel}}
  template:
    metadata: {labels: {app: otel}}
    spec:
      containers:
      - name: otel
        image: otel/opentelemetry-collector
        args: ["--config=/conf/config.yaml"]
        volumeMounts: [{name: c, mountPath: /conf}]
      volumes:
      - name: c
        configMap: {name: otel-config}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  selector: {app: otel}
  ipFamilyPolicy: SingleStack
  ports: [{port: 4317}]
"""
BASE = {
    "base/deployment.yaml": DEPLOYMENT,
    "base/service.yaml": SERVICE,
    "base/collector.yaml": CONFIG,
    "base/kustomization.yaml": {
        "resources": ["deployment.yaml", "service.yaml"],
        "configMapGenerator": [{"name": "otel-config", "files": ["config.yaml=collector.yaml"]}],
    },
}
DUAL = """\
resources: [../../base]
patches:
- target: {kind: Service}
  patch: |-
    - op: replace
      path: /spec/ipFamilyPolicy
      value: PreferDualStack
"""


def review(folder: Path, **said: Any) -> Reviewed:
    return lint(Review((str(folder),), question=Question(cluster=BOTH), **said))


def told(found: Reviewed, folder: Path) -> list[tuple[str, str, int]]:
    places = ((x.code, x.location) for x in found.diagnosis.findings)
    return [(code, x.file.removeprefix(f"{folder}/"), x.line) for code, x in places if x]


def data(node: Node) -> Any:
    if isinstance(node, MappingNode):
        return {scalar(k): data(v) for k, v in node.value}
    if isinstance(node, SequenceNode):
        return [data(x) for x in node.value]
    return None if is_null(node) else scalar(node)


def without_hash(held: Any) -> Any:
    if isinstance(held, dict):
        return {k: without_hash(v) for k, v in held.items() if k != "type"}
    if isinstance(held, list):
        return [without_hash(x) for x in held]
    return re.sub(r"(config|secret)((?:-suf)*)-[a-z0-9]{10}$", r"\1\2", held or "")


def key(held: Any) -> tuple[str, ...]:
    return held["kind"], held["metadata"].get("namespace", ""), held["metadata"]["name"]


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_a_tree_is_composed_as_kustomize_builds_it(start: int, tmp_path: Path) -> None:
    built = 0
    for seed in range(start, start + 10):
        folder = tmp_path / str(seed)
        write(tree(seed), folder)
        done = subprocess.run([kustomize(), "build", folder / "top"], capture_output=True, text=True, check=False)
        if done.returncode:
            continue
        built += 1
        roots = (compose(Origin("", x.text)) for x in chunks(done.stdout))
        mine = Build(Tree(lambda x: text_of(x, named=False), Found())).objects(str(folder / "top"))
        held = [data(x.root) for x in mine]
        for secret in (x for x in held if x["kind"] == "Secret"):
            secret["data"] = {k: base64.b64encode(v.encode()).decode() for k, v in secret["data"].items()}
        wanted = sorted((without_hash(data(x)) for x in roots if x is not None), key=key)
        assert sorted(map(without_hash, held), key=key) == wanted, seed
    assert built > 5


def test_a_generated_configuration_is_read_by_who_mounts_it(tmp_path: Path) -> None:
    write(BASE, tmp_path)
    found = review(tmp_path)

    assert told(found, tmp_path) == [("DS202", "base/collector.yaml", 4), ("DS501", "base/service.yaml", 6)]
    assert found.diagnosis.findings[0].excerpt == "      grpc: {endpoint: localhost:4317}"


def test_a_base_is_judged_as_its_overlays_make_it(tmp_path: Path) -> None:
    write({**BASE, "overlays/prod/kustomization.yaml": DUAL}, tmp_path)
    assert told(review(tmp_path), tmp_path) == [("DS202", "base/collector.yaml", 4)]


def test_alternatives_are_apart_and_what_they_share_is_told_once(tmp_path: Path) -> None:
    listens = CONFIG.replace("localhost:4317", "0.0.0.0:4318")
    prod = DUAL + "configMapGenerator: [{name: otel-config, behavior: merge, files: [config.yaml]}]\n"
    for names in ("", "namePrefix: dev-\n", "namespace: dev\n"):
        dev = f"resources: [../../base]\n{names}"
        trees = {"dev/kustomization.yaml": dev, "prod/kustomization.yaml": prod, "prod/config.yaml": listens}
        write({**BASE, **{f"overlays/{k}": v for k, v in trees.items()}}, tmp_path)
        found = review(tmp_path)
        assert told(found, tmp_path) == [
            ("DS202", "base/collector.yaml", 4),
            ("DS501", "base/service.yaml", 6),
            ("DS508", "base/service.yaml", 7),
        ]
        assert len(explained(Review((str(tmp_path),)))[0].configurations) == 2


def test_a_finding_stands_in_the_patch_that_brings_it_and_is_mended_there(tmp_path: Path) -> None:
    patch = (
        "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: otel-collector}\nspec:\n  template:\n    spec:\n"
        "      containers:\n      - name: otel\n        env:\n"
        "        - name: OTEL_EXPORTER_OTLP_ENDPOINT  # kept\n          value: http://fd00::5:4317\n"
    )
    overlay = {"overlays/x/kustomization.yaml": f"{DUAL}- path: patch.yaml\n", "overlays/x/patch.yaml": patch}
    write({**BASE, **overlay}, tmp_path)
    request = Review((str(tmp_path),))
    found = lint(request)

    assert ("DS101", "overlays/x/patch.yaml", 11) in told(found, tmp_path)
    mended = mend(request, found, unsafe=False)
    assert mended.after == {
        str(tmp_path / "overlays/x/patch.yaml"): patch.replace("http://fd00::5:4317", '"http://[fd00::5]:4317"')
    }


def test_a_remote_resource_and_a_plugin_are_named(tmp_path: Path) -> None:
    resources = ["https://github.com/o/r//base?ref=v1", "absent.yaml", "../outside.yaml"]
    said = {
        "resources": resources,
        "replacements": [],
        "configMapGenerator": [{"name": "x", "files": ["gone.yaml"]}],
        "patches": [{"target": {"labelSelector": "a in (b)"}, "patch": "- {op: add, path: /a, value: b}"}],
    }
    write({"a/kustomization.yaml": said, "outside.yaml": SERVICE}, tmp_path)
    notes = [x.why for x in review(tmp_path).diagnosis.skipped if "kustomization.yaml" in x.needs]

    assert [x.partition("`")[2].partition("`")[0] for x in notes[:5]] == [
        "replacements",
        *resources,
        "gone.yaml",
    ]
    assert "not on this machine" in notes[1]
    assert "not there" in notes[2]


def test_a_circle_is_told(tmp_path: Path) -> None:
    write({"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"}, tmp_path)
    assert {"leads back to it" in str(x) for x in review(tmp_path).errors} == {True}


def test_an_object_of_flux_is_no_kustomization(tmp_path: Path) -> None:
    flux = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": {"path": "."}}
    write({"kustomization.yaml": flux, "service.yaml": SERVICE, "deployment.yaml": DEPLOYMENT}, tmp_path)
    assert told(review(tmp_path), tmp_path) == [("DS501", "service.yaml", 6)]


def test_a_change_of_the_primary_family_is_seen_through_an_overlay(tmp_path: Path) -> None:
    patch = "- target: {kind: Service}\n  patch: |-\n    - {op: add, path: /spec/ipFamilies, value: [IPv4, IPv6]}\n"
    write({**BASE, "top/kustomization.yaml": DUAL.replace("../../", "../") + patch}, tmp_path)
    path = str(tmp_path / "top/kustomization.yaml")
    before = (tmp_path / "top/kustomization.yaml").read_text()

    assert "DS504" not in [x for x, *_ in told(review(tmp_path, former={path: before}), tmp_path)]
    swapped = before.replace("IPv4, IPv6", "IPv6, IPv4")
    assert "DS504" in [x for x, *_ in told(review(tmp_path, former={path: swapped}), tmp_path)]


@pytest.mark.parametrize("seed", range(20))
def test_a_broken_tree_is_bounded_and_never_a_traceback(seed: int, tmp_path: Path) -> None:
    rng, files = random.Random(seed), tree(seed)
    for name in rng.sample(sorted(files), len(files) // 2):
        held = files[name] if isinstance(files[name], str) else documents(files[name])
        cut = rng.randrange(len(held))
        files[name] = rng.choice([held[:cut], held[:cut] + rng.choice("[]{}:&*-|\n") + held[cut:], "", "- a", "a"])
    write(files, tmp_path)
    review(tmp_path)
