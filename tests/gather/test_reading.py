"""Files read by several processes: the answer is that of one, in the same order, and one that is killed is told."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dualstack.gather import reading, workers
from dualstack.gather.errors import BadInput
from dualstack.gather.reading import Reading, Sources, read_into
from dualstack.model.address import BOTH
from dualstack.model.question import Question
from dualstack.review import Review, lint
from tests.rules.test_examples import FILES

ODD = {
    "broken.yaml": "receivers: [\n",
    "slip.yaml": "receivers: {otlp: {protocols: {grpc: {endpoint: [::]:4317}}}}\nexporters: {debug: }\n",
    "templates/chart.yaml": "kind: Service\napiVersion: v1\nspec: {{ .Values.x }}\n",
    "silent.yaml": "exporters: {otlp: {endpoint: fd00::5:4317}}  # dualstack: ignore[DS101] known\n",
    "twice.yaml": "exporters: {otlp: {endpoint: 'a:1'}}\nexporters: {otlp: {endpoint: 'b:1'}}\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of every example and of odd files, of which a process takes five at a time."""
    monkeypatch.setattr(reading, "_SHARE", 5)
    for number, (_, _, text) in enumerate(FILES):
        (tmp_path / f"{number % 4}").mkdir(exist_ok=True)
        (tmp_path / f"{number % 4}" / f"{number}.yaml").write_text(text)
    for name, text in ODD.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("jobs", [2, 3, 64])
def test_any_number_of_processes_gives_the_same_answer(folder: Path, jobs: int) -> None:
    asked = {"paths": (str(folder),), "question": Question(cluster=BOTH, expect=BOTH)}
    names: list[str] = []

    one, several = lint(Review(**asked)), lint(Review(**asked, jobs=jobs), names.append)

    assert several.diagnosis == one.diagnosis
    assert [str(x) for x in several.errors] == [str(x) for x in one.errors]
    assert one.errors
    assert (several.read, several.texts, several.every) == (one.read, one.texts, one.every)
    assert sorted(names[:-1]) == sorted(one.read)
    assert names[-1] == ""


def test_a_process_that_is_killed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "take", lambda *_: os._exit(9))

    with pytest.raises(BadInput, match="--jobs 1"):
        read_into(Reading(), Sources((str(folder),), jobs=2), lambda _: None)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The processes that are started."""
    found: list[object] = []

    class Noted(workers.Worker[Reading]):
        def __init__(self, work: Callable[[], Iterator[Reading]]) -> None:
            super().__init__(work)
            found.append(self)

    monkeypatch.setattr(workers, "Worker", Noted)
    return found


def test_few_files_are_read_by_one_process(folder: Path, started: list[object]) -> None:
    read_into(found := Reading(), Sources((str(folder),), jobs=0), lambda _: None)

    assert started == []
    assert len(found.names) == len(FILES) + len(ODD)


def test_many_files_are_read_by_as_many_as_there_are_processors(
    folder: Path, monkeypatch: pytest.MonkeyPatch, started: list[object]
) -> None:
    monkeypatch.setattr(reading, "_MANY", 10)
    monkeypatch.setattr(reading, "_SHARE", 20)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    read_into(found := Reading(), Sources((str(folder),), jobs=0), lambda _: None)

    assert len(started) == 2
    assert len(found.names) == len(FILES) + len(ODD)
