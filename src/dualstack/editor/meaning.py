"""What an address in a file means: what a listener binds and who can connect, and what a destination leads to."""

from collections.abc import Iterator

import msgspec

from dualstack.model.source import Location
from dualstack.model.understood import Endpoint, Leads, Understood
from dualstack.reach.cases import sentence


class Meaning(msgspec.Struct, frozen=True):
    """A place and what is to be said of it, in Markdown."""

    at: Location
    text: str


def meanings(known: Understood) -> Iterator[Meaning]:
    """Every listener and every destination that has a place."""
    for endpoint in (*(y for x in known.configurations for y in x.endpoints), *known.others):
        if endpoint.location:
            yield Meaning(endpoint.location, _listener(endpoint))
    for leads in known.destinations:
        yield Meaning(leads.location, _destination(leads))


def _listener(endpoint: Endpoint) -> str:
    """What binding an endpoint gives, line by line where that depends on the host."""
    left_out = "" if endpoint.written else ", which is the default"
    spoken = ", ".join(dict.fromkeys(filter(None, (endpoint.network, endpoint.protocol))))
    said = f"listens on `{endpoint.address}` ({spoken}){left_out}"
    return "\n".join((f"**{endpoint.component}** {said}", "", *(f"- {sentence(x)}" for x in endpoint.cases)))


def _destination(leads: Leads) -> str:
    return f"**{leads.owner}** sends to `{leads.value}` ({leads.protocol})\n\n- leads to {leads.leads}"
