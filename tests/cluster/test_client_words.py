"""What clients say of where they send, and by what: names and passwords, properties, arguments, several addresses."""

from typing import Any

import msgspec
import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Protocol
from dualstack.model.container import Container
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.evidence import Evidence
from dualstack.model.exporter import anonymous
from dualstack.model.finding import Edit, Finding, Fix
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Hop
from dualstack.reach.arguments import with_arguments
from dualstack.reach.variables import Variables
from dualstack.reach.veiled import veiled
from dualstack.report import json, text
from tests.cluster.test_client_ways import cart, config_map, errors, gathered, sidecar, told
from tests.cluster.test_survey import client, variables

Object = dict[str, Any]
OTEL = "http://otel.obs:4317"
SECRET = "http://shop:s3cret@otel.obs:4317"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    "whole", [SECRET, "http://shop:s3cret@otell.obs.svc:4317", "http://shop:s3cret@fd00::1:2:4317"]
)
def test_a_password_in_an_endpoint_is_never_told(whole: str) -> None:
    world = gathered(cart(whole))
    found = conclude(world, Question())

    assert "s3cret" not in text.render(found)
    assert "s3cret" not in json.render(found)
    assert b"s3cret" not in msgspec.json.encode(world.clients)


def test_the_host_is_what_stands_behind_a_password() -> None:
    found = told(cart(SECRET))

    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}
    assert not errors(found)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("http://a:b@c:1/x@y", "http://***@c:1/x@y"),
        ("a:b@c:1", "***@c:1"),
        ("http://c:1/x@y", "http://c:1/x@y"),
        ("c:1", "c:1"),
    ],
)
def test_names_and_passwords_alone_are_left_out(said: str, shown: str) -> None:
    assert anonymous(said) == shown


def test_a_fix_that_would_write_a_password_is_left_to_a_person() -> None:
    fix = Fix(f"Write `{SECRET}`", edits=(Edit("x", SECRET, SECRET),))
    one = Finding(summary="x", detail=f"In `{SECRET}`.", hint=f"Write `{SECRET}`.", evidence=(Evidence(SECRET, "x"),))

    found = veiled(msgspec.structs.replace(one, fix=fix))
    assert "s3cret" not in repr(found)
    assert found.fix == Fix("Write `http://***@otel.obs:4317`")
    plain = Fix("Write it", edits=(Edit("x", OTEL, OTEL),))
    assert veiled(msgspec.structs.replace(one, fix=plain)).fix == plain
    assert veiled(one).fix is None


def test_the_property_of_a_jvm_that_says_the_protocol_is_the_one_to_change() -> None:
    options = f"-Dotel.exporter.otlp.endpoint={OTEL} -Dotel.exporter.otlp.protocol=http/protobuf"
    found = told(cart("http://otel.obs:4318", *variables(JAVA_TOOL_OPTIONS=options)))

    (one,) = [x for x in found.findings if x.code == "DS902"]
    assert "Set `JAVA_TOOL_OPTIONS: -Dotel.exporter.otlp.protocol=grpc`" in one.hint


def test_the_variable_of_one_signal_that_says_the_protocol_is_named() -> None:
    own = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{OTEL}/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
    }
    (one,) = [x for x in told(client("a", "n1", variables(**own))).findings if x.code == "DS902"]

    assert "Set `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc`" in one.hint


def test_signals_that_share_an_endpoint_may_each_have_a_protocol_of_their_own() -> None:
    own = variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="grpc")
    found = told(cart("http://otel.obs:4318", *own))

    (one,) = [x for x in found.findings if x.code == "DS902"]
    assert "Set `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf`" in one.hint
    assert {x.protocol for x in found.traces if x.failed} == {"grpc"}
    assert {(x.protocol, x.signals, x.may) for x in found.exporters} == {
        ("grpc", ("traces",), ("traces",)),
        ("http/protobuf", (), ("metrics", "logs")),
    }


def test_what_holds_a_property_is_the_evidence() -> None:
    pod = client("a", "n1", variables(JDK_JAVA_OPTIONS="-Dotel.exporter.otlp.endpoint=http://gone:4317"))
    (one,) = [x for x in told(pod).findings if x.code == "DS408"]

    assert one.evidence[-1].fact == "JDK_JAVA_OPTIONS: -Dotel.exporter.otlp.endpoint=http://gone:4317"


def by_arguments(*args: str, image: str = "telemetrygen", **named: str) -> Object:
    pod = client("a", "n1", variables(**named))
    pod["spec"]["containers"][0] |= {"args": list(args), "image": image}
    return pod


@pytest.mark.parametrize(
    "args",
    [
        ("traces", "--otlp-endpoint", "otell.obs.svc:4317", "--otlp-insecure"),
        ("--otlp-endpoint=otell.obs.svc:4317",),
        ("--tracing.otlp.grpc.endpoint=otell.obs.svc:4317",),
        ("sh -c 'run --otlp-endpoint otell.obs.svc:4317 --rate 1'",),
        ("--otlp-endpoint=$(HOST):4317",),
    ],
)
def test_an_endpoint_among_the_arguments_is_followed(args: tuple[str, ...]) -> None:
    found = told(by_arguments(*args, HOST="otell.obs.svc"))

    assert errors(found) == ["DS408"]
    assert "endpoint=otell.obs.svc:4317" in next(x for x in found.findings if x.code == "DS408").evidence[-1].fact


def test_with_what_the_arguments_say_of_tls_it_works() -> None:
    found = told(by_arguments("--otlp-endpoint=otel.obs:4317", "--otlp-insecure"))

    assert {(x.target.host, x.target.tls, x.protocol) for x in found.traces} == {("otel.obs.svc", False, "grpc")}
    assert not [x for x in found.findings if x.summary == "The endpoint says nothing of TLS"]


@pytest.mark.parametrize(
    "args",
    [
        ("--otlp-endpoint=0.0.0.0:4317",),
        ("--otlp-endpoint=localhost:4317",),
        ("--otlp-endpoint=otel",),
        ("--otlp-endpoint=${WHERE}:4317",),
        ("--otlp-endpoint=$(NOBODY_SERVICE_HOST):4317",),
        ("--otlp-endpoint",),
        ("--endpoint=otel:4317",),
        (),
    ],
)
def test_where_a_program_listens_or_what_is_not_known_is_not(args: tuple[str, ...]) -> None:
    container = Container(args=list(args))
    assert with_arguments(Variables(), container) == Variables()


def test_a_variable_comes_before_an_argument() -> None:
    found = told(by_arguments("--otlp-endpoint=otell.obs.svc:4317", **{ENDPOINT: OTEL}))
    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}


def test_the_arguments_of_a_collector_are_its_own() -> None:
    pod = by_arguments("--otlp-endpoint=otell.obs.svc:4317", image="otel/opentelemetry-collector:0.161.0")
    assert "DS408" not in errors(told(pod))


def test_a_protocol_in_a_flag_counts() -> None:
    container = Container(args=["--tracing.otlp.http.endpoint=http://otel:4317"])
    assert with_arguments(Variables(), container).values["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"


def by_script(script: str, value: str = "http://old:4317") -> Diagnosis:
    pod = cart(value, *variables(HOST="otel.obs", OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))
    pod["spec"]["containers"][0] |= {"command": ["/bin/sh", "-c"], "args": [script]}
    return told(pod)


@pytest.mark.parametrize(
    "script",
    [
        f"export {ENDPOINT}={OTEL}; exec ./app",
        f"{ENDPOINT}='{OTEL}' ./app",
        f'export {ENDPOINT}="http://${{HOST}}:4317" && exec ./app',
        f"{ENDPOINT}=http://x:1; export {ENDPOINT}=http://$HOST:4317; ./app",
    ],
)
def test_what_a_script_says_comes_before_a_variable(script: str) -> None:
    found = by_script(script)

    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}
    assert found.exporters[0].says == f"command: {ENDPOINT}={OTEL}"
    assert not errors(found)


@pytest.mark.parametrize(
    "script",
    [
        f"export {ENDPOINT}=$(cat /run/endpoint); ./app",
        f"export {ENDPOINT}=http://`hostname`:4317; ./app",
        f'[ -n "$X" ] && export {ENDPOINT}=http://x:4317; ./app',
        f'if test -n "$X"; then export {ENDPOINT}=http://x:4317; fi; ./app',
    ],
)
def test_what_a_script_makes_of_more_is_not_known(script: str) -> None:
    found = by_script(script)

    assert found.verdict is Verdict.UNKNOWN
    assert not errors(found)
    assert any("the command of the container" in x.why for x in found.skipped)


def test_what_a_script_takes_away_is_not_there() -> None:
    assert not by_script(f"unset {ENDPOINT}; exec ./app").exporters


def test_who_asks_about_a_client_whose_script_takes_its_endpoint_away_is_told_that_none_is_set() -> None:
    (why,) = [x.why for x in by_script(f"unset {ENDPOINT}; exec ./app").skipped if x.needs == "ports for OTLP"]
    assert f"`{ENDPOINT}` of the pods of `pod/a` is not set" in why


def test_other_words_of_a_script_change_nothing() -> None:
    assert errors(by_script(f'echo "${ENDPOINT}"; exec ./app')) == ["DS408"]


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        ("http://10.0.0.1,fd00::1:24317", ("http://10.0.0.1,fd00::1:24317", 24317)),
        ("http://10.0.0.1,10.0.0.2", ("http://10.0.0.1,10.0.0.2", 80)),
        ("http://10.0.0.1,10.0.0.2:99999/", ("http://10.0.0.1,10.0.0.2:99999/", 80)),
        ("http://otel.obs:4318,http://otel2.obs:4318", ("otel.obs", 4318)),
    ],
)
def test_of_several_addresses_no_port_is_made_up(endpoint: str, target: tuple[str, int]) -> None:
    found = told(cart(endpoint))

    assert {(x.target.host, x.target.port) for x in found.traces} == {target}
    (one,) = [x for x in found.findings if x.code == "DS119" and x.severity == "error"]
    assert one.confidence == "declared"
    assert one.summary == "The endpoint is a list of several"


def test_of_a_variable_with_several_the_port_behind_it_counts() -> None:
    pod = cart("http://$(IPS):24317", {"name": "IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIPs"}}})
    pod["status"]["hostIPs"] = [{"ip": "10.100.0.1"}, {"ip": "fd00:100::1"}]

    found = told(pod)
    assert {(x.target.host, x.target.port) for x in found.traces} == {("$(IPS)", 24317)}
    (one,) = [x for x in found.findings if x.code == "DS102" and x.severity == "error"]
    assert one.summary == "A variable holds several addresses"
    assert "`status.hostIP`" in one.hint


def test_of_a_list_that_somebody_wrote_one_is_to_be_chosen() -> None:
    held = {"name": "TO", "value": "http://otel.obs:4318/,http://otel2.obs:4318"}
    for pod in (cart(held["value"]), cart("$(TO)", held)):
        (one,) = [x for x in told(pod).findings if x.severity == "error"]
        assert one.code == "DS119"
        assert one.hint.startswith("Write one, such as `http://otel.obs:4318`.")
        assert "hostIP" not in one.hint


@pytest.mark.parametrize(("optional", "told_so"), [({"optional": True}, True), ({}, False)])
def test_a_variable_whose_key_is_not_there_has_no_value(optional: Object, told_so: bool) -> None:
    ref = {"configMapKeyRef": {"name": "tele", "key": "host", **optional}}
    pod = cart("http://$(WHERE):4318", {"name": "OTHER", "value": "x"}, {"name": "WHERE", "valueFrom": ref})
    found = told(pod, more=[config_map("tele", HOST="otel.obs")])

    (one,) = [x for x in found.findings if x.code == "DS408"]
    assert one.summary == "The endpoint names a variable without a value"
    assert "ConfigMap tele has no key `host`, from which `WHERE` is to have its value" in one.detail
    assert ("`optional: true`" in one.detail) is told_so
    assert one.hint.startswith("Add that key to the ConfigMap")


def test_a_line_break_at_an_end_has_a_fix() -> None:
    pod = cart(OTEL)
    (container,) = pod["spec"]["containers"]
    container |= {"env": [], "envFrom": [{"configMapRef": {"name": "tele"}}]}
    found = told(pod, more=[config_map("tele", OTEL_EXPORTER_OTLP_ENDPOINT=f"{OTEL}\n")])

    assert found.verdict is Verdict.UNKNOWN
    (one,) = [x for x in found.findings if x.code == "DS119"]
    assert (one.summary, one.severity) == ("A blank ends the endpoint", "warning")
    assert {*one.flows} == {x.key for x in found.traces}


def taken(pod: Object, port: int, protocol: Protocol, *more: Object) -> Diagnosis:
    """What is said where exports from inside of the pod are taken."""
    world = gathered(pod, more=more)
    made = (ProbeTask(x, port, protocol, "otel.obs.svc") for x in ("10.96.0.9", "fd00:96::9"))
    probes = Probes(tuple(ProbeResult(x, Outcome.ACCEPTED, signals=("traces",)) for x in made))
    world.inspections = [Inspection("n1", "shop", "a", plainly(Snapshot({Probes: probes})))]
    return conclude(world, Question())


@pytest.mark.parametrize(
    ("endpoint", "port", "summary"),
    [
        ("http://otel.obs:4317\n", 4317, "A blank ends the endpoint"),
        (" http://otel.obs:4318 ", 4318, "A blank ends the endpoint"),
        ("otel.obs:4318", 4318, "The endpoint has no scheme"),
        ("grpc://otel.obs:4317", 4317, "The endpoint has another scheme"),
    ],
)
def test_an_export_that_is_taken_is_not_that_of_a_client_that_refuses_its_endpoint(
    endpoint: str, port: int, summary: str
) -> None:
    spoken, protocol = {4317: ("grpc", Protocol.GRPC), 4318: ("http/protobuf", Protocol.HTTP)}[port]
    found = taken(cart(endpoint, *variables(OTEL_EXPORTER_OTLP_PROTOCOL=spoken)), port, protocol)

    assert found.verdict is Verdict.UNKNOWN
    assert [(x.code, x.summary, x.severity) for x in found.findings] == [("DS119", summary, "warning")]
    plain = taken(cart("http://otel.obs:4317", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")), 4317, Protocol.GRPC)
    assert plain.verdict is Verdict.HEALTHY


@pytest.mark.parametrize("endpoint", ["dns:///otel.obs:4317", "HTTP://otel.obs:4317"])
def test_schemes_of_grpc_itself_and_great_letters_are_none_to_warn_of(endpoint: str) -> None:
    found = told(cart(endpoint, *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")))

    assert not any("scheme" in x.summary for x in found.findings)


@pytest.mark.parametrize("endpoint", ["dns://10.96.0.9/otel.obs:4319", "dns:otel.obs:4319"])
def test_what_some_sdks_give_to_grpc_and_others_read_as_a_url_is_not_judged(endpoint: str) -> None:
    assert errors(told(cart(endpoint, *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")))) == []


def test_behind_a_blank_the_way_is_followed() -> None:
    found = told(cart("http://otel.obs.svc:4319\n"))

    assert errors(found) == ["DS508"]


def test_the_scheme_that_is_missing_is_written_out() -> None:
    found = told(cart("otel.obs:4318", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")))

    (one,) = [x for x in found.findings if x.code == "DS119"]
    assert one.hint.startswith("Write `http://otel.obs:4318`, or `https://otel.obs:4318`")


def test_a_variable_as_a_shell_writes_it_stays_as_it_is() -> None:
    host = {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}
    pod = cart("http://${HOST_IP}:4317", host)
    pod["status"]["hostIP"] = "10.100.0.1"
    found = told(pod)

    assert found.verdict is Verdict.UNKNOWN
    assert [(x.code, x.severity) for x in found.findings] == [("DS408", "warning")]
    assert "`$(NAME)`" in found.findings[0].hint


def test_an_endpoint_without_a_scheme_has_a_fix() -> None:
    found = told(cart("otel.obs:4317", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")))

    assert found.verdict is Verdict.UNKNOWN
    (one,) = [x for x in found.findings if x.summary == "The endpoint says nothing of TLS"]
    assert one.severity == "warning"
    assert "OTEL_EXPORTER_OTLP_INSECURE=true" in one.hint


def test_a_variable_in_the_words_of_a_command_may_be_filled_in_by_a_shell() -> None:
    words = variables(JAVA_TOOL_OPTIONS="-Dotel.exporter.otlp.endpoint=http://${COLLECTOR}:4317")
    found = told(cart("http://otel.obs:4317", *words))

    assert found.verdict is Verdict.UNKNOWN
    assert not [x for x in found.findings if x.code == "DS408"]
    (why,) = {x.at(Hop.RESOLVE).why for x in found.traces}
    assert why == "`${COLLECTOR}` is a variable of another kind, of which nobody here knows the value"


def test_who_is_to_send_to_another_port_is_told_what_is_taken_there() -> None:
    (pod, *held) = sidecar(port=4318)
    pod["spec"]["containers"][0]["env"] = variables(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://localhost:4318", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"
    )
    text = held[-1]["data"]
    text["config.yaml"] = text["config.yaml"].replace('      http: {endpoint: "localhost:4318"}\n', "")
    found = told(pod, more=held)

    (fault,) = [x for x in found.findings if x.code == "DS211"]
    assert fault.hint.startswith("Send gRPC to port 4317,")
