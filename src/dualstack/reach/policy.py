"""What the packet filter of a place does with new TCP connections, from its rules.

A connection is three datagrams: the SYN, the SYN-ACK that answers it through the opposite hook, and everything
after it, which is established. It is accepted where all three pass. Every condition is true, false or unknown; where
one is unknown both ways are followed, and the verdict is unknown unless all of them end alike.

The order of chains and the meaning of verdicts are those of nft(8), sections CHAINS and VERDICT STATEMENTS.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.address import Family
from dualstack.model.evidence import Missing
from dualstack.model.filters import Action, Chain, ElementSet, Lookup, Match, Packet, Rule, Ruleset
from dualstack.model.host import FilterVerdict
from dualstack.reach.conditions import Datagram, addresses_of, holds

_STATIONS = {
    "input": ("ingress", "prerouting", "input"),
    "forward": ("ingress", "prerouting", "forward", "postrouting", "egress"),
    "output": ("output", "postrouting", "egress"),
}
_OPPOSITE = {"input": "output", "forward": "forward", "output": "input"}
_LOOP = ("output", "input")  # the hooks that a datagram on lo meets
_CONNTRACK = -200  # NF_IP_PRI_CONNTRACK, include/uapi/linux/netfilter_ipv4.h
_CLIENT_PORTS = (
    "32768-65535"  # Linux: 32768-60999 (ip-sysctl, ip_local_port_range), others: 49152-65535 (RFC 6335 section 6)
)
_MOST_WAYS = 4  # translations that are followed one by one; more become an unknown destination
_FAMILIES = {Family.IPV4: {"ip", "inet", "netdev"}, Family.IPV6: {"ip6", "inet", "netdev"}}


class _End(msgspec.Struct, frozen=True):
    """Where a datagram's way through rules ends: accept, drop, reject, unknown, or `return` to the chain before."""

    verdict: str
    rule: str
    source: str
    datagram: Datagram
    detail: str = ""
    lost: str = ""  # what is lost there, where it is not the SYN

    @property
    def words(self) -> str:
        """The rule, with what is lost there."""
        return f"{self.rule} (for {self.lost})" if self.lost else self.rule


def verdict(ruleset: Ruleset, packet: Packet) -> FilterVerdict:
    """What becomes of new TCP connections that begin with `packet`.

    A reject whose answer is lost on its way out gives `drop`, and so does a reply or a later segment that does not
    pass: the client waits in vain. The answer to a SYN leaves by `route_back`, or by the interface that the SYN came in
    by where that is not known; through a router it is taken to come back the way that the SYN went. A loopback
    connection meets both hooks: on `output` the verdict is that of its SYN alone, on `input` that of the rest too.
    Where the SYN does not pass, the verdict on its reply stands beside.
    """
    walk = _Walk(ruleset)
    syn, reply, later = _conversation(packet)
    loopback = packet.interface == "lo"
    ends = [x for end in walk.through(syn, packet.hook) for x in _heard(walk, end, reply, packet)]
    if all(x.verdict == "accept" for x in ends) and not (loopback and packet.hook == "output"):
        if any(x.datagram.state != "new" for x in ends):
            reply, later = replace(reply, state=None), replace(later, state=None)
        there, back = (_LOOP, _LOOP) if loopback else ((packet.hook,), (_OPPOSITE[packet.hook],))
        replies, rest = walk.past(reply, back), walk.past(later, there)
        ends = _joined(ends, _lost(replies, "the reply"), _lost(rest, "later segments"))
    said = _judged(ruleset, packet, ends, walk.doubts)
    if said.verdict not in {"drop", "reject"} or any(x.lost for x in ends):
        return said
    replies = _lost(walk.through(reply, packet.hook if loopback else _OPPOSITE[packet.hook]), "the reply")
    stopped = _judged(ruleset, packet, replies, walk.doubts)
    return replace(said, reply=stopped) if stopped.verdict == "drop" else said


def _heard(walk: "_Walk", end: _End, reply: Datagram, packet: Packet) -> list[_End]:
    """A reject as the client hears it: its answer has to pass the output chains, and lo where the client is here.

    The kernel ties the answer to the connection as related (net/netfilter/nf_conntrack_core.c, nf_conntrack_attach).
    """
    if end.verdict != "reject":
        return [end]
    answer = replace(
        reply, flags=("rst", "ack"), state="related" if end.datagram.state == "new" else end.datagram.state
    )
    if end.detail != "tcp reset":
        answer = replace(answer, protocol="icmp" if reply.family is Family.IPV4 else "icmpv6", sport=None, dport=None)
    here = packet.hook == "output" or packet.interface == "lo"
    if here:
        answer = replace(answer, iif="lo", oif="lo", local=True, route_back="lo")
    ways = walk.past(answer, _LOOP if here else ("output",))
    return [end if x.verdict == "accept" else x for x in _lost(ways, "the answer of a reject")]


def _lost(ends: list[_End], what: str) -> list[_End]:
    """Those that do not pass, as drops: nobody who waits for this datagram hears of it."""
    words = [x if x.verdict == "accept" else replace(x, lost=what) for x in ends]
    return [replace(x, verdict="drop") if x.verdict == "reject" else x for x in words]


def _joined(first: list[_End], *others: list[_End]) -> list[_End]:
    """All must pass: one that is surely lost decides, one that may be lost stands beside those that pass."""
    for ends in others:
        if all(x.verdict == "drop" for x in ends):
            return ends
    return first + [x for ends in others for x in ends if x.verdict != "accept"]


def _judged(ruleset: Ruleset, packet: Packet, ends: list[_End], doubts: dict[str, _End]) -> FilterVerdict:
    family = addresses_of(packet.destination)[1]
    kinds = {x.verdict for x in ends}
    said = kinds.pop() if len(kinds) == 1 else "unknown"
    may = tuple(sorted({x.verdict for x in ends})) if said == "unknown" else ()
    end = _telling(ends, doubts) if may else next((x for x in ends if x.rule), None)
    rule, source = (end.words, end.source) if end else ("no rule on this hook", "nft list chains")
    if said == "accept" and ruleset.gaps:
        said, rule, source, end = "unknown", ruleset.gaps[0].why, "", None
    errors = {error(family, x.detail) for x in ends if x.verdict == "reject"}
    return FilterVerdict(
        place=ruleset.place,
        hook=packet.hook,
        family=family,
        address=packet.destination,
        port=packet.port,
        verdict=said,
        rule=rule,
        source=source,
        error=errors.pop() if len(errors) == 1 else "",
        station=end.datagram.hook if end and end.datagram.hook != packet.hook else "",
        may=may,
        moved=any(x.datagram.translated is not False for x in ends),
    )


def _telling(ends: list[_End], doubts: dict[str, _End]) -> _End:
    """What leaves the verdict open: an undecided rule that stops datagrams, else any undecided one, else any end."""
    ordered = sorted(ends, key=lambda x: x.verdict == "accept")
    known = next((replace(doubts[x.rule], lost=x.lost) for x in ordered if x.rule in doubts), None)
    return known or next(iter((*doubts.values(), *ordered)))


def masks(ruleset: Ruleset) -> bool:
    """Whether a rule may change the source of what passes, so that the next place sees another one."""
    steps = (step for chain in ruleset.chains for rule in chain.rules for step in rule.steps)
    return any(isinstance(x, Action) and x.verb == "snat" for x in steps)


def masking(rulesets: Mapping[str, Ruleset | Missing]) -> frozenset[str]:
    """The places that may change the source of what they pass, as far as their rules could be read."""
    return frozenset(k for k, x in rulesets.items() if isinstance(x, Missing) or masks(x))


def error(family: Family, kind: str) -> str:
    """The errno name that a client's connect() reports for a kind of reject, empty where the table does not hold it."""
    found = (x["error"] for x in table("reject") if (x["family"], x["kind"]) == (family.value, kind))
    return next(found, "")


def _conversation(packet: Packet) -> tuple[Datagram, Datagram, Datagram]:
    """The SYN, the SYN-ACK, and the rest of the client's segments."""
    destination, family = addresses_of(packet.destination)
    source = addresses_of(packet.source)[0] if packet.source else None
    loopback = packet.interface == "lo"
    local = packet.hook == "input" or loopback if packet.interface or packet.hook == "input" else None
    here = packet.interface or None
    back = here if packet.hook == "output" or loopback else packet.route_back or here
    away = packet.leaving or None if packet.hook == "forward" else back
    syn = Datagram(
        hook=packet.hook,
        family=family,
        source=source,
        destination=destination,
        sport=_CLIENT_PORTS,
        dport=str(packet.port),
        iif=here,
        oif=here,
        local=local,
        route_back=packet.route_back or None,
        leaving=away,
        owner=packet.owner,
    )
    syn_ack = replace(
        syn,
        source=destination,
        destination=source,
        sport=syn.dport,
        dport=_CLIENT_PORTS,
        iif=away,
        oif=back,
        local=packet.hook == "output" or loopback,
        route_back=away,
        leaving=back,
        flags=("syn", "ack"),
        state="established",
        direction="reply",
        owner=None,
    )
    return syn, syn_ack, replace(syn, flags=("ack",), state="established")


class _Walk:
    """One verdict in the making: the rules by name, what was walked already, and the rules that were undecided."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.chains = {(x.family, x.table, x.name): x for x in ruleset.chains}
        self.sets = {(x.family, x.table, x.name): x for x in ruleset.sets}
        self.doubts: dict[str, _End] = {}
        self._walked: dict[tuple[str, str, str, Datagram], list[_End]] = {}

    def past(self, datagram: Datagram, hooks: Iterable[str]) -> list[_End]:
        """The ways through several hooks in turn, up to the first that the datagram may not survive."""
        ends: list[_End] = []
        for hook in hooks:
            ends = self.through(datagram, hook)
            if any(x.verdict != "accept" for x in ends):
                break
        return ends

    def through(self, datagram: Datagram, hook: str) -> list[_End]:
        """Every way in which the datagram may leave the base chains of a hook and of the stations around it."""
        # A socket that sent a datagram is forgotten when it has left (drivers/net/loopback.c, skb_orphan).
        start = replace(datagram, iif="") if hook == "output" else replace(datagram, oif="", owner=None)
        ways, ends, last = [start], list[_End](), _End("accept", "", "", start)
        for chain in self._bases(datagram.family, hook):
            found = [_forwarded(end, hook) for way in ways for end in self._base(chain, way)]
            ends += [x for x in found if x.verdict != "accept"]
            last = next((x for x in found if x.verdict == "accept"), last)
            ways = _few([x.datagram for x in found if x.verdict == "accept"])
            if not ways:
                return ends
        return [*ends, replace(last, datagram=_merged(ways))]

    def _bases(self, family: Family, hook: str) -> Iterator[Chain]:
        """The base chains that the datagram meets, in order.

        Of equal priorities the kernel calls the newest first (net/netfilter/core.c, nf_hook_entries_grow), and listings
        show the oldest first.
        """
        wanted = [x for x in reversed(self.chains.values()) if x.family in _FAMILIES[family]]
        for station in _STATIONS[hook]:
            yield from sorted((x for x in wanted if x.hook == station), key=lambda x: x.priority)

    def _base(self, chain: Chain, datagram: Datagram) -> list[_End]:
        seen = _at(chain, datagram)
        if chain.kind == "nat" and (datagram.state != "new" or datagram.translated):
            return [_End("accept", "", chain.source, datagram)]
        ends = self._chain(chain, seen)
        policy = f"policy {chain.policy} of {chain.family} {chain.table} {chain.name}"
        ends = [replace(x, verdict=chain.policy, rule=policy) if x.verdict == "return" else x for x in ends]
        return ends if chain.certain else [*ends, _End("accept", "", chain.source, datagram)]

    def _chain(self, chain: Chain, datagram: Datagram) -> list[_End]:
        key = (chain.family, chain.table, chain.name, datagram)
        if key not in self._walked:
            self._walked[key] = [_End("unknown", f"chain {chain.name} leads to itself", chain.source, datagram)]
            self._walked[key] = list(dict.fromkeys(self._rules(chain, datagram)))
        return self._walked[key]

    def _rules(self, chain: Chain, datagram: Datagram) -> Iterator[_End]:
        for rule in chain.rules:
            ends = self._rule(chain, rule, datagram)
            yield from (x for x in ends if x.verdict != "continue")
            going = [x.datagram for x in ends if x.verdict == "continue"]
            if not going:
                return
            datagram = _merged(going)
        yield _End("return", "", chain.source, datagram)

    def _rule(self, chain: Chain, rule: Rule, datagram: Datagram) -> list[_End]:
        """What the rule may do with the datagram; the verdict `continue` leaves it to the next rule."""
        ends: list[_End] = []
        for action, sure in self._actions(chain, rule, datagram):
            if action.verb == "notrack":
                datagram = replace(datagram, state="untracked" if sure else None)
                continue
            ends += self._performed(action, chain, rule, datagram)
            if sure:
                return ends
        return [*ends, _End("continue", "", chain.source, datagram)]

    def _actions(self, chain: Chain, rule: Rule, datagram: Datagram) -> Iterator[tuple[Action, bool]]:
        """The actions that the rule may come to, each with whether it surely does."""
        sure = True
        for step in rule.steps:
            if isinstance(step, Action):
                yield step, sure
            elif isinstance(step, Lookup):
                yield from self._looked_up(chain, step, rule, datagram, sure=sure)
            else:
                met = holds(datagram, step.field, self._elements(chain, step), negate=step.negate)
                if met is False:
                    return
                sure = sure and self._noted(chain, rule, datagram, met=met)

    def _looked_up(
        self, chain: Chain, step: Lookup, rule: Rule, datagram: Datagram, *, sure: bool
    ) -> Iterator[tuple[Action, bool]]:
        """The entries of a verdict map that the datagram may meet."""
        named = self._named(chain, step.values)
        values, actions = (named.elements, named.actions) if named else (step.values, step.actions)
        for wanted, action in zip(values, actions, strict=False):
            met = holds(datagram, step.field, (wanted,))
            if met is not False:
                yield action, sure and self._noted(chain, rule, datagram, met=met)
            if met:
                return

    def _elements(self, chain: Chain, step: Match) -> tuple[str, ...]:
        named = self._named(chain, step.values)
        return named.elements if named else step.values

    def _named(self, chain: Chain, values: tuple[str, ...]) -> ElementSet | None:
        if len(values) != 1 or not values[0].startswith("@"):
            return None
        return self.sets.get((chain.family, chain.table, values[0][1:]))

    def _noted(self, chain: Chain, rule: Rule, datagram: Datagram, *, met: bool | None) -> bool:
        if met is None:
            self.doubts.setdefault(rule.text, _End("unknown", rule.text, chain.source, datagram))
        return met is True

    def _performed(self, action: Action, chain: Chain, rule: Rule, datagram: Datagram) -> list[_End]:
        end = _End(action.verb, rule.text, chain.source, datagram, action.detail)
        match action.verb:
            case "accept" | "drop" | "reject" | "return" | "continue":
                return [end]
            case "snat":
                return [replace(end, verdict="accept")]
            case "dnat" | "redirect":
                return [replace(end, verdict="accept", datagram=_translated(datagram, action))]
            case "jump" | "goto" if (chain.family, chain.table, action.detail) in self.chains:
                ends = self._chain(self.chains[chain.family, chain.table, action.detail], datagram)
                after = "continue" if action.verb == "jump" else "return"
                return [replace(x, verdict=after) if x.verdict == "return" else x for x in ends]
        return [replace(end, verdict="unknown")]


def _forwarded(end: _End, hook: str) -> _End:
    """What a dnat rule sends elsewhere, or here, does not meet the chains that were asked about.

    Where it ends is not for these rules to say.
    """
    expected = {"input": True, "forward": False}.get(hook, end.datagram.local)
    lost = end.verdict == "accept" and end.datagram.local is not expected
    return replace(end, verdict="unknown") if lost else end


def _merged(ways: list[Datagram]) -> Datagram:
    """Ways differ in whether rules took the datagram out of conntrack's sight, or led it elsewhere."""
    if len(set(ways)) == 1:
        return ways[0]
    moved = {x.translated for x in ways}
    return replace(ways[0], state=None, translated=moved.pop() if len(moved) == 1 else None)


def _few(ways: list[Datagram]) -> list[Datagram]:
    unique = list(dict.fromkeys(ways))
    if len(unique) <= _MOST_WAYS:
        return unique
    return [replace(unique[0], destination=None, dport=None, oif=None, local=None, translated=None)]


def _translated(datagram: Datagram, action: Action) -> Datagram:
    """After a dnat or redirect: where it goes then is the routing table's word, so device and locality are unknown.

    A redirect stays here, and from the output hook it goes to the loopback address (nft(8), NAT STATEMENTS).
    """
    redirected = action.verb == "redirect"
    address, _, port = (" " + action.detail if redirected else action.detail).partition(" ")
    return replace(
        datagram,
        destination=address or None,
        dport=port or datagram.dport,
        oif=datagram.oif and None,
        local=True if redirected else None,
        translated=True,
    )


def _at(chain: Chain, datagram: Datagram) -> Datagram:
    early = chain.hook == "ingress" or (chain.hook in {"prerouting", "output"} and chain.priority <= _CONNTRACK)
    routed = chain.hook == "forward" or (chain.hook in {"postrouting", "egress"} and datagram.iif != "")
    oif = datagram.oif if not routed else None if datagram.translated else datagram.leaving
    return replace(datagram, hook=chain.hook, oif=oif, tracked=not early)
