"""Nobody behind the nameserver of the cluster: names may not resolve, and a container that looks one up decides."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.facts import plainly
from dualstack.gather.stored import Stored
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Way
from dualstack.model.inspection import Inspection
from dualstack.model.names import Lookup, Names
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop, Status
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_incidents import looks

NAME = "otel.obs.svc"


def nameserver(*ready: bool | None, family: str = "IPv4") -> w.Object:
    """The endpoints of kube-dns, by what is said of each."""
    found = [{"addresses": [f"10.244.7.{n}"], "conditions": {"ready": x}} for n, x in enumerate(ready, 10)]
    labels = {"kubernetes.io/service-name": "kube-dns", "k8s-app": "kube-dns"}
    about = {"name": f"kube-dns-{family.lower()}", "namespace": "kube-system", "labels": labels}
    return {"kind": "EndpointSlice", "metadata": about, "addressType": family, "endpoints": found or None}


def world(*slices: w.Object, heard: Lookup | None = None) -> World:
    """What is gathered for a question about the Service, with what a Job heard of its name."""
    held = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(), *slices)])
    for kind in ("NetworkPolicy", "Ingress", "HTTPRoute", "GRPCRoute"):
        held.objects.setdefault(kind, [])
    found = of(Asker(Stored(held, complete=True), "obs"), KubeTarget("svc", "otel"))
    found.target, found.namespace, found.seen = "svc/otel", "obs", looks(*Way)
    if heard:
        found.inspections = [Inspection("n1", "obs", "", plainly(Snapshot({Names: Names((heard,))})))]
    return found


def told(*slices: w.Object, **more: Any) -> Diagnosis:
    return conclude(world(*slices, **more), Question())


@pytest.mark.parametrize(
    "slices", [(nameserver(),), (nameserver(False, False),), (nameserver(), nameserver(family="IPv6"))]
)
def test_names_may_not_resolve(slices: tuple[w.Object, ...]) -> None:
    found = told(*slices)

    assert {(x.code, x.severity) for x in found.findings} == {("DS408", Severity.WARNING)}
    assert {x.at(Hop.RESOLVE).status for x in found.traces} == {Status.UNKNOWN}
    assert found.verdict is Verdict.UNKNOWN
    assert "Service kube-system/kube-dns, has no ready endpoint" in found.findings[0].detail


@pytest.mark.parametrize(
    "slices", [(), (nameserver(True),), (nameserver(None),), (nameserver(), nameserver(True, family="IPv6"))]
)
def test_somebody_answers_or_nobody_says(slices: tuple[w.Object, ...]) -> None:
    assert not told(*slices).findings


def test_a_lookup_that_fails_is_an_error_with_that_reason() -> None:
    found = told(nameserver(), heard=Lookup(NAME, error="EAI_AGAIN"))

    assert {(x.code, x.severity) for x in found.findings} == {("DS408", Severity.ERROR)}
    assert found.verdict is Verdict.BROKEN
    assert "does not resolve: EAI_AGAIN, and the nameserver of the cluster" in found.findings[0].detail


def test_a_lookup_that_succeeds_settles_it() -> None:
    found = told(nameserver(), heard=Lookup(NAME, ("10.96.0.9", "fd00:96::9")))

    assert not found.findings
    assert {x.at(Hop.RESOLVE).status for x in found.traces} == {Status.PASS}
