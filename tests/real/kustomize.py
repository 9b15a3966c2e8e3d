"""The real kustomize, built from its released module by `python -m tests.real.kustomize`; needs a network."""

import os
import sys

import pytest

from dualstack.lab.programs import build, cache, once

VERSION = "v5.7.1"


def place() -> str:
    """Where the program is, or would be."""
    return os.path.join(cache(), "kustomize", VERSION, "kustomize")


def kustomize() -> str:
    """The program; skips the calling test where it is not built."""
    if not os.path.exists(place()):
        pytest.skip(f"needs kustomize {VERSION}: `make collector` builds it")
    return place()


def build_once() -> str:
    """The program, built where it is not there. Needs Go."""
    with once(place()) as missing:
        if missing:
            environ = {**os.environ, "CGO_ENABLED": "0", "GOBIN": os.path.dirname(place())}
            module = f"sigs.k8s.io/kustomize/kustomize/v5@{VERSION}"
            build(["go", "install", module], os.path.dirname(place()), environ)
    return place()


if __name__ == "__main__":
    sys.stdout.write(f"{build_once()}\n")
