"""The plan is a function of the question and of the addresses."""

import pytest

from dualstack.model.address import Protocol, Target
from dualstack.model.probe import ProbeTask
from dualstack.model.question import Question
from dualstack.probe.plan import Plan, plan
from dualstack.reach.required import CAP

GRPC = Target("otel", "otel.example", 4317, Protocol.GRPC, tls=True)
HTTP = Target("otel", "otel.example", 4318, Protocol.HTTP, path="/v1/logs")
PLAIN = Target("otel", "otel.example", 9411, Protocol.TCP)
UDP = Target("otel", "otel.example", 8125, Protocol.UDP)


def test_one_task_for_each_address_of_each_target_in_order() -> None:
    """Name, TLS and path come from the target."""
    addresses = {GRPC: ["fd00::1", "10.0.0.1"], HTTP: ["10.0.0.1"], PLAIN: ["::1"]}

    assert plan(Question(targets=(GRPC, HTTP, PLAIN)), addresses).tasks == (
        ProbeTask("fd00::1", 4317, Protocol.GRPC, "otel.example", tls=True),
        ProbeTask("10.0.0.1", 4317, Protocol.GRPC, "otel.example", tls=True),
        ProbeTask("10.0.0.1", 4318, Protocol.HTTP, "otel.example", path="/v1/logs"),
        ProbeTask("::1", 9411, Protocol.TCP, "otel.example"),
    )


@pytest.mark.parametrize(
    ("question", "addresses"),
    [
        (Question(targets=(UDP,)), {UDP: ["10.0.0.1"]}),
        (Question(targets=(GRPC,)), {}),
        (Question(targets=(GRPC,)), {GRPC: []}),
        (Question(targets=(GRPC,), probing=False), {GRPC: ["10.0.0.1"]}),
        (Question(), {GRPC: ["10.0.0.1"]}),
    ],
)
def test_nothing_to_probe(question: Question, addresses: dict[Target, list[str]]) -> None:
    """UDP, no address, no wish, no target."""
    assert plan(question, addresses) == Plan()


def test_no_task_twice() -> None:
    """Neither for an address that comes twice nor for a target that was given in two spellings."""
    again = Target("other words", "otel.example", 4318, Protocol.HTTP, path="/v1/logs")
    tasks = plan(Question(targets=(HTTP, again)), {HTTP: ["::1", "::1"], again: ["::1"]}).tasks

    assert len(tasks) == 1


def test_each_family_is_capped_and_says_so() -> None:
    """The first of each family stay; what is left out is a gap, once for a name."""
    ipv4 = [f"10.0.0.{x}" for x in range(1, CAP + 3)]
    ipv6 = [f"fd00::{x:x}" for x in range(1, CAP + 1)]
    mixed = [x for pair in zip(ipv4, [*ipv6, "fd00::1", "fd00::2"], strict=True) for x in pair]

    planned = plan(Question(targets=(HTTP, GRPC)), {HTTP: mixed, GRPC: mixed})

    assert [x.address for x in planned.tasks if x.port == 4318] == mixed[: 2 * CAP]
    assert [x.why for x in planned.gaps] == ["otel.example has 18 IPv4 addresses; only the first 16 were probed"]
