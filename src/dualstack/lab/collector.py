"""The OpenTelemetry Collector, built from its released modules with the OpenTelemetry Collector Builder.

Versions: the current one, and two from before changes that matter here (the names of exporters and `transport` of the
HTTP server, both 0.144). `python -m dualstack.lab.collector` builds all of them, and needs Go, a network and minutes.
"""

import os
import sys

from dualstack.lab.programs import build, cache, once
from dualstack.lab.topology import CannotBuild

LATEST = "0.161.0"
_CORE = "go.opentelemetry.io/collector"
_CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"

_OTLP = {
    "receivers": [f"{_CORE}/receiver/otlpreceiver"],
    "exporters": [f"{_CORE}/exporter/debugexporter", f"{_CORE}/exporter/otlpexporter"],
    "processors": [f"{_CORE}/processor/batchprocessor"],
    "extensions": [f"{_CORE}/extension/zpagesextension"],
}
_HTTP_EXPORTER = {"exporters": [f"{_CORE}/exporter/otlphttpexporter"]}
_FURTHER = {
    "receivers": [f"{_CONTRIB}/receiver/{x}receiver" for x in ("zipkin", "jaeger", "statsd", "fluentforward")],
    "extensions": [f"{_CONTRIB}/extension/{x}extension" for x in ("healthcheck", "pprof")],
}
MODULES = {
    LATEST: ("v1.67.0", (_OTLP, _HTTP_EXPORTER, _FURTHER)),
    "0.149.0": ("v1.55.0", (_OTLP, _HTTP_EXPORTER)),
    "0.139.0": ("v1.45.0", (_OTLP,)),
}
"""By version: that of the configuration providers released with it, and what is compiled in."""

_GO = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}


def manifest(version: str) -> str:
    """What the builder is told: the modules of one version and where the program goes."""
    providers, groups = MODULES[version]
    lines = [f"dist: {{name: otelcol, output_path: ., version: {version}}}"]
    for section in _OTLP:
        lines.append(f"{section}:")
        lines += [f"  - gomod: {module} v{version}" for group in groups for module in group.get(section, ())]
    lines.append("providers:")
    lines += [f"  - gomod: {_CORE}/confmap/provider/{x}provider {providers}" for x in ("env", "file", "yaml")]
    return "\n".join(lines) + "\n"


def program(version: str) -> str:
    """Where the program of a version is, or would be. Raises CannotBuild for a version that is not known here."""
    if version not in MODULES:
        raise CannotBuild(f"needs the Collector {version}; there are {', '.join(MODULES)}")
    return os.path.join(cache(), "collector", version, "otelcol")


def build_once(version: str) -> str:
    """The program of one version, built in one to three minutes on two cores where it is not there. Needs Go."""
    product = program(version)
    with once(product) as missing:
        if missing:
            _build(version, os.path.dirname(product))
    return product


def _build(version: str, folder: str) -> None:
    environ = {**os.environ, **_GO, "GOBIN": f"{folder}/bin"}
    work = f"{folder}/build"
    os.makedirs(work, exist_ok=True)
    with open(f"{work}/manifest.yaml", "w", encoding="ascii") as file:
        file.write(manifest(version))
    build(["go", "install", f"{_CORE}/cmd/builder@v{version}"], work, environ)
    build([f"{folder}/bin/builder", "--config", "manifest.yaml"], work, environ)
    os.rename(f"{work}/otelcol", f"{folder}/otelcol")


if __name__ == "__main__":
    for each in MODULES:
        sys.stdout.write(f"{build_once(each)}\n")
