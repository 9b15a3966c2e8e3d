"""Endpoints of clients that are no address."""

from dualstack.model.address import OTLP_PORTS, Protocol, Target
from dualstack.model.evidence import Evidence
from dualstack.model.exporter import Exporter
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.destination import Reading, is_quoted, read, slashed

_FAULTS = ("DS101", "DS103", "DS119")
"""What is wrong with a text that no client can make an address of."""

_SEVERAL = "DS102"
"""The rule of variables that hold addresses, such as `status.hostIPs`, which are of both families."""


def garbled(exporter: Exporter, said: Evidence) -> tuple[Target, TracedHop] | None:
    """Where a client seems to mean to send to, and the hop at which that ends; None for an address."""
    text = exporter.endpoint.strip()
    whole = exporter.written if "," in text else text
    found, meant = read(text, "url"), read((whole or text).strip().strip("\"'"), "url")
    port = _port(meant, text)
    target = Target(text, meant.host or text, port, OTLP_PORTS.get(port, Protocol.HTTP))
    if found.fault in _FAULTS:
        why = f"`{text}` is no address that a client can use"
        why += ": the quotes are part of the value" if is_quoted(text) else ""
        why += f": it lacks a slash of `{slashed(text)}`" if slashed(text) else ""
        return target, TracedHop(Hop.ENDPOINT, Status.FAIL, why, found.fault, (said,))
    authority = text.partition("://")[2].partition("/")[0]
    if "," in authority and "$" not in authority:
        why = f"`{text}` holds several addresses, and a client takes one"
        return target, TracedHop(Hop.ENDPOINT, Status.FAIL, why, _SEVERAL, (said,))
    return None


def _port(meant: Reading, text: str) -> int:
    """The port that is meant: the one that is written, or that of the scheme."""
    last = text.rpartition(":")[2].rstrip("/") if "," in text else ""
    said = meant.port or last
    if said.isdecimal() and 0 < int(said) < 65536:
        return int(said)
    return {"http": 80, "https": 443}.get(text.partition("://")[0].lower(), 4317)
