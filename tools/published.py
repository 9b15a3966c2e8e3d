"""Holds the figures of README.md against a score: `python tools/published.py SCORE.json`.

The score is what `dualstack lab score --format json` writes. What is published has to be what is measured, and nothing
may be skipped.
"""

import json
import re
import sys
from pathlib import Path

ROWS = {
    "incidents, the cause stands first": ("root_first", "incidents"),
    "incidents, every cause is found": ("all_causes", "incidents"),
    "healthy or odd worlds with a false alarm": ("false_alarms", "healthy"),
    "answers with evidence withheld that name a wrong cause": ("wrong_withheld", "withheld"),
}


def published(text: str) -> dict[str, tuple[int, int]]:
    """The two numbers of each row `| words | N of M |`."""
    found = re.findall(r"^\| (.+?) \| (\d+) of (\d+) \|$", text, re.MULTILINE)
    return {words: (int(part), int(whole)) for words, part, whole in found}


def main(path: str) -> int:
    """Print each difference; the exit status is 1 where there is one."""
    score = json.loads(Path(path).read_text(encoding="utf-8"))["score"]
    said = published(Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8"))
    wrong = [f"{name} was skipped: {why}" for name, why in score["skipped"].items()]
    for words, (part, whole) in ROWS.items():
        measured = (score[part], score[whole])
        print(f"{words}: {measured[0]} of {measured[1]}")
        if said.get(words) != measured:
            wrong.append(f"README.md says {said.get(words)} for `{words}`, and {measured} was measured")
    print("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
