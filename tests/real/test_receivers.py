"""The real receivers take an export over each family, and say why where they do not start."""

import pytest

from tests import netns
from tests.real import collector, rotel
from tests.real.export import export

CONFIG = """
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "{host}:4317"}}, http: {{endpoint: "{host}:4318"}}}}}}
exporters:
  debug: {{verbosity: detailed}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"""
EXPORTS = [
    (protocol, address, port) for protocol, port in (("grpc", 4317), ("http", 4318)) for address in ("127.0.0.1", "::1")
]


@pytest.mark.parametrize("version", collector.MODULES)
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_collector_takes_an_export_over_each_family(version: str, host: str) -> None:
    """Either wildcard of a Go receiver takes IPv4 and IPv6, and what was sent arrives."""
    with netns.isolated("real") as name, collector.start(CONFIG.format(host=host), name, version) as running:
        answers = {x: export(*x, "-".join(map(str, x)), name) for x in EXPORTS}
        log, endpoints = running.log, running.endpoints

    assert answers == dict.fromkeys(EXPORTS, "accepted")
    assert all("-".join(map(str, x)) in log for x in EXPORTS)
    assert sorted(endpoints) == ["[::]:4317", "[::]:4318"]  # Go's socket, whichever wildcard was written


def test_collector_that_cannot_bind_says_why() -> None:
    """The error is the Collector's own log."""
    config = CONFIG.format(host="fd00::5")
    failure = pytest.raises(collector.DidNotStart, match="too many colons in address")
    with netns.isolated("real") as name, failure, collector.start(config, name):
        pytest.fail("it started")


def test_collector_of_one_family_refuses_the_other() -> None:
    """What is bound to the IPv4 loopback is not there for IPv6."""
    with netns.isolated("real") as name, collector.start(CONFIG.format(host="127.0.0.1"), name):
        assert export("http", "127.0.0.1", 4318, "span", name) == "accepted"
        assert "Connection refused" in export("http", "::1", 4318, "span", name)


def test_rotel_takes_an_export_over_each_family() -> None:
    """Its `[::]` takes IPv4 too where bindv6only is 0."""
    with netns.isolated("real") as name, rotel.start(netns=name) as running:
        answers = {x: export(*x, "-".join(map(str, x)), name) for x in EXPORTS}
        log = running.log

    assert answers == dict.fromkeys(EXPORTS, "accepted")
    assert all("-".join(map(str, x)) in log for x in EXPORTS)
