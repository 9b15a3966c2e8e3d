"""The OpenTelemetry Collector, built from its released modules with the OpenTelemetry Collector Builder."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real import CACHE, build, command, end, once

LATEST = "0.161.0"
CORE = "go.opentelemetry.io/collector"
CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"

_OTLP = {
    "receivers": [f"{CORE}/receiver/otlpreceiver"],
    "exporters": [f"{CORE}/exporter/debugexporter", f"{CORE}/exporter/otlpexporter"],
    "processors": [f"{CORE}/processor/batchprocessor"],
    "extensions": [f"{CORE}/extension/zpagesextension"],
}
_HTTP_EXPORTER = {"exporters": [f"{CORE}/exporter/otlphttpexporter"]}
_CONTRIB = {
    "receivers": [f"{CONTRIB}/receiver/{x}receiver" for x in ("zipkin", "jaeger", "statsd", "fluentforward")],
    "extensions": [f"{CONTRIB}/extension/{x}extension" for x in ("healthcheck", "pprof")],
}

# Version of the modules, version of the configuration providers released with them, and what is compiled in: the older
# ones are here for what changed between them (DNS of the exporters in 0.144, `transport` of the HTTP server in 0.144).
MODULES = {
    LATEST: ("v1.67.0", (_OTLP, _HTTP_EXPORTER, _CONTRIB)),
    "0.149.0": ("v1.55.0", (_OTLP, _HTTP_EXPORTER)),
    "0.139.0": ("v1.45.0", (_OTLP,)),
}
_GO = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
_READY = b"Everything is ready"
_ENDPOINT = re.compile(r'"endpoint": "([^"]+)"')


class DidNotStart(Exception):
    """The Collector ended, or said nothing of being ready, and this is its log."""


@dataclass(frozen=True)
class Collector:
    """One that is running and has said that everything is ready."""

    process: subprocess.Popen[bytes]
    path: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.path.read_text(errors="replace")

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints that its log says it serves, in that order."""
        lines = [x for x in self.log.splitlines() if "Starting" in x]
        return tuple(match[1] for x in lines if (match := _ENDPOINT.search(x)))


def manifest(version: str) -> str:
    """What the builder is told: the modules of one version and where the program goes."""
    providers, groups = MODULES[version]
    lines = [f"dist: {{name: otelcol, output_path: ., version: {version}}}"]
    for section in _OTLP:
        lines.append(f"{section}:")
        lines += [f"  - gomod: {module} v{version}" for group in groups for module in group.get(section, ())]
    lines.append("providers:")
    lines += [f"  - gomod: {CORE}/confmap/provider/{x}provider {providers}" for x in ("env", "file", "yaml")]
    return "\n".join(lines) + "\n"


def _program(version: str) -> Path:
    return CACHE / "collector" / version / "otelcol"


def binary(version: str = LATEST) -> Path:
    """The program of one version; skips the calling test where it is not built: that takes minutes and a network."""
    program = _program(version)
    if not program.exists():
        pytest.skip(f"needs the Collector {version}: `make collector` builds it")
    return program


def build_once(version: str) -> Path:
    """The program of one version, built in one to three minutes on two cores where it is not there. Needs Go."""
    program = _program(version)
    with once(program) as missing:
        if missing:
            _build(version, program.parent)
    return program


def _build(version: str, folder: Path) -> None:
    environ = {**os.environ, **_GO, "GOBIN": str(folder / "bin")}
    work = folder / "build"
    work.mkdir(exist_ok=True)
    (work / "manifest.yaml").write_text(manifest(version))
    build(["go", "install", f"{CORE}/cmd/builder@v{version}"], work, environ)
    build([str(folder / "bin" / "builder"), "--config", "manifest.yaml"], work, environ)
    (work / "otelcol").rename(folder / "otelcol")


@contextmanager
def start(
    config: str, netns: str | None = None, version: str = LATEST, arguments: Sequence[str] = ()
) -> Iterator[Collector]:
    """A Collector with this configuration, inside a named network namespace where one is given.

    Raises DidNotStart with its log where it ends before it is ready. A statsd receiver over TCP ignores SIGTERM, so
    the end is SIGKILL after a wait.
    """
    program = binary(version)
    with tempfile.TemporaryDirectory(prefix="dualstack-collector-") as folder:
        file, log = Path(folder, "config.yaml"), Path(folder, "log")
        file.write_text(config)
        argv = command(netns, [str(program), "--config", str(file), *arguments])
        with log.open("wb") as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _wait(process, log)
            yield Collector(process, log)
        finally:
            end(process)


def _wait(process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while _READY not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > until:
            raise DidNotStart(log.read_text(errors="replace"))
        time.sleep(0.02)


if __name__ == "__main__":
    for each in MODULES:
        sys.stdout.write(f"{build_once(each)}\n")
