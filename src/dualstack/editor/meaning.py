"""What an address in a file means: what a listener binds and who can connect, and what a destination leads to."""

from collections.abc import Iterator

import msgspec

from dualstack.model.deployed import Deployments, Sender, Senders
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.source import Location
from dualstack.reach.bind import BindRequest, Bound, accepts_phrase, listen_mark, possible
from dualstack.reach.destination import read
from dualstack.reach.drafts import drafted, there
from dualstack.reach.localhost import LOCALHOST


class Meaning(msgspec.Struct, frozen=True):
    """A place and what is to be said of it, in Markdown."""

    at: Location
    text: str


def meanings(evidence: Snapshot) -> Iterator[Meaning]:
    """Every listener and every destination that has a place."""
    question = evidence.having(Question) or Question()
    for item, endpoint in drafted(evidence.having(Deployments) or Deployments()):
        if endpoint.location:
            yield Meaning(endpoint.location, _listener(endpoint, there(item, question)))
    for sender in (evidence.having(Senders) or Senders()).items:
        yield Meaning(sender.destination.written.at, _destination(sender))


def _listener(endpoint: DeclaredEndpoint, question: Question) -> str:
    """What binding an endpoint gives, line by line where that depends on the host."""
    host, _, port = endpoint.effective.rpartition(":")
    by_name = host == LOCALHOST
    addresses = (f"127.0.0.1:{port}", f"[::1]:{port}") if by_name else (endpoint.effective,)
    requests = (BindRequest(x, endpoint.network, endpoint.call, endpoint.runtime) for x in addresses)
    bound = dict.fromkeys(y for x in requests for y in possible(x, question.cluster) if y.sockets or not by_name)
    outcomes = [endpoint.problem] if endpoint.problem else [_bound(x) for x in bound]
    said = f"**{endpoint.component}** listens on `{endpoint.effective}` ({endpoint.network}, {endpoint.protocol})"
    left_out = "" if endpoint.text else ", which is the default"
    return "\n".join((f"{said}{left_out}", "", *(f"- {x}" for x in outcomes)))


def _bound(bound: Bound) -> str:
    if bound.unknown:
        return f"not known: {bound.unknown}"
    if bound.error:
        return f"fails: `{bound.error}`"
    return "; ".join(f"`{listen_mark(x)}` {accepts_phrase(x)}" for x in bound.sockets) or "starts, and listens nowhere"


def _destination(sender: Sender) -> str:
    sent = sender.destination
    return f"**{sent.owner}** sends to `{sent.value}` ({sent.protocol})\n\n- {_leads(sender)}"


def _leads(sender: Sender) -> str:
    sent = sender.destination
    if sent.unset:
        return f"not known: {' and '.join(f'`{x}`' for x in sent.unset)} has no value here"
    if sender.service:
        at = sender.service.meta.at
        return f"{sender.service.meta.called} in {at.file}:{at.line}"
    reading = read(sent.value, sent.form)
    if reading.loopback:
        return "leads to where it is sent from"
    return f"`{reading.host}` is not in the files" if reading.host else "not known: it cannot be taken apart"
