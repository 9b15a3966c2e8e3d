"""What containers inside of a cluster saw beats what its objects make one expect."""

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Family, Protocol, family, join
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.exporter import Exporter
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces
from dualstack.model.inspection import Inspection
from dualstack.model.names import DnsAnswer, Lookup, Names
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listener, Listeners, Transport
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w

V4, V6 = Family.IPV4, Family.IPV6
NAME = "otel.obs.svc"
PORTS = ((4317, Protocol.GRPC), (4318, Protocol.HTTP))
SERVICE = next(x for x in w.healthy() if x["kind"] == "Service")["spec"]["clusterIPs"]
POD = next(x for x in w.healthy() if x["kind"] == "Pod")
ADDRESSES = [x["ip"] for x in POD["status"]["podIPs"]]


def exports(addresses: list[str], **fates: Outcome) -> Probes:
    """Exports to each address and both ports; those of a family that is named fare so."""
    return Probes(
        tuple(
            ProbeResult(ProbeTask(x, port, spoken, NAME), fates.get(family(x), Outcome.ACCEPTED))
            for x in addresses
            for port, spoken in PORTS
        )
    )


def on_nodes(**fates: Outcome) -> list[Inspection]:
    return [Inspection(x, "obs", "", plainly(Snapshot({Probes: exports(SERVICE, **fates)}))) for x in ("n1", "n2")]


def in_pod(*listening: tuple[str, bool | None], absent: bool = False, **fates: Outcome) -> Inspection:
    """What a container in the first pod sees: its sockets, on both ports, and exports to its own addresses."""
    held = tuple(InterfaceAddress(x, 128 if ":" in x else 32) for x in ADDRESSES if not (absent and ":" in x))
    space = Namespace("host", (Interface("eth0", 2, up=True, disable_ipv6=absent, addresses=held),))
    sockets = [
        Listener("host", Transport.TCP, x, port, family(x), only, source="sock_diag")
        for x, only in listening
        for port, _ in PORTS
    ]
    facts = {
        Namespaces: Namespaces((space,)),
        Listeners: Listeners(tuple(sockets), ("host",)),
        Probes: exports(ADDRESSES, **fates),
    }
    return Inspection("n1", "obs", POD["metadata"]["name"], plainly(Snapshot(facts)))


def diagnosed(*inspections: Inspection, expect: tuple[Family, ...] = ()) -> Diagnosis:
    world = w.world(w.healthy())
    world.inspections = list(inspections)
    return conclude(world, Question(expect=expect))


def test_exports_from_each_node_make_it_healthy() -> None:
    found = diagnosed(*on_nodes())

    assert found.verdict is Verdict.HEALTHY
    assert {x.disposition for x in found.traces} == {Disposition.ACCEPTED}


def test_a_family_that_is_dropped_on_the_way_is_found() -> None:
    found = diagnosed(*on_nodes(ipv6=Outcome.TIMED_OUT))

    assert found.verdict is Verdict.DEGRADED
    assert {x.disposition for x in found.traces if x.family is V6} == {Disposition.TIMED_OUT}
    assert set(w.roots(found)) <= {"DS702", "DS906"}
    assert w.roots(found)


def test_sockets_that_were_seen_beat_the_configuration() -> None:
    found = diagnosed(in_pod(("0.0.0.0", None), ipv6=Outcome.REFUSED))

    refused = [x for x in found.traces if x.disposition is Disposition.REFUSED]
    assert {x.family for x in refused} == {V6}
    assert "sock_diag" in {y.source for x in refused for y in x.failing.evidence if x.failing}  # type: ignore[union-attr]


def test_a_port_that_nobody_listens_on_is_seen() -> None:
    found = diagnosed(in_pod(ipv4=Outcome.TIMED_OUT, ipv6=Outcome.TIMED_OUT))

    assert "nothing listens on port 4317" in {x.failing.why for x in found.traces if x.failing}


def test_an_export_from_inside_says_where_it_came_from() -> None:
    found = diagnosed(in_pod(("::", False)))

    told = {y.source for x in found.traces for h in x.hops for y in h.evidence}
    assert f"grpc export to {join(ADDRESSES[0], 4317)} from inside the pod {POD['metadata']['name']}" in told


@pytest.mark.parametrize("error", ["", "EAI_NONAME"])
def test_a_name_that_gives_no_address_is_found(error: str) -> None:
    lookup = Lookup(NAME, () if error else (SERVICE[0],), error)
    answers = (
        DnsAnswer("10.96.0.10", f"{NAME}.cluster.local", "A", "NOERROR", (SERVICE[0],)),
        DnsAnswer("10.96.0.10", f"{NAME}.cluster.local", "AAAA", "NOERROR"),
    )
    facts = Snapshot({Names: Names((lookup,), answers)})

    found = diagnosed(Inspection("n1", "obs", "", plainly(facts)), expect=(V4, V6))

    lost = {x.family for x in found.traces if x.disposition is Disposition.NO_ADDRESS}
    assert lost == ({V4, V6} if error else {V6})
    assert "DS401" in w.codes(found)


@pytest.mark.parametrize(
    ("policy", "shares", "heard"),
    [
        ("ClusterFirst", False, True),
        (None, False, True),
        ("ClusterFirst", True, False),
        ("ClusterFirstWithHostNet", True, True),
        ("Default", False, False),
        ("None", False, False),
    ],
)
def test_who_asks_another_nameserver_tells_nothing_of_that_of_the_cluster(
    policy: str | None, shares: bool, heard: bool
) -> None:
    pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
    pods[0]["spec"] |= {"hostNetwork": shares, "dnsPolicy": policy}
    world = w.world(w.healthy(pods=pods))
    seen = Snapshot({Names: Names((Lookup(NAME, (), "EAI_NONAME"),))})
    world.inspections = [Inspection("n1", "obs", "otel-a", plainly(seen))]

    found = conclude(world, Question(expect=(V4, V6)))

    assert ("DS401" in w.codes(found)) is heard


def test_a_container_without_evidence_changes_nothing() -> None:
    for host in (False, True):
        assert diagnosed(Inspection("n1", "obs", "", plainly(Snapshot({})), host)).verdict is Verdict.UNKNOWN


def test_a_cluster_address_that_refuses_before_pods_that_accept_is_no_fault_of_their_listener() -> None:
    found = diagnosed(in_pod(("::", False)), *on_nodes(ipv4=Outcome.REFUSED, ipv6=Outcome.REFUSED))

    assert w.codes(found) == {"DS608"}
    assert "on n1, n2" in found.findings[0].detail


def test_a_pod_whose_sockets_could_not_be_read_has_those_of_its_configuration() -> None:
    held = tuple(InterfaceAddress(x, 128 if ":" in x else 32) for x in ADDRESSES)
    space = Namespace("host", (Interface("eth0", 2, up=True, addresses=held),))
    facts = Snapshot({Namespaces: Namespaces((space,))})
    world = w.world(w.healthy(configs=[w.config("localhost:4317")]))
    world.inspections = [Inspection("n1", "obs", POD["metadata"]["name"], plainly(facts))]

    assert set(w.roots(conclude(world, Question()))) == {"DS202"}


CANARY = w.pod("otel-canary", "n2")
CANARY["metadata"]["labels"] = {"app": "otel", "track": "canary"}
CANARY["spec"]["volumes"] = [{"name": "conf", "configMap": {"name": "canary"}}]


def canaries() -> list[w.Object]:
    """A Deployment of its own, with its own configuration, behind the Service."""
    made = w.deployment()
    made["metadata"]["name"] = "canary"
    made["spec"]["template"] = {"metadata": {"labels": CANARY["metadata"]["labels"]}, "spec": CANARY["spec"]}
    stable = w.deployment()
    stable["spec"]["template"]["metadata"]["labels"] = {"app": "otel", "track": "stable"}
    pod = w.pod("otel-a", "n1")
    pod["metadata"]["labels"] = {"app": "otel", "track": "stable"}
    pods = [pod, CANARY]
    local = w.config("localhost:4317", "localhost:4318")
    local["metadata"]["name"] = "canary"
    return w.healthy(pods=pods, slices=w.endpoints(pods), configs=[w.config(), local], workloads=[stable, made])


def test_two_groups_of_pods_are_judged_each_by_its_own_sockets() -> None:
    world = w.world(canaries())
    world.inspections = [in_pod(("::", False)), *on_nodes(ipv4=Outcome.REFUSED)]

    found = conclude(world, Question())

    assert set(w.roots(found)) == {"DS202"}
    assert {x.location.file for x in found.findings if x.location} == {"obs/configmap/canary.yaml"}
    works = {y for x in found.traces if x.accepted for y in x.servers}
    assert works == {"pod otel-a"}
    assert found.verdict is Verdict.DEGRADED


@pytest.mark.parametrize("outcome", [Outcome.NO_ROUTE, Outcome.NO_SOURCE, Outcome.FAMILY_ABSENT])
def test_nodes_that_lack_the_family_have_no_fault_of_their_own(outcome: Outcome) -> None:
    nodes = [w.node("n1", 1), w.node("n2", 2, ["IPv4"], w.BOTH)]
    world = w.world(w.healthy(nodes=nodes, pods=[POD], services=[w.service(["IPv6"])]))
    facts = [
        (x, plainly(Snapshot({Probes: exports(["fd00:96::9"], ipv6=y)})))
        for x, y in (("n1", Outcome.ACCEPTED), ("n2", outcome))
    ]
    world.inspections = [Inspection(x, "obs", "", y) for x, y in facts]

    found = conclude(world, Question())

    assert w.codes(found) == {"DS501", "DS603"}
    assert w.roots(found) == ["DS501"]


@pytest.mark.parametrize(
    ("nodes", "expect", "severity"),
    [(["n1"], (), "warning"), (["n1"], (V6,), "error"), (["n2"], (), "error"), (["n1", "n2"], (), "error"),
     ([], (), "error")],
)  # fmt: skip
def test_a_node_that_no_known_client_is_on_is_no_error(
    nodes: list[str], expect: tuple[Family, ...], severity: str
) -> None:
    held = [w.node("n1", 1), w.node("n2", 2, ["IPv4"], w.BOTH)]
    world = w.world(w.healthy(nodes=held, pods=[POD], services=[w.service(["IPv6"])]))
    met = (("n1", Outcome.ACCEPTED), ("n2", Outcome.NO_ROUTE))
    looks = ((x, plainly(Snapshot({Probes: exports(["fd00:96::9"], ipv6=y)}))) for x, y in met)
    world.inspections = [Inspection(x, "obs", "", y) for x, y in looks]
    sent = {"namespace": "obs", "owner": "Deployment cart", "pod": "cart-1", "variable": "OTEL_EXPORTER_OTLP_ENDPOINT"}
    world.clients = [Exporter(**sent, endpoint="http://otel.obs:4318", nodes=tuple(nodes))]

    found = conclude(world, Question(expect=expect))

    assert [x.severity for x in found.findings if x.code == "DS501"] == [severity]
    assert found.verdict == ("healthy" if severity == "warning" else "degraded")


@pytest.mark.parametrize(("node", "order"), [("n1", ["DS204", "DS501"]), ("n2", ["DS501", "DS204"])])
def test_what_known_clients_meet_on_their_nodes_comes_first(node: str, order: list[str]) -> None:
    nodes = [w.node("n1", 1), w.node("n2", 2, ["IPv4"], w.BOTH)]
    world = w.world(w.healthy(nodes=nodes, pods=[POD], services=[w.service(["IPv6"])]))
    met = (("n1", Outcome.REFUSED), ("n2", Outcome.NO_ROUTE))
    looks = ((x, plainly(Snapshot({Probes: exports(["fd00:96::9"], ipv6=y)}))) for x, y in met)
    inner = in_pod((ADDRESSES[0], None), ipv6=Outcome.REFUSED)
    world.inspections = [inner, *(Inspection(x, "obs", "", y) for x, y in looks)]
    name, endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.obs:4317"
    world.clients = [Exporter("obs", "Deployment cart", "cart-1", name, endpoint, "grpc", nodes=(node,))]

    found = [x.code for x in conclude(world, Question()).findings if not x.because and "4317" in str(x.flows)]

    assert found == order


@pytest.mark.parametrize("outcome", [Outcome.NO_ROUTE, Outcome.UNREACHABLE, Outcome.TIMED_OUT, Outcome.DENIED])
def test_no_command_is_for_a_place_that_is_none(outcome: Outcome) -> None:
    found = diagnosed(in_pod(("::", False), absent=True), *on_nodes(ipv6=outcome))

    typed = [y for x in found.findings for y in (x.hint, x.detail, *(x.fix.commands if x.fix else ()))]
    assert not [x for x in typed if "ip netns exec" in x or "nsenter" in x]
    assert found.findings


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.UNREACHABLE])
def test_a_pod_that_lost_its_address_is_told_by_why_and_not_by_its_listener(outcome: Outcome) -> None:
    found = diagnosed(in_pod(("::", False), absent=True, ipv6=Outcome.NO_ROUTE), *on_nodes(ipv6=outcome))

    assert w.roots(found) == ["DS302"]
    told = next(x for x in found.findings if x.code == "DS302")
    assert told.fix is not None
    assert told.fix.commands == ()
    assert "init container" in told.hint
    lost = [x for x in found.traces if x.family is V6 and x.server == f"pod {POD['metadata']['name']}"]
    assert {x.failing.why for x in lost if x.failing} == {"no interface of the pod otel-a holds it"}


@pytest.mark.parametrize("listening", [(), (("::", False),)])
def test_a_way_that_a_router_turns_back_is_no_fault_of_the_neighbour_of_the_cluster_address(
    listening: tuple[tuple[str, bool], ...],
) -> None:
    near, far = on_nodes()[0], on_nodes(ipv6=Outcome.UNREACHABLE)[1]

    found = diagnosed(near, far, *((in_pod(*listening),) if listening else ()))

    (told,) = (x for x in found.findings if x.code == "DS305")
    assert "neighbour" not in told.detail
    assert "holds" not in told.detail
    assert f"leads to the pod otel-a at `{ADDRESSES[1]}`" in told.detail
    assert "the pods on n2 send to `fd00:96::9`" in told.detail
    assert f"Run `ip -6 route get {ADDRESSES[1]}` on the node n2" in told.hint
    assert "kubectl exec" not in told.hint


@pytest.mark.parametrize("raw", ['"127.0.0.1:4317"', "127.0.0.1:4317", "'127.0.0.1:4317'"])
def test_a_socket_that_was_seen_is_of_who_is_told_to_make_it(raw: str) -> None:
    configured = w.config()
    configured["data"] = {k: v.replace('"0.0.0.0:4317"', raw) for k, v in configured["data"].items()}
    world = w.world(w.healthy(configs=[configured]))
    world.inspections = [in_pod(("127.0.0.1", None), ipv4=Outcome.REFUSED, ipv6=Outcome.REFUSED)]

    (told,) = (x for x in conclude(world, Question()).findings if x.code == "DS202" and ":4317" in x.detail)

    assert "held by `the Collector`" in told.detail
    assert told.hint.endswith("to `0.0.0.0:4317`.")
    assert told.fix is not None
    assert told.fix.title == "Bind `0.0.0.0:4317`"
    assert {x.layer for x in told.evidence if x.source == "sock_diag"} == {"observed"}


def test_a_socket_that_the_configuration_does_not_make_is_of_nobody_that_is_known() -> None:
    world = w.world(w.healthy(configs=[w.config("0.0.0.0:4317", "0.0.0.0:4318")]))
    world.inspections = [in_pod(("127.0.0.1", None), ipv4=Outcome.REFUSED, ipv6=Outcome.REFUSED)]

    told = [x.detail for x in conclude(world, Question()).findings if x.code == "DS202"]

    assert told
    assert all("held by the container `otelcol`" in x for x in told)


@pytest.mark.parametrize("looked", [False, True])
def test_a_pod_whose_port_nobody_listens_on_is_not_deaf_on_one_family(looked: bool) -> None:
    pod = w.pod("otel-a", "n1")
    pod["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 4317}}
    ports = [{"name": "otlp-grpc", "port": 4317, "targetPort": 4137}]
    service = w.service(["IPv6"], ports=ports)
    slices = w.endpoints([pod], ["IPv6"])
    for item in slices:
        item["ports"] = [{"name": "otlp-grpc", "port": 4137}]
    world = w.world(w.healthy(pods=[pod], services=[service], slices=slices))
    if looked:
        world.inspections = [in_pod(("::", False)), *on_nodes(ipv6=Outcome.REFUSED)]

    found = conclude(world, Question())

    assert "DS508" in w.roots(found)
    assert "DS605" not in w.codes(found)


def test_who_lacks_the_family_is_not_refused_whatever_is_behind() -> None:
    """The node shows one address and a range of both families, so that the objects do not tell."""
    nodes = [w.node("n1", 1), w.node("n2", 2, ["IPv4"], w.BOTH)]
    world = w.world(w.healthy(nodes=nodes, pods=[POD], configs=[w.config("127.0.0.1:4317")]))
    near, far = (exports(SERVICE, ipv6=x, ipv4=Outcome.REFUSED) for x in (Outcome.REFUSED, Outcome.NO_ROUTE))
    world.inspections = [
        Inspection(x, "obs", "", plainly(Snapshot({Probes: y}))) for x, y in (("n1", near), ("n2", far))
    ]

    found = conclude(world, Question())

    grpc = {x.nodes: x.disposition for x in found.traces if x.target.port == 4317 and x.family is V6}
    assert grpc == {("n1",): Disposition.REFUSED, ("n2",): Disposition.NO_ROUTE}
    assert not [x for x in found.findings for y in x.evidence if x.code == "DS202" and "no_route" in y.fact]


@pytest.mark.parametrize("outcome", [Outcome.LARGE_LOST, Outcome.LARGE_STALLED])
def test_an_export_that_is_never_answered_was_not_rejected(outcome: Outcome) -> None:
    found = diagnosed(in_pod(("::", False), ipv6=outcome))

    assert {x.disposition for x in found.traces if x.failed} == {Disposition.TIMED_OUT}
    assert set(w.roots(found)) == {"DS903"}


def test_a_reset_where_a_socket_was_seen_is_not_put_on_other_sockets() -> None:
    found = diagnosed(in_pod(("::", False), ipv4=Outcome.REFUSED))

    (told,) = (x for x in found.findings if x.code == "DS201" and "4317" in x.summary)
    assert "a packet filter answers by reset, unless the sockets have changed" in told.detail


def test_what_is_declared_alone_is_not_called_observed() -> None:
    found = w.diagnosed(w.healthy(configs=[w.config("127.0.0.1:4317", "127.0.0.1:4318")]))

    assert {x.confidence for x in found.findings if x.code == "DS202"} == {"declared"}
