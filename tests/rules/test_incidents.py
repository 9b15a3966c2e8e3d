"""Whole worlds, with the codes of the findings that nothing else explains, in order, and the verdict."""

import pytest

from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Traces
from dualstack.reach.predict import predict
from dualstack.reach.verdict import verdict
from dualstack.rules.registry import evaluate, rules
from dualstack.testing.incident import snapshot

PIPELINE = "exporters: {debug: {}}, service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}"


def config(grpc: str = "", http: str = "") -> str:
    """A Collector configuration with these endpoints, as a key of a world."""
    protocols = ", ".join(f"{k}: {v}" for k, v in (("grpc", grpc), ("http", http)) if v)
    return f"config: '{{receivers: {{otlp: {{protocols: {{{protocols}}}}}}}, {PIPELINE}}}'\n"


def judged(world: str) -> tuple[Traces, tuple[Finding, ...]]:
    evidence = snapshot(world)
    traces = predict(evidence)
    return traces, evaluate(evidence.adding(traces), rules())[0]


BOTH = 'target: http://localhost:4318\nnames: {localhost: ["::1", 127.0.0.1]}\n'
NAME = 'target: collector:4317\nnames: {collector: ["fd00:9::5", 10.9.0.5]}\n'
V6_REFUSED = 'probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]\n'
V4_REFUSED = 'probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http refused"]\n'
ALL_REFUSED = 'probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http refused"]\n'
ACCEPTED = 'probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http accepted"]\n'

FAULTS = {
    "IPv6 off for the clients of a Collector that cannot start without it": (
        BOTH
        + "sysctls: {net.ipv6.conf.all.disable_ipv6: 1}\n"
        + 'probes: ["[::1]:4318 http no_source", "127.0.0.1:4318 http refused"]\n'
        + config(http='{endpoint: "[::1]:4318"}'),
        "DS302",
        "broken",
    ),
    "silence on a loopback that is down": (
        (
            "target: http://10.9.0.5:4318\ninterfaces: {lo: [127.0.0.1/8], eth0: [10.9.0.5/24]}\ndown: [lo]\n"
            'listeners: ["[::]:4318 go otelcol"]\nprobes: ["10.9.0.5:4318 http timed_out"]\n'
        ),
        "DS306",
        "broken",
    ),
    "rust on the IPv4 wildcard": (BOTH + 'listeners: ["0.0.0.0:4318 rust rotel"]\n' + V6_REFUSED, "DS205", "degraded"),
    "the same without probes": (BOTH + 'listeners: ["0.0.0.0:4318 python python3"]\n', "DS205", "degraded"),
    "tcp4 in the Collector": (BOTH + 'listeners: ["0.0.0.0:4318 go otelcol"]\n' + V6_REFUSED, "DS208", "degraded"),
    "tcp6 in the Collector": (BOTH + 'listeners: ["[::]:4318 v6only go otelcol"]\n' + V4_REFUSED, "DS208", "degraded"),
    "a Java flag": (
        BOTH + 'listeners: ["0.0.0.0:4318 jvm java -Djava.net.preferIPv4Stack=true"]\n' + V6_REFUSED,
        "DS209",
        "degraded",
    ),
    "a Java flag that a later one takes back": (
        BOTH
        + 'listeners: ["0.0.0.0:4318 jvm java -Djava.net.preferIPv4Stack=true -Djava.net.preferIPv4Stack=false"]\n'
        + V6_REFUSED,
        "DS201",
        "degraded",
    ),
    "bindv6only and C": (
        BOTH + 'sysctls: {net.ipv6.bindv6only: 1}\nlisteners: ["[::]:4318 v6only posix fluent-bit"]\n' + V4_REFUSED,
        "DS206",
        "degraded",
    ),
    "asyncio": (BOTH + 'listeners: ["[::]:4318 v6only python python3"]\n' + V4_REFUSED, "DS207", "degraded"),
    "localhost became one address": (
        BOTH + 'listeners: ["127.0.0.1:4318 go otelcol"]\n' + V6_REFUSED,
        "DS203",
        "degraded",
    ),
    "localhost over IPv6 alone": (BOTH + 'listeners: ["[::1]:4318 node"]\n' + V4_REFUSED, "DS203", "degraded"),
    "the loopback, asked from outside over both families": (
        NAME + 'listeners: ["127.0.0.1:4317 go otelcol"]\n',
        "DS202",
        "broken",
    ),
    "both loopback addresses, asked from outside": (
        NAME + 'listeners: ["127.0.0.1:4317 go otelcol", "[::1]:4317 go otelcol"]\n',
        "DS202",
        "broken",
    ),
    "another loopback address": (
        'target: 127.0.0.2:4317\nlisteners: ["127.0.0.1:4317 go otelcol"]\n',
        "DS204",
        "broken",
    ),
    "the pod's first address": (
        NAME
        + 'listeners: ["10.9.0.5:4317 go otelcol"]\n'
        + 'probes: ["[fd00:9::5]:4317 grpc refused", "10.9.0.5:4317 grpc accepted"]\n',
        "DS204",
        "degraded",
    ),
    "nothing listens": (BOTH + ALL_REFUSED, "DS211", "broken"),
    "nothing listens on either OTLP port": ("target: 127.0.0.1\n", "DS211", "broken"),
    "nothing listens on one of the OTLP ports": (
        (
            'target: 127.0.0.1\nlisteners: ["[::]:4317 go otelcol"]\n'
            'probes: ["127.0.0.1:4317 grpc accepted", "127.0.0.1:4318 http refused"]\n'
        ),
        "DS211",
        "degraded",
    ),
    "a Collector that is not running, three ports": (
        'target: [http://127.0.0.1:4318, "grpc://127.0.0.1:4317", http://127.0.0.1:5318]\n'
        + config("{endpoint: 0.0.0.0:4317}", "{endpoint: 0.0.0.0:4318}")
        .replace("receivers: {otlp:", "receivers: {otlp/2: {protocols: {http: {endpoint: 0.0.0.0:5318}}}, otlp:")
        .replace("receivers: [otlp]", "receivers: [otlp, otlp/2]"),
        "DS211",
        "broken",
    ),
    "tcp6 where IPv6 is off": (
        (
            "target: http://127.0.0.1:4318\nsysctls: {net.ipv6.conf.all.disable_ipv6: 1}\n"
            'listeners: ["[::]:4318 v6only go otelcol"]\n'
        ),
        "DS217",
        "broken",
    ),
    "two programs, one port": (
        BOTH
        + 'listeners: ["[::1]:4318 python http.server", "127.0.0.1:4318 go otelcol"]\n'
        + 'probes: ["[::1]:4318 http not_otlp", "127.0.0.1:4318 http accepted"]\n',
        "DS210",
        "degraded",
    ),
    "a holder keeps the Collector from starting, three symptoms": (
        'target: [http://localhost:4318, "grpc://127.0.0.1:4317"]\nnames: {localhost: ["::1", 127.0.0.1]}\n'
        'listeners: ["0.0.0.0:4318 python python3"]\n'
        'probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http not_otlp", "127.0.0.1:4317 grpc refused"]\n'
        + config("", "{endpoint: 0.0.0.0:4318}").replace(
            "protocols: {", "protocols: {grpc: {endpoint: 0.0.0.0:4317}, "
        ),
        "DS210",
        "broken",
    ),
    "an address of another host, two ports": (
        'target: [http://127.0.0.1:4318, "grpc://127.0.0.1:4317"]\n'
        + config("{endpoint: 10.9.0.99:4317}", "{endpoint: 0.0.0.0:4318}"),
        "DS212",
        "broken",
    ),
    "an IPv6 literal where IPv6 is off": (
        "target: http://127.0.0.1:4318\nsysctls: {net.ipv6.conf.all.disable_ipv6: 1}\n"
        + config("", "{endpoint: '''[::1]:4318'''}".replace("'''", '"')),
        "DS302",
        "broken",
    ),
    "an edited configuration": (
        'target: http://10.9.0.5:4318\nlisteners: ["127.0.0.1:4318 go otelcol"]\n'
        + config("", "{endpoint: 0.0.0.0:4318}"),
        "DS213",
        "broken",
    ),
    "a configuration that cannot be parsed by net.Listen": (
        "target: http://10.9.0.5:4318\n" + config("", '{endpoint: "fd00:9::5:4318"}'),
        "DS211",
        "broken",
    ),
    "no IPv6 in the kernel": (
        'target: grpc://[::1]:4317\nipv6: absent\nroutes: ["::1 EAFNOSUPPORT"]\n',
        "DS301",
        "broken",
    ),
    "IPv6 off on the way out": (
        (
            "target: http://[fd00:1::7]:4318\nsysctls: {net.ipv6.conf.eth0.disable_ipv6: 1}\n"
            'routes: ["fd00:1::7 ENETUNREACH"]\nprobes: ["[fd00:1::7]:4318 http no_route"]\n'
        ),
        "DS302",
        "broken",
    ),
    "IPv6 off everywhere, asked for on the loopback": (
        BOTH
        + 'sysctls: {net.ipv6.conf.all.disable_ipv6: 1}\nlisteners: ["[::]:4318 go otelcol"]\n'
        + 'routes: ["::1 ENETUNREACH"]\nprobes: ["[::1]:4318 http no_source", "127.0.0.1:4318 http accepted"]\n',
        "DS302",
        "degraded",
    ),
    "no IPv6 on the loopback": (
        BOTH
        + 'sysctls: {net.ipv6.conf.lo.disable_ipv6: 1}\nlisteners: ["[::]:4318 go otelcol"]\n'
        + 'routes: ["::1 ENETUNREACH"]\nprobes: ["[::1]:4318 http no_route", "127.0.0.1:4318 http accepted"]\n',
        "DS303",
        "degraded",
    ),
    "an address in duplicate address detection": (
        (
            "target: grpc://[fd00:9::5]:4317\n"
            'interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24, "fd00:9::5/64 tentative"]}\n'
            'listeners: ["[::]:4317 go otelcol"]\nprobes: ["[fd00:9::5]:4317 grpc unreachable"]\n'
        ),
        "DS304",
        "broken",
    ),
    "a client whose only address is a duplicate": (
        (
            "target: grpc://[fd00:9::7]:4317\n"
            'interfaces: {lo: [127.0.0.1/8], eth0: [10.9.0.5/24, "fd00:9::5/64 dadfailed tentative"]}\n'
            'routes: ["fd00:9::7 eth0"]\nprobes: ["[fd00:9::7]:4317 grpc no_source"]\n'
        ),
        "DS304",
        "broken",
    ),
    "a receiver that starts before its address": (
        "target: http://127.0.0.1:4318\n"
        'interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24, "fd00:9::5/64 tentative"]}\n'
        + config("", '{endpoint: "[fd00:9::5]:4318"}'),
        "DS304",
        "broken",
    ),
    "a receiver on ::1 where the loopback has none": (
        "target: http://127.0.0.1:4318\nsysctls: {net.ipv6.conf.lo.disable_ipv6: 1}\n"
        + config("", '{endpoint: "[::1]:4318"}'),
        "DS303",
        "broken",
    ),
    "no IPv6 route": ('target: http://[fd00:1::7]:4318\nroutes: ["fd00:1::7 ENETUNREACH"]\n', "DS305", "broken"),
    "no IPv4 route": ('target: http://192.0.2.7:4318\nroutes: ["192.0.2.7 ENETUNREACH"]\n', "DS305", "broken"),
    "a route that prohibits": ('target: http://[fd00:2::7]:4318\nroutes: ["fd00:2::7 EACCES"]\n', "DS305", "broken"),
    "a blackhole": ('target: http://[fd00:2::7]:4318\nroutes: ["fd00:2::7 EINVAL"]\n', "DS305", "broken"),
    "no neighbour": ('target: 10.9.0.99:4317\nprobes: ["10.9.0.99:4317 grpc unreachable"]\n', "DS305", "broken"),
    "a link-local address without a zone, places withheld": (
        'target: grpc://[fe80::7]:4317\nprobes: ["[fe80::7]:4317 grpc bad_address"]\nwithheld: [Namespaces]\n',
        "DS305",
        "broken",
    ),
    "no address to send from": (
        (
            "target: http://[fd00:9::7]:4318\ninterfaces: {lo: [127.0.0.1/8], eth0: [10.9.0.5/24]}\n"
            'routes: ["fd00:9::7 eth0"]\nprobes: ["[fd00:9::7]:4318 http no_source"]\n'
        ),
        "DS306",
        "broken",
    ),
}

COMPOUND = {
    "two ports, two faults": (
        (
            'target: [http://localhost:4318, "grpc://10.9.0.5:4317"]\nnames: {localhost: ["::1", 127.0.0.1]}\n'
            'listeners: ["0.0.0.0:4318 rust rotel", "127.0.0.1:4317 go otelcol"]\n'
            'probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted", "10.9.0.5:4317 grpc refused"]\n'
        ),
        "DS202 DS205",
        "degraded",
    ),
    "IPv6 off on eth0, and IPv4 turned away": (
        (
            'target: [http://10.9.0.5:4318, "http://[fd00:1::7]:4318"]\nsysctls: {net.ipv6.conf.eth0.disable_ipv6: 1}\n'
            'listeners: ["[::1]:4318 rust rotel"]\nroutes: ["fd00:1::7 ENETUNREACH"]\n'
        ),
        "DS302 DS202",
        "broken",
    ),
    "one family off, the other without a listener": (
        BOTH + "sysctls: {net.ipv6.conf.lo.disable_ipv6: 1}\n"
        'probes: ["[::1]:4318 http no_route", "127.0.0.1:4318 http refused"]\n',
        "DS211 DS303",
        "broken",
    ),
    "a wrong address and an empty port": (
        'target: [http://127.0.0.1:4318, "grpc://127.0.0.1:5317"]\n' + config("", "{endpoint: 10.9.0.99:4318}"),
        "DS211 DS212",
        "broken",
    ),
    "no IPv6 on the loopback, and an address of another host": (
        "target: http://127.0.0.1:4318\nsysctls: {net.ipv6.conf.lo.disable_ipv6: 1}\n"
        + config("", "{endpoint: 10.9.0.99:4318}"),
        "DS212",
        "broken",
    ),
    "two endpoints that cannot be bound": (
        "target: http://127.0.0.1:4318\nsysctls: {net.ipv6.conf.all.disable_ipv6: 1}\n"
        + config("{endpoint: 10.9.0.99:4317}", '{endpoint: "[::1]:4318"}'),
        "DS302 DS212",
        "broken",
    ),
}

HEALTHY = {
    "a Go wildcard": BOTH + 'listeners: ["[::]:4318 go otelcol"]\n' + ACCEPTED,
    "a Go wildcard with bindv6only": BOTH
    + 'sysctls: {net.ipv6.bindv6only: 1}\nlisteners: ["[::]:4318 go otelcol"]\n'
    + ACCEPTED,
    "two Rust sockets": BOTH + 'listeners: ["0.0.0.0:4318 rust rotel", "[::]:4318 v6only rust rotel"]\n' + ACCEPTED,
    "two receivers on the loopback": BOTH
    + 'listeners: ["127.0.0.1:4318 go otelcol", "[::1]:4318 go otelcol"]\n'
    + ACCEPTED,
    "two OTLP receivers, one for each family": BOTH
    + 'listeners: ["127.0.0.1:4318 rust rotel", "[::1]:4318 go otelcol"]\n'
    + ACCEPTED,
    "an IPv4-only host, a dual name": 'target: collector:4317\nnames: {collector: ["2001:db8::7", 10.9.0.7]}\n'
    'interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24, "fe80::5/64"]}\n'
    'routes: ["2001:db8::7 ENETUNREACH"]\n'
    'probes: ["[2001:db8::7]:4317 grpc no_route", "10.9.0.7:4317 grpc accepted"]\n',
    "an IPv4-only kernel, a dual name": "target: collector:4317\nipv6: absent\n"
    'names: {collector: ["2001:db8::7", 10.9.0.7]}\nroutes: ["2001:db8::7 EAFNOSUPPORT"]\n'
    'probes: ["[2001:db8::7]:4317 grpc family_absent", "10.9.0.7:4317 grpc accepted"]\n',
    "an IPv6-only host, a dual name": 'target: collector:4317\nnames: {collector: ["2001:db8::7", 192.0.2.7]}\n'
    'interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: ["2001:db8::5/64"]}\nroutes: ["192.0.2.7 ENETUNREACH"]\n'
    'probes: ["[2001:db8::7]:4317 grpc accepted", "192.0.2.7:4317 grpc no_route"]\n',
    "NAT64": 'target: collector:4317\nnames: {collector: ["64:ff9b::c000:207", 192.0.2.7]}\n'
    'interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: ["2001:db8::5/64"]}\nroutes: ["192.0.2.7 ENETUNREACH"]\n'
    'probes: ["[64:ff9b::c000:207]:4317 grpc accepted", "192.0.2.7:4317 grpc no_route"]\n',
    "localhost is IPv4 here": "target: http://localhost:4318\nnames: {localhost: [127.0.0.1]}\n"
    'listeners: ["127.0.0.1:4318 go otelcol"]\nprobes: ["127.0.0.1:4318 http accepted"]\n',
    "an IPv4 literal, an IPv4 listener": 'target: http://127.0.0.1:4318\nlisteners: ["0.0.0.0:4318 rust rotel"]\n'
    'probes: ["127.0.0.1:4318 http accepted"]\n',
    "IPv6 off, nobody asks for it": "target: http://10.9.0.5:4318\nsysctls: {net.ipv6.conf.all.disable_ipv6: 1}\n"
    'listeners: ["[::]:4318 go otelcol"]\nprobes: ["10.9.0.5:4318 http accepted"]\n',
    "a configuration that matches": 'target: http://10.9.0.5:4318\nlisteners: ["[::]:4318 go otelcol"]\n'
    'probes: ["10.9.0.5:4318 http accepted"]\n' + config("", "{endpoint: 0.0.0.0:4318}"),
    "a configuration, a remote target": 'target: http://10.9.0.7:4318\nprobes: ["10.9.0.7:4318 http accepted"]\n'
    + config("", "{endpoint: 10.9.0.99:4318}"),
    "Rust where a Collector is declared": 'target: http://10.9.0.5:4318\nlisteners: ["0.0.0.0:4318 rust rotel"]\n'
    'probes: ["10.9.0.5:4318 http accepted"]\n' + config("", "{endpoint: 0.0.0.0:4318}"),
}

# Evidence that was not to be had leaves the symptom alone, or nothing.
WITHHELD = {
    "an owner out of sight": (BOTH + 'listeners: ["0.0.0.0:4318"]\n' + V6_REFUSED, "DS201", "degraded"),
    "an IPv6-only wildcard of an unknown program": (
        BOTH + 'sysctls: {net.ipv6.bindv6only: 1}\nlisteners: ["[::]:4318 v6only"]\n' + V4_REFUSED,
        "DS201",
        "degraded",
    ),
    "sockets out of sight, the other family answered": (
        BOTH + V6_REFUSED + "withheld: [Listeners]\n",
        "DS201",
        "degraded",
    ),
    "sockets out of sight, everything refused": (BOTH + ALL_REFUSED + "withheld: [Listeners]\n", "DS211", "broken"),
    "a remote address that refuses": (
        'target: 192.0.2.9:4317\nprobes: ["192.0.2.9:4317 grpc refused"]\n',
        "DS211",
        "broken",
    ),
    "sockets out of sight, a configuration in sight": (
        'target: collector:4317\nnames: {collector: ["2001:db8::7", 192.0.2.7]}\n'
        'probes: ["[2001:db8::7]:4317 grpc refused", "192.0.2.7:4317 grpc accepted"]\n'
        + config("{endpoint: 0.0.0.0:4317, transport: tcp4}"),
        "DS208",
        "degraded",
    ),
    "an owner out of sight, a configuration in sight": (
        BOTH + 'listeners: ["0.0.0.0:4318"]\n' + V6_REFUSED + config("", "{endpoint: 0.0.0.0:4318, transport: tcp4}"),
        "DS208",
        "degraded",
    ),
    "sysctls and interfaces out of sight": (
        BOTH
        + 'listeners: ["[::]:4318 v6only rust rotel"]\nwithheld: [Namespaces]\n'
        + 'probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http refused"]\n',
        "DS201",
        "degraded",
    ),
    "routes out of sight": (
        'target: http://[fd00:1::7]:4318\nwithheld: [Routes, Namespaces]\nprobes: ["[fd00:1::7]:4318 http no_route"]\n',
        "DS305",
        "broken",
    ),
    "no probes and nothing that tells": ("target: http://192.0.2.7:4318\n", "", "unknown"),
}


def _rows(table: dict[str, tuple[str, str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("world", "roots", "expected"), table.values(), ids=table)


@_rows(FAULTS | COMPOUND | WITHHELD)
def test_each_fault_leaves_one_root_cause(world: str, roots: str, expected: str) -> None:
    traces, findings = judged(world)

    assert [x.code for x in findings if not x.because] == roots.split()
    assert verdict(traces) == expected


@_rows(FAULTS | COMPOUND)
def test_every_broken_flow_has_a_finding(world: str, roots: str, expected: str) -> None:
    traces, findings = judged(world)

    assert {x.key for x in traces.broken} <= {flow for x in findings for flow in x.flows}


@pytest.mark.parametrize("world", HEALTHY.values(), ids=HEALTHY)
def test_healthy_and_odd_worlds_raise_no_alarm(world: str) -> None:
    traces, findings = judged(world)

    assert [x.code for x in findings if x.severity is not Severity.INFO] == []
    assert verdict(traces) is Verdict.HEALTHY
