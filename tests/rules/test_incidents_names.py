"""Whole worlds of names, filters, clients and answers: which root causes remain, in which order, and the verdict."""

import pytest

from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Disposition
from dualstack.reach.verdict import verdict
from tests.rules.test_incidents import judged

DUAL = 'names: {collector: ["2001:db8::7", 10.9.0.7]}\nroutes: ["2001:db8::7 eth0 2001:db8::5"]\n'
REMOTE = "target: collector:4317\n" + DUAL
LOCAL = 'target: http://localhost:4318\nnames: {localhost: ["::1", 127.0.0.1]}\n'
IPV4_HOST = 'interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24, "fe80::5/64"]}\n'
IPV6_HOST = 'interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: ["fd00:9::5/64"]}\n'
GOOD_V4 = "10.9.0.7:4317 grpc accepted"


def probes(*lines: str) -> str:
    return "probes:\n" + "".join(f'- "{x}"\n' for x in lines)


def remote(v6: str, v4: str) -> str:
    return REMOTE + probes(f"[2001:db8::7]:4317 grpc {v6}", f"10.9.0.7:4317 grpc {v4}")


def local(v6: str, v4: str) -> str:
    return LOCAL + probes(f"[::1]:4318 http {v6}", f"127.0.0.1:4318 http {v4}")


def unresolved(error: str, rcode: str) -> str:
    answers = f"dns: ['10.9.0.53 collector A NOERROR 10.9.0.7', '10.9.0.53 collector AAAA {rcode}']"
    return f"target: http://collector:4318\nnames: {{collector: {error}}}\n{answers}\n"


COLLECTOR = "target: collector:4317\n"
FAULTS = {
    "a record gives the client's own loopback": (
        COLLECTOR + 'names: {collector: ["::1", 10.9.0.7]}\n' + probes("[::1]:4317 grpc refused", GOOD_V4),
        "DS404",
        "degraded",
    ),
    "the same, and an agent listens there on the other family": (
        COLLECTOR
        + 'names: {collector: ["::1", 10.9.0.7]}\nlisteners: ["127.0.0.1:4317 go otelcol"]\n'
        + probes("[::1]:4317 grpc refused", GOOD_V4),
        "DS404",
        "degraded",
    ),
    "a name of this host itself has a loopback address": (
        COLLECTOR + "names: {collector: [127.0.1.1, 10.9.0.5]}\n"
        'listeners: ["10.9.0.5:4317 go otelcol"]\n'
        + probes("127.0.1.1:4317 grpc refused", "10.9.0.5:4317 grpc accepted"),
        "DS204",
        "degraded",
    ),
    "a loopback record where nothing answers elsewhere either": (
        COLLECTOR
        + 'names: {collector: ["::1", 10.9.0.7]}\n'
        + probes("[::1]:4317 grpc refused", "10.9.0.7:4317 grpc timed_out"),
        "DS906 DS211",
        "broken",
    ),
    "a record gives a link-local address": (
        COLLECTOR
        + 'names: {collector: ["fe80::7", 10.9.0.7]}\nroutes: ["fe80::7 EINVAL"]\n'
        + probes("[fe80::7]:4317 grpc bad_address", GOOD_V4),
        "DS404",
        "degraded",
    ),
    "a name with a link-local address alone": (
        COLLECTOR
        + 'names: {collector: ["fe80::7"]}\nroutes: ["fe80::7 EINVAL"]\n'
        + probes("[fe80::7]:4317 grpc bad_address"),
        "DS305",
        "broken",
    ),
    "IPv6 is dropped on the way": (remote("timed_out", "accepted"), "DS906", "degraded"),
    "IPv4 is dropped on the way": (remote("accepted", "timed_out"), "DS906", "degraded"),
    "nothing answers at all": (remote("timed_out", "timed_out"), "DS906 DS906", "broken"),
    "one of two backends is gone": (
        "target: collector:4317\nnames: {collector: [10.9.0.7, 10.9.0.8]}\n"
        + probes(GOOD_V4, "10.9.0.8:4317 grpc refused"),
        "DS404",
        "degraded",
    ),
    "one of two backends is silent": (
        "target: collector:4317\nnames: {collector: [10.9.0.7, 10.9.0.8]}\n"
        + probes(GOOD_V4, "10.9.0.8:4317 grpc timed_out"),
        "DS906",
        "degraded",
    ),
    "two loopback addresses, one refused, sockets out of sight": (
        "target: localhost:4317\nnames: {localhost: [127.0.0.1, 127.0.0.2]}\nwithheld: [Listeners]\n"
        + probes("127.0.0.1:4317 grpc accepted", "127.0.0.2:4317 grpc refused"),
        "DS404",
        "degraded",
    ),
    "a route that prohibits": (
        "target: http://[fd00:9::7]:4318\nroutes: ['fd00:9::7 EACCES']\n" + probes("[fd00:9::7]:4318 http denied"),
        "DS305",
        "broken",
    ),
    "a local filter rejects IPv6": (
        local("refused", "accepted")
        + 'listeners: ["[::]:4318 go otelcol"]\nfilters: ["input [::1]:4318 reject meta nfproto ipv6 reject"]\n',
        "DS702",
        "degraded",
    ),
    "a local filter that nobody may read": (
        local("timed_out", "accepted") + 'listeners: ["[::]:4318 go otelcol"]\nwithheld: [Filters]\n',
        "DS702",
        "degraded",
    ),
    "silence although the filters in sight let it pass": (
        local("timed_out", "accepted")
        + 'listeners: ["[::]:4318 go otelcol"]\nfilters: ["input [::1]:4318 accept", "output [::1]:4318 accept"]\n',
        "DS906",
        "degraded",
    ),
    "a reset although the filters in sight let it pass": (
        local("refused", "accepted")
        + 'listeners: ["[::]:4318 go otelcol"]\nfilters: ["input [::1]:4318 accept", "output [::1]:4318 accept"]\n',
        "DS702",
        "degraded",
    ),
    "Node 18 and a Collector on localhost": (
        local("refused", "accepted") + 'client: node@18\nlisteners: ["127.0.0.1:4318 go otelcol"]\n',
        "DS804",
        "broken",
    ),
    "Node 18 and a receiver in Rust": (
        local("refused", "accepted") + 'client: node@18\nlisteners: ["0.0.0.0:4318 rust rotel"]\n',
        "DS205",
        "broken",
    ),
    "Java told to prefer IPv6 on a host without": (
        REMOTE.replace("2001:db8::7 eth0 2001:db8::5", "2001:db8::7 ENETUNREACH")
        + IPV4_HOST
        + "client: java-ipv6-first\n"
        + probes("[2001:db8::7]:4317 grpc no_route", GOOD_V4),
        "DS803",
        "broken",
    ),
    "Python waits for a dead address": (remote("timed_out", "accepted") + "client: python\n", "DS906", "degraded"),
    "a stale line in the hosts file": (
        "target: collector:4317\nnames: {collector: [10.9.0.99]}\nhosts: ['10.9.0.99 collector']\n"
        "dns: ['10.9.0.53 collector A NOERROR 10.9.0.7']\n" + probes("10.9.0.99:4317 grpc timed_out"),
        "DS405",
        "broken",
    ),
    "localhost is somebody else": (
        "target: http://localhost:4318\nnames: {localhost: [203.0.113.9]}\n" + probes("203.0.113.9:4318 http refused"),
        "DS409",
        "broken",
    ),
    "no such name": (
        "target: http://collectr:4318\nnames: {collectr: EAI_NONAME}\n",
        "DS408",
        "broken",
    ),
    "no such name, looked for without a port": (
        "target: collectr\nnames: {collectr: EAI_NONAME}\n",
        "DS408",
        "broken",
    ),
    "NXDOMAIN for AAAA": (
        unresolved("EAI_NONAME", "NXDOMAIN"),
        "DS402",
        "broken",
    ),
    "AAAA is never answered": (
        unresolved("EAI_AGAIN", "TIMEOUT"),
        "DS403",
        "broken",
    ),
    "AAAA is never answered and IPv6 is expected": (
        "target: http://collector:4318\nexpect: [ipv4, ipv6]\nnames: {collector: [10.9.0.7]}\n"
        "dns: ['10.9.0.53 collector A NOERROR 10.9.0.7', '10.9.0.53 collector AAAA TIMEOUT']\n"
        + probes("10.9.0.7:4318 http accepted"),
        "DS403",
        "degraded",
    ),
    "IPv6 is expected of an IPv4 name": (
        "target: http://collector:4318\nexpect: [ipv6]\nnames: {collector: [10.9.0.7]}\n"
        + probes("10.9.0.7:4318 http accepted"),
        "DS401",
        "broken",
    ),
    "the certificate has the IPv4 address alone": (
        "target: ['https://[fd00:9::7]:4318', 'https://10.9.0.7:4318']\n"
        + probes("[fd00:9::7]:4318 https tls_name_mismatch san=10.9.0.7", "10.9.0.7:4318 https accepted"),
        "DS901",
        "degraded",
    ),
    "gRPC sent to the HTTP port over both families": (
        remote("http1_spoken", "http1_spoken"),
        "DS902",
        "broken",
    ),
    "a web server on one family": (
        local("not_otlp HTTP 404", "accepted")
        + 'listeners: ["[::1]:4318 python http.server", "127.0.0.1:4318 go otelcol"]\n',
        "DS210",
        "degraded",
    ),
    "credentials are missing over both families": (
        remote("rejected grpc-status 16 UNAUTHENTICATED", "rejected grpc-status 16 UNAUTHENTICATED"),
        "DS904",
        "broken",
    ),
}

COMPOUND = {
    "a drop over IPv6 and a refused export over IPv4": (
        remote("timed_out", "rejected grpc-status 16 UNAUTHENTICATED"),
        "DS906 DS904",
        "broken",
    ),
    "a wrong certificate over IPv6 and nobody over IPv4": (
        "target: grpcs://collector:4317\n"
        + DUAL
        + probes("[2001:db8::7]:4317 grpcs tls_name_mismatch san=other", "10.9.0.7:4317 grpcs timed_out"),
        "DS901 DS906",
        "broken",
    ),
    "an IPv4 wildcard in Rust, and credentials are missing": (
        local("refused", "rejected HTTP 401") + 'listeners: ["0.0.0.0:4318 rust rotel"]\n',
        "DS904 DS205",
        "broken",
    ),
    "two targets with a fault each": (
        "target: ['collector:4317', 'http://localhost:4318']\n"
        'names: {collector: [10.9.0.7], localhost: ["::1", 127.0.0.1]}\n'
        'listeners: ["127.0.0.1:4318 go otelcol"]\n'
        + probes("10.9.0.7:4317 grpc timed_out", "[::1]:4318 http refused", "127.0.0.1:4318 http accepted"),
        "DS906 DS203",
        "degraded",
    ),
    "a filter here, and a name that does not resolve there": (
        "target: ['http://10.9.0.5:4318', 'collectr:4317']\nnames: {collectr: EAI_AGAIN}\n"
        'listeners: ["[::]:4318 go otelcol"]\nfilters: ["input 10.9.0.5:4318 drop tcp dport 4318 drop"]\n'
        + probes("10.9.0.5:4318 http timed_out"),
        "DS408 DS702",
        "broken",
    ),
}


@pytest.mark.parametrize(("world", "codes", "said"), [*FAULTS.values(), *COMPOUND.values()], ids=[*FAULTS, *COMPOUND])
def test_the_root_causes_remain(world: str, codes: str, said: str) -> None:
    traces, findings = judged(world)

    assert [x.code for x in findings if not x.because] == codes.split(), findings
    assert verdict(traces) == said


ODD_BUT_FINE = {
    "an IPv4 host and a dual-stack name": REMOTE.replace("2001:db8::7 eth0 2001:db8::5", "2001:db8::7 ENETUNREACH")
    + IPV4_HOST
    + probes("[2001:db8::7]:4317 grpc no_route", GOOD_V4),
    "the same for gRPC, which tries IPv4 in turn": "client: grpc-core@1.58\n"
    + REMOTE.replace("2001:db8::7 eth0 2001:db8::5", "2001:db8::7 ENETUNREACH")
    + IPV4_HOST
    + probes("[2001:db8::7]:4317 grpc no_route", GOOD_V4),
    "an IPv6 host and a dual-stack name": "target: collector:4317\n"
    'names: {collector: ["2001:db8::7", 10.9.0.7]}\nroutes: ["10.9.0.7 ENETUNREACH"]\n'
    + IPV6_HOST
    + probes("10.9.0.7:4317 grpc no_route", "[2001:db8::7]:4317 grpc accepted"),
    "an IPv4 name that nobody wants IPv6 of": "target: http://collector:4318\nnames: {collector: [10.9.0.7]}\n"
    "dns: ['10.9.0.53 collector A NOERROR 10.9.0.7', '10.9.0.53 collector AAAA NOERROR']\n"
    + probes("10.9.0.7:4318 http accepted"),
    "NAT64 in place of IPv6": "target: grpc://collector:4317\nnames: {collector: ['64:ff9b::a09:7']}\n"
    + IPV6_HOST
    + probes("[64:ff9b::a09:7]:4317 grpc accepted"),
    "a client that races a dead address": remote("timed_out", "accepted") + "client: curl\n",
    "a Go wildcard and a filter that lets all pass": local("accepted", "accepted")
    + 'listeners: ["[::]:4318 go otelcol"]\nfilters: ["input [::1]:4318 accept", "input 127.0.0.1:4318 accept"]\n',
    "a filter that says drop where exports get through": local("accepted", "accepted")
    + 'listeners: ["[::]:4318 go otelcol"]\nfilters: ["input [::1]:4318 drop tcp dport 4318 drop"]\n',
    "Node 20 and a Collector on localhost": local("refused", "accepted")
    + 'client: node@20\nlisteners: ["127.0.0.1:4318 go otelcol"]\n',
    "a hosts file that agrees with DNS": "target: collector:4317\nnames: {collector: [10.9.0.7]}\n"
    "hosts: ['10.9.0.7 collector']\ndns: ['10.9.0.53 collector A NOERROR 10.9.0.7']\n" + probes(GOOD_V4),
    "a hosts file that differs and works": "target: collector:4317\nnames: {collector: [10.9.0.7]}\n"
    "hosts: ['10.9.0.7 collector']\ndns: ['10.9.0.53 collector A NOERROR 203.0.113.9']\n" + probes(GOOD_V4),
    "localhost over IPv4 alone": "target: http://localhost:4318\nnames: {localhost: [127.0.0.1]}\n"
    'listeners: ["127.0.0.1:4318 go otelcol"]\n' + probes("127.0.0.1:4318 http accepted"),
    "a port of its own that speaks HTTP": "target: collector:9999\nnames: {collector: [10.9.0.7]}\n"
    + probes("10.9.0.7:9999 grpc http1_spoken", "10.9.0.7:9999 http accepted"),
}


@pytest.mark.parametrize("world", ODD_BUT_FINE.values(), ids=ODD_BUT_FINE)
def test_what_is_odd_but_works_yields_nothing(world: str) -> None:
    traces, findings = judged(world)

    assert not findings
    assert verdict(traces) == "healthy"


DENYING = (
    "target: collector:4317\nnames: {collector: [10.9.0.7]}\n"
    "dns: ['10.9.0.53 collector A NOERROR 10.9.0.7', '10.9.0.53 collector AAAA NXDOMAIN']\n" + probes(GOOD_V4)
)

WARNED = {
    "NXDOMAIN beside an address that glibc takes": (
        f"client: curl\n{DENYING}",
        "DS402",
    ),
    "AAAA unanswered beside an address that glibc takes": (
        f"client: curl\n{DENYING.replace('NXDOMAIN', 'TIMEOUT')}",
        "DS403",
    ),
    "Node of an unknown version": (
        local("refused", "accepted") + 'client: node\nlisteners: ["127.0.0.1:4318 go otelcol"]\n',
        "DS804",
    ),
    "localhost has one address too many, and it works": (
        "target: localhost:4317\nnames: {localhost: ['fd00:9::7', 127.0.0.1]}\n"
        + probes("[fd00:9::7]:4317 grpc accepted", "127.0.0.1:4317 grpc accepted"),
        "DS409",
    ),
}


@pytest.mark.parametrize(("rcode", "code"), [("NXDOMAIN", "DS402"), ("TIMEOUT", "DS403")])
def test_a_nameserver_that_fails_other_resolvers_is_an_error_while_the_client_is_not_known(
    rcode: str, code: str
) -> None:
    traces, findings = judged(DENYING.replace("NXDOMAIN", rcode))

    assert [(x.code, x.severity) for x in findings] == [(code, Severity.ERROR)]
    assert verdict(traces, findings) == "degraded"


@pytest.mark.parametrize(("client", "severity"), [("", Severity.WARNING), ("client: musl\n", Severity.ERROR)])
def test_a_nameserver_that_fails_at_once_hurts_musl_alone(client: str, severity: Severity) -> None:
    _, findings = judged(client + DENYING.replace("NXDOMAIN", "SERVFAIL"))

    assert [(x.code, x.severity) for x in findings] == [("DS403", severity)]


@pytest.mark.parametrize(("client", "spared"), [("curl", True), ("go", True), ("grpcio", True), ("musl", False)])
def test_a_client_that_takes_one_answer_without_the_other_is_spared(client: str, spared: bool) -> None:
    _, findings = judged(f"client: {client}\n{DENYING}")

    assert [x.severity is not Severity.ERROR for x in findings] == [spared]


@pytest.mark.parametrize(
    ("options", "hint"), [("[no-aaaa]", "Remove `no-aaaa`"), ("[]", "Publish an AAAA record for `a.b`")]
)
def test_what_hides_an_address_is_removed_and_what_lacks_it_is_named_in_full(options: str, hint: str) -> None:
    world = f"target: http://a\nexpect: [ipv6]\nnames: {{a: [10.9.0.7]}}\noptions: {options}\n"
    _, (found,) = judged(world + 'dns: ["10.9.0.53 a.b A NOERROR 10.9.0.7", "10.9.0.53 a.b AAAA NOERROR"]\n')

    assert (found.code, found.hint.startswith(hint)) == ("DS401", True)


@pytest.mark.parametrize(("world", "code"), WARNED.values(), ids=WARNED)
def test_what_can_hurt_somebody_else_is_no_error(world: str, code: str) -> None:
    traces, findings = judged(world)

    assert [x.code for x in findings] == [code]
    assert findings[0].severity is not Severity.ERROR
    assert verdict(traces) == "healthy"


@pytest.mark.parametrize("kinds", ["Listeners, Filters", "Listeners, Filters, Namespaces, Routes", "Filters"])
def test_withheld_evidence_leaves_the_symptom_alone(kinds: str) -> None:
    _, findings = judged(local("refused", "accepted") + f"withheld: [{kinds}]\n")

    assert [x.code for x in findings] == (["DS211"] if kinds == "Filters" else ["DS201"])


def test_a_name_that_was_not_looked_up_is_no_fault() -> None:
    traces, findings = judged("target: collector:4317\nwithheld: [Names]\n")

    assert not findings
    assert {x.disposition for x in traces.items} == {Disposition.INSUFFICIENT_INFO}


def only(world: str, code: str) -> Finding:
    return next(x for x in judged(world)[1] if x.code == code)
