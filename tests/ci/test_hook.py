"""The hook for pre-commit."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from dualstack.cli.app import VERBS
from dualstack.gather.files import found
from tests.cli.command import CHECKOUT

(HOOK,) = yaml.safe_load((Path(CHECKOUT) / ".pre-commit-hooks.yaml").read_text())


def test_the_hook_runs_lint_over_the_whole_folder() -> None:
    program, verb = shlex.split(HOOK["entry"])

    assert HOOK["id"] == "dualstack-lint"
    assert (program, HOOK["language"], HOOK["pass_filenames"]) == ("dualstack", "python", False)
    assert verb in VERBS


@pytest.mark.parametrize(
    "name",
    [
        *("a.yaml", "x/b.yml", "c.json", "d.env", ".env", "x/.env.local", "e.service", "otelcol-options", "f.toml"),
        *("g.conf", "h.alloy", "i.river", "j.properties", "README.md", "k.py", "env", "l.yaml.bak"),
    ],
)
def test_the_hook_is_called_for_the_files_that_lint_reads(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("")

    read = [path for path, _ in found([str(tmp_path)])] == [str(file)]

    assert bool(re.search(HOOK["files"], name)) is read
