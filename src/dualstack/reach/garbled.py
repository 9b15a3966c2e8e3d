"""Endpoints of clients that are no address."""

from msgspec.structs import replace

from dualstack.model.address import OTLP_PORTS, Protocol, Target, is_address
from dualstack.model.evidence import Evidence
from dualstack.model.exporter import Exporter
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.destination import Reading, is_quoted, read, slashed
from dualstack.reach.redacted import is_redacted
from dualstack.reach.unbracketed import bracketed

_FAULTS = ("DS101", "DS103", "DS119")
"""What is wrong with a text that no client can make an address of."""

_SEVERAL = "DS102"
"""The rule of variables that hold addresses, such as `status.hostIPs`, which are of both families."""
SCHEMELESS, FOREIGN, NAMING, UNSPOKEN, LISTED = "schemeless", "foreign-scheme", "naming", "unspoken", "listed"
"""Marks of an endpoint without a scheme, with another one, or over HTTP with one of gRPC, and of a protocol that is
none, where that is not taken; and of several endpoints that somebody wrote.

A Collector does not over HTTP (runs of 0.139 and 0.161); for Java see opentelemetry-java, OtlpConfigUtil.
"""
_KNOWN, _RESOLVERS = ("http", "https"), ("dns", "passthrough", "xds", "unix", "ipv4", "ipv6", "vsock")
"""Schemes of OTLP, and those of gRPC itself, which some SDKs hand on (grpc/doc/naming.md)."""
SCHEME = "Write `http://` in its place, for gRPC as well, or `https://` where the receiver takes TLS."
"""What to do about another scheme."""
WHOLE = "Write `http://HOST:PORT` in its place, or `https://HOST:PORT` where the receiver takes TLS."
"""What to do about a target of gRPC."""
_NAMINGS = ("dns", "passthrough", "xds")


def garbled(exporter: Exporter, said: Evidence) -> tuple[Target, TracedHop] | None:
    """Where a client seems to mean to send to, and the hop at which that ends; None for an address."""
    text = exporter.endpoint.strip()
    found, target = read(text, "url"), seeming(exporter)
    if found.fault in _FAULTS:
        variable = bracketed(exporter.written)[1] if found.fault == "DS101" else ""
        why = f"`{exporter.written if variable else text}` is no address that a client can use"
        why += f": the address in `{variable}` has colons, and no brackets around it" if variable else ""
        why += ": the quotes are part of the value" if is_quoted(text) else ""
        why += f": it lacks a slash of `{slashed(text)}`" if slashed(text) else ""
        return target, TracedHop(Hop.ENDPOINT, Status.FAIL, why, found.fault, (said,))
    why, mark = _refused(exporter, text)
    if why:
        spoken = exporter.target.protocol if exporter.target else target.protocol
        return replace(target, protocol=spoken), TracedHop(Hop.ENDPOINT, Status.FAIL, why, mark, (said,))
    authority = text.partition("://")[2].partition("/")[0]
    if ("," in authority and "$" not in authority) or ",http" in text:
        why = f"`{text}` holds several addresses, and a client takes one"
        mark = _SEVERAL if _is_of_fields(exporter, authority) else LISTED
        return target, TracedHop(Hop.ENDPOINT, Status.FAIL, why, mark, (said,))
    return None


def _is_of_fields(exporter: Exporter, authority: str) -> bool:
    """Whether a variable gave several plain addresses, as `status.hostIPs` and `status.podIPs` do."""
    before = authority.split(",")[:-1]
    return "$" in exporter.written and bool(before) and all(is_address(x.strip("[")) for x in before)


def seeming(exporter: Exporter) -> Target:
    """Where a client seems to mean to send to whose endpoint may be no address."""
    text = exporter.endpoint.strip()
    whole, first = exporter.written if "," in text else text, read(text.partition(",")[0], "url")
    form = "grpc" if is_naming(text) else "url"
    found = first if "," in text and first.port else read((whole or text).strip().strip("\"'"), form)
    port = _port(found, text)
    return Target(text, found.host or text, port, OTLP_PORTS.get(port, Protocol.HTTP))


def _refused(exporter: Exporter, text: str) -> tuple[str, str]:
    """Why the program that exports takes no such endpoint or protocol, and the mark of that; both empty for others."""
    over_http = exporter.protocol == "http/protobuf" and exporter.configured
    if is_naming(text) and exporter.protocol.startswith("http/"):
        return named(exporter), NAMING
    if "://" not in text and over_http:
        return unschemed(exporter), SCHEMELESS
    if exporter.java and (scheme := _scheme(text)) not in ("", *_KNOWN):
        return f"`{scheme}://` is no scheme that the Java agent takes: it wants `http://` or `https://`", FOREIGN
    if "://" not in text and exporter.java:
        return (
            f"`{text}` has no scheme, and the Java agent takes no endpoint without `http://` or `https://`",
            SCHEMELESS,
        )
    if exporter.unspoken and exporter.java and not is_redacted(exporter.protocol):
        return f"`{exporter.protocol}` is no protocol of OTLP, and the Java agent does not start with it", UNSPOKEN
    return "", ""


def is_naming(endpoint: str) -> bool:
    """Whether an endpoint is a target of gRPC that says how its name is looked up (grpc/doc/naming.md)."""
    return read(endpoint.strip(), "url").scheme in _NAMINGS


def named(exporter: Exporter) -> str:
    """Why nothing is exported over HTTP to such an endpoint (Go: unsupported protocol scheme)."""
    return f"`{exporter.endpoint.strip()}` has a scheme of gRPC, which no exporter over HTTP knows"


def unschemed(exporter: Exporter) -> str:
    """Why a Collector exports nothing over HTTP to an endpoint without a scheme."""
    without = "has no scheme, and nothing is exported over HTTP without one: unsupported protocol scheme"
    return f"`{exporter.endpoint.strip()}` {without}"


def _port(meant: Reading, text: str) -> int:
    """The port that is meant: the one that is written, or that of the scheme."""
    last = text.rpartition(":")[2].rstrip("/") if "," in text and not meant.port else ""
    said = meant.port or last
    if said.isdecimal() and 0 < int(said) < 65536:
        return int(said)
    return {"http": 80, "https": 443}.get(text.partition("://")[0].lower(), 4317)


def foreign(exporter: Exporter) -> str:
    """The scheme of an endpoint of an SDK that is none of OTLP, nor one of gRPC itself; empty for others.

    OpenTelemetry specification, OTLP exporter configuration: `http` or `https`, which say whether there is TLS.
    """
    scheme = "" if exporter.configured else _scheme(exporter.endpoint.strip())
    return scheme if scheme not in (*_KNOWN, *_RESOLVERS) else ""


def _scheme(text: str) -> str:
    """The scheme of a URL in lower case; empty where a variable stands for it."""
    scheme, found, _ = text.partition("://")
    return scheme.lower() if found and scheme.isalnum() else ""
