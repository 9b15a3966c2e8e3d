"""What containers with the resolver of a client saw, and what nobody knows of one."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Finding
from dualstack.model.inspection import Inspection
from dualstack.model.names import HostsEntry, Lookup, Names, ResolverFiles
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import (
    NO_SEARCH,
    agent,
    alias,
    cart,
    errors,
    forwarded,
    gathered,
    on_host,
    sidecar,
    told,
)
from tests.cluster.test_survey import Object


def looked_up(*addresses: str, error: str = "", pod: str = "", host: str = "otel.obs.svc") -> Inspection:
    """What a container got for a name, and what became of exports to the addresses of the Service."""
    lookups = (Lookup(host, addresses, error),)
    tasks = (ProbeTask(x, 4317, Protocol.GRPC, "otel.obs.svc") for x in ("10.96.0.9", "fd00:96::9") if addresses)
    probes = Probes(tuple(ProbeResult(x, Outcome.ACCEPTED) for x in tasks))
    where = ("obs", pod) if pod.startswith("otel") else ("shop", pod)
    return Inspection("n1", *where, plainly(Snapshot({Names: Names(lookups), Probes: probes})))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ([looked_up("10.96.0.9", "fd00:96::9")], Verdict.HEALTHY),
        ([looked_up("10.96.0.9", "fd00:96::9", pod="a")], Verdict.HEALTHY),
        ([looked_up(error="EAI_NONAME", pod="a")], Verdict.BROKEN),
        ([looked_up(error="EAI_NONAME")], Verdict.BROKEN),
        ([looked_up(error="EAI_NONAME", pod="otel-a")], Verdict.UNKNOWN),
    ],
)
def test_what_a_container_with_the_same_resolver_got_decides(seen: list[Inspection], verdict: Verdict) -> None:
    world = gathered(cart("http://otel.obs.svc:4317", dnsPolicy="Default"))
    world.inspections = seen

    found = conclude(world, Question())

    assert found.verdict is verdict
    assert (errors(found) == ["DS408"]) is (verdict is Verdict.BROKEN)


def test_what_another_pod_sends_to_the_address_is_not_what_a_client_without_the_name_sends() -> None:
    world = gathered(cart("http://otel.obs.svc:4317", **NO_SEARCH))
    world.inspections = [looked_up("10.96.0.9", "fd00:96::9", pod="otel-a")]

    assert conclude(world, Question()).verdict is Verdict.BROKEN


def test_localhost_need_not_have_both_families() -> None:
    pod, *rest = sidecar()
    world = gathered(pod, more=rest)
    world.seen = forwarded()
    world.inspections = [looked_up("127.0.0.1", pod="a", host="localhost")]

    assert conclude(world, Question()).verdict is Verdict.HEALTHY


def test_a_name_that_was_looked_up_is_not_said_to_be_untried() -> None:
    world = gathered(cart("http://otel.obs.other.local:4317"))
    world.inspections = [looked_up(error="EAI_NONAME", pod="a", host="otel.obs.other.local")]

    (end,) = {x.failing.why for x in conclude(world, Question()).traces if x.failing}
    assert end == (
        "`otel.obs.other.local` does not resolve: EAI_NONAME, and `otel.obs.other.local` is no Service that is known "
        "here"
    )


LINES = (HostsEntry(1, "127.0.0.1", ("localhost",)), HostsEntry(2, "::1", ("localhost", "ip6-localhost")))


@pytest.mark.parametrize(("lines", "end"), [(LINES, Disposition.REFUSED), (LINES[:1], Disposition.NO_ADDRESS)])
@pytest.mark.parametrize("taken", [True, False])
def test_what_localhost_stands_for_is_what_the_hosts_file_says(
    lines: tuple[HostsEntry, ...], end: Disposition, taken: bool
) -> None:
    pod, *rest = sidecar()
    world = gathered(pod, more=rest)
    fates = {"127.0.0.1": Outcome.ACCEPTED if taken else Outcome.REFUSED, "::1": Outcome.REFUSED}
    made = (ProbeResult(ProbeTask(x, 4317, Protocol.GRPC, "localhost"), y) for x, y in fates.items())
    names = Names((Lookup("localhost", ("127.0.0.1",)),), (), ResolverFiles(hosts=lines))
    world.inspections = [Inspection("n1", "shop", "a", plainly(Snapshot({Names: names, Probes: Probes(tuple(made))})))]

    found = conclude(world, Question())

    assert {x.family: x.disposition for x in found.traces}[Family.IPV6] is end
    assert (found.verdict is Verdict.HEALTHY) is taken
    assert not (taken and errors(found))


def test_a_host_that_gives_one_family_is_not_lacking_the_other() -> None:
    world = gathered(cart("http://ingest.vendor.example:4317"))
    world.inspections = [looked_up("10.96.0.9", host="ingest.vendor.example")]

    found = conclude(world, Question())

    assert found.verdict is Verdict.HEALTHY
    assert not errors(found)


@pytest.mark.parametrize("outcome", [Outcome.TLS_UNTRUSTED, Outcome.TLS_NAME_MISMATCH, Outcome.TLS_REFUSED])
def test_nobody_knows_which_authorities_a_client_trusts(outcome: Outcome) -> None:
    world = gathered(cart("https://192.0.2.7:4317"))
    probe = ProbeResult(ProbeTask("192.0.2.7", 4317, Protocol.GRPC, "192.0.2.7", tls=True), outcome)
    world.inspections = [Inspection("n1", "shop", "", plainly(Snapshot({Probes: Probes((probe,))})))]

    assert conclude(world, Question()).verdict is Verdict.UNKNOWN


def test_a_port_that_is_refused_out_of_sight_is_closed() -> None:
    world = gathered(on_host(), pods=[agent(on="n2")])
    probe = ProbeResult(ProbeTask("10.100.0.1", 4317, Protocol.GRPC, "10.100.0.1"), Outcome.REFUSED)
    world.inspections = [Inspection("n1", "shop", "", plainly(Snapshot({Probes: Probes((probe,))})))]

    found = conclude(world, Question())

    assert errors(found) == ["DS211"]
    assert found.verdict is Verdict.BROKEN


@pytest.mark.parametrize(("has", "error"), [("IPv6", "EAI_NODATA"), ("IPv4", "EAI_NODATA"), ("IPv6", "EAI_AGAIN")])
def test_an_address_that_the_nameserver_keeps_back_is_no_lack_of_the_service(has: str, error: str) -> None:
    """Giving the Service the other family would hide it."""
    world = gathered(cart("http://otel.obs.svc:4317"), services=[w.service([has])])
    world.inspections = [looked_up(error=error, pod="a")]

    found = conclude(world, Question())

    assert errors(found) == ["DS401" if error == "EAI_NODATA" else "DS408"]
    (one,) = [x for x in found.findings if x.severity == "error"]
    assert "CoreDNS" in one.hint


HOST_NET = {"hostNetwork": True}


@pytest.mark.parametrize(
    ("spec", "error", "hint"),
    [
        ({"dnsPolicy": "Default"}, "", "Use `dnsPolicy: ClusterFirst`; `--inspect` looks"),
        ({"dnsPolicy": "Default"}, "EAI_NONAME", "Use `dnsPolicy: ClusterFirst`."),
        (HOST_NET, "", "Use `dnsPolicy: ClusterFirstWithHostNet`; `--inspect` looks"),
        (HOST_NET, "EAI_AGAIN", "Use `dnsPolicy: ClusterFirstWithHostNet`."),
        (HOST_NET | {"dnsPolicy": "Default"}, "EAI_AGAIN", "Use `dnsPolicy: ClusterFirstWithHostNet`."),
        ({}, "EAI_AGAIN", "See whether CoreDNS runs:"),
    ],
)
def test_the_resolver_of_a_client_is_what_to_change(spec: dict[str, Any], error: str, hint: str) -> None:
    """Nobody has asked CoreDNS where the pod asks the nameservers of its node."""
    world = gathered(cart("http://otel.obs.svc:4317", **spec))
    world.inspections = [looked_up(error=error, pod="a")] if error else []

    one, *_ = (x for x in conclude(world, Question()).findings if x.code == "DS408")

    assert one.hint.startswith(hint)
    assert str(one.severity) == ("error" if error else "warning")


@pytest.mark.parametrize(
    ("endpoint", "more"),
    [("http://ingest.vendor.example:4317", []), ("http://x:4317", [alias("x", "ingest.vendor.example")])],
)
def test_for_a_name_of_the_world_coredns_asks_others(endpoint: str, more: list[Object]) -> None:
    world = gathered(cart(endpoint), more=more)
    world.inspections = [looked_up(error="EAI_AGAIN", pod="a", host=endpoint[7:-5])]

    one, *_ = (x for x in conclude(world, Question()).findings if x.code == "DS408")

    assert one.hint.startswith("Correct the name, or look at the nameservers of the nodes:")


def test_an_external_name_that_is_an_address_is_none() -> None:
    one, *_ = conclude(gathered(cart("http://x:4317"), more=[alias("x", "10.96.0.9")]), Question()).findings

    assert one.summary == "An ExternalName is an address"
    assert "`x.shop.svc` stands for `10.96.0.9`, which is an address" in one.detail


def behind(pod: str, subdomain: str = "", kind: str = "StatefulSet") -> Finding:
    """What is said of a client of a pod behind a headless Service, which names another one or none."""
    pods = [w.pod("otel-0", "n1"), w.pod("otel-1", "n2")]
    for each in pods:
        each["spec"] |= {"hostname": each["metadata"]["name"], **({"subdomain": subdomain} if subdomain else {})}
        each["metadata"]["ownerReferences"] = [{"kind": kind, "name": "otel"}]
    slices = w.endpoints(pods)
    for each in slices if subdomain == "otel" else ():
        for end in each["endpoints"]:
            end["hostname"] = end["targetRef"]["name"]
    endpoint = f"http://{pod}.otel.obs.svc:4317"
    more = {"services": [w.service(clusterIP="None", clusterIPs=["None"])], "pods": pods, "slices": slices}
    one, *_ = (x for x in told(cart(endpoint), **more).findings if x.code == "DS408")
    return one


@pytest.mark.parametrize(
    ("pod", "subdomain", "kind", "summary", "why"),
    [
        ("otel-0", "gone", "StatefulSet", "The pod has no name in this Service",
         "the pod obs/otel-0 has the subdomain `gone`, by `serviceName` of StatefulSet otel."),
        ("otel-0", "", "ReplicaSet", "The pod has no name in this Service", "the pod obs/otel-0 has no subdomain."),
        ("otel-9", "otel", "StatefulSet", "No pod behind the Service has this name",
         "they are called `otel-0`, `otel-1`."),
        ("otel-9", "gone", "StatefulSet", "No pod behind the Service has this name", "is called `otel-9`."),
    ],
)  # fmt: skip
def test_why_no_endpoint_has_the_name_of_a_pod(pod: str, subdomain: str, kind: str, summary: str, why: str) -> None:
    found = behind(pod, subdomain, kind)

    assert found.summary == summary
    assert found.detail.endswith(why)


def test_of_endpoints_that_could_not_be_read_nobody_knows_the_names() -> None:
    headless = w.service(clusterIP="None", clusterIPs=["None"])
    world = gathered(cart("http://otel-0.otel.obs.svc:4317"), services=[headless], slices=[])
    world.unseen.add("EndpointSlice")

    found = conclude(world, Question())

    assert found.verdict is Verdict.UNKNOWN
    assert not [x for x in found.findings if x.code == "DS408"]
