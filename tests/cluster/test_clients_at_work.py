"""Clients as they run: what their JVMs are told, what they read when they started, what has ended, where they are."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Family, Protocol
from dualstack.model.container import Container
from dualstack.model.exporter import NODES, Exporter
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.reach.arguments import with_script
from dualstack.reach.properties import with_properties
from dualstack.reach.variables import Variables
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, config_map, errors, gathered, told
from tests.cluster.test_survey import variables

Object = dict[str, Any]
OTEL = "http://otel.obs:4317"
IPV4_ALONE = "-Djava.net.preferIPv4Stack=true"


def java(options: str, endpoint: str = OTEL, **spec: Any) -> Object:
    return cart(endpoint, *variables(JAVA_TOOL_OPTIONS=options), **spec)


def test_a_jvm_that_dials_ipv4_alone_has_no_way_to_a_service_of_ipv6() -> None:
    found = told(java(IPV4_ALONE), services=[w.service(["IPv6"])])

    assert found.verdict == "broken"
    assert errors(found) == ["DS209"]
    (one,) = [x for x in found.findings if x.severity == "error"]
    assert "the JVM of the client dials IPv4 alone (`preferIPv4Stack`)" in one.detail
    assert {x.disposition for x in found.traces} == {Disposition.NOT_TRIED}


def test_where_its_pod_has_no_ipv4_no_other_name_helps() -> None:
    pod = java(IPV4_ALONE, families=["IPv6"])
    found = told(pod, services=[w.service(["IPv6"])])

    (one,) = [x for x in found.findings if x.severity == "error"]
    assert one.detail.endswith("the JVM of the client dials IPv4 alone (`preferIPv4Stack`), and its pod has none.")
    assert one.hint == f"Remove `{IPV4_ALONE}`."


def test_what_another_program_in_its_pod_sends_over_ipv6_is_not_what_the_jvm_sends() -> None:
    world = gathered(java(IPV4_ALONE), services=[w.service(["IPv6"])])
    probes = Probes((ProbeResult(ProbeTask("fd00:96::9", 4317, Protocol.GRPC, "otel"), Outcome.ACCEPTED),))
    world.inspections = [Inspection("n1", "shop", "a", plainly(Snapshot({Probes: probes})))]

    assert conclude(world, Question()).verdict == "broken"


def test_to_a_service_of_both_families_it_needs_no_ipv6() -> None:
    found = told(java(IPV4_ALONE))

    ways = {(x.family, x.at(Hop.SELECT).status, x.required) for x in found.traces}
    assert ways == {(Family.IPV4, Status.NOT_APPLICABLE, True), (Family.IPV6, Status.FAIL, False)}
    assert not errors(found)


@pytest.mark.parametrize(
    "options", ["-Djava.net.preferIPv4Stack=false", f"{IPV4_ALONE} -Djava.net.preferIPv4Stack=false", "-Xmx1g"]
)
def test_another_jvm_dials_both(options: str) -> None:
    assert not errors(told(java(options), services=[w.service(["IPv6"])]))


def test_a_property_of_the_jvm_comes_before_a_variable() -> None:
    found = told(
        java(
            "-Dotel.exporter.otlp.endpoint=http://otel.obs:4317 -Dotel.exporter.otlp.protocol=http/protobuf",
            "http://otel.obs:4318",
        )
    )

    assert {(x.target.port, x.protocol) for x in found.traces} == {(4317, "http")}
    assert errors(found) == ["DS902"]


def test_of_properties_the_last_one_counts() -> None:
    container = Container(command=["java", "-Dotel.exporter.otlp.endpoint=http://b:4317", "-jar", "x"])
    told_by = {"JAVA_TOOL_OPTIONS": "-Dotel.exporter.otlp.endpoint=http://a:4317"}
    held = Variables(told_by, {"OTEL_EXPORTER_OTLP_ENDPOINT": "Secret otel"})
    last = Variables({**told_by, "_JAVA_OPTIONS": "-Dotel.exporter.otlp.endpoint=http://c:4317"})

    assert with_properties(held, container).values["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://b:4317"
    assert with_properties(held, container).held == {}
    assert with_properties(last, container).values["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://c:4317"


EARLY, STARTED, LATE = "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"


def from_map(changed: str, *, whole: bool = False) -> tuple[Object, Object]:
    """A running pod that has its endpoint from a ConfigMap, which was changed then."""
    pod = cart(OTEL)
    (container,) = pod["spec"]["containers"]
    source = {"configMapRef": {"name": "tele"}}
    key = {
        "name": "OTEL_EXPORTER_OTLP_ENDPOINT",
        "valueFrom": {"configMapKeyRef": {"name": "tele", "key": "OTEL_EXPORTER_OTLP_ENDPOINT"}},
    }
    container |= {"env": [], "envFrom": [source]} if whole else {"env": [key]}
    pod["status"]["containerStatuses"] = [{"name": container["name"], "state": {"running": {"startedAt": STARTED}}}]
    held = config_map("tele", OTEL_EXPORTER_OTLP_ENDPOINT="http://gone:4317")
    held["metadata"]["managedFields"] = [{"time": changed}]
    return pod, held


@pytest.mark.parametrize("whole", [True, False])
def test_what_a_client_read_before_a_configmap_was_changed_nobody_knows(whole: bool) -> None:
    pod, held = from_map(LATE, whole=whole)
    found = told(pod, more=[held])

    assert found.verdict == "unknown"
    assert not errors(found)
    assert any("ConfigMap tele as it was when the container started" in x.why for x in found.skipped)


@pytest.mark.parametrize("whole", [True, False])
def test_what_it_has_now_and_what_lets_the_pods_read_it_is_said(whole: bool) -> None:
    pod, held = from_map(LATE, whole=whole)
    pod["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "cart", "controller": True}]
    pod["metadata"]["labels"] = {}
    found = told(pod, more=[held])

    (said,) = [x.why for x in found.skipped if x.needs == "ports for OTLP"]
    assert "that was changed since; now it says `http://gone:4317`" in said
    assert "`kubectl rollout restart ds/cart -n shop` lets the pods read it" in said
    assert render(found).startswith("UNKNOWN: where these pods send to is not known")


def test_a_pod_of_nobody_is_to_be_made_anew() -> None:
    pod, held = from_map(LATE)
    pod["metadata"]["ownerReferences"] = []
    held["data"] = {}

    (said,) = [x.why for x in told(pod, more=[held]).skipped if x.needs == "ports for OTLP"]
    assert "now it says" not in said
    assert said.endswith("to make pod/a anew lets the pods read it")


@pytest.mark.parametrize("whole", [True, False])
def test_of_a_configmap_that_was_changed_the_other_keys_are_known(whole: bool) -> None:
    pod, held = from_map(EARLY, whole=whole)
    held["data"] |= {"LOG_LEVEL": "debug", "OTEL_EXPORTER_OTLP_ENDPOINT": OTEL}
    held["metadata"]["managedFields"] = [
        {"time": EARLY, "fieldsV1": {"f:data": {".": {}, "f:OTEL_EXPORTER_OTLP_ENDPOINT": {}}}},
        {"time": LATE, "fieldsV1": {"f:data": {"f:LOG_LEVEL": {}}}},
    ]
    found = told(pod, more=[held])

    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}
    assert not errors(found)


def test_a_later_source_of_variables_takes_the_place_of_an_earlier_one() -> None:
    pod, held = from_map(EARLY, whole=True)
    (container,) = pod["spec"]["containers"]
    container["envFrom"].append({"configMapRef": {"name": "later"}})

    later = config_map("later", OTEL_EXPORTER_OTLP_ENDPOINT=OTEL)
    assert {x.target.host for x in told(pod, more=[held, later]).traces} == {"otel.obs.svc"}


def test_of_a_configmap_that_is_not_there_the_name_is_told() -> None:
    pod, _ = from_map(EARLY)

    assert any(x.why == "ConfigMap tele holds it, which was not read" for x in told(pod).skipped)


def test_what_it_read_after_the_last_change_is_known() -> None:
    pod, held = from_map(EARLY)

    assert errors(told(pod, more=[held])) == ["DS408"]


@pytest.mark.parametrize(("code", "hosts"), [(0, {"otel.obs.svc"}), (1, {"otel.obs.svc", "gone"})])
def test_an_init_container_that_has_done_its_work_exports_no_more(code: int, hosts: set[str]) -> None:
    pod = cart(OTEL)
    first = {"name": "migrate", "image": "x", "env": variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://gone:4317")}
    pod["spec"]["initContainers"] = [first]
    pod["status"]["initContainerStatuses"] = [{"name": "migrate", "state": {"terminated": {"exitCode": code}}}]

    assert {x.target.host for x in told(pod).traces} == hosts


def test_a_client_that_sends_to_an_address_of_a_family_that_its_node_lacks_is_told_of_its_service() -> None:
    literal = Exporter(
        *("obs", "Deployment shop", "shop-1", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://[fd00:96::9]:4317", "grpc"),
        families=(Family.IPV4,),
        nodes=("n2",),
    )
    poor = [w.node("n1", 1), w.node("n2", 2, ["IPv4"])]
    pods = [w.pod("otel-a", "n1")]
    spared = w.diagnosed(w.healthy(nodes=poor, pods=pods))
    found = w.diagnosed(w.healthy(nodes=poor, pods=pods), clients=[literal])

    assert not [x for x in spared.findings if x.severity == "error"]
    lost = [x for x in found.traces if x.failed and x.required]
    assert {(x.family, x.nodes, x.disposition) for x in lost} == {(Family.IPV6, ("n2",), Disposition.NO_ROUTE)}
    assert [x for x in found.findings if x.severity == "error"]


def test_of_two_faults_that_of_a_known_client_is_told_first() -> None:
    configs = [w.config("127.0.0.1:4317", "127.0.0.1:4318")]
    sent = {4317: "grpc", 4318: "http/protobuf"}
    for port, protocol in sent.items():
        said = Exporter(
            "obs", "Deployment shop", "shop-1", "OTEL_EXPORTER_OTLP_ENDPOINT", f"http://otel:{port}", protocol
        )
        found = w.diagnosed(w.healthy(configs=configs), clients=[said])

        assert f"port {port}" in next(x for x in found.findings if x.code == "DS202").summary.lower()


X, NEW = "OTEL_EXPORTER_OTLP_ENDPOINT", "http://new:4317"
UNCLEAR = "the command of the container"


@pytest.mark.parametrize(
    ("script", "value"),
    [
        (f"{X}={NEW} ./migrate && exec ./app", OTEL),
        (f"{X}={NEW} ./migrate; exec ./app", OTEL),
        (f"{X}={NEW} sleep 1; ./app", OTEL),
        (f"{X}={NEW} ./migrate; ./app", None),
        (f"{X}={NEW} ./migrate & exec ./app", None),
        (f"{X}=http://a:1 ./a & {X}={NEW} ./b", None),
        (f"{X}=http://a:1 ./a\n{X}={NEW} ./b", None),
        (f"./a & export {X}={NEW}; exec ./b", None),
        (f"env -u {X} ./a; ./b", None),
        (f"exec ./a\n{X}={NEW} ./b", OTEL),
        (f"ping a && {X}={NEW} exec ./a; exec ./b", None),
        (f"export {X}={NEW} & ./a", None),
        (f"{X}={NEW} python a.py\ncurl -X POST http://localhost:15020/quitquitquit", NEW),
        (f"{X}={NEW} python a.py; rc=$?; touch /shared/done; exit $rc", NEW),
        (f"export {X}={NEW}; ./app; unset {X}; sleep 5", NEW),
        (f"export {X}={NEW}; ./app; unset {X}; ./clean", None),
        (f"export {X}={NEW}\\\n  A=b\nexec ./app", NEW),
        (f"export {X}='http://$HOST:1'; exec ./app", None),
        (f"export {X}=http://a\\\\b:1; exec ./app", None),
        (f'export "{X}={NEW}"; exec ./app', None),
        (f"export {X}=${{{X}:-{NEW}}}; exec ./app", OTEL),
        (f"A=; export {X}=${{A:-{NEW}}}; exec ./app", None),
        (f': "${{{X}:={NEW}}}"; exec ./app', None),
        (f"if test -f a; then unset {X}; fi; exec ./app", None),
        (f"test -f a && exec env -u {X} ./app; ./app", None),
        ("set -a; . /config/env; set +a; exec ./app", None),
        ("source /config/otel.sh; exec ./app", None),
        (". ./.env && exec ./app", None),
        ("export $(cat /config/env | xargs); exec ./app", None),
        (f"export $(cat /config/env | xargs); export {X}={NEW}; exec ./app", NEW),
        (f"HOST=new; export $(cat /config/env); export {X}=http://$HOST:4317; exec ./app", None),
        ('eval "$(secrets)"; exec ./app', None),
        ("test -f a && exec env -i ./app", None),
        (". /venv/bin/activate; exec ./app", OTEL),
        (f"# was: {X}={NEW}, which isn't there\nexec ./app # {X}={NEW}", OTEL),
        (f'echo "to change it: export {X}={NEW}"; exec ./app', OTEL),
        (f"X={NEW}; export OTHER; export {X}; ./app", OTEL),
        (f"{X}={NEW} ./app; exit $?", NEW),
        (f"cd /app && {X}={NEW} \\\n  ./app 2>&1 | tee /log; exit 1", NEW),
        (f"exec env A=b {X}={NEW} ./app &>/dev/null", NEW),
        (f"{X}={NEW}; ./app", NEW),
        (f"./wait-for-it && export {X}={NEW} &&\n exec ./app", NEW),
        (f"HOST='new'; export {X}=\"http://$HOST\":4317; exec ./app", NEW),
        (f"HOST=a; export HOST=new; export {X}=http://${{HOST}}:4317; exec ./app", NEW),
        (f"export {X}=http://a:1; ./a && unset {X}; ./b", None),
        (f"ping a && export HOST=new; export {X}=http://$HOST:4317; ./app", None),
        (f"ping a && export {X}={NEW}; ./app", None),
        (f"ping a && export {X}; ./app", None),
        (f"cat a | export {X}={NEW}; ./app", None),
        (f"{X}={NEW} ./worker & exec ./app", None),
        (f"{X}={NEW} ./app | ./other", None),
        (f"(export {X}={NEW}; ./app)", None),
        (f"set -ae; {X}={NEW}; ./app", None),
        (f"ping a || export {X}={NEW}; ./app", None),
        (f"cat <<EOF > /x\nexport {X}={NEW}\nEOF\n./app", None),
        (f"echo 'export {X}={NEW}' > /etc/env; . /etc/env; ./app", None),
        (f"su app -c '{X}={NEW} ./app'", None),
        (f"export {X}={NEW}; echo 'no end", None),
    ],
)
def test_what_is_set_for_one_command_alone_or_told_is_not_set_for_the_program(script: str, value: str | None) -> None:
    found = with_script(Variables({X: OTEL}), Container(command=["sh", "-c", script]))

    assert (found.values.get(X), found.held.get(X)) == (value, None if value else UNCLEAR)


@pytest.mark.parametrize(
    ("words", "given", "value", "held"),
    [
        (["sh", "-c", f"{X}={NEW}; exec ./app"], Variables(), None, None),
        (["sh", "-c", f"{X}={NEW}; export {X}; exec ./app"], Variables(), NEW, None),
        (["sh", "-c", f"{X}={NEW}; exec ./app"], Variables(unread=("Secret otel",)), None, UNCLEAR),
        (["sh", "-c", f"{X}={NEW}; exec ./app"], Variables(held={X: "Secret otel"}), NEW, None),
        (["tini", "--", "/usr/bin/env", f"{X}={NEW}", "./app"], Variables(), NEW, None),
        (["docker-run", "-e", f"{X}={NEW}", "./app"], Variables(), None, UNCLEAR),
        (["sh", "-c", f"  # {X}={NEW}"], Variables(), None, None),
        (["sh", "-c", f"export {X}\n{X}={NEW}\n./app"], Variables(), NEW, None),
        (["sh", "-c", f"exec env -u {X} --unset=A ./app"], Variables({X: OTEL}), None, None),
        (["sh", "-c", "exec env -i ./app"], Variables({X: OTEL}, {"A": "b"}, ("c",)), None, None),
        (["sh", "-c", f"export {X}=http://$(IP):4317; exec ./app"], Variables({"IP": "new"}), NEW, None),
        (["env", "--unset", X, "./app"], Variables({X: OTEL}), None, None),
        (["env", f"{X}=http://$IP:4317", "./app"], Variables({"IP": "new"}), None, UNCLEAR),
        (["./app", "-c", "/etc/app/env", "-i"], Variables({X: OTEL}), OTEL, None),
    ],
)
def test_what_nobody_exports_is_set_within_a_script_alone(
    words: list[str], given: Variables, value: str | None, held: str | None
) -> None:
    found = with_script(given, Container(command=words))

    assert (found.values.get(X), found.held.get(X)) == (value, held)


@pytest.mark.parametrize(
    ("on", "severity"),
    [((), "error"), (("n1",), "warning"), (("n1", "n2"), "error"), (tuple(f"m{x}" for x in range(NODES)), "error")],
)
def test_a_node_without_an_endpoint_matters_where_clients_may_be(on: tuple[str, ...], severity: str) -> None:
    one = Exporter("obs", "Deployment shop", "shop-1", "OTEL_EXPORTER_OTLP_ENDPOINT", OTEL, "grpc", nodes=on)
    local = w.service(internalTrafficPolicy="Local")
    found = w.diagnosed(w.healthy(services=[local], pods=[w.pod("otel-a", "n1")]), clients=[one])

    assert [(x.code, str(x.severity)) for x in found.findings] == [("DS510", severity)]
    assert found.verdict == ("unknown" if severity == "warning" else "degraded")


def test_a_node_port_matters_to_clients_on_other_nodes() -> None:
    one = Exporter(
        "obs", "Deployment shop", "a", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://n2:30317", "grpc", nodes=("n1",)
    )
    ports = [{"name": "otlp-grpc", "port": 4317, "nodePort": 30317}]
    local = w.service(type="NodePort", externalTrafficPolicy="Local", ports=ports)
    pod = w.pod("otel-a", "n1", conditions=[{"type": "Ready", "status": "False"}])
    nodes = [w.node("n1", 1, ["IPv4"]), w.node("n2", 2)]
    found = w.diagnosed(w.healthy(services=[local], pods=[pod], nodes=nodes), clients=[one])

    assert [x.required for x in found.traces if x.target.host == "n2"] == [True, True]
