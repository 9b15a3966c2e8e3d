"""What a socket takes, and which socket an address string becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.knowledge import table
from dualstack.model.address import Family
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.names import Lookup
from dualstack.model.sockets import Listener, Transport
from dualstack.reach.bind import BindRequest, Bound, accepts, accepts_phrase, bind, families, listen_mark

IPV4, IPV6 = Family.IPV4, Family.IPV6


def interface(name: str, index: int, *addresses: str, disable_ipv6: bool | None = None) -> Interface:
    found = tuple(InterfaceAddress(x, 64) for x in addresses)
    return Interface(name, index, up=True, loopback=name == "lo", disable_ipv6=disable_ipv6, addresses=found)


HERE = Namespace(
    "netns test",
    (interface("lo", 1, "127.0.0.1", "::1"), interface("eth0", 2, "10.9.0.5", "fd00:9::5", "fe80::5")),
)


def listener(address: str, *, v6only: bool | None = None, device: str = "", made: Family | None = None) -> Listener:
    socket_family = made or (IPV6 if ":" in address else IPV4)
    return Listener("netns test", Transport.TCP, address, 4317, socket_family, v6only=v6only, interface=device)


DUAL = listener("::", v6only=False)
ONLY_V6 = listener("::", v6only=True)
UNREADABLE = listener("::")
ONLY_V4 = listener("0.0.0.0")
JAVA = listener("::ffff:127.0.0.1", v6only=False)
LINK_LOCAL = listener("fe80::5", v6only=False, device="eth0")
ON_ETH0 = listener("::", v6only=False, device="eth0")


@pytest.mark.parametrize(
    ("bound", "address", "taken"),
    [
        (DUAL, "10.9.0.5", True),
        (DUAL, "fd00:9::5", True),
        (DUAL, "::ffff:10.9.0.5", True),
        (DUAL, "fe80::5%eth0", True),
        (DUAL, "127.0.0.53", True),
        (DUAL, "10.9.0.99", False),
        (ONLY_V6, "10.9.0.5", False),
        (ONLY_V6, "::ffff:10.9.0.5", False),
        (ONLY_V6, "::1", True),
        (UNREADABLE, "fd00:9::5", True),
        (UNREADABLE, "10.9.0.5", None),
        (UNREADABLE, "10.9.0.99", False),
        (ONLY_V4, "127.0.0.1", True),
        (ONLY_V4, "::1", False),
        (listener("::ffff:0.0.0.0", v6only=False), "10.9.0.5", True),
        (listener("::ffff:0.0.0.0", v6only=False), "fd00:9::5", False),
        (JAVA, "127.0.0.1", True),
        (JAVA, "127.0.0.53", False),
        (JAVA, "::1", False),
        (listener("fd00:9::5"), "fd00:9::5", True),
        (listener("fd00:9::5"), "10.9.0.5", False),
        (listener("fd00:9::99"), "fd00:9::99", False),
        (LINK_LOCAL, "fe80::5%eth0", True),
        (LINK_LOCAL, "fe80::5%2", True),
        (LINK_LOCAL, "fe80::5%lo", False),
        (listener("fe80::5%eth0"), "fe80::5%eth0", True),
        (ON_ETH0, "10.9.0.5", True),
        (ON_ETH0, "127.0.0.1", False),
        (ON_ETH0, "::1", False),
    ],
)
def test_a_socket_takes_what_the_kernel_gives_it(bound: Listener, address: str, *, taken: bool | None) -> None:
    assert accepts(bound, address, HERE) is taken


@pytest.mark.parametrize(
    ("bound", "address", "taken"),
    [
        (DUAL, "10.9.0.99", True),
        (ON_ETH0, "10.9.0.5", None),
        (ON_ETH0, "fe80::5%eth0", True),
        (ON_ETH0, "fe80::5%eth1", False),
        (listener("10.9.0.5", device="eth0"), "10.9.0.6", False),
    ],
)
def test_without_a_namespace_only_the_socket_speaks(bound: Listener, address: str, *, taken: bool | None) -> None:
    assert accepts(bound, address, None) is taken


def test_a_wildcard_in_a_namespace_without_ipv6_takes_ipv4_alone() -> None:
    bare = Namespace("netns off", (interface("lo", 1, "127.0.0.1"),))
    assert accepts(DUAL, "127.0.0.1", bare) is True
    assert accepts(DUAL, "::1", bare) is False


@pytest.mark.parametrize(
    ("bound", "taken", "mark", "phrase"),
    [
        (DUAL, {IPV4, IPV6}, "*/dual-stack", "accepts IPv4 and IPv6"),
        (ONLY_V6, {IPV6}, "[::]/ipv6-only", "accepts IPv6 only"),
        (ONLY_V4, {IPV4}, "0.0.0.0/ipv4-only", "accepts IPv4 only"),
        (
            UNREADABLE,
            None,
            "[::]/v6only-unknown",
            "accepts IPv6, and IPv4 unless IPV6_V6ONLY is set (not readable)",
        ),
        (listener("127.0.0.1"), {IPV4}, "127.0.0.1", "accepts IPv4 on the loopback only"),
        (listener("::1"), {IPV6}, "[::1]", "accepts IPv6 on the loopback only"),
        (JAVA, {IPV4}, "[::ffff:127.0.0.1]", "accepts IPv4 on the loopback only"),
        (listener("10.9.0.5"), {IPV4}, "10.9.0.5", "accepts IPv4 on 10.9.0.5 only"),
        (LINK_LOCAL, {IPV6}, "[fe80::5]%eth0", "accepts IPv6 on fe80::5 only"),
        (ON_ETH0, {IPV4, IPV6}, "*%eth0/dual-stack", "accepts IPv4 and IPv6 on eth0 only"),
    ],
)
def test_a_socket_is_named_in_the_words_of_ss(
    bound: Listener, taken: set[Family] | None, mark: str, phrase: str
) -> None:
    assert families(bound) == taken
    assert listen_mark(bound) == mark
    assert accepts_phrase(bound) == phrase


LOCALHOST = (Lookup("localhost", ("::1", "127.0.0.1")),)
OFF = Namespace("netns off", (interface("lo", 1, "127.0.0.1"), interface("eth0", 2, "10.9.0.5")))


def bound(address: str, runtime: str = "go", namespace: Namespace | None = HERE, **more: str) -> Bound:
    return bind(BindRequest(address, runtime=runtime, namespace=namespace, names=LOCALHOST, **more))


@pytest.mark.parametrize(
    ("address", "runtime", "marks"),
    [
        ("0.0.0.0:4317", "go", ["*/dual-stack"]),
        ("0.0.0.0:4317", "jvm", ["*/dual-stack"]),
        ("0.0.0.0:4317", "node", ["0.0.0.0/ipv4-only"]),
        ("[::]:4317", "asyncio", ["[::]/ipv6-only"]),
        (":4317", "asyncio", ["0.0.0.0/ipv4-only", "[::]/ipv6-only"]),
        ("localhost:4317", "go", ["127.0.0.1"]),
        ("localhost:4317", "node", ["[::1]"]),
        ("localhost:4317", "asyncio", ["[::1]", "127.0.0.1"]),
        ("localhost:4317", "rust", ["[::1]"]),
        ("localhost:4317", "grpc-core", ["[::1]", "[::ffff:127.0.0.1]"]),
        ("[fe80::5%eth0]:4317", "go", ["[fe80::5%eth0]"]),
    ],
)
def test_a_runtime_makes_these_sockets(address: str, runtime: str, marks: list[str]) -> None:
    made = bound(address, runtime)
    assert made.started is True
    assert [listen_mark(x) for x in made.sockets] == marks
    assert {(x.place, x.port, x.transport) for x in made.sockets} == {("netns test", 4317, Transport.TCP)}


def test_go_over_udp_makes_udp_sockets() -> None:
    assert [x.transport for x in bound(":8125", network="udp").sockets] == [Transport.UDP]


def test_rust_takes_the_next_address_where_the_first_cannot_be_bound() -> None:
    assert [x.address for x in bound("localhost:4317", "rust", OFF).sockets] == ["127.0.0.1"]


def test_asyncio_fails_where_one_of_the_addresses_cannot_be_bound() -> None:
    failed = bound("localhost:4317", "asyncio", OFF)
    assert (failed.started, failed.sockets, failed.cause) == (False, (), "DS302")


def test_a_program_that_asks_for_ipv4_alone_gets_it_for_the_ipv6_loopback() -> None:
    only = (Lookup("localhost", ("::1",)), Lookup("collector", ("fd00:9::5",)))
    made = bind(BindRequest("localhost:4317", runtime="python", namespace=HERE, names=only))
    failed = bind(BindRequest("collector:4317", runtime="python", namespace=HERE, names=only))
    assert [x.address for x in made.sockets] == ["127.0.0.1"]
    assert (failed.error, failed.cause) == ("[Errno -2] Name or service not known", "DS401")


def test_where_no_address_of_a_name_can_be_bound_the_error_is_that_of_the_one_that_the_runtime_tells() -> None:
    gone = (Lookup("collector", ("fd00:9::99", "10.9.0.99")),)
    absent = Namespace("netns absent", (interface("lo", 1, "127.0.0.1"),), ipv6_absent=True)
    requests = [
        BindRequest("collector:4317", "udp", runtime=x, namespace=absent, names=gone) for x in ("rust", "asyncio")
    ]
    assert [bind(x).cause for x in requests] == ["DS212", "DS301"]
    either = bind(BindRequest("collector:4317", runtime="asyncio", namespace=HERE, names=gone))
    assert "which of the addresses" in either.unknown


def test_grpc_core_takes_the_addresses_that_it_can_and_fails_without_any() -> None:
    some = (Lookup("collector", ("fd00:9::99", "10.9.0.5")), Lookup("elsewhere", ("fd00:9::99",)))
    made = bind(BindRequest("collector:4317", runtime="grpc-core", namespace=HERE, names=some))
    failed = bind(BindRequest("elsewhere:4317", runtime="grpc-core", namespace=HERE, names=some))
    assert [x.address for x in made.sockets] == ["::ffff:10.9.0.5"]
    assert (failed.error, failed.cause) == ("Failed to bind to address elsewhere:4317", "DS212")


def test_go_without_an_ipv4_loopback_takes_ipv4_alone_for_every_wildcard() -> None:
    bare = Namespace("netns bare", (interface("lo", 1, "::1"), interface("eth0", 2, "fd00:9::5")))
    assert [listen_mark(x) for x in bound("[::]:4317", namespace=bare).sockets] == ["0.0.0.0/ipv4-only"]
    assert bound("127.0.0.1:4317", namespace=bare).cause == "DS212"


def test_a_transport_that_no_address_of_the_name_has_is_an_error() -> None:
    lookups = (Lookup("collector", ("fd00:9::5",)),)
    failed = bind(BindRequest("collector:4317", "tcp4", namespace=HERE, names=lookups))
    assert failed == Bound(error="listen tcp4: address collector: no suitable address found", cause="DS107")


@pytest.mark.parametrize(
    ("disabled", "address", "cause"),
    [
        ((True, True), "[fd00:9::5]:4317", "DS302"),
        ((True, True), "[::1]:4317", "DS302"),
        ((True, False), "[::1]:4317", "DS303"),
        ((True, False), "[fd00:9::99]:4317", "DS212"),
        ((False, False), "[::1]:4317", "DS212"),
        ((False, False), "10.9.0.99:4317", "DS212"),
    ],
)
def test_an_address_that_cannot_be_assigned_has_a_cause(disabled: tuple[bool, bool], address: str, cause: str) -> None:
    loopback, other = disabled
    bare = Namespace(
        "netns bare",
        (interface("lo", 1, "127.0.0.1", disable_ipv6=loopback), interface("eth0", 2, disable_ipv6=other)),
    )
    failed = bound(address, namespace=bare)
    assert failed.error.endswith("bind: cannot assign requested address")
    assert failed.cause == cause


@pytest.mark.parametrize("flag", ["tentative", "dadfailed"])
def test_an_address_under_detection_of_duplicates_cannot_be_assigned(flag: str) -> None:
    eth0 = Interface("eth0", 2, up=True, addresses=(InterfaceAddress("fd00:9::5", 64, (flag,)),))
    failed = bound("[fd00:9::5]:4317", namespace=Namespace("netns young", (eth0,)))
    assert (failed.started, failed.cause) == (False, "DS304")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (BindRequest("${env:MY_POD_IP}:4317", namespace=HERE), "variable"),
        (BindRequest("$(HOST_IP):4317", namespace=HERE), "variable"),
        (BindRequest("$HOST:4317", namespace=HERE), "variable"),
        (BindRequest("localhost:4317", namespace=HERE), "what localhost resolves to"),
        (
            BindRequest("collector:4317", namespace=HERE, names=(Lookup("collector", error="EAI_AGAIN"),)),
            "what collector",
        ),
        (BindRequest("0.0.0.0:4317"), "namespace"),
        (BindRequest("10.9.0.5:4317"), "namespace"),
        (BindRequest("[::]:http", namespace=HERE), "services file"),
        (BindRequest("0.0.0.0:otlp-grpc", network="udp", call="resolve", namespace=HERE), "services file"),
        (BindRequest("0.0.0.0:4317", runtime="erlang", namespace=HERE), "not in the table"),
    ],
)
def test_what_is_not_known_is_said_and_never_guessed(request_: BindRequest, reason: str) -> None:
    made = bind(request_)
    assert made.started is None
    assert reason in made.unknown
    assert not made.sockets
    assert not made.error


def test_an_unreadable_bindv6only_leaves_the_socket_with_an_unknown_v6only() -> None:
    assert [listen_mark(x) for x in bound("[::]:4317", "rust").sockets] == ["[::]/v6only-unknown"]
    assert [listen_mark(x) for x in bound("[::]:4317", "go").sockets] == ["*/dual-stack"]


def test_what_every_namespace_answers_alike_needs_no_namespace() -> None:
    assert bound("fd00::5:4317", namespace=None).cause == "DS101"
    assert bound("*:4317", namespace=None).error == "listen tcp: lookup *: no such host"
    assert bound("0.0.0.0:4317", namespace=None, network="tcp4").sockets[0].address == "0.0.0.0"


def test_a_kernel_without_ipv6_lets_go_fall_back_for_wildcards_alone() -> None:
    absent = Namespace("netns absent", (interface("lo", 1, "127.0.0.1"),), ipv6_absent=True)
    assert [x.address for x in bound("[::]:4317", namespace=absent).sockets] == ["0.0.0.0"]
    assert bound("[::1]:4317", namespace=absent).cause == "DS301"
    assert bound("[::]:514", namespace=absent, network="udp", call="resolve").cause == "DS215"


def test_a_server_can_start_without_a_socket() -> None:
    absent = Namespace("netns absent", (interface("lo", 1, "127.0.0.1"),), ipv6_absent=True)
    deaf = bound("[::]:4317", "asyncio", absent)
    assert (deaf.started, deaf.sockets, deaf.cause) == (True, (), "DS301")


def test_every_row_of_the_table_has_a_source_a_status_and_a_cause_for_its_failure() -> None:
    for row in table("bind"):
        assert row["source"]
        assert row["status"] in ("collector", "measured", "unverified")
        assert bool(row["error"]) <= bool(row["cause"]), row
        assert row["result"] != "fail" or row["error"], row


HOSTS = st.sampled_from(["", "0.0.0.0", "::", "[::]", "fe80::5%eth0", "[fe80::5%]", "localhost", "::ffff:127.0.0.1"])
PIECES = st.lists(HOSTS | st.text(":[]%.0123456789abcdef*/{} ", max_size=6), max_size=4).map("".join)


@given(
    PIECES,
    st.sampled_from(["tcp", "tcp4", "tcp6", "udp", "unix"]),
    st.sampled_from(["listen", "resolve"]),
    st.sampled_from(sorted({y for x in table("bind") for y in x["runtime"].split(",")})),
    st.sampled_from([HERE, OFF, None]),
)
def test_any_text_is_bound_or_refused_or_unknown(
    address: str, network: str, call: str, runtime: str, namespace: Namespace | None
) -> None:
    made = bind(BindRequest(address, network, call, runtime, namespace, LOCALHOST))
    assert bool(made.sockets) + bool(made.error) + bool(made.unknown) == 1
    assert bool(made.cause) <= bool(made.error)
