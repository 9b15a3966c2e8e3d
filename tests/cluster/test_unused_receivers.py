"""Receivers that no pipeline uses, and ports that no pod's address takes: what is offered instead has to work."""

from typing import Any

import pytest

from dualstack.model.diagnosis import Diagnosis
from tests.cluster import worlds as w

Object = dict[str, Any]
CONFIG = """receivers:
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}, http: {endpoint: "0.0.0.0:4318"}}}
  otlp/internal: {protocols: {grpc: {endpoint: "INTERNAL"}}}
exporters: {debug: {}}
service:
  pipelines: {traces: {receivers: [USED], exporters: [debug]}}
"""


def told(internal: str, used: str = "otlp/internal", text: str = CONFIG, **instead: Any) -> Diagnosis:
    """A Collector with that second receiver, and that one in its pipeline."""
    held = w.config()
    held["data"]["config.yaml"] = text.replace("INTERNAL", internal).replace("USED", used)
    return w.diagnosed(w.healthy(configs=[held], **instead))


@pytest.mark.parametrize("internal", ["127.0.0.1:5317", "0.0.0.0:5317"])
def test_a_receiver_of_the_wanted_port_that_no_pipeline_uses_is_the_cause_for_all_its_ports(internal: str) -> None:
    found = told(internal)

    assert w.roots(found) == ["DS211"]
    (one,) = [x for x in found.findings if not x.because]
    assert one.summary == "Nothing listens on port 4317 or 4318"
    assert one.hint == "Add `otlp` to the receivers of a pipeline of `service`."
    assert len(one.flows) == len(found.traces)


ELSEWHERE = CONFIG.replace("4317", "14317").replace("4318", "14318")


def offered(found: Diagnosis) -> list[tuple[str, tuple[str, ...]]]:
    """The ports that the Service is told to lead to instead, with the families that fail by that."""
    return [(x.hint, x.families) for x in found.findings if not x.because and "targetPort" in x.hint]


def test_a_port_that_every_address_of_the_pod_takes_is_offered() -> None:
    assert offered(told("0.0.0.0:5317", text=ELSEWHERE)) == [("Set its `targetPort` to 5317.", ("ipv4", "ipv6"))]


def test_a_port_of_the_loopback_is_offered_to_nobody() -> None:
    found = told("127.0.0.1:5317", text=ELSEWHERE)

    assert not offered(found)
    assert [x.hint for x in found.findings if not x.because] == ["Start a receiver on port 4317 or 4318."]


def test_a_port_of_another_family_is_offered_to_that_one_alone() -> None:
    assert offered(told("${env:MY_POD_IP}:5317", text=ELSEWHERE)) == [("Set its `targetPort` to 5317.", ("ipv4",))]
