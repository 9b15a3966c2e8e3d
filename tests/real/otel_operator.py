"""The real OpenTelemetry Operator, built by `python -m tests.real.otel_operator` from its module: 4 minutes on 2 cores.

Its module has the types of its resources in a folder that is a module of its own, which the released one lacks: they
are taken from their release. Beside the program stands what its own manifests make: kinds, rights, webhooks.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

from dualstack.lab.programs import build, cache, once
from tests.real import kubernetes
from tests.real.kubernetes import downloaded

VERSION = "0.153.0"
_MODULE = "github.com/open-telemetry/opentelemetry-operator"
EVERY = PROGRAM, OBJECTS = "manager", "objects.yaml"
"""What is made; the name of the program is that in the released image."""
_SAYS = ("version", "otelCol")
"""What it is told of versions: its own, and that of its Collectors, which it writes into the status of a resource."""
_SUMS = f"""{_MODULE} v{VERSION} h1:9aCEMDxwT3t50nVv9aun+IXNRnvtJYlnO4Rjl8RfHNQ=
{_MODULE} v{VERSION}/go.mod h1:CGO+rQ84e2bkJVqESrX/Y3h1qYXrCMwCG12qdNodIyw=
{_MODULE}/apis v{VERSION} h1:ALN6Bo+OU2M/KOT4n/8egYiLNA7M1dC4bOgs2UqC40Q=
{_MODULE}/apis v{VERSION}/go.mod h1:rK5glhBXD9XrMQYfewsF940NPO3LdXdJU2FJJGdBCZ4=
"""
"""Of those modules, which a database of checksums may lack."""


def place(name: str) -> str:
    """Where the program or its objects are, or would be."""
    return os.path.join(cache(), "operator", VERSION, name)


def build_once() -> Iterator[str]:
    """Both, each made where it is not there. Needs Go, a network and kubectl."""
    for name, make in {PROGRAM: _program, OBJECTS: _objects}.items():
        with once(place(name)) as missing:
            if missing:
                folder = f"{os.path.dirname(place(name))}/build"
                os.makedirs(folder, exist_ok=True)
                os.rename(make(folder, _module(folder)), place(name))
        yield place(name)


def _module(folder: str) -> str:
    for name, text in {"go.mod": "module scratch\n", "go.sum": _SUMS}.items():
        _write(f"{folder}/{name}", text)
    return downloaded(f"{_MODULE}@v{VERSION}", "Dir", folder, {**os.environ})


def _program(folder: str, source: str) -> str:
    _write(f"{folder}/go.mod", _read(f"{source}/go.mod").replace("=> ./apis", f"=> {_MODULE}/apis v{VERSION}"))
    _write(f"{folder}/go.sum", _read(f"{source}/go.sum") + _SUMS)
    made, said = f"{folder}/{PROGRAM}", " ".join(f"-X {_MODULE}/internal/version.{x}={VERSION}" for x in _SAYS)
    environ = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=mod"}
    build(["go", "build", f"-modfile={folder}/go.mod", f"-ldflags=-s -w {said}", "-o", made, "."], source, environ)
    return made


def _objects(folder: str, source: str) -> str:
    argv = (kubernetes.place("kubectl"), "kustomize", f"{source}/config/default", f"--output={folder}/{OBJECTS}")
    subprocess.run(argv, check=True, capture_output=True)
    return f"{folder}/{OBJECTS}"


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    for each in build_once():
        sys.stdout.write(f"{each}\n")
        sys.stdout.flush()
