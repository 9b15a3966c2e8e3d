"""An API server that misbehaves is asked again, or reported in one sentence, within bounds."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dualstack.gather import kinds
from dualstack.gather.ahead import Ahead
from dualstack.gather.errors import BadInput
from dualstack.gather.kube_api import Api
from dualstack.gather.kube_objects import Kind, Refused, Unreachable
from dualstack.gather.kubeconfig import Access, Plugin

Answer = tuple[int, dict[str, str], object] | None
"""Status, headers and body; None ends the connection without a word."""


@dataclass
class Server:
    """A server that gives these answers, one after the other, and notes what it was asked."""

    url: str
    answers: list[Answer]
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    groups: list[list[str]] = field(default_factory=list)


@contextmanager
def server(*answers: Answer, host: str = "127.0.0.1") -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.asked.append((self.command, self.path))
            made.tokens.append(self.headers.get("Authorization", ""))
            made.groups.append(self.headers.get_all("Impersonate-Group", []))
            answer = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            status, headers, body = answer
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    class Listening(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

    with Listening((host, 0), Handler) as running:
        shown = f"[{host}]" if ":" in host else host
        made = Server(f"http://{shown}:{running.server_address[1]}", list(answers))
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            yield made
        finally:
            running.shutdown()


Make = Callable[..., Api]


@pytest.fixture
def api() -> Iterator[Make]:
    """Makes what asks an API server, and closes it."""
    with ExitStack() as stack:

        def make(url: str, seconds: float = 5, **more: object) -> Api:
            return stack.enter_context(Api(Access(url, "test", **more), seconds))  # type: ignore[arg-type]

        yield make


def page(*names: str, token: str = "", left: int = 0) -> Answer:
    metadata = {"continue": token, **({"remainingItemCount": left} if left else {})}
    return 200, {}, {"metadata": metadata, "items": [{"metadata": {"name": x}} for x in names]}


def status(code: int, message: str = "no", **metadata: str) -> Answer:
    return code, {}, {"kind": "Status", "apiVersion": "v1", "metadata": metadata, "message": message, "code": code}


OBJECT = {"metadata": {"name": "a", "managedFields": [1]}}


def test_pages_are_joined_and_say_what_kind_they_are_of(api: Make) -> None:
    with server(page("a", token="next", left=1), page("b")) as made:
        found = api(made.url).objects(kinds.SLICES, "shop", "app=x")

    assert [(x["metadata"]["name"], x["kind"], x["apiVersion"]) for x in found] == [
        ("a", "EndpointSlice", "discovery.k8s.io/v1"),
        ("b", "EndpointSlice", "discovery.k8s.io/v1"),
    ]
    assert made.asked[0][1] == (
        "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=app%3Dx&limit=500"
    )
    assert made.asked[1][1].endswith("&continue=next")


def test_about_as_many_are_taken_as_are_wanted_and_the_rest_is_counted(api: Make) -> None:
    with server(page("a", "b", token="next", left=40)) as made:
        found = api(made.url).listed(kinds.NODES, most=2)

    assert ([x.metadata.name for x in found.items], found.more) == (["a", "b"], 40)
    assert made.asked == [("GET", "/api/v1/nodes?limit=2")]


@pytest.mark.parametrize("items", [None, []])
def test_a_list_of_nothing_is_empty(api: Make, items: object) -> None:
    with server((200, {}, {"metadata": {}, "items": items})) as made:
        assert api(made.url).objects(kinds.PODS) == []


def test_an_object_that_is_not_there_is_none(api: Make) -> None:
    with server(status(404)) as made:
        assert api(made.url).object(kinds.SERVICES, "shop", "a") is None


def test_what_manages_a_field_is_left_out(api: Make) -> None:
    with server((200, {}, OBJECT)) as made:
        assert api(made.url).object(kinds.SERVICES, "shop", "a") == {"metadata": {"name": "a"}}


BUSY: list[Answer] = [(429, {"Retry-After": "0"}, {}), status(500), status(503), (502, {}, b"<html>"), None]


@pytest.mark.parametrize("answer", BUSY, ids=["429", "500", "503", "a page", "reset"])
def test_a_server_that_is_busy_is_asked_again(api: Make, answer: Answer) -> None:
    with server(answer, answer, (200, {}, OBJECT)) as made:
        assert api(made.url).object(kinds.SERVICES, "shop", "a")

    assert len(made.asked) == 3


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (status(503, "etcd is away"), Refused, "etcd is away"),
        ((502, {}, b"<html>bad gateway"), Refused, "bad gateway"),
        ((500, {}, b""), Refused, "HTTP 500"),
        (status(403, "forbidden: pods"), Refused, "forbidden: pods"),
        (None, Unreachable, "Cannot reach the API server"),
        (
            (400, {}, b"an HTTP request to an HTTPS server."),
            Unreachable,
            "does not answer as an API server does: an HTTP",
        ),
        (status(400, "no such field"), Refused, "no such field"),
        (status(401), Unreachable, "does not accept the credentials of the context `test`"),
    ],
    ids=["503", "a page", "no word", "403", "reset", "no API", "400", "401"],
)
def test_a_server_that_stays_so_is_reported(api: Make, answer: Answer, error: type[Exception], said: str) -> None:
    with server(answer) as made, pytest.raises(error, match=said):
        api(made.url).object(kinds.SERVICES, "shop", "a")


def test_the_namespaces_of_a_name_are_listed_by_that_name_alone(api: Make) -> None:
    items = [{"metadata": {"name": "otel", "namespace": x}} for x in ("edge", "obs")]
    with server((200, {}, {"items": items})) as made:
        assert api(made.url).places(kinds.SERVICES, "otel") == ["edge", "obs"]

    assert [x for _, x in made.asked] == ["/api/v1/services?fieldSelector=metadata.name%3Dotel&limit=500"]


def test_a_list_that_took_too_long_goes_on_once(api: Make) -> None:
    with server(page("a", token="old"), status(410, "expired", **{"continue": "new"}), page("b")) as made:
        found = api(made.url).objects(kinds.PODS)

    assert [x["metadata"]["name"] for x in found] == ["a", "b"]
    assert made.asked[2][1].endswith("continue=new")
    with server(page("a", token="old"), status(410, "expired")) as made, pytest.raises(Refused, match="expired"):
        api(made.url).objects(kinds.PODS)


def test_a_server_that_stalls_is_given_up(api: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="in time"):
        api(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2).object(kinds.SERVICES, "shop", "a")


def test_a_server_that_is_not_there_is_reported_with_its_context(api: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port} of the context `test`: .*refused"):
        api(f"http://127.0.0.1:{port}").object(kinds.SERVICES, "shop", "a")


def test_a_server_over_ipv6_is_asked(api: Make) -> None:
    with server((200, {}, OBJECT), host="::1") as made:
        assert api(made.url).object(kinds.SERVICES, "shop", "a")


def test_a_token_that_has_run_out_is_read_again(api: Make, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("fresh\n")
    with server(status(401), (200, {}, OBJECT)) as made:
        api(made.url, token="stale", token_file=str(token)).object(kinds.SERVICES, "shop", "a")

    assert made.tokens == ["Bearer stale", "Bearer fresh"]


def test_a_password_is_sent(api: Make) -> None:
    with server((200, {}, OBJECT)) as made:
        api(made.url, login=("jane", "pw")).object(kinds.SERVICES, "shop", "a")

    assert made.tokens == ["Basic amFuZTpwdw=="]


def plugin(folder: Path, script: str) -> Plugin:
    path = folder / "login"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Plugin(str(path), ("-x",), {"WHO": "me"})


def test_a_plugin_gives_the_token(api: Make, tmp_path: Path) -> None:
    said = 'echo "{\\"status\\": {\\"token\\": \\"$WHO$1$(echo $KUBERNETES_EXEC_INFO | grep -c ExecCredential)\\"}}"'
    with server((200, {}, OBJECT)) as made:
        asking = api(made.url, plugin=plugin(tmp_path, said))
        asking.object(kinds.SERVICES, "shop", "a")
        asking.object(kinds.SERVICES, "shop", "a")

    assert made.tokens == ["Bearer me-x1", "Bearer me-x1"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no such profile >&2; exit 3", "ended with 3: no such profile"),
        ("exit 3", "ended with 3: no word"),
        ("echo hello", "did not answer with"),
    ],
)
def test_a_plugin_that_fails_is_reported(api: Make, tmp_path: Path, script: str, said: str) -> None:
    with server((200, {}, OBJECT)) as made, pytest.raises(BadInput, match=said):
        api(made.url, plugin=plugin(tmp_path, script)).object(kinds.SERVICES, "shop", "a")


def test_a_plugin_that_is_not_installed_is_named_with_the_way_out(api: Make) -> None:
    with server((200, {}, OBJECT)) as made, pytest.raises(BadInput, match=r"`absent-login`: No such file.*Get it here"):
        api(made.url, plugin=Plugin("absent-login", hint="Get it here.")).object(kinds.SERVICES, "shop", "a")


@pytest.mark.parametrize("fields", [{"authority": b"no pem"}, {"certificate": b"no", "key": b"pem"}])
def test_certificates_that_cannot_be_used_are_reported(api: Make, fields: dict[str, bytes]) -> None:
    with pytest.raises(BadInput, match="certificates of the context `test` cannot be used"):
        api("https://127.0.0.1:1", **fields)


Use = Callable[[Api], object]
WRITES: list[tuple[Use, str, str]] = [
    (lambda x: x.post(kinds.SERVICES, "shop", {}, dryRun="All"), "POST", "/api/v1/namespaces/shop/services?dryRun=All"),
    (lambda x: x.patch("/api/v1/namespaces/shop/pods/a", {}), "PATCH", "/api/v1/namespaces/shop/pods/a"),
    (
        lambda x: x.delete(kinds.SERVICES, "shop", "a"),
        "DELETE",
        "/api/v1/namespaces/shop/services/a?propagationPolicy=Background",
    ),
]


@pytest.mark.parametrize(("use", "method", "path"), WRITES, ids=[x[1] for x in WRITES])
def test_what_is_made_and_removed(api: Make, use: Use, method: str, path: str) -> None:
    with server((200, {}, OBJECT)) as made:
        use(api(made.url))

    assert made.asked == [(method, path)]


def test_what_takes_too_long_in_all_is_given_up(api: Make) -> None:
    with server(status(503)) as made:
        asking = api(made.url)
        with pytest.raises(Unreachable, match=r"did not answer everything within 0\.3 seconds"), asking.within(0.3):
            asking.object(kinds.SERVICES, "shop", "a")


def test_a_pod_that_stays_silent_behind_the_proxy_is_no_api_server_that_does(api: Make) -> None:
    """The next question has the usual time again, on a connection of its own."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asking = api(f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=10)

        assert asking.through("/api/v1/namespaces/obs/pods/a:4318/proxy/v1/traces", b"", {}, 0.2) is None
        answers = threading.Thread(target=_answer_second, args=(silent,))
        answers.start()
        assert asking.object(kinds.SERVICES, "shop", "a") == {"metadata": {"name": "a"}}
        answers.join()


def _answer_second(listening: socket.socket) -> None:
    for said in (b"", b'HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{"metadata":{"name":"a"}}'):
        connection, _ = listening.accept()
        with connection:
            if said:
                connection.recv(4096)
                time.sleep(0.4)  # more than the silence that is allowed to a pod
                connection.sendall(said)


def test_several_threads_ask_at_once_and_the_order_of_the_answers_is_that_of_the_questions(api: Make) -> None:
    together = threading.Barrier(4, timeout=10)
    names = [f"s{x}" for x in range(4)]

    class Waits:
        context = "test"

        def __init__(self, real: Api) -> None:
            self.real = real

        def object(self, kind: Kind[Any], namespace: str, name: str) -> object:
            together.wait()
            return self.real.object(kind, namespace, name)

    with server((200, {}, OBJECT)) as made:
        source = Ahead(Waits(api(made.url)))  # type: ignore[arg-type]
        for name in names:
            source.soon("object", kinds.SERVICES, "shop", name)
        found = [source.object(kinds.SERVICES, "shop", x) for x in names]

    assert found == [{"metadata": {"name": "a"}}] * 4
    assert sorted(x for _, x in made.asked) == [f"/api/v1/namespaces/shop/services/{x}" for x in names]


def test_what_was_asked_ahead_raises_where_it_is_wanted(api: Make) -> None:
    with server(status(403, "forbidden")) as made:
        source = Ahead(api(made.url))
        source.soon("object", kinds.SERVICES, "shop", "a")
        with pytest.raises(Refused, match="forbidden"):
            source.object(kinds.SERVICES, "shop", "a")


def test_a_page_is_on_its_way_while_the_one_before_is_read(api: Make) -> None:
    with server(page("a", token="next", left=1), page("b")) as made:
        pages = iter(Ahead(api(made.url)).every(kinds.PODS))
        first = next(pages)
        until = time.monotonic() + 10
        while len(made.asked) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        asked = len(made.asked)
        second = next(pages)

    assert asked == 2
    assert [x.metadata.name for y in (first, second) for x in y.items if x] == ["a", "b"]
    assert next(iter(second.whole([0])))["kind"] == "Pod"


def test_an_object_of_another_form_does_not_take_its_page_along(api: Make) -> None:
    odd = {"metadata": {"name": "odd"}, "spec": {"containers": "none"}}
    null = {"metadata": {"name": "null", "labels": None}, "spec": {"containers": [None]}}
    with server((200, {}, {"metadata": {}, "items": [{"metadata": {"name": "a"}}, odd, null]})) as made:
        (found,) = Ahead(api(made.url)).every(kinds.PODS)

    assert [x and x.metadata.name for x in found.items] == ["a", None, "null"]
    assert len(found.odd) == 1
    assert [x["metadata"]["name"] for x in found.whole([1, 2])] == ["odd", "null"]


def test_a_bulk_list_that_took_too_long_goes_on_once(api: Make) -> None:
    with server(page("a", token="old"), status(410, "expired", **{"continue": "new"}), page("b")) as made:
        found = [x.metadata.name for y in Ahead(api(made.url)).every(kinds.PODS) for x in y.items if x]

    assert found == ["a", "b"]


def test_a_server_says_which_families_a_service_would_get(api: Make) -> None:
    with server((201, {}, {"spec": {"ipFamilies": ["IPv6", "IPv4"]}})) as made:
        assert api(made.url).families("shop") == ("IPv6", "IPv4")

    assert made.asked == [("POST", "/api/v1/namespaces/shop/services?dryRun=All")]


def test_groups_that_are_acted_for_are_all_named(api: Make) -> None:
    """Repeated headers, as kubectl sends them (Kubernetes documentation, User impersonation)."""
    with server((200, {}, OBJECT)) as made:
        acting = (("Impersonate-User", "jane"), ("Impersonate-Group", "dev"), ("Impersonate-Group", "ops"))
        api(made.url, acting_as=acting).object(kinds.SERVICES, "shop", "a")

    assert made.groups == [["dev", "ops"]]
