"""Which probes to make: a pure function from the question and the addresses of its targets."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dualstack.model.address import BOTH, Protocol, Target, family
from dualstack.model.evidence import Missing
from dualstack.model.probe import ProbeTask
from dualstack.model.question import Question
from dualstack.reach.required import CAP, examined


class Plan(msgspec.Struct, frozen=True):
    """The probes to make, in the order of targets and addresses, and what the cap leaves out."""

    tasks: tuple[ProbeTask, ...] = ()
    gaps: tuple[Missing, ...] = ()


def plan(question: Question, addresses: Mapping[Target, Sequence[str]]) -> Plan:
    """One probe for each address of each target, none twice; nothing for UDP, which answers nobody it does not know."""
    targets = [x for x in question.targets if x.protocol is not Protocol.UDP] if question.probing else []
    kept = {target: examined(addresses.get(target, ())) for target in targets}
    tasks = dict.fromkeys(_task(target, address) for target in targets for address in kept[target])
    gaps = dict.fromkeys(gap for target in targets for gap in _gaps(target, addresses.get(target, ())))
    return Plan(tuple(tasks), tuple(gaps))


def _task(target: Target, address: str) -> ProbeTask:
    return ProbeTask(address, target.port, target.protocol, target.host, target.tls, target.path)


def _gaps(target: Target, addresses: Sequence[str]) -> Iterable[Missing]:
    for wanted in BOTH:
        found = len({x for x in addresses if family(x) is wanted})
        if found > CAP:
            why = f"{target.host} has {found} {wanted.title} addresses; only the first {CAP} were probed"
            yield Missing(needs="Probes", why=why)
