"""Answers of real API servers, recorded, and a server that gives them again; `make recordings` records them.

A recording holds, for each user, what its server answered to each request. Bodies are whole, but for the fields that
nobody reads here: `managedFields` of anything but a ConfigMap.
"""

import contextlib
import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import zstandard

from dualstack.cli.app import run

FOLDER = Path(__file__).with_name("recorded")

Words = tuple[str, ...]
SERVICES = ("otel", "plain", "second", "require", "headless", "local", "balanced", "first", "waiting", "sidecar",
            "poor", "gateway-collector", "nothing", "alias", "manual")  # fmt: skip
_OTHERS = ("deploy/otel", "ds/poor", "pod/first-5d8f-0", "collector/gateway")
QUESTIONS: dict[str, tuple[Words, ...]] = {
    "admin": (
        ("--all",),
        *((f"svc/{x}", "-n", "obs") for x in SERVICES),
        *((x, "-n", "obs") for x in _OTHERS),
        *((f"deploy/{x}", "-n", "shop") for x in ("cart", "hosted")),
        ("svc/absent", "-n", "obs"),
    ),
    "view": (("svc/otel", "-n", "obs"), ("svc/poor", "-n", "obs"), ("--all",), ("--all", "-n", "obs")),
}
"""What is asked by each user of a recorded server, as `diagnose` takes it."""
PROBING: Words = ("svc/otel", "-n", "obs")
"""What is asked with exports from outside as well; the API server has no way to any pod."""


class Reply(NamedTuple):
    """One answer: `sent` is the body of the request where that is JSON."""

    status: int
    headers: dict[str, str]
    body: Any
    sent: Any = None


class Recording(msgspec.Struct):
    """What one API server answered.

    `made` says how; `version` is its own word, `families` those of its Services. `refused` is what it did not take of
    the small world, with its words. `answers` are by user and then by method, path and query.
    """

    made: str
    version: str
    families: list[str]
    refused: dict[str, str]
    answers: dict[str, dict[str, Reply]]


def write(path: Path, recording: Recording) -> None:
    """Store a recording."""
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(msgspec.json.encode(recording, order="sorted")))


def read(name: str) -> Recording:
    """A stored recording, by its version and form: `1.34.4-dual`."""
    raw = (FOLDER / f"{name}.json.zst").read_bytes()
    return msgspec.json.decode(zstandard.ZstdDecompressor().decompress(raw), type=Recording)


def names() -> list[str]:
    """What is stored."""
    return sorted(x.name.removesuffix(".json.zst") for x in FOLDER.glob("*.json.zst"))


def kubeconfig(path: Path, url: str, user: str) -> str:
    """Write how a user reaches a server that is asked without TLS; gives the path."""
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "recorded",
        "clusters": [{"name": "recorded", "cluster": {"server": url}}],
        "users": [{"name": user, "user": {"token": user}}],
        "contexts": [{"name": "recorded", "context": {"cluster": "recorded", "user": user}}],
    }  # fmt: skip
    path.write_text(json.dumps(document))
    return str(path)


class _Stream(io.StringIO):
    """A terminal of this process that takes any character."""

    encoding = "utf-8"


def command(*words: str) -> tuple[int, str, str]:
    """A command line in this process: its exit status, and what stood on stdout and on stderr."""
    out, told = _Stream(), _Stream()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        status = run(words)
    return status, out.getvalue(), told.getvalue()


class Replay:
    """A server that gives recorded answers; `asked` are the requests, `unknown` those that it has no answer to."""

    def __init__(self, url: str, answers: Mapping[str, Mapping[str, Reply]]) -> None:
        """Nothing is asked yet."""
        self.url, self.answers = url, answers
        self.asked, self.unknown = list[str](), list[str]()


@contextmanager
def replayed(answers: Mapping[str, Mapping[str, Reply]]) -> Iterator[Replay]:
    """A loopback server of these answers for the length of a block; they can be changed while it runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body go together

        def do_GET(self) -> None:
            user = self.headers.get("Authorization", "").removeprefix("Bearer ")
            size = int(self.headers.get("Content-Length", 0))
            sent = as_json(self.rfile.read(size), self.headers.get("Content-Type", ""))
            asked = f"{self.command} {self.path}"
            made.asked.append(asked)
            found = made.answers.get(user, {}).get(asked)
            if found is None or found.sent != sent:
                made.unknown.append(f"{user}: {asked}{f' of {sent}' if sent else ''}")
                found = Reply(501, {}, "not recorded")
            raw = found.body.encode() if isinstance(found.body, str) else msgspec.json.encode(found.body)
            self.send_response(found.status)
            for name, value in {**found.headers, "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    class Listening(ThreadingHTTPServer):
        daemon_threads = True

    with Listening(("127.0.0.1", 0), Handler) as running:
        made = Replay(f"http://127.0.0.1:{running.server_address[1]}", answers)
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield made
        finally:
            running.shutdown()


def as_json(raw: bytes, kind: str) -> Any:
    """A body of JSON as a value; None for any other."""
    return msgspec.json.decode(raw) if kind == "application/json" and raw else None
