"""What can be said of a destination behind a router that nobody could reach."""

from dualstack.model.address import Family
from dualstack.model.host import Route
from dualstack.model.probe import Probes
from dualstack.model.trace import Trace
from dualstack.reach.hint import inside


def beyond(trace: Trace, route: Route, probes: Probes | None) -> tuple[str, str, str]:
    """Summary, detail and hint for a flow that ended in an ICMP error, or at a router that does not answer.

    A late ENETUNREACH is "no route" of ICMP (knowledge/connect_errors.table); EHOSTUNREACH may also be the sender's own
    word, when the router's link address cannot be had (RFC 4861 section 7.2.2). traceroute(8) and tracepath(8) show the
    first as `!N`.
    """
    address, place, option = trace.addresses[0], trace.vantage, "-6" if trace.family is Family.IPV6 else "-4"
    way = f"`{place}` sends packets for `{address}` to the router `{route.gateway}`"
    neighbours = f"`{inside(place, f'ip {option} neigh show {route.gateway}')}`"
    if route.silent:
        hint = f"Look at {neighbours}, and check that the router is up and holds that address."
        return "The next router does not answer", f"{way}, which does not answer for its address.", hint
    look = f"Run `{inside(place, f'traceroute {option} {address}')}` or `tracepath`"
    result = probes.of(address, trace.target.port, trace.protocol) if probes else None
    if result and any(x.reason == "ENETUNREACH" for x in result.stages):
        detail = f"{way}, and one on the way answers that it has no route. A packet filter can answer so too."
        return "A router on the way has no route", detail, f"{look}, and add the route where `!N` is shown."
    detail = f"{way}. It does not answer, or one further on says that the host cannot be reached."
    return "No host answers for this address", detail, f"{look}, and look at {neighbours}."
