"""Which clients a proxy variable catches: the table against real clients, and what NO_PROXY was meant to spare."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping

import pytest

from dualstack.model.address import Target
from dualstack.model.question import Client, Question
from dualstack.model.target import parse_target
from dualstack.reach.proxy import diverted, habits, ipv4_of, meant, proxies, unseen, variable
from dualstack.reach.select import clients
from tests.real import need

REQUESTS = "import requests, sys; requests.post(sys.argv[1], timeout=3)"
GRPC = "import grpc, sys; grpc.insecure_channel(sys.argv[1]).unary_unary('/a/b')(b'', timeout=3)"
PROGRAMS = {
    "requests": ((sys.executable, "-c", REQUESTS), "http"),
    "curl": (("curl", "-sg", "-m", "3", "-d", "x"), "http"),
    "grpc-core": ((sys.executable, "-c", GRPC), "grpc"),
}
ENTRIES = ("", "localhost,127.0.0.1", "::1", "[::1]", "::/64,fd00::/8")


def target(text: str) -> Target:
    (found,) = parse_target(text)
    return found


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_table_says_what_real_clients_do(name: str, entry: str) -> None:
    argv, scheme = PROGRAMS[name]
    need(argv[0])
    kind = socket.AF_INET6
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("::1", 0), family=kind) as own:
        spelled = f"[::1]:{own.getsockname()[1]}"
        said = {"http_proxy": f"http://127.0.0.1:{proxy.getsockname()[1]}", "no_proxy": entry}
        url = spelled if scheme == "grpc" else f"http://{spelled}"
        client = subprocess.Popen([*argv, url], env=clean(said), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            caught = first(proxy, own)
        finally:
            client.kill()
            client.wait()

    assert caught is bool(diverted(target(f"{scheme}://{spelled}"), proxies(said), Client(name)))


def clean(said: Mapping[str, str]) -> dict[str, str]:
    """This environment with other proxy variables."""
    return {**{k: v for k, v in os.environ.items() if "proxy" not in k.lower()}, **said}


def first(proxy: socket.socket, own: socket.socket) -> bool:
    """Whether a client comes to the proxy and not to the server itself."""
    ready, _, _ = select.select([proxy, own], [], [], 30)
    assert ready, "it went nowhere"
    return proxy in ready


def test_the_table_names_clients_that_are_known() -> None:
    assert {x for habit in habits() for x in habit.clients} <= set(clients())


DIVERTED = [
    ("http://[::1]:4318", {"http_proxy": "p", "no_proxy": "localhost"}, "go", False),
    ("http://[fd00::5]:4318", {"HTTP_PROXY": "p", "NO_PROXY": "10.0.0.5"}, "go", True),
    ("http://[fd00::5]:4318", {"HTTP_PROXY": "p", "NO_PROXY": "fd00::/8"}, "go", False),
    ("http://[fd00::5]:4318", {"HTTP_PROXY": "p", "NO_PROXY": "fd00:0::5"}, "go", False),
    ("http://[fd00::5]:4318", {"HTTP_PROXY": "p", "NO_PROXY": "fd00::/8"}, "requests", True),
    ("http://[fd00::5]:4318", {"HTTP_PROXY": "p", "NO_PROXY": "*"}, "requests", False),
    ("http://[fd00::5]:4318", {"HTTP_PROXY": "p"}, "curl", False),  # curl heeds the lower case alone
    ("https://[fd00::5]:4318", {"http_proxy": "p"}, "curl", False),
    ("https://[fd00::5]:4318", {"HTTPS_PROXY": "p", "NO_PROXY": "fd00::/200,a/b"}, "go", True),
    ("http://[fd00::5]:4318", {"http_proxy": "p"}, "node", False),
    ("http://[fd00::5]:4318", {}, "go", False),
    ("http://10.0.0.5:4318", {"http_proxy": "p"}, "curl", True),
    ("http://10.0.0.5:4318", {"http_proxy": "p", "no_proxy": "10.0.0.0/8"}, "requests", False),
    ("http://10.0.0.5:4318", {"http_proxy": "p", "no_proxy": "10.0.0.5"}, "curl", False),
    ("http://otel.corp.test:4318", {"http_proxy": "p"}, "curl", True),
    ("http://otel.corp.test:4318", {"http_proxy": "p", "no_proxy": "corp"}, "curl", True),
    ("http://otel.corp.test:4318", {"http_proxy": "p", "no_proxy": "a,.corp.test"}, "curl", False),
    ("http://otel.corp.test:4318", {"http_proxy": "p", "no_proxy": "Otel.corp.test:4318"}, "go", False),
    ("http://localhost:4318", {"http_proxy": "p", "no_proxy": ":4318"}, "requests", True),
    ("http://localhost:4318", {"http_proxy": "p"}, "go", False),
]


@pytest.mark.parametrize(("url", "environ", "client", "caught"), DIVERTED)
def test_who_is_diverted(url: str, environ: dict[str, str], client: str, caught: bool) -> None:
    assert bool(diverted(target(url), proxies(environ), Client(client))) is caught


def test_the_variable_that_counts_is_named() -> None:
    said = proxies({"https_proxy": "user:secret@p", "http_proxy": "p"})

    assert "secret" not in repr(said)
    assert variable(target("https://[fd00::5]:4318"), said, habits()) == "https_proxy"


MEANT = [
    ("::1", ("example.com", "localhost"), (), "localhost"),
    ("::1", ("127.0.0.0/8",), ("127.0.0.1",), "127.0.0.0/8"),
    ("fd00::5", ("localhost", "10.0.0.0/8"), (), ""),
    ("fd00::5", ("10.0.0.0/8",), ("10.0.0.5",), "10.0.0.0/8"),
    ("fd00::5", ("[fd00:0::5]",), (), "[fd00:0::5]"),
    ("fd00::5", ("fd00::/8",), (), "fd00::/8"),
]


@pytest.mark.parametrize(("literal", "exceptions", "beside", "entry"), MEANT)
def test_what_an_entry_was_meant_to_spare(
    literal: str, exceptions: tuple[str, ...], beside: tuple[str, ...], entry: str
) -> None:
    assert meant(literal, exceptions, beside) == entry


def test_addresses_beside() -> None:
    assert ipv4_of(("::1", "127.0.0.1")) == ("127.0.0.1",)


@pytest.mark.parametrize(
    ("question", "environ", "said"),
    [
        (
            Question(targets=parse_target("http://col:4318"), probing=True),
            {"http_proxy": "p"},
            "python, curl, go, ruby",
        ),
        (Question(targets=parse_target("http://col:4318"), probing=True), {"http_proxy": "p", "no_proxy": "col"}, ""),
        (Question(targets=parse_target("http://col:4318"), probing=True, client=Client("go")), {"http_proxy": "p"}, ""),
        (Question(targets=parse_target("http://col:4318"), probing=False), {"http_proxy": "p"}, ""),
        (Question(targets=parse_target("http://col:4318"), probing=True), {}, ""),
    ],
)
def test_a_proxy_that_probes_pass_by_is_told(question: Question, environ: dict[str, str], said: str) -> None:
    told = " ".join(unseen(question, proxies(environ)))

    assert bool(told) is bool(said)
    assert said in told
