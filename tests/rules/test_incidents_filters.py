"""What is said of packet filters, and what to do about them."""

import pytest

from dualstack.model.address import Family, family, join
from dualstack.model.finding import Finding
from dualstack.model.host import Filters, FilterVerdict
from dualstack.model.trace import Hop, Status
from dualstack.reach.predict import predict
from dualstack.rules.registry import evaluate, rules
from dualstack.testing.incident import snapshot
from tests.rules.test_incidents import judged
from tests.rules.test_incidents_names import (
    only,
    probes,
)

OUT = "'output 10.9.0.5:4317 drop policy drop of ip f out'"
HINTS = {
    "nft policy": (
        "filters: ['input 10.9.0.5:4317 drop policy drop of inet filter input']",
        "`nft add rule inet filter input tcp dport 4317 accept`",
    ),
    "nft rule": ("filters: ['input 10.9.0.5:4317 drop tcp dport 4317 drop']", "put `tcp dport 4317 accept` before"),
    "a lost reply": (
        "filters: ['input 10.9.0.5:4317 drop policy drop of inet filter output (for the reply)']",
        "ct state established,related accept",
    ),
    "nft rule before routing": (
        "filters: ['input/prerouting 10.9.0.5:4317 drop tcp dport 4317 drop']",
        "before `tcp dport 4317 drop` (hook prerouting)",
    ),
    "both directions": (
        f"filters: [{OUT}, 'input 10.9.0.5:4317 drop policy drop of ip f in']",
        "`nft add rule ip f out tcp dport 4317 accept` and `nft add rule ip f in tcp dport 4317 accept`",
    ),
    "one rule that stops on two hooks": (
        f"filters: [{OUT}, 'input/output 10.9.0.5:4317 drop policy drop of ip f out (for the reply)']",
        "Allow it with `nft add rule ip f out tcp dport 4317 accept`.",
    ),
}


def filtered(
    address: str, hook: str, rule: str, source: str, station: str = "", reply: FilterVerdict | None = None
) -> Finding:
    """The finding of a world whose filter drops connections by a rule that this command shows."""
    where = join(address, 4317)
    evidence = snapshot(f'target: "grpc://{where}"\nlisteners: ["[::]:4317 go otelcol"]\n')
    drop = FilterVerdict("host", hook, family(address), address, 4317, "drop", rule, source, "", station, (), reply)
    evidence = evidence.adding(Filters((drop,)))
    findings, _ = evaluate(evidence.adding(predict(evidence)), rules())
    return findings[0]


LOOPBACK = {
    "nft, input": ("input", "nft list ruleset", "put `iif lo accept` before"),
    "nft, output": ("output", "nft list ruleset", "put `oif lo accept` before"),
    "ip6tables, input": ("input", "ip6tables-save", "`ip6tables -I INPUT -i lo -j ACCEPT`"),
    "ip6tables, output": ("output", "ip6tables-save", "`ip6tables -I OUTPUT -o lo -j ACCEPT`"),
}


@pytest.mark.parametrize(("hook", "source", "said"), LOOPBACK.values(), ids=LOOPBACK)
def test_on_the_loopback_both_directions_are_let_in(hook: str, source: str, said: str) -> None:
    assert said in filtered("::1", hook, "-j DROP", source).hint


@pytest.mark.parametrize(("filters", "said"), HINTS.values(), ids=HINTS)
def test_the_hint_names_the_rule_to_add(filters: str, said: str) -> None:
    world = f'target: 10.9.0.5:4317\nlisteners: ["0.0.0.0:4317 posix fluent-bit"]\n{filters}\n'

    assert said in only(world, "DS702").hint


IPTABLES = {
    "policy": ("iptables-save", "policy drop of ip filter INPUT", "`iptables -I INPUT -p tcp --dport 4317 -j ACCEPT`"),
    "legacy": (
        "ip6tables-legacy-save",
        "-A INPUT -j DROP",
        "`ip6tables-legacy -I INPUT -p tcp --dport 4317 -j ACCEPT`",
    ),
    "a lost reply": (
        "iptables-save",
        "-A INPUT -j DROP (for the reply)",
        "`iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`",
    ),
    "lost segments": (
        "iptables-save",
        "policy drop of ip filter INPUT (for later segments)",
        "`iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`",
    ),
}


@pytest.mark.parametrize(("source", "rule", "said"), IPTABLES.values(), ids=IPTABLES)
def test_the_hint_speaks_the_language_of_the_filter(source: str, rule: str, said: str) -> None:
    assert said in filtered("10.9.0.5", "input", rule, source).hint


def test_a_table_other_than_filter_is_named_in_the_command() -> None:
    found = filtered("10.9.0.5", "input", "-A PREROUTING -j DROP", "iptables-save -t raw", "prerouting")

    assert "hook prerouting, says drop" in found.detail
    assert "`iptables -t raw -I PREROUTING -p tcp --dport 4317 -j ACCEPT`" in found.hint


def test_a_reply_that_would_be_lost_next_is_let_in_at_once() -> None:
    rule = "policy drop of inet f i"
    reply = FilterVerdict(
        "host", "input", Family.IPV4, "10.9.0.5", 4317, "drop", f"{rule} (for the reply)", "nft list ruleset"
    )
    found = filtered("10.9.0.5", "input", rule, "nft list ruleset", reply=reply)
    loopback = filtered("127.0.0.1", "input", rule, "nft list ruleset", reply=reply)

    port, later = (f"`nft add rule inet f i {x} accept`" for x in ("tcp dport 4317", "ct state established,related"))
    assert found.hint == f"Allow it with {port} and {later}."
    assert f"The reply would meet `{rule} (for the reply)`." in found.detail
    assert loopback.hint == "Allow it with `nft add rule inet f i iif lo accept`."


REJECTED = "limit rate 9/second reject with tcp reset"
MAY_REJECT = f"unknown/accept|reject {REJECTED}"
UNDECIDED = {
    "refused, sockets out of sight": (
        f"target: 10.9.0.7:4317\nfilters: ['output 10.9.0.7:4317 {MAY_REJECT}']\n"
        + probes("10.9.0.7:4317 grpc refused"),
        "A packet filter may stop IPv4",
    ),
    "refused in one family": (
        'target: collector:4317\nnames: {collector: ["fd00:9::7", 10.9.0.7]}\n'
        f"filters: ['output 10.9.0.7:4317 {MAY_REJECT}', 'output [fd00:9::7]:4317 accept']\n"
        + probes("10.9.0.7:4317 grpc refused", "[fd00:9::7]:4317 grpc accepted"),
        "A packet filter may stop IPv4",
    ),
    "no answer": (
        f"target: 10.9.0.7:4317\nfilters: ['output 10.9.0.7:4317 {MAY_REJECT}']\n"
        + probes("10.9.0.7:4317 grpc timed_out"),
        "A packet filter may stop IPv4",
    ),
    "refused, a listener accepts": (
        'target: 10.9.0.5:4317\nlisteners: ["0.0.0.0:4317 posix fluent-bit"]\n'
        f"filters: ['input 10.9.0.5:4317 {MAY_REJECT}']\n" + probes("10.9.0.5:4317 grpc refused"),
        "A packet filter stops IPv4",
    ),
}


@pytest.mark.parametrize(("world", "summary"), UNDECIDED.values(), ids=UNDECIDED)
def test_a_rule_that_could_not_be_decided_is_the_cause_and_is_named(world: str, summary: str) -> None:
    found = only(world, "DS702")

    assert (found.summary, found.confidence, found.because) == (summary, "inferred", ())
    assert f"has a rule that could not be decided: `{REJECTED}`." in found.detail
    assert f"before `{REJECTED}`" in found.hint
    assert {x.code for x in judged(world)[1] if not x.because} == {"DS702"}


def test_where_the_sockets_explain_a_refusal_no_rule_is_suspected() -> None:
    world = f"target: 10.9.0.5:4317\nfilters: ['input 10.9.0.5:4317 {MAY_REJECT}']\n"
    traces, found = judged(world + probes("10.9.0.5:4317 grpc refused"))

    assert [x.code for x in found] == ["DS211"]
    assert traces.items[0].at(Hop.POLICY).status is Status.UNKNOWN


def test_an_undecided_rule_of_iptables_is_ruled_out_by_one_command() -> None:
    evidence = snapshot("target: 10.9.0.7:4317\n" + probes("10.9.0.7:4317 grpc refused"))
    rule = "-A OUTPUT -m connlimit --connlimit-above 9 -j REJECT"
    said = FilterVerdict(
        "host", "output", Family.IPV4, "10.9.0.7", 4317, "unknown", rule, "iptables-save", may=("accept", "reject")
    )
    evidence = evidence.adding(Filters((said,)))
    findings, _ = evaluate(evidence.adding(predict(evidence)), rules())

    command = "iptables -I OUTPUT -p tcp --dport 4317 -j ACCEPT"
    assert findings[0].hint == f"Allow it before `{rule}` with `{command}`, and try again."
