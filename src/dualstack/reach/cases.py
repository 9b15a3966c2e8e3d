"""What an endpoint becomes by the state of the network that it is bound in, in as few cases as there are."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from dualstack.model.address import BOTH, Family, Scope, join, scope
from dualstack.model.sockets import Listener, Runtime
from dualstack.model.understood import Case, State
from dualstack.reach import bind
from dualstack.reach.localhost import LOCALHOST

_Cube = Mapping[str, frozenset[str]]
_FIELDS = ("bindv6only", "local", "ipv4", "ipv6")
"""The fields of a state, those first that are the first to be left out where they do not decide."""
_WORDS = {
    ("ipv6", "on"): "IPv6 is on",
    ("ipv6", "lo-off on"): "IPv6 is on",
    ("ipv6", "lo-off"): "the loopback alone has no IPv6",
    ("ipv6", "off"): "IPv6 is disabled on every interface",
    ("ipv6", "absent"): "the kernel has no IPv6",
    ("ipv6", "absent off"): "IPv6 is off",
    ("ipv6", "lo-off off"): "IPv6 is disabled on the loopback",
    ("ipv6", "absent lo-off off"): "the loopback has no IPv6",
    ("ipv6", "lo-off off on"): "the kernel has IPv6",
    ("ipv4", "off"): "the loopback has no 127.0.0.1",
    ("bindv6only", "0"): "net.ipv6.bindv6only is 0",
    ("bindv6only", "1"): "net.ipv6.bindv6only is 1",
    ("local", "yes"): "the address is there",
    ("local", "no"): "the address is not there",
    ("local", "no off"): "the address is not there",
}
"""States in words. What is as good as always so needs none, nor an address that is missing with all of IPv6."""


def cases(request: bind.BindRequest, having: tuple[Family, ...] = ()) -> tuple[Case, ...]:
    """Every case of a network with these families; where none is named, of any network.

    Of the addresses of `localhost` Go takes one, and IPv4 first (Go src/net/ipsock.go).
    """
    host, _, port = request.address.rpartition(":")
    if host != LOCALHOST or request.runtime != Runtime.GO or not port.isdecimal():
        return tuple(_cases(request, having))
    if request.network.endswith(("4", "6")):
        only = "127.0.0.1" if request.network.endswith("4") else "::1"
        return tuple(_cases(_at(request, only, port), having))
    either = (("127.0.0.1", "`localhost` is 127.0.0.1"), ("::1", "`localhost` is ::1 alone"))
    return tuple(chain.from_iterable(_cases(_at(request, x, port), having, x, said) for x, said in either))


def _at(request: bind.BindRequest, host: str, port: str) -> bind.BindRequest:
    return bind.BindRequest(join(host, int(port)), request.network, request.call, request.runtime)


def _cases(
    request: bind.BindRequest, having: tuple[Family, ...], localhost: str = "", said: str = ""
) -> Iterator[Case]:
    found = dict[Case, list[bind.State]]()
    states = bind.by_state(request, having)
    for state, bound in states:
        found.setdefault(_outcome(bound, state, having or BOTH), []).append(state)
    every = [x for x, _ in states]
    told = [(x, cube) for x, mine in found.items() for cube in _cubes(mine, every)]
    for outcome, cube in sorted(told, key=lambda x: "off" in x[1].get("ipv4", ())):
        when = " and ".join(filter(None, (said, *(_words(x, cube[x]) for x in reversed(_FIELDS) if x in cube))))
        words = State(**{k: tuple(sorted(v)) for k, v in cube.items()}, localhost=localhost)
        yield Case(when, words, outcome.binds, outcome.error, outcome.unknown, outcome.clients, outcome.at)


def _outcome(bound: bind.Bound, state: bind.State, having: tuple[Family, ...]) -> Case:
    """What a bind gives, and who can connect where hosts have these families; the state is left out."""
    taken = {y for x in bound.sockets for y in bind.families(x) or ()}
    at = next((_place(x) for x in bound.sockets), "")
    cut_off = () if at else (Family.IPV6,) if state.ipv6 in ("off", "absent") else ()
    clients = tuple(x for x in BOTH if x in taken and x not in cut_off and (at == Scope.LOOPBACK or x in having))
    return Case("", State(), tuple(map(bind.listen_mark, bound.sockets)), bound.error, bound.unknown, clients, at)


def _place(socket: Listener) -> str:
    found = scope(socket.address)
    return "" if found is Scope.WILDCARD else found if found is Scope.LOOPBACK else socket.address


def _cubes(mine: Sequence[bind.State], every: Sequence[bind.State]) -> Iterator[_Cube]:
    """Sets of states, field by field, that together are these and no others; what decides nothing is left out."""
    values = {x: frozenset(getattr(y, x) for y in every) for x in _FIELDS}
    left = list(mine)
    while left:
        cube = {x: frozenset({getattr(left[0], x)}) for x in _FIELDS}
        for field in _FIELDS:
            alike = (x for x in values[field] if all(y in mine for y in _in({**cube, field: frozenset({x})}, every)))
            cube[field] = frozenset(alike)
        held = _in(cube, every)
        left = [x for x in left if x not in held]
        yield {k: v & {getattr(x, k) for x in held} for k, v in cube.items() if v != values[k]}


def _in(cube: _Cube, states: Sequence[bind.State]) -> list[bind.State]:
    return [x for x in states if all(getattr(x, k) in v for k, v in cube.items())]


def _words(field: str, values: frozenset[str]) -> str:
    return _WORDS.get((field, " ".join(sorted(values))), "")


def sentence(case: Case) -> str:
    """A case in words: `where the kernel has no IPv6: binds 0.0.0.0/ipv4-only; clients connect over IPv4 alone`."""
    head = f"where {case.when}: " if case.when else ""
    if case.unknown:
        return f"{head}not known: {case.unknown}"
    if case.error:
        return f"{head}cannot be bound: {case.error}"
    return f"{head}binds {' and '.join(case.binds) or 'nothing'}; {_who(case)}"


def _who(case: Case) -> str:
    if not case.clients:
        return "nobody can connect"
    titles = " and ".join(x.title for x in case.clients)
    alone = " alone" * (len(case.clients) == 1)
    if case.at:
        where = "on the loopback" if case.at == Scope.LOOPBACK else f"to {case.at}"
        return f"clients connect {where} alone, over {titles}"
    return f"clients connect over {titles}{alone}"
