"""Pods that cannot start: what they wait for, and what to look at, as far as somebody says it."""

from typing import Any

import pytest

from dualstack.reach.images import plain
from dualstack.reach.pulls import pulled
from tests.cluster import worlds as w
from tests.cluster.test_no_pods import of

Object = dict[str, Any]
IMAGE = "otel/opentelemetry-collector-contrib:v0.153.0"


def pulling(reason: str, message: str | None = None, image: str = IMAGE) -> Object:
    state = {"waiting": {"reason": reason, "message": message}}
    statuses = [{"name": "otelcol", "ready": False, "state": state}]
    found = w.pod("otel-a", "n1", (), phase="Pending", conditions=[], containerStatuses=statuses)
    found["spec"]["containers"][0]["image"] = image
    return found


NOT_FOUND = f'failed to resolve reference "docker.io/{IMAGE}": not found'
NO_HOST = "failed to do request: dial tcp: lookup registry.example.com: no such host"
NO_ROUTE = "dial tcp 140.82.121.33:443: connect: network is unreachable"
DENIED = "pull access denied, repository does not exist or may require authorization: insufficient_scope"
ANONYMOUS = "failed to authorize: unexpected status: 401 Unauthorized"


@pytest.mark.parametrize(
    ("reason", "message", "hint"),
    [
        ("ErrImagePull", NOT_FOUND, "Correct the name or the tag of `IMAGE`, which its registry does not have"),
        (
            "ImagePullBackOff",
            f'Back-off pulling image "{IMAGE}"',
            "Check the name, the tag and the registry of `IMAGE`",
        ),
        ("ImagePullBackOff", None, "Check the name, the tag and the registry of `IMAGE`"),
        ("ErrImagePull", NO_HOST, "Let the nodes reach the registry of `IMAGE`"),
        ("ErrImagePull", NO_ROUTE, "Let the nodes reach the registry of `IMAGE`"),
        ("ErrImagePull", DENIED, "Check the name of `IMAGE`: its registry has no such image, or wants credentials"),
        ("ErrImagePull", ANONYMOUS, "Give credentials for the registry of `IMAGE` in `imagePullSecrets`"),
        ("ErrImagePull", "toomanyrequests: You have reached your pull rate limit", "Pull `IMAGE` with credentials"),
        ("ErrImagePull", "no match for platform in manifest: not found", "Take an image for the architecture"),
        ("InvalidImageName", "couldn't parse image", "Correct `IMAGE`, which is no name of an image"),
        ("ErrImageNeverPull", "", "Bring `IMAGE` to the node"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_looked_at_by_what_the_kubelet_says(
    reason: str, message: str | None, hint: str
) -> None:
    one = of(pulling(reason, message))

    assert one.hint.startswith(hint.replace("IMAGE", IMAGE))
    assert one.hint.endswith(".")


def test_what_waits_for_something_else_waits_for_no_image() -> None:
    assert pulled(w.world([pulling("CreateContainerConfigError")]).cluster().pods[0], "otelcol") == ""


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        (IMAGE, "0.153.0"),
        ("ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector:v0.153.0", "0.153.0"),
        ("otel/opentelemetry-collector:0.153.0", ""),
        ("acme/opentelemetry-collector:v0.153.0", ""),
        ("otel/opentelemetry-collector", ""),
        ("otel/opentelemetry-collector:vnext", ""),
    ],
)
def test_tags_of_its_releases_have_no_letter(image: str, tag: str) -> None:
    assert plain(image) == tag
    assert of(pulling("ErrImagePull", NOT_FOUND, image)).hint.endswith(f"no `v`: `{tag}`.") is bool(tag)


UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."


def unscheduled(message: str = UNBOUND) -> Object:
    no = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    found = w.pod("otel-a", "", (), phase="Pending", conditions=[no], containerStatuses=[])
    found["spec"]["volumes"].append({"name": "queue", "persistentVolumeClaim": {"claimName": "queue-0"}})
    return found


def claim(name: str = "queue-0", phase: str | None = "Pending", storage: str | None = "fast") -> Object:
    about = {"name": name, "namespace": "obs"}
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": about,
        "spec": {"storageClassName": storage},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (claim(), "queue-0 of the StorageClass `fast`, which is Pending."),
        (claim(phase="Lost", storage=None), "queue-0, which is Lost."),
        (claim(phase=None), "queue-0 of the StorageClass `fast`, which is new."),
    ],
)
def test_a_claim_without_a_volume_is_what_pods_wait_for(held: Object, said: str) -> None:
    one = of(unscheduled(), more=[held])

    assert one.detail.endswith(f"The pod otel-a waits for PersistentVolumeClaim {said}")
    assert "`kubectl describe pvc queue-0 -n obs`" in one.hint


@pytest.mark.parametrize(
    ("message", "held"),
    [
        ("0/3 nodes are available: 3 Insufficient cpu.", claim()),
        (UNBOUND, claim(phase="Bound")),
        (UNBOUND, claim("other")),
    ],
)
def test_a_claim_that_nothing_waits_for_is_not_told_of(message: str, held: Object) -> None:
    assert "PersistentVolumeClaim queue-0" not in of(unscheduled(message), more=[held]).detail
