"""Endpoints of clients that are no address, and what each client makes of the text."""

from dualstack.model.address import OTLP_PORTS, Protocol, Target
from dualstack.model.evidence import Evidence
from dualstack.model.exporter import Exporter
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.destination import is_quoted, read

_FAULTS = ("DS101", "DS103", "DS119")
"""What is wrong with a text that no client can make an address of."""

_SEVERAL = "DS102"
"""The rule of variables that hold addresses, such as `status.hostIPs`, which are of both families."""


def garbled(exporter: Exporter, said: Evidence) -> tuple[Target, TracedHop] | None:
    """Where a client seems to mean to send to, and the hop at which that ends, or may end; None for an address.

    Of blanks and line breaks at an end, such as a block in YAML has, Go and Java say that the URL is invalid
    (net/url.Parse, java.net.URI); Node.js, Python and .NET cut them off.
    """
    text = exporter.endpoint.strip()
    found, meant = read(text, "url"), read(text.strip("\"'"), "url")
    port = int(meant.port) if meant.port.isdecimal() and int(meant.port) < 65536 else 4317
    target = Target(text, meant.host or text, port, OTLP_PORTS.get(port, Protocol.HTTP))
    if found.fault in _FAULTS:
        why = f"`{text}` is no address that a client can use"
        why += ": the quotes are part of the value" if is_quoted(text) else ""
        return target, TracedHop(Hop.ENDPOINT, Status.FAIL, why, found.fault, (said,))
    authority = text.partition("://")[2].partition("/")[0]
    if "," in authority and "$" not in authority:
        why = f"`{text}` holds several addresses, and a client takes one"
        return target, TracedHop(Hop.ENDPOINT, Status.FAIL, why, _SEVERAL, (said,))
    if text != exporter.endpoint:
        why = f"`{text}` has a blank or a line break at an end, which Go and Java refuse and others cut off"
        return target, TracedHop(Hop.ENDPOINT, Status.UNKNOWN, why, "", (said,))
    return None
