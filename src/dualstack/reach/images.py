"""What an image tells of the Collector in it."""

import re
from collections.abc import Mapping
from functools import lru_cache

from dualstack.knowledge import table
from dualstack.model.patterns import pattern
from dualstack.reach.versions import before

_COLLECTOR = pattern(r"(?:opentelemetry-collector|otelcol|otel-collector)[^:@/]*:v?\d+\.\d+\.\d+")
"""Images that hold some Collector, by their names and tags."""
_RELEASED = pattern(r"(?:^|/)(?:otel|open-telemetry)/(?:[^/]+/)?opentelemetry-collector[a-z-]*$")
"""Names of the images of its releases (opentelemetry-collector-releases, .goreleaser.yaml, image_templates)."""
_CORE = pattern(r"(?:^|/)otel/opentelemetry-collector$|/opentelemetry-collector-releases/opentelemetry-collector$")
_TAG = pattern(r"v?(?P<numbers>(?P<minor>\d+\.\d+)\.\d+)(?![\d.])")


def is_collector(image: str) -> bool:
    """Whether an image is that of some Collector, of whatever distribution."""
    return _COLLECTOR.search(image) is not None


@lru_cache(maxsize=1024)
def version(image: str) -> str:
    """The version of the Collector's modules in an image, by its tag; empty where the tag says no such thing.

    Only the releases of the Collector itself are known to have 0 as their first number, as `knowledge/images.table`
    has them.
    """
    name, tag = _parts(image)
    found = _TAG.match(tag)
    if found is None:
        return ""
    said = {"": found["numbers"] if found["numbers"].startswith("0.") else ""}
    rows = [x for x in table("images") if re.search(x["image"], name)]
    fitting = (x for x in rows if x["tag"] in ("", found["minor"], found["numbers"]))
    return next((x["collector"] or said[""] for x in fitting), "")


def newest(image: str) -> bool:
    """Whether an image is that of the Collector, of whatever version is the newest."""
    name, tag = _parts(image)
    return tag in ("", "latest") and any(
        re.search(x["image"], name) for x in table("images") if not x["tag"] and "@" not in image
    )


def name_of(image: str) -> str:
    """The name of an image, without its tag and its digest."""
    return _parts(image)[0]


def is_released(image: str) -> bool:
    """Whether an image is one of the Collector's releases, which set no variables of their own."""
    return _RELEASED.search(name_of(image)) is not None


def is_core(image: str) -> bool:
    """Whether an image is that of the Collector's core distribution, as it is published."""
    return _CORE.search(name_of(image)) is not None


def tag_of(image: str) -> str:
    """The tag of an image; empty where it has none."""
    return _parts(image)[1]


def plain(image: str) -> str:
    """The tag that a release of the Collector has, of an image whose tag is that with a `v`; empty for others."""
    name, tag = _parts(image)
    return tag[1:] if _RELEASED.search(name) and re.match(r"v\d", tag) else ""


def own_file(image: str) -> str:
    """The configuration with which an image starts that is told nothing; empty where it has none, or nobody knows."""
    name, said = name_of(image), version(image)
    rows = (x for x in table("default_configs") if re.search(x["image"], name))
    return next((x["file"] for x in rows if not said or not before(said, x["since"])), "")


def _parts(image: str) -> tuple[str, str]:
    """The name of an image and its tag; a colon before the last slash begins a port of the registry."""
    whole = image.partition("@")[0]
    name, _, tag = whole.rpartition(":")
    return (name, tag) if name and "/" not in tag else (whole, "")


@lru_cache(maxsize=1024)
def variables_of(image: str) -> Mapping[str, str]:
    """The variables that an image sets by itself, as far as they are known (`knowledge/image_variables.table`)."""
    name, _ = _parts(image)
    return {x["variable"]: x["value"] for x in table("image_variables") if re.search(x["image"], name)}
