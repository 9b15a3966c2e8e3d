"""Texts in the ConfigMaps of a cluster that are no YAML."""

from pathlib import Path

import pytest

from dualstack.review import Review, lint

BROKEN_MAP = """apiVersion: v1
kind: ConfigMap
metadata: {name: scratch, namespace: obs%s}
data:
  old.yaml: |
    receivers:
      otlp: [
"""
READER = """---
apiVersion: v1
kind: Pod
metadata: {name: otel, namespace: %s}
spec:
  containers: [{name: c, image: "otel/opentelemetry-collector:0.139.0"}]
  volumes: [{name: conf, configMap: {name: %s}}]
"""


@pytest.mark.parametrize(
    ("uid", "namespace", "reads", "broken"),
    [
        (", uid: 1-2", "obs", "other", False),
        (", uid: 1-2", "obs", "scratch", True),
        (", uid: 1-2", "shop", "other", True),
        ("", "obs", "other", True),
    ],
)
def test_what_a_cluster_stores_and_no_pod_reads_is_a_note(
    uid: str, namespace: str, reads: str, broken: bool, tmp_path: Path
) -> None:
    """In a repository it may be read from elsewhere."""
    path = tmp_path / "dump.yaml"
    path.write_text(BROKEN_MAP % uid + READER % (namespace, reads))
    found = lint(Review((str(path),)))

    assert bool(found.errors) is broken
    assert any("Nothing reads it." in x.why for x in found.diagnosis.skipped) is not broken
