"""Names that give a client no address: what the objects tell of it stays the cause, and a lookup is evidence for it."""

from typing import Any

import pytest
from msgspec.structs import replace

from dualstack.conclusion import conclude
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Finding
from dualstack.model.question import Question
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_client_lookups import looked_up
from tests.cluster.test_client_ways import alias, cart, errors, gathered
from tests.cluster.test_survey import client, variables

NAME = "otel.obs.svc.cluster.local"
V4, V6 = "192.0.2.53", "fd00:53::a"


def asking(*nameservers: str, families: tuple[str, ...] = ("IPv4",), host: str = NAME, **more: Any) -> World:
    """A client of these families whose nameservers are these alone."""
    own = {"dnsPolicy": "None", "dnsConfig": {"nameservers": [*nameservers]}} | more
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{host}:4317")
    nodes = [w.node("n1", 1, families), w.node("n2", 2)]
    return gathered(client("a", "n1", env, families, **own), nodes=nodes)


def named(found: Diagnosis) -> Finding:
    one, *_ = (x for x in found.findings if x.code == "DS408")
    return one


@pytest.mark.parametrize(
    ("nameservers", "families"),
    [([V6], ("IPv4",)), ([V4], ("IPv6",)), ([V6, "fd00:53::b"], ("IPv4",)), ([V6, V6, V6, V4], ("IPv4",))],
)
def test_a_nameserver_of_a_family_that_the_pods_lack_answers_nobody(
    nameservers: list[str], families: tuple[str, ...]
) -> None:
    found = conclude(asking(*nameservers, families=families), Question())

    assert (found.verdict, errors(found)) == (Verdict.BROKEN, ["DS408"])
    assert nameservers[0] in named(found).detail
    assert "dnsConfig" in named(found).evidence[0].fact
    assert any(x.fact.startswith("podIPs ") for x in named(found).evidence)
    assert named(found).hint.startswith("Name a nameserver of a family that they have in `dnsConfig`")


@pytest.mark.parametrize(
    "world",
    [
        asking(V4),
        asking(V6, V4),
        asking(V6, families=("IPv4", "IPv6")),
        asking("fe80::53"),
        asking("::1"),
        asking("nameserver.example"),
        asking(V6, dnsPolicy="ClusterFirst"),
        asking(V6, host="10.96.0.9"),
        asking(V6, hostAliases=[{"ip": "10.96.0.9", "hostnames": [NAME]}]),
    ],
)
def test_one_that_can_be_asked_is_no_fault(world: World) -> None:
    assert errors(conclude(world, Question())) == []


def test_what_the_lookup_says_is_evidence_and_leads_nobody_to_coredns() -> None:
    world = asking(V6)
    world.inspections = [looked_up(error="EAI_AGAIN", pod="a", host=NAME)]

    one = named(conclude(world, Question()))

    assert "CoreDNS" not in one.hint
    assert any("EAI_AGAIN" in x.fact for x in one.evidence)


@pytest.mark.parametrize("nameserver", [V6, "10.96.0.53"])
def test_an_answer_beats_what_the_addresses_of_a_pod_tell(nameserver: str) -> None:
    """A pod may have a second network of which its status says nothing, and a node a cache at any address."""
    world = asking(nameserver)
    assert errors(conclude(world, Question())) == ["DS408"]
    world.inspections = [looked_up("10.96.0.9", "fd00:96::9", pod="a", host=NAME)]

    assert errors(conclude(world, Question())) == []


def test_pods_of_two_nodes_are_told_apart() -> None:
    own = {"dnsPolicy": "None", "dnsConfig": {"nameservers": [V6]}}
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{NAME}:4317")
    world = gathered(client("a", "n1", env, ("IPv4",), **own), nodes=[w.node("n1", 1, ["IPv4"]), w.node("n2", 2)])
    world.inspections = [replace(looked_up("10.96.0.9", "fd00:96::9", host=NAME), node="n2")]

    assert errors(conclude(world, Question())) == ["DS408"]


@pytest.mark.parametrize(
    ("host", "said", "title"),
    [
        ("otel-collector.obs", "there is `otel.obs`", "No Service has this name"),
        ("otel.obs.svc.local", "and clusters mostly have `cluster.local`", "The name is of another domain"),
    ],
)
@pytest.mark.parametrize("error", ["EAI_AGAIN", "EAI_NONAME"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_better_reason_stays_the_cause(host: str, said: str, title: str, error: str, scheme: str) -> None:
    world = gathered(cart(f"{scheme}://{host}:4317"))
    world.inspections = [looked_up(error=error, pod="a", host=host)]

    found = conclude(world, Question())

    assert (found.verdict, errors(found)) == (Verdict.BROKEN, ["DS408"])
    assert named(found).summary.startswith(title)
    assert said in named(found).detail
    assert any(error in x.fact for x in named(found).evidence)


def test_a_name_that_was_looked_up_is_not_said_not_to_have_been() -> None:
    world = gathered(cart("http://ingest.vendor.example:4317"))
    world.inspections = [looked_up(error="EAI_NONAME", pod="a", host="ingest.vendor.example")]

    assert "was not looked up" not in named(conclude(world, Question())).detail


MEANT = "there is `otel-collector.shop`"


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://otel_collector:4317", f"`otel_collector` has `_` in it, and no name of a Service has; {MEANT}."),
        ("http://otel-collector;4317", f"`otel-collector;4317` has `;` in it, and no name of a Service has; {MEANT}."),
        ("http://otel-collector :4317", f"`otel-collector ` has a blank in it, and no name of a Service has; {MEANT}."),
        ("http://otel_collector.shop:4317", f"no name of a Service has; {MEANT}."),
        (
            "http://o_tel.obs.svc:4317",
            "`o_tel.obs.svc` has `_` in it, and no name of a Service has; there is `otel.obs`.",
        ),
        ("http://{host}_x:4317", "`{host}_x` has `{` and `}` and `_` in it, and no name of a Service has."),
    ],
)
def test_a_host_that_no_service_can_be_called(endpoint: str, said: str) -> None:
    more = [alias("otel-collector", "otel.obs.svc.cluster.local")]
    found = conclude(gathered(cart(endpoint), more=more), Question())

    assert (found.verdict, errors(found)) == (Verdict.BROKEN, ["DS408"])
    assert named(found).summary == "The host is no name that a Service can have"
    assert named(found).detail.endswith(said)


@pytest.mark.parametrize("host", ["otel_collector.obs", "otel_collector.vendor.example"])
def test_a_name_of_the_world_may_have_any_sign(host: str) -> None:
    found = conclude(gathered(cart(f"http://{host}:4317")), Question())

    assert (found.verdict, errors(found)) == (Verdict.UNKNOWN, [])
