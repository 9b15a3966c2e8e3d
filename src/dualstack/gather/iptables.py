"""What `iptables-save` prints, as chains. Pure; only chains that a built-in chain of interest reaches are read.

Options are those of iptables(8) and iptables-extensions(8); one that is not in the table below becomes a condition
that nobody can decide.
"""

import shlex
from collections import defaultdict

from dualstack.model.filters import Action, Chain, Match, Rule

HOOKS = {x.upper(): x for x in ("prerouting", "input", "forward", "output", "postrouting")}
# include/uapi/linux/netfilter_ipv4.h, enum nf_ip_hook_priorities
_PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
_DESTINATION_NAT, _SOURCE_NAT = -100, 100

_FIELDS = {
    "-s": "{} saddr",
    "-d": "{} daddr",
    "--src-range": "{} saddr",
    "--dst-range": "{} daddr",
    "-i": "meta iifname",
    "-o": "meta oifname",
    "-p": "meta l4proto",
    "--dport": "th dport",
    "--dports": "th dport",
    "--sport": "th sport",
    "--sports": "th sport",
    "--ctstate": "ct state",
    "--state": "ct state",
    "--ctdir": "ct direction",
    "--dst-type": "fib daddr type",
    "--src-type": "fib saddr type",
    "--pkt-type": "meta pkttype",
    "--uid-owner": "meta skuid",
    "--gid-owner": "meta skgid",
}
_PORTS = frozenset({"--dport", "--dports", "--sport", "--sports"})
_SILENT = frozenset({"--comment"})
_MODULES = frozenset(
    {"tcp", "udp", "multiport", "comment", "conntrack", "state", "addrtype", "pkttype", "iprange", "owner"}
)
_PASSING = frozenset(
    {
        "LOG",
        "NFLOG",
        "ULOG",
        "MARK",
        "CONNMARK",
        "SET",
        "AUDIT",
        "TCPMSS",
        "CLASSIFY",
        "DSCP",
        "TOS",
        "CHECKSUM",
        "TRACE",
        "RATEEST",
        "SECMARK",
        "CONNSECMARK",
    }
)
_VERDICTS = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "RETURN": "return",
    "SNAT": "snat",
    "MASQUERADE": "snat",
    "NOTRACK": "notrack",
}
_REJECT_WORDS = {
    "adm-prohibited": "admin-prohibited",
    "proto-unreachable": "prot-unreachable",
    "tcp-reset": "tcp reset",
}

_Option = tuple[bool, str, list[str]]


def parse(text: str, family: str, *, legacy: bool = False) -> list[Chain]:
    """The chains of every table. `family` is ip or ip6; legacy tables carry that word: none may hide one of nftables.

    Raises ValueError where a line cannot be read.
    """
    found: list[Chain] = []
    for name, lines in _tables(text).items():
        policies = {x.split()[0][1:]: x.split()[1] for x in lines if x.startswith(":") and len(x.split()) > 1}
        rules: defaultdict[str, list[str]] = defaultdict(list)
        for line in lines:
            words = line.split(maxsplit=2)
            if words[0] == "-A" and len(words) > 1:
                rules[words[1]].append(line)
        read = _Table(family, name, policies, rules, legacy=legacy)
        found += read.chains()
    return found


def _tables(text: str) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("*"):
            lines = tables.setdefault(line[1:].strip(), [])
        elif line.startswith((":", "-A")):
            lines.append(line)
    return tables


class _Table:
    """One table of a listing, read chain by chain from the built-in ones on."""

    def __init__(
        self, family: str, name: str, policies: dict[str, str], rules: dict[str, list[str]], *, legacy: bool
    ) -> None:
        self.family, self.name, self.policies, self.rules = family, name, policies, rules
        self.label = f"{name} (legacy)" if legacy else name
        command = "ip6tables" if family == "ip6" else "iptables"
        shown = f"{command}-legacy-save" if legacy else f"{command}-save"
        self.source = shown if name == "filter" else f"{shown} -t {name}"

    def chains(self) -> list[Chain]:
        """The built-in chains of interest and all that they reach."""
        waiting = [x for x in self.policies if x in HOOKS]
        met: dict[str, Chain] = {}
        while waiting:
            name = waiting.pop(0)
            if name not in met and name in self.policies:
                met[name] = self._chain(name)
                steps = [step for rule in met[name].rules for step in rule.steps]
                waiting += [x.detail for x in steps if isinstance(x, Action) and x.verb in {"jump", "goto"}]
        return list(met.values())

    def _chain(self, name: str) -> Chain:
        nat = _SOURCE_NAT if name in {"INPUT", "POSTROUTING"} else _DESTINATION_NAT
        return Chain(
            family=self.family,
            table=self.label,
            name=name,
            source=self.source,
            hook=HOOKS.get(name, ""),
            kind="nat" if self.name == "nat" else "filter",
            priority=nat if self.name == "nat" else _PRIORITIES.get(self.name, 0),
            policy="drop" if self.policies[name] == "DROP" else "accept",
            rules=tuple(self._rule(x) for x in self.rules.get(name, ())),
        )

    def _rule(self, line: str) -> Rule:
        options = _options(shlex.split(line)[2:])
        at = next((i for i, (_, name, _) in enumerate(options) if name in {"-j", "-g"}), len(options))
        steps: list[Match | Action] = []
        for option in options[:at]:
            steps += self._match(option)
        steps += _target(options[at:])
        return Rule(line, tuple(steps))

    def _match(self, option: _Option) -> list[Match]:
        negate, name, words = option
        values = [x for word in words for x in word.split(",")]
        if name in _SILENT or (name == "-m" and words[:1] and words[0] in _MODULES):
            return []
        if name == "--tcp-flags" and len(words) == 2:
            return [Match(f"tcp flags & {words[0].lower()}", (words[1].lower(),), negate)]
        if name not in _FIELDS:
            return [Match(f"xt {' '.join((name, *words))}")]
        if name in _PORTS:
            values = [x.replace(":", "-") for x in values]
        elif name.startswith("--"):
            values = sorted((x.lower() for x in values), key=lambda x: x in {"dnat", "snat"})
        if name == "-p" and values == ["all"]:
            return []
        return [Match(_FIELDS[name].format(self.family), tuple(values), negate)]


def _options(words: list[str]) -> list[_Option]:
    """Options with their words; `!` stands before the option that it negates."""
    found: list[_Option] = []
    negate = False
    for word in words:
        if word == "!":
            negate = True
        elif word.startswith("-") or not found:
            found.append((negate, word, []))
            negate = False
        else:
            found[-1][2].append(word)
    return found


def _target(options: list[_Option]) -> list[Match | Action]:
    """What the rule does; a rule without a target only counts."""
    if not options:
        return []
    (_, kind, words), *rest = options
    name, said = " ".join(words), {option: " ".join(x) for _, option, x in rest}
    if kind == "-g":
        return [Action("goto", name)]
    if name in _VERDICTS or name in _PASSING:
        return [Action(_VERDICTS[name])] if name in _VERDICTS else []
    if name == "CT":
        return [Action("notrack")] if "--notrack" in said else []
    return [_verdict(name, said)]


def _verdict(name: str, said: dict[str, str]) -> Action:
    """A target with options, else a chain of the user's."""
    match name:
        case "REJECT":
            return Action("reject", _reject_kind(said.get("--reject-with", "port-unreachable")))
        case "REDIRECT":
            return Action("redirect", said.get("--to-ports", ""))
        case "DNAT":
            return Action("dnat", _destination(said.get("--to-destination", "")))
    return Action("jump", name)


def _reject_kind(word: str) -> str:
    bare = word.removeprefix("icmp6-").removeprefix("icmp-")
    return _REJECT_WORDS.get(bare, bare)


def _destination(text: str) -> str:
    """`10.0.0.2:4317` or `[fd00::2]:4317` as `address port`; a range of either is left open."""
    address, port = text, ""
    if text.startswith("["):
        address, _, port = text[1:].partition("]:")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    return f"{'' if '-' in address else address.rstrip(']')} {port if port.isdigit() else ''}"
