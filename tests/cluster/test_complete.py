"""A shell completes kinds, names, namespaces and contexts, and is told nothing where it cannot."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@contextmanager
def server(body: bytes) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}", asked
        running.shutdown()


def completed(folder: Path, url: str, *words: str) -> list[str]:
    """What bash would be offered for the last word; nothing may be said beside it."""
    path = folder / "config"
    path.write_text(json.dumps({
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [{"name": x, "context": {"cluster": "c", "user": "u", "namespace": "shop"}} for x in ("c", "cd")],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }))  # fmt: skip
    environ = {"_DUALSTACK_COMPLETE": "bash_complete", "KUBECONFIG": str(path), "PYTHONPATH": "src",
               "COMP_WORDS": " ".join(("dualstack", *words)), "COMP_CWORD": str(len(words))}  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "dualstack"], env=environ, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [x.partition(",")[2] for x in done.stdout.split()]


NAMES = json.dumps({"items": [{"metadata": {"name": x}} for x in ("otel", "oteapot", "web")]}).encode()


@pytest.mark.parametrize(
    ("words", "offered", "asked"),
    [
        (("diagnose", "d"), ["deploy/", "ds/"], []),
        (("diagnose", "svc/ote"), ["svc/otel", "svc/oteapot"], ["/api/v1/namespaces/shop/services?limit=500"]),
        (
            ("gather", "-n", "obs", "deployment/w"),
            ["deployment/web"],
            ["/apis/apps/v1/namespaces/obs/deployments?limit=500"],
        ),
        (("diagnose", "-n", "w"), ["web"], ["/api/v1/namespaces?limit=500"]),
        (("diagnose", "--context", "c"), ["c", "cd"], []),
        (("diagnose", "nothing/x"), [], []),
    ],
)
def test_a_word_is_completed(tmp_path: Path, words: tuple[str, ...], offered: list[str], asked: list[str]) -> None:
    with server(NAMES) as (url, seen):
        assert completed(tmp_path, url, *words) == offered

    assert seen == asked


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"items": [{"metadata": null}]}'])
def test_a_server_that_says_something_else_completes_nothing(tmp_path: Path, body: bytes) -> None:
    with server(body) as (url, _):
        assert completed(tmp_path, url, "diagnose", "svc/") == []


def test_without_a_server_nothing_is_completed(tmp_path: Path) -> None:
    assert completed(tmp_path, "http://127.0.0.1:1", "diagnose", "svc/") == []
