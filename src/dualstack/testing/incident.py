"""A small world in YAML as a snapshot.

Every key is optional but `target`:

    target: http://localhost:4318          # or a list
    expect: [ipv4, ipv6]                   # as --expect
    client: node@18                        # as --client
    interfaces:                            # default: lo and eth0 with both families
      lo: [127.0.0.1/8, "::1/128"]
      eth0: [10.9.0.5/24, "fd00:9::5/64 tentative"]
    sysctls: {net.ipv6.bindv6only: 1, net.ipv6.conf.lo.disable_ipv6: 1}
    down: [eth0]                           # interfaces that are down
    ipv6: absent                           # the kernel has none
    listeners: ["0.0.0.0:4318 full rust", "[::]:4317 v6only go otelcol stopped", "udp [::]:8125 go", "0.0.0.0%lo:80"]
    names: {collector: [fd00:9::7, 10.9.0.7]}          # what getaddrinfo says; an error name is a string
    hosts: ["127.0.0.1 localhost"]                     # lines of the hosts file
    dns: ["10.9.0.53 collector AAAA NXDOMAIN", "10.9.0.53 alias A NOERROR collector 10.9.0.7"]   # CNAMEs, addresses
    nsswitch: [dns, "[NOTFOUND=return]", files]        # services of its hosts line; default: files, dns
    options: ["timeout:1"]                             # options of resolv.conf
    gai: ["precedence ::ffff:0:0/96 100"]              # lines of gai.conf
    routes: ["fd00:1::1 ENETUNREACH", "10.9.0.7 eth0 10.9.0.5", "10.2.0.7 eth0 10.9.0.5 via 10.9.0.1"]
    # a next hop that does not answer: "10.2.0.8 EHOSTUNREACH eth0 10.9.0.5 via 10.9.0.1"
    filters: ["input [fd00:9::5]:4317 drop tcp dport 4317 drop"]    # hook, or hook/the hook of the deciding chain;
    # verdict, or unknown/what it may be: "input/prerouting 10.9.0.5:4317 unknown/accept|drop ip ttl 9 drop"
    probes: ["[::1]:4318 http refused", "10.9.0.7:4317 grpc rejected grpc-status 16 detail='no token'"]
    # after the outcome: the status, and any of errno=, san=, subject=, issuer=, until=, signals=, server=, detail=,
    # took= (milliseconds of each stage), larger='rejected HTTP 413: no more' (the larger export);
    # san=DNS:10.9.0.7 is an address in a DNS entry
    callers: ["http://collector:4318 java SYN-SENT fd00:9::7 java -jar shop.jar"]     # client, socket, command line
    environ: {http_proxy: "http://proxy:3128", no_proxy: "localhost,127.0.0.1"}       # of all
    config: |                              # a Collector configuration
      receivers: …
    withheld: [Listeners]                  # kinds that could not be gathered

Addresses that the snapshot names and nothing says otherwise of have a route by eth0, or lo for loopback ones.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

import msgspec
import yaml

from dualstack.model.address import Family, Protocol, Scope, Target, family, is_address, scope, without_zone
from dualstack.model.client import Caller, Callers
from dualstack.model.evidence import Missing
from dualstack.model.host import (
    Filters,
    FilterVerdict,
    Interface,
    InterfaceAddress,
    Namespace,
    Namespaces,
    Route,
    Routes,
)
from dualstack.model.names import DnsAnswer, HostsEntry, Lookup, Names, PolicyEntry, ResolverFiles
from dualstack.model.otel import Declared
from dualstack.model.probe import Certificate, Larger, Outcome, ProbeResult, Probes, ProbeTask, Stage
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listener, Listeners, Process, Runtime, Transport
from dualstack.model.target import parse_target
from dualstack.reach.dial import parse_client
from dualstack.reach.localhost import as_known
from dualstack.reach.proxy import proxies

PLACE = "host"
_INTERFACES = {"lo": ["127.0.0.1/8", "::1/128"], "eth0": ["10.9.0.5/24", "fd00:9::5/64"]}
_SAID = ("errno", "san", "subject", "issuer", "until", "signals", "server", "detail", "took", "larger")
_ENDPOINT = re.compile(r"\[?(?P<host>[^\]]*?)\]?:(?P<port>\d+)")


def snapshot(text: str) -> Snapshot:
    """The evidence that a world in YAML describes. Raises ValueError or KeyError for a text that is no such world."""
    world: dict[str, Any] = yaml.safe_load(text)
    targets = _targets(world)
    client = parse_client(world["client"]) if "client" in world else None
    names = as_known(_names(world), client)
    probes = tuple(_as_named(_probe(x), targets) for x in world.get("probes", ()))
    question = Question(
        place=PLACE,
        targets=targets,
        expect=tuple(Family(x) for x in world.get("expect", ())),
        client=client,
        listing=bool(world.get("listing")),
        probing=bool(probes),
    )
    listeners = tuple(_listener(x) for x in world.get("listeners", ()))
    values = (
        question,
        names,
        Namespaces((_namespace(world),)),
        Listeners(listeners, (PLACE,)),
        Routes(tuple(_routes(world, targets, names))),
        Filters(tuple(_filter(x) for x in world.get("filters", ()))),
        Probes(probes),
        _declared(world),
        Callers(tuple(_caller(x, targets, world.get("environ")) for x in world.get("callers", ()))),
        proxies(world.get("environ", {})),
    )
    facts: dict[type, object] = {type(x): x for x in values}
    for kind in list(facts):
        if kind.__name__ in world.get("withheld", ()):
            facts[kind] = Missing(kind.__name__, "withheld by the example")
    return Snapshot(facts)


def _targets(world: Mapping[str, Any]) -> tuple[Target, ...]:
    named = world.get("target", [])
    return tuple(x for text in ([named] if isinstance(named, str) else named) for x in parse_target(text))


def _namespace(world: Mapping[str, Any]) -> Namespace:
    sysctls = {k: bool(v) for k, v in world.get("sysctls", {}).items()}
    wanted: Mapping[str, Iterable[str]] = world.get("interfaces", _INTERFACES)
    absent = world.get("ipv6") == "absent"
    interfaces = []
    for index, (name, addresses) in enumerate(wanted.items(), 1):
        off = sysctls.get(f"net.ipv6.conf.{name}.disable_ipv6", sysctls.get("net.ipv6.conf.all.disable_ipv6", False))
        held = tuple(x for x in map(_interface_address, addresses) if not ((off or absent) and ":" in x.address))
        up = name not in world.get("down", ())
        interfaces.append(Interface(name, index, up=up, loopback=name == "lo", disable_ipv6=off, addresses=held))
    return Namespace(
        PLACE,
        tuple(interfaces),
        ipv6_absent=absent,
        bindv6only=sysctls.get("net.ipv6.bindv6only", False),
        disable_ipv6_all=sysctls.get("net.ipv6.conf.all.disable_ipv6", False),
        disable_ipv6_default=sysctls.get("net.ipv6.conf.default.disable_ipv6", False),
        tcp_mtu_probing=sysctls.get("net.ipv4.tcp_mtu_probing", False),
    )


def _interface_address(text: str) -> InterfaceAddress:
    spelled, *flags = text.split()
    address, _, prefix = spelled.partition("/")
    return InterfaceAddress(address, int(prefix), tuple(flags))


def _endpoint(text: str) -> tuple[str, int]:
    match = _ENDPOINT.fullmatch(text)
    if match is None:
        msg = f"`{text}` is not an endpoint"
        raise ValueError(msg)
    return match["host"], int(match["port"])


def _listener(text: str) -> Listener:
    words = shlex.split(text)
    transport = Transport(words.pop(0)) if words[0] in tuple(Transport) else Transport.TCP
    bound, port = _endpoint(words.pop(0))
    address, _, device = bound.partition("%")
    v6only, full, halted = (x in words for x in ("v6only", "full", "stopped"))
    named = [x for x in words if x not in ("v6only", "full", "stopped")]
    owner: tuple[Process, ...] = ()
    if named and named[0] in tuple(Runtime):
        command = tuple(named[1:]) or (named[0],)
        pid = 100 + crc32(command[0].encode()) % 30000  # one process for each name
        owner = (Process(pid, command[0], command, Runtime(named[0]), stopped=halted),)
    own = Family.IPV6 if ":" in address else Family.IPV4
    literal = own is Family.IPV6 and address != "::" and "." not in address
    only = None if own is Family.IPV4 else v6only or literal
    room: dict[str, Any] = {"queued": 1, "backlog": 0} if full else {}
    return Listener(PLACE, transport, address, port, own, only, device, processes=owner, source="sock_diag", **room)


def _names(world: Mapping[str, Any]) -> Names:
    lookups = []
    for name, said in world.get("names", {}).items():
        lookups.append(Lookup(name, error=said) if isinstance(said, str) else Lookup(name, tuple(said)))
    hosts = []
    for number, line in enumerate(world.get("hosts", ()), 1):
        address, *spelled = line.split()
        hosts.append(HostsEntry(number, address, tuple(spelled)))
    files = ResolverFiles(
        hosts=tuple(hosts),
        sources=tuple(world.get("nsswitch", ResolverFiles().sources)),
        options=tuple(world.get("options", ())),
        policy=tuple(_policy(number, x) for number, x in enumerate(world.get("gai", ()), 1)),
    )
    return Names(tuple(lookups), tuple(map(_dns, world.get("dns", ()))), files)


def _policy(number: int, text: str) -> PolicyEntry:
    kind, prefix, value = text.split()
    return PolicyEntry(number, kind, prefix, int(value))


def _dns(text: str) -> DnsAnswer:
    server, name, record, rcode, *held = text.split()
    cnames = tuple(x for x in held if not is_address(x))
    return DnsAnswer(server, name, record, rcode, tuple(x for x in held if is_address(x)), cnames)


def _routes(world: Mapping[str, Any], targets: Iterable[Target], names: Names) -> Iterable[Route]:
    said = {}
    for line in world.get("routes", ()):
        way, _, gateway = line.partition(" via ")
        destination, *words = way.split()
        error = words.pop(0) if words[0].isupper() else ""
        interface, source = (*words, "", "")[:2]
        said[destination] = Route(PLACE, destination, interface, gateway, source, 0, error)
    known = [a for x in names.lookups for a in x.addresses] + [x.host for x in targets if is_address(x.host)]
    for address in dict.fromkeys(known):
        near = scope(without_zone(address)) is Scope.LOOPBACK
        default = ("lo", address) if near else ("eth0", "10.9.0.5" if family(address) is Family.IPV4 else "fd00:9::5")
        yield said.get(address) or Route(PLACE, address, default[0], "", default[1])


def _caller(text: str, targets: Iterable[Target], environ: Mapping[str, str] | None) -> Caller:
    named, client, state, address, *command = shlex.split(text)
    target = next(x for x in targets if f"{x.scheme}://{x.endpoint}" == named)
    pid = 100 + crc32(text.encode()) % 30000
    owner, said = Process(pid, command[0], tuple(command)), proxies(environ) if environ else None
    return Caller(target, parse_client(client), owner, address, state, proxies=said)


def _filter(text: str) -> FilterVerdict:
    where, endpoint, said, *rule = text.split()
    hook, _, station = where.partition("/")
    verdict, _, may = said.partition("/")
    address, port = _endpoint(endpoint)
    return FilterVerdict(
        PLACE,
        hook,
        family(address),
        address,
        port,
        verdict,
        " ".join(rule),
        "nft list ruleset",
        station=station,
        may=tuple(may.split("|")) if may else (),
    )


def _probe(text: str) -> ProbeResult:
    endpoint, spoken, outcome, *words = shlex.split(text)
    address, port = _endpoint(endpoint)
    said = dict(x.split("=", 1) for x in words if x.partition("=")[0] in _SAID)
    sans = said["san"].split(",") if said.get("san") else []
    held = Certificate(
        names=tuple(x.removeprefix("DNS:") for x in sans if not is_address(x)),
        addresses=tuple(x for x in sans if is_address(x)),
        not_after=said.get("until", ""),
        issuer=said.get("issuer", ""),
        subject=said.get("subject", ""),
    )
    return ProbeResult(
        ProbeTask(address, port, Protocol(spoken.removesuffix("s")), address, spoken.endswith("s")),
        Outcome(outcome),
        stages=_stages(said),
        status=" ".join(x for x in words if x.partition("=")[0] not in _SAID),
        detail=said.get("detail", ""),
        server=said.get("server", ""),
        signals=tuple(said["signals"].split(",")) if "signals" in said else (),
        certificate=None if held == Certificate() else held,
        larger=_larger(said["larger"]) if "larger" in said else None,
    )


def _as_named(result: ProbeResult, targets: Iterable[Target]) -> ProbeResult:
    """A result whose task asks for what the target is called, as a probe does."""
    task = result.task
    named = next((x.host for x in targets if x.port == task.port and not x.literal), task.host)
    return msgspec.structs.replace(result, task=msgspec.structs.replace(task, host=named))


def _larger(text: str) -> Larger:
    answer, _, detail = text.partition(": ")
    outcome, _, status = answer.partition(" ")
    return Larger(Outcome(outcome), status, detail)


def _stages(said: Mapping[str, str]) -> tuple[Stage, ...]:
    if "errno" in said:
        return (Stage("connect", ok=False, milliseconds=float(said.get("took", 0)), reason=said["errno"]),)
    return tuple(Stage(x, ok=True, milliseconds=float(said["took"])) for x in ("connect", "export") if "took" in said)


def _declared(world: Mapping[str, Any]) -> Declared:
    if "config" not in world:
        return Declared()
    from dualstack.gather.collector_config import declared

    text: str = world["config"]
    return declared("collector.yaml", lambda _: text.encode(), {}, str(world.get("version", "")))
