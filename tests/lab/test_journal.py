"""Folders of worlds that are built while others are taken down."""

import os
import threading
from contextlib import suppress
from pathlib import Path

from dualstack.lab.journal import make


def test_a_folder_is_made_although_another_world_takes_the_one_above_it_away(tmp_path: Path) -> None:
    """As happens where several worlds stand at a time, and one of them was the last."""
    above, done = tmp_path / "worlds", threading.Event()

    def take_away() -> None:
        while not done.wait(0.0001):
            with suppress(OSError):
                os.rmdir(above)

    other = threading.Thread(target=take_away)
    other.start()
    try:
        for number in range(2000):
            make(f"{above}/{number}")
            os.rmdir(above / str(number))
    finally:
        done.set()
        other.join()
