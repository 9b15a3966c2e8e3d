"""What a typed target stands for, and what a text that is none is told."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dualstack.model.address import Protocol, Target, canonical, is_address
from dualstack.model.target import BadTarget, kind_of, kube_target, parse_target

GRPC, HTTP = Protocol.GRPC, Protocol.HTTP
SIGNS = ("://", ":", "::", "/", "[", "]", "%", "%25", "@", "?", "#", ".", "*", " ", "²", "٣", "\x1b[31m", "\ud800")
WORDS = (
    "http",
    "grpcs",
    "env",
    "svc",
    "::1",
    "fe80::1",
    "eth0",
    "10.9.0.5",
    "::ffff:10.9.0.5",
    "4317",
    "0",
    "65536",
    "a",
)
PIECES = st.sampled_from(SIGNS + WORDS)
TEXTS = st.text() | st.lists(PIECES, max_size=8).map("".join)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{2,9})?", fullmatch=True).filter(
    lambda x: x != "env" and not x.isdigit()
)
LITERALS = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda x: f"[{x}]")
ZONED = st.tuples(st.just("[fe80::"), st.integers(1, 0xFFFF).map("{:x}".format), st.just("%eth0.100]")).map("".join)
HOSTS = NAMES | LITERALS | ZONED


def one(text: str) -> Target:
    (found,) = parse_target(text)
    return found


def spelled(host: str) -> str:
    return canonical(host) if is_address(host) else host


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("http://collector:4318", Target("http://collector:4318", "collector", 4318, HTTP)),
        ("HTTPS://collector", Target("HTTPS://collector", "collector", 443, HTTP, tls=True)),
        ("http://collector/", Target("http://collector/", "collector", 80, HTTP)),
        ("http://collector/otlp/v1", Target("http://collector/otlp/v1", "collector", 80, HTTP, path="/otlp/v1")),
        ("grpc://[::1]", Target("grpc://[::1]", "::1", 4317, GRPC)),
        ("grpcs://10.9.0.5:443", Target("grpcs://10.9.0.5:443", "10.9.0.5", 443, GRPC, tls=True)),
        ("http://[fe80::1%25eth0]:4318", Target("http://[fe80::1%25eth0]:4318", "fe80::1%eth0", 4318, HTTP)),
        ("http://[fe80::1%eth0]:4318", Target("http://[fe80::1%eth0]:4318", "fe80::1%eth0", 4318, HTTP)),
        ("[fe80::1%25eth0]:4317", Target("[fe80::1%25eth0]:4317", "fe80::1%25eth0", 4317, GRPC)),
        (" collector:4317\n", Target("collector:4317", "collector", 4317, GRPC)),
        ("localhost:00000000004318", Target("localhost:00000000004318", "localhost", 4318, HTTP)),
        ("localhost:4318", Target("localhost:4318", "localhost", 4318, HTTP)),
        ("[FD00:0::5]:4317", Target("[FD00:0::5]:4317", "fd00::5", 4317, GRPC)),
        ("[::ffff:10.9.0.5]:4317", Target("[::ffff:10.9.0.5]:4317", "::ffff:10.9.0.5", 4317, GRPC)),
        ("my_collector.obs.svc.:4317", Target("my_collector.obs.svc.:4317", "my_collector.obs.svc.", 4317, GRPC)),
    ],
)
def test_a_target_that_leaves_nothing_open(text: str, target: Target) -> None:
    assert parse_target(text) == (target,)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("collector", "collector"),
        ("fd00::5", "fd00::5"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
        ("fe80::1%2", "fe80::1%2"),
    ],
)
def test_a_host_alone_stands_for_both_ports(text: str, host: str) -> None:
    assert parse_target(text) == (
        Target(text, host, 4317, GRPC, assumed=True),
        Target(text, host, 4318, HTTP, assumed=True),
    )


def test_another_port_stands_for_both_protocols() -> None:
    assert [(x.port, x.protocol, x.assumed) for x in parse_target("collector:8080")] == [
        (8080, GRPC, True),
        (8080, HTTP, True),
    ]


REFUSED = {
    "": "Write `http://host:4318`",
    "env": "Write the endpoint itself",
    "env:4711": "Write the endpoint itself",
    "collector:4318/v1/traces": "Write `http://collector:4318/v1/traces`",
    "ftp://collector": "unknown scheme `ftp`",
    "://collector": "unknown scheme ``",
    "http://user:secret@collector": "pass credentials with `--header`",
    "http://collector?x=1": "query or fragment",
    "http://collector/v1#x": "query or fragment",
    "http://": "has no host",
    ":4317": "has no host",
    "*:4317": "Leave the target out to see every OTLP listener",
    "collector:": "no usable port: ``",
    "collector:0": "A port is a number from 1 to 65535",
    "collector:65536": "A port is a number from 1 to 65535",
    "collector:٤٣١٧": "A port is a number from 1 to 65535",
    "collector:00000431799999": "A port is a number from 1 to 65535",
    "collector:" + "9" * 5000: "A port is a number from 1 to 65535",
    "[::1": "unbalanced brackets",
    "[::1]4317": "unbalanced brackets",
    "[10.9.0.5]:4317": "Brackets are for IPv6 addresses only",
    "[collector]:4317": "Brackets are for IPv6 addresses only",
    "[fe80::1%]:4317": "no interface name",
    "[fe80::1%a b]:4317": "no interface name",
    "fe80::1%\x1b[31m": "no interface name",
    "//collector": "Write `http://collector`",
    "////collector:4318": "Write `http://collector:4318`",
    "http:/collector:4318": "Write `http://collector:4318`",
    "HTTPS//collector/v1": "Write `HTTPS://collector/v1`",
    "grpc:collector:4317": "Write `grpc://collector:4317`",
    "http:[::1]:4318": "Write `http://[::1]:4318`",
    "http//fd00::5:4318": "Write `http://[fd00::5:4318]:4318` (the address fd00::5:4318) or",
    "fd00::5/v1/traces": "Write `http://[fd00::5]:4318/v1/traces`",
    "//": "has no host",
    "/etc/otelcol/config.yaml": "`--config FILE`",
    "./config.yaml": "`--config FILE`",
    "../config.yaml": "`--config FILE`",
    "http://fd00::5": "Write `http://[fd00::5]:4318` (the address fd00::5)",
    "https://fd00::5/v1/traces": "Write `https://[fd00::5]:4318/v1/traces` (the address fd00::5)",
    "grpc://fd00::5": "Write `grpc://[fd00::5]:4317` (the address fd00::5)",
    "http://fd00::5:4318": "Write `http://[fd00::5:4318]:4318` (the address fd00::5:4318) or "
    "`http://[fd00::5]:4318` (the address fd00::5, port 4318).",
    "HTTP://1:2:3:4:5:6:7:8:80/x": "Write `HTTP://[1:2:3:4:5:6:7:8]:80/x` (the address 1:2:3:4:5:6:7:8, port 80).",
    "fd00::5:4317": "Write `[fd00::5:4317]:4317` (the address fd00::5:4317) or "
    "`[fd00::5]:4317` (the address fd00::5, port 4317).",
    "1:2:3:4:5:6:7:8:4317": "Write `[1:2:3:4:5:6:7:8]:4317` (the address 1:2:3:4:5:6:7:8, port 4317).",
    "::1:²": "neither a name nor an address",
    "::1:" + "9" * 5000: "neither a name nor an address",
    "a:b:c": "neither a name nor an address",
    "col lector": "neither a host name nor an address",
    "-collector": "neither a host name nor an address",
    "10.9.0": "no whole IPv4 address. Write all four numbers",
    "127.1": "no whole IPv4 address. Write all four numbers",
    "stra\u00dfe.example": "Write the one that is meant: it begins with xn--",
    "k\u00f6 lle.example": "neither a host name nor an address",
    "\u00b2": "neither a host name nor an address",
    "\u00f6..example": "neither a host name nor an address",
    "a" * 64: "neither a host name nor an address",
}


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=[x[:20] for x in REFUSED])
def test_what_is_no_target_is_told_the_way_out(text: str, said: str) -> None:
    with pytest.raises(BadTarget, match=re.escape(said)):
        parse_target(text)


@given(st.one_of(TEXTS, st.from_regex(r"(https?|grpc)?:?/{0,3}([a-f0-9:]{1,9}|h)(:43)?(/v1)?", fullmatch=True)))
@example("//x")
@example("http://fd00::5:4318/v1")
@example("http:/h:43")
def test_what_a_refusal_says_to_write_can_be_read(text: str) -> None:
    try:
        parse_target(text)
    except BadTarget as error:
        advice = str(error).partition(" Write ")[2]
        for written in re.findall(r"`([^`]+)`", advice) if "`" not in text else ():
            assert parse_target(written)


@given(TEXTS)
def test_any_text_is_a_target_or_a_bad_one(text: str) -> None:
    try:
        found = parse_target(text)
    except BadTarget:
        return
    assert found
    assert all(x.host.isprintable() and 0 < x.port < 65536 for x in found)


@given(TEXTS)
@example("http://[fe80::1%25eth0]")
@example("::ffff:10.9.0.5%eth0")
def test_a_printed_endpoint_is_read_as_the_same_place(text: str) -> None:
    try:
        found = parse_target(text)
    except BadTarget:
        return
    for target in found:
        if target.host != "env":  # `env:4711` asks for the variables of a process
            assert {(x.host, x.port) for x in parse_target(target.endpoint)} == {(target.host, target.port)}


@given(HOSTS, st.integers(1, 65535), st.sampled_from(("http", "https", "grpc", "grpcs")))
def test_with_and_without_a_scheme_host_and_port_are_the_same(host: str, port: int, scheme: str) -> None:
    target = one(f"{scheme}://{host}:{port}")

    assert (target.host, target.port) == (spelled(host.strip("[]")), port)
    assert target.scheme == scheme
    assert {(x.host, x.port) for x in parse_target(f"{host}:{port}")} == {(target.host, target.port)}


@given(st.ip_addresses(v=6).map(str))
def test_an_ipv6_address_in_a_url_has_to_stand_in_brackets(address: str) -> None:
    with pytest.raises(BadTarget, match=re.escape(f"http://[{address}]")):
        parse_target(f"http://{address}")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("svc/otel", "svc/otel"),
        ("Service/otel-collector", "svc/otel-collector"),
        (" deployments/a.b ", "deploy/a.b"),
        ("po/a", "pod/a"),
        ("opentelemetrycollector/x", "collector/x"),
        ("http://svc/x", None),
        ("svc", None),
        ("configmap/x", None),
    ],
)
def test_objects_of_a_cluster(text: str, read: str | None) -> None:
    """Kinds are spelled as kubectl takes them."""
    found = kube_target(text)

    assert (str(found) if found else None) == read


@pytest.mark.parametrize("text", ["svc/", "svc/A", "pod/-a", "ds/a b", "svc/a/b"])
def test_a_name_that_no_object_can_have_is_refused(text: str) -> None:
    """The way out is an example."""
    with pytest.raises(BadTarget, match=r"names no object\. Write the kind and the name, such as `svc/otel-collector`"):
        kube_target(text)


@pytest.mark.parametrize(("word", "kind"), [("Deployments", "deploy"), ("po", "pod"), ("secret", ""), ("", "")])
def test_kinds_as_kubectl_spells_them(word: str, kind: str) -> None:
    """Only kinds that can be a target have an abbreviation."""
    assert kind_of(word) == kind


def test_a_service_with_its_namespace_is_written_otherwise() -> None:
    with pytest.raises(BadTarget, match=r"no Service has a dot in its name\. Write `svc/otel -n obs`"):
        kube_target("svc/otel.obs.svc")


@pytest.mark.parametrize(
    "text", ["k\u00f6lle.example:4317", "K\u00d6LLE.example:4317", "http://xn--klle-5qa.example:4317"]
)
def test_a_name_beyond_ascii_is_taken_as_dns_has_it(text: str) -> None:
    (target,) = parse_target(text)

    assert target.host == "xn--klle-5qa.example"
