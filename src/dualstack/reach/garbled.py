"""Endpoints of clients that are no address, and what each client makes of the text."""

from collections.abc import Iterator

from dualstack.model.address import OTLP_PORTS, Protocol, Target
from dualstack.model.evidence import Evidence
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.trace import Disposition, Hop, Status, TracedHop, Traces
from dualstack.reach.destination import Reading, is_quoted, read
from dualstack.reach.live import families_of, keys
from dualstack.reach.terms import UNSAID

_FAULTS = ("DS101", "DS103", "DS119")
"""What is wrong with a text that no client can make an address of."""

_SEVERAL = "DS102"
"""The rule of variables that hold addresses, such as `status.hostIPs`, which are of both families."""


BLANK = "blank"
"""Mark of the hop `endpoint`: blanks or line breaks at an end of it."""
_PLAIN = "Write `http://` before it, or set `OTEL_EXPORTER_OTLP_INSECURE=true`, where the receiver has no TLS."


def garbled(exporter: Exporter, said: Evidence) -> tuple[Target, TracedHop] | None:
    """Where a client seems to mean to send to, and the hop at which that ends, or may end; None for an address.

    Of blanks and line breaks at an end, such as a block in YAML has, Go and Java say that the URL is invalid
    (net/url.Parse, java.net.URI); Node.js, Python and .NET cut them off.
    """
    text = exporter.endpoint.strip()
    whole = exporter.written if "," in text else text
    found, meant = read(text, "url"), read((whole or text).strip().strip("\"'"), "url")
    port = _port(meant, text)
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
        return target, TracedHop(Hop.ENDPOINT, Status.UNKNOWN, why, BLANK, (said,))
    return None


def _port(meant: Reading, text: str) -> int:
    """The port that is meant: the one that is written, or that of the scheme."""
    last = text.rpartition(":")[2].rstrip("/") if "," in text else ""
    said = meant.port or last
    if said.isdecimal() and 0 < int(said) < 65536:
        return int(said)
    return {"http": 80, "https": 443}.get(text.partition("://")[0].lower(), 4317)


def unsafe(traces: Traces) -> Iterator[tuple[str, Finding]]:
    """One finding, with its code, for each endpoint of which clients make different things."""
    for code, hop, why, summary, hint in (
        (
            "DS119",
            Hop.ENDPOINT,
            "",
            "A blank ends the endpoint",
            "Leave it out: in YAML with `|-` in the place of `|`.",
        ),
        ("DS902", Hop.HANDSHAKE, UNSAID, "The endpoint says nothing of TLS", _PLAIN),
    ):
        open_ = [x for x in traces.items if x.required and x.disposition is Disposition.INSUFFICIENT_INFO]
        flows = [x for x in open_ if (x.at(hop).mark == BLANK if not why else x.at(hop).why == why)]
        for said in dict.fromkeys(x.at(hop).why for x in flows):
            mine = [x for x in flows if x.at(hop).why == said]
            yield (
                code,
                Finding(
                    summary=summary,
                    detail=f"{said[:1].upper()}{said[1:]}.",
                    hint=hint,
                    severity=Severity.WARNING,
                    confidence=Confidence.DECLARED,
                    families=families_of(mine),
                    evidence=tuple(dict.fromkeys(y for x in mine for y in x.at(hop).evidence)),
                    flows=keys(mine),
                    causes=(),
                ),
            )
