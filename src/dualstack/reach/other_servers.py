"""Words for what answers on a port and is no OTLP receiver: summary, detail and hint."""

from dualstack.model.address import Protocol
from dualstack.model.probe import Outcome, ProbeResult
from dualstack.model.sockets import Process
from dualstack.model.trace import Hop, Status, Trace
from dualstack.reach.answers import url

SAID = {
    Outcome.NOT_OTLP: ("No OTLP receiver answers on port {port}", "A well-formed answer came, and it is no OTLP."),
    Outcome.SILENT: ("Port {port} accepts and stays silent", "The connection was accepted, and {said}."),
    Outcome.CLOSED: ("Port {port} accepts and closes", "The connection was accepted and closed without an answer."),
    Outcome.GARBAGE: ("Port {port} speaks another protocol", "The answer is neither HTTP/1 nor HTTP/2."),
    Outcome.ENDLESS: ("The answer on port {port} never ends", "More came than any OTLP answer holds."),
}
"""Summary and detail by how an export ended."""
_LATER = ("HTTP 502", "HTTP 503", "HTTP 504")
"""Answers after which exporters try again (OTLP specification, OTLP/HTTP response, retryable response codes)."""


def resumed(halted: Process) -> tuple[str, str, str]:
    """The words for a receiver that does not run, and how to let it."""
    what = f"Process {halted.pid} (`{halted.name}`) holds the port, and a signal or a debugger has stopped it."
    detail = f"{what} The kernel goes on taking connections for it, and nothing answers them."
    return f"`{halted.name}` is stopped", detail, f"Let it go on with `kill -CONT {halted.pid}`, or start it again."


def stranger(trace: Trace, result: ProbeResult, owner: str) -> tuple[str, str, str]:
    """The words for a server that answered an export in one of the ways in `SAID`; `owner` holds the port."""
    port, said = trace.target.port, result.detail or "nothing was answered"
    summary, detail = (x.format(port=port, said=said) for x in _said(result))
    who = f" `{owner}` holds the port." if owner else f" It calls itself `{result.server}`." if result.server else ""
    status = f" Its status is `{result.status}`." if result.status else ""
    where = f" It redirects to `{result.detail}`." if _redirects(result) and _place(result) else ""
    return summary, f"{detail}{status}{where}{who}", _hint(trace, result, owner)


def _said(result: ProbeResult) -> tuple[str, str]:
    """Summary and detail; clients know what some answers mean that are no OTLP."""
    if _redirects(result):
        return "Port {port} redirects exports", "The answer is a redirect."
    if result.outcome is Outcome.NOT_OTLP and result.status in _LATER:
        return f"Port {{port}} answers `{result.status}`", "That says that exports are not taken now."
    return SAID[result.outcome]


def _redirects(result: ProbeResult) -> bool:
    return result.status.startswith("HTTP 3")


def _place(result: ProbeResult) -> str:
    """Where a redirect leads; empty where the answer does not say it."""
    return result.detail if " " not in result.detail else ""


def _hint(trace: Trace, result: ProbeResult, owner: str) -> str:
    port = trace.target.port
    if "UNIMPLEMENTED" in result.status:
        return "Send to the gRPC port of an OTLP receiver: this gRPC server has no service for traces, metrics or logs."
    if _redirects(result):
        return "Set the client's endpoint to where it redirects, without the `/v1/traces`: exporters do not follow it."
    if trace.target.path and result.outcome is Outcome.NOT_OTLP:
        return f"Check the path `{trace.target.path}`: exporters add `/v1/traces` to it."
    lacks = result.status == "HTTP 404" and trace.protocol is Protocol.HTTP
    below = f" Where a proxy serves it below a path, send to `{url(trace.target)}/PATH`." if lacks else ""
    behind = _behind(trace)
    if behind and result.status in _LATER:
        return f"See in the log of the {behind} why it answers so."
    if owner:
        return f"Check that `{owner}` is meant to be the receiver, and that port {port} is its OTLP port.{below}"
    where = f"on the machine that holds `{trace.addresses[0]}`, or look at the proxy"
    look = f"See in the log of the {behind} what listens on port {trace.port}, or lead to an OTLP receiver"
    return f"{look}.{below}" if behind else f"Run `ss -tlnp 'sport = :{port}'` {where}.{below}"


def _behind(trace: Trace) -> str:
    """Words for the pods at the end of a flow; no machine holds the address of a Service."""
    pods = "pods behind the Service" * (trace.at(Hop.SERVICE).status is Status.PASS)
    return trace.server if trace.server.startswith("pod ") else pods
