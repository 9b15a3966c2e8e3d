"""An address that something sends to, taken apart."""

import pytest

from dualstack.reach.destination import Reading, read

LONG = "fd00:1:2:3:4:5:6:7"
DOCUMENTED = "http://2001:db8::1:4318"
READINGS = [
    ("http://collector:4318/v1/traces", "url", Reading("http", "collector", "4318")),
    ("HTTPS://user:pw@[fd00::5]:4318", "url", Reading("https", "fd00::5", "4318")),
    ("dns:///col:4317", "grpc", Reading("dns", "col", "4317")),
    ("dns://10.96.0.10/col:4317", "grpc", Reading("dns", "col", "4317")),
    ("dns://10.96.0.10/col:4317", "url", Reading("dns")),
    ("dns:col:4317", "url", Reading("dns")),
    ("passthrough:///[fd00::5]:4317", "grpc", Reading("passthrough", "fd00::5", "4317")),
    ("unix:///run/otel.sock", "grpc", Reading()),
    ("  ", "url", Reading()),
    ("a:1,b:2", "hostport", Reading()),
    ("${env:HOST}:${env:PORT}", "grpc", Reading("", "${env:HOST}", "${env:PORT}")),
    ("${env:A}://[${env:B}]:${env:C}/${env:D}", "url", Reading()),
    ("${env:A}", "grpc", Reading()),
    ("http://[${env:B}]:${env:C}/${env:D}", "url", Reading("http", "${env:B}", "${env:C}")),
    (
        "http://fd00::5:4318/$(X)",
        "url",
        Reading("http", "fd00::5", "4318", "DS101", "http://[fd00::5]:4318/$(X)", True),
    ),
    ("collector", "grpc", Reading("", "collector", "", "DS105")),
    ("collector", "host", Reading("", "collector")),
    ("fd00::5", "host", Reading("", "fd00::5")),
    ("http://collector:", "url", Reading("http", "collector")),
    ("collector:99999", "grpc", Reading("", "collector", "99999", "DS119")),
    ("http://[10.0.0.5]:4318/x", "url", Reading("http", "10.0.0.5", "4318", "DS103", "http://10.0.0.5:4318/x")),
    ("[10.0.0.5]:4317", "grpc", Reading("", "10.0.0.5", "4317")),
    ("http://[fe80::1%25eth0]:4318", "url", Reading("http", "fe80::1%25eth0", "4318")),
    ("http://[${env:IP}]:4318", "url", Reading("http", "${env:IP}", "4318")),
    ("[fd00::5", "grpc", Reading("", "fd00::5", "", "DS101")),
    ("[fd00::5]x", "hostport", Reading("", "fd00::5", "x", "DS119")),
    (
        "fd00:1:2:3:4:5:6:7:4317",
        "grpc",
        Reading("", "fd00:1:2:3:4:5:6:7", "4317", "DS101", "[fd00:1:2:3:4:5:6:7]:4317"),
    ),
    (
        "http://2001:db8::1:4318",
        "url",
        Reading("http", "2001:db8::1", "4318", "DS101", "http://[2001:db8::1]:4318", True),
    ),
    ("http://fd00::abcd", "url", Reading("http", "fd00::abcd", "", "DS101", "http://[fd00::abcd]")),
    ("http:/otel:4318/v1", "url", Reading("http", "otel", "4318", "DS119", "http://otel:4318/v1")),
    ("http:/a:b@otel:4318", "url", Reading("", "http")),
    ("a.b:1:2", "hostport", Reading("", "a.b:1:2", "", "DS119")),
]


@pytest.mark.parametrize(("text", "form", "expected"), READINGS, ids=[f"{x[1]} {x[0]}" for x in READINGS])
def test_a_text_is_taken_apart(text: str, form: str, expected: Reading) -> None:
    assert read(text, form) == expected


def test_where_it_leads() -> None:
    assert [read(x, "url").wildcard for x in ("http://0.0.0.0:1", "http://[::]:1", "http://a:1")] == [True, True, False]
    assert [read(x, "url").loopback for x in ("http://localhost:1", "http://[::1]:1", "http://a:1")] == [
        True,
        True,
        False,
    ]
