"""Files that are almost right, and a run that somebody ends: an answer in bounded time, and no file half written."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from dualstack.review import Review, lint, mend
from dualstack.testing.files import file
from tests.cli.command import ARGV, environ
from tests.robust.mutants import MANY, mutants
from tests.robust.test_interrupts import INTERRUPTED, MOMENTS, SIGNALS, ready
from tests.rules.test_examples import FILES

REQUESTS = [file(text) for _, _, text in FILES]
LONGEST = 2.0
"""Seconds of processor time for one file of some thousand bytes; an endless loop or a wrong power takes more."""

PORTIONS = 8


SIGNS = (*tuple("[]{}:,\"'$%*&-|>#?!@` \n\t\r\\/.0"), "::", "${", "}:", "]:", "<<: ", ": |\n", "---\n", "0x", "é", "😀")


def slipped(text: str, rng: random.Random) -> str:
    """A text after one to three slips of a hand that edits it: signs, lines and values out of place."""
    for _ in range(rng.randint(1, 3)):
        lines = text.splitlines(keepends=True) or [""]
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind == 0:
            at = rng.randint(0, len(text))
            text = text[:at] + rng.choice(SIGNS) + text[at + rng.randint(0, 2) :]
            continue
        if kind == 1:
            lines[one] = " " * rng.randint(0, 4) + lines[one].lstrip(" ")
        elif kind == 2:
            lines[one], lines[other] = lines[other], lines[one]
        elif kind == 3:
            lines.insert(one, lines[other])
        else:
            head, colon, _ = lines[one].partition(": ")
            lines[one] = head + colon + rng.choice(lines).strip() + "\n"
        text = "".join(lines)
    return text


def almost_right(count: int, seed: int) -> Iterator[tuple[Review, bytes]]:
    """Examples with bytes changed and with slips, by turns, each with the request that it is made for."""
    rng = random.Random(seed)
    torn = mutants([x.stdin for x in REQUESTS], count, seed)
    for number, data in enumerate(torn):
        request = REQUESTS[number % len(REQUESTS)]
        yield request, slipped(request.stdin.decode(), rng).encode() if rng.random() < 0.7 else data


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_mutants_give_findings_or_errors_that_name_them(portion: int) -> None:
    spoken = refused = 0
    for example, data in almost_right(MANY // PORTIONS, portion):
        request = replace(example, stdin=data)
        start = time.process_time()
        found = lint(request)
        mended = mend(request, found, unsafe=True)
        assert time.process_time() - start < LONGEST, data
        assert {x.file for x in found.errors} <= {request.stdin_name}, data
        assert {x.location.file for x in found.diagnosis.findings if x.location} <= {request.stdin_name}, data
        assert bool(mended.after) == bool(mended.done), data
        spoken += bool(found.diagnosis.findings)
        refused += bool(found.errors)
    assert spoken > MANY // PORTIONS // 10
    assert refused > MANY // PORTIONS // 10


def bomb(levels: int) -> str:
    """A mapping that doubles at each level by its aliases."""
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, levels))]
    return "receivers: {otlp: }\nexporters: {debug: }\n" + "\n".join(lines) + "\n"


HOSTILE = {
    "an alias bomb": bomb(400),
    "a loop": "receivers: &r {otlp: *r}\nexporters: *r\n",
    "merges in a ring": "receivers: &r {<<: *r, otlp: }\nexporters: {<<: *r}\n",
    "many merges": "x: &x {a: 1}\nreceivers: {<<: [" + "*x, " * 900 + "*x]}\nexporters: {debug: }\n",
    "deep brackets": "receivers: " + "[" * 100_000,
    "deep signs": "exporters:\n" + "- " * 5000 + "x\n",
    "deep indentation": "receivers:\n" + "".join(f"{' ' * i}a:\n" for i in range(1, 2000)),
    "a long line": "exporters: {otlp: {endpoint: " + "a" * 2_000_000 + "}}\n",
    "long signs": "-" * 2_000_000 + "\notel\n",
    "many documents": "---\n" * 200_000 + "exporters: {otlp: {endpoint: a}}\n",
    "many slips": "receivers:\n" + "".join(f"  otlp/{i}: {{endpoint: [::]:4317}}\n" for i in range(3000)),
    "many references": "exporters: {otlp: {endpoint: '" + "${env:A}" * 50_000 + "'}}\n",
    "nested references": "exporters: {otlp: {endpoint: '" + "${env:A:-" * 3000 + "}" * 3000 + "'}}\n",
    "many colons": "exporters: {otlp: {endpoint: '" + ":" * 200_000 + "'}}\n",
    "blanks": "receivers:" + " " * 2_000_000 + "x\n",
    "a wide template": "{{" * 100_000 + "otel",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_answered_in_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(HOSTILE[name])
    limit = ("prlimit", "--as=600000000", "--cpu=20")
    done = subprocess.run(
        [*limit, *ARGV, "lint", "--fix", str(path)], check=False, capture_output=True, text=True, env=environ()
    )

    assert done.returncode in (0, 1, 2, 3), done
    assert "Traceback" not in done.stderr
    assert len(done.stdout) + len(done.stderr) < 20_000_000


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[dict[Path, tuple[bytes, bytes]]]:
    """Files with something to mend in each: what they hold before, and what a whole run makes of them."""
    before = b"exporters:\n  otlp: {endpoint: fd00::5:4317}  # who knows\n" + b"# filler\n" * 2000
    after = before.replace(b"fd00::5:4317", b'"[fd00::5]:4317"')
    paths = [tmp_path / f"{x}.yaml" for x in range(60)]
    yield dict.fromkeys(paths, (before, after))
    shutil.rmtree(tmp_path)


def fill(repository: dict[Path, tuple[bytes, bytes]]) -> None:
    for path, (before, _) in repository.items():
        path.write_bytes(before)


@pytest.mark.parametrize("words", [("lint",), ("lint", "--jobs", "2"), ("lint", "--fix")])
def test_signals_at_random_moments_leave_each_file_whole(
    words: tuple[str, ...], repository: dict[Path, tuple[bytes, bytes]]
) -> None:
    rng = random.Random(" ".join(words))
    folder = next(iter(repository)).parent
    fill(repository)
    start = time.monotonic()
    subprocess.run([*ARGV, "lint", str(folder)], check=False, capture_output=True, env=environ())
    longest = 1.5 * (time.monotonic() - start)
    ended = 0
    for number in range(3 * MOMENTS):
        fill(repository)
        argv = ["env", "--default-signal=INT,TERM,HUP", *ARGV, *words, str(folder)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ())
        ready(process)
        time.sleep(rng.uniform(0, longest))
        process.send_signal(SIGNALS[number % len(SIGNALS)])
        _, err = process.communicate(timeout=20)

        assert "Traceback" not in err
        assert process.returncode in (*INTERRUPTED, 0, 1), err
        ended += process.returncode in INTERRUPTED
        assert sorted(os.listdir(folder)) == sorted(x.name for x in repository)
        whole = [path.read_bytes() in repository[path] for path in repository]
        assert all(whole)
    assert ended, "every run was over before the signal came"
