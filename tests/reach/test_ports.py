"""Ports, blocks and balancers at the edges that no rule's example has."""

import pytest

from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.kube import Container, Meta, NetworkPolicies, NetworkPolicy, Service, Services, Workload, Workloads
from dualstack.model.otel import Balancer, Declared
from dualstack.model.question import Question
from dualstack.model.sockets import Transport
from dualstack.model.source import Location, Room, Written
from dualstack.reach.balance import balanced
from dualstack.reach.edits import added, added_item, spelled
from dualstack.reach.isolation import ingress, is_part, otlp_ports
from dualstack.reach.landscape import landscape
from dualstack.reach.ports import silent, unnamed
from dualstack.reach.stacks import judged
from dualstack.reach.start import numbered

AT = Location("x.yaml", 1)
POD = Workload(Meta("Pod", "a", "", AT), containers=(Container("a", AT),))


@pytest.mark.parametrize(
    ("text", "number"), [("4317", 4317), ("²", 0), ("9" * 5000, 0), ("65536", 0), ("otlp", 0), ("", 0)]
)
def test_a_port_is_a_number_that_can_be_connected_to(text: str, number: int) -> None:
    assert numbered(text) == number


def test_pods_of_which_nothing_is_known_may_listen() -> None:
    empty = Workload(POD.meta)

    assert not silent(POD, 4317, Transport.TCP, landscape(Deployments()))
    assert not silent(empty, 4317, Transport.TCP, landscape(Deployments()))
    assert unnamed(empty, "otlp")


def test_a_program_outside_of_kubernetes_is_no_pod() -> None:
    unit = Workload(POD.meta, pod=False)

    land = landscape(Deployments((Deployed(Declared(), unit),)))

    assert not land.is_collector(unit)
    assert not otlp_ports(unit, land)


def test_a_policy_of_another_namespace_says_nothing_of_these_pods() -> None:
    there = NetworkPolicy(Meta("NetworkPolicy", "x", "b", AT), plain=False)
    here = Workload(Meta("Pod", "a", "a", AT))

    assert not ingress(NetworkPolicies((there,)), here, 4317)


@pytest.mark.parametrize(
    ("one", "other", "is_smaller"),
    [
        ("10.1.0.0/16", "10.0.0.0/8", True),
        ("10.0.0.0/8", "10.0.0.0/8", False),
        ("fd00::/8", "0.0.0.0/0", False),
        ("$(CIDR)", "0.0.0.0/0", None),
        ("10.0.0.0/8", "any", None),
    ],
)
def test_a_smaller_part_of_a_block(one: str, other: str, is_smaller: bool | None) -> None:
    assert is_part(one, other) is is_smaller


def test_nothing_is_written_where_there_is_no_room() -> None:
    quoted = Room(AT, ", ", '"')

    assert added(None, a="b") == ()
    assert added_item(None, a="b") == ()
    assert added_item(quoted, a="b") == ()
    assert spelled("it's", "'x'") == "'it''s'"


def test_a_balancer_of_a_service_that_nobody_declares() -> None:
    config = Declared(balancers=(Balancer("exporters/loadbalancing", "dns", Written("elsewhere", AT)),))

    assert not list(balanced(Deployments((Deployed(config),)), Services(), Question()))


def test_a_name_for_another_host_is_not_judged() -> None:
    name = Service(Meta("Service", "a", "", AT), AT, type="ExternalName")

    assert not list(judged(Services((name,)), Workloads()))
