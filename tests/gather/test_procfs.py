"""The tables of /proc/net, and a socket option read through another process."""

import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from dualstack.gather.env import Env, real
from dualstack.gather.procfs import holders, listeners, sockopt
from dualstack.model.address import Family
from dualstack.model.sockets import Transport
from tests.netns import as_nobody, require
from tests.real import end

# Rows of a little-endian machine (Linux 6.18): a listener on 127.0.0.1:4317, a connection, and a listener on a mapped
# address, 4318.
TCP = b"""  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:10DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31 1 000 100 0 0 10 0
   1: 0100007F:10DD 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 32 1 000 100 0 0 10 0
"""
TCP6 = b"""  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 0000000000000000FFFF00000100007F:10DE 00000000000000000000000000000000:0000 0A 0:0 00:0 0 7 0 33 1 000 100
"""


def world(files: dict[str, bytes]) -> Env:
    """A machine that has only these files, and no processes."""

    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    return replace(real(), read=read, names=lambda _: [])


@pytest.mark.skipif(sys.byteorder == "big", reason="needs a little-endian machine: the rows are from one")
def test_rows() -> None:
    found = listeners(world({"/proc/thread-self/net/tcp": TCP, "/proc/thread-self/net/tcp6": TCP6}), Transport.TCP)

    assert [(x.address, x.port, x.socket_family, x.uid, x.inode, x.v6only) for x in found] == [
        ("127.0.0.1", 4317, Family.IPV4, 1000, 31, None),
        ("::ffff:127.0.0.1", 4318, Family.IPV6, 7, 33, None),
    ]
    assert [x.source for x in found] == ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"]


def test_no_table_of_ipv4_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        listeners(world({"/proc/thread-self/net/tcp6": TCP6}), Transport.TCP)


@pytest.mark.parametrize("v6only", [0, 1])
def test_the_socket_of_another_process_is_asked_by_its_descriptor(v6only: int) -> None:
    require()
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        descriptor = made.fileno()
        running = subprocess.Popen(["sleep", "60"], pass_fds=[descriptor])
    try:
        assert sockopt(running.pid, descriptor, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == v6only
        with pytest.raises(PermissionError):
            as_nobody(lambda: sockopt(running.pid, descriptor, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
    finally:
        end(running)


def test_a_process_that_has_ended_is_an_error() -> None:
    running = subprocess.Popen(["true"])
    running.wait()

    with pytest.raises(ProcessLookupError):
        sockopt(running.pid, 0, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def test_no_inodes_need_no_scan() -> None:
    def refuse(path: str) -> list[str]:
        pytest.fail(f"{path} was listed")

    assert holders(replace(real(), names=refuse), ()) == ({}, False)
