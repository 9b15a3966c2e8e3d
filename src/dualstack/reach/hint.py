"""What a reader can type: addresses to bind, fields to set, and commands in the right place."""

import re
from collections.abc import Mapping

import msgspec

from dualstack.model.address import OTLP_PORTS, TITLES, Family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Finding
from dualstack.model.host import Namespace
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.patterns import pattern
from dualstack.model.sockets import Listener, Runtime
from dualstack.model.source import Written
from dualstack.model.trace import Trace
from dualstack.reach.edits import spelled
from dualstack.reach.start import Failure

_DUAL_BY_IPV4_WILDCARD = (Runtime.GO, Runtime.JVM)
OBEYS_BINDV6ONLY = (Runtime.RUST, Runtime.POSIX, Runtime.PYTHON)
"""Runtimes that leave IPV6_V6ONLY to the kernel; the others set it themselves (knowledge/bind.table)."""

_CORRECTIONS = {
    "DS101": ": an IPv6 address needs brackets, as in `[::]:4317`",
    "DS104": ": a listen address has no scheme",
    "DS105": ": an address without a port is none",
    "DS106": ": a link-local address needs a zone, as in `[fe80::1%eth0]:4317`",
    "DS107": " or its `transport`: they are of different families",
    "DS119": ": a port is a number from 0 to 65535",
}
"""What to heed at an endpoint, by the code of what is wrong with it."""
_VARIABLE = pattern(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")
_IN_POD = pattern(r"(?P<how>kubectl (?:exec|debug)) (?P<pod>[a-z0-9][a-z0-9.-]*)(?= )")
_WITH_PORT = pattern(r"(\$\{[^}]*\}):([0-9]+)")


def inside(place: str, command: str) -> str:
    """A command as it has to be typed to run in a place: `host`, `netns` with a name, a path or a PID, or `pod NAME`.

    On nodes, which other words stand for, it is typed as it is.
    """
    kind, _, name = place.partition(" ")
    if kind == "pod" and name:
        return f"kubectl exec {_named(name)} -- {command}"
    if kind != "netns" or not name:
        return command
    if name.startswith("/"):
        return f"nsenter --net={name} {command}"
    return f"nsenter -t {name} -n {command}" if name.isdigit() else f"ip netns exec {name} {command}"


def beside(place: str, command: str) -> str:
    """A command as it has to be typed to run in the network of a pod whose image may lack it."""
    kind, _, name = place.partition(" ")
    pod = _named(name) if kind == "pod" else "-n NAMESPACE POD"
    return f"kubectl debug {pod} -it --profile=netadmin --image=IMAGE -- {command}"


def _named(pod: str) -> str:
    namespace, slash, name = pod.rpartition("/")
    return f"-n {namespace} {name}" if slash else name


def in_namespace(text: str, namespaces: Mapping[str, str]) -> str:
    """A text in which commands that run in pods say the namespaces, which are given by the names of pods."""

    def spelled_out(found: re.Match[str]) -> str:
        where = namespaces.get(found["pod"])
        return f"{found['how']} -n {where} {found['pod']}" if where else found[0]

    return _IN_POD.sub(spelled_out, text)


def sysctl(place: str, interface: str, value: int) -> str:
    """The command that sets `disable_ipv6` of an interface; a dot in its name is written as a slash (sysctl(8))."""
    return inside(place, f"sysctl -w net.ipv6.conf.{interface.replace('.', '/')}.disable_ipv6={value}")


def owner(socket: Listener) -> str:
    """The name of the process that holds a socket, in back-ticks, or words for one that could not be read."""
    return f"`{socket.processes[0].name}`" if socket.processes else socket.holder or "a process out of sight"


def instead(trace: Trace, other: Listener, meant: int) -> str:
    """What to do where nobody listens on the port of a flow, and `other` is open; `meant` is known to take the same."""
    held = f"held by {owner(other)}" if other.processes else "which is open"
    spoken = OTLP_PORTS.get(other.port, trace.protocol)
    if other.port == meant or spoken is trace.protocol or trace.protocol not in TITLES:
        return f"Try port {other.port}, {held}"
    return f"Send {TITLES[spoken]} to port {other.port}, {held}"


def wildcard(socket: Listener, space: Namespace | None, endpoint: DeclaredEndpoint | None = None) -> str:
    """What to bind instead of a socket's address, so that it takes every family that its place has, in back-ticks.

    Go and Java make a dual-stack socket of `0.0.0.0`. Others need `[::]`, and both wildcards where `bindv6only` is 1.
    Of Python this is half the answer: `caveat` has the rest. The runtime of a socket whose process is out of sight is
    the one that its `endpoint` is for.
    """
    only_ipv4 = space is not None and not space.addresses(Family.IPV6)
    runtime = endpoint.runtime if endpoint and not socket.processes else socket.runtime
    if runtime in _DUAL_BY_IPV4_WILDCARD or only_ipv4:
        return f"`0.0.0.0:{socket.port}`"
    if space is not None and space.bindv6only and runtime in (*OBEYS_BINDV6ONLY, Runtime.UNKNOWN):
        return f"`0.0.0.0:{socket.port}` and `[::]:{socket.port}`"
    return f"`[::]:{socket.port}`"


def rebind(socket: Listener, space: Namespace | None, endpoint: DeclaredEndpoint | None) -> str:
    """The sentence that says where to write the wider address, in quotes where the file needs them."""
    wider = wildcard(socket, space, endpoint)
    if endpoint is None:
        return f"Bind {wider} in the configuration of {owner(socket)}.{caveat(socket, wider, space)}"
    whole = wider.strip("`")
    host = whole if endpoint.text.endswith("}") and not endpoint.host_apart else whole.rpartition(":")[0]
    wider = f"`{host.strip('[]')}`" if endpoint.host_apart else wider
    given = f"{endpoint.given} to `{host}`, or " if endpoint.given else ""
    said = f"Set {given}`{endpoint.field}`{where(endpoint)} to {_written(wider, endpoint)}."
    return f"{said}{caveat(socket, wider, space)}"


def _written(wider: str, endpoint: DeclaredEndpoint) -> str:
    """An address in the quotes that a file needs where it had none, and without any where it takes none."""
    raw = endpoint.written.raw if endpoint.written and not endpoint.written.bare else ""
    plain = raw and raw[0] not in "\"'" and " " not in wider
    return f"`{spelled(wider.strip('`'), raw)}`" if plain else wider


def either(socket: Listener, refused: Family) -> tuple[str, str, str]:
    """Summary, detail and hint for a socket that a forwarded port came to where the address of its pod refuses."""
    wide = {Family.IPV4: f"`0.0.0.0:{socket.port}`, or `[::]:{socket.port}` without IPV6_V6ONLY,"}
    bind = wide.get(refused, f"`[::]:{socket.port}`")
    which = f"The socket is one of the loopback alone, or of {refused.other.title} alone, held by {owner(socket)}"
    there = f"The {refused.title} address of the {socket.place} refuses, and a forwarded port is answered"
    return (
        f"Port {socket.port} takes no {refused.title} from outside",
        f"{there}, which comes to 127.0.0.1 or ::1. {which}.",
        f"Bind {bind} in the configuration of {owner(socket)}; `--inspect` shows which it is.",
    )


def caveat(socket: Listener, wider: str, space: Namespace | None) -> str:
    """What a Python program has to heed with `[::]`; empty elsewhere.

    asyncio sets IPV6_V6ONLY on every IPv6 socket and makes one of each family for `host=None` (Lib/asyncio/
    base_events.py, create_server); socket.create_server sets it unless told `dualstack_ipv6`. gRPC makes IPv4 sockets
    alone of every wildcard where `::1` cannot be bound (grpc-core in knowledge/bind.table).
    """
    if socket.runtime is not Runtime.PYTHON or "[::]" not in wider or "0.0.0.0" in wider:
        return ""
    grpc = ""
    if space and any(x.loopback and x.disable_ipv6 for x in space.interfaces):
        grpc = f" gRPC takes IPv6 only where `::1` can be bound: run `{sysctl(space.place, 'lo', 0)}` and restart it."
    other = "Python must set IPV6_V6ONLY to 0 there; asyncio sets it to 1, so pass it `host=None`, which binds both."
    return f"{grpc} {other}"


def where(endpoint: DeclaredEndpoint, written: Written | None = None) -> str:
    """` in file, line N` for an endpoint, or what is written of it, where the place is known."""
    if endpoint.inside:
        return f" in {endpoint.inside}"
    at = written.at if written else endpoint.location
    return f" in `{at.file}`, line {at.line}," if at else ""


def why(failure: Failure) -> str:
    """The sentence that says why the Collector of a configuration cannot be running, or cannot be known to."""
    asked, said = failure.endpoint.effective, failure.bound.error
    if failure.bound.unknown:
        named = f"`{asked}` (`{failure.endpoint.field}`)"
        return f"The configuration asks for {named}, and whether that can be bound is open: {failure.bound.unknown}."
    if failure.beside:
        other = f"`{failure.beside.effective}` (`{failure.beside.field}`{line(failure.beside)})"
        return f"The configuration asks for `{asked}` beside {other}, and binding both fails: `{said}`."
    return f"The configuration asks for `{asked}`, and binding it fails: `{said}`."


def use(idle: DeclaredEndpoint) -> str:
    """What to do so that a component listens that a configuration has and does not use."""
    section, _, name = idle.component.partition("/")
    place = f"the {section} of a pipeline of `service`" if section != "extensions" else "`service.extensions`"
    return f"Add `{name}` to {place}."


def unused(found: Finding, idle: DeclaredEndpoint) -> Finding:
    """A finding of a closed port, with the component that the configuration has for it and does not use."""
    return msgspec.structs.replace(
        found,
        detail=f"{found.detail} The configuration has `{idle.component}`, and nothing uses it.",
        hint=use(idle),
        evidence=(*found.evidence, Evidence(idle.effective, idle.field, Layer.DECLARED)),
    )


def unstarted(found: Finding, failure: Failure) -> Finding:
    """A finding that keeps a Collector from starting, with the endpoint that it cannot bind for that.

    It comes before those of single flows: findings that say the same become one, and the first hint stays.
    """
    return msgspec.structs.replace(
        found,
        hint=f"{found.hint} Then start {failure.endpoint.program}.",
        evidence=(*found.evidence, *failure.evidence),
    )


def correct(failure: Failure) -> str:
    """The sentence that says how to let the Collector of a configuration start."""
    field, program = f"`{failure.endpoint.field}`{where(failure.endpoint)}", failure.endpoint.program
    if failure.bound.unknown:
        return _look(failure.endpoint, field)
    if failure.holder:
        return f"Free port {failure.holder.port}, which {owner(failure.holder)} holds, and start {program}."
    if failure.beside:
        return f"Remove {field} or give it another port, and start {program}."
    return f"Correct {field} and start {program}{_CORRECTIONS.get(failure.bound.cause, '')}."


def _look(endpoint: DeclaredEndpoint, field: str) -> str:
    """What to find out of an endpoint that cannot be foretold from here."""
    unset = " and ".join(f"`{x}`" for x in dict.fromkeys(_VARIABLE.findall(endpoint.effective)))
    bare = _WITH_PORT.fullmatch(endpoint.effective)
    brackets = f" An IPv6 address needs `[{bare[1]}]:{bare[2]}` there." if bare else ""
    if unset:
        return f"Give {unset}{where(endpoint)} the value that {endpoint.program} has and run this again.{brackets}"
    return f"Start {endpoint.program} and see whether {field} can be bound: its log says so.{brackets}"


def line(endpoint: DeclaredEndpoint) -> str:
    """`, line N` for an endpoint whose place in a file is known."""
    return f", line {endpoint.location.line}" if endpoint.location else ""
