"""Packet filter rules as values, whichever tool showed them, and the packet that they are asked about.

Fields and values are spelled as nft spells them (`ip saddr`, `10.0.0.0/8`, `4317-4318`, `10.0.0.1 . 80`), so a rule of
iptables and one of nftables look alike here.
"""

import msgspec

from dualstack.model.evidence import Missing


class Match(msgspec.Struct, frozen=True, tag="match"):
    """One condition: the field holds one of `values`, or none of them where `negate`. A single `@name` names a set.

    A field that the evaluator has no table row for (`limit`, `xt statistic`) is a condition that nobody can decide.
    """

    field: str
    values: tuple[str, ...] = ()
    negate: bool = False


class Action(msgspec.Struct, frozen=True, tag="action"):
    """What a rule does: accept, drop, return, notrack, snat, or one with a detail.

    That of jump and goto is the chain, that of reject the kind (`tcp reset`, `port-unreachable`), that of dnat
    `address port` (either empty where it is not literal), that of redirect the port. Any other verb ends the way of the
    packet in a manner that the rules alone do not tell.
    """

    verb: str
    detail: str = ""


class Lookup(msgspec.Struct, frozen=True, tag="lookup"):
    """A verdict map: the action beside the value that the field holds. With values `("@name",)` it is a named map."""

    field: str
    values: tuple[str, ...]
    actions: tuple[Action, ...] = ()


Step = Match | Lookup | Action


class Rule(msgspec.Struct, frozen=True):
    """One rule: its steps in order, and its text for a reader."""

    text: str
    steps: tuple[Step, ...]


class Chain(msgspec.Struct, frozen=True):
    """A chain. `family` is nft's (ip, ip6, inet, netdev); `hook` is empty for a chain that others jump to.

    `certain` is false for a base chain of which the listing does not say whether it is in force on the packet's way:
    chains of a device (nft 1.0.6 prints no device), and those of a table that may be dormant.
    """

    family: str
    table: str
    name: str
    source: str
    hook: str = ""
    kind: str = "filter"
    priority: int = 0
    policy: str = "accept"
    certain: bool = True
    rules: tuple[Rule, ...] = ()


class ElementSet(msgspec.Struct, frozen=True):
    """A named set or verdict map; `actions` stand beside `elements` in a map and are empty in a set."""

    family: str
    table: str
    name: str
    elements: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()


class Ruleset(msgspec.Struct, frozen=True):
    """The rules that connections to and from a place can meet. `gaps` are rules that may be there and were not seen."""

    place: str
    chains: tuple[Chain, ...] = ()
    sets: tuple[ElementSet, ...] = ()
    gaps: tuple[Missing, ...] = ()


class Owner(msgspec.Struct, frozen=True):
    """The user and group with whose rights a program makes sockets: fsuid and fsgid of credentials(7)."""

    uid: int
    gid: int


class Packet(msgspec.Struct, frozen=True):
    """The first segment of a TCP connection at a place.

    `hook` is `input` where the place is the server, `output` where it is the client, `forward` where it is a router;
    loopback connections pass output, then input, of one place, with `lo` as the interface. `interface` is where it
    comes in or goes out, `leaving` where a router sends it on, `route_back` the interface by which the place sends to
    `source`. An empty `source`, `interface`, `leaving` or `route_back` is one not known. `owner` is that of the client,
    None where it is not known.
    """

    hook: str
    destination: str
    port: int
    source: str = ""
    interface: str = ""
    route_back: str = ""
    owner: Owner | None = None
    leaving: str = ""
