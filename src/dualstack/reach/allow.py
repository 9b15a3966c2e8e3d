"""What to add to a packet filter so that it lets a connection pass, as sentences with commands."""

from collections.abc import Iterable

from dualstack.model.address import Family
from dualstack.model.host import FilterVerdict
from dualstack.model.probe import Outcome, Probes
from dualstack.model.trace import Hop, Trace
from dualstack.reach.blame import is_loopback
from dualstack.reach.confined import at_client, at_server, near_server
from dualstack.reach.hint import beside, inside

_LEAVING = ("output", "postrouting", "egress")


def stopping(said: Iterable[FilterVerdict]) -> tuple[FilterVerdict, ...]:
    """The verdicts that stop a flow, one for each rule: on the loopback one rule can stop it on two hooks."""
    against = [x for x in said if x.verdict in ("drop", "reject")]
    return tuple({(x.place, x.source, _bare(x)): x for x in reversed(against)}.values())[::-1]


def allow(against: Iterable[FilterVerdict]) -> str:
    """How to let a connection pass the filters that stop it, and its reply where that would be lost next."""
    every = [x for said in against for x in _needed(said)]
    commands = dict.fromkeys(f"`{x}`" for x in (_command(said) for said in every) if x)
    sentences = [f"Allow it with {' and '.join(commands)}."] if commands else []
    sentences += dict.fromkeys(f"{_place(x)}." for x in every if not _command(x))
    return " ".join(sentences)


def rule_out(doubted: FilterVerdict) -> str:
    """How to find out whether a rule that could not be decided stops the connection."""
    command = _command(doubted)
    way = f"Allow it before `{_bare(doubted)}` with `{command}`" if command else _place(doubted)
    return f"{way}, and try again."


def _needed(verdict: FilterVerdict) -> tuple[FilterVerdict, ...]:
    """The verdict with that on its reply; on the loopback one rule for the device is for both."""
    return (verdict, verdict.reply) if verdict.reply and not is_loopback(verdict.address) else (verdict,)


def _bare(verdict: FilterVerdict) -> str:
    return verdict.rule.partition(" (for ")[0]


def _command(verdict: FilterVerdict) -> str:
    """The command that lets the connection pass, empty where that depends on where the rule stands."""
    match = _match(verdict)
    program, saved, tables = verdict.source.partition("-save")
    if saved:
        command = f"{program}{tables} -I {verdict.where.upper()} {match} -j ACCEPT"
        return inside(verdict.place, command)
    policy, _, chain = _bare(verdict).partition(" of ")
    return inside(verdict.place, f"nft add rule {chain} {match} accept") if policy.startswith("policy ") else ""


def _place(verdict: FilterVerdict) -> str:
    listing = inside(verdict.place, "nft -a list ruleset")
    match = _match(verdict)
    return f"Look at `{listing}` and put `{match} accept` before `{_bare(verdict)}` (hook {verdict.where})"


def _match(verdict: FilterVerdict) -> str:
    """What to let in: established connections where a reply is lost, the device on the loopback, or the port.

    Both directions of a loopback connection pass the same hook, so a rule for the port alone would lose the replies.
    """
    iptables, leaving = "-save" in verdict.source, verdict.where in _LEAVING
    if " (for " in verdict.rule:
        return "-m conntrack --ctstate ESTABLISHED,RELATED" if iptables else "ct state established,related"
    if is_loopback(verdict.address):
        return f"-{'o' if leaving else 'i'} lo" if iptables else f"{'oif' if leaving else 'iif'} lo"
    return f"-p tcp --dport {verdict.port}" if iptables else f"tcp dport {verdict.port}"


def culprit(trace: Trace) -> str:
    """What stops a connection; between the nodes of a cluster silence may as well be a route that one of them lacks."""
    hop = trace.at(Hop.POLICY)
    lost = trace.nodes and hop.mark == Outcome.TIMED_OUT and not (at_client(hop) or at_server(hop))
    other = "missing neighbour" if near_server(hop) else "lost route"
    return f"A packet filter, or a {other}," if lost else "A packet filter"


def look(trace: Trace) -> str:
    """Where to look for a filter that could not be read; between nodes also for a route."""
    place, known = trace.server or trace.vantage, within(trace)
    if known:
        return known[1]
    tables, route = ("ip6tables-save", "ip -6 route") if trace.family is Family.IPV6 else ("iptables-save", "ip route")
    if place.startswith("pod"):
        return f"Run `nft list ruleset`, `{tables}` and `{route}` as root, on the nodes at both ends."
    return f"Run `{inside(place, 'nft list ruleset')}` and `{inside(place, tables)}` as root, at both ends."


def within(trace: Trace) -> tuple[str, str] | None:
    """Detail and hint for what is stopped in the network of one pod; None where nothing says so."""
    hop = trace.at(Hop.POLICY)
    if at_client(hop):
        why = "Another pod on the same node gets through, so what stops this one is in its own network, or selects it."
        pod, place, too = "the client's pod that the evidence names", "", ", and look at policies that select it"
    elif at_server(hop):
        why = "The pod does not reach its own address either, and that way never leaves it."
        pod, place, too = f"the {trace.server}", trace.server, ""
    elif node := near_server(hop):
        why = "Another pod on the same node gets no answer either, so it is stopped in the pod's own network, or there."
        pod, place = f"the {trace.server}", trace.server
        listed = f"`ip {'-6' if trace.family is Family.IPV6 else '-4'} neigh`"
        too = f", and those of the node {node}. {listed} there says FAILED where the pod does not say that it is there"
    else:
        return None
    command = beside(place, "nft list ruleset")
    return why, f"List the rules in the network of {pod}: `{command}`, with an image that has nft{too}."


def seen(verdict: FilterVerdict) -> str:
    """What a rule does with the connection, and another one with its reply."""
    too = f" The reply would meet `{verdict.reply.rule}`." if verdict.reply else ""
    return f"{of(verdict)} says {verdict.verdict}: `{verdict.rule}`.{too}"


def of(verdict: FilterVerdict) -> str:
    """Where a rule stands, at the start of a sentence."""
    return f"`{verdict.source}` of `{verdict.place}`, hook {verdict.where},"


def refused_here(trace: Trace, probes: Probes | None) -> tuple[str, str, str] | None:
    """Culprit, detail and hint for a connection that this host itself refuses, None where another one may have.

    No packet of the wire gives EPERM, and none of IPv4 gives EACCES; ICMPv6 "administratively prohibited" gives that
    (icmp_err_convert[] in net/ipv4/icmp.c, tab_unreach[] in net/ipv6/icmp.c).
    """
    result = probes.of(trace.addresses[0], trace.target.port, trace.protocol) if probes else None
    errors = ("EPERM", "EACCES") if trace.family is Family.IPV4 else ("EPERM",)
    if result is None or result.outcome is not Outcome.DENIED or all(x.reason not in errors for x in result.stages):
        return None
    option, place = "-4" if trace.family is Family.IPV4 else "-6", trace.vantage
    commands = (
        f"ip {option} rule",
        f"ip {option} route show table all type prohibit",
        "ip xfrm policy",
        "nft list ruleset",
    )
    listed = ", ".join(f"`{inside(place, x)}`" for x in commands)
    why = "connect(2) gets an error that no packet can bring."
    what = "A routing rule or route of type prohibit, an IPsec policy, or a filter for programs does so."
    return f"`{place}` itself", f"{why} {what}", f"Look at {listed}, and at what confines the program (BPF, SELinux)."
