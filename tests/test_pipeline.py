"""From a question to an answer, with real sockets on the loopback and in network namespaces."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from dualstack.gather.errors import BadInput
from dualstack.gather.netns import find, inside
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.evidence import Missing
from dualstack.model.names import Names
from dualstack.model.probe import Options, Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.sockets import Listeners, Runtime
from dualstack.model.target import parse_target
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.pipeline import Notebook, Request, _encrypted, conclude, diagnose, listeners_of, names_of, probe
from dualstack.rules.registry import choose
from dualstack.testing.incident import snapshot
from tests.netns import SERVER_IPV4, execute, isolated, pair

SOURCE = str(Path(__file__).parents[1] / "src")


@contextmanager
def receiver(protocol: str, address: str, *options: str) -> Iterator[int]:
    """The lab's receiver in a process of its own. Gives its port."""
    argv = [sys.executable, "-m", "dualstack.lab.receiver", protocol, address, "0", *options]
    environ = {**os.environ, "PYTHONPATH": SOURCE}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as running:
        assert running.stdout
        yield int(running.stdout.readline())
        running.communicate()


def asked(*texts: str, probing: bool = True, expect: tuple[Family, ...] = ()) -> Question:
    targets = tuple(x for text in texts for x in parse_target(text))
    return Question(targets=targets, probing=probing, expect=expect)


def both(protocol: str, port: int) -> tuple[str, str]:
    return f"{protocol}://127.0.0.1:{port}", f"{protocol}://[::1]:{port}"


LOOPBACK_IPV6 = "0" * 31 + "1 "
INTERFACES = Path("/proc/net/if_inet6")
needs_ipv6 = pytest.mark.skipif(
    not INTERFACES.is_file() or LOOPBACK_IPV6 not in INTERFACES.read_text(),
    reason="needs ::1 on the loopback interface",
)


@needs_ipv6
def test_exports_that_are_taken_over_both_families_are_healthy_and_nothing_else_is_asked() -> None:
    announced: list[ProbeTask] = []
    with receiver("grpc", "::") as grpc, receiver("http", "::") as http:
        found = diagnose(Request(asked(*both("grpc", grpc), *both("http", http))), announced.append)

    assert found.verdict is Verdict.HEALTHY
    assert [x.disposition for x in found.traces] == [Disposition.ACCEPTED] * 4
    assert [x for x in found.findings if not x.because] == []
    assert len({x.endpoint for x in announced}) == 4


@needs_ipv6
def test_a_family_that_no_socket_takes_is_degraded_with_the_owner_named() -> None:
    with receiver("http", "0.0.0.0") as port:
        found = diagnose(Request(asked(*both("http", port))))

    assert found.verdict is Verdict.DEGRADED
    causes = [x for x in found.findings if not x.because]
    assert [x.families for x in causes] == [(Family.IPV6,)]
    assert any("python" in x.fact for x in causes[0].evidence)


def test_only_the_chosen_rules_speak() -> None:
    found = diagnose(Request(asked("grpc://127.0.0.1:1"), chosen=choose("DS7", "")))

    assert (found.verdict, found.findings) == (Verdict.BROKEN, ())


def test_without_probes_nothing_is_sent_and_nothing_is_proved() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = diagnose(Request(asked(f"http://127.0.0.1:{port}", probing=False)))
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()

    assert found.verdict is Verdict.UNKNOWN
    assert ("Probes", "--no-probe was given") in [(x.needs, x.why) for x in found.skipped]


def test_without_probes_a_port_that_nobody_has_is_still_known_to_refuse() -> None:
    found = diagnose(Request(asked("grpc://127.0.0.1:1", probing=False)))

    assert found.verdict is Verdict.BROKEN
    assert [x.code for x in found.findings if not x.because] == ["DS211"]


def test_an_interrupt_leaves_what_was_known_by_then() -> None:
    def interrupt(task: ProbeTask) -> None:
        raise KeyboardInterrupt

    found = diagnose(Request(asked("grpc://127.0.0.1:1")), interrupt)

    assert found.interrupted
    assert [x.disposition for x in found.traces] == [Disposition.REFUSED]


def test_a_configuration_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        diagnose(Request(asked("grpc://127.0.0.1:1"), config=str(tmp_path / "none.yaml")))


def test_a_namespace_that_does_not_exist_is_bad_input() -> None:
    with pytest.raises(BadInput):
        diagnose(Request(asked("grpc://127.0.0.1:1"), netns="ds-there-is-none"))


def test_a_question_without_a_target_asks_for_what_listens_there() -> None:
    with isolated("pipeline") as name:
        argv = ["ip", "netns", "exec", name, sys.executable, "-m", "dualstack.lab.receiver", "grpc", "::", "4317"]
        environ = {**os.environ, "PYTHONPATH": SOURCE}
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as running:
            assert running.stdout
            running.stdout.readline()
            found = diagnose(Request(Question(), netns=name))
            running.communicate()

    assert found.verdict is Verdict.HEALTHY
    assert (found.question.place, found.question.listing) == (f"netns {name}", True)
    assert [(x.target.port, x.addresses) for x in found.traces] == [(4317, ("127.0.0.1",)), (4317, ("::1",))]


YES = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"


def encrypted(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Answers yes to every request over TLS, until the listener is shut down."""
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with sock, suppress(OSError), context.wrap_socket(sock, server_side=True) as session:
            while session.recv(65536):
                session.sendall(YES)


def test_a_listener_that_expects_tls_is_proved_with_tls(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command")
    key, pem = str(tmp_path / "key"), str(tmp_path / "pem")
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-subj", "/CN=x"]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    with (
        isolated("pipeline") as name,
        inside(find(name), lambda: socket.create_server(("127.0.0.1", 4318))) as listener,
    ):
        serving = threading.Thread(target=encrypted, args=(listener, context))
        serving.start()
        found = diagnose(Request(Question(), netns=name))
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()

    assert [(x.target.scheme, x.disposition) for x in found.traces] == [("https", Disposition.ACCEPTED)]


def test_where_nothing_listens_a_question_without_a_target_is_about_localhost() -> None:
    with isolated("pipeline") as name:
        found = diagnose(Request(Question(expect=(Family.IPV4,)), netns=name))

    assert found.verdict is Verdict.BROKEN
    assert {x.target.host for x in found.traces} == {"localhost"}


def test_the_other_end_is_seen_where_it_is_on_this_machine() -> None:
    with pair("pipeline") as (client, server):
        found = diagnose(Request(asked(f"grpc://{SERVER_IPV4}:4317"), netns=client))

    assert [(x.disposition, x.server) for x in found.traces] == [(Disposition.REFUSED, f"netns {server}")]
    assert [x.code for x in found.findings if not x.because] == ["DS211"]


def test_the_hint_of_a_filter_mends_it_at_once() -> None:
    """First segment and reply both meet the policy, for the connection stays within one host."""
    if not shutil.which("nft"):
        pytest.skip("needs nft")
    table = "table inet f { chain i { type filter hook input priority 0; policy drop; }; }"
    with pair("pipeline") as (_, server), inside(find(server), lambda: socket.create_server((SERVER_IPV4, 4317))):
        execute(server, "nft", table)
        request = Request(asked(f"{SERVER_IPV4}:4317"), netns=server, options=Options(seconds=0.5))
        hint = next(x.hint for x in diagnose(request).findings if x.code == "DS702")
        for command in re.findall(r"`([^`]+)`", hint):
            subprocess.run(command.split(), check=True, capture_output=True)
        found = diagnose(request)

    assert "DS702" not in {x.code for x in found.findings}
    assert found.traces[0].at(Hop.LISTEN).status is Status.PASS


def test_a_listener_whose_queue_is_full_is_the_cause_of_silence() -> None:
    with isolated("pipeline") as place, ExitStack() as held:
        listener = held.enter_context(inside(find(place), lambda: socket.create_server(("127.0.0.1", 4317), backlog=0)))
        where = listener.getsockname()
        held.enter_context(inside(find(place), lambda: socket.create_connection(where)))
        found = diagnose(Request(asked("grpc://127.0.0.1:4317"), place, options=Options(seconds=0.2)))

    assert [x.code for x in found.findings] == ["DS906"]
    assert f"(process {os.getpid()}) holds `127.0.0.1:4317`" in found.findings[0].detail
    assert [(x.disposition, x.failing and x.failing.hop) for x in found.traces] == [(Disposition.TIMED_OUT, Hop.LISTEN)]


def test_a_process_that_is_stopped_is_named_and_how_to_let_it_go_on() -> None:
    with receiver("http", "127.0.0.1") as port:
        (holder,) = (y.pid for x in listeners_of("", [port]).items for y in x.processes)
        os.kill(holder, signal.SIGSTOP)
        try:
            found = diagnose(Request(asked(f"http://127.0.0.1:{port}"), options=Options(seconds=0.2)))
        finally:
            os.kill(holder, signal.SIGCONT)

    assert [x.code for x in found.findings] == ["DS905"]
    assert found.findings[0].summary.endswith("is stopped")
    assert f"kill -CONT {holder}" in found.findings[0].hint


def test_probes_alone_are_made_in_the_order_of_the_targets() -> None:
    with receiver("http", "127.0.0.1") as port:
        found = probe(Request(asked(f"http://127.0.0.1:{port}", "grpc://127.0.0.1:1"), options=Options(seconds=5)))

    assert [x.outcome for x in found.items] == [Outcome.ACCEPTED, Outcome.REFUSED]


def test_a_name_is_told_with_its_routes() -> None:
    names, routes = names_of("", "localhost")

    (lookup,) = names.lookups
    assert "127.0.0.1" in lookup.addresses
    assert {x.destination: x.interface for x in routes.items}["127.0.0.1"] == "lo"


def test_listeners_are_told_with_their_owners_by_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [x.getsockname()[1] for x in (one, other)]
        found = listeners_of("", ports[:1])
        every = listeners_of("", ())

    assert [(x.port, os.getpid() in [p.pid for p in x.processes]) for x in found.items] == [(ports[0], True)]
    assert set(ports) <= {x.port for x in every.items}


def test_what_the_system_refuses_is_missing_with_its_reason() -> None:
    notes = Notebook(Question())

    def refused() -> Names:
        raise PermissionError(13, "Permission denied")

    def odd() -> Probes:
        raise OSError("sock_diag: no answer")

    assert notes.take(Names, refused) is None
    assert notes.take(Probes, odd) is None
    assert notes.snapshot().get(Names) == Missing("Names", "Permission denied")
    assert notes.snapshot().get(Probes) == Missing("Probes", "sock_diag: no answer")


def test_a_gap_is_noted_once() -> None:
    notes = Notebook(Question())
    notes.gaps += [Missing("nft", "not installed")] * 2

    assert notes.snapshot().gaps == (Missing("nft", "not installed"),)


@pytest.mark.parametrize(
    ("listing", "outcome", "tls"),
    [
        (True, Outcome.TLS_EXPECTED, [True, False]),
        (True, Outcome.ACCEPTED, [False, False]),
        (False, Outcome.TLS_EXPECTED, [False, False]),
    ],
)
def test_a_listener_that_expects_tls_is_asked_again_with_it(listing: bool, outcome: Outcome, tls: list[bool]) -> None:
    question = replace(asked("grpc://127.0.0.1:4317", "http://127.0.0.1:4318"), listing=listing)
    result = ProbeResult(ProbeTask("127.0.0.1", 4317, Protocol.GRPC, "localhost"), outcome)

    assert [x.tls for x in _encrypted(question, Probes((result,))).targets] == tls


def test_without_results_nothing_expects_tls() -> None:
    question = replace(asked("grpc://127.0.0.1:4317"), listing=True)

    assert _encrypted(question, None) is question


WORLD = snapshot(
    'target: http://localhost:4318\nnames: {localhost: ["::1", 127.0.0.1]}\nlisteners: ["0.0.0.0:4318"]\n'
    'probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http cancelled"]\n'
)


def test_the_same_evidence_gives_the_same_answer() -> None:
    assert conclude(WORLD) == conclude(WORLD)
    assert conclude(WORLD).interrupted


def test_the_runtime_that_the_user_names_decides_where_the_owner_is_out_of_sight() -> None:
    told = WORLD.adding(replace(WORLD.having(Question) or Question(), server=Runtime.RUST))

    assert [x.code for x in conclude(WORLD).findings if not x.because] == ["DS201"]
    assert [x.code for x in conclude(told).findings if not x.because] == ["DS205"]
    assert {x.runtime for x in (told.having(Listeners) or Listeners()).items} == {Runtime.UNKNOWN}


def test_no_evidence_is_no_answer() -> None:
    assert conclude(type(WORLD)({})).verdict is Verdict.UNKNOWN
