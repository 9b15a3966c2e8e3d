"""Records what a real API server of a version answers to this project, for `tests/cluster/test_recorded.py`.

    python -m tests.real.kubernetes 1.28.15 kube-apiserver     # builds it, once
    python -m tests.real.record_api 1.28.15 [FORM]             # dual, ipv4, ipv6 or ipv6-first; needs root and etcd

The server has no controllers and no nodes: `small_world.py` writes everything. Between the command line and the server
stands a proxy that notes each request with its answer.
"""

import http.client
import json
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster import replay
from tests.cluster.replay import Recording, Reply
from tests.e2e.cluster import api_servers
from tests.e2e.control_plane import FORMS
from tests.real import small_world

_SECONDS = 30.0
_KEPT = ("Content-Type", "Retry-After")
_PASSED = ("Authorization", "Accept", "Content-Type", "Connection", "Upgrade", "Sec-WebSocket-Key",
           "Sec-WebSocket-Version", "Sec-WebSocket-Protocol")  # fmt: skip


class Server:
    """A real API server: `port` is that of the loopback, `folder` has the authority of its certificate."""

    def __init__(self, port: int, folder: str) -> None:
        """Nothing is asked yet."""
        self._port, self._tls = port, ssl.create_default_context(cafile=f"{folder}/ca.pem")

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=60)
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            return answer.status, {k: v for k in _KEPT if (v := answer.headers.get(k))}, answer.read()
        finally:
            connection.close()

    def say(self, method: str, path: str, body: object = None, kind: str = "application/json") -> tuple[int, Any]:
        """The status and the object that come of a request with all rights."""
        headers = {"Authorization": "Bearer admin", "Content-Type": kind}
        status, kept, raw = self.ask(method, path, json.dumps(body).encode() if body else b"", headers)
        told = replay.as_json(raw, kept.get("Content-Type", ""))
        return status, {"message": raw.decode().strip()} if told is None else told


def fill(server: Server, families: small_world.Families) -> dict[str, str]:
    """Make the small world; gives what was refused, by kind and name, with the words of the server."""
    now = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    refused: dict[str, str] = {}
    absent: set[str] = set()
    uids: dict[tuple[str, str], str] = {}
    for item in small_world.objects(families, now):
        about = item["metadata"]
        if absent & _kin(item):
            absent.add(about["name"])  # no controller would have made it
            continue
        for owner in _owners(item):
            owner["uid"] = uids[owner["kind"], owner["name"]]
        said = _made(server, item)
        if "uid" not in said.get("metadata", {}):
            refused[f"{item['kind']} {about['name']}"] = said["message"]
            absent.add(about["name"])
            continue
        uids[item["kind"], about["name"]] = said["metadata"]["uid"]
        path = f"{small_world.place(item)}/{about['name']}"
        if "status" in item and item["kind"] != "OpenTelemetryCollector":
            _changed(server, f"{path}/status", {"status": item["status"]})
        if item["kind"] == "Node":  # it is made with a taint, which a controller takes away
            _changed(server, path, {"spec": {"taints": None}})
    return refused


def _owners(item: small_world.Object) -> list[small_world.Object]:
    return item["metadata"].get("ownerReferences", [])


def _kin(item: small_world.Object) -> set[str]:
    """The names of an object, of its owners and, for a slice, of its Service: without one there is no other."""
    about = item["metadata"]
    return {about["name"], about.get("labels", {}).get(small_world.LED_BY, ""), *(x["name"] for x in _owners(item))}


def _made(server: Server, item: small_world.Object) -> Any:
    """What the server says to a new object; the kind of a resource that was made just now is not there at once."""
    until = time.monotonic() + _SECONDS
    while True:
        status, said = server.say("POST", small_world.place(item), item)
        late = status == 404 and item["kind"] == "OpenTelemetryCollector" and time.monotonic() < until
        if not late:
            return said
        time.sleep(0.2)


def _changed(server: Server, path: str, body: object) -> None:
    status, said = server.say("PATCH", path, body, "application/merge-patch+json")
    if status != 200:
        raise RuntimeError(f"{path}: {said}")


@contextmanager
def noting(server: Server, answers: dict[str, dict[str, Reply]]) -> Iterator[str]:
    """A proxy before a server, which notes the first answer to each request; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {k: v for k in _PASSED if (v := self.headers.get(k))}
            status, kept, raw = server.ask(self.command, self.path, body, headers)
            user = headers["Authorization"].removeprefix("Bearer ")
            held = replay.as_json(raw, kept.get("Content-Type", ""))
            told = raw.decode() if held is None else _slim(held)
            sent = replay.as_json(body, headers.get("Content-Type", ""))
            asked = f"{self.command} {self.path}"
            answers.setdefault(user, {}).setdefault(asked, Reply(status, kept, told, sent))
            self.send_response(status)
            for name, value in {**kept, "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    class Listening(ThreadingHTTPServer):
        daemon_threads = True

    with Listening(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{running.server_address[1]}"
        finally:
            running.shutdown()


def _slim(body: Any) -> Any:
    """An answer without the long list of who wrote which field, but of ConfigMaps, where it is read."""
    for item in body.get("items") or [body]:
        about = item.get("metadata") or {}
        if "data" not in item:
            about.pop("managedFields", None)
    return body


def ask_everything(url: str, folder: Path) -> None:
    """Every question of the contract, by the command line."""
    asked = [(user, (*words, "--no-probe")) for user, questions in replay.QUESTIONS.items() for words in questions]
    for user, words in [*asked, ("admin", replay.PROBING)]:
        config = replay.kubeconfig(folder / user, url, user)
        status, _, _ = replay.command("diagnose", *words, "--kubeconfig", config)
        sys.stderr.write(f"{status} {user} {' '.join(words)}\n")


def record(version: str, form: str) -> Recording:
    """Start a server, fill it, ask it. Raises CannotBuild."""
    families = ["IPv6" if ":" in x else "IPv4" for x in FORMS[form].services.split(",")]
    answers: dict[str, dict[str, Reply]] = {}
    with api_servers(version, form) as made, tempfile.TemporaryDirectory() as folder:
        server = Server(made.ports[form]["127.0.0.1"], made.credentials)
        refused = fill(server, families)
        said = server.say("GET", "/version")[1]["gitVersion"]
        with noting(server, answers) as url:
            ask_everything(url, Path(folder))
    made_by = f"python -m tests.real.record_api {version} {form}, on {datetime.now(UTC):%Y-%m-%d}, from a real server"
    return Recording(made_by, said, families, refused, answers)


def main() -> None:
    """The command line."""
    version, form = sys.argv[1], (sys.argv[2:] or ["dual"])[0]
    found = record(version, form)
    replay.FOLDER.mkdir(exist_ok=True)
    path = replay.FOLDER / f"{version}-{form}.json.zst"
    replay.write(path, found)
    counts = ", ".join(f"{len(v)} answers to {k}" for k, v in found.answers.items())
    sys.stderr.write(f"{path}: {path.stat().st_size} bytes, {counts}; refused: {found.refused}\n")


if __name__ == "__main__":
    main()
