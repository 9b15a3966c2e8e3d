"""Clients whose host leads to an address of an Ingress, a Gateway or a load balancer: what is behind it is followed."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.archive import unpacked
from dualstack.gather.cluster import Asker, of
from dualstack.gather.facts import plainly
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Certificate, Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop, TracedHop
from dualstack.model.world import World
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, errors
from tests.cluster.test_front_gathering import Told
from tests.cluster.test_fronts import balanced, gateway, ingress, route, says
from tests.cluster.test_pseudonyms import veil
from tests.cluster.test_survey import KINDS, Object, variables

AT, HOST = "203.0.113.80", "otel.example.com"
WEB = {"name": "web", "port": 80, "protocol": "HTTP"}


def sends(to: str = f"http://{HOST}", *, protocol: str = "http/protobuf", host: str = HOST) -> Object:
    """A pod beside the Collector with the address of the host in its hosts file."""
    found = cart(
        to,
        *variables(OTEL_EXPORTER_OTLP_PROTOCOL=protocol),
        hostAliases=[{"ip": AT, "hostnames": [host]}] if host else [],
    )
    found["metadata"]["namespace"] = "obs"
    return found


def replaced(client: Object, namespace: str) -> Object:
    return {**client, "metadata": {**client["metadata"], "namespace": namespace}}


def gathered(client: Object, *fronts: Object, refused: Iterable[str] = (), **instead: Any) -> World:
    world = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), client, *fronts)])
    for kind in (*KINDS, "Ingress", "HTTPRoute", "GRPCRoute", "Gateway"):
        world.objects.setdefault(kind, [])
    found = of(Asker(Told(world, dict.fromkeys(refused, 403)), "obs"), KubeTarget("pod", "a"))
    found.namespace, found.target = "obs", "pod/a"
    return found


def told(client: Object, *fronts: Object, **instead: Any) -> Diagnosis:
    return conclude(gathered(client, *fronts, **instead), Question())


def end(found: Diagnosis) -> TracedHop:
    """The hop of the client at which somebody has the address."""
    (one,) = [x for x in found.traces if x.vantage.startswith("pods of")]
    return one.at(Hop.ENDPOINTS)


def http(**said: Any) -> Object:
    return route("HTTPRoute", 4318, **{"hostnames": [HOST], **said})


SHUT = [says("ResolvedRefs", reason="RefNotPermitted")]
GIVEN = [{"ip": AT}]


@pytest.mark.parametrize(
    ("client", "fronts", "codes"),
    [
        (sends(), [ingress(4319, given=GIVEN)], ["DS508"]),
        (sends(f"https://{HOST}"), [ingress(4319, given=GIVEN)], ["DS508"]),
        (sends(f"http://{HOST}:8080"), [ingress(4319, given=GIVEN)], []),
        (sends(), [ingress(to="otel-colector", given=GIVEN)], ["DS508"]),
        (sends(), [ingress(4319, given=GIVEN, path="/v1/metrics")], []),
        (sends(f"http://{HOST}/otlp"), [ingress(4319, given=GIVEN)], []),
        (sends("http://a.example.com", host="a.example.com"), [ingress(4319, given=GIVEN)], []),
        (sends(), [ingress(4319, given=[{"ip": "203.0.113.81"}])], []),
        (sends(f"http://{AT}", host=""), [ingress(4319, given=GIVEN)], []),
        (sends(), [http(status=SHUT), gateway(AT, listeners=[WEB])], ["DS707"]),
        (sends(), [http(status=SHUT, hostnames=["*.example.com"]), gateway(AT, listeners=[WEB])], ["DS707"]),
        (sends(f"http://{AT}", host=""), [http(status=SHUT, hostnames=[]), gateway(AT, listeners=[WEB])], ["DS707"]),
        (sends(f"http://{HOST}:81"), [http(status=SHUT), gateway(AT, listeners=[WEB])], []),
        (sends(), [http(status=SHUT), gateway("203.0.113.81", listeners=[WEB])], []),
        (sends(), [http(status=[says("ResolvedRefs", "True")]), gateway(AT, listeners=[WEB])], []),
    ],
)  # fmt: skip
def test_what_is_wrong_in_front_is_the_cause(client: Object, fronts: list[Object], codes: list[str]) -> None:
    found = told(client, *fronts)

    assert errors(found) == codes, [(x.code, x.detail) for x in found.findings]
    assert found.verdict == ("broken" if codes else "unknown")


@pytest.mark.parametrize(
    ("fronts", "instead", "who"),
    [
        ([ingress(given=GIVEN)], {}, f"Ingress edge has {AT}, and nobody exported through it"),
        ([http(), gateway(AT)], {}, f"Gateway edge has {AT}, and nobody exported through it"),
        ([], {"services": [balanced(given=GIVEN)]}, f"{AT} leads to Service otel from outside, and nobody exported"),
        ([], {"services": [w.service(externalIPs=[AT])]}, f"{AT} leads to Service otel from outside, and nobody"),
        ([ingress(given=[{"hostname": "lb.example.com"}])], {}, f"nobody is known to have {AT}"),
    ],
)
def test_who_has_the_address_is_told(fronts: list[Object], instead: dict[str, Any], who: str) -> None:
    assert end(told(sends(), *fronts, **instead)).why.startswith(who)


def test_what_may_not_be_read_is_no_gap() -> None:
    found = gathered(sends(), ingress(given=GIVEN), http(), gateway(AT), refused=["Ingress", "HTTPRoute", "GRPCRoute"])

    assert not [x for x in found.gaps if "ngress" in x.needs or "oute" in x.needs]
    assert end(conclude(found, Question())).why == f"nobody is known to have {AT}"


@pytest.mark.parametrize(
    ("client", "front", "instead"),
    [
        (sends(), ingress(given=GIVEN), {}),
        (sends(f"http://{AT}:4318"), ingress(given=[]), {"services": [balanced(given=GIVEN)]}),
    ],
    ids=["ingress", "balancer"],
)
def test_what_is_wrong_behind_is_the_cause(client: Object, front: Object, instead: dict[str, Any]) -> None:
    deaf = w.config(http="localhost:4318")

    assert errors(told(client, front, configs=[deaf], **instead)) == ["DS202"]


@pytest.mark.parametrize("names", [[HOST], ["*.example.com"]])
def test_a_stored_answer_is_the_same_under_pseudonyms(names: list[str]) -> None:
    fronts = (http(status=SHUT, hostnames=names), gateway(AT, listeners=[WEB]))

    assert errors(conclude(unpacked("s", veil(gathered(sends(), *fronts))), Question())) == ["DS707"]


def test_of_two_ways_one_may_lead_on() -> None:
    two = ingress(4319, given=GIVEN)
    other = deepcopy(http(status=[says("Accepted", "True")]))

    assert not errors(told(sends(), two, other, gateway(AT, listeners=[WEB])))


def seen(outcome: Outcome, name: str = "", client: Object | None = None, sni: str = HOST) -> Diagnosis:
    """What is said of an export from the pod through an Ingress that leads to the Collector."""
    world = gathered(client or sends(f"https://{HOST}"), ingress(given=GIVEN))
    shown = Certificate(names=(name,)) if name else None
    task = ProbeTask(AT, 443, Protocol.HTTP, sni, tls=True)
    made = ProbeResult(task, outcome, status="HTTP 404", certificate=shown)
    world.inspections = [Inspection("n1", "obs", "a", plainly(Snapshot({Probes: Probes((made,))})))]
    return conclude(world, Question())


def test_a_certificate_that_is_shown_to_the_client_for_its_own_host_decides() -> None:
    (fault,) = [x for x in seen(Outcome.ACCEPTED, "x.traefik.default").findings if x.severity == "error"]

    assert fault.code == "DS901"
    assert fault.hint == (
        f"Add `DNS:{HOST}` to the subjectAltName of the certificate: of an Ingress the one that `spec.tls` names, of a "
        "Gateway that of its listener."
    )
    assert not errors(seen(Outcome.ACCEPTED, HOST))
    assert seen(Outcome.ACCEPTED, "x.traefik.default", sni="other.example.com").verdict == "unknown"


def test_an_answer_of_what_stands_in_front_need_not_be_that_of_the_receiver() -> None:
    (fault,) = seen(Outcome.NOT_OTLP, HOST).findings

    assert fault.hint.startswith("See where the Ingress or the Gateway leads this host and path")


ELSEWHERE = {**WEB, "name": "other", "port": 81}
NO_LISTENER = [says("Accepted", section="web", reason="NoMatchingParent")]
AIMED = [{"name": "edge", "sectionName": "web"}]


def from_afar(client: Object, *fronts: Object, kind: str = "pod", **instead: Any) -> World:
    """What was stored of a cluster, for a question about a client in another namespace or about everything."""
    world = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), client, *fronts)])
    for each in (*KINDS, "Ingress", "HTTPRoute", "GRPCRoute", "Gateway"):
        world.objects.setdefault(each, [])
    source = Stored(world, complete=True)
    return of(Asker(source, "shop"), KubeTarget("pod", "a")) if kind == "pod" else survey(Asker(source, ""))


@pytest.mark.parametrize(
    ("port", "fronts", "codes"),
    [
        ("", [ingress(4319, given=GIVEN)], ["DS508"]),
        ("", [ingress(to="otel-colector", given=GIVEN)], ["DS508"]),
        ("", [http(status=SHUT), gateway(AT, listeners=[WEB])], ["DS707"]),
        (":81", [http(status=NO_LISTENER, parents=AIMED), gateway(AT, listeners=[ELSEWHERE])], ["DS707"]),
    ],
)
def test_what_stands_in_front_in_another_namespace_is_known_from_files(
    port: str, fronts: list[Object], codes: list[str]
) -> None:
    client = replaced(sends(f"http://{HOST}{port}"), namespace="shop")

    assert errors(conclude(from_afar(client, *fronts), Question())) == codes
    assert errors(conclude_all(from_afar(client, *fronts, kind=""), Question())) == codes


def test_so_is_a_load_balancer() -> None:
    client = replaced(sends(f"http://{AT}:4318", host=""), namespace="shop")
    world = from_afar(client, services=[balanced(given=GIVEN)])

    assert end(conclude(world, Question())).why.startswith(f"{AT} leads to Service obs/otel from outside")
