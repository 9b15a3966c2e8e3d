"""Several threads decode what nobody decoded before; a null is what is not there."""

import subprocess
import sys
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from dualstack.gather import kinds
from dualstack.gather.kube_objects import Kind
from dualstack.model import world
from dualstack.model.decoders import converted

SCRIPT = """
import sys, threading
import msgspec
from dualstack.model.decoders import decoder

sys.setswitchinterval(1e-6)

def kinds():
    held = int
    for depth in range(6):
        held = msgspec.defstruct(f"S{depth}", [(f"f{x}", held | None, None) for x in range(8)])
    return [msgspec.defstruct(f"O{x}", [("a", held | None, None)]) for x in range(6)]

def read(kind, ready):
    ready.wait()
    decoder(kind).decode(b'{"a": {"f7": {"f7": {"f7": {"f7": {"f7": {"f7": 1}}}}}}}')

for number in range(100):
    ready = threading.Barrier(6)
    threads = [threading.Thread(target=read, args=(x, ready)) for x in kinds()]
    for x in threads: x.start()
    for x in threads: x.join()
"""


def test_structs_that_threads_share_are_learned_by_one_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False)

    assert (done.returncode, done.stderr) == (0, "")


KINDS = [
    *{x for x in vars(world).values() if isinstance(x, type) and issubclass(x, msgspec.Struct)},
    *{x.type for x in vars(kinds).values() if isinstance(x, Kind)},
]


def _structs(kind: inspect.Type, seen: set[type]) -> None:
    """All structs that a type is made of."""
    if isinstance(kind, inspect.StructType) and kind.cls not in seen:
        seen.add(kind.cls)
        for field in kind.fields:
            _structs(field.type, seen)
    for part in (*getattr(kind, "types", ()), *(getattr(kind, x, None) for x in ("item_type", "value_type"))):
        if part is not None:
            _structs(part, seen)


def _is_nullable(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType) or (isinstance(kind, inspect.UnionType) and kind.includes_none)


def test_where_a_type_takes_null_that_means_what_nothing_means() -> None:
    seen = set[type]()
    for kind in KINDS:
        _structs(inspect.type_info(kind), seen)

    assert len(seen) > 80
    fields = ((x.__name__, y) for x in seen for y in inspect.type_info(x).fields)  # type: ignore[attr-defined]
    assert [(x, y.name) for x, y in fields if _is_nullable(y.type) and y.default is not None] == []


class _Inner(msgspec.Struct, frozen=True):
    names: list[str] = []
    labels: dict[str, str] = {}


class _Outer(msgspec.Struct, frozen=True):
    inner: _Inner = _Inner()
    left: str | None = None


@pytest.mark.parametrize(
    "item",
    [
        {"inner": None, "left": None},
        {"inner": {"names": None, "labels": None}},
        {"inner": {"names": [None], "labels": {"a": None}}},
    ],
)
def test_a_null_counts_as_what_is_not_there(item: dict[str, Any]) -> None:
    assert converted(item, _Outer) == _Outer()


def test_what_has_another_form_without_its_nulls_as_well_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"Expected `object`, got `int` - at `\$\.inner`"):
        converted({"inner": 1, "left": None}, _Outer)
