"""Configurations that a Collector refuses, or does not find: where that is sure."""

import pytest

from dualstack.model.finding import Finding
from dualstack.review import lint
from dualstack.testing.files import file
from tests.rules.workloads import pod

GOOD = "receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}\nexporters: {debug: {}}\n"
PIPELINE = "service: {pipelines: {traces: {receivers: [otlp], exporters: [EXPORTER]}}}"
GATE = "component.UseLocalHostAsDefaultHost"


def refused(text: str) -> list[Finding]:
    return [x for x in lint(file(text)).diagnosis.findings if x.code == "DS122"]


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        ("receivers: {otlp: {protocols: {endpoint: '0.0.0.0:4317', grpc: }}}", "Write it under `grpc` or `http`."),
        ("receivers: {otlp: {protocols: {gprc: {endpoint: '0.0.0.0:4317'}}}}", "Write `grpc`."),
        ("receivers: {otlp: {protocols: {thrift: {}, grpc: }}}", "Take it away: `grpc` or `http` can stand there."),
        ("receivers: {otlp/a: {protocols: {http: {endpoints: '0.0.0.0:4318'}}}}", "Write `endpoint`."),
    ],
)
def test_a_key_that_is_none_is_told_with_what_is_meant(config: str, hint: str) -> None:
    (alone,) = refused(config)
    (run,) = refused(pod(config, service="4317"))

    assert alone.hint == run.hint == hint


@pytest.mark.parametrize(
    "config",
    [
        "receivers: {otlp: {protocols: {GRPC: , http: }}}",
        "receivers: {otlp: {protocols: '${file:a.yaml}'}}",
        "receivers: {otlp: '${file:a.yaml}'}",
        "receivers: {otlp: {protocols: {grpc: {max_recv_msg_size_mib: 4, a_key_of_tomorrow: 1}}}}",
        GOOD + PIPELINE.replace("EXPORTER", "debug"),
        GOOD + "connectors: {forward: }\n" + PIPELINE.replace("EXPORTER", "forward"),
        GOOD + PIPELINE.replace("EXPORTER", '"${env:TO}"'),
        GOOD.replace("{debug: {}}", "${file:exporters.yaml}") + PIPELINE.replace("EXPORTER", "otlp"),
    ],
)
def test_what_a_collector_may_take_is_not_told(config: str) -> None:
    assert not refused(config)
    assert not refused(pod(config, service="4317"))


@pytest.mark.parametrize(("version", "refuses"), [("0.110.0", False), ("0.111.0", True), ("latest", False)])
def test_an_exporter_that_is_gone_is_told_where_the_version_is_known(version: str, *, refuses: bool) -> None:
    config = GOOD.replace("{debug: {}}", "{debug: {}, logging/a: }") + PIPELINE.replace("EXPORTER", "debug")
    text = pod(config).replace("opentelemetry-collector:0.139.0", f"opentelemetry-collector:{version}")

    hints = [x.hint for x in refused(text)]
    assert hints == ["Write `debug` in its place, and in the pipelines: it is gone since 0.111.0."] * refuses


JAEGER = "Write `otlp` in its place, which Jaeger takes on its port 4317, and in the pipelines"
BALLAST = "Take it out here and in `service.extensions`, and set the variable `GOMEMLIMIT` of the container instead: "
READERS = "Write `readers` with a `pull` exporter `prometheus`, its `host` and its `port`."
OTHER = "Take an image that has it, such as `opentelemetry-collector-contrib`, or take it out."
OWN = "{telemetry: {metrics: {address: '0.0.0.0:8888'}}, "
PROCESSOR = "processors: {batch: , k8sattributes/a: }\n"


@pytest.mark.parametrize(
    ("config", "first", "last", "hint"),
    [
        (
            GOOD.replace("{debug: {}}", "{debug: , jaeger: {}}"),
            "0.86.0",
            "0.85.0",
            f"{JAEGER}: it is gone since 0.86.0.",
        ),
        (GOOD + "extensions: {memory_ballast: {}}\n", "0.109.0", "0.108.0", f"{BALLAST}it is gone since 0.109.0."),
        (
            GOOD.replace("{debug: {}}", "{debug: , otlp_http/a: {endpoint: 'http://a:4318'}}"),
            "0.143.0",
            "0.144.0",
            "Write `otlphttp` in its place, and in the pipelines: it is there since 0.144.0 alone.",
        ),
        (GOOD + PROCESSOR, "0.149.0", "0.35.0", OTHER),
        (GOOD + PROCESSOR, "0.36.0", "0.161.0", OTHER),
    ],
)
def test_a_component_that_some_versions_lack_is_told_of_these(config: str, first: str, last: str, hint: str) -> None:
    text = pod(config + PIPELINE.replace("EXPORTER", "debug"))

    for version, said in ((first, [hint]), (last, []), ("latest", [])):
        asked = text.replace("opentelemetry-collector:0.139.0", f"opentelemetry-collector:{version}")
        assert [x.hint for x in refused(asked)] == said


@pytest.mark.parametrize(("version", "said"), [("0.127.0", []), ("0.128.0", [READERS]), ("latest", [])])
def test_the_address_of_its_own_metrics_is_told_where_the_version_takes_none(version: str, said: list[str]) -> None:
    text = pod(GOOD + PIPELINE.replace("EXPORTER", "debug").replace("{pipelines", OWN + "pipelines"))
    asked = text.replace("opentelemetry-collector:0.139.0", f"opentelemetry-collector:{version}")

    assert [x.hint for x in refused(asked)] == said


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("otel/opentelemetry-collector:0.139.0", True),
        ("ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector:0.139.0", True),
        ("otel/opentelemetry-collector-contrib:0.139.0", False),
        ("otel/opentelemetry-collector-k8s:0.139.0", False),
        ("acme/opentelemetry-collector:0.139.0", False),
    ],
)
def test_what_only_other_distributions_have_is_told_of_the_core_one(image: str, *, told: bool) -> None:
    text = pod(GOOD + PROCESSOR + PIPELINE.replace("EXPORTER", "debug"))

    assert bool(refused(text.replace("otel/opentelemetry-collector:0.139.0", image))) is told


def test_a_protocol_below_the_other_one_is_told() -> None:
    config = "receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317', http: {endpoint: '0.0.0.0:4318'}}}}}"

    assert [x.hint for x in refused(config)] == ["Write it beside `grpc`, as far to the left."]


def test_what_another_file_may_configure_is_told_of_who_reads_no_other() -> None:
    config = GOOD + PIPELINE.replace("EXPORTER", "otlp")

    (found,) = refused(pod(config))

    assert found.hint == "Configure `otlp` under `exporters`, or take it out here."
    assert not refused(config)
    assert not refused(pod(config, "args: [--config=/conf/config.yaml, --config=/conf/more.yaml]"))
    assert not refused(f"mode: deployment\nconfig:\n  {config.replace(chr(10), chr(10) + '  ')}")


def test_what_several_pipelines_name_is_told_once() -> None:
    pipelines = "service: {pipelines: {traces: {receivers: [no]}, logs: {receivers: [no]}}}"

    assert len(refused(pod(GOOD + pipelines))) == 1


@pytest.mark.parametrize(
    ("image", "path", "is_there"),
    [
        ("otel/opentelemetry-collector-contrib:0.139.0", "/etc/otelcol/config.yaml", False),
        ("ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-k8s:0.1.0", "/a.yaml", False),
        ("otel/opentelemetry-collector-contrib:0.139.0", "/etc/otelcol-contrib/config.yaml", True),
        ("otel/opentelemetry-collector@sha256:0f", "/etc/otelcol/config.yaml", True),
        ("otel/opentelemetry-collector:0.139.0", "/conf/config.yaml", True),
        ("otel/opentelemetry-collector:0.139.0", "config.yaml", True),
        ("registry.acme.io/opentelemetry-collector:0.139.0", "/etc/acme.yaml", True),
    ],
)
def test_a_file_that_is_neither_mounted_nor_in_the_image_is_told(image: str, path: str, is_there: bool) -> None:
    text = pod(GOOD, f"args: [--config={path}]").replace("otel/opentelemetry-collector:0.139.0", image)

    found = refused(text)

    assert [x.hint for x in found] == ["Name a file that is there; what is mounted is at `/conf`."] * (not is_there)


def test_a_file_may_be_put_into_a_pod_while_it_is_made() -> None:
    text = pod(GOOD, "args: [--config=/vault/secrets/config.yaml]").replace("volumeMounts", "volumeDevices")
    (found,) = refused(text)
    injected = "metadata: {annotations: {vault.hashicorp.com/agent-inject: 'true'}, labels"

    assert found.hint == "Name a file that is there; nothing is mounted into this container."
    assert text.count("metadata: {labels") == 1
    assert not refused(text.replace("metadata: {labels", injected))


def test_a_gate_that_the_version_does_not_take_is_told() -> None:
    (found,) = refused(pod(GOOD, f"args: [--feature-gates=-{GATE}]"))

    assert found.detail == f'It says: `no such feature gate "{GATE}"`.'
    assert found.hint == f"Take `{GATE}` out of `--feature-gates`."
