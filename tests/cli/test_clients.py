"""What the tool says of one client, beside what real ones do: Java, Node.js, Python, curl and the Collector."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dualstack.lab.demo import receiver
from tests import netns
from tests.cli.command import dualstack
from tests.real import CACHE, build, collector, command, end, need, once
from tests.real.slow_link import IPV4 as SLOW_IPV4
from tests.real.slow_link import IPV6 as SLOW_IPV6
from tests.real.slow_link import slow_link

NAME = "collector.test"
SILENT_IPV6 = "fd09::99"
UNROUTED_IPV6 = "2001:db8::5"
WORKS, SILENT = (netns.SERVER_IPV6, netns.SERVER_IPV4), (SILENT_IPV6, netns.SERVER_IPV4)
UNROUTED = (UNROUTED_IPV6, netns.SERVER_IPV4)
NO_IPV6 = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"


@contextmanager
def place(addresses: Sequence[str], fault: str = "true") -> Iterator[str]:
    """A client's namespace in which the name has these addresses; the receiver is at the other end of a cable.

    Packets to the silent address are sent and never answered: its neighbour entry leads nowhere.
    """
    need("ip")
    with netns.pair("r2") as (client, server), ExitStack() as stack:
        netns.ip("-n", client, "neigh", "add", SILENT_IPV6, "lladdr", "02:00:00:00:00:99", "dev", "eth0")
        netns.execute(client, "sh", "-c", fault)
        stack.enter_context(netns.etc(client, hosts="".join(f"{x} {NAME}\n" for x in addresses)))
        for protocol, port in (("grpc", 4317), ("http", 4318)):
            stack.enter_context(receiver(protocol, "::", port, netns=server))
        yield client


def told(place: str, *argv: str, **changes: str) -> dict[str, Any]:
    """The report in JSON, with the exit status beside it."""
    done = dualstack("diagnose", "--netns", place, "--timeout", "1", "--format", "json", *argv, **changes)
    assert done.stderr == ""
    return {**json.loads(done.stdout), "status": done.returncode}


class Named(NamedTuple):
    """A client as `--client` names it: what it meets, its verdict, the causes in order, and what it is said to do."""

    client: str
    addresses: tuple[str, ...]
    verdict: str
    causes: tuple[str, ...]
    connected: str | None
    waited: int | None
    argv: tuple[str, ...] = ()
    fault: str = "true"
    target: str = f"http://{NAME}:4318"


IPV4 = netns.SERVER_IPV4
NAMED = {
    "all is well": Named("python-otel@1.30", WORKS, "healthy", (), netns.SERVER_IPV6, 0),
    "Python waits": Named("python-otel@1.30", SILENT, "degraded", ("DS906",), IPV4, 10_000),
    "Python has no route": Named("python-otel@1.30", UNROUTED, "healthy", (), IPV4, 0),
    "Python where IPv4 is all that counts": Named(
        "python-otel@1.30", SILENT, "healthy", ("DS807",), IPV4, 10_000, ("--expect", "ipv4")
    ),
    "Go copes": Named("go", SILENT, "healthy", (), IPV4, 0),
    "curl copes": Named("curl", SILENT, "healthy", (), IPV4, 200),
    "Node copes": Named("node@20", SILENT, "healthy", (), IPV4, 250),
    "Ruby never gets there": Named("otel-ruby", SILENT, "broken", ("DS906",), None, None),
    "Java has one family": Named("java", WORKS, "degraded", ("DS807",), IPV4, 0, ("--expect", "dual")),
    "Java without IPv6": Named("java-ipv4-stack", WORKS[:1], "broken", ("DS807",), None, None),
    "a literal for Java without IPv6": Named(
        "java-ipv4-stack", WORKS, "broken", ("DS807",), None, None, target=f"http://[{netns.SERVER_IPV6}]:4318"
    ),
    "Java told to take IPv6 first, which is silent": Named("java-ipv6-first", SILENT, "broken", ("DS906",), None, None),
    "Java told to take IPv6 first, where there is none": Named(
        "java-ipv6-first", WORKS, "broken", ("DS803",), None, None, fault=NO_IPV6
    ),
    "an exporter that drops literals": Named(
        "otel-js@0.213",
        WORKS,
        "broken",
        ("DS801",),
        None,
        None,
        target=f"http://[{netns.SERVER_IPV6}]:4318",
    ),
    "its name": Named("otel-js@0.213", WORKS, "healthy", (), netns.SERVER_IPV6, 0),
    "the Collector": Named("otelcol@0.161", SILENT, "healthy", ("DS802",), IPV4, 0, target=f"grpc://{NAME}:4317"),
    "an older Collector": Named("otelcol@0.139", SILENT, "healthy", (), IPV4, 0, target=f"grpc://{NAME}:4317"),
}


@pytest.mark.parametrize("row", NAMED.values(), ids=NAMED)
def test_a_named_client(row: Named) -> None:
    with place(row.addresses, row.fault) as client:
        found = told(client, "--client", row.client, *row.argv, row.target)
        shown = dualstack("diagnose", "--netns", client, "--timeout", "1", "--client", row.client, row.target).stdout

    assert found["verdict"] == row.verdict
    assert tuple(x["code"] for x in found["findings"] if not x["because"]) == row.causes
    assert found["status"] == (0 if row.verdict == "healthy" else 1)
    (said,) = found["clients"]
    assert (said["client"], said["connected"], said["waited"]) == (row.client, row.connected, row.waited)
    assert f"Client: {said['why'][:30]}" in shown


def test_the_symptom_says_which_address_and_how_long() -> None:
    with place(SILENT) as client:
        found = told(client, "--client", "python-otel@1.30", f"http://{NAME}:4318")

    (said,) = [x for x in found["findings"] if x["code"] == "DS807"]
    assert said["because"] == ["DS404", "DS906"]
    assert f"`{SILENT_IPV6}` first, which does not answer, and has `{IPV4}` after 10 s" in said["detail"]


def test_unanswered_flows_do_not_name_a_client_that_is_not_there() -> None:
    with place(SILENT) as client:
        found = told(client, f"http://{NAME}:4318")

    assert found["clients"] == []
    assert not [x for x in found["findings"] if x["code"].startswith("DS8")]


SOCKET = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])))"
PROTOBUF = f"from google.protobuf import descriptor; {SOCKET}"
NET = "require('net').connect({host: process.argv[1], port: +process.argv[2], autoSelectFamily: false})"
GRPC = "import grpc, sys; grpc.insecure_channel(':'.join(sys.argv[1:])).unary_unary('/a/b')(b'', timeout=60)"
JAVA = "public class Dial { public static void main(String[] a) throws Exception { new java.net.Socket(a[0], 4318); } }"


def java() -> tuple[str, ...]:
    """A Java program that dials, compiled on first use."""
    need("java", "javac")
    folder = CACHE / "clients"
    with once(folder / "Dial.class") as missing:
        if missing:
            (folder / "Dial.java").write_text(JAVA)
            build(["javac", "-d", str(folder), str(folder / "Dial.java")], folder, os.environ)
    return ("java", "-cp", str(folder), "Dial", NAME)


# A real client, its environment, the port it dials; which client the tool takes it for, and what it says of it.
FLAG = {"JAVA_TOOL_OPTIONS": "-Djava.net.preferIPv6Addresses=true"}
FOUND: dict[str, tuple[tuple[str, ...], Mapping[str, str], int, str, str]] = {
    "java": ((), FLAG, 4318, "java-ipv6-first", "DS803"),
    "python": ((sys.executable, "-c", SOCKET, NAME, "4318"), {}, 4318, "python", "DS807"),
    "python with protobuf": ((sys.executable, "-c", PROTOBUF, NAME, "4318"), {}, 4318, "python-otel", "DS807"),
    "grpcio": ((sys.executable, "-c", GRPC, SILENT_IPV6.join("[]"), "4317"), {}, 4317, "grpc-core", ""),
    "node": (("node", "-e", NET, SILENT_IPV6, "4318"), {}, 4318, "node@20", ""),
    "node with an option": (
        ("node", "-e", NET, SILENT_IPV6, "4318"),
        {"NODE_OPTIONS": "--dns-result-order=ipv4first"},
        4318,
        "node-ipv4-first",
        "",
    ),
    "curl": (("curl", "-sg", f"http://[{SILENT_IPV6}]:4318/"), {}, 4318, "curl", ""),
}


@contextmanager
def running(client: str, argv: Sequence[str], environ: Mapping[str, str], port: int) -> Iterator[int]:
    """A program in the client's namespace that has sent a SYN to the port; gives its process id."""
    need(argv[0])
    before = _dialling(client, port)
    process = subprocess.Popen(
        command(client, argv), env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while _dialling(client, port) == before:
            assert time.monotonic() < deadline, "it never dialled"
            time.sleep(0.05)
        yield process.pid
    finally:
        end(process)


def _dialling(client: str, port: int) -> int:
    """How many sockets wait for an answer from the port."""
    return netns.execute(client, "ss", "-Htn", "state", "syn-sent").count(f"]:{port}")


@pytest.mark.parametrize("name", FOUND)
def test_a_client_that_runs_here_is_found(name: str) -> None:
    argv, environ, port, taken_for, code = FOUND[name]
    scheme = "grpc" if port == 4317 else "http"
    with place(SILENT) as client, running(client, argv or java(), environ, port) as pid:
        found = told(client, f"{scheme}://{NAME}:{port}")
        before = told(client, "--ignore", "DS8", f"{scheme}://{NAME}:{port}")

    (said,) = found["clients"]
    assert said["client"].startswith(taken_for)
    assert said["found"]
    assert f"pid {pid}, " in said["evidence"][0]["fact"]
    assert f"SYN-SENT to [{SILENT_IPV6}]:{port}" in said["evidence"][0]["fact"]
    mine = [x for x in found["findings"] if x["code"].startswith("DS8")]
    assert [x["code"] for x in mine if x["code"] == code] == [code] * bool(code)
    assert all(x["because"] and x["severity"] == "warning" for x in mine)
    assert found["verdict"] == before["verdict"]
    assert [x["required"] for x in found["traces"]] == [x["required"] for x in before["traces"]]


def test_without_privileges_own_processes_are_found() -> None:
    nobody = ("setpriv", "--reuid", str(netns.NOBODY), "--regid", str(netns.NOBODY), "--clear-groups")
    need("setpriv", "curl")
    argv = ("curl", "-sg", f"http://[{SILENT_IPV6}]:4318/")
    with place(SILENT) as client, running(client, argv, {}, 4318), running(client, (*nobody, *argv), {}, 4318) as pid:
        before = ("ip", "netns", "exec", client, *nobody)
        done = dualstack("diagnose", "--timeout", "1", "--format", "json", f"http://{NAME}:4318", before=before)

    (said,) = json.loads(done.stdout)["clients"]
    assert said["evidence"][0]["fact"].startswith(f"pid {pid}, ")


@pytest.mark.parametrize("version", ["0.139.0", "0.149.0", "0.161.0"])
def test_the_collector_keeps_dialling_a_dead_address_since_0_144(version: str, tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text(f"""\
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:4319"}}}}}}}}
exporters: {{otlp: {{endpoint: "{NAME}:4317", tls: {{insecure: true}}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp]}}}}
""")
    recent = version != "0.139.0"
    with place(SILENT) as client, collector.start(config.read_text(), version=version, netns=client) as agent:
        found = told(client, f"grpc://{NAME}:4317")

    seen = "\n".join(x["fact"] for client in found["clients"] for x in client["evidence"])
    assert (f"SYN-SENT to [{SILENT_IPV6}]:4317" in seen) is recent
    assert [x["client"] for x in found["clients"]] == [f"otelcol@{version}"], agent.log
    assert ("DS802" in {x["code"] for x in found["findings"]}) is recent


REQUEST = """
const http = require('http'), started = http.request({host: process.argv[1], port: 4318, method: 'POST'});
started.on('response', x => { console.log(x.socket.remoteAddress); process.exit(); });
started.on('error', x => { console.log('failed'); process.exit(); });
started.end();
"""


def test_node_gives_up_what_answers_after_its_limit() -> None:
    """A round trip of 400 ms: the tool says before what Node does then."""
    need("node")
    patient = {"NODE_OPTIONS": "--network-family-autoselection-attempt-timeout=1000"}
    hosts = f"{SLOW_IPV6} both.test\n{SLOW_IPV4} both.test\n{SLOW_IPV6} half.test\n127.0.0.1 half.test\n"
    with netns.isolated("r2") as client, netns.isolated("r2") as server, ExitStack() as stack:
        stack.enter_context(slow_link(client, server, 0.4))
        stack.enter_context(receiver("http", "::", 4318, netns=server))
        stack.enter_context(netns.etc(client, hosts=hosts))
        real = {x: _node(client, x) for x in ("both.test", "half.test")}
        mended = {x: _node(client, x, **patient) for x in ("both.test", "half.test")}
        said = {x: told(client, "--timeout", "5", "--client", "node@20", f"http://{x}:4318") for x in real}
        unsaid = told(client, "--timeout", "5", "--client", "go", "http://both.test:4318")

    assert real == {"both.test": SLOW_IPV4, "half.test": "failed"}
    assert mended == {"both.test": SLOW_IPV6, "half.test": SLOW_IPV6}
    assert {x: found["clients"][0]["connected"] or "failed" for x, found in said.items()} == real
    for found in said.values():
        assert "DS805" in {x["code"] for x in found["findings"]}
    assert {x: found["verdict"] for x, found in said.items()} == {"both.test": "healthy", "half.test": "broken"}
    assert unsaid["findings"] == []


def _node(client: str, name: str, **environ: str) -> str:
    argv = command(client, ("node", "-e", REQUEST, name))
    done = subprocess.run(argv, env={**os.environ, **environ}, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()
