"""What can be said of a way that ends at an interface which is down, or behind a router."""

from collections.abc import Collection

from msgspec.structs import replace

from dualstack.model.address import Family, without_zone
from dualstack.model.host import Interface, Namespace, Namespaces, Return, Route, Transit, Transits
from dualstack.model.probe import Probes
from dualstack.model.trace import Hop, Status, Trace
from dualstack.reach.blame import is_loopback
from dualstack.reach.confined import near_server
from dualstack.reach.hint import beside, inside

NOT_RETURNED = "not-returned"
"""The mark of a route hop whose answers have no way back to the client."""

NOT_FORWARDED = "not-forwarded"
"""The mark of a route hop with a router in sight that has no route, or whose kernel does not forward the family."""


_KINDS = {"EINVAL": "blackhole", "EACCES": "prohibit", "EHOSTUNREACH": "unreachable"}
"""The types of routes that stop packets, by the error of `Route` (fib_props in net/ipv4/fib_semantics.c)."""


def idle(space: Namespace, link: Interface) -> tuple[str, str, str]:
    """Summary, detail and hint for a flow whose interface is down."""
    held = ", ".join(f"`{x.address}/{x.prefix}`" for x in link.addresses) or "no address"
    detail = f"The flow needs `{link.name}` of `{space.place}`, which holds {held} and is down or without carrier."
    command = inside(space.place, f"ip link set {link.name} up")
    return f"Interface `{link.name}` is down", detail, f"Run `{command}`. If it stays down, look at its other end."


def unheard(trace: Trace, *, on_link: bool) -> tuple[str, str, str]:
    """Summary, detail and hint for an address that nothing answers for, on the client's link or perhaps beyond."""
    address, place = trace.addresses[0], trace.vantage
    option, asked = ("-6", "neighbour solicitations") if trace.family is Family.IPV6 else ("-4", "ARP requests")
    look = inside(place, f"ip {option} neigh show {address}")
    if trace.server not in ("", place):
        rules, link = (inside(trace.server, x) for x in ("nft list ruleset", "ip link"))
        detail = f"`{trace.server}` holds `{address}`, and no answer to {asked} for it comes back."
        hint = f"Look for what drops them in `{rules}` and at the client, and for `NOARP` in `{link}`."
        return "The host does not answer for its address", detail, hint
    why = (
        f"no host on the link holds it, or {asked} are dropped" if on_link else "no host holds it, or a router says so"
    )
    detail = f"Nothing on the way answers for `{address}`: {why}."
    return "No host answers for this address", detail, f"Check that a host holds it, and look at `{look}`."


def unforwarded(trace: Trace, spaces: Namespaces | None) -> tuple[str, str, str]:
    """The same in a cluster: what pods send, their node and the routers behind it pass on; it came to no pod.

    A node that gets no answer of its neighbour for an address sends the same ICMP error as one without a route
    (RFC 4443 section 3.1), and says so to its own pods.
    """
    address, title, option = trace.addresses[0], trace.family.title, "-6" if trace.family is Family.IPV6 else "-4"
    served = trace.at(Hop.SERVICE).status is not Status.NOT_APPLICABLE
    space = spaces.at(trace.server) if spaces else None
    held = space.addresses(trace.family) if space else ()
    end = next((x for x in held if not is_loopback(x)), "" if served else address)
    who = f"the {trace.server}" if trace.server else "a pod"
    led = f", which leads to {who}{f' at `{end}`' if end else ''}," if served else f" of {who}"
    near = near_server(trace.at(Hop.ROUTE))
    if near:
        said = (
            f"What the {trace.vantage} send to `{address}`{led} comes back as unreachable, and so does what another pod"
        )
        detail = f"{said} on the node {near} sends there: the node has no route to that pod, or gets no answer from it."
        rules = beside(trace.server, "nft list ruleset")
        look = f"`ip {option} neigh` and `ip {option} route get {end}` on the node {near}"
        hint = f"Look at {look}. Where the neighbour is FAILED, list the rules in the network of the pod: `{rules}`."
        return f"The node of the pod does not reach it over {title}", detail, hint
    detail = (
        f"What the {trace.vantage} send to `{address}`{led} comes back as unreachable: their node, or a router behind "
        f"it, has no route there, or gets no answer from the next hop."
    )
    nodes = f"node {trace.nodes[0]}" if len(trace.nodes) == 1 else "nodes of these clients"
    look = f"`ip {option} route get {end or 'ADDRESS_OF_THE_POD'}`"
    hint = f"Run {look} on the {nodes} and on each router on the way to the node of the pod, and add the route there."
    return f"The way to the pods has no {title} route", detail, hint


def answerable(transits: Transits, vantage: str, masking: Collection[str]) -> Transits:
    """The same without the ways back of flows whose source may be another one by the time they arrive."""
    own = vantage in masking
    masked = {x.destination for x in transits.items if x.place in masking}
    return replace(transits, returns=tuple(x for x in transits.returns if not own and x.destination not in masked))


def unreturned(trace: Trace, lost: Return) -> tuple[str, str, str]:
    """Summary, detail and hint for a flow whose answers do not find the client."""
    option, title = "-6" if trace.family is Family.IPV6 else "-4", trace.family.title
    command = inside(lost.place, f"ip {option} route get {lost.client} from {without_zone(lost.destination)}")
    detail = (
        f"`{lost.place}` has the address and gets the packets; it has no route back to `{lost.client}`, the client."
    )
    return (
        f"No {title} route back to the client",
        detail,
        f"Look at `{command}`, then add a route or a default route there.",
    )


def beyond(trace: Trace, route: Route, probes: Probes | None, transits: Transits | None) -> tuple[str, str, str]:
    """Summary, detail and hint for a flow that ended in an ICMP error, or at a router that does not pass it on.

    A late ENETUNREACH is "no route" of ICMP (knowledge/connect_errors.table); EHOSTUNREACH may also be the sender's own
    word, when the router's link address cannot be had (RFC 4861 section 7.2.2). traceroute(8) and tracepath(8) show the
    first as `!N`.
    """
    stop = next((x for x in transits.to(trace.addresses[0]) if x.stops), None) if transits else None
    if stop:
        return _stopped(trace, stop)
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


def _stopped(trace: Trace, router: Transit) -> tuple[str, str, str]:
    """The same for a router in sight. `forwarding` of a device counts for IPv4, that of `all` for IPv6 (ip-sysctl)."""
    address, title, place = trace.addresses[0], trace.family.title, router.place
    way = f"Packets for `{address}` come to the router `{place}` by `{router.entering}`"
    option = "-6" if trace.family is Family.IPV6 else "-4"
    kind = _KINDS.get(router.error, "")
    if kind:
        show, drop = (
            inside(place, f"ip {option} route {x}") for x in (f"show table all type {kind}", f"del {kind} PREFIX")
        )
        detail = f"{way}, which has a route (or a rule of `ip rule`) of type {kind} for them."
        return f"A router stops {title} by a {kind} route", detail, f"Find it with `{show}`, and run `{drop}`."
    if router.error:
        hint = f"Look at `{inside(place, f'ip {option} route get {address}')}` and add the route."
        return f"A router on the way has no {title} route", f"{way}, which has no route for them.", hint
    version = "ipv6.conf.all.forwarding" if trace.family is Family.IPV6 else "ipv4.ip_forward"
    command = inside(place, f"sysctl -w net.{version}=1")
    return f"A router does not forward {title}", f"{way}, whose kernel does not forward {title}.", f"Run `{command}`."
