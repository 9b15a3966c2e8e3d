"""Of several objects of one name, the nearest one is meant."""

import pytest

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


def test_an_object_without_namesakes_belongs_to_all() -> None:
    one = Placed(("ConfigMap", "", "otel"), "base/map")
    pods = [Placed(("Deployment", "", x), f"{x}/pod") for x in ("a", "b")]
    near = neighbours((one, *pods))

    assert all(near.belong(one, x) for x in pods)
