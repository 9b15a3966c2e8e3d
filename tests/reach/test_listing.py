"""Which targets stand for a question that names none."""

import pytest

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces
from dualstack.model.otel import Declared
from dualstack.model.sockets import Listeners, Runtime
from dualstack.reach.listing import listed, local_addresses, ports_of, told, widened
from dualstack.testing.incident import PLACE, snapshot

V4, V6 = ("127.0.0.1", "10.9.0.5"), ("::1", "fd00:9::5")
PIPELINE = (
    "exporters: {debug: {}}, service: {telemetry: {metrics: {level: none}}, "
    "pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}"
)


def config(endpoint: str, protocol: str = "grpc", tls: str = "") -> str:
    field = f'{{endpoint: "{endpoint}"{tls}}}'
    return f"config: '{{receivers: {{otlp: {{protocols: {{{protocol}: {field}}}}}}}, {PIPELINE}}}'\n"


def found(world: str) -> list[tuple[int, Protocol, tuple[str, ...]]]:
    evidence = snapshot(f"target: []\n{world}")
    spaces = evidence.having(Namespaces)
    targets = listed(PLACE, evidence.having(Listeners), spaces.items[0] if spaces else None, evidence.having(Declared))
    assert {(x.text, x.host) for x in targets} <= {(f"listeners on port {x.port}", "localhost") for x in targets}
    return [(x.port, x.protocol, x.addresses) for x in targets]


LISTINGS = {
    "nothing": ("", []),
    "both families": ('listeners: ["[::]:4317 go otelcol"]', [(4317, Protocol.GRPC, V4 + V6)]),
    "one family": ('listeners: ["0.0.0.0:4318 rust rotel"]', [(4318, Protocol.HTTP, V4)]),
    "the loopback": (
        'listeners: ["127.0.0.1:4317 go x", "[::1]:4317 go x"]',
        [(4317, Protocol.GRPC, ("127.0.0.1", "::1"))],
    ),
    "by port": (
        'listeners: ["0.0.0.0:4318 go", "0.0.0.0:4317 go"]',
        [(4317, Protocol.GRPC, V4), (4318, Protocol.HTTP, V4)],
    ),
    "no OTLP port": ('listeners: ["0.0.0.0:80 go nginx", "udp 0.0.0.0:4317 go"]', []),
    "a family that may be accepted": ('listeners: ["[::]:4317"]', [(4317, Protocol.GRPC, V4 + V6)]),
    "addresses out of sight": (
        'listeners: ["[::]:4317 go"]\nwithheld: [Namespaces]',
        [(4317, Protocol.GRPC, ("127.0.0.1",))],
    ),
    "declared and not there": (config("0.0.0.0:9999"), [(9999, Protocol.GRPC, ("127.0.0.1",))]),
    "declared, sockets out of sight": (
        config("0.0.0.0:9999") + "withheld: [Listeners]",
        [(9999, Protocol.GRPC, ("127.0.0.1",))],
    ),
    "declared and there, once": (
        config("0.0.0.0:4317") + 'listeners: ["0.0.0.0:4317 go"]',
        [(4317, Protocol.GRPC, V4)],
    ),
    "declared with the other protocol": (
        config("0.0.0.0:4317", "http") + 'listeners: ["0.0.0.0:4317 go"]',
        [(4317, Protocol.HTTP, V4)],
    ),
    "declared without a usable port": (config("0.0.0.0:70000"), []),
    "declared with a port of the kernel's choice": (config("0.0.0.0:0"), []),
}


@pytest.mark.parametrize(("world", "targets"), LISTINGS.values(), ids=LISTINGS)
def test_each_otlp_listener_and_declared_endpoint_is_a_target(
    world: str, targets: list[tuple[int, Protocol, tuple[str, ...]]]
) -> None:
    assert found(world) == targets


def test_a_declared_endpoint_says_whether_it_expects_tls() -> None:
    evidence = snapshot("target: []\n" + config("0.0.0.0:4317", tls=", tls: {cert_file: a, key_file: b}"))

    assert [x.tls for x in listed(PLACE, None, None, evidence.having(Declared))] == [True]


@pytest.mark.parametrize(
    ("receiver", "protocol"),
    [("statsd: {endpoint: 0.0.0.0:8125}", Protocol.UDP), ("zipkin: {endpoint: 0.0.0.0:9411}", Protocol.TCP)],
)
def test_where_no_otlp_is_spoken_no_export_is_made(receiver: str, protocol: Protocol) -> None:
    name = receiver.partition(":")[0]
    services = PIPELINE.replace("[otlp]", f"[{name}]")
    declared = snapshot(f"target: []\nconfig: '{{receivers: {{{receiver}}}, {services}}}'\n").having(Declared)

    assert [x.protocol for x in listed(PLACE, None, None, declared)] == [protocol]


def test_another_place_has_its_own_listeners() -> None:
    evidence = snapshot('target: []\nlisteners: ["[::]:4317 go"]\n')

    assert listed("netns red", evidence.having(Listeners), None, None) == ()


HELD = ("127.0.0.1", "10.9.0.5", "::1", "fd00:9::5", "fe80::5")
SPACE = Namespace(
    "host", tuple(Interface(f"eth{i}", i, up=True, addresses=(InterfaceAddress(x, 64),)) for i, x in enumerate(HELD))
)


def test_a_link_local_address_is_not_offered() -> None:
    assert local_addresses(SPACE, (Family.IPV6, Family.IPV4)) == ("::1", "fd00:9::5", "127.0.0.1", "10.9.0.5")


@pytest.mark.parametrize(
    ("space", "addresses", "expect", "wide"),
    [
        (SPACE, V4, (Family.IPV6,), V4 + V6),
        (SPACE, V4, (Family.IPV4,), V4),
        (SPACE, V4, (), V4),
        (SPACE, (), (Family.IPV6,), ()),
        (None, V4, (Family.IPV6,), V4),
    ],
)
def test_a_family_that_is_insisted_on_is_asked_as_well(
    space: Namespace | None, addresses: tuple[str, ...], expect: tuple[Family, ...], wide: tuple[str, ...]
) -> None:
    target = Target("listeners on port 4317", "localhost", 4317, Protocol.GRPC, tls=True, addresses=addresses)

    changed = widened(target, space, expect)

    assert changed.addresses == wide
    assert (changed.text, changed.port, changed.tls) == (target.text, target.port, target.tls)


def test_the_runtime_that_the_user_names_holds_what_nobody_is_seen_to_hold() -> None:
    evidence = snapshot('target: []\nlisteners: ["[::]:4317 go otelcol", "0.0.0.0:4318"]\n')
    listeners = evidence.having(Listeners) or Listeners()

    assert {x.port: x.runtime for x in told(listeners, Runtime.JVM).items} == {4317: Runtime.GO, 4318: Runtime.JVM}


def test_the_ports_of_a_configuration_are_those_it_binds() -> None:
    declared = snapshot("target: []\n" + config("0.0.0.0:4317")).having(Declared) or Declared()

    assert ports_of(declared) == {4317}
    assert ports_of(snapshot("target: []\n" + config("0.0.0.0:70000")).having(Declared) or Declared()) == set()
