"""Probes of the kubelet that nobody answers: what they do to a container, and to the Service before it."""

from typing import Any

import pytest

from tests.cluster import worlds as w
from tests.cluster.test_crashes import crashed
from tests.cluster.test_incidents import DOWN

HEALTH = """extensions: {health_check: {endpoint: "localhost:13133"}}
service:
  extensions: [health_check]
"""


def probing(kind: str, **end: Any) -> list[w.Object]:
    """A Collector whose health endpoint no probe reaches, and whose container ended like that."""
    text, pod, work = w.config(), crashed(**end), w.deployment()
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace("service:\n", HEALTH)
    for held in (pod["spec"], work["spec"]["template"]["spec"]):
        held["containers"][0][kind] = {"httpGet": {"path": "/", "port": 13133}}
    return w.healthy(pods=[pod], configs=[text], workloads=[work])


@pytest.mark.parametrize(
    ("kind", "end", "roots"),
    [
        ("livenessProbe", {"exitCode": 0, "reason": "Completed"}, ["DS216"]),
        ("livenessProbe", {"exitCode": 137}, ["DS216"]),
        ("startupProbe", {"exitCode": 143}, ["DS216"]),
        ("livenessProbe", {"exitCode": 137, "reason": "OOMKilled"}, ["DS507"]),
        ("livenessProbe", {"exitCode": 1}, ["DS507"]),
        ("readinessProbe", {"exitCode": 137}, ["DS507"]),
    ],
)
def test_a_container_that_the_kubelet_ends_has_a_probe_that_fails(
    kind: str, end: dict[str, Any], roots: list[str]
) -> None:
    assert w.roots(w.diagnosed(probing(kind, **end))) == roots


def test_where_no_file_says_which_probe_fails_the_events_do() -> None:
    pod = crashed(exitCode=137)
    pod["spec"]["containers"][0]["livenessProbe"] = {"exec": {"command": ["true"]}}

    (fault,) = w.diagnosed(w.healthy(pods=[pod])).findings

    assert "which probe failed" in fault.hint
    assert fault.fix is not None
    assert [x.split()[1] for x in fault.fix.commands] == ["describe", "logs"]


def asking(port: int, also: tuple[str, ...] = (), **status: Any) -> list[w.Object]:
    """A Collector whose readiness probe asks a port, `also` other probes, and a health check listens on 13133."""
    text, pod, work = w.config(), w.pod("otel-a", "n1", **status), w.deployment()
    health = HEALTH.replace("localhost", "0.0.0.0")
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace("service:\n", health)
    for held in (pod["spec"], work["spec"]["template"]["spec"]):
        held["containers"][0] |= {x: {"httpGet": {"path": "/", "port": port}} for x in ("readinessProbe", *also)}
    return w.healthy(pods=[pod], configs=[text], workloads=[work])


def test_a_readiness_probe_that_nobody_hears_keeps_the_pod_from_its_service() -> None:
    waits = {**DOWN, "containerStatuses": [{"name": "otelcol", "ready": False, "state": {"running": {}}}]}

    assert w.roots(w.diagnosed(asking(13134, **waits))) == ["DS218"]
    assert w.roots(w.diagnosed(asking(13133, **waits))) == ["DS507"]
    assert "DS218" not in w.codes(w.diagnosed(asking(13134)))


@pytest.mark.parametrize(("also", "severity"), [((), "warning"), (("livenessProbe",), "error")])
def test_where_addresses_that_are_not_ready_are_published_such_a_probe_keeps_nobody_out(
    also: tuple[str, ...], severity: str
) -> None:
    waits = {**DOWN, "containerStatuses": [{"name": "otelcol", "ready": False, "state": {"running": {}}}]}
    published = [
        *(x for x in asking(13134, also, **waits) if x["kind"] not in ("Service", "EndpointSlice")),
        *(w.service(publishNotReadyAddresses=True), *w.endpoints([w.pod("otel-a", "n1")])),
    ]

    assert [x.severity for x in w.diagnosed(published).findings if x.code == "DS218"] == [severity]
