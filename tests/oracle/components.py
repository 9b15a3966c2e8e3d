"""The listening components of contrib in real Collectors: what each binds for the addresses that people write.

`python -m tests.oracle.components` builds the Collectors of `BUILDS`, which takes twenty minutes and a network,
starts each component by each of its names in a namespace, and records the sockets in `tests/data/components.jsonl`. The
tests compare the records with what `knowledge/components.table` predicts. The components of the Collectors that
`dualstack.lab.collector` builds have more runs in `tests/data/collector-bind.jsonl`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dualstack.gather.collector_config import declared
from dualstack.knowledge import table
from dualstack.lab.programs import once
from dualstack.model.otel import DeclaredEndpoint
from tests import netns
from tests.oracle.listeners import World, made
from tests.real import CACHE, build, command, end

Record = dict[str, Any]
Row = dict[str, str]

DATA = Path(__file__).parents[1] / "data" / "components.jsonl"
WORLD = World(localhost="ipv4")
HOSTS = ("", "0.0.0.0", "localhost", "[::]", "[::1]")
"""What stands before the port; empty where nothing is written."""

_CORE = "go.opentelemetry.io/collector"
_CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"

BUILDS = {
    "0.161.0": ("0.161.0", "1.67.0"),
    "0.148.0": ("0.148.0", "1.54.0"),
    "0.165.1": ("0.165.0", "1.71.0"),
}
"""By version of contrib: those of the core and of the providers that were released with it."""

MODULES = {
    "0.161.0": {
        **{f"receivers/{x}": f"receiver/{x}receiver" for x in ("zipkin", "jaeger", "statsd", "carbon", "wavefront")},
        **{f"receivers/{x}": f"receiver/{x}receiver" for x in ("collectd", "influxdb", "fluentforward")},
        "exporters/prometheus": "exporter/prometheusexporter",
        "extensions/health_check": "extension/healthcheckextension",
        "extensions/pprof": "extension/pprofextension",
    },
    "0.148.0": {f"receivers/{x}": f"receiver/{x}receiver" for x in ("stef", "otelarrow")},
    "0.165.1": {
        **{f"receivers/{x}": f"receiver/{x}receiver" for x in ("syslog", "tcplog", "udplog", "prometheus")},
        "extensions/healthcheckv2": "extension/healthcheckv2extension",
    },
}
"""By version of contrib: what is compiled in, by the component that each module brings."""

NEEDS: dict[str, dict[str, Any]] = {
    "receivers/syslog": {"protocol": "rfc5424"},
    "receivers/prometheus": {"config": {"scrape_configs": [{"job_name": "none"}]}},
}
"""What a receiver has to be told beside its address."""

PORT = 9000
"""Of a component that has no default."""

SIGNALS = dict.fromkeys(("zipkin", "jaeger", "otelarrow"), "traces") | dict.fromkeys(
    ("fluentforward", "fluent_forward", "syslog", "tcplog", "tcp_log", "udplog", "udp_log"), "logs"
)
_UNHEARD = {"otlp": {"protocols": {"grpc": {"transport": "unix", "endpoint": "@dualstack-components"}}}}
_READY = b"Everything is ready"


def manifest(version: str) -> str:
    """What the OpenTelemetry Collector Builder is told."""
    core, providers = BUILDS[version]
    parts = {
        "receivers": [f"{_CORE}/receiver/otlpreceiver v{core}"],
        "exporters": [f"{_CORE}/exporter/debugexporter v{core}"],
        "extensions": [f"{_CORE}/extension/zpagesextension v{core}"],
        "providers": [f"{_CORE}/confmap/provider/{x}provider v{providers}" for x in ("env", "file", "yaml")],
    }
    for component, module in MODULES[version].items():
        parts[component.partition("/")[0]].append(f"{_CONTRIB}/{module} v{version}")
    lines = [f"dist: {{name: otelcol, output_path: ., version: {core}}}"]
    for section, modules in parts.items():
        lines += [f"{section}:", *(f"  - gomod: {x}" for x in modules)]
    return "\n".join(lines) + "\n"


def program(version: str) -> Path:
    """The Collector of one version, built where it is not there."""
    folder = CACHE / "components" / version
    product = folder / "otelcol"
    with once(str(product)) as missing:
        if missing:
            work = folder / "build"
            work.mkdir(parents=True, exist_ok=True)
            (work / "manifest.yaml").write_text(manifest(version))
            environ = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
            builder = f"{_CORE}/cmd/builder@v{BUILDS[version][0]}"
            build(["go", "run", builder, "--config", "manifest.yaml", "--skip-strict-versioning"], work, environ)
            (work / "otelcol").rename(product)
    return product


def rows(version: str) -> Iterator[Row]:
    """The rows of the table whose component is in the Collector of a version."""
    for row in table("components"):
        here = f"{row['section']}/{row['type']}" in MODULES[version]
        # fluentforward has two rows for one address, and health_check two more behind a feature gate.
        again = row["type"] == "fluentforward" and row["network"] == "udp"
        gated = row["type"] == "health_check" and row["field"] != "endpoint"
        if here and not again and not gated:
            yield row


def cases(version: str) -> Iterator[Record]:
    """What is tried: each component by each of its names, each address, and carbon over each transport."""
    for row in rows(version):
        port = row["default"].rpartition(":")[2] or PORT
        for name in (row["type"], *filter(None, row["aliases"].split(","))):
            for transport in ("", *(row["transports"].split() if row["type"] == "carbon" else ())):
                for host in HOSTS:
                    yield {
                        "version": version,
                        "section": row["section"],
                        "name": name,
                        "field": row["field"],
                        "endpoint": f"{host}:{port}" if host else "",
                        "transport": transport,
                        "enabled": row["enabled"],
                    }


def configuration(case: Record) -> str:
    """The configuration that a Collector is started with; JSON is YAML."""
    section, name = case["section"], case["name"]
    *path, leaf = case["field"].split(".")
    said = {k: v for k, v in ((leaf, case["endpoint"]), ("transport", case["transport"])) if v}
    body = NEEDS.get(f"{section}/{name}", {})
    if case["enabled"]:
        *above, switch = case["enabled"].split(".")
        body = _with(body, above, {switch: True})
    body = _with(body, path, said)
    held: dict[str, Any] = {"receivers": _UNHEARD, "exporters": {"debug": None}}
    held |= {section: {name: body}}
    pipeline = {"receivers": list(held["receivers"]), "exporters": list(held["exporters"])}
    service: dict[str, Any] = {"telemetry": {"metrics": {"level": "none"}}}
    service |= {"extensions": [name]} if section == "extensions" else {}
    signal = SIGNALS.get(name, "metrics")
    return json.dumps({**held, "service": {**service, "pipelines": {signal: pipeline}}})


def _with(body: dict[str, Any], path: list[str], said: dict[str, Any]) -> Any:
    """A section with more in it; one without contents is null, as people write it."""
    if not path:
        return {**body, **said} or None
    return {**body, path[0]: _with(body.get(path[0], {}), path[1:], said)}


def endpoints(case: Record) -> tuple[DeclaredEndpoint, ...]:
    """What the configuration says that the component listens on."""
    text = configuration(case).encode()
    return declared("run.yaml", lambda _: text, {}, case["version"]).endpoints


def run(case: Record, name: str) -> Record:
    """The sockets as `ss` shows them, or the last error where the Collector ends."""
    with tempfile.TemporaryDirectory(prefix="dualstack-components-") as folder:
        file, log = Path(folder, "config.yaml"), Path(folder, "log")
        file.write_text(configuration(case))
        argv = command(name, [str(program(case["version"])), "--config", str(file)])
        with log.open("wb") as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _wait(process, log)
            failed = process.poll() is not None
            lines = [x.split() for x in netns.execute(name, "ss", "-Htuln").splitlines()]
        finally:
            process.kill()
            end(process)
        said = log.read_text(errors="replace").splitlines()
    given = str(case["endpoint"]).rpartition(":")[2]
    sockets = {(x[0], *x[4].rpartition(":")) for x in lines}
    error = next((x for x in reversed(said) if "Error:" in x), "it ended") if failed else ""
    return {
        **case,
        "sockets": sorted(f"{x} {host}:{_told(port, given)}" for x, host, _, port in sockets),
        "error": error,
    }


def _told(port: str, given: str) -> str:
    """A port; 0 for one that the kernel chose."""
    return port if port == given or int(port) < 32768 else "0"


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 20
    while _READY not in log.read_bytes() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)


def main() -> None:
    """Run all, and record."""
    with made(WORLD) as place, DATA.open("w", encoding="utf-8") as file:
        for version in BUILDS:
            for case in cases(version):
                record = run(case, place.name)
                file.write(json.dumps(record) + "\n")
                sys.stdout.write(f"{record['version']} {record['name']} {record['endpoint']} {record['sockets']}\n")


if __name__ == "__main__":
    main()
