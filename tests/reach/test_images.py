"""What the tag of an image says of the Collector in it."""

import pytest

from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.veil import Veil
from dualstack.knowledge import table
from dualstack.reach.images import is_collector, newest, version
from dualstack.reach.versions import numbers


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("otel/opentelemetry-collector:0.139.0", "0.139.0"),
        ("docker.io/otel/opentelemetry-collector-contrib:0.139.0-amd64", "0.139.0"),
        ("ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-k8s:0.120.1", "0.120.1"),
        ("mirror.example:5000/otel/opentelemetry-collector-contrib:v0.98.0@sha256:0f", "0.98.0"),
        ("public.ecr.aws/aws-observability/aws-otel-collector:v0.47.0", "0.143.0"),
        ("amazon/aws-otel-collector:v0.43.3", "0.117.0"),
        ("ghcr.io/dynatrace/dynatrace-otel-collector/dynatrace-otel-collector:0.30.1", "0.126.0"),
        ("quay.io/signalfx/splunk-otel-collector:0.140.0", "0.140.0"),
    ],
)
def test_a_tag_of_a_known_distribution_tells_the_version(image: str, said: str) -> None:
    assert version(image) == said


@pytest.mark.parametrize(
    "image",
    [
        "registry.acme.io/otelcol-acme:0.12.0",
        "registry.acme.io/otel-collector:0.139.0",
        "acme/opentelemetry-collector:1.4.2",
        "otel/opentelemetry-collector:2026.11",
        "otel/opentelemetry-collector@sha256:0f",
        "amazon/aws-otel-collector:v9.1.0",
        "acme/opentelemetry-collector-acme:0.139.0",
        "registry:5000/opentelemetry-collector",
        "otel/opentelemetry-collector:0.139",
        "",
    ],
)
def test_any_other_tag_tells_none(image: str) -> None:
    assert version(image) == ""


@pytest.mark.parametrize(
    ("image", "is_so"),
    [
        ("otel/opentelemetry-collector", True),
        ("otel/opentelemetry-collector-contrib:latest", True),
        ("otel/opentelemetry-collector@sha256:0f", False),
        ("otel/opentelemetry-collector:nightly", False),
        ("registry.acme.io/otelcol", False),
        ("amazon/aws-otel-collector:latest", False),
    ],
)
def test_the_newest_is_what_names_no_version_of_a_known_image(image: str, is_so: bool) -> None:
    assert newest(image) is is_so


def test_a_collector_of_whatever_distribution_is_one() -> None:
    assert is_collector("registry.acme.io/otelcol-acme:0.12.0")
    assert not is_collector("registry.acme.io/shop:0.12.0")


def test_a_later_release_of_a_distribution_never_holds_an_older_collector() -> None:
    """Of Tempo one can: its patch releases move to newer modules as well."""
    rows = [x for x in table("images") if x["tag"] and "tempo" not in x["image"]]

    for image in {x["image"] for x in rows}:
        mine = sorted((numbers(x["tag"]), numbers(x["collector"])) for x in rows if x["image"] == image)
        assert [x for _, x in mine] == sorted(x for _, x in mine)


@pytest.mark.parametrize(
    ("tag", "held"),
    [("2.6.1", "0.102.1"), ("2.7.0", "0.116.0"), ("2.9.2", "0.132.0"), ("2.9.4", "0.150.0"), ("2.10.1", "0.138.0")],
)
def test_tempo_holds_the_receivers_of_a_collector(tag: str, held: str) -> None:
    assert version(f"grafana/tempo:{tag}") == held
    assert version(f"grafana/tempo-query:{tag}") == ""


@pytest.mark.parametrize("name", ["aws-otel-collector", "dynatrace-otel-collector", "splunk-otel-collector"])
def test_a_pseudonymous_image_has_the_same_version(name: str) -> None:
    image = f"registry.acme.io/acme/{name}:v0.47.0"

    hidden = Veil(Pseudonyms(b"k" * 32)).image(image)

    assert "acme" not in hidden
    assert version(hidden) == version(image) != ""
