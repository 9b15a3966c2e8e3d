"""The door to the files of a machine: what has no end is not read to it, and what does not answer is not waited for."""

import os
import socket
from pathlib import Path

import pytest

from dualstack.gather.env import real
from dualstack.gather.regular import read


@pytest.fixture(params=["fifo", "socket", "/dev/zero", "/dev/random", "/dev/full", "link to a device"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file that is there and is no regular one."""
    path = tmp_path / "file"
    if request.param == "fifo":
        os.mkfifo(path)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
    elif request.param == "link to a device":
        path.symlink_to("/dev/zero")
    else:
        return str(request.param)
    return str(path)


def test_only_regular_files_are_read(other: str) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        read(other)
    with pytest.raises(OSError, match="not a regular file"):
        real().part(other, 0, 10)


def test_a_folder_and_what_is_absent_are_named_as_the_system_does(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        read(str(tmp_path / "absent"))


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)

    assert read(str(path), 3_000_000) == b"x" * 3_000_000
    with pytest.raises(OSError, match="larger than 2 MB"):
        read(str(path), 2_999_999)


def test_a_file_of_proc_has_no_size_and_is_read_all_the_same() -> None:
    assert os.stat("/proc/self/status").st_size == 0
    assert read("/proc/self/status").startswith(b"Name:")
    assert real().part("/proc/self/status", 5, 1) == b"\t"


def test_what_cannot_be_read_within_a_file_is_an_error() -> None:
    """The memory of this process: nothing is mapped where it begins."""
    with pytest.raises(OSError, match="Input/output error"):
        read("/proc/self/mem")


def test_no_offset_is_too_far() -> None:
    """64 bits of the header of a program that somebody made up."""
    with pytest.raises(OSError, match=r"Value too large|Invalid argument"):
        real().part("/proc/self/exe", 2**64 - 1, 10)
