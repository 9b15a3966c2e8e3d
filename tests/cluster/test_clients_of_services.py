"""A question about a Service: those of its clients that meet what others do not are told of as well."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dualstack.conclusion import conclude
from dualstack.gather.beyond import beyond, by_themselves
from dualstack.gather.cluster import Asker, of
from dualstack.gather.kept import kept
from dualstack.gather.kube_objects import Refused
from dualstack.gather.senders import senders
from dualstack.gather.stored import Stored
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.model.world import World
from dualstack.overview import conclude_all
from dualstack.report.verbs.flows import clients
from tests.cluster import worlds as w
from tests.cluster.test_onward import agent
from tests.cluster.test_onward import service as of_agent
from tests.cluster.test_singly import GOOD, JVM, ONE_FAMILY, cart, told
from tests.cluster.test_survey import Object, variables, whole
from tests.cluster.test_unmade import workload

SERVICE = KubeTarget("svc", "otel")
SURELY = [
    (cart(GOOD, JVM), ONE_FAMILY, ["DS209 error"]),
    (cart(GOOD, families=["IPv4"]), ONE_FAMILY, ["DS501 error"]),
    (cart(GOOD, dnsPolicy="Default"), {}, ["DS408 warning"]),
    (cart("http://otel.obs.svc.cluster.locl:4317"), {}, ["DS408 warning"]),
    (cart(GOOD), {}, []),
    (cart("http://localhost:4317"), {}, []),
]  # fmt: skip


def in_dump(
    tmp_path: Path, *more: Object, target: KubeTarget = SERVICE, namespace: str | None = None, **instead: Any
) -> World:
    every = [y for x in whole(*more, **instead).objects.values() for y in x]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(every))
    where = "" if target == EVERYTHING else "obs"
    return kept(str(tmp_path), target, where if namespace is None else namespace)


def live(*more: Object, refused: bool = False, **instead: Any) -> Diagnosis:
    """What an API server would tell, of clients in the namespace of the Service."""

    class Api(Stored):
        def object(self, kind: Any, namespace: str, name: str) -> Any:
            if refused and kind.kind == "Pod":
                raise Refused(403, "no")
            return super().object(kind, namespace, name)

    mine = [{**x, "metadata": {**x["metadata"], "namespace": "obs"}} for x in more]
    ask = Asker(Api(whole(*mine, **instead), complete=True), "obs")
    world = of(ask, SERVICE)
    by_themselves(ask, senders(ask))
    beyond(ask)
    world.target, world.namespace = str(SERVICE), "obs"
    return conclude(world, Question())


@pytest.mark.parametrize(("pod", "instead", "expected"), SURELY)
def test_a_client_that_fails_by_itself_is_told_of(
    pod: Object, instead: Object, expected: list[str], tmp_path: Path
) -> None:
    for found in (conclude(in_dump(tmp_path, pod, **instead), Question()), live(pod, **instead)):
        assert [x for x in expected if x not in told(found)] == []
        assert bool(expected) or told(found) == []


@pytest.mark.parametrize(
    ("endpoint", "spec", "expected"),
    [(GOOD, {}, 0), ("http://otel.obs.svc:4319", {}, 1), ("http://otel.obs.svc:4319", {"suspend": True}, None)],
)
def test_a_cron_job_without_a_pod_is_a_client_by_its_template(
    endpoint: str, spec: Object, expected: int | None, tmp_path: Path
) -> None:
    job = workload("CronJob", endpoint)
    job["spec"] |= spec
    world = in_dump(tmp_path, job)
    found = conclude(world, Question())

    assert [(x.owner, x.pods) for x in found.exporters] == ([] if expected is None else [("CronJob load", 0)])
    assert [x.code for x in found.findings if x.severity == "error"] == ["DS508"] * (expected or 0)


ACTIVE = {"active": [{"kind": "Job", "name": "load-1"}]}


def tried(phase: str) -> Object:
    """A pod of a Job of the CronJob load."""
    made = cart("http://localhost:4317")
    made["metadata"] |= {"name": "load-1-x", "ownerReferences": [{"kind": "Job", "name": "load-1"}]}
    made["status"]["phase"] = phase
    return made


@pytest.mark.parametrize(("phase", "there"), [("Failed", True), ("Running", False), ("Pending", False)])
def test_between_two_tries_of_its_job_a_cron_job_is_a_client(phase: str, there: bool, tmp_path: Path) -> None:
    job = workload("CronJob", "http://otel.obs.svc:4319")
    job["status"] = ACTIVE

    for target in (SERVICE, EVERYTHING):
        world = in_dump(tmp_path, job, tried(phase), target=target)
        assert ("CronJob load" in [x.owner for x in world.clients]) is there


@pytest.mark.parametrize(("more", "there"), [(0, True), (1, False)])
def test_of_an_api_server_the_cron_jobs_of_the_namespace_are_clients(
    more: int, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = workload("CronJob", "http://otel.obs.svc:4319")
    found = live(job)
    assert [(x.owner, x.pods) for x in found.exporters] == [("CronJob load", 0)]
    assert [x.code for x in found.findings if x.severity == "error"] == ["DS508"]

    listed = Stored.listed
    monkeypatch.setattr(Stored, "listed", lambda *x: listed(*x)._replace(more=more))
    job["status"] = ACTIVE
    assert [x.owner for x in live(job, tried("Failed")).exporters] == ["CronJob load"] * there


def test_its_flows_stand_beside_those_of_the_service_and_it_is_one_client() -> None:
    found = live(cart(GOOD, families=["IPv4"]), **ONE_FAMILY)

    assert {x.vantage for x in found.traces if x.failed} == {"pods of Deployment cart"}
    assert [x.owner for x in found.exporters] == ["Deployment cart"]
    assert [x.severity for x in found.findings if x.code == "DS501"] == ["error"]


def test_what_the_service_tells_is_not_told_again(tmp_path: Path) -> None:
    deaf = {"configs": [w.config(grpc="localhost:4317", http="localhost:4318")]}
    alone = told(conclude(in_dump(tmp_path, **deaf), Question()))

    assert "DS202 error" in alone
    assert told(conclude(in_dump(tmp_path, cart(GOOD, dnsPolicy="Default"), **deaf), Question())) == alone


def test_a_client_that_may_not_be_read_is_left_out() -> None:
    assert told(live(cart("http://otel.obs.svc.cluster.locl:4317"), refused=True)) == []


def test_an_agent_that_sends_on_is_no_such_client() -> None:
    gateway = "otlp/gw: {endpoint: 'otel.obs.svc.cluster.locl:4317', tls: {insecure: true}}"
    whose = {x.owner for x in live(*agent(gateway), of_agent({"port": 4317})).exporters}

    assert "DaemonSet agent" not in whose


def test_variables_that_a_stored_config_map_gives_count(tmp_path: Path) -> None:
    held = {
        "kind": "ConfigMap",
        "metadata": {"name": "env", "namespace": "shop"},
        "data": {"OTEL_EXPORTER_OTLP_ENDPOINT": GOOD},
    }
    pod = cart(GOOD, owner="other")
    pod["spec"]["containers"][0] |= {"env": [], "envFrom": [{"configMapRef": {"name": "env"}}]}

    for target in (SERVICE, EVERYTHING):
        assert [x.owner for x in in_dump(tmp_path, pod, held, target=target).clients] == ["Deployment other"]


def test_a_pod_with_two_containers_is_one(tmp_path: Path) -> None:
    pod = cart(GOOD)
    second = {
        **pod["spec"]["containers"][0],
        "name": "b",
        "env": variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.obs:4317"),
    }
    pod["spec"]["containers"].append(second)
    found = conclude(in_dump(tmp_path, pod), Question())

    shown = [x.text for x in clients(found.exporters, found.traces, found.skipped)]
    assert "    - otel.obs: 1 pod, of Deployment cart in shop" in shown


def sends(endpoint: str, protocol: str, namespace: str = "shop") -> Object:
    found = cart(endpoint, *variables(OTEL_EXPORTER_OTLP_PROTOCOL=protocol))
    found["metadata"]["namespace"] = namespace
    return found


def of_clients(found: Diagnosis) -> dict[str, set[str]]:
    """Whose flows fail, with the addresses that they write."""
    failed = [x for x in found.traces if x.failed]
    return {x.vantage: {y.asked for y in failed if y.vantage == x.vantage} for x in failed}


@pytest.mark.parametrize("target", [SERVICE, EVERYTHING])
def test_clients_of_one_name_in_two_namespaces_are_two(target: KubeTarget, tmp_path: Path) -> None:
    there = "http://otel.obs:4319"
    world = in_dump(tmp_path, sends(there, "grpc"), sends(there, "http/protobuf", "bank"), target=target)
    found = conclude(world, Question()) if target == SERVICE else conclude_all(world, Question())

    lost = [x for x in found.findings if x.code == "DS508"]
    assert {*of_clients(found)} == {"pods of Deployment shop/cart", "pods of Deployment bank/cart"}
    assert [x.detail.partition(" to port")[0] for x in lost] == [
        "The pods of Deployment bank/cart send OTLP over http",
        "The pods of Deployment shop/cart send OTLP over grpc",
    ]
    assert [x.hint for x in lost] == [
        "Let them send to 4318: others speak another protocol to this one.",
        "Let them send to 4317: others speak another protocol to this one.",
    ]


def test_a_client_of_another_namespace_that_speaks_another_protocol_is_told_with_it(tmp_path: Path) -> None:
    world = in_dump(tmp_path, sends(GOOD, "grpc"), sends(GOOD, "http/protobuf", "bank"))

    assert of_clients(conclude(world, Question())) == {"pods of Deployment bank/cart": {""}}


@pytest.mark.parametrize("target", [SERVICE, EVERYTHING])
@pytest.mark.parametrize(
    ("endpoint", "expected", "family"),
    [
        ("http://10.96.0.9:4317", "DS902", "ipv4"),
        ("http://[fd00:96::9]:4317", "DS902", "ipv6"),
        ("http://10.96.0.9:4319", "DS508", "ipv4"),
        ("http://10.96.0.9:4318", "", ""),
    ],
)
def test_a_client_that_names_an_address_of_the_service_is_one_of_its_clients(
    endpoint: str, expected: str, family: str, target: KubeTarget, tmp_path: Path
) -> None:
    world = in_dump(tmp_path, sends(endpoint, "http/protobuf"), target=target)
    found = conclude(world, Question()) if target == SERVICE else conclude_all(world, Question())

    asked = endpoint.removeprefix("http://").rpartition(":")[0].strip("[]")
    assert [x.code for x in found.findings if x.severity == "error"] == [expected] * bool(expected)
    assert of_clients(found) == ({"pods of Deployment shop/cart": {asked}} if expected else {})
    assert {x.family.value for x in found.traces if x.failed} == {family} - {""}
    assert not [x for x in found.findings if x.met is False]


def test_a_client_with_an_address_that_its_pods_have_no_family_for_is_told_of(tmp_path: Path) -> None:
    pod = cart("http://[fd00:96::9]:4317", families=["IPv4"])

    assert told(conclude(in_dump(tmp_path, pod), Question())) != []


def test_a_port_that_is_for_nothing_that_is_asked_about_is_missed_by_an_address_as_well(tmp_path: Path) -> None:
    web = w.service(ports=[{"name": "web", "port": 80, "targetPort": 80}])
    world = in_dump(tmp_path, cart("http://10.96.0.9:4317"), target=EVERYTHING, services=[web])

    assert "DS508 error" in told(conclude_all(world, Question()))


@pytest.mark.parametrize("target", [SERVICE, EVERYTHING])
@pytest.mark.parametrize(("of_clients", "verdict"), [(["IPv4", "IPv6"], "degraded"), (["IPv4"], "unknown")])
def test_a_family_that_pods_are_older_than_is_needed_by_clients_that_have_it(
    target: KubeTarget, of_clients: list[str], verdict: str, tmp_path: Path
) -> None:
    old = [w.pod("otel-a", "n1", ["IPv4"]), w.pod("otel-b", "n2", ["IPv4"])]
    world = in_dump(tmp_path, cart(GOOD, families=of_clients), target=target, pods=old, slices=w.endpoints(old))
    found = (conclude_all if target == EVERYTHING else conclude)(world, Question())

    assert found.verdict == verdict
    needed = {(x.family, x.target.port) for x in found.traces if x.required and x.failed}
    assert needed == ({("ipv6", 4317)} if "IPv6" in of_clients else set())
    assert ("DS601" in {x.code for x in found.findings}) is bool(needed)


@pytest.mark.parametrize(("pod", "instead", "expected"), [x for x in SURELY if "localhost" not in str(x)])
def test_of_a_namespace_clients_in_others_are_told_of(
    pod: Object, instead: Object, expected: list[str], tmp_path: Path
) -> None:
    world = in_dump(tmp_path, pod, target=EVERYTHING, namespace="obs", **instead)
    found = conclude_all(world, Question())

    assert [(x.owner, x.namespace) for x in world.clients] == [("Deployment cart", "shop")]
    assert [x for x in expected if x not in told(found)] == []
    assert bool(expected) or told(found) == []


def test_of_a_namespace_clients_in_others_are_those_of_its_services(tmp_path: Path) -> None:
    elsewhere = cart("http://gateway.shop.svc:4317")

    assert in_dump(tmp_path, elsewhere, target=EVERYTHING, namespace="obs").clients == []
    (mine,) = in_dump(tmp_path, elsewhere, target=EVERYTHING, namespace="shop").clients
    assert mine.host == "gateway.shop.svc"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], "Set `exporters.otlp.tls.insecure` to `true`, or "),
        ([cart("https://otel.obs.svc:4317")], "Send to `http://otel.obs.svc:4317` (a Collector's exporter also"),
    ],
)
def test_collectors_that_begin_tls_are_told_of_their_own_words_by_a_service(
    more: list[Object], expected: str, tmp_path: Path
) -> None:
    found = conclude(in_dump(tmp_path, *agent("otlp: {endpoint: 'otel.obs.svc:4317'}"), *more), Question())

    assert next(x.hint for x in found.findings if x.code == "DS902").startswith(expected)
