"""Whatever the world is: no rule fails, no broken flow lacks a root cause, and every message is whole."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dualstack.reach.dial import clients
from dualstack.reach.predict import predict
from dualstack.rules.registry import evaluate, rules
from dualstack.testing.incident import snapshot

ADDRESSES = (
    "127.0.0.1",
    "127.0.0.2",
    "::1",
    "10.9.0.5",
    "fd00:9::5",
    "10.9.0.7",
    "fd00:1::7",
    "fe80::7",
    "fe80::7%eth0",
)
BOUND = (
    "0.0.0.0",
    "::",
    ":: v6only",
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "10.9.0.5",
    "fd00:9::5",
    "::ffff:0.0.0.0",
)
OWNERS = (
    "",
    "go otelcol",
    "rust rotel",
    "python python3",
    "node",
    "jvm java -Djava.net.preferIPv4Stack=true",
    "posix x",
)
OUTCOMES = (
    "refused",
    "timed_out",
    "no_route",
    "unreachable",
    "no_source",
    "family_absent",
    "not_otlp",
    "silent",
    "accepted",
)
ERRORS = ("ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "eth0 ::1", "eth0", "lo")
SYSCTLS = ("net.ipv6.bindv6only", *(f"net.ipv6.conf.{x}.disable_ipv6" for x in ("all", "lo", "eth0")))
FLAGS = ("", " tentative", " dadfailed tentative")
KINDS = ("Listeners", "Namespaces", "Routes", "Probes", "Declared", "Names")


def _outcomes(address: str) -> tuple[str, ...]:
    """How a probe may end; every kernel has IPv4."""
    return OUTCOMES if ":" in address else tuple(x for x in OUTCOMES if x != "family_absent")


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@st.composite
def listeners(draw: st.DrawFn) -> str:
    address, _, only = draw(st.sampled_from(BOUND)).partition(" ")
    return f"{_endpoint(address, draw(st.sampled_from((4317, 4318))))} {only} {draw(st.sampled_from(OWNERS))}"


@st.composite
def worlds(draw: st.DrawFn) -> str:
    chosen = draw(st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=3, unique=True))
    said = [f"{_endpoint(x, 4318)} http {draw(st.sampled_from(_outcomes(x)))}" for x in chosen if draw(st.booleans())]
    routes = [f"{x} {draw(st.sampled_from(ERRORS))}" for x in chosen if draw(st.booleans())]
    held = draw(st.sampled_from(FLAGS))
    declared = draw(st.sampled_from(BOUND)).partition(" ")[0]
    lines = [
        f"target: {draw(st.sampled_from(['http://collector:4318', 'collector']))}",
        f"names: {{collector: {chosen}}}",
        f"probes: {said}",
        f"routes: {routes}",
        f"listeners: {draw(st.lists(listeners(), max_size=3))}",
        f"sysctls: {{{', '.join(f'{x}: 1' for x in draw(st.sets(st.sampled_from(SYSCTLS))))}}}",
        f"interfaces: {{lo: [127.0.0.1/8, '::1/128'], eth0: [10.9.0.5/24, 'fd00:9::5/64{held}']}}",
        f"expect: {draw(st.sampled_from(['[]', '[ipv6]', '[ipv4, ipv6]']))}",
        f"withheld: {sorted(draw(st.sets(st.sampled_from(KINDS), max_size=2)))}",
    ]
    if draw(st.booleans()):
        lines.append("ipv6: absent")
    if draw(st.booleans()):
        lines.append(f"client: {draw(st.sampled_from(clients()))}")
    if draw(st.booleans()):
        transport = draw(st.sampled_from(("tcp", "tcp4", "tcp6")))
        http = f"http: {{endpoint: '{_endpoint(declared, 4318)}', transport: {transport}}}"
        lines.append(f"config: |\n  receivers: {{otlp: {{protocols: {{{http}}}}}}}\n  service: {{}}")
    return "\n".join(lines)


@settings(max_examples=150)
@given(worlds())
def test_every_broken_flow_has_a_root_cause_in_whole_sentences(world: str) -> None:
    evidence = snapshot(world)
    traces = predict(evidence)

    findings, _ = evaluate(evidence.adding(traces), rules())

    roots = {flow for x in findings if not x.because for flow in x.flows}
    assert {x.key for x in traces.broken} <= roots
    for finding in findings:
        assert len(finding.summary.split()) <= 8, finding.summary
        assert finding.detail.endswith("."), finding.detail
        assert finding.hint.endswith("."), finding.hint
        assert finding.evidence, finding.summary
