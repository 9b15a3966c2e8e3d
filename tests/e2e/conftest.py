"""The cluster that the tests of this folder share."""

from collections.abc import Iterator

import pytest

from tests.e2e import cluster as clusters
from tests.e2e import measure
from tests.e2e.cluster import Cluster
from tests.e2e.programs import lacking


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A dual-stack cluster of three nodes."""
    if lack := lacking():
        pytest.skip(lack)
    with clusters.cluster() as made:
        yield made


@pytest.fixture(scope="session")
def clients(cluster: Cluster) -> dict[str, str]:
    """By node, the pod that exports."""
    return measure.clients(cluster)
