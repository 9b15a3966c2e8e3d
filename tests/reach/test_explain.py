"""What error lines say: the table row by row, then lines that are not in it, then lines made to hurt."""

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.knowledge import table
from dualstack.model.address import Family, Scope
from dualstack.reach.explain import LIMIT, Explanation, explain_line, facts

ROWS = table("errors")
CODES = {x["code"] for x in table("catalogue")}
WHEN = {*Family, *Scope, "zoned", "zoneless", "name", "otherwise"}
DERIVED = {"endpoint", "family"}


def patterns() -> list[str]:
    """The pattern of each row, that of the row above where the cell is empty."""
    found: list[str] = []
    for row in ROWS:
        found.append(row["pattern"] or found[-1])
    return found


PAIRS = list(zip(patterns(), ROWS, strict=True))


def first(text: str) -> Explanation:
    """The best explanation of a text that has one."""
    return explain_line(text)[0]


# --- the table


def test_the_table_is_large_enough_to_be_of_use() -> None:
    assert len(ROWS) >= 60
    assert len({x["example"] for x in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda x: x["example"][:60])
def test_the_example_of_a_row_is_explained_by_that_row(row: dict[str, str]) -> None:
    found = first(row["example"])

    assert (found.codes, found.source) == (tuple(row["codes"].split()), row["source"])
    assert "{" not in found.meaning + re.sub(r"\$\{env:\w+\}|\{inet6fb4, true\}", "", found.look)


@pytest.mark.parametrize(("pattern", "row"), PAIRS, ids=lambda x: x["example"][:60] if isinstance(x, dict) else "")
def test_a_row_is_well_formed(pattern: str, row: dict[str, str]) -> None:
    named = set(re.compile(pattern).groupindex) | DERIVED
    quoted = set(re.findall(r"\{([a-z]+)\}", row["meaning"] + row["look"]))

    assert quoted <= named
    assert set(row["when"].split()) <= WHEN
    assert row["codes"].split()
    assert set(row["codes"].split()) <= CODES
    assert row["source"]
    for sentence in (row["meaning"], row["look"]):
        assert sentence.endswith(".")
        assert sentence[0].isupper() or sentence.startswith(("{", ".NET", "gRPC", "nginx", "kube", "curl", "musl"))


@pytest.mark.parametrize("pattern", sorted(set(patterns())))
def test_every_repetition_is_bounded(pattern: str) -> None:
    bare = re.sub(r"\\.", "", pattern)
    bare = re.sub(r"\[[^\]]*\]", "", bare)

    assert not re.search(r"[*+]|\{\d+,\}", bare)


def test_a_busy_port_is_not_blamed_on_ipv4() -> None:
    found = first("listen tcp 0.0.0.0:4317: bind: address already in use")

    assert found.codes[0] == "DS210"
    assert "whichever family" in found.meaning


# --- lines that are not in the table

ZAP = "2026-08-21T10:00:00.000Z\t{level}\t{caller}\t{message}\t{fields}"
HELD_OUT = [
    # the same errors with other addresses, ports and components
    (
        "listen tcp: address 2001:db8:7::9:55680: too many colons in address",
        "DS101",
        {"endpoint": "[2001:db8:7::9]:55680"},
    ),
    ("dial tcp: address fd12:3456::1:4318: too many colons in address", "DS101", {"port": "4318"}),
    ("listen udp: address fd00::9:514: too many colons in address", "DS101", {"endpoint": "[fd00::9]:514"}),
    ("listen tcp: address fd00::aaaa: too many colons in address", "DS105", {"address": "fd00::aaaa"}),
    ("address ::1:8888: too many colons in address", "DS113", {"address": "::1"}),
    ("listen tcp: address https://otel.example:443/v1: too many colons in address", "DS104", {}),
    ("listen udp4: address fd00::5: no suitable address found", "DS107", {"family": "IPv6"}),
    ("listen tcp4: address ip6-localhost: no suitable address found", "DS107", {"address": "ip6-localhost"}),
    ("listen tcp :4318: bind: address already in use", "DS210", {"port": "4318"}),
    ("listen tcp [::]:9411: bind: address already in use", "DS210", {"endpoint": "[::]:9411"}),
    ("listen tcp 10.1.2.3:4317: bind: address already in use", "DS210", {"endpoint": "10.1.2.3:4317"}),
    ("listen udp [::1]:8125: bind: cannot assign requested address", "DS303", {}),
    ("listen tcp [2001:db8::77]:4317: bind: cannot assign requested address", "DS212", {}),
    ("listen tcp [fe80::abcd]:4318: bind: invalid argument", "DS106", {"address": "fe80::abcd"}),
    ("dial tcp [fe80::2]:4317: connect: invalid argument", "DS106", {"address": "fe80::2"}),
    ("dial tcp [fe80::2%eth9]:4317: connect: invalid argument", "DS106", {"address": "fe80::2%eth9"}),
    ("dial tcp [::]:4318: connect: connection refused", "DS109", {"endpoint": "[::]:4318"}),
    ("dial tcp :4317: connect: connection refused", "DS109", {}),
    ("dial tcp [::ffff:0.0.0.0]:4317: connect: connection refused", "DS109", {"family": "IPv4"}),
    ("dial tcp [::ffff:127.0.0.1]:4317: connect: connection refused", "DS211", {"family": "IPv4"}),
    ("dial tcp 10.96.7.7:14317: connect: connection refused", "DS202", {"endpoint": "10.96.7.7:14317"}),
    ("dial tcp [fd00:96::7]:4317: connect: connection refused", "DS201", {"endpoint": "[fd00:96::7]:4317"}),
    (
        "dial tcp 127.0.0.1:9009: connectex: No connection could be made because the target machine refused it.",
        "DS211",
        {},
    ),
    ("dial tcp [2001:db8::9]:443: connect: network is unreachable", "DS305", {"family": "IPv6"}),
    ("dial tcp [2001:db8::9]:4317: i/o timeout", "DS906", {"family": "IPv6"}),
    ("dial tcp 203.0.113.9:4317: connect: connection timed out", "DS906", {"family": "IPv4"}),
    (
        "dial tcp: lookup col.obs.svc.cluster.local on [fd00:96::a]:53: no such host",
        "DS408",
        {"name": "col.obs.svc.cluster.local"},
    ),
    ("dial tcp: lookup col on 10.96.0.10:53: server misbehaving", "DS408", {"address": "10.96.0.10"}),
    ("x509: certificate is valid for otel, 10.0.0.5, not fd00::5", "DS901", {"name": "fd00::5"}),
    # Java
    (
        (
            "io.grpc.StatusRuntimeException: UNAVAILABLE: io exception\n"
            "\tat io.grpc.stub.ClientCalls.toStatusRuntimeException(ClientCalls.java:268)\n"
            "Caused by: io.grpc.netty.shaded.io.netty.channel.AbstractChannel$AnnotatedConnectException: "
            "finishConnect(..) failed: Connection refused: col.example/10.1.2.3:4317\n"
            "Caused by: java.net.ConnectException: finishConnect(..) failed: Connection refused"
        ),
        "DS202",
        {"endpoint": "10.1.2.3:4317"},
    ),
    ("Failed to connect to localhost/0:0:0:0:0:0:0:1:4318", "DS211", {"endpoint": "[::1]:4318"}),
    ("java.net.ConnectException: Failed to connect to /10.2.3.4:4318", "DS202", {"endpoint": "10.2.3.4:4318"}),
    # Python
    (
        (
            "Traceback (most recent call last):\n"
            '  File "/usr/lib/python3.11/site-packages/urllib3/connection.py", line 203, in _new_conn\n'
            "ConnectionRefusedError: [Errno 111] Connection refused\n\n"
            "requests.exceptions.ConnectionError: HTTPConnectionPool(host='col.example', port=4318): "
            "Max retries exceeded "
            "with url: /v1/logs (Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at 0x7f>: "
            "Failed to establish a new connection: [Errno 111] Connection refused'))"
        ),
        "DS202",
        {"endpoint": "col.example:4318"},
    ),
    (
        "ConnectionRefusedError: [Errno 111] Connect call failed ('fd00::9', 4318, 0, 0)",
        "DS201",
        {"endpoint": "[fd00::9]:4318"},
    ),
    ("ValueError: Port could not be cast to integer value as ':9:4318'", "DS102", {}),
    (
        "OSError: [Errno 98] error while attempting to bind on address ('0.0.0.0', 4317): address already in use",
        "DS210",
        {},
    ),
    # gRPC C core
    (
        (
            "Transient error StatusCode.UNAVAILABLE encountered while exporting traces to col:4317, "
            'details = "failed to connect '
            "to all addresses; last error: UNKNOWN: ipv6:%5Bfd00::9%5D:4317: Failed to connect to "
            "remote host: connect: "
            'Connection refused (111)"'
        ),
        "DS201",
        {"endpoint": "[fd00::9]:4317"},
    ),
    ("ipv6:%5Bfd00::5:4318%5D:443: connect failed: dial", "DS111", {"endpoint": "[fd00::5]:4318"}),
    # Node, .NET, Ruby, Rust, curl, nginx
    ("14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED ::1:4317", "DS804", {}),
    ("Error: connect ECONNREFUSED :::4317", "DS109", {"endpoint": "[::]:4317"}),
    ("Error: listen EADDRNOTAVAIL: address not available fd00::9:4318", "DS212", {"address": "fd00::9"}),
    ("System.Net.Sockets.SocketException (111): Connection refused [::1]:4318 (localhost:4318)", "DS211", {}),
    (
        (
            'tonic::transport::Error(Transport, ConnectError(ConnectError("tcp connect error", '
            "127.0.0.1:1235, Os { code: 61"
        ),
        "DS211",
        {},
    ),
    (
        "curl: (7) Failed to connect to fd00::9 port 4318 after 3 ms: Couldn't connect to server",
        "DS201",
        {"family": "IPv6"},
    ),
    ("curl: (7) Failed to connect to ::1 port 4318: Connection refused", "DS203", {"endpoint": "[::1]:4318"}),
    (
        (
            "2026/01/15 00:05:29 [crit] 88#88: *16 connect() to [::1]:4318 failed (99: Address not "
            "available) while connecting to "
            'upstream, client: 172.17.0.1, upstream: "http://[::1]:4318/v1/traces"'
        ),
        "DS303",
        {"endpoint": "[::1]:4318"},
    ),
    # Kubernetes
    (
        (
            "  Warning  Unhealthy  3s (x5 over 25s)  kubelet  Readiness probe failed: "
            'Get "http://[fd00:10:244::7]:13133/": dial tcp [fd00:10:244::7]:13133: connect: connection refused'
        ),
        "DS216",
        {"endpoint": "[fd00:10:244::7]:13133"},
    ),
    (
        "Warning  Unhealthy  1s  kubelet  Liveness probe failed: dial tcp 10.244.9.9:4317: connect: connection refused",
        "DS216",
        {"endpoint": "10.244.9.9:4317"},
    ),
    (
        (
            "Warning  FailedScheduling  2m  default-scheduler  0/5 nodes are available: 5 node(s) "
            "didn't have free ports for the "
            "requested pod ports. preemption: 0/5 nodes are available"
        ),
        "DS607",
        {},
    ),
    (
        'The Service "col" is invalid: spec.ipFamilies[0]: Invalid value: "IPv4": not configured on this cluster',
        "DS502",
        {"family": "IPv4"},
    ),
    # log formats
    (
        ZAP.format(
            level="info",
            caller="internal/retry_sender.go:133",
            message="Exporting failed. Will retry the request after interval.",
            fields=json.dumps(
                {
                    "error": "rpc error: code = Unavailable desc = connection error: desc = "
                    '"transport: Error while dialing: dial tcp [fd00::9]:4317: connect: connection refused"',
                    "interval": "5s",
                }
            ),
        ),
        "DS201",
        {"endpoint": "[fd00::9]:4317"},
    ),
    (
        ZAP.format(
            level="info", caller="otlp.go:120", message="Starting GRPC server", fields='{"endpoint": "127.0.0.1:24317"}'
        ),
        "DS202",
        {"endpoint": "127.0.0.1:24317"},
    ),
    (
        json.dumps(
            {
                "level": "error",
                "log": json.dumps(
                    {"msg": 'Post "http://[::1]:4318": dial tcp [::1]:4318: connect: connection refused'}
                ),
            }
        ),
        "DS203",
        {"endpoint": "[::1]:4318"},
    ),
    (
        (
            r'{"level":"error","error.message":"listen tcp: address \"http:\/\/x:1\": '
            r'odd","stack":"a\n\tat b\nlisten tcp6: address 10.0.0.9: '
            r'no suitable address found"}'
        ),
        "DS107",
        {"address": "10.0.0.9"},
    ),
    (
        (
            r'ts=2026-08-21T10:00:00Z level=error msg="failed to start" err="listen tcp [fd00::8]:4317: '
            r'bind: cannot assign requested address"'
        ),
        "DS212",
        {"endpoint": "[fd00::8]:4317"},
    ),
    ("\x1b[31mError:\x1b[0m listen tcp: address 0.0.0.0: missing port in address", "DS105", {"address": "0.0.0.0"}),
    ("“listen tcp [fe80::1]:4317: bind: invalid argument”", "DS106", {}),
    # wrapped by a terminal, and in the frame of one
    ("Error: listen tcp: address fd00::5:4317: too many\ncolons in address", "DS101", {"endpoint": "[fd00::5]:4317"}),
    ("Error: listen tcp: address fd00::5:4317: too many co\nlons in address", "DS101", {"endpoint": "[fd00::5]:4317"}),
    ("Error: connect EADDRNOTAVAIL ::1:4317 - Local        │\n│   (:::0)", "DS303", {"endpoint": "[::1]:4317"}),
    # several lines: the first that is known decides, a wrapper does not
    (
        (
            "Everything is ready. Begin running and processing data.\n"
            "Exporting failed. Will retry the request after interval.\n"
            "dial tcp 10.0.0.7:4317: i/o timeout\n"
            "dial tcp [fd00::7]:4317: connect: connection refused"
        ),
        "DS906",
        {"endpoint": "10.0.0.7:4317"},
    ),
]


@pytest.mark.parametrize(("text", "code", "groups"), HELD_OUT, ids=[x[0][:60] for x in HELD_OUT])
def test_a_line_that_is_not_in_the_table_is_explained(text: str, code: str, groups: dict[str, str]) -> None:
    found = first(text)

    assert found.codes[0] == code
    assert groups.items() <= found.groups.items()


def test_repeated_lines_are_explained_once() -> None:
    line = "dial tcp [fd00::7]:4317: connect: connection refused"

    assert explain_line("\n".join([line] * 50)) == explain_line(line)


def test_two_faults_on_one_line_are_both_explained() -> None:
    found = explain_line(
        'Service "s" is invalid: [spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this '
        "cluster is not configured "
        'for dual-stack services, spec.ipFamilies[1]: Invalid value: "IPv6": not configured on this cluster]'
    )

    assert [x.codes[0] for x in found] == ["DS503", "DS502"]


def test_a_cause_silences_the_wrapper_around_it() -> None:
    found = explain_line(
        'code = Unavailable desc = "transport: Error while dialing: dial tcp 10.0.0.7:4317: i/o timeout"'
    )

    assert [x.codes[0] for x in found] == ["DS906"]


def test_a_wrapper_is_silent_where_a_line_below_it_is_less_general() -> None:
    found = explain_line("io.grpc.StatusRuntimeException: UNAVAILABLE: io exception\nCaused by: Connection refused")

    assert found == explain_line("Connection refused")


def test_what_the_line_does_not_name_is_said_in_words() -> None:
    found = first("dial tcp :4317: connect: operation not permitted")

    assert found.groups == {"port": "4317"}
    assert "denies packets to the address" in found.meaning


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\t\n",
        "Everything is ready. Begin running and processing data.",
        "hello world",
        'Starting GRPC server {"endpoint": "[::]:4317"}',
        "0.0.0.0:4317",
        "GET /v1/traces HTTP/1.1 200",
    ],
)
def test_a_line_that_reports_no_fault_has_no_explanation(text: str) -> None:
    assert explain_line(text) == ()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (None, set()),
        ("", {"wildcard"}),
        ("localhost", {"name", "loopback"}),
        ("otel", {"name"}),
        ("0.0.0.0", {"ipv4", "wildcard", "zoneless"}),
        ("::1", {"ipv6", "loopback", "zoneless"}),
        ("fe80::1%eth0", {"ipv6", "link-local", "zoned"}),
        ("fd00::1", {"ipv6", "unique-local", "zoneless"}),
        ("::ffff:127.0.0.1", {"ipv4", "loopback", "zoneless"}),
    ],
)
def test_the_words_that_hold_for_an_address(address: str | None, words: set[str]) -> None:
    assert facts(address) == words


# --- lines made to hurt


def test_what_lies_beyond_the_limit_is_not_read() -> None:
    line = "dial tcp [::1]:4317: connect: connection refused"

    assert explain_line(line + "\n" + "x" * 1_000_000) == explain_line(line)
    assert explain_line("x\n" * (LIMIT // 2) + line) == ()


@pytest.mark.parametrize(("pattern", "row"), PAIRS, ids=lambda x: x["example"][:60] if isinstance(x, dict) else "")
def test_a_hostile_line_costs_no_more_than_its_length(pattern: str, row: dict[str, str]) -> None:
    compiled, example = re.compile(pattern, re.IGNORECASE), row["example"]
    seeds = (example, example[:-1], example[: len(example) // 2], example[0])

    started = time.process_time()
    for seed in seeds:
        for _ in compiled.finditer((seed * 10_000)[:10_000]):
            pass

    assert time.process_time() - started < 2, "a backtracking pattern takes minutes, a sound one milliseconds"


@given(st.text(max_size=300) | st.lists(st.sampled_from([x["example"] for x in ROWS]), max_size=4).map(" ".join))
def test_any_text_is_explained_or_not_and_never_fails(text: str) -> None:
    for found in explain_line(text):
        said = found.meaning + found.look + "".join(found.groups.values())

        assert said.isprintable()
        assert found.codes


@given(st.sampled_from(ROWS), st.data())
def test_a_mutilated_example_never_fails(row: dict[str, str], data: st.DataObject) -> None:
    example = row["example"]
    start = data.draw(st.integers(0, len(example)))
    junk = data.draw(st.text(max_size=8))

    assert isinstance(explain_line(example[:start] + junk + example[start:]), tuple)
