"""Exports from this host through what stands in front of a Service: they prove the way, or leave it unknown."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from dualstack.conclusion import conclude, sight
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.veil import veiled_world
from dualstack.looks import through, ways_in
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.glimpse import Glimpses, Way
from dualstack.model.probe import Outcome, ProbeResult, ProbeTask
from dualstack.model.question import Question
from dualstack.model.trace import Disposition, Hop, Status, Trace
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_fronts import IP4, IP6, balanced, ingress
from tests.cluster.test_incidents import looks

V4, V6 = Family.IPV4, Family.IPV6
ADDRESSES = ("203.0.113.10", "2001:db8::10")
NAME = "otel.example.com"


def made(address: str, port: int, outcome: Outcome, host: str = "") -> ProbeResult:
    protocol = Protocol.HTTP if port in (80, 443, 4318) else Protocol.GRPC
    return ProbeResult(ProbeTask(address, port, protocol, host or address), outcome)


def every(outcome: Outcome) -> list[ProbeResult]:
    return [made(x, y, outcome) for x in ADDRESSES for y in (4317, 4318)]


def world(*results: ProbeResult, fronts: tuple[w.Object, ...] = (), **instead: object) -> World:
    seen = replace(looks(*Way), entrances=tuple(results))
    return w.world([*w.healthy(**{"services": [balanced(given=[IP4, IP6])], **instead}), *fronts], seen=seen)


def told(*results: ProbeResult, expect: tuple[Family, ...] = (), **instead: object) -> Diagnosis:
    return conclude(world(*results, **instead), Question(expect=expect))  # type: ignore[arg-type]


def outside(found: Diagnosis) -> list[Trace]:
    return [x for x in found.traces if x.through]


def test_what_got_through_is_proved() -> None:
    found = told(*every(Outcome.ACCEPTED))

    assert {x.disposition for x in outside(found)} == {Disposition.ACCEPTED}
    assert "the ways from outside" not in {x.needs for x in found.skipped}
    assert found.verdict is Verdict.HEALTHY
    facts = [y.source for x in outside(found) for y in x.at(Hop.EXPORT).evidence]
    assert "grpc export to [2001:db8::10]:4317 from where this was run" in facts


@pytest.mark.parametrize("outcome", [x for x in Outcome if x not in (Outcome.ACCEPTED, Outcome.CANCELLED)])
def test_what_did_not_is_not_known_and_says_what_was_met(outcome: Outcome) -> None:
    found = told(*every(outcome))

    assert {x.disposition for x in outside(found)} == {Disposition.INSUFFICIENT_INFO}
    assert {x.at(Hop.ROUTE).status for x in outside(found)} == {Status.UNKNOWN}
    assert not found.findings
    assert found.verdict is Verdict.UNKNOWN
    [why] = [x.why for x in found.skipped if x.needs == "the ways from outside"]
    assert "from where this was run: the way through load balancer 203.0.113.10 and load balancer" in why


def test_each_family_is_proved_by_itself() -> None:
    found = told(*(x for x in every(Outcome.ACCEPTED) if ":" not in x.task.address))

    assert {x.family for x in outside(found) if x.accepted} == {V4}
    assert found.verdict is Verdict.UNKNOWN


def test_what_fails_behind_is_not_mended_by_an_export() -> None:
    found = told(*every(Outcome.ACCEPTED), services=[balanced(given=[IP4])], expect=(V4, V6))

    assert w.roots(found) == ["DS519"]
    assert found.verdict is Verdict.DEGRADED


def test_one_that_was_interrupted_says_nothing() -> None:
    found = told(*every(Outcome.CANCELLED))

    [why] = [x.why for x in found.skipped if x.needs == "the ways from outside"]
    assert why.startswith("nobody exported through load balancer 203.0.113.10")


def test_every_address_of_a_name_has_to_take_exports() -> None:
    front = ingress(4318, given=[IP4, IP6])
    both = [made(x, 80, Outcome.ACCEPTED, NAME) for x in ("203.0.113.1", "203.0.113.2", "2001:db8::1")]

    proved = told(*both, fronts=(front,), services=[w.service()])
    partly = told(*both[1:], made("203.0.113.1", 80, Outcome.REFUSED, NAME), fronts=(front,), services=[w.service()])

    assert {x.family: x.accepted for x in outside(proved)} == {V4: True, V6: True}
    assert {x.family: x.accepted for x in outside(partly)} == {V4: False, V6: True}


def test_a_stored_answer_is_the_same_under_pseudonyms_too() -> None:
    results = [made(x, 80, Outcome.ACCEPTED, NAME) for x in ("203.0.113.1", "2001:db8::1")]
    live = world(*results, fronts=(ingress(4318, given=[IP4, IP6]),), services=[w.service()])
    stored = unpacked("world", packed(live, "1.0"))
    hidden = unpacked("veiled", packed(veiled_world(live, Pseudonyms(b"a key that stays with its owner.")), "1.0"))

    expected = conclude(live, Question())
    assert conclude(stored, Question()).traces == expected.traces
    veiled = conclude(hidden, Question())
    assert veiled.verdict is expected.verdict is Verdict.HEALTHY
    assert {x.disposition for x in outside(veiled)} == {Disposition.ACCEPTED}
    assert NAME not in str(hidden.seen)


@pytest.fixture
def receiver() -> Iterator[int]:
    """The port of a receiver of OTLP/HTTP on 127.0.0.1."""

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_this_host_exports_to_an_external_address(receiver: int) -> None:
    ports = [{"name": "otlp-http", "port": receiver, "targetPort": "otlp-http"}]
    service = w.service(externalIPs=["127.0.0.1", "127.0.0.2"], ports=ports)
    held, said = w.world(w.healthy(services=[service])), list[str]()

    wanted = list(ways_in(sight(held, Question()).traces.items))
    held.seen = Glimpses(entrances=through(wanted, said.append))

    assert {x.task.address: x.outcome for x in held.seen.entrances} == {
        "127.0.0.1": Outcome.ACCEPTED,
        "127.0.0.2": Outcome.REFUSED,
    }
    assert f"http export to 127.0.0.1:{receiver}, the external address 127.0.0.1, from here" in said
    ways = {x.vantage: x.accepted for x in outside(conclude(held, Question()))}
    assert ways == {"external address 127.0.0.1": True, "external address 127.0.0.2": False}


def test_a_name_is_looked_up_and_one_of_many_hosts_is_not_tried(receiver: int) -> None:
    service = balanced(given=[{"hostname": "localhost"}], ports=[{"name": "otlp-http", "port": receiver}])
    wild = ingress(given=[IP4])
    wild["spec"]["rules"][0]["host"] = "*.example.com"
    held = w.world([*w.healthy(services=[service]), wild])

    wanted = list(ways_in(sight(held, Question()).traces.items))
    found = through(wanted, lambda _: None)

    assert {x.target.host for x in wanted} == {"localhost"}
    assert [(x.task.address, x.outcome) for x in found if x.outcome is Outcome.ACCEPTED] == [
        ("127.0.0.1", Outcome.ACCEPTED)
    ]
