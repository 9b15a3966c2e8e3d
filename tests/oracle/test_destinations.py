"""What is wrong with an address that something sends to, held against the parsers of Go, Node.js and Python."""

import os
import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dualstack.reach.destination import read
from tests.real import CACHE, build, need, once

SOURCES = Path(__file__).parent / "programs"
HOSTS = (
    *("collector", "collector.observability.svc", "10.0.0.5", "[10.0.0.5]", "[collector]", "[fd00::5]", "[::1]"),
    *("[::]", "[::ffff:10.0.0.5]", "fd00::5", "2001:db8::1", "fd00:1:2:3:4:5:6:7", "::1", "[fd00::5", "fd00::5]"),
)
PORTS = ("", ":4317", ":4318", ":0", ":65535", ":65536", ":otlp")
AUTHORITIES = tuple(map("".join, product(HOSTS, PORTS)))
URLS = tuple(map("".join, product(("http://", "https://"), AUTHORITIES, ("", "/v1/traces"))))
TARGETS = (*AUTHORITIES, *(f"http://{x}" for x in AUTHORITIES), *(f"dns:///{x}" for x in AUTHORITIES))

LENIENT = {"[10.0.0.5]", "[collector]"}
"""What stands in brackets and is no IPv6 address: Go took it in URLs before 1.25.2, Python before 3.11.4."""


def go(form: str, texts: Sequence[str]) -> list[str]:
    need("go")
    source, out = SOURCES / "destination.go", CACHE / "destinations" / "read-go"
    with once(out, source) as missing:
        if missing:
            build(["go", "build", "-o", str(out), str(source)], SOURCES, os.environ)
    return said([str(out)], [f"{form}\t{x}" for x in texts])


def said(argv: Sequence[str], lines: Sequence[str]) -> list[str]:
    done = subprocess.run(argv, check=True, capture_output=True, text=True, input="".join(f"{x}\n" for x in lines))
    found = done.stdout.splitlines()
    assert len(found) == len(lines)
    return found


def python(text: str) -> str:
    try:
        port = urlsplit(text).port
    except ValueError as error:
        return str(error)
    return "invalid port 0" if port == 0 else "ok"


def lenient(text: str) -> bool:
    return any(x in text for x in LENIENT)


@pytest.mark.parametrize("runtime", ["go", "node", "python"])
def test_a_url_is_at_fault_where_a_real_parser_refuses_it(runtime: str) -> None:
    """None is called broken that all take, and none is passed that this one refuses."""
    if runtime == "go":
        found = go("url", URLS)
    elif runtime == "node":
        need("node")
        found = said(["node", str(SOURCES / "destination.js")], URLS)
    else:
        found = [python(x) for x in URLS]
    judged = {x: read(x, "url").fault for x in URLS}

    passed = [(x, y) for x, y in zip(URLS, found, strict=True) if y != "ok" and not judged[x]]
    blamed = [(x, judged[x]) for x, y in zip(URLS, found, strict=True) if y == "ok" and judged[x] and not lenient(x)]
    assert passed == []
    assert blamed == []


def test_a_target_of_grpc_is_at_fault_where_the_exporter_refuses_it() -> None:
    """As exporter/otlpexporter checks it (config.go Validate): net.SplitHostPort and a number."""
    found = go("grpc", TARGETS)

    judged = [bool(read(x, "grpc").fault) for x in TARGETS]
    differing = [(x, y) for x, y, fault in zip(TARGETS, found, judged, strict=True) if (y != "ok") != fault]
    assert differing == []
