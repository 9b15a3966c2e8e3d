"""What rules mean for a connection, from rules as text."""

import json

import pytest

from dualstack.gather import iptables, nftables
from dualstack.model.filters import Packet, Ruleset
from dualstack.reach.policy import verdict

BASE = {"family": "inet", "table": "f", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}


def nft(*rules: list[object], policy: str = "accept") -> Ruleset:
    """A ruleset of one input chain."""
    entries: list[object] = [{"chain": {**BASE, "policy": policy}}]
    entries += [{"rule": {"family": "inet", "table": "f", "chain": "in", "expr": x}} for x in rules]
    return Ruleset("here", *nftables.parse(json.dumps({"nftables": entries})))


def match(left: str, right: object, op: str = "==") -> dict[str, object]:
    """A match of nft's JSON on `protocol field` or `meta key`."""
    kind, name = left.split()
    side = {kind: {"key": name}} if kind in {"meta", "ct"} else {"payload": {"protocol": kind, "field": name}}
    return {"match": {"op": op, "left": side, "right": right}}


DROP = {"drop": None}


def to(address: str, port: int = 4317) -> Packet:
    """A SYN that comes in by eth0."""
    source = "2001:db8::9" if ":" in address else "192.0.2.9"
    return Packet("input", address, port, source=source, interface="eth0")


@pytest.mark.parametrize(
    ("conditions", "ipv4", "ipv6"),
    [
        ([match("meta nfproto", "ipv6")], "accept", "drop"),
        ([match("meta protocol", "ip")], "drop", "accept"),
        ([match("ip daddr", "192.0.2.1", "!=")], "accept", "accept"),
        ([match("ip6 daddr", "2001:db8::2", "!=")], "accept", "drop"),
        ([match("tcp dport", {"set": [22, {"range": [4317, 4318]}]})], "drop", "drop"),
        ([match("udp dport", 4317)], "accept", "accept"),
        ([match("meta iifname", "eth*")], "drop", "drop"),
        ([match("ct state", ["established", "related"], "in")], "drop", "drop"),
        ([match("ct state", "invalid", "in")], "accept", "accept"),
        ([match("meta mark", 1)], "unknown", "unknown"),
        ([match("meta mark", 1), match("ip saddr", "10.0.0.1")], "accept", "accept"),
        ([{"limit": {"rate": 1}}], "unknown", "unknown"),
        ([{"surprise": 1}], "unknown", "unknown"),
    ],
)
def test_dropping_rule(conditions: list[object], ipv4: str, ipv6: str) -> None:
    rules = nft([*conditions, DROP])
    assert [verdict(rules, to(x)).verdict for x in ("192.0.2.1", "2001:db8::1")] == [ipv4, ipv6]


def test_iptables_speaks_for_its_family_alone() -> None:
    text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 4317 -j ACCEPT\nCOMMIT\n"
    rules = Ruleset("here", tuple(iptables.parse(text, "ip6")))
    assert verdict(rules, to("2001:db8::1", 4318)).verdict == "drop"
    assert verdict(rules, to("192.0.2.1", 4318)).verdict == "accept"
