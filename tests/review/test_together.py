"""What files say together: Compose services, units, files of variables and configurations that are mounted."""

from pathlib import Path

import pytest

from dualstack.gather.files import Text
from dualstack.gather.joined import join
from dualstack.gather.recognise import Found, take
from dualstack.model.kube import Container, Workload
from dualstack.review import Review, lint, mend
from dualstack.testing.files import file


def found(**files: str) -> Found:
    seen = Found()
    for name, text in files.items():
        take(Text(name.replace("__", "/").replace("_", "."), text), seen)
    join(seen)
    return seen


def containers(seen: Found) -> dict[str, Container]:
    return {y.name: y for x in seen.workloads for y in x.containers}


def values(container: Container) -> dict[str, str | None]:
    return {x.name: x.value.text if x.value else None for x in container.variables}


COMPOSE = """\
x-env: &env
  OTEL_A: anchor
services:
  base:
    image: node:18
    command: node --dns-result-order=verbatim "app.js"
    environment: {<<: *env, OTEL_B: base}
    env_file: app.env
    ports: ["4317:4317", "127.0.0.1:14318:4318/udp", "[::1]:1:2", 13133, "${PORT}:1", {target: 5, published: 6}]
  app:
    extends: {service: base}
    environment:
      - OTEL_B=app
      - "OTEL_C=quoted"
      - OTEL_D
      - 'OTEL_E=it''s'
    env_file: [{path: more.env}]
  loop:
    extends: loop
    network_mode: service:loop
  side:
    network_mode: "service:app"
    environment: [OTEL_F=flow, "OTEL_G=quoted"]
  host:
    network_mode: host
"""


def test_services_are_read_with_what_they_extend_and_name() -> None:
    seen = found(
        compose_yaml=COMPOSE, app_env="OTEL_A=file\nOTEL_H=file\n", more_env="export OTEL_H=more\n", lone_env="OTEL_Z=1"
    )
    told = containers(seen)

    assert values(told["base"]) == {"OTEL_A": "anchor", "OTEL_B": "base", "OTEL_H": "file"}
    assert values(told["app"]) == {
        "OTEL_A": "anchor",
        "OTEL_B": "app",
        "OTEL_C": "quoted",
        "OTEL_D": None,
        "OTEL_E": "it's",
        "OTEL_H": "more",
    }
    assert [x.text for x in told["app"].words] == ["node", "--dns-result-order=verbatim", "app.js"]
    assert [(x.number.text, x.host.text if x.host else "", x.protocol) for x in told["base"].ports] == [
        ("4317", "4317", "TCP"),
        ("4318", "14318", "UDP"),
        ("2", "1", "TCP"),
        ("13133", "13133", "TCP"),
        ("1", "${PORT}:1", "TCP"),
        ("5", "6", "TCP"),
    ]
    assert "lone.env" in told
    assert "app.env" not in told


def test_services_that_share_a_network_name_it() -> None:
    seen = found(compose_yaml=COMPOSE)
    shared = {x.meta.name: x.shares for x in seen.workloads}
    assert shared == {"base": "", "app": "", "loop": "loop", "side": "app", "host": ""}
    assert [x.meta.name for x in seen.workloads if x.host_network] == ["host"]


def test_what_stands_where_it_cannot_be_changed_has_no_edit() -> None:
    raws = {
        x.name: x.value.raw for y in containers(found(compose_yaml=COMPOSE)).values() for x in y.variables if x.value
    }
    assert (raws["OTEL_C"], raws["OTEL_E"], raws["OTEL_F"], raws["OTEL_G"]) == ("quoted", "", "", "quoted")


def test_a_unit_has_the_variables_of_its_drop_ins_and_files() -> None:
    seen = found(
        d__otelcol_service="[Service]\nEnvironment=OTEL_A=unit\nEnvironmentFile=/etc/otelcol/otelcol.conf\n"
        "ExecStart=/usr/bin/otelcol $OTELCOL_OPTIONS ${NONE}\n",
        d__otelcol_service_d__x_conf="[Service]\nEnvironment=OTEL_B=dropin\n",
        d__otelcol_conf='OTELCOL_OPTIONS="--config=/etc/a.yaml --set exporters.otlp.endpoint=a:1"\nOTEL_A=file',
        other_service_d__x_conf="[Service]\nEnvironment=OTEL_B=alone\n",
    )
    unit, alone = seen.workloads
    assert values(unit.containers[0])["OTEL_A"] == "file"
    assert values(unit.containers[0])["OTEL_B"] == "dropin"
    assert [x.text for x in unit.containers[0].words][1:3] == ["--config=/etc/a.yaml", "--set"]
    assert values(alone.containers[0]) == {"OTEL_B": "alone"}


def codes(review_of: str) -> list[tuple[str, int, int]]:
    answer = lint(file(review_of)).diagnosis.findings
    return [(x.code, x.location.line, x.location.column) for x in answer if x.location]


def test_set_is_a_configuration_of_its_own() -> None:
    text = """\
services:
  otelcol:
    image: otel/opentelemetry-collector:0.139.0
    command: ["--config=a.yaml", "--set=receivers::otlp::protocols::grpc::endpoint=fd00::5:4317", "--set", "x=y", --set]
"""
    assert codes(text) == [("DS101", 4, 34)]


def test_a_configuration_inside_a_compose_file_is_read_at_its_place() -> None:
    text = """\
services:
  otelcol:
    image: otel/opentelemetry-collector:0.139.0
    command: --config=/etc/c.yaml
    configs: [{source: c, target: /etc/c.yaml}]
configs:
  file: {file: ./c.yaml}
  c:
    content: |
      receivers: {otlp: {protocols: {http: {endpoint: "fd00::5:4318"}}}}
      exporters: {debug: {}}
"""
    assert codes(text) == [("DS101", 10, 55)]


def test_a_mounted_configuration_has_the_variables_of_its_reader(tmp_path: Path) -> None:
    config = "receivers: {otlp: {protocols: {http: {endpoint: '${env:HOST}:4318'}}}}\nexporters: {debug: {}}\n"
    (tmp_path / "collector.yaml").write_text(config)
    for host, wanted in (("fd00::5", "DS102"), ("10.0.0.5", "")):
        (tmp_path / "compose.yaml").write_text(
            "services:\n  c:\n    image: otel/opentelemetry-collector:0.139.0\n"
            f"    environment: {{HOST: '{host}'}}\n    volumes: ['./collector.yaml:/etc/otelcol/config.yaml:ro']\n"
        )
        answer = lint(Review((str(tmp_path),))).diagnosis.findings
        assert [x.code for x in answer if x.code == "DS102"] == [wanted] * bool(wanted)


@pytest.mark.parametrize(
    "text",
    [
        "services: {a: {environment: [OTEL_EXPORTER_OTLP_ENDPOINT=http://${HOST}:4318], command: 'a \"b'}}\n",
        "services: {a: {environment: {OTEL_EXPORTER_OTLP_ENDPOINT: '${URL:-http://fd00::5:4318}', HOST: 'fd00::5'}}}\n",
        "services: {a: , b: [1], c: {environment: 1, ports: [[1]], volumes: [x], env_file: {a: b}}}\notel: 1\n",
        "services: {a: {extends: {service: b}}, b: {extends: {service: a}}}\notel: 1\n",
        "services: {a: {network_mode: service:b}, b: {network_mode: service:a}}\notel: 1\n",
    ],
)
def test_what_nobody_can_know_or_use_is_passed_over(text: str) -> None:
    assert not [x for x in codes(text) if x[0] in ("DS101", "DS103", "DS105")]


ENV = """\
# dualstack lint --stdin-filename x.env
OTEL_EXPORTER_OTLP_ENDPOINT=http://fd00::a:4318 # one
export OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="http://fd00::b:4318"
"""


def test_a_fix_keeps_the_quotes_of_a_file_of_variables() -> None:
    request = file(ENV)
    mended = mend(request, lint(request), unsafe=False)
    assert mended.after["x.env"] == ENV.replace("fd00::a", "[fd00::a]").replace("fd00::b", "[fd00::b]")


def test_a_workload_of_a_pod_keeps_its_variables() -> None:
    seen = Found()
    seen.workloads.append(Workload(found(x_env="OTEL_X=$A\nA=b").workloads[0].meta, pod=True))
    join(seen)
    assert seen.workloads[0].containers == ()
