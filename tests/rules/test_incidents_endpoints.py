"""Endpoints of a configuration that cannot be bound, and those that nobody can foretell."""

import pytest

from tests.rules.test_incidents import config
from tests.rules.test_incidents_ends import (
    HELD,
    only,
    roots,
)

UNUSABLE = {
    "no port": ("0.0.0.0", "missing port in address"),
    "a port above all": ("localhost:99999", "address 99999: invalid port"),
    "a port far above all": (f"localhost:{'9' * 5000}", "invalid port"),
    "a negative port": ("0.0.0.0:-1", "address -1: invalid port"),
    "a blank after the port": ("0.0.0.0:4317 ", "lookup tcp/4317 : unknown port"),
    "no brackets": ("fd00::5:4317", "too many colons in address"),
}


@pytest.mark.parametrize("target", ["localhost:4317", "localhost:4318"])
@pytest.mark.parametrize(("endpoint", "said"), UNUSABLE.values(), ids=UNUSABLE)
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_an_endpoint_that_cannot_be_bound_explains_what_is_closed(
    protocol: str, endpoint: str, said: str, target: str
) -> None:
    world = f"target: {target}\nnames: {{localhost: [127.0.0.1]}}\nlisteners: []\n" + config(
        **{protocol: f'{{endpoint: "{endpoint}"}}'}
    )
    found = only(world, "DS211")
    explained = endpoint != "fd00::5:4317" or target.endswith("4317")

    assert roots(world) == ["DS211"]
    assert (said in found.detail) is explained
    assert (f"receivers.otlp.protocols.{protocol}.endpoint" in found.hint) is explained
    assert (found.location is not None) is explained


def test_an_endpoint_without_a_port_to_find_is_bound_all_the_same() -> None:
    world = HELD + config(grpc='{endpoint: "0.0.0.0:0"}')

    assert only(world, "DS211").hint == "Start a receiver on port 4317."


CLASHES = {
    "two wildcards": ("0.0.0.0:4317", "[::]:4317", True),
    "one address twice": ("127.0.0.1:4317", "127.0.0.1:4317", True),
    "a literal under a wildcard": ("127.0.0.1:4317", "0.0.0.0:4317", True),
    "two literals": ("127.0.0.1:4317", "10.9.0.5:4317", False),
    "two ports": ("0.0.0.0:4317", "0.0.0.0:5317", False),
    "any free port twice": ("0.0.0.0:0", "0.0.0.0:0", False),
}


@pytest.mark.parametrize(("one", "other", "clash"), CLASHES.values(), ids=CLASHES)
def test_two_endpoints_of_one_configuration_that_cannot_be_bound_side_by_side(
    one: str, other: str, *, clash: bool
) -> None:
    both = "otlp: {protocols: {grpc: {endpoint: '%s'}}}, otlp/second: {protocols: {grpc: {endpoint: '%s'}}}"
    world = (
        f"{HELD}config: |\n  receivers: {{{both % (one, other)}}}\n  exporters: {{debug: {{}}}}\n"
        "  service: {pipelines: {traces: {receivers: [otlp, otlp/second], exporters: [debug]}}}\n"
    )
    found = only(world, "DS211")

    assert ("address already in use" in found.detail) is clash
    assert ("receivers.otlp/second.protocols.grpc.endpoint" in found.hint) is clash
    assert (f"`{one}` (`receivers.otlp.protocols.grpc.endpoint`, line 1)" in found.detail) is clash


UNKNOWN = {
    "a variable": (
        "${env:POD_IP}:4317",
        "Give `POD_IP` in `collector.yaml`, line 1, the value",
        "`[${env:POD_IP}]:4317`",
    ),
    "the old syntax": ("${POD_IP}:4317", "Give `POD_IP` in `collector.yaml`, line 1, the value", "`[${POD_IP}]:4317`"),
    "in brackets": ("[${env:POD_IP}]:4317", "Give `POD_IP` in `collector.yaml`, line 1, the value", ""),
    "a variable for all": ("${env:LISTEN}", "Give `LISTEN` in `collector.yaml`, line 1, the value", ""),
    "a file": ("${file:ip}:4317", "Start the Collector and see", "`[${file:ip}]:4317`"),
    "a service": ("[::]:otlp", "Start the Collector and see", ""),
    "a name": ("no-such-host:4317", "Start the Collector and see", ""),
}


@pytest.mark.parametrize(("endpoint", "advice", "brackets"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_endpoint_that_nobody_can_foretell_is_told_as_that(endpoint: str, advice: str, brackets: str) -> None:
    world = HELD + config(grpc=f'{{endpoint: "{endpoint}"}}')
    found = only(world, "DS211")

    assert endpoint in found.detail
    assert "receivers.otlp.protocols.grpc.endpoint" in found.detail
    assert "is open" in found.detail
    assert found.hint.startswith(advice)
    assert found.location
    assert ("IPv6 address needs" in found.hint) is bool(brackets)
    assert brackets in found.hint


def test_what_is_known_to_fail_is_told_before_what_may() -> None:
    world = HELD + config(grpc='{endpoint: "${env:POD_IP}:4317"}', http='{endpoint: "10.9.0.99:4318"}')

    assert roots(world) == ["DS212"]
    assert "10.9.0.99:4318" in only(world, "DS211").detail


def test_localhost_is_no_reason_for_doubt() -> None:
    world = "target: 10.9.0.5:4317\nprobes: ['10.9.0.5:4317 grpc refused']\n"

    assert only(world + config(grpc='{endpoint: "localhost:4317"}'), "DS211").hint == "Start a receiver on port 4317."
