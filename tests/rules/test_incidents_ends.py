"""Worlds whose fault is at an end of the way: interfaces, sources, held ports, and what a reader is told to do."""

import pytest

from dualstack.model.address import Family
from dualstack.model.finding import Finding, Severity
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces
from dualstack.model.sockets import Listener, Listeners, Process, Runtime, Transport
from dualstack.reach.predict import predict
from dualstack.rules.registry import evaluate, rules
from dualstack.testing.incident import snapshot
from tests.rules.test_incidents import config, judged

HELD = "target: localhost:4317\nnames: {localhost: [127.0.0.1]}\nprobes: ['127.0.0.1:4317 grpc refused']\n"
HEALTH = (
    'config: \'{receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, extensions: '
    '{health_check: {endpoint: "%s"}}, exporters: {debug: {}}, service: {extensions: [health_check], '
    "pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}}'\n"
)
NAMED = 'target: http://col:4318\nnames: {col: [10.9.0.5, "fd00:9::5"]}\n'
FILTERED = (
    'probes: ["10.9.0.5:4318 http accepted", "[fd00:9::5]:4318 http timed_out"]\n'
    'filters: ["input [fd00:9::5]:4318 drop tcp dport 4318 drop"]\n'
)


def roots(world: str) -> list[str]:
    return [x.code for x in judged(world)[1] if not x.because]


def only(world: str, code: str) -> Finding:
    (found,) = (x for x in judged(world)[1] if x.code == code)
    return found


PAGE = "target: http://10.9.0.7:4318\nprobes: ['10.9.0.7:4318 http not_otlp {}']\n"


def test_where_a_redirect_leads_is_said() -> None:
    found = only(PAGE.format("HTTP 301 detail=https://col.example/v1/traces"), "DS905")

    assert "It redirects to `https://col.example/v1/traces`." in found.detail
    assert "endpoint" in found.hint


def test_a_redirect_without_a_place_is_a_page() -> None:
    found = only(PAGE.format('HTTP 301 detail="Moved for good"'), "DS905")

    assert "redirects" not in found.detail


def test_a_page_that_is_not_found_may_be_below_a_path() -> None:
    assert "`http://10.9.0.7:4318/PATH`" in only(PAGE.format("HTTP 404"), "DS905").hint
    assert "PATH" not in only(PAGE.format("HTTP 500"), "DS905").hint


@pytest.mark.parametrize(
    ("processes", "named"),
    [("posix worker stopped", True), ("posix worker", False)],
)
def test_of_processes_that_share_a_port_the_one_that_is_stopped_is_named(processes: str, named: bool) -> None:
    world = "target: http://10.9.0.5:4318\nlisteners: ['[::]:4318 posix main', '[::]:4318 {}']\nprobes: {}\n"
    found = only(world.format(processes, "[\"10.9.0.5:4318 http accepted larger='silent: no'\"]"), "DS909")

    assert ("kill -CONT" in found.hint) is named
    assert found.severity is Severity.WARNING


def test_a_queue_with_room_is_not_why_nothing_answers() -> None:
    world = "target: http://10.9.0.5:4318\nprobes: ['10.9.0.5:4318 http timed_out']\nlisteners: {}\n"

    assert roots(world.format("['[::]:4318 full posix main']")) == ["DS906"]
    assert roots(world.format("['[::]:4318 full posix main', '0.0.0.0:4318 posix other']")) == ["DS702"]


HOLDERS = {
    "a loopback address under a wildcard": ("127.0.0.1:13133 python", "0.0.0.0:13133", ["DS210"]),
    "the other family under a dual-stack wildcard": ("[::]:13133 v6only python", "0.0.0.0:13133", ["DS210"]),
    "the other family beside an IPv4 literal": ("[::]:13133 v6only python", "127.0.0.1:13133", ["DS211"]),
    "another literal": ("127.0.0.1:13133 python", "10.9.0.5:13133", ["DS211"]),
    "over UDP": ("udp 0.0.0.0:13133 python", "0.0.0.0:13133", ["DS211"]),
    "a name that nobody looked up": ("127.0.0.1:13133 python", "health.example:13133", ["DS210"]),
}


@pytest.mark.parametrize(("holder", "endpoint", "expected"), HOLDERS.values(), ids=HOLDERS)
def test_a_held_port_explains_what_is_closed_where_the_kernel_says_so(
    holder: str, endpoint: str, expected: list[str]
) -> None:
    assert roots(f"{HELD}listeners: ['{holder}']\n{HEALTH % endpoint}") == expected


def test_a_port_that_is_closed_for_a_held_one_names_the_holder() -> None:
    world = f"{HELD}listeners: ['127.0.0.1:13133 python python3']\n{HEALTH % '0.0.0.0:13133'}"

    assert only(world, "DS211").because == ("DS210",)
    assert only(world, "DS211").hint == "Free port 13133, which `python3` holds, and start the Collector."
    assert "address already in use" in only(world, "DS211").detail


def test_a_port_on_which_another_program_takes_exports_is_not_held() -> None:
    world = (
        "target: [localhost:4317, localhost:4318]\nnames: {localhost: [127.0.0.1]}\n"
        "listeners: ['0.0.0.0:4317 rust rotel']\n"
        "probes: ['127.0.0.1:4317 grpc accepted', '127.0.0.1:4318 http refused']\n"
    )

    assert roots(world + config("{endpoint: 0.0.0.0:4317}", "{endpoint: 0.0.0.0:4318}")) == ["DS211"]


def test_a_held_port_that_costs_no_flow_is_not_told() -> None:
    world = f"{HELD.replace('refused', 'accepted')}listeners: ['0.0.0.0:13133 python', '[::]:4317 go otelcol']\n"

    assert roots(world + HEALTH % "0.0.0.0:13133") == []


def test_sockets_too_narrow_are_named_beside_the_filter_that_hides_them() -> None:
    world = f"{NAMED}listeners: ['0.0.0.0:4318 rust rotel']\n{FILTERED}"

    assert roots(world) == ["DS702", "DS205"]
    assert "whatever the packet filter says" in only(world, "DS201").detail


@pytest.mark.parametrize(
    "seen",
    [
        "listeners: ['[::]:4318 go otelcol']\n",
        "",
        "listeners: ['0.0.0.0:4318 rust rotel']\nwithheld: [Listeners]\n",
        "listeners: ['0.0.0.0:4318 rust rotel']\nwithheld: [Namespaces]\n",
    ],
)
def test_a_filter_stands_alone_where_no_socket_is_known_to_be_too_narrow(seen: str) -> None:
    assert roots(f"{NAMED}{seen}{FILTERED}") == ["DS702"]


def test_a_transport_that_pins_a_family_is_named_beside_the_filter() -> None:
    assert roots(f"{NAMED}listeners: ['0.0.0.0:4318 go otelcol']\n{FILTERED}") == ["DS702", "DS208"]


HOSTS = {
    "the only line": (["10.9.0.2 localhost"], "Replace line 1 of `/etc/hosts` by `127.0.0.1 localhost`."),
    "a line of the other family is left": (
        ["10.9.0.2 localhost", "::1 localhost"],
        "Remove line 1 of `/etc/hosts`.",
    ),
    "a line with other names": (
        ["10.9.0.2 localhost col"],
        "Take `localhost` out of line 1 of `/etc/hosts`, and add the line `127.0.0.1 localhost`.",
    ),
    "two lines": (
        ["10.9.0.2 localhost", "fd00:9::2 localhost"],
        "Replace line 1 and 2 of `/etc/hosts` by `127.0.0.1 localhost`.",
    ),
}


@pytest.mark.parametrize(("lines", "hint"), HOSTS.values(), ids=HOSTS)
def test_localhost_keeps_an_address(lines: list[str], hint: str) -> None:
    known = [x.split()[0] for x in lines]

    assert only(f"target: http://localhost:4318\nnames: {{localhost: {known}}}\nhosts: {lines}\n", "DS409").hint == hint


def test_an_own_address_is_lost_with_the_loopback() -> None:
    world = "target: 10.9.0.5:4317\nlisteners: ['[::]:4317 go']\nprobes: ['10.9.0.5:4317 grpc timed_out']\n"

    assert only(f"{world}down: [lo]\n", "DS306").hint == "Run `ip link set lo up`."
    assert "DS306" not in [x.code for x in judged(f"{world}down: [eth0]\n")[1]]


def test_silence_is_explained_by_an_interface_without_carrier() -> None:
    world = "target: 10.9.0.7:4317\nprobes: ['10.9.0.7:4317 grpc timed_out']\ndown: [eth0]\n"

    assert only(world, "DS906").because == ("DS305",)
    assert "`ip link set eth0 up`" in only(world, "DS305").hint


def test_a_segment_without_a_source_explains_the_silence() -> None:
    world = (
        "target: 10.9.0.7:4317\ninterfaces: {lo: [127.0.0.1/8], eth0: ['fd00:9::5/64']}\n"
        "routes: ['10.9.0.7 eth0']\nprobes: ['10.9.0.7:4317 grpc timed_out']\n"
    )

    assert only(world, "DS906").because == ("DS306",)
    assert "`ip -4 addr add ADDRESS/PREFIX dev eth0`" in only(world, "DS306").hint
    assert roots(world.replace("10.9.0.7 eth0", "10.9.0.7 eth0 10.9.0.5")) == ["DS906"]


NO_ROUTE = "target: http://[fd00:1::7]:4318\nroutes: ['fd00:1::7 ENETUNREACH']\n"


@pytest.mark.parametrize("held", ["[10.9.0.5/24]", "['fe80::5/64']"])
def test_a_route_is_no_use_without_an_address(held: str) -> None:
    hint = only(f"{NO_ROUTE}interfaces: {{lo: ['::1/128'], eth0: {held}}}\n", "DS305").hint

    assert "`ip -6 addr add ADDRESS/PREFIX dev eth0` first" in hint


@pytest.mark.parametrize("more", ["", "withheld: [Namespaces]\n"])
def test_a_place_with_an_address_or_out_of_sight_is_told_of_the_route_alone(more: str) -> None:
    assert "addr add" not in only(NO_ROUTE + more, "DS305").hint


def started(options: str, outcome: str = "accepted") -> list[Finding]:
    world = (
        "target: http://127.0.0.1:4318\n"
        f"listeners: ['[::]:4318 go otelcol {options}']\nprobes: ['127.0.0.1:4318 http {outcome}']\n"
    )
    return [x for x in judged(world + config(http="{endpoint: 0.0.0.0:4318}"))[1] if x.code == "DS213"]


def test_another_configuration_is_a_note_that_shows_nothing_else_of_the_command_line() -> None:
    (note,) = started("--set=exporters.otlp.headers.token=secret --config /etc/otelcol/other.yaml")

    assert note.severity is Severity.INFO
    assert [x.fact for x in note.evidence] == ["--config /etc/otelcol/other.yaml"]


@pytest.mark.parametrize("options", ["", "--config collector.yaml", "--config=/etc/otelcol/collector.yaml"])
def test_the_same_or_no_configuration_is_not_noted(options: str) -> None:
    assert started(options) == []


def test_another_configuration_explains_no_flow_that_fails() -> None:
    assert started("--config other.yaml", "timed_out") == []


PINNED = (
    "target: http://col:4318\nnames: {col: [10.9.0.5, 'fd00:9::5']}\n"
    "listeners: ['[fd00:9::5]:4318 v6only go otelcol']\n"
    "probes: ['10.9.0.5:4318 http refused', '[fd00:9::5]:4318 http accepted']\n"
)


def test_a_literal_is_what_the_configuration_says_whatever_v6only_is() -> None:
    declared = config(http='{endpoint: "[fd00:9::5]:4318", transport: tcp6}')

    assert roots(PINNED + declared) == ["DS204"]


@pytest.mark.parametrize(("runtime", "commands"), [("python python3", 0), ("rust rotel", 1)])
def test_a_sysctl_is_the_fix_where_the_program_obeys_it_for_sure(runtime: str, commands: int) -> None:
    found = only(
        "target: http://10.9.0.5:4318\nsysctls: {net.ipv6.bindv6only: 1}\n"
        f"listeners: ['[::]:4318 v6only {runtime}']\nprobes: ['10.9.0.5:4318 http refused']\n",
        "DS206",
    )

    assert found.fix
    assert len(found.fix.commands) == commands
    assert ("sysctl -w" in found.hint) is bool(commands)
    assert "0.0.0.0:4318" in found.hint


@pytest.mark.parametrize(
    "holder",
    [
        "0.0.0.0:13133 go otelcol --config=/etc/a.yaml",
        "[::]:13133 go otelcol --config /etc/a.yaml --config=/etc/more.yaml",
    ],
)
def test_a_collector_of_another_configuration_can_hold_a_port(holder: str) -> None:
    world = f"{HELD}listeners: ['[::]:5317 go otelcol --config=/etc/a.yaml', '{holder}']\n{HEALTH % '0.0.0.0:13133'}"
    found = only(world, "DS210")

    assert roots(world) == ["DS210"]
    assert "`/etc/a.yaml`" in found.detail
    assert "Stop" not in found.hint
    assert "DS213" not in {x.code for x in judged(world)[1]}


@pytest.mark.parametrize(
    "options", ["", "--config=collector.yaml", "--config=env:CONFIG", "--config=file:/x/collector.yaml"]
)
def test_what_can_be_the_collector_itself_holds_nothing(options: str) -> None:
    world = f"{HELD}listeners: ['0.0.0.0:13133 go otelcol {options}']\n{HEALTH % '0.0.0.0:13133'}"

    assert roots(world) == ["DS213"]
    assert only(world, "DS213").hint.startswith("Restart")


def test_a_collector_of_another_configuration_is_not_to_be_restarted() -> None:
    world = (
        "target: http://10.9.0.5:4318\nlisteners: ['127.0.0.1:4318 go otelcol --config=/etc/a.yaml']\n"
        "probes: ['10.9.0.5:4318 http refused']\n"
    )
    found = only(world + config(http='{endpoint: "0.0.0.0:4318"}'), "DS213")

    assert "`/etc/a.yaml`" in found.hint
    assert "Restart" not in found.hint


def test_a_second_collector_over_udp() -> None:
    world = (
        f"{HELD}listeners: ['udp [::]:8125 go otelcol --config=/etc/a.yaml']\n"
        'config: \'{receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}, statsd: {endpoint: '
        '"0.0.0.0:8125"}}, exporters: {debug: {}}, service: {pipelines: {traces: {receivers: [otlp], exporters: '
        "[debug]}, metrics: {receivers: [statsd], exporters: [debug]}}}}'\n"
    )

    assert roots(world) == ["DS210"]
    assert "udp" in only(world, "DS210").detail


@pytest.mark.parametrize(
    ("ends", "disabled", "expected"),
    [
        (["10.9.0.7"], [True], ["DS302"]),
        (["10.9.0.7"], [False], ["DS305"]),
        (["10.9.0.7", "10.9.0.8"], [True, True], ["DS305"]),  # which of the two had the address?
        (["10.9.0.7", "10.9.0.8"], [True, False], ["DS305"]),
        ([], [], ["DS305"]),
    ],
)
def test_ipv6_that_is_off_at_the_other_end(ends: list[str], disabled: list[bool], expected: list[str]) -> None:
    """The one host that a name leads to has no IPv6, so that nobody holds the name's IPv6 address."""
    found = snapshot(
        f"target: http://col:4318\nnames: {{col: ['fd00:9::7', {', '.join(ends or ['10.9.0.7'])}]}}\n"
        'routes: ["fd00:9::7 EHOSTUNREACH eth0 fd00:9::5"]\n'
        'probes: ["10.9.0.7:4318 http accepted", "10.9.0.8:4318 http accepted", "[fd00:9::7]:4318 http unreachable"]\n'
    )
    far = tuple(
        Namespace(
            f"netns {x}", (Interface("eth1", 2, up=True, disable_ipv6=off, addresses=(InterfaceAddress(x, 24),)),)
        )
        for x, off in zip(ends, disabled, strict=True)
    )
    here = found.having(Namespaces)
    assert here is not None
    seen = found.adding(Namespaces((*here.items, *far)))
    findings, _ = evaluate(seen.adding(predict(seen)), rules())
    assert [x.code for x in findings if not x.because] == expected
    assert ("take `fd00:9::7` out of `col`" in findings[0].hint) is (expected == ["DS302"])


@pytest.mark.parametrize(
    ("own", "code"), [("", "DS213"), ("127.0.0.1:4319 go otelcol --config=collector.yaml", "DS202")]
)
def test_another_file_is_the_cause_at_the_place_where_the_flows_end(own: str, code: str) -> None:
    """But a Collector that runs here with the file makes that one its own."""
    world = (
        "target: http://10.9.0.7:4318\nprobes: ['10.9.0.7:4318 http refused']\n"
        f"listeners: [{f'{chr(34)}{own}{chr(34)}' if own else ''}]\n"
        + config(http="{endpoint: 0.0.0.0:4318}", grpc="{endpoint: 127.0.0.1:4319}")
    )
    given = snapshot(world)
    spaces, held = given.having(Namespaces), given.having(Listeners)
    assert spaces
    assert held
    there = Namespace("netns s", (Interface("eth0", 1, up=True, addresses=(InterfaceAddress("10.9.0.7", 24),)),))
    other = Process(7, "otelcol", ("otelcol", "--config=/etc/other.yaml"), Runtime.GO)
    bound = Listener("netns s", Transport.TCP, "127.0.0.1", 4318, Family.IPV4, None, processes=(other,))
    given = given.adding(Namespaces((*spaces.items, there)))
    given = given.adding(Listeners((*held.items, bound), (*held.places, "netns s")))
    findings, _ = evaluate(given.adding(predict(given)), rules())

    assert [x.code for x in findings if not x.because] == [code]
