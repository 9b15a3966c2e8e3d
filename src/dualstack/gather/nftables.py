"""What `nft -j list ruleset` prints, as chains and sets. Pure; only chains that a hook of interest reaches are read.

The shapes are those of libnftables-json(5); an expression that is not in the tables below becomes a condition or an
action that nobody can decide.

A listing is not the whole truth. Of `meta nfproto ipv4 tcp dport 4317 reject with tcp reset` in an inet table, nft
1.0.6 lists all but the first three words (measured; the instructions in the kernel have them), so such a rule is read
again from the instructions.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from dualstack.model.filters import Action, Chain, ElementSet, Lookup, Match, Rule, Step

SOURCE = "nft list ruleset"
HOOKS = ("ingress", "prerouting", "input", "forward", "output", "postrouting", "egress")
FAMILIES = ("ip", "ip6", "inet", "netdev")
UNLISTED = "a family that nft does not list"
T = TypeVar("T")
_Json = Any  # libnftables gives nested lists, maps, strings and numbers without a fixed shape


class _Table(msgspec.Struct):
    family: str
    name: str
    flags: msgspec.Raw = msgspec.Raw(b"[]")


class _Chain(msgspec.Struct):
    family: str
    table: str
    name: str
    hook: str = ""
    type: str = "filter"
    prio: int = 0
    policy: str = "accept"


class _Rule(msgspec.Struct):
    family: str
    table: str
    chain: str
    handle: int = 0
    expr: msgspec.Raw = msgspec.Raw(b"[]")


class _Set(msgspec.Struct):
    family: str
    table: str
    name: str
    elem: msgspec.Raw = msgspec.Raw(b"[]")
    map: str = ""


_Key = tuple[str, str, str]
_LISTING = msgspec.json.Decoder(dict[str, list[dict[str, msgspec.Raw]]])


def base_chains(text: str) -> bool:
    """Whether any chain of `nft -j list chains` hangs on a hook of interest.

    Raises msgspec.MsgspecError where the text is no such listing.
    """
    return any(_wanted(chain) for chain in _tagged(_entry_list(text), "chain", _Chain))


def parse(text: str) -> tuple[tuple[Chain, ...], tuple[ElementSet, ...]]:
    """The chains that a packet can meet, and the sets of all tables.

    Raises msgspec.MsgspecError where the text is no such listing.
    """
    entries = _entry_list(text)
    chains = {(x.family, x.table, x.name): x for x in _tagged(entries, "chain", _Chain)}
    rules: defaultdict[_Key, list[_Rule]] = defaultdict(list)
    for rule in _tagged(entries, "rule", _Rule):
        rules[rule.family, rule.table, rule.chain].append(rule)
    doubtful = _doubtful(_tagged(entries, "table", _Table))
    met: dict[_Key, Chain] = {}
    sets = tuple(_set(x) for tag in ("set", "map") for x in _tagged(entries, tag, _Set) if x.family in FAMILIES)
    mapped = {(x.family, x.table, a.detail) for x in sets for a in x.actions if a.verb in {"jump", "goto"}}
    waiting = [key for key, chain in chains.items() if _wanted(chain)] + [key for key in chains if key in mapped]
    while waiting:
        key = waiting.pop()
        if key in met or key not in chains:
            continue
        met[key] = _chain(chains[key], rules[key], certain=key[0] != "netdev" and key[:2] not in doubtful)
        waiting += [(*key[:2], name) for name in targets(met[key])]
    return tuple(met[key] for key in chains if key in met), sets


def targets(chain: Chain) -> list[str]:
    """The names of the chains that the rules of a chain jump or go to."""
    steps = [step for rule in chain.rules for step in rule.steps]
    actions = [x for x in steps if isinstance(x, Action)]
    actions += [a for x in steps if isinstance(x, Lookup) for a in x.actions]
    return [x.detail for x in actions if x.verb in {"jump", "goto"}]


def _entry_list(text: str) -> list[dict[str, msgspec.Raw]]:
    return _LISTING.decode(text).get("nftables", [])


def _tagged(entries: list[dict[str, msgspec.Raw]], tag: str, kind: type[T]) -> list[T]:
    return [msgspec.json.decode(entry[tag], type=kind) for entry in entries if tag in entry]


def _wanted(chain: _Chain) -> bool:
    return chain.hook in HOOKS and chain.family in FAMILIES


def _doubtful(tables: list[_Table]) -> set[tuple[str, str]]:
    """Tables that may be dormant: with flags, and not those that are known to change nothing for a packet.

    nft 1.0.6 prints a stray string instead of `dormant` (measured), so that word cannot be relied upon.
    """
    return {
        (x.family, x.name) for x in tables if not set(_values(msgspec.json.decode(x.flags))) <= {"owner", "persist"}
    }


def _chain(found: _Chain, rules: list[_Rule], *, certain: bool) -> Chain:
    return Chain(
        family=found.family,
        table=found.table,
        name=found.name,
        source=SOURCE,
        hook=found.hook,
        kind=found.type,
        priority=found.prio,
        policy=found.policy,
        certain=certain,
        rules=tuple(_rule(x) for x in rules),
    )


def _set(found: _Set) -> ElementSet:
    elements = msgspec.json.decode(found.elem)
    if found.map == "verdict":
        lookup = _entries(elements)
        return ElementSet(found.family, found.table, found.name, lookup.values, lookup.actions)
    values = () if found.map else _values(elements)
    return ElementSet(found.family, found.table, found.name, values)


def _rule(found: _Rule) -> Rule:
    read = [step for x in msgspec.json.decode(found.expr) for step in (*_implied(x), _step(x))]
    steps = [x for x in dict.fromkeys(read) if x is not None]
    if any(isinstance(x, Match) and x.field.startswith("tcp ") for x in steps):
        steps = [x for x in steps if x != _OF_TCP]
    if found.family == "inet" and Action("reject", "tcp reset") in steps and not any(map(_of_family, steps)):
        steps.insert(0, Match(UNLISTED, (str(found.handle),)))
    return _ruled(steps)


def _ruled(steps: list[Step]) -> Rule:
    return Rule(" ".join(filter(None, map(_words, steps))) or "(no condition)", tuple(steps))


def _of_family(step: Step) -> bool:
    fields = () if isinstance(step, Action) else step.field.split(" . ")
    return any(x in {"meta nfproto", "meta protocol"} or x.startswith(("ip ", "ip6 ")) for x in fields)


def unlisted(chain: Chain) -> bool:
    """Whether a rule of the chain may have a condition on the family that the listing does not show."""
    return any(_is_unlisted(x) for rule in chain.rules for x in rule.steps)


def _is_unlisted(step: Step) -> bool:
    return isinstance(step, Match) and step.field == UNLISTED


def with_families(chain: Chain, bytecode: str) -> Chain:
    """The chain with the conditions on the family that `nft --debug=netlink list chain` shows.

    A rule that is not in that text, or is not understood there, keeps a condition that nobody can decide.
    """
    told = dict(_told(block.split("\n")) for block in bytecode.split("\n\n"))
    rules = (_ruled([x for step in rule.steps for x in _resolved(step, told)]) for rule in chain.rules)
    return msgspec.structs.replace(chain, rules=tuple(rules))


def _resolved(step: Step, told: dict[str, tuple[Match, ...]]) -> tuple[Step, ...]:
    return told.get(step.values[0], (step,)) if isinstance(step, Match) and step.field == UNLISTED else (step,)


def _told(block: list[str]) -> tuple[str, tuple[Match, ...]]:
    """The handle of a rule (`inet TABLE CHAIN HANDLE` stands above it) and its condition on the family, if any."""
    words = next((x.split() for x in block if not x.startswith(" ")), [])
    handle = words[3] if len(words) > 3 else ""
    for load, compare in itertools.pairwise(block):
        loaded = re.search(r"meta load (nfproto|protocol) ", load)
        if loaded:
            code = re.search(r"cmp (eq|neq) reg \d+ (0x[0-9a-f]{8})", compare)
            family = _CODES.get((loaded[1], code[2])) if code else None
            return handle, (Match("meta nfproto", (family,), code[1] == "neq") if code and family else Match(UNLISTED),)
    return handle, ()


# NFPROTO_IPV4, NFPROTO_IPV6; ETH_P_IP, ETH_P_IPV6, as a little-endian machine prints them
_CODES = {
    ("nfproto", "0x00000002"): "ipv4",
    ("nfproto", "0x0000000a"): "ipv6",
    ("protocol", "0x00000008"): "ipv4",
    ("protocol", "0x0000dd86"): "ipv6",
}


def _implied(expression: _Json) -> tuple[Match, ...]:
    """What a reject asks of the packet. nft lists no such condition, even where the user wrote it."""
    body = expression.get("reject") if isinstance(expression, dict) else None
    return _REJECTED.get(body.get("type", ""), ()) if isinstance(body, dict) else ()


_OF_TCP = Match("meta l4proto", ("tcp",))
_REJECTED = {
    "icmp": (Match("meta nfproto", ("ipv4",)),),
    "icmpv6": (Match("meta nfproto", ("ipv6",)),),
    "tcp reset": (_OF_TCP,),
}


def _step(expression: _Json) -> Step | None:
    """One expression of a rule; None for one that changes nothing about the packet's way."""
    try:
        verb, body = next(iter(expression.items()))
        if verb in _PASSING:
            return None
        return _READERS.get(verb, _unread(verb))(body)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, StopIteration):
        return Match("expression not understood")


def _unread(verb: str) -> Callable[[_Json], Match | Action]:
    """Terminal statements that take the packet out of sight are actions, the rest conditions that nobody can decide."""
    return (lambda _: Action(verb)) if verb in {"queue", "tproxy", "synproxy", "fwd"} else (lambda _: Match(verb))


_PASSING = frozenset({"counter", "log", "comment", "last", "ct helper", "ct timeout", "ct expectation", "dup", "flow"})


def _match(body: Mapping[str, _Json]) -> Match:
    name, right, op = _field(body["left"]), body["right"], body["op"]
    if op not in {"==", "!=", "in", "!"}:
        return Match(f"{name} {op}", _values(right))
    if name.startswith("tcp flags &"):
        return Match(name, (",".join(_values(right)),), op != "==")
    if name == "tcp flags" and op == "==":
        return Match("tcp flags ==", _values(right))
    return Match(name, _values(right), op in {"!=", "!"})


def _field(left: _Json) -> str:
    """A left hand side as nft writes it; commas join the keys of `fib`, as a dot joins those of a concatenation."""
    kind, body = next(iter(left.items()))
    match kind:
        case "payload":
            return f"{body['protocol']} {body['field']}"
        case "meta" | "socket" | "rt" | "ct":
            return " ".join(filter(None, (kind, body.get("dir"), body["key"])))
        case "fib":
            return f"fib {','.join(_values(body['flags']))} {body['result']}"
        case "concat":
            return " . ".join(map(_field, body))
        case "&":
            return f"{_field(body[0])} & {','.join(_values(body[1]))}"
    return str(kind)


def _values(right: _Json) -> tuple[str, ...]:
    if isinstance(right, dict) and ("set" in right or "|" in right):
        right = right.get("set", right.get("|"))
    items = right if isinstance(right, list) else [right]
    return tuple(x for item in items for x in ([_value(item)] if not _nested(item) else _values(item)))


def _nested(item: _Json) -> bool:
    return isinstance(item, list) or (isinstance(item, dict) and ("|" in item or "set" in item))


def _value(item: _Json) -> str:
    """One element. Raises KeyError or TypeError for a shape that is none."""
    if not isinstance(item, dict):
        return ("missing", "exists")[item] if isinstance(item, bool) else str(item)
    if "elem" in item:
        return _value(item["elem"]["val"])
    if "prefix" in item:
        return f"{_value(item['prefix']['addr'])}/{item['prefix']['len']}"
    if "range" in item:
        return "-".join(map(_value, item["range"]))
    return " . ".join(map(_value, item["concat"]))


def _vmap(body: Mapping[str, _Json]) -> Lookup:
    data, name = body["data"], _field(body["key"])
    if isinstance(data, str):
        return Lookup(name, (data,))
    entries = _entries(data["set"])
    return Lookup(name, entries.values, entries.actions)


def _entries(pairs: list[_Json]) -> Lookup:
    """The values and actions of a verdict map; an action that is not understood becomes one that nobody can decide."""
    steps = [(_value(key), _step(action)) for key, action in pairs]
    actions = tuple(x if isinstance(x, Action) else Action("continue" if x is None else "unread") for _, x in steps)
    return Lookup("", tuple(key for key, _ in steps), actions)


def _reject(body: Mapping[str, _Json] | None) -> Action:
    kind = (body or {}).get("type")
    return Action("reject", kind if kind == "tcp reset" else _text((body or {}).get("expr", "port-unreachable")))


def _text(value: _Json) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _dnat(body: Mapping[str, _Json] | None) -> Action:
    address, port = ((body or {}).get(x) for x in ("addr", "port"))
    return Action("dnat", f"{address if isinstance(address, str) else ''} {port if isinstance(port, int) else ''}")


def _redirect(body: Mapping[str, _Json] | None) -> Action:
    port = (body or {}).get("port")
    return Action("redirect", str(port) if isinstance(port, int) else "")


def _mangle(body: Mapping[str, _Json]) -> Action | None:
    """A mark that is set changes no way by itself; a rewritten header does."""
    return Action("mangle") if "payload" in body["key"] else None


_READERS: dict[str, Callable[[_Json], Step | None]] = {
    "match": _match,
    "vmap": _vmap,
    "accept": lambda _: Action("accept"),
    "drop": lambda _: Action("drop"),
    "return": lambda _: Action("return"),
    "continue": lambda _: None,
    "notrack": lambda _: Action("notrack"),
    "jump": lambda body: Action("jump", _text(body["target"])),
    "goto": lambda body: Action("goto", _text(body["target"])),
    "reject": _reject,
    "dnat": _dnat,
    "redirect": _redirect,
    "snat": lambda _: Action("snat"),
    "masquerade": lambda _: Action("snat"),
    "mangle": _mangle,
    "xt": lambda body: Match(f"xt {body['name']}"),
}


def _words(step: Step) -> str:
    if isinstance(step, Action):
        return f"{step.verb} {'with ' * (step.verb == 'reject')}{step.detail}".strip()
    if isinstance(step, Lookup):
        return f"{step.field} vmap {_braced(step.values)}"
    return f"{step.field} {'!= ' * step.negate}{_braced(step.values)}".strip()


def _braced(values: tuple[str, ...], shown: int = 8) -> str:
    if len(values) == 1 or not values:
        return "".join(values)
    return "{ " + ", ".join(values[:shown]) + (", …" if len(values) > shown else "") + " }"
