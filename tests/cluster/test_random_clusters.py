"""Whatever a cluster is: no rule fails, every flow that fails is told by an error, and every message is whole."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.rules.registry import rules
from tests.cluster import worlds as w
from tests.cluster.test_crashes import LOCAL as ON_LOOPBACK
from tests.cluster.test_crashes import crashed
from tests.cluster.test_incidents import DOWN, FIRST, LOCAL, NODE_PORTS, POOR, V4, V6, alias, hosted, pending, stale
from tests.cluster.test_incidents import waiting as waits
from tests.cluster.test_terms import OF_METRICS, PLAIN, SECURE, TLS, shop

FAMILIES = st.sampled_from([["IPv4"], ["IPv6"], ["IPv4", "IPv6"], ["IPv6", "IPv4"]])
NODES = (
    [w.node("n1", 1), w.node("n2", 2)],
    POOR,
    [w.node("n1", 1, ["IPv4"]), w.node("n2", 2, ["IPv4"])],
    [w.node("n1", 1, ["IPv6"]), w.node("n2", 2)],
    [],
)
CONFIGS = (
    *(w.config(), ON_LOOPBACK, w.config(**FIRST), w.config(grpc="10.9.9.9:4317"), w.config(grpc="[::1]:4317"), TLS),
    w.config(grpc='0.0.0.0:4317", transport: "tcp4'),
    w.config(grpc="${env:NOWHERE}:4317"),
    w.config(managedFields=[{"time": "2027-03-02T10:00:00Z"}]),
)
PORTS = [{"name": "otlp-grpc", "port": 4317, "targetPort": 55680}]
SERVICES: tuple[dict[str, Any], ...] = (
    *({}, {}, LOCAL, NODE_PORTS, {**NODE_PORTS, "externalTrafficPolicy": "Local"}, {"selector": None}),
    *({"clusterIP": "None", "clusterIPs": ["None"]}, {"ports": PORTS}, {"publishNotReadyAddresses": True}),
)
ALIASES = ([], *([alias(x)] for x in ("otel.obs.svc.cluster.local", "gone.obs.svc.cluster.local", "otel.example.com")))
CLIENTS = ([], shop(PLAIN), shop(SECURE), shop(OF_METRICS[0]))
RANGES = (w.ranges(), w.ranges("10.96.0.0/16"), w.ranges("fd00:96::/112"))


@st.composite
def pods(draw: st.DrawFn) -> list[w.Object]:
    found = []
    for name in draw(st.sampled_from([(), ("otel-a",), ("otel-a", "otel-b")])):
        families, on = draw(FAMILIES), draw(st.sampled_from(["n1", "n2"]))
        each: w.Object = draw(
            st.sampled_from(
                [
                    w.pod(name, on, families),
                    crashed(name),
                    w.pod(name, on, families, **DOWN),
                    w.pod(name, on, families, **waits("ImagePullBackOff")),
                    pending("0/2 nodes are available"),
                    hosted(tuple(families), on),
                ]
            )
        )
        each["metadata"]["name"] = name
        each["spec"]["hostNetwork"] = draw(st.sampled_from([False, False, False, True]))
        found.append(each)
    return found


@st.composite
def looks(draw: st.DrawFn, held: list[w.Object]) -> Glimpses:
    """Exports by each way to each port, of which some were made."""
    found = []
    for each in held:
        addresses = [x["ip"] for x in each["status"].get("podIPs", [])]
        for port, spoken in w.PORTS:
            for way, address in ((Way.ADDRESS, ""), (Way.LOOPBACK, ""), *((Way.INSIDE, x) for x in addresses)):
                outcome = draw(st.sampled_from([None, None, *Outcome]))
                status = draw(st.sampled_from(["HTTP 404", "grpc-status 12 UNIMPLEMENTED", "grpc-status 16 U"]))
                signals = ("metrics",) if outcome is Outcome.REJECTED and draw(st.booleans()) else ()
                place = f"pod {each['metadata']['name']}"
                if outcome:
                    tls = draw(st.booleans())
                    found.append(Glimpse(place, port, spoken, way, outcome, "said", address, status, signals, tls))
    return Glimpses(tuple(found))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_every_flow_that_fails_is_told_by_an_error(data: st.DataObject) -> None:
    held = data.draw(pods())
    of_slices = [w.endpoints(held), w.endpoints([]), [], w.endpoints(held, ports=[{"name": "x", "port": 1}]), stale()]
    parts = w.healthy(
        pods=held,
        nodes=data.draw(st.sampled_from(NODES)),
        configs=[data.draw(st.sampled_from(CONFIGS))],
        services=[w.service(data.draw(FAMILIES), **data.draw(st.sampled_from(SERVICES)))],
        aliases=data.draw(st.sampled_from(ALIASES)),
        slices=data.draw(st.sampled_from(of_slices)),
        ranges=[data.draw(st.sampled_from(RANGES))],
    )
    expect = data.draw(st.sampled_from([(), (V4,), (V6,), (V4, V6)]))
    seen, sent = data.draw(looks(held)), data.draw(st.sampled_from(CLIENTS))

    found = w.diagnosed(parts, *expect, seen=seen, clients=sent)

    errors = [x for x in found.findings if x.severity is Severity.ERROR]
    wide = {y for x in errors if not x.flows for y in x.families or (V4, V6)}
    failed = {x.key for x in found.traces if x.required and x.failed and x.family not in wide}
    assert failed <= {y for x in errors for y in x.flows}
    assert found.verdict not in (Verdict.BROKEN, Verdict.DEGRADED) or errors
    assert {x.code for x in found.findings} <= {x.code for x in rules()}
    for each in found.findings:
        assert each.summary
        assert each.detail.endswith(".")
        assert not errors or each.name


def test_what_localhost_alone_takes_is_told_without_a_configuration() -> None:
    ways = ((Way.ADDRESS, Outcome.REFUSED), (Way.LOOPBACK, Outcome.ACCEPTED))
    seen = Glimpses(tuple(Glimpse("pod otel-a", 4317, w.PORTS[0][1], way, outcome) for way, outcome in ways))
    unknown = w.config(grpc="${env:NOWHERE}:4317")

    found = w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1")], configs=[unknown]), seen=seen)

    assert w.roots(found) == ["DS202"]


def test_what_no_rule_speaks_of_is_told_with_its_own_reason() -> None:
    seen = Glimpses((Glimpse("pod otel-a", 4317, w.PORTS[0][1], Way.ADDRESS, Outcome.REFUSED),))
    unknown = w.config(grpc="${env:NOWHERE}:4317")

    found = w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1")], configs=[unknown]), seen=seen)

    (fault,) = [x for x in found.findings if x.severity is Severity.ERROR]
    assert fault.code == "DS508"
    assert fault.summary == "Exports end at the hop listen over IPv4"
    assert "refuses connections" in fault.detail
    assert found.verdict is Verdict.DEGRADED
