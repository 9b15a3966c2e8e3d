"""The only place that joins the parts; read this first.

    gather  ->  snapshot  ->  probe  ->  predict (traces)  ->  rules (findings)  ->  diagnosis

A question goes in, a diagnosis comes out. Evidence that cannot be had becomes `Missing`, with the reason; the rules
that need it are skipped and named.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from dualstack.gather import namespaces, resolver, routes, sockets
from dualstack.gather.env import Env, real
from dualstack.model.address import Target
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.evidence import Missing
from dualstack.model.host import Namespace, Namespaces, Routes
from dualstack.model.names import DnsAnswer, Names
from dualstack.model.otel import Declared
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners
from dualstack.model.target import parse_target
from dualstack.probe.plan import plan
from dualstack.probe.run import Options
from dualstack.reach.listing import listed, widened
from dualstack.reach.predict import predict
from dualstack.reach.required import addresses_of
from dualstack.reach.verdict import verdict
from dualstack.rules.registry import Rule, evaluate, rules

T = TypeVar("T")
Announce = Callable[[ProbeTask], None]
DNS_TIMEOUT = 2.0
"""Seconds for one nameserver to answer one query; resolv.conf(5) waits 5, and asks twice."""


class Request(msgspec.Struct, frozen=True):
    """One call for a diagnosis: the question, where to look from, and what the probes may use.

    `netns` is a name, path or process id as typed, empty for this process's own network namespace; `config` a
    Collector configuration file, with `environ` for its variables; `chosen` the rules to run, None for all.
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

    def __init__(self) -> None:
        """Begin with nothing."""
        self.facts: dict[type, object] = {}
        self.gaps: list[Missing] = []

    def take(self, kind: type[T], gather: Callable[[], T]) -> T | None:
        """Note what `gather` gives, or why the system refused."""
        try:
            found = gather()
        except OSError as error:
            self.facts[kind] = Missing(kind.__name__, error.strerror or str(error))
            return None
        self.facts[kind] = found
        return found

    def snapshot(self) -> Snapshot:
        """Everything so far, as a value."""
        return Snapshot(dict(self.facts), tuple(self.gaps))


def diagnose(request: Request, announce: Announce = lambda _: None) -> Diagnosis:
    """Gather, probe, predict and judge. Raises BadNamespace and BadConfig for what cannot be read."""
    notes = Notebook()
    notes.facts[Question] = request.question
    interrupted = False
    try:
        within(request.netns, lambda env: _observe(env, request, notes, announce))
    except KeyboardInterrupt:
        interrupted = True
    return conclude(notes.snapshot(), request.chosen, interrupted=interrupted)


def within(netns: str, work: Callable[[Env], T]) -> T:
    """Do `work` in a network namespace; in the caller's own where none is named."""
    if not netns:
        return work(real())
    from dualstack.gather.netns import find, inside

    space = find(netns)
    return inside(space, lambda: work(real(space.place)))


def conclude(snapshot: Snapshot, chosen: Sequence[Rule] | None = None, *, interrupted: bool = False) -> Diagnosis:
    """The diagnosis that the evidence allows: a pure function, so a stored snapshot gives the same answer."""
    question = snapshot.having(Question) or Question()
    traces = predict(snapshot)
    findings, skipped = evaluate(snapshot.adding(traces), rules() if chosen is None else chosen)
    cut = interrupted or any(x.outcome is Outcome.CANCELLED for x in _results(snapshot))
    return Diagnosis(question, verdict(traces), traces.items, findings, skipped, cut)


def probe(request: Request, announce: Announce = lambda _: None) -> Probes:
    """The probes of the request's targets, and nothing else. Raises BadInput for a namespace that cannot be entered."""

    def work(env: Env) -> Probes:
        targets = request.question.targets
        names = {x.host: resolver.lookup(env, x.host) for x in targets if not x.literal}
        known = Names(tuple(names.values()))
        from dualstack.probe.run import run

        return run(plan(request.question, {x: addresses_of(x, known) for x in targets}).tasks, request.options, announce)

    return within(request.netns, work)


def listeners_of(netns: str, ports: Sequence[int]) -> Listeners:
    """The listening sockets of a place with their owners, on these ports or all. Raises OSError and BadInput."""

    def work(env: Env) -> Listeners:
        found = sockets.listeners(env)
        kept = tuple(x for x in found.items if not ports or x.port in ports)
        return sockets.with_owners(msgspec.structs.replace(found, items=kept), env, None)

    return within(netns, work)


def _results(snapshot: Snapshot) -> Sequence[ProbeResult]:
    probes = snapshot.having(Probes)
    return probes.items if probes else ()


def _observe(env: Env, request: Request, notes: Notebook, announce: Announce) -> None:
    spaces = notes.take(Namespaces, lambda: Namespaces((namespaces.namespace(env),)))
    listeners = notes.take(Listeners, lambda: sockets.listeners(env))
    declared = _declared(env, request, notes)
    space = spaces.items[0] if spaces else None
    question = _asked(env.place, request.question, listeners, space, declared)
    notes.facts[Question] = question
    names = _names(env, question, notes)
    addresses = {x: addresses_of(x, names) for x in question.targets}
    every = tuple(dict.fromkeys(a for found in addresses.values() for a in found))
    notes.take(Routes, lambda: Routes(tuple(routes.route(env, x) for x in every)))
    if listeners:
        ports = {x.port for x in question.targets}
        listeners = notes.take(Listeners, lambda: sockets.with_owners(listeners, env, ports))
    _probe(question, addresses, request.options, notes, announce)
    _look_across(env, every, {x.port for x in question.targets}, notes)


def _look_across(env: Env, destinations: Sequence[str], ports: set[int], notes: Notebook) -> None:
    """Add the places on this machine that hold addresses of the targets: after the probes, for these make the neighbours known."""
    spaces, listeners = notes.facts.get(Namespaces), notes.facts.get(Listeners)
    if not isinstance(spaces, Namespaces) or not isinstance(listeners, Listeners):
        return
    from dualstack.gather.peers import peers

    for space, held in peers(env, spaces.items[0], destinations, ports):
        spaces = Namespaces((*spaces.items, space))
        listeners = merged(listeners, held)
    notes.facts[Namespaces], notes.facts[Listeners] = spaces, listeners


def merged(*parts: Listeners) -> Listeners:
    """The listeners of several places as one."""
    return Listeners(
        tuple(x for part in parts for x in part.items),
        tuple(x for part in parts for x in part.places),
        all(x.owners_known for x in parts),
    )


def _declared(env: Env, request: Request, notes: Notebook) -> Declared | None:
    if not request.config:
        notes.facts[Declared] = Missing("", "")
        return None
    from dualstack.gather.collector_config import declared

    found = declared(request.config, env.read, request.environ, request.collector_version)
    notes.facts[Declared] = found
    return found


def _asked(
    place: str, question: Question, listeners: Listeners | None, space: Namespace | None, declared: Declared | None
) -> Question:
    """The question with the place it is asked from, and with the listeners found there where it names no target."""
    if question.targets:
        return msgspec.structs.replace(question, place=place)
    found = listed(place, listeners, space, declared) or parse_target("localhost")
    targets = tuple(widened(x, space, question.expect) for x in found)
    return msgspec.structs.replace(question, place=place, targets=targets, listing=True)


def _names(env: Env, question: Question, notes: Notebook) -> Names | None:
    wanted = tuple(dict.fromkeys(x.host for x in question.targets if not x.literal and not x.addresses))
    files = resolver.files(env)
    lookups = tuple(resolver.lookup(env, x) for x in wanted)
    answers: list[DnsAnswer] = []
    asked = [x for x in wanted if x != "localhost" and not files.hosts_of(x)]
    if asked and question.probing:
        from dualstack.gather import dns

        for name in asked:
            answers.extend(dns.answers(env, name, files, DNS_TIMEOUT))
    return notes.take(Names, lambda: Names(lookups, tuple(answers), files))


def _probe(
    question: Question, addresses: dict[Target, tuple[str, ...]], options: Options, notes: Notebook, announce: Announce
) -> None:
    if not question.probing:
        notes.facts[Probes] = Missing("Probes", "--no-probe was given")
        return
    from dualstack.probe.run import run

    planned = plan(question, addresses)
    notes.gaps.extend(planned.gaps)
    notes.take(Probes, lambda: run(planned.tasks, options, announce))
