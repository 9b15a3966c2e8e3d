"""What is said of the sockets of a world, and of endpoints that get none."""

import pytest

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.question import Question
from dualstack.reach.predict import predict
from dualstack.rules.registry import evaluate, rules
from dualstack.testing.incident import snapshot
from tests.rules.test_incidents import BOTH, V6_REFUSED, config, judged


@pytest.mark.parametrize(
    ("listener", "roots"), [("udp 127.0.0.1:8125 go", ["DS203"]), ("127.0.0.1:8125 go", ["DS211"])]
)
def test_a_udp_flow_meets_udp_sockets(listener: str, roots: list[str]) -> None:
    evidence = snapshot(f"listeners: ['{listener}']")
    target = Target("listeners on port 8125", "localhost", 8125, Protocol.UDP, addresses=("127.0.0.1", "::1"))
    asked = evidence.adding(Question("host", (target,), expect=(Family.IPV6,), listing=True))

    findings, _ = evaluate(asked.adding(predict(asked)), rules())

    assert [x.code for x in findings if not x.because] == roots


def test_a_wildcard_that_the_sysctl_would_split_is_not_recommended() -> None:
    world = BOTH + "sysctls: {net.ipv6.bindv6only: 1}\nlisteners: ['0.0.0.0:4318 rust rotel']\n" + V6_REFUSED

    _, (root, *_) = judged(world)

    assert root.hint == "Bind `0.0.0.0:4318` and `[::]:4318` in the configuration of `rotel`."


def test_an_endpoint_that_stops_the_collector_is_named_for_its_other_ports() -> None:
    world = "target: http://127.0.0.1:4318\n" + config('{endpoint: "fd00:9::5:4317"}', "{endpoint: 0.0.0.0:4318}")

    _, (root,) = judged(world)

    assert "`listen tcp: address fd00:9::5:4317: too many colons in address`" in root.detail
    assert root.hint.startswith("Correct `receivers.otlp.protocols.grpc.endpoint`")


@pytest.mark.parametrize(
    ("code", "bound", "shown"),
    [("DS202", "127.0.0.1:4317", "127.0.0.1:4317"), ("DS204", "10.9.0.6:4317", "10.9.0.6")],
)
def test_sockets_that_share_an_address_are_told_once(code: str, bound: str, shown: str) -> None:
    twice = f'listeners: ["{bound} go otelcol", "{bound} go otelcol"]'
    _, found = judged(f'target: 10.9.0.5:4317\n{twice}\nprobes: ["10.9.0.5:4317 grpc refused"]\n')

    (one,) = [x for x in found if x.code == code]
    assert one.detail.startswith(f"The only sockets are `{shown}`, held by")
