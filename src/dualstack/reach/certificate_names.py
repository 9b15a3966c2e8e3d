"""The names that a certificate is for, and those that clients may ask for."""

from collections.abc import Sequence

from dualstack.model.address import canonical, is_address
from dualstack.model.probe import Certificate
from dualstack.model.trace import Hop, Trace
from dualstack.reach.trace import IN_FRONT


def holds(certificate: Certificate, host: str) -> bool:
    """Whether a certificate is for a host (RFC 9525 section 6.3); a wildcard stands for the first label alone."""
    if is_address(host):
        return canonical(host) in map(canonical, certificate.addresses)
    asked = host.lower().rstrip(".")
    rest = asked.partition(".")[2]
    return any(x.lower() in (asked, f"*.{rest}" if rest else asked) for x in certificate.names)


def names_of(trace: Trace) -> Sequence[str]:
    """How clients may call the host of a flow: a Service by fewer labels, and with the domain of any cluster."""
    host = trace.target.host
    labels = host.split(".")
    shorter = (".".join(labels[: x + 1]) for x in range(len(labels)))
    return (*shorter, f"{host}.cluster.local", trace.asked, *trace.addresses)


def instead(trace: Trace, asked: str, certificate: Certificate | None) -> str:
    """What else a client could do that asks for a name or an address which a certificate lacks; empty for nothing.

    It could verify another name; gRPC clients can keep the address they connect to.
    """
    if trace.at(Hop.ENDPOINTS).mark == IN_FRONT:
        return ": of an Ingress the one that `spec.tls` names, of a Gateway that of its listener"
    names = [x for x in certificate.names if "*" not in x] if certificate else []
    if not names:
        return ""
    called = asked.lower().rstrip(".")
    if not is_address(asked) and not called.startswith(f"{trace.target.host}.") and called not in names_of(trace):
        return f", or set `tls.server_name_override` of the client to `{names[0]}`"
    override = " (or set `tls.server_name_override` to it)" if is_address(asked) else ""
    return f", or send to `{next((x for x in names if x.startswith(f'{asked}.')), names[0])}`{override}"
