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
from dualstack.model.glimpse import Way
from dualstack.model.probe import Options, Outcome, ProbeResult, ProbeTask
from dualstack.model.question import Question
from dualstack.model.trace import Disposition, Hop, Status, TracedHop
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_fronts import IP4, IP6, TRAEFIK, balanced, gateway, ingress, outside, route, says
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


def page(status: int, text: str, protocol: Protocol = Protocol.HTTP) -> list[ProbeResult]:
    """What a proxy answers at each of its addresses."""
    tasks = [ProbeTask(x, 80, protocol, NAME) for x in ADDRESSES]
    return [ProbeResult(x, Outcome.NOT_OTLP, status=f"HTTP {status}", detail=text) for x in tasks]


def fronted(front: w.Object, results: list[ProbeResult]) -> Diagnosis:
    return told(*results, fronts=(front,), services=[w.service()])


@pytest.mark.parametrize(
    ("ingress_class", "status", "text", "says"),
    [
        ("traefik", 502, "Bad Gateway", "reaches nobody behind the Service"),
        ("traefik", 503, "no available server", "knows no pod behind the Service"),
        ("nginx", 502, "<html>\\r\\n<center><h1>502 Bad Gateway</h1></center>", "reaches nobody behind the Service"),
    ],
)
def test_what_a_proxy_answers_by_itself_fails_for_everybody(
    ingress_class: str, status: int, text: str, says: str
) -> None:
    found = fronted(ingress(given=[IP4, IP6], ingressClassName=ingress_class), page(status, text))

    assert {x.disposition for x in outside(found)} == {Disposition.REJECTED}
    assert {x.at(Hop.POLICY).status for x in outside(found)} == {Status.PASS}
    assert w.roots(found) == ["DS905"]
    assert f"leads to port 4318 of Service otel. Its proxy {says}" in found.findings[0].detail
    assert f"answers `HTTP {status}` by itself" in found.findings[0].detail
    assert found.verdict is Verdict.DEGRADED


ROUTERS, LIMIT = "traefik.ingress.kubernetes.io/router.entrypoints", "nginx.ingress.kubernetes.io/limit-rps"
STRIPPED = {"traefik.ingress.kubernetes.io/router.middlewares": "obs-strip@kubernetescrd"}
REWRITTEN = {"nginx.ingress.kubernetes.io/rewrite-target": "/"}


@pytest.mark.parametrize(
    ("front", "status", "text"),
    [
        (ingress(given=[IP4, IP6], ingressClassName="traefik"), 404, "404 page not found"),
        (ingress(given=[IP4, IP6], ingressClassName="traefik"), 502, "<h1>Bad Gateway</h1>"),
        (ingress(given=[IP4, IP6], ingressClassName="edge"), 502, "Bad Gateway"),
        (ingress(given=[IP4, IP6], ingressClassName="traefik", path="/otlp", annotations=STRIPPED), 502, "Bad Gateway"),
        (ingress(given=[IP4, IP6], ingressClassName="traefik", annotations={ROUTERS: "otlp"}), 502, "Bad Gateway"),
        (ingress(given=[IP4, IP6], annotations={LIMIT: "5"}), 503, "<h1>503 Service Temporarily Unavailable</h1>"),
    ],
    ids=["no way", "page of another", "unknown", "another path", "another port", "limited"],
)
def test_what_may_be_the_answer_of_another_is_not_known(front: w.Object, status: int, text: str) -> None:
    found = fronted(front, page(status, text))

    assert {x.disposition for x in outside(found)} == {Disposition.INSUFFICIENT_INFO}
    assert not found.findings


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ([ingress(given=[IP4, IP6], ingressClassName="traefik")], ("HTTP 502", "Bad Gateway")),
        ([ingress(given=[IP4, IP6])], ("HTTP 503", "<h1>503 Service Temporarily Unavailable</h1>")),
        ([route("HTTPRoute", 4318, hostnames=[NAME], status=[{**says("Accepted", "True"), "controllerName": TRAEFIK}]),
          gateway(*ADDRESSES, listeners=[{"name": "web", "port": 8000, "protocol": "HTTP"}])],
         ("HTTP 500", "Internal Server Error")),
    ],
)  # fmt: skip
def test_what_a_proxy_answers_by_itself_is_known_under_pseudonyms(front: list[w.Object], said: tuple[str, str]) -> None:
    results = [replace(x, status=said[0], detail=said[1]) for x in page(0, "")]
    live = world(*results, fronts=tuple(front), services=[w.service()])
    hidden = unpacked("veiled", packed(veiled_world(live, Pseudonyms(b"a key that stays with its owner.")), "1.0"))

    assert w.roots(conclude(live, Question())) == w.roots(conclude(hidden, Question())) == ["DS905"]


@pytest.mark.parametrize(
    ("match", "codes"),
    [
        ({}, ["DS905"]),
        ({"path": {"type": "PathPrefix", "value": "/v1/traces"}}, ["DS905"]),
        ({"path": {"value": "/v1/t"}}, ["DS904"]),
        ({"headers": [{"name": "x-tenant", "value": "a"}]}, []),
        ({"method": "PUT"}, []),
        ({"path": {"type": "RegularExpression", "value": "/v2/.*"}}, []),
    ],
)
def test_a_route_that_wants_more_than_a_path_may_not_be_what_answered(match: w.Object, codes: list[str]) -> None:
    held = route("HTTPRoute", 4318, hostnames=[NAME], status=[{**says("Accepted", "True"), "controllerName": TRAEFIK}])
    held["spec"]["rules"][0]["matches"] = [{"path": {"type": "PathPrefix", "value": "/"}, **match}]
    results = page(500, "Internal Server Error")

    found = told(*results, fronts=(held, gateway(*ADDRESSES)), services=[w.service()])

    assert w.roots(found) == codes


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a receiver of OTLP/HTTP on 127.0.0.1, which answers 502 first as often as the parameter says."""
    late = [502] * getattr(request, "param", 0)

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(late.pop() if late else 200)
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
    held.seen = through(wanted, said.append, Options())

    assert {x.task.address: x.outcome for x in held.seen.entrances} == {
        "127.0.0.1": Outcome.ACCEPTED,
        "127.0.0.2": Outcome.REFUSED,
    }
    assert f"http export to 127.0.0.1:{receiver}, the external address 127.0.0.1, from here" in said
    ways = {x.vantage: x.accepted for x in outside(conclude(held, Question()))}
    assert ways == {"external address 127.0.0.1": True, "external address 127.0.0.2": False}


@pytest.mark.parametrize(("receiver", "outcome"), [(1, Outcome.ACCEPTED), (2, Outcome.REJECTED)], indirect=["receiver"])
def test_what_a_proxy_answers_is_asked_once_more(receiver: int, outcome: Outcome) -> None:
    ports = [{"name": "otlp-http", "port": receiver, "targetPort": "otlp-http"}]
    held = w.world(w.healthy(services=[w.service(externalIPs=["127.0.0.1"], ports=ports)]))

    found = through(ways_in(sight(held, Question()).traces.items), lambda _: None, Options()).entrances

    assert [x.outcome for x in found] == [outcome]


def test_a_name_is_looked_up_and_one_of_many_hosts_is_not_tried(receiver: int) -> None:
    service = balanced(given=[{"hostname": "localhost"}], ports=[{"name": "otlp-http", "port": receiver}])
    wild = ingress(given=[IP4])
    wild["spec"]["rules"][0]["host"] = "*.example.com"
    held = w.world([*w.healthy(services=[service]), wild])

    wanted = list(ways_in(sight(held, Question()).traces.items))
    found = through(wanted, lambda _: None, Options()).entrances

    assert {x.target.host for x in wanted} == {"localhost"}
    assert [(x.task.address, x.outcome) for x in found if x.outcome is Outcome.ACCEPTED] == [
        ("127.0.0.1", Outcome.ACCEPTED)
    ]


@pytest.mark.parametrize(
    ("given", "more"), [([IP4], ""), ([], ", and Ingress edge, of the class `nginx`, shows no address")]
)
def test_a_name_without_an_address_here_is_told_as_that(given: list[w.Object], more: str) -> None:
    front = ingress(4318, given=given)
    front["spec"]["rules"][0]["host"] = "otlp.invalid"  # RFC 6761 section 6.4
    held = w.world([*w.healthy(), front])
    assert {x.why for x in untold(held)} == {f"`otlp.invalid` was not looked up{more}"}

    held.seen = through(ways_in(sight(held, Question()).traces.items), lambda _: None, Options())

    why = f"`otlp.invalid` gives no address where this was run{more}"
    for one in (held, unpacked("w", packed(held, "1.0"))):
        assert {x.why for x in untold(one)} == {why}
        told = [x.why for x in conclude(one, Question()).skipped if x.needs == "the ways from outside"]
        assert told
        assert all(x.startswith(f"{why}: the way through ingress edge") for x in told)
    hidden = unpacked("w", packed(veiled_world(held, Pseudonyms(b"a key that stays with its owner.")), "1.0"))
    assert "otlp.invalid" not in hidden.seen.nameless
    assert all("gives no address" in x.why for x in untold(hidden))


def untold(held: World) -> list[TracedHop]:
    """The hops of flows from outside at which their names are looked up."""
    return [x.at(Hop.RESOLVE) for x in outside(conclude(held, Question()))]


def by_header() -> w.Object:
    found = route("HTTPRoute", 4318, hostnames=[NAME])
    found["spec"]["rules"][0]["matches"] = [{"headers": [{"name": "tenant", "value": "a"}]}]
    return found


def two_paths() -> w.Object:
    found = ingress(4318, given=[IP4])
    other = {"service": {"name": "other", "port": {"number": 4318}}}
    found["spec"]["rules"][0]["http"]["paths"] += [{"path": "/v1", "pathType": "Prefix", "backend": other}]
    return found


EDGE = gateway("203.0.113.1", listeners=[{"name": "web", "port": 80, "protocol": "HTTP"}])
CANARY = {"nginx.ingress.kubernetes.io/canary": "true"}


@pytest.mark.parametrize(
    ("fronts", "proved"),
    [
        ((ingress(4318, given=[IP4]),), True),
        ((ingress(4318, given=[IP4], path="/v1/traces"),), True),
        ((ingress(4318, given=[IP4], path="/otel", annotations=REWRITTEN),), False),
        ((ingress(4318, given=[IP4], path="/v1/logs"),), False),
        ((ingress(4318, given=[IP4], annotations=CANARY),), False),
        ((two_paths(),), False),
        ((EDGE, route("HTTPRoute", 4318, hostnames=[NAME])), True),
        ((EDGE, by_header()), False),
        ((EDGE, route("HTTPRoute", 4318, hostnames=[NAME], backends=[{"name": "other", "port": 4318}])), False),
    ],
)
def test_an_export_proves_no_way_that_it_does_not_take(fronts: tuple[w.Object, ...], proved: bool) -> None:
    taken = made("203.0.113.1", 80, Outcome.ACCEPTED, NAME)
    found = told(taken, fronts=fronts, services=[w.service()])

    assert {x.disposition for x in outside(found)} == {
        Disposition.ACCEPTED if proved else Disposition.INSUFFICIENT_INFO
    }
    assert found.verdict is (Verdict.HEALTHY if proved else Verdict.UNKNOWN)
    assert bool([*ways_in(conclude(world(fronts=fronts, services=[w.service()]), Question()).traces)]) is proved
    assert any("nobody exported through" in x.why for x in found.skipped) is not proved
