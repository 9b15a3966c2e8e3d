"""What the clients in question see of their targets, and in which words that is said."""

import re
from collections.abc import Collection, Iterator

from msgspec.structs import replace

from dualstack.model.address import Family, Protocol, family, join
from dualstack.model.client import Attempt, Callers, Outlook, Proxies
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Severity
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Client, Question
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.client import outlook
from dualstack.reach.dial import ACCEPTED
from dualstack.reach.proxy import diverted, variable

BREAKS_THE_WAY = (
    *("DS201", "DS202", "DS203", "DS204", "DS205", "DS206", "DS207", "DS208", "DS209", "DS210", "DS211", "DS212"),
    *("DS213", "DS215", "DS217", "DS301", "DS302", "DS303", "DS304", "DS305", "DS306", "DS404", "DS405", "DS409"),
    *("DS702", "DS906"),
)
"""The rules that say why an address is dead; a client that minds is their symptom."""

_FATES = {"refused": "refuses", "timed_out": "does not answer", "no_route": "cannot be reached", ACCEPTED: "answers"}


def outlooks(
    traces: Traces,
    question: Question,
    names: Names | None,
    routes: Routes | None,
    probes: Probes | None,
    callers: Callers | None,
) -> tuple[Outlook, ...]:
    """One for each target of the named client, else for each client that was found; none for sockets found here."""
    found = []
    for target in question.targets:
        if target.addresses or target.protocol not in (Protocol.GRPC, Protocol.HTTP):
            continue
        mine = [x for x in traces.items if x.target == target]
        seen = [x for x in callers.items if x.target == target] if callers and not question.client else []
        asked = [(question.client, None)] if question.client else [(x.client, x) for x in seen]
        views = ((outlook(target, client, mine, names, routes, probes), caller) for client, caller in asked)
        deaf = tuple(y for x in mine if _is_deaf(x) for y in x.addresses)
        found += [replace(view, caller=caller, deaf=deaf) for view, caller in views if view]
    return tuple(found)


def _is_deaf(trace: Trace) -> bool:
    """Whether a connection comes about and takes no export of any signal."""
    return trace.failing is not None and trace.failing.hop in (Hop.HANDSHAKE, Hop.EXPORT) and not trace.signals


def through_proxies(views: Collection[Outlook], said: Proxies) -> tuple[Outlook, ...]:
    """The same, with the variable of this environment that sends a named client to a proxy instead.

    A client that was found has a connection to the target itself.
    """
    return tuple(x if x.caller else replace(x, proxy=_proxy(x, said)) for x in views)


def _proxy(view: Outlook, said: Proxies) -> str:
    found = diverted(view.target, said, view.client)
    return variable(view.target, said, found) if found else ""


def failed(view: Outlook) -> tuple[Attempt, ...]:
    """The attempts that get the client nowhere, before it connects."""
    return tuple(x for x in view.dialled.attempts if x.outcome != ACCEPTED) if view.dialled else ()


def flows(traces: Traces, view: Outlook, addresses: Collection[str]) -> tuple[Trace, ...]:
    """The traces of a client's target that lead to these addresses."""
    return tuple(x for x in traces.items if x.target == view.target and set(addresses).intersection(x.addresses))


def untried(traces: Traces, view: Outlook) -> tuple[Trace, ...]:
    """The required flows that the client never tries."""
    return tuple(x for x in traces.broken if x.target == view.target and x.disposition is Disposition.NOT_TRIED)


def evidence(view: Outlook) -> tuple[Evidence, ...]:
    """The process where one was found, and how such a client dials."""
    layer = Layer.DECLARED
    tried = ", ".join(view.order) or "none of the addresses"
    known = Evidence(f"{view.client.runtime} tries {tried}", "knowledge of client runtimes", layer)
    caller = view.caller
    if caller is None:
        return (known,)
    words = " ".join(caller.process.command) or caller.process.name
    more = f"; {caller.more} more like it" if caller.more else ""
    where = join(caller.address, view.target.port)
    seen = Evidence(f"pid {caller.process.pid}, `{words}`: {caller.state} to {where}{more}", "sock_diag and /proc")
    return (seen, known)


def confidence(view: Outlook) -> Confidence:
    """What is said of a client rests on a run of such a client, or on its source alone."""
    if not view.verified:
        return Confidence.INFERRED
    return Confidence.OBSERVED if view.caller else Confidence.DECLARED


def severity(*, lost: bool) -> Severity:
    """A client that loses a flow which it needs fails; any other one stalls, or can fail."""
    return Severity.ERROR if lost else Severity.WARNING


def spelled(client: Client) -> str:
    """`node@18.1`, as the user writes it."""
    version = ".".join(map(str, client.version))
    return f"{client.runtime}@{version}" if version else client.runtime


def subject(view: Outlook) -> str:
    """The client at the start of a sentence."""
    title = re.sub("^(the|a) ", lambda x: x[0].capitalize(), view.title)
    return f"`{view.caller.process.name}` ({view.title})" if view.caller else title


def wait(milliseconds: int) -> str:
    """`300 ms`, `10 s`."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds // 1000} s"


def sentence(view: Outlook) -> str:
    """What the client does with the target, in one sentence; a second one where no run has shown it."""
    if view.proxy:
        away = f"sends to the proxy of {view.proxy} what is for `{view.target.host}`"
        return f"{subject(view)} {away}; what becomes of it there is not known."
    shown = "" if view.verified else " This is from its source, not from a run."
    lost = "; exports fail there" if view.dialled and view.dialled.connected in view.deaf else ""
    return f"{subject(view)} {_does(view)}{lost}.{shown}"


def _does(view: Outlook) -> str:
    if not view.order:
        return "can use none of the addresses"
    first, dialled = view.order[0], view.dialled
    if dialled is None:
        return f"tries `{first}` first; what answers it is not known"
    if view.strategy == "every" and len(view.order) > 1:
        return f"connects to every address at once: {', '.join(_fates(view))}"
    opening = f"tries `{first}`, its only address" if len(view.order) == 1 else f"tries `{first}` first"
    if dialled.connected == first:
        return f"{opening}, and connects at once"
    fate = "answers too late" if first in view.answering else _FATES[dialled.attempts[0].outcome]
    opening += f", which {fate}"
    if dialled.waited is not None:
        after = f"after {wait(dialled.waited)}" if dialled.waited else "at once"
        return f"{opening}, and has `{dialled.connected}` {after}"
    kept = [x for x in view.answering if x in dialled.not_tried or view.strategy == "shared"]
    return f"{opening}, and never gets to `{kept[0]}`" if kept else f"{opening}, and gets no connection"


def _fates(view: Outlook) -> Iterator[str]:
    said = {x.address: _FATES[x.outcome] for x in view.dialled.attempts} if view.dialled else {}
    return (f"`{x}` {said[x]}" for x in view.order if x in said)


def never(view: Outlook, lost: tuple[Trace, ...]) -> str:
    """What a client never tries, and what it uses instead."""
    what = ", ".join(f"`{x}`" for trace in lost for x in trace.addresses)
    if failed(view):
        return f"{sentence(view)} So {what} is never tried."
    used = f"It uses `{view.order[0]}` alone." if view.order else "It can use none of them."
    return f"{subject(view)} never tries {what} of `{view.target.endpoint}`. {used}"


def advice(view: Outlook) -> str:
    """How to give a client an address that it can use."""
    if not view.order:
        return "Give this client an IPv4 address or a name that has one, or let it use IPv6."
    kinds = {family(x) for x in view.answering}
    if len(kinds) != 1:
        return "Give this client the address to use, or take one that dials the addresses side by side."
    title = Family.title.fget(next(iter(kinds)))  # type: ignore[attr-defined]
    return f"Repair the dead address, or give this client a name or address that is {title} alone."
