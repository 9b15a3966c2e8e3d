"""Of several objects of one name, the nearest one is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.reach.neighbours import Placed, nearness, neighbours


@pytest.mark.parametrize(
    ("one", "other", "folders"),
    [("a/b/x", "a/b/y", 2), ("a/b/x", "a/c/y", 1), ("a/x", "b/y", 0), ("x", "y", 0), ("a/x", "a/b/y", 1)],
)
def test_folders_in_common(one: str, other: str, folders: int) -> None:
    assert nearness(one, other) == nearness(other, one) == folders
    assert nearness(one, one) > folders


def test_a_namesake_that_is_nearer_on_either_side_is_the_one() -> None:
    maps = [Placed(("ConfigMap", "", "otel"), x) for x in ("a/map", "b/map")]
    pods = [Placed(("Deployment", "", "otel"), x) for x in ("a/pod", "b/pod")]
    near = neighbours((*maps, *pods))

    assert [(x.file, y.file) for x in maps for y in pods if near.belong(x, y)] == [
        ("a/map", "a/pod"),
        ("b/map", "b/pod"),
    ]


@given(st.lists(st.lists(st.sampled_from("ab"), max_size=4).map("/".join), min_size=2, max_size=6, unique=True))
def test_no_namesake_that_is_nearer_is_overlooked(files: list[str]) -> None:
    maps = [Placed(("ConfigMap", "", "otel"), x) for x in files]
    pods = [Placed(("Deployment", "", "otel"), x) for x in files[::2]]
    near = neighbours((*maps, *pods))

    for one in maps:
        for other in pods:
            among = [nearness(one.file, x) for x in files[::2]], [nearness(x, other.file) for x in files]
            assert near.belong(one, other) == all(nearness(one.file, other.file) >= max(x) for x in among)


def test_an_object_without_namesakes_belongs_to_all() -> None:
    one = Placed(("ConfigMap", "", "otel"), "base/map")
    pods = [Placed(("Deployment", "", x), f"{x}/pod") for x in ("a", "b")]
    near = neighbours((one, *pods))

    assert all(near.belong(one, x) for x in pods)
