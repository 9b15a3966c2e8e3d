"""Listeners that were met and whose text is out of reach: who holds them, and what to change where."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.model.address import Protocol
from dualstack.model.finding import Finding
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from tests.cluster import worlds as w

LOOPBACK = Glimpses(
    (
        Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.ADDRESS, Outcome.REFUSED),
        Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.LOOPBACK, Outcome.ACCEPTED),
    )
)
"""The port of gRPC answers at `localhost` of the pod alone."""


def told(*configs: w.Object, beside: Any = (), volumes: Any = None, **container: Any) -> Finding:
    """What is said of that port, where pods and their template have these fields."""
    pod, made = w.pod("otel-a", "n1"), w.deployment()
    for spec in (pod["spec"], made["spec"]["template"]["spec"]):
        spec["containers"][0] |= deepcopy(container)
        spec["containers"] += beside
        spec["volumes"] = volumes if volumes is not None else spec["volumes"]
    found = w.diagnosed(w.healthy(pods=[pod], workloads=[made], configs=configs), seen=LOOPBACK)
    return next(x for x in found.findings if x.code == "DS202")


SECRET = [{"name": "conf", "secret": {"secretName": "otel-cfg"}}]
PARTS = [{"name": "conf", "projected": {"sources": [{"secret": {"name": "a"}}, {"secret": {"name": "b"}}, {}]}}]
UNNAMED = {"name": "shell", "image": "shell"}


@pytest.mark.parametrize(
    ("volumes", "beside", "holder"),
    [
        (SECRET, [], "the container `otelcol`, whose pod mounts the Secret `otel-cfg`"),
        (PARTS, [UNNAMED], "the container `otelcol`, whose pod mounts the Secrets `a` and `b`"),
        ([], [], "the container `otelcol`"),
        ([], [{**UNNAMED, "ports": [{"containerPort": 4317}]}], "a container of the pod otel-a"),
    ],
    ids=["secret", "projected", "none", "two"],
)
def test_the_container_is_named_where_no_process_was_read(volumes: Any, beside: Any, holder: str) -> None:
    found = told(volumes=volumes, beside=beside)

    assert found.detail.endswith(f"held by {holder}.")
    assert f"IPV6_V6ONLY, in the configuration of {holder}; `--inspect` shows" in found.hint


HELD = {"name": "TO", "valueFrom": {"secretKeyRef": {"name": "obs", "key": "host"}}}


@pytest.mark.parametrize(
    ("endpoint", "wider"),
    [("${env:TO}:4317", "0.0.0.0"), ("${env:TO:-127.0.0.1:4317}", "0.0.0.0:4317"), ("127.0.0.1:4317", "")],
)
def test_a_variable_that_a_secret_holds_is_named(endpoint: str, wider: str) -> None:
    found = told(w.config(grpc=endpoint), env=[HELD])

    assert found.hint.startswith(
        f"Set `TO`, which Secret obs holds, to `{wider}`, or `receivers.otlp.protocols.grpc.endpoint` in "
        if wider
        else "Set `receivers.otlp.protocols.grpc.endpoint` in `obs/configmap/otel.yaml`, line"
    )


TEXT = w.config(grpc="127.0.0.1:4317")["data"]["config.yaml"]
INLINE = "receivers::otlp::protocols::grpc::endpoint: 127.0.0.1:4317"


@pytest.mark.parametrize(
    ("args", "where"),
    [
        (["--config=env:OTEL_CFG"], "the variable `OTEL_CFG` of the container `otelcol`"),
        (
            ["--config=/conf/config.yaml", f"--config=yaml:{INLINE}"],
            f"the argument `--config=yaml:{INLINE}` of the container `otelcol`",
        ),
        (
            ["--config=/conf/config.yaml", "--set=receivers.otlp.protocols.grpc.endpoint=127.0.0.1:4317"],
            "the argument `--set=receivers.otlp.protocols.grpc.endpoint=127.0.0.1:4317` of the container `otelcol`",
        ),
    ],
    ids=["env", "yaml", "set"],
)
def test_what_stands_in_no_file_is_to_be_changed_where_it_stands(args: list[str], where: str) -> None:
    found = told(w.config(), args=args, env=[{"name": "OTEL_CFG", "value": TEXT}])

    assert found.hint == f"Set `receivers.otlp.protocols.grpc.endpoint` in {where} to `0.0.0.0:4317`."
