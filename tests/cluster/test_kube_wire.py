"""The way to an API server: real TLS with certificates on both sides, real proxies, kubeconfigs from a pipe."""

import base64
import json
import os
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dualstack.gather import kinds
from dualstack.gather.errors import BadInput
from dualstack.gather.kube_api import Api
from dualstack.gather.kube_objects import Unreachable
from dualstack.gather.kubeconfig import Access, Plugin, access
from dualstack.lab import certificates
from dualstack.lab.incident import Certificate

OBJECT = b'{"metadata": {"name": "a"}}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server called kube.example, a client that it knows and one of a stranger."""
    made = tmp_path_factory.mktemp("certificates")
    wanted = {
        "server": Certificate(names=("kube.example",), common_name="kube.example"),
        "client": Certificate(common_name="jane"),
        "other": Certificate(common_name="joe", signed_by="stranger"),
    }
    certificates.make(str(made), wanted)
    return made


@contextmanager
def tls_server(folder: Path, *, asks: bool = False) -> Iterator[tuple[int, list[str]]]:
    """A server with the certificate of kube.example, which may want one of its clients; it notes who came."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    if asks:
        context.load_verify_locations(folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            shown = self.connection.getpeercert() or {}
            came.append(dict(x[0] for x in shown.get("subject", ())).get("commonName", ""))
            self.send_response(200)
            self.send_header("Content-Length", str(len(OBJECT)))
            self.end_headers()
            self.wfile.write(OBJECT)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
            with suppress(OSError), context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)

    with Server(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            yield running.server_address[1], came
        finally:
            running.shutdown()


def known(folder: Path, port: int, **more: object) -> Access:
    held = {"server_name": "kube.example", "authority": (folder / "ca.pem").read_bytes(), **more}
    return Access(f"https://127.0.0.1:{port}", "test", **held)  # type: ignore[arg-type]


def asked(found: Access, times: int = 1) -> None:
    with Api(found, 5) as api:
        for _ in range(times):
            assert api.object(kinds.SERVICES, "shop", "a") == {"metadata": {"name": "a"}}


def test_the_name_in_the_certificate_may_be_another_one(folder: Path) -> None:
    with tls_server(folder) as (port, _):
        asked(known(folder, port))
        with pytest.raises(Unreachable, match=r"not trusted: IP address mismatch"):
            asked(known(folder, port, server_name=""))


def test_a_server_of_another_authority_is_refused_unless_that_is_wanted(folder: Path) -> None:
    with tls_server(folder) as (port, _):
        stranger = (folder / "stranger.pem").read_bytes()
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            asked(known(folder, port, authority=stranger))
        asked(known(folder, port, authority=b"", insecure=True))


def plugin(folder: Path, tmp_path: Path, name: str) -> Plugin:
    """One that gives a certificate in the place of a token, and counts how often it is asked."""
    pair = {
        "clientCertificateData": (folder / f"{name}.pem").read_text(),
        "clientKeyData": (folder / f"{name}.key").read_text(),
    }
    (tmp_path / "said").write_text(json.dumps({"kind": "ExecCredential", "status": pair}))
    path = tmp_path / "login"
    path.write_text(f"#!/bin/sh\necho x >> {tmp_path}/asked\ncat {tmp_path}/said\n")
    path.chmod(0o755)
    return Plugin(str(path))


def test_a_plugin_gives_a_certificate(folder: Path, tmp_path: Path) -> None:
    with tls_server(folder, asks=True) as (port, came):
        asked(known(folder, port, plugin=plugin(folder, tmp_path, "client")), times=2)

    assert came == ["jane", "jane"]
    assert (tmp_path / "asked").read_text() == "x\n"


def test_a_certificate_that_is_not_taken_is_asked_for_once_more(folder: Path, tmp_path: Path) -> None:
    login = plugin(folder, tmp_path, "other")
    with tls_server(folder, asks=True) as (port, _), pytest.raises(Unreachable, match="Cannot reach the API server"):
        asked(known(folder, port, plugin=login))

    assert (tmp_path / "asked").read_text() == "x\nx\n"


def test_a_certificate_that_was_replaced_on_disk_is_read_again(folder: Path, tmp_path: Path) -> None:
    files = (str(tmp_path / "client.pem"), str(tmp_path / "client.key"))
    for ending in ("pem", "key"):
        (tmp_path / f"client.{ending}").write_bytes((folder / f"client.{ending}").read_bytes())
    old = {"certificate": (folder / "other.pem").read_bytes(), "key": (folder / "other.key").read_bytes()}
    with tls_server(folder, asks=True) as (port, came):
        asked(known(folder, port, certificate_files=files, **old))

    assert came == ["jane"]


@contextmanager
def proxy(*, socks: bool = False, user: str = "") -> Iterator[tuple[int, list[str]]]:
    """A proxy that leads on, by CONNECT or SOCKS 5, and notes where to; with a user it wants a password."""
    asked_for: list[str] = []

    class Relay(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            where = self.by_socks() if socks else self.by_connect()
            if where is None:
                return
            asked_for.append(where)
            host, _, port = where.rpartition(":")
            with socket.create_connection(("127.0.0.1" if host == "kube.example" else host, int(port))) as far:
                if socks:
                    self.wfile.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
                else:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=pump, args=(far, self.connection), daemon=True)
                back.start()
                pump(self.connection, far)

        def by_connect(self) -> str | None:
            lines = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
            wanted = f"Proxy-Authorization: Basic {base64.b64encode(f'{user}:p w'.encode()).decode()}"
            if user and wanted not in lines:
                self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return None
            return lines[0].split()[1]

        def by_socks(self) -> str | None:
            methods = self.rfile.read(self.rfile.read(2)[1])
            self.wfile.write(b"\x05\x02" if user else b"\x05\x00")
            if user:
                assert methods == b"\x02"
                name = self.rfile.read(self.rfile.read(2)[1])
                word = self.rfile.read(self.rfile.read(1)[0])
                good = (name, word) == (user.encode(), b"p w")
                self.wfile.write(b"\x01\x00" if good else b"\x01\x01")
                if not good:
                    return None
            kind = self.rfile.read(4)[3]
            host = (
                socket.inet_ntoa(self.rfile.read(4)) if kind == 1 else self.rfile.read(self.rfile.read(1)[0]).decode()
            )
            return f"{host}:{struct.unpack('!H', self.rfile.read(2))[0]}"

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = allow_reuse_address = True

    with Server(("127.0.0.1", 0), Relay) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            yield running.server_address[1], asked_for
        finally:
            running.shutdown()


def pump(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while chunk := near.recv(65536):
            far.sendall(chunk)
    with suppress(OSError):
        far.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("socks", [False, True], ids=["http", "socks5"])
def test_a_proxy_leads_there_and_looks_the_name_up(folder: Path, socks: bool) -> None:
    with tls_server(folder) as (port, _), proxy(socks=socks) as (near, asked_for):
        scheme = "socks5" if socks else "http"
        found = known(folder, port, server_name="", proxy=f"{scheme}://127.0.0.1:{near}")
        asked(Access(f"https://kube.example:{port}", "test", authority=found.authority, proxy=found.proxy), times=2)

    assert asked_for == [f"kube.example:{port}"]


@pytest.mark.parametrize("socks", [False, True], ids=["http", "socks5"])
def test_a_proxy_gets_the_password_that_its_address_has(folder: Path, socks: bool) -> None:
    scheme = "socks5" if socks else "http"
    with tls_server(folder) as (port, _), proxy(socks=socks, user="jane") as (near, asked_for):
        asked(known(folder, port, proxy=f"{scheme}://jane:p%20w@127.0.0.1:{near}"))
        with pytest.raises(Unreachable, match=r"407|does not accept who asks"):
            asked(known(folder, port, proxy=f"{scheme}://jane:wrong@127.0.0.1:{near}"))

    assert asked_for == [f"127.0.0.1:{port}"]


def test_a_proxy_that_is_none_is_reported() -> None:
    with pytest.raises(Unreachable, match="`http://` and `socks5://`"):
        Api(Access("https://127.0.0.1:1", "test", proxy="ftp://p:1"), 1)


CONFIG = """
current-context: c
clusters: [{{name: c, cluster: {{server: "{server}"{more}}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
users: [{{name: u, user: {{token: t}}}}]
"""


def proxied(tmp_path: Path, server: str, environ: dict[str, str], more: str = "") -> str:
    (tmp_path / "config").write_text(CONFIG.format(server=server, more=more))
    return access(str(tmp_path / "config"), "", environ).proxy


@pytest.mark.parametrize(
    ("server", "environ", "more", "proxy"),
    [
        ("https://kube.example:6443", {"HTTPS_PROXY": "http://p:1"}, "", "http://p:1"),
        ("https://kube.example:6443", {"https_proxy": "http://p:1"}, "", "http://p:1"),
        ("https://kube.example:6443", {"HTTP_PROXY": "http://p:1"}, "", ""),
        ("https://kube.example:6443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a, .example"}, "", ""),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, "", ""),
        ("https://[fd00::1]:6443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "fd00::/8"}, "", ""),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p:1"}, "", ""),
        ("https://kube.example:6443", {"HTTPS_PROXY": "http://p:1"}, ", proxy-url: 'socks5://q:2'", "socks5://q:2"),
        ("https://kube.example/k8s/clusters/c-1", {"HTTPS_PROXY": "http://p:1"}, "", "http://p:1"),
    ],
)
def test_variables_name_a_proxy_as_they_do_for_kubectl(
    tmp_path: Path, server: str, environ: dict[str, str], more: str, proxy: str
) -> None:
    assert proxied(tmp_path, server, environ, more) == proxy


def test_the_environment_of_this_process_is_no_way_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts was read with the kubeconfig: a library that looks again would go elsewhere."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with tls_server(folder) as (port, _):
        asked(known(folder, port))


def test_a_kubeconfig_comes_out_of_a_pipe_once(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, CONFIG.format(server="https://k:1", more="").encode())
    os.close(writer)
    try:
        found = access("", "", {"KUBECONFIG": f"/dev/fd/{reader}"})
    finally:
        os.close(reader)

    assert (found.server, found.token) == ("https://k:1", "t")


def test_a_pipe_whose_other_end_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dualstack.gather.regular._PIPE_SECONDS", 0.1)
    reader, writer = os.pipe()
    try:
        with pytest.raises(BadInput, match="nothing came within"):
            access(f"/dev/fd/{reader}", "", {})
    finally:
        os.close(reader)
        os.close(writer)


def test_a_server_behind_a_path_is_asked_there(tmp_path: Path) -> None:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(OBJECT)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        asked(Access(f"http://127.0.0.1:{running.server_address[1]}/k8s/clusters/c-1", "test"))
        running.shutdown()

    assert seen == ["/k8s/clusters/c-1/api/v1/namespaces/shop/services/a"]
