"""Programs outside Kubernetes: what a unit or a Compose service says of the families of its sockets."""

from pathlib import Path

import pytest

from dualstack.gather.processes_files import permitted
from dualstack.model.address import Family
from dualstack.review import Review, lint

CONFIG = """\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "HOST:4317"}
exporters: {debug: {}}
"""
UNIT = "[Service]\nExecStart=/usr/bin/otelcol --config=/etc/otelcol/config.yaml\n"
COMPOSE = """\
services:
  otel:
    image: otel/opentelemetry-collector:0.139.0
    command: [--config=/c.yaml]
    volumes: ["./c.yaml:/c.yaml"]
"""
OFF = "net.ipv6.conf.all.disable_ipv6"


def codes(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [x.code for x in lint(Review((str(folder),))).diagnosis.findings if x.code in ("DS212", "DS217")]


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ((), ()),
        (("AF_INET AF_UNIX",), (Family.IPV4,)),
        (("AF_INET6",), (Family.IPV6,)),
        (("AF_INET AF_INET6",), ()),
        (("AF_INET", "AF_INET6"), ()),
        (("AF_INET", "", "AF_INET6"), (Family.IPV6,)),
        (("AF_INET", ""), ()),
        (("~AF_INET6",), (Family.IPV4,)),
        (("~AF_INET6", "AF_INET6"), ()),
        (("AF_INET AF_INET6", "~AF_INET"), (Family.IPV6,)),
        (("~AF_PACKET",), ()),
        (("none",), ()),
    ],
)
def test_what_lines_of_a_unit_leave(lines: tuple[str, ...], left: tuple[Family, ...]) -> None:
    assert permitted(lines) == left


@pytest.mark.parametrize("place", ["etc/otelcol/config.yaml", "units/config.yaml"])
@pytest.mark.parametrize(
    ("unit", "dropin", "found"),
    [
        ("", "", []),
        ("RestrictAddressFamilies=AF_INET AF_UNIX\n", "", ["DS212"]),
        ("RestrictAddressFamilies=~AF_INET6\n", "", ["DS212"]),
        ("", "RestrictAddressFamilies=AF_INET\n", ["DS212"]),
        ("RestrictAddressFamilies=AF_INET\n", "RestrictAddressFamilies=AF_INET6\n", []),
    ],
)
def test_a_unit_without_ipv6_binds_no_ipv6_address(
    place: str, unit: str, dropin: str, found: list[str], tmp_path: Path
) -> None:
    files = {
        "units/otelcol.service": UNIT + unit,
        "units/otelcol.service.d/families.conf": f"[Service]\n{dropin}",
        place: CONFIG.replace("HOST", "[::1]"),
    }
    assert codes(tmp_path, files) == found
    assert codes(tmp_path, {place: CONFIG.replace("HOST", "127.0.0.1")}) == []


def test_of_two_configurations_that_a_unit_may_name_none_is_taken(tmp_path: Path) -> None:
    said = CONFIG.replace("HOST", "[::1]")
    copies = {f"{x}/etc/otelcol/config.yaml": said for x in "ab"}
    assert codes(tmp_path, {"x.service": f"{UNIT}RestrictAddressFamilies=AF_INET\n", **copies}) == []


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("", []),
        (f"    sysctls: {{{OFF}: 1}}\n", ["DS212"]),
        (f"    sysctls: [{OFF}=1]\n", ["DS212"]),
        (f"    sysctls: [{OFF}=0]\n", []),
        (f"    sysctls: [{OFF}=1]\n    network_mode: service:other\n", []),
    ],
)
def test_a_service_without_ipv6_binds_no_ipv6_address(more: str, found: list[str], tmp_path: Path) -> None:
    files = {"compose.yaml": COMPOSE + more, "c.yaml": CONFIG.replace("HOST", "[fd00::5]")}
    assert codes(tmp_path, files) == found


def test_a_service_without_ipv6_has_a_deaf_listener(tmp_path: Path) -> None:
    pinned = CONFIG.replace('"HOST:4317"', '":4317", transport: tcp6')
    assert codes(tmp_path, {"compose.yaml": COMPOSE, "c.yaml": pinned}) == []
    assert codes(tmp_path, {"compose.yaml": f"{COMPOSE}    sysctls: {{{OFF}: 1}}\n"}) == ["DS217"]
