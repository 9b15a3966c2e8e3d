"""What rules mean for a connection, from rules as text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dualstack.gather import iptables, nftables
from dualstack.model.evidence import Missing
from dualstack.model.filters import Chain, Owner, Packet, Ruleset
from dualstack.reach.policy import error, masking, masks, verdict

Json = object
BASE = {"family": "inet", "table": "f", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}
DROP = {"drop": None}
ACCEPT = {"accept": None}


def nft(*rules: list[Json], policy: str = "accept", also: tuple[Json, ...] = (), **base: Json) -> Ruleset:
    """A ruleset of one base chain, and other entries of the listing."""
    chain = {**BASE, "policy": policy, **base}
    entries: list[Json] = [{"chain": chain}, *also]
    entries += [{"rule": {"family": chain["family"], "table": "f", "chain": "in", "expr": x}} for x in rules]
    return Ruleset("here", *nftables.parse(json.dumps({"nftables": entries})))


def match(left: str, right: Json, op: str = "==") -> dict[str, Json]:
    """A match of nft's JSON on `protocol field`, `meta key` or `ct key`."""
    kind, name = left.split()
    side = {kind: {"key": name}} if kind in {"meta", "ct"} else {"payload": {"protocol": kind, "field": name}}
    return {"match": {"op": op, "left": side, "right": right}}


def saved(*rules: str, family: str = "ip", table: str = "filter", chains: str = ":INPUT ACCEPT [0:0]") -> Ruleset:
    """A ruleset of one table of iptables-save."""
    text = "\n".join((f"*{table}", chains, *rules, "COMMIT", ""))
    return Ruleset("here", tuple(iptables.parse(text, family)))


def to(address: str, port: int = 4317) -> Packet:
    """A SYN that comes in by eth0, from a peer of the same family."""
    source = "2001:db8::9" if ":" in address else "192.0.2.9"
    return Packet("input", address, port, source=source, interface="eth0")


V4, V6 = to("192.0.2.1"), to("2001:db8::1")
FIB = {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}
MASKED = {"&": [{"payload": {"protocol": "ip", "field": "saddr"}}, "255.0.0.255"]}
PAIR = {"concat": [{"meta": {"key": "mark"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}


@pytest.mark.parametrize(
    ("conditions", "ipv4", "ipv6"),
    [
        ([], "drop", "drop"),
        ([match("meta nfproto", "ipv6")], "accept", "drop"),
        ([match("meta protocol", "ip")], "drop", "accept"),
        ([match("ip daddr", "192.0.2.1", "!=")], "accept", "accept"),
        ([match("ip6 daddr", "2001:db8::2", "!=")], "accept", "drop"),
        ([match("ip ttl", 64)], "unknown", "accept"),
        ([match("tcp dport", {"set": [22, {"range": [4317, 4318]}]})], "drop", "drop"),
        ([match("tcp dport", {"set": [{"elem": {"val": 4317, "comment": "otlp"}}]})], "drop", "drop"),
        ([match("tcp dport", "@gone")], "unknown", "unknown"),
        ([match("tcp dport", 4317, "<")], "unknown", "unknown"),
        ([match("tcp sport", {"range": [1024, 65535]})], "drop", "drop"),
        ([match("tcp sport", {"range": [1024, 40000]})], "unknown", "unknown"),
        ([match("udp dport", 4317)], "accept", "accept"),
        ([match("meta iifname", "eth*")], "drop", "drop"),
        ([match("meta oifname", "lo", "!=")], "drop", "drop"),
        ([match("ct state", ["established", "related"], "in")], "drop", "drop"),
        ([match("ct state", "invalid", "in")], "accept", "accept"),
        ([match("ct status", "dnat", "in")], "accept", "accept"),
        ([match("ct status", "assured", "in")], "unknown", "unknown"),
        ([match("tcp flags", "syn")], "unknown", "unknown"),
        ([match("tcp flags", "syn", "in")], "drop", "drop"),
        ([match("meta mark", 1)], "unknown", "unknown"),
        ([match("meta mark", 1), match("ip saddr", "10.0.0.1")], "accept", "accept"),
        ([match("ip saddr", "no address")], "unknown", "accept"),
        ([match("ip6 saddr", {"range": ["2001:db8::", "2001:db8::9"]})], "accept", "drop"),
        ([match("ip saddr", {"set": [{"range": ["192.0.2.1", "192.0.2.8"]}]})], "accept", "accept"),
        ([{"match": {"op": "==", "left": MASKED, "right": "192.0.0.9"}}], "unknown", "accept"),
        ([{"match": {"op": "==", "left": FIB, "right": False}}], "unknown", "unknown"),
        ([{"match": {"op": "==", "left": PAIR, "right": {"set": [{"concat": [1, 22]}]}}}], "accept", "accept"),
        ([{"match": {"op": "==", "left": PAIR, "right": {"set": [{"concat": [1, 4317]}]}}}], "unknown", "unknown"),
        ([{"match": {"op": "==", "left": PAIR, "right": {"set": [1]}}}], "unknown", "unknown"),
        ([{"limit": {"rate": 1}}], "unknown", "unknown"),
        ([{"log": None}, {"counter": {"packets": 1}}], "drop", "drop"),
        ([{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}], "drop", "drop"),
        ([{"mangle": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "value": 1}}], "unknown", "unknown"),
        ([{"queue": {"num": 0}}], "unknown", "unknown"),
        ([{"jump": {"target": "gone"}}], "unknown", "unknown"),
        ([{"goto": {"target": ["gone"]}}], "unknown", "unknown"),
        ([{"match": {"op": "==", "left": {"numgen": {"mod": 2}}, "right": 0}}], "unknown", "unknown"),
        ([{"surprise": 1}], "unknown", "unknown"),
        (["surprise"], "unknown", "unknown"),
    ],
)
def test_dropping_rule(conditions: list[Json], ipv4: str, ipv6: str) -> None:
    rules = nft([*conditions, DROP])
    assert [verdict(rules, x).verdict for x in (V4, V6)] == [ipv4, ipv6]


@pytest.mark.parametrize(
    ("conditions", "ipv4", "ipv6"),
    [
        ("", "drop", "drop"),
        ("-p tcp -m tcp --dport 4317:4318", "drop", "drop"),
        ("-p all", "drop", "drop"),
        ("! -p tcp", "accept", "accept"),
        ("-p udp -m udp --dport 4317", "accept", "accept"),
        ('-m comment --comment "no -j here"', "drop", "drop"),
        ("-m mark --mark 0x1", "unknown", "unknown"),
        ("-m set --match-set bad src", "unknown", "unknown"),
        ("! -i eth+", "accept", "accept"),
        ("-o eth0", "accept", "accept"),
        ("-m conntrack --ctstate NEW,DNAT", "drop", "drop"),
        ("-m conntrack ! --ctstate NEW,RELATED,ESTABLISHED", "accept", "accept"),
        ("-m conntrack --ctstate DNAT", "unknown", "unknown"),
        ("-m tcp -p tcp --tcp-flags SYN,ACK SYN", "drop", "drop"),
        ("-p tcp --tcp-flags ALL NONE", "unknown", "unknown"),
        ("-p tcp --tcp-flags CWR CWR", "unknown", "unknown"),
        ("-m addrtype --dst-type LOCAL", "drop", "drop"),
        ("-m addrtype ! --dst-type LOCAL --limit-iface-in", "accept", "accept"),
        ("-m addrtype --src-type LOCAL", "unknown", "unknown"),
        ("-m pkttype --pkt-type host", "drop", "drop"),
    ],
)
def test_dropping_rule_of_iptables(conditions: str, ipv4: str, ipv6: str) -> None:
    line = f"-A INPUT {conditions} -j DROP"
    assert verdict(saved(line), V4).verdict == ipv4
    assert verdict(saved(line, family="ip6"), V6).verdict == ipv6


@pytest.mark.parametrize(
    ("mask", "expected"),
    [("192.0.2.0/24", "drop"), ("192.0.2.0/255.255.255.0", "drop"), ("192.0.0.9/255.0.0.255", "unknown")],
)
def test_masks(mask: str, expected: str) -> None:
    assert verdict(saved(f"-A INPUT -s {mask} -j DROP"), V4).verdict == expected


def test_iptables_speaks_for_its_family_alone() -> None:
    rules = saved("-A INPUT -p tcp -m tcp --dport 4317 -j ACCEPT", family="ip6", chains=":INPUT DROP [0:0]")
    assert verdict(rules, to("2001:db8::1", 4318)).verdict == "drop"
    assert verdict(rules, V6).verdict == "accept"
    assert verdict(rules, to("192.0.2.1", 4318)).verdict == "accept"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("-j ACCEPT", "accept"),
        ("-j REJECT --reject-with icmp-host-prohibited", "reject"),
        ("-j LOG --log-prefix x", "drop"),
        ("-j NFQUEUE --queue-num 1", "unknown"),
        ("-j gone", "unknown"),
        ("-g user", "accept"),
        ("-j user", "accept"),
        ("", "drop"),
    ],
)
def test_target(target: str, expected: str) -> None:
    chains = ":INPUT ACCEPT [0:0]\n:user - [0:0]"
    rules = saved(f"-A INPUT -s 192.0.2.9 {target}", "-A user -j ACCEPT", "-A INPUT -j DROP", chains=chains)
    assert verdict(rules, V4).verdict == expected


def test_deciding_rule_is_named() -> None:
    found = verdict(saved("-A INPUT -p tcp -m tcp --dport 4317 -j REJECT"), V4)
    assert (found.rule, found.source) == ("-A INPUT -p tcp -m tcp --dport 4317 -j REJECT", "iptables-save")
    assert (found.verdict, found.error) == ("reject", "ECONNREFUSED")


@pytest.mark.parametrize(
    ("conditions", "reject", "text"),
    [
        ([match("tcp dport", 4317)], {"type": "tcp reset"}, "tcp dport 4317 reject with tcp reset"),
        ([match("meta l4proto", "tcp")], {"type": "tcp reset"}, "meta l4proto tcp reject with tcp reset"),
        ([], {"type": "icmp", "expr": "host-prohibited"}, "meta nfproto ipv4 reject with host-prohibited"),
        ([], None, "reject with port-unreachable"),
    ],
)
def test_rejecting_rule_is_named_with_what_it_implies(conditions: list[Json], reject: Json, text: str) -> None:
    assert verdict(with_families(nft([*conditions, {"reject": reject}])), V4).rule == text


def test_no_rule_is_a_reading_too() -> None:
    found = verdict(Ruleset("here"), V4)
    assert (found.verdict, found.rule, found.source) == ("accept", "no rule on this hook", "nft list chains")


def test_undecided_rule_is_named() -> None:
    found = verdict(nft([match("meta mark", 7), DROP]), V4)

    assert (found.verdict, found.rule, found.may) == ("unknown", "meta mark 7 drop", ("accept", "drop"))


def test_of_several_undecided_rules_the_one_that_stops_is_named() -> None:
    found = verdict(nft([match("meta mark", 7), ACCEPT], [match("meta mark", 8), {"reject": None}]), V4)

    assert (found.rule, found.may) == ("meta mark 8 reject with port-unreachable", ("accept", "reject"))
    assert found.error == "ECONNREFUSED"


def test_unknown_condition_does_not_matter_where_every_way_ends_alike() -> None:
    assert verdict(nft([match("meta mark", 7), DROP], [DROP]), V4).verdict == "drop"


def test_different_denials_are_unknown() -> None:
    rules = nft([match("meta mark", 7), {"reject": {"type": "tcp reset"}}], [DROP])
    assert verdict(rules, V4).verdict == "unknown"


def test_rejects_that_differ_in_kind_leave_the_error_open() -> None:
    rules = nft(
        [match("meta mark", 7), {"reject": {"type": "tcp reset"}}], [{"reject": {"type": "icmpx", "expr": "no-route"}}]
    )
    rules = with_families(rules)
    found = verdict(rules, V4)
    assert (found.verdict, found.error) == ("reject", "")


def with_families(rules: Ruleset) -> Ruleset:
    """The rules as their instructions tell them: no condition on the family."""
    bytecode = "inet f in 0\n  [ reject type 1 code 0 ]\n"
    return Ruleset(rules.place, tuple(nftables.with_families(x, bytecode) for x in rules.chains), rules.sets)


@pytest.mark.parametrize(
    ("instructions", "ipv4", "ipv6"),
    [
        ("  [ meta load l4proto => reg 1 ]\n  [ cmp eq reg 1 0x00000006 ]", "reject", "reject"),
        ("  [ meta load nfproto => reg 1 ]\n  [ cmp eq reg 1 0x00000002 ]", "reject", "accept"),
        ("  [ meta load protocol => reg 1 ]\n  [ cmp neq reg 1 0x00000008 ]", "accept", "reject"),
        ("  [ meta load nfproto => reg 1 ]\n  [ lookup reg 1 set __set0 ]", "unknown", "unknown"),
    ],
)
def test_family_that_nft_does_not_list(instructions: str, ipv4: str, ipv6: str) -> None:
    listed = nft([{"reject": {"type": "tcp reset"}}])
    chain = listed.chains[0]
    assert nftables.unlisted(chain)
    assert verdict(listed, V4).verdict == "unknown"
    told = nftables.with_families(chain, f"inet f in 0\n{instructions}\n")
    assert [verdict(Ruleset("here", (told,)), x).verdict for x in (V4, V6)] == [ipv4, ipv6]
    assert nftables.with_families(chain, "inet f in 99\n") == chain


def test_reply_that_is_lost_loses_the_connection() -> None:
    rules = nft([match("ct state", "new", "in"), ACCEPT], policy="drop", hook="output")
    found = verdict(rules, V4)
    assert (found.verdict, found.rule) == ("drop", "policy drop of inet f in (for the reply)")


def test_way_back_decides_a_reverse_path_rule() -> None:
    rules = nft([{"match": {"op": "==", "left": FIB, "right": False}}, DROP], hook="prerouting")
    ways = [Packet("input", "192.0.2.1", 4317, "192.0.2.9", "eth0", x) for x in ("eth0", "eth1")]
    assert [verdict(rules, x).verdict for x in ways] == ["accept", "drop"]


def test_what_is_not_told_of_a_packet_is_not_guessed() -> None:
    packet = Packet("output", "192.0.2.1", 4317)
    assert verdict(nft([match("ip saddr", "10.0.0.1"), DROP], hook="output"), packet).verdict == "unknown"
    assert verdict(nft([match("meta oifname", "eth0"), DROP], hook="output"), packet).verdict == "unknown"
    assert (
        verdict(saved("-A OUTPUT -m addrtype --dst-type LOCAL -j DROP", chains=":OUTPUT ACCEPT"), packet).verdict
        == "unknown"
    )


def test_loopback_meets_both_hooks() -> None:
    both = ":INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]"
    closed = saved("-A OUTPUT -o lo -p tcp --dport 4317 -j REJECT", "-A INPUT -j DROP", chains=both)
    quiet = nft([{"match": {"op": "==", "left": FIB, "right": False}}, DROP], hook="prerouting")
    syns = [Packet(x, "127.0.0.1", 4317, "127.0.0.1", "lo", "lo") for x in ("output", "input")]
    assert [verdict(closed, x).verdict for x in syns] == ["drop", "drop"]  # the answer of the reject is dropped too
    assert [verdict(quiet, x).verdict for x in syns] == ["accept", "accept"]


def test_conntrack_state_before_conntrack_is_unknown() -> None:
    rules = nft([match("ct state", "new", "in"), DROP], hook="prerouting", prio=-300)
    assert verdict(rules, V4).verdict == "unknown"


def test_maybe_untracked_is_not_new_for_sure() -> None:
    raw = ":PREROUTING ACCEPT [0:0]\n:user - [0:0]"
    rules = saved("-A PREROUTING -j user", "-A user -m mark --mark 1 -j CT --notrack", table="raw", chains=raw)
    late = nft([match("ct state", "new", "in"), ACCEPT], policy="drop")
    both = Ruleset("here", rules.chains + late.chains)
    assert verdict(both, V4).verdict == "unknown"
    assert verdict(rules, V4).verdict == "accept"


def test_chain_that_leads_to_itself_is_unknown() -> None:
    loop: list[Json] = [{"chain": {"family": "inet", "table": "f", "name": "loop"}}]
    loop += [{"rule": {"family": "inet", "table": "f", "chain": "loop", "expr": [{"jump": {"target": "loop"}}]}}]
    assert verdict(nft([{"jump": {"target": "loop"}}], also=tuple(loop)), V4).verdict == "unknown"


@pytest.mark.parametrize("flags", ["dormant", "a stray string", ["dormant"]])
def test_table_that_may_be_dormant(flags: Json) -> None:
    table = {"table": {"family": "inet", "name": "f", "flags": flags}}
    assert verdict(nft([DROP], also=(table,)), V4).verdict == "unknown"
    owned = {"table": {"family": "inet", "name": "f", "flags": "owner"}}
    assert verdict(nft([DROP], also=(owned,)), V4).verdict == "drop"


PORT = {"payload": {"protocol": "tcp", "field": "dport"}}
NAMED = {"family": "inet", "table": "f", "name": "m", "type": "inet_service"}
USER = {"chain": {"family": "inet", "table": "f", "name": "user"}}
GOTO = {"goto": {"target": "user"}}


@pytest.mark.parametrize(
    ("key", "entries", "expected"),
    [
        (PORT, [[4317, DROP]], "drop"),
        (PORT, [[22, DROP], ["*", {"reject": None}]], "reject"),
        (PORT, [[4317, GOTO]], "accept"),
        (PORT, [[4317, {"jump": {"target": "user"}}]], "drop"),
        (PORT, [[4317, {"continue": None}]], "drop"),
        (PORT, [[4317, {"surprise": None}]], "unknown"),
        (PORT, [[22, ACCEPT]], "drop"),
        ({"meta": {"key": "mark"}}, [[1, ACCEPT]], "unknown"),
        ({"meta": {"key": "mark"}}, [[1, DROP], [2, DROP]], "drop"),
    ],
)
def test_verdict_map(key: Json, entries: list[Json], expected: str) -> None:
    """Anonymous and named, before a rule that drops."""
    named = {"map": {**NAMED, "map": "verdict", "elem": entries}}
    for data, also in (({"set": entries}, (USER,)), ("@m", (USER, named))):
        assert verdict(nft([{"vmap": {"key": key, "data": data}}], [DROP], also=also), V4).verdict == expected


def test_verdict_map_behind_an_undecided_condition() -> None:
    entries = [[4317, DROP], ["*", ACCEPT]]
    rules = nft([match("meta mark", 7), {"vmap": {"key": PORT, "data": {"set": entries}}}], [DROP])
    assert verdict(rules, V4).verdict == "drop"


def test_named_sets() -> None:
    ports: Json = {"set": {**NAMED, "elem": [{"elem": {"val": 4317, "timeout": 9}}, {"range": [1, 9]}]}}
    rules = nft([match("tcp dport", "@m"), DROP], also=(ports,))
    assert [verdict(rules, to("192.0.2.1", x)).verdict for x in (4317, 5, 10)] == ["drop", "drop", "accept"]
    empty: Json = {"set": NAMED}
    assert verdict(nft([match("tcp dport", "@m"), DROP], also=(empty,)), V4).verdict == "accept"


@pytest.mark.parametrize(
    ("target", "expected"), [(None, "accept"), ({"port": 80}, "drop"), ({"addr": "10.0.0.2"}, "unknown")]
)
def test_nat_of_nftables(target: Json, expected: str) -> None:
    verb = "dnat" if target and "addr" in str(target) else "redirect"
    nat = nft([{verb: target}], hook="prerouting", type="nat", prio=-100)
    closed = saved("-A INPUT -p tcp --dport 80 -j DROP")
    found = verdict(Ruleset("here", nat.chains + closed.chains), V4)
    assert (found.verdict, found.moved) == (expected, True)


@pytest.mark.parametrize(("port", "moved"), [(4317, True), (80, False)])
def test_a_rule_that_may_lead_elsewhere_says_so(port: int, moved: bool) -> None:
    """Also where nobody can tell whether it does."""
    rules = nft([match("meta mark", 7), match("tcp dport", 4317), {"redirect": {"port": 1}}], hook="output", type="nat")
    assert verdict(rules, Packet("output", "192.0.2.1", port)).moved is moved


@pytest.mark.parametrize("verb", ["snat", "masquerade"])
def test_source_nat_lets_pass(verb: str) -> None:
    found = verdict(nft([{verb: None}], [DROP], hook="postrouting", type="nat"), V4)
    assert (found.verdict, found.moved) == ("accept", False)


def test_untracked_in_nftables() -> None:
    raw = nft([{"notrack": None}], hook="prerouting", prio=-300, name="in")
    late = saved("-A INPUT -m conntrack --ctstate UNTRACKED -j DROP")
    assert verdict(Ruleset("here", raw.chains + late.chains), V4).verdict == "drop"


def test_reject_whose_answer_is_not_let_out() -> None:
    silent = saved("-A INPUT -j REJECT", "-A OUTPUT -p icmp -j DROP", chains=":INPUT ACCEPT\n:OUTPUT ACCEPT")
    found = verdict(silent, V4)
    assert (found.verdict, found.rule) == ("drop", "-A OUTPUT -p icmp -j DROP (for the answer of a reject)")
    doubtful = saved("-A INPUT -j REJECT", "-A OUTPUT -m limit -j DROP", chains=":INPUT ACCEPT\n:OUTPUT ACCEPT")
    assert verdict(doubtful, V4).verdict == "unknown"


def test_later_segment_that_is_rejected_loses_the_connection() -> None:
    rules = saved("-A INPUT -m state --state ESTABLISHED -j REJECT")
    assert verdict(rules, V4).rule == "-A INPUT -m state --state ESTABLISHED -j REJECT (for later segments)"
    assert verdict(rules, V4).verdict == "drop"


NAT = ":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("DNAT --to-destination 10.0.0.2:80", "unknown"),
        ("REDIRECT --to-ports 80", "drop"),
        ("REDIRECT", "accept"),
        ("MASQUERADE", "accept"),
    ],
)
def test_translated_on_the_way_in(target: str, expected: str) -> None:
    rules = saved(f"-A PREROUTING -p tcp --dport 4317 -j {target}", table="nat", chains=NAT)
    closed = saved("-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -j DROP")
    assert verdict(Ruleset("here", rules.chains + closed.chains), V4).verdict == expected


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("10.0.0.2:80", "drop"), ("10.0.0.3", "accept"), ("10.0.0.2-10.0.0.9", "unknown"), ("[fd00::2]:80", "drop")],
)
def test_translated_on_the_way_out(destination: str, expected: str) -> None:
    family = "ip6" if "[" in destination else "ip"
    nat = saved(f"-A OUTPUT -p tcp -j DNAT --to-destination {destination}", table="nat", chains=NAT, family=family)
    closed = saved(
        f"-A OUTPUT -d {'fd00::2' if '[' in destination else '10.0.0.2'} -j DROP",
        chains=":OUTPUT ACCEPT",
        family=family,
    )
    packet = Packet("output", "2001:db8::1" if "[" in destination else "192.0.2.1", 4317, "", "eth0")
    assert verdict(Ruleset("here", nat.chains + closed.chains), packet).verdict == expected


def test_many_translations_are_one_unknown_destination() -> None:
    lines = [f"-A OUTPUT -m statistic --mode random -j DNAT --to-destination 10.0.0.{x}" for x in range(9)]
    nat = saved(*lines, table="nat", chains=NAT)
    closed = [f"-A OUTPUT -d 10.0.0.{x} -j DROP" for x in (0, 200)]
    packet = Packet("output", "192.0.2.1", 4317, "192.0.2.9", "eth0")
    verdicts = [
        verdict(Ruleset("here", nat.chains + saved(x, chains=":OUTPUT ACCEPT").chains), packet).verdict for x in closed
    ]
    assert verdicts == ["unknown", "unknown"]
    assert verdict(nat, packet).verdict == "accept"


def test_rules_that_were_not_seen_leave_only_denials() -> None:
    gap = (Missing("packet filter rules", "iptables-legacy-save failed"),)
    assert verdict(Ruleset("here", gaps=gap), V4).verdict == "unknown"
    assert verdict(Ruleset("here", gaps=gap), V4).rule == "iptables-legacy-save failed"
    assert verdict(Ruleset("here", nft([DROP]).chains, gaps=gap), V4).verdict == "drop"


def test_nothing_is_read_that_no_hook_reaches() -> None:
    others = tuple({"chain": {"family": "inet", "table": "f", "name": f"c{x}"}} for x in range(3))
    bridged = {"chain": {**BASE, "family": "bridge", "name": "br"}}
    rules = nft([{"jump": {"target": "c1"}}], also=(*others, bridged))
    assert [x.name for x in rules.chains] == ["in", "c1"]


def test_error_of_an_unlisted_kind_is_empty() -> None:
    assert error(verdict(nft(), V6).family, "tcp handstand") == ""


def test_equal_priorities_run_newest_first() -> None:
    first, second = (Chain("inet", x, "in", "", "input", policy=y) for x, y in (("a", "drop"), ("b", "accept")))
    reject = nft([{"reject": {"type": "icmpx", "expr": "no-route"}}]).chains[0]
    assert verdict(Ruleset("here", (first, second, reject)), V4).verdict == "reject"
    assert verdict(Ruleset("here", (reject, second, first)), V4).verdict == "drop"


WORDS = """match left right op payload protocol field meta key set prefix addr len vmap data jump goto target reject
type dnat fib flags concat & ct range elem val xt name expr mangle redirect port""".split()  # noqa: SIM905
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 70000) | st.sampled_from(("tcp", "@a", "1.2.3.4", "", "in", "0x1")),
    lambda x: (
        st.lists(x, max_size=3)
        | st.dictionaries(
            st.sampled_from(WORDS),
            x,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.lists(TREES, max_size=4))
def test_odd_rules_never_raise(expressions: list[Json]) -> None:
    found = verdict(nft(expressions), V4).verdict
    assert found in {"accept", "drop", "reject", "unknown"}


@given(st.text(st.sampled_from("-AINPUTjs ! dportDROP:,/+'\"\\12 "), max_size=60))
def test_odd_iptables_lines_never_raise_anything_but_valueerror(line: str) -> None:
    try:
        rules = saved(f"-A INPUT {line}")
    except ValueError:
        return
    assert verdict(rules, V4).verdict in {"accept", "drop", "reject", "unknown"}


MINE = Packet("output", "192.0.2.1", 4317, "192.0.2.9", "eth0", "eth0", Owner(1000, 100))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--uid-owner 1000", "drop"),
        ("--uid-owner 0", "accept"),
        ("! --uid-owner 0", "drop"),
        ("--uid-owner 900-1000", "drop"),
        ("--gid-owner 100", "drop"),
        ("--gid-owner 1000", "accept"),
        ("--gid-owner 100 --suppl-groups", "unknown"),
        ("--socket-exists", "unknown"),
    ],
)
def test_the_owner_of_the_socket_decides_on_its_way_out(options: str, said: str) -> None:
    rules = saved(f"-A OUTPUT -p tcp --dport 4317 -m owner {options} -j DROP", chains=":OUTPUT ACCEPT [0:0]")

    assert verdict(rules, MINE).verdict == said
    assert verdict(rules, replace(MINE, owner=None)).verdict == "unknown"


def test_who_sent_a_datagram_is_not_known_where_it_comes_in() -> None:
    loopback = replace(MINE, hook="input", destination="127.0.0.1", interface="lo")

    assert verdict(nft([match("meta skuid", 1000), DROP]), loopback).verdict == "unknown"


def test_the_hook_of_the_deciding_chain_is_named() -> None:
    early = verdict(nft([DROP], hook="prerouting", prio=-300), V4)
    reply = verdict(nft([DROP]), MINE)

    assert (early.hook, early.where) == ("input", "prerouting")
    assert (reply.hook, reply.where, reply.verdict) == ("output", "input", "drop")


@pytest.mark.parametrize("packet", [V4, MINE, replace(V4, interface="lo")])
def test_a_chain_that_takes_neither_first_segment_nor_reply_says_both(packet: Packet) -> None:
    """With the port alone let in, the reply would be lost next."""
    chains = [{"chain": {**BASE, "name": x, "hook": x, "policy": "drop"}} for x in ("input", "output")]
    found = verdict(Ruleset("here", *nftables.parse(json.dumps({"nftables": chains}))), packet)
    back = packet.hook if packet.interface == "lo" else {"input": "output", "output": "input"}[packet.hook]

    assert found.rule == f"policy drop of inet f {packet.hook}"
    assert found.reply
    assert found.reply.rule == f"policy drop of inet f {back} (for the reply)"


def test_the_table_of_a_chain_stands_in_the_command_that_shows_it() -> None:
    found = verdict(saved("-A PREROUTING -j DROP", table="raw", chains=":PREROUTING ACCEPT [0:0]"), V4)

    assert (found.source, found.where) == ("iptables-save -t raw", "prerouting")


def test_what_no_rule_left_in_doubt_and_no_rule_ends_is_named_all_the_same() -> None:
    found = verdict(nft([{"queue": {"num": 0}}]), V4)

    assert (found.verdict, found.rule, found.may) == ("unknown", "queue", ("unknown",))


THROUGH = Packet("forward", "192.0.2.1", 4317, "198.51.100.9", interface="near", route_back="near", leaving="far")


@pytest.mark.parametrize(
    ("chains", "rule", "said"),
    [
        (":FORWARD ACCEPT [0:0]", "-A FORWARD -i near -o far -j DROP", "drop"),
        (":FORWARD ACCEPT [0:0]", "-A FORWARD -i far -o near -j DROP", "drop"),
        (":FORWARD ACCEPT [0:0]", "-A FORWARD -i near -o near -j DROP", "accept"),
        (":FORWARD ACCEPT [0:0]", "-A FORWARD -m addrtype --dst-type LOCAL -j DROP", "accept"),
        (":FORWARD ACCEPT [0:0]", "-A FORWARD -j REJECT --reject-with icmp-port-unreachable", "reject"),
        (":FORWARD DROP [0:0]", "-A FORWARD -p tcp --dport 4317 -j ACCEPT", "drop"),
        (":INPUT DROP [0:0]", "", "accept"),
        (":OUTPUT DROP [0:0]", "", "accept"),
    ],
)
def test_a_router_meets_its_forward_chains_both_ways(chains: str, rule: str, said: str) -> None:
    assert verdict(saved(*filter(None, [rule]), chains=chains), THROUGH).verdict == said


@pytest.mark.parametrize(
    ("chains", "rule", "said"),
    [
        (":PREROUTING ACCEPT [0:0]", "-A PREROUTING -o far -j DROP", "accept"),
        (":POSTROUTING ACCEPT [0:0]", "-A POSTROUTING -o far -j DROP", "drop"),
        (":POSTROUTING ACCEPT [0:0]", "-A POSTROUTING -m addrtype --src-type LOCAL -j DROP", "unknown"),
    ],
)
def test_around_the_forward_chains_a_packet_has_the_devices_of_the_station(chains: str, rule: str, said: str) -> None:
    assert verdict(saved(rule, table="mangle", chains=chains), THROUGH).verdict == said


@pytest.mark.parametrize("target", ["DNAT --to-destination 10.0.0.7:4317", "REDIRECT --to-ports 4317"])
def test_what_a_router_sends_elsewhere_is_not_known(target: str) -> None:
    rules = saved(f"-A PREROUTING -p tcp -j {target}", table="nat", chains=":PREROUTING ACCEPT [0:0]")

    assert verdict(rules, THROUGH).verdict == "unknown"


def test_a_reject_of_a_router_whose_answer_is_lost_is_a_drop() -> None:
    chains = ":FORWARD ACCEPT [0:0]\n:OUTPUT DROP [0:0]"

    assert verdict(saved("-A FORWARD -p tcp -j REJECT", chains=chains), THROUGH).verdict == "drop"


@pytest.mark.parametrize(("target", "told"), [("MASQUERADE", True), ("ACCEPT", False)])
def test_whether_a_place_hides_who_sends(target: str, *, told: bool) -> None:
    assert masks(saved(f"-A POSTROUTING -j {target}", table="nat", chains=":POSTROUTING ACCEPT [0:0]")) is told


def test_a_place_whose_rules_cannot_be_read_may_mask() -> None:
    """What is not known is not taken for no."""
    rulesets = {
        "plain": saved("-A POSTROUTING -j ACCEPT", table="nat", chains=":POSTROUTING ACCEPT [0:0]"),
        "masking": saved("-A POSTROUTING -j MASQUERADE", table="nat", chains=":POSTROUTING ACCEPT [0:0]"),
        "unseen": Missing("Ruleset", "needs root"),
    }

    assert masking(rulesets) == {"masking", "unseen"}
