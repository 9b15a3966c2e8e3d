"""What is asked ahead: an answer can lead to the next question before anybody waits for it."""

import threading
from typing import Any

import pytest

from dualstack.gather import kinds
from dualstack.gather.ahead import Ahead
from dualstack.gather.cluster import Asker, begin
from dualstack.gather.kube_objects import Kind, Refused
from dualstack.model.target import KubeTarget

SERVICE = {"metadata": {"name": "otel", "namespace": "obs"}, "spec": {"selector": {"b": "2", "a": "1"}}}
WORKLOAD = {"metadata": {"name": "otel", "namespace": "obs"}, "spec": {"selector": {"matchLabels": {"a": "1"}}}}


class Source:
    """Answers one question at a time, in the order in which they come."""

    context = "test"

    def __init__(self, target: dict[str, Any] | None) -> None:
        self.target, self.asked = target, list[tuple[str, str]]()
        self.lock, self.pods = threading.Lock(), threading.Event()

    def object(self, kind: Kind[Any], _: str, name: str) -> dict[str, Any] | None:
        with self.lock:
            self.asked.append((kind.kind, name))
        if (kind.kind, name) == ("Pod", "refused"):
            raise Refused(403, "no")
        return self.target if name == "otel" else None

    def objects(self, kind: Kind[Any], _: str, labels: str = "", *__: str) -> list[dict[str, Any]]:
        with self.lock:
            self.asked.append((kind.kind, labels))
        if kind is kinds.PODS:
            self.pods.set()
        return []

    def listed(self, *_: Any) -> None:
        return None


@pytest.mark.parametrize(
    ("kind", "target", "labels"), [("svc", SERVICE, "a=1,b=2"), ("deploy", WORKLOAD, "a=1"), ("ds", WORKLOAD, "a=1")]
)
def test_the_pods_of_a_target_are_asked_for_before_anybody_waits_for_them(
    kind: str, target: dict[str, Any], labels: str
) -> None:
    source = Source(target)
    with Ahead(source) as ahead:  # type: ignore[arg-type]
        begin(Asker(ahead, "obs"), KubeTarget(kind, "otel"))
        assert source.pods.wait(10)
        ahead.objects(kinds.PODS, "obs", labels)

    assert source.asked.count(("Pod", labels)) == 1


@pytest.mark.parametrize(("kind", "target"), [("svc", None), ("svc", {"spec": {}}), ("pod", WORKLOAD), ("deploy", {})])
def test_no_pods_are_asked_for_where_nothing_selects_them(kind: str, target: dict[str, Any] | None) -> None:
    source = Source(target)
    with Ahead(source) as ahead:  # type: ignore[arg-type]
        begin(Asker(ahead, "obs"), KubeTarget(kind, "otel"))
        ahead.object(kinds.BY_TARGET[kind], "obs", "otel")

    assert not source.pods.is_set()


def test_what_is_first_comes_before_what_waits() -> None:
    busy, go_on = threading.Barrier(7, timeout=10), [threading.Event() for _ in range(6)]

    class Slow(Source):
        def object(self, kind: Kind[Any], namespace: str, name: str) -> dict[str, Any] | None:
            if name.isdigit():
                busy.wait()
                go_on[int(name)].wait(10)
            return super().object(kind, namespace, name)

    source = Slow(None)
    with Ahead(source) as ahead:  # type: ignore[arg-type]
        for number in range(6):
            ahead.soon("object", kinds.PODS, "obs", str(number))
        busy.wait()
        ahead.soon("object", kinds.PODS, "obs", "later")
        ahead.soon("object", kinds.PODS, "obs", "now", first=True)
        go_on[0].set()
        ahead.object(kinds.PODS, "obs", "later")
        for event in go_on:
            event.set()

    assert [x for _, x in source.asked if not x.isdigit()] == ["now", "later"]


def test_a_refusal_is_raised_where_the_answer_is_wanted_and_leads_to_nothing() -> None:
    source, led = Source(None), list[object]()
    with Ahead(source) as ahead:  # type: ignore[arg-type]
        ahead.soon("object", kinds.PODS, "obs", "refused", then=led.append)
        with pytest.raises(Refused):
            ahead.object(kinds.PODS, "obs", "refused")

    assert led == []
