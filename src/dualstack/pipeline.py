"""The only place that joins the parts; read this first.

    gather -> probe -> look closer where something fails -> predict (traces) -> rules (findings) -> diagnosis

A question goes in, a diagnosis comes out. Evidence that cannot be had becomes `Missing`, with the reason; the rules
that need it are skipped and named. `_observe` is the list of what is gathered, in order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from dualstack.gather import namespaces, resolver, routes, sockets
from dualstack.gather.apart import apart
from dualstack.gather.env import Env, real
from dualstack.model.address import Family, Target
from dualstack.model.client import Callers, Proxies
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.evidence import Missing
from dualstack.model.filters import Owner, Ruleset
from dualstack.model.finding import Skipped
from dualstack.model.host import Filters, Namespace, Namespaces, Routes, Transits
from dualstack.model.names import Names
from dualstack.model.otel import Declared
from dualstack.model.probe import Options, Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners
from dualstack.model.target import parse_target
from dualstack.probe.plan import plan
from dualstack.probe.run import run
from dualstack.reach.client import round_trip
from dualstack.reach.dns64 import PROBE, doubtful
from dualstack.reach.listing import listed, ports_of, told, widened
from dualstack.reach.localhost import LOCALHOST, as_known
from dualstack.reach.lookup import as_taken
from dualstack.reach.outcomes import MEANINGS, reached
from dualstack.reach.outlook import outlooks, through_proxies
from dualstack.reach.packets import packets
from dualstack.reach.predict import predict
from dualstack.reach.proxy import proxies, unseen
from dualstack.reach.required import addresses_of, examined
from dualstack.reach.resolver import rivals
from dualstack.reach.start import names_in
from dualstack.reach.verdict import verdict
from dualstack.rules.registry import Rule, evaluate, rules

T = TypeVar("T")
Announce = Callable[[ProbeTask], None]
Addresses = Mapping[Target, tuple[str, ...]]

DNS_SECONDS = 2.0
"""For one nameserver to answer one query; resolv.conf(5) waits 5 seconds, and asks twice."""
SLOW = 250
"""Milliseconds of a round trip from which on a client may give up an address that works (knowledge/runtimes.table)."""


class Request(msgspec.Struct, frozen=True):
    """One call for a diagnosis: the question, where to look from, and what the probes may use.

    `netns` is a name, path or process id as typed, empty for this process's own network namespace; `config` a
    Collector configuration file; `environ` are the variables that it and the clients see; `chosen` the rules to run,
    None for all.
    """

    question: Question
    netns: str = ""
    config: str = ""
    environ: dict[str, str] = {}
    collector_version: str = ""
    options: Options = Options()
    chosen: tuple[Rule, ...] | None = None


class Notebook:
    """What has been learned so far; an interrupted run is answered from it."""

    def __init__(self, question: Question) -> None:
        """Begin with the question alone."""
        self.facts: dict[type, object] = {Question: question}
        self.gaps: list[Missing] = []
        self.probing: dict[ProbeTask, ProbeResult] = {}
        self.closed = False

    def take(self, kind: type[T], gather: Callable[[], T]) -> T | None:
        """Note what `gather` gives, or why the system refused."""
        try:
            found = gather()
        except OSError as error:
            self.facts[kind] = Missing(kind.__name__, error.strerror or str(error))
            return None
        self.facts[kind] = found
        return found

    def expect(self, tasks: Iterable[ProbeTask]) -> Callable[[ProbeResult], None]:
        """Note that these probes begin; what it gives notes each that ends, while another thread may be interrupted."""
        self.probing = {x: ProbeResult(x, Outcome.CANCELLED) for x in tasks}
        return lambda result: self.probing.update({result.task: result})

    def telling(self, announce: Announce) -> Announce:
        """`announce` while somebody waits for the answer; after that no probe begins any more."""

        def tell(task: ProbeTask) -> None:
            if self.closed:
                raise KeyboardInterrupt
            announce(task)

        return tell

    def snapshot(self) -> Snapshot:
        """Everything so far, as a value."""
        facts = {Probes: Probes(tuple(self.probing.values())), **self.facts} if self.probing else dict(self.facts)
        return Snapshot(facts, tuple(dict.fromkeys(self.gaps)))


def diagnose(request: Request, announce: Announce = lambda _: None) -> Diagnosis:
    """Gather, probe, predict and judge. Raises BadInput for a namespace or configuration that cannot be read."""
    snapshot, interrupted = gather(request, announce)
    return conclude(snapshot, request.chosen, interrupted=interrupted)


def gather(request: Request, announce: Announce = lambda _: None) -> tuple[Snapshot, bool]:
    """The evidence, and whether an interrupt cut it short. Raises BadInput."""
    notes = Notebook(request.question)
    try:
        within(request.netns, lambda env: _observe(env, request, notes, notes.telling(announce)))
    except KeyboardInterrupt:
        notes.closed = True
    return notes.snapshot(), notes.closed


def conclude(snapshot: Snapshot, chosen: Sequence[Rule] | None = None, *, interrupted: bool = False) -> Diagnosis:
    """The diagnosis that the evidence allows: a pure function, so a stored snapshot gives the same answer."""
    question = snapshot.having(Question) or Question()
    listeners = snapshot.having(Listeners)
    if listeners and question.server:
        snapshot = snapshot.adding(told(listeners, question.server))
    traces = predict(snapshot)
    findings, skipped = evaluate(snapshot.adding(traces), rules() if chosen is None else chosen)
    left_out = tuple(x.code for x in rules() if chosen is not None and x not in chosen)
    if left_out:
        skipped += (Skipped("rules", "left out by --select or --ignore", left_out),)
    said = snapshot.having(Proxies) or Proxies()
    skipped += tuple(Skipped("proxy", x) for x in unseen(question, said))
    probes = snapshot.having(Probes) or Probes()
    cut = interrupted or any(x.outcome is Outcome.CANCELLED for x in probes.items)
    names, routes, callers = snapshot.having(Names), snapshot.having(Routes), snapshot.having(Callers)
    views = outlooks(traces, question, names, routes, probes, callers)
    views = through_proxies(views, said)
    return Diagnosis(question, verdict(traces, findings, views), traces.items, findings, skipped, cut, views)


def probe(request: Request, announce: Announce = lambda _: None) -> Probes:
    """The probes of the request's targets, and nothing else; interrupted ones are cancelled.

    Raises BadInput for a namespace that cannot be entered, and KeyboardInterrupt where no probe was planned yet.
    """
    notes = Notebook(request.question)

    def work(env: Env) -> Probes:
        targets = request.question.targets
        names = Names(tuple(resolver.lookup(env, x) for x in _hosts(targets)))
        planned = plan(request.question, {x: addresses_of(x, names) for x in targets})
        notes.gaps.extend(planned.gaps)
        return run(planned.tasks, request.options, notes.telling(announce), notes.expect(planned.tasks))

    try:
        found = within(request.netns, work)
    except KeyboardInterrupt:
        notes.closed = True
        if not notes.probing:
            raise
        found = Probes(tuple(notes.probing.values()))
    return msgspec.structs.replace(found, left_out=tuple(x.why for x in notes.gaps))


def names_of(netns: str, name: str) -> tuple[Names, Routes]:
    """What a name yields, by source, and how its addresses would be reached. Raises BadInput."""

    def work(env: Env) -> tuple[Names, Routes]:
        found = _names(env, (name,), (name,))
        said = [x.addresses for x in found.lookups] + [x.addresses for x in found.answers]
        known = dict.fromkeys(address for addresses in said for address in addresses)
        return found, Routes(tuple(routes.route(env, x) for x in known))

    return within(netns, work)


def listeners_of(netns: str, ports: Sequence[int]) -> Listeners:
    """The listening sockets of a place with their owners, on these ports or all. Raises OSError and BadInput."""

    def work(env: Env) -> Listeners:
        found = sockets.listeners(env)
        kept = tuple(x for x in found.items if not ports or x.port in ports)
        return sockets.with_owners(msgspec.structs.replace(found, items=kept), env, None)

    return within(netns, work)


def within(netns: str, work: Callable[[Env], T]) -> T:
    """Do `work` in a network namespace; in the caller's own where none is named. Raises KeyboardInterrupt at once."""
    if not netns:
        return apart(lambda: work(real()))[0]
    from dualstack.gather.netns import find, inside

    place = find(netns)
    return inside(place, lambda: work(real(place.place)))


def _observe(env: Env, request: Request, notes: Notebook, announce: Announce) -> None:
    spaces = notes.take(Namespaces, lambda: Namespaces((namespaces.namespace(env),)))
    listeners = notes.take(Listeners, lambda: sockets.listeners(env))
    declared = _declared(env, request, notes)
    question = _asked(env.place, request.question, listeners, spaces.items[0] if spaces else None, declared)
    notes.facts[Question] = question
    notes.facts[Proxies] = proxies(request.environ)
    hosts = _hosts(question.targets)
    bound = names_in(declared) if declared else ()
    asked = hosts if question.probing else ()
    client = question.client
    names = notes.take(Names, lambda: as_taken(as_known(_names(env, (*hosts, *bound), asked), client), client))
    addresses = {x: addresses_of(x, names) for x in question.targets}
    notes.take(Routes, lambda: Routes(tuple(routes.route(env, x) for x in _every(addresses))))
    results = _probed(question, addresses, request.options, notes, announce)
    encrypted = _encrypted(question, results)
    if encrypted != question:
        notes.facts[Question] = question = encrypted
        addresses = {x: addresses_of(x, names) for x in question.targets}
        unverified = msgspec.structs.replace(request.options, insecure=True)
        results = _probed(question, addresses, unverified, notes, announce)
    if results and names:
        notes.take(Probes, lambda: _second_opinion(question, names, results, request.options, announce))
    if results is None or declared or any(map(_is_odd, results.items)):
        _look_closer(env, question, addresses, notes)


def _is_odd(result: ProbeResult) -> bool:
    return bool(MEANINGS[result.outcome].hop or result.larger or round_trip(result) > SLOW)


def _probed(
    question: Question, addresses: Addresses, options: Options, notes: Notebook, announce: Announce
) -> Probes | None:
    if not question.probing:
        notes.facts[Probes] = Missing("Probes", "--no-probe was given")
        return None
    planned = plan(question, addresses)
    notes.gaps.extend(planned.gaps)
    return notes.take(Probes, lambda: run(planned.tasks, options, announce, notes.expect(planned.tasks)))


def _second_opinion(question: Question, names: Names, results: Probes, options: Options, announce: Announce) -> Probes:
    """The results, with those for addresses that another nameserver gives instead of ones that do not answer."""
    dead = {x.task.host for x in results.items if not reached(x.outcome)}
    others = {x: [y.addresses[0] for y in rivals(names, x.host)] for x in question.targets if x.host in dead}
    return Probes((*results.items, *run(plan(question, others).tasks, options, announce).items))


def _encrypted(question: Question, results: Probes | None) -> Question:
    """The question with TLS for the listeners found here that expect it: nobody said which of them do."""
    expecting = {x.task.port for x in results.items if x.outcome is Outcome.TLS_EXPECTED} if results else set()
    if not question.listing or not expecting:
        return question
    targets = (msgspec.structs.replace(x, tls=x.tls or x.port in expecting) for x in question.targets)
    return msgspec.structs.replace(question, targets=tuple(targets))


def _declared(env: Env, request: Request, notes: Notebook) -> Declared | None:
    if not request.config:
        notes.facts[Declared] = Declared()
        return None
    from dualstack.gather.collector_config import declared

    return notes.take(Declared, lambda: declared(request.config, env.read, request.environ, request.collector_version))


def _asked(
    place: str, question: Question, listeners: Listeners | None, space: Namespace | None, declared: Declared | None
) -> Question:
    """The question with the place it is asked from, and with the listeners found there where it names no target."""
    if question.targets:
        return msgspec.structs.replace(question, place=place)
    found = listed(place, listeners, space, declared) or parse_target("localhost")
    targets = tuple(widened(x, space, question.expect) for x in found)
    return msgspec.structs.replace(question, place=place, targets=targets, listing=True)


def _hosts(targets: Iterable[Target]) -> tuple[str, ...]:
    """The names among the targets that a resolver has to answer."""
    return tuple(dict.fromkeys(x.host for x in targets if not x.literal and not x.addresses))


def _names(env: Env, wanted: Iterable[str], asked: Iterable[str]) -> Names:
    """What the C library says of names and, of those asked that the hosts file does not speak of, each nameserver."""
    files = resolver.files(env)
    lookups = tuple(resolver.lookup(env, x) for x in dict.fromkeys(wanted))
    return _asked_dns(env, Names(lookups, (), files), [x for x in asked if not files.hosts_of(x)])


def _asked_dns(env: Env, known: Names, wanted: Sequence[str]) -> Names:
    """The names with what each nameserver answers for those wanted."""
    if not wanted:
        return known
    from dualstack.gather import dns

    answers = tuple(y for x in wanted for y in dns.answers(env, x, known.files, DNS_SECONDS))
    if any(doubtful(answers, x) for x in wanted):
        answers += dns.answers(env, f"{PROBE}.", known.files, DNS_SECONDS, (Family.IPV6.record,))
    return msgspec.structs.replace(known, answers=(*known.answers, *answers))


def _every(addresses: Addresses) -> tuple[str, ...]:
    return tuple(dict.fromkeys(x for found in addresses.values() for x in examined(found)))


def _look_closer(env: Env, question: Question, addresses: Addresses, notes: Notebook) -> None:
    """Owners, packet filters and the other ends on this machine: dear to gather, so only where something is wrong.

    It comes after the probes, for these make the neighbours known that lead from place to place.
    """
    from dualstack.gather import filters
    from dualstack.gather.callers import callers

    notes.take(Callers, lambda: callers(env, addresses))
    declared = notes.facts[Declared]
    ports = {x.port for x in question.targets}
    ports |= ports_of(declared) if isinstance(declared, Declared) else set()
    rulesets = {env.place: filters.ruleset(env)}
    spaces, listeners = notes.facts.get(Namespaces), notes.facts.get(Listeners)
    if isinstance(listeners, Listeners):
        seen = listeners
        listeners = notes.take(Listeners, lambda: sockets.with_owners(seen, env, ports))
    if isinstance(spaces, Namespaces) and isinstance(listeners, Listeners):
        from dualstack.gather.peers import confirmed, peers
        from dualstack.reach.policy import masking
        from dualstack.reach.router import answerable

        known = notes.facts.get(Routes)
        if isinstance(known, Routes):
            notes.take(Routes, lambda: confirmed(env, spaces.items[0], known))
        found = peers(env, spaces.items[0], _every(addresses), ports)
        notes.facts[Namespaces] = Namespaces((*spaces.items, *(x.space for x in found.places)))
        notes.facts[Listeners] = _merged([listeners, *(x.listeners for x in found.places)])
        rulesets |= found.rulesets
        notes.facts[Transits] = answerable(found.transits, env.place, masking(rulesets))
    notes.facts[Filters] = _judged(question, addresses, notes, rulesets, filters.owner(env))
    names = notes.facts[Names]
    if isinstance(names, Names) and question.probing:
        # A name of the hosts file may be another one in the DNS; `localhost` is not asked there (RFC 6761 section 6.3).
        overridden = [x for x in _hosts(question.targets) if x != LOCALHOST and names.files.hosts_of(x)]
        notes.take(Names, lambda: _asked_dns(env, names, overridden))


def _merged(parts: Sequence[Listeners]) -> Listeners:
    """The listeners of several places as one."""
    items = tuple(x for part in parts for x in part.items)
    places = tuple(x for part in parts for x in part.places)
    return Listeners(items, places, all(x.owners_known for x in parts))


def _judged(
    question: Question,
    addresses: Addresses,
    notes: Notebook,
    rulesets: Mapping[str, Ruleset | Missing],
    owner: Owner | None,
) -> Filters:
    """What the packet filters that could be read say of the connections in question."""
    from dualstack.reach.policy import masking
    from dualstack.reach.policy import verdict as judge

    known = {k: v for k, v in rulesets.items() if isinstance(v, Ruleset)}
    notes.gaps.extend(x for x in rulesets.values() if isinstance(x, Missing))
    notes.gaps.extend(gap for x in known.values() for gap in x.gaps)
    snapshot = notes.snapshot()
    looked_at = {target: examined(found) for target, found in addresses.items()}
    asked = packets(question.place, looked_at, snapshot, owner, masking(rulesets))
    return Filters(tuple(judge(known[place], x) for place, x in asked if place in known))
