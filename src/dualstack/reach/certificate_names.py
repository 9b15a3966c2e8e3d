"""The names that a certificate is for, and those that clients may ask for."""

from collections.abc import Sequence

from dualstack.model.address import canonical, is_address
from dualstack.model.probe import Certificate
from dualstack.model.trace import Trace


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
