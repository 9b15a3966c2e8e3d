"""The answer in one sentence, where pods behind one address fare differently."""

from dualstack.model.address import Protocol
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.reach.answer import answer
from tests.cluster import worlds as w


def test_it_is_told_of_how_many_pods_each_is_true() -> None:
    pods = [w.pod(f"otel-{x}", "n1", ["IPv4"]) for x in "abc"]
    seen = Glimpses((Glimpse("pod otel-c", 4317, Protocol.GRPC, Way.ADDRESS, Outcome.REFUSED),))
    objects = w.healthy(pods=pods, services=[w.service(["IPv4"])], slices=w.endpoints(pods, ["IPv4"]))
    said = answer(w.diagnosed(objects, seen=seen))

    assert "fail by grpc over IPv4 (1 of 3 pods); are not known" in said
