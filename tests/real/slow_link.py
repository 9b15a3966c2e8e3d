"""A link with a long round trip between two network namespaces: two TUN devices, and a process that holds packets back.

It runs as a process of its own, `python -m tests.real.slow_link CLIENT SERVER SECONDS`, because it enters both
namespaces. The client has 10.99.0.1 and fd99::1 on `slow0`, the server 10.99.0.2 and fd99::2.
"""

import ctypes
import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import netns
from tests.real import end

IPV4, IPV6 = "10.99.0.2", "fd99::2"

_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN_NO_PI = 0x1001
_CLONE_NEWNET = 0x40000000
_PACKET = 65536


@contextmanager
def slow_link(client: str, server: str, seconds: float) -> Iterator[None]:
    """Join two namespaces by a link whose round trip takes that long; skips where the kernel has no TUN device."""
    if not Path("/dev/net/tun").exists():
        pytest.skip("needs /dev/net/tun")
    argv = [sys.executable, "-m", "tests.real.slow_link", client, server, str(seconds)]
    process = subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for name, host in ((client, 1), (server, 2)):
            addresses = [f"address add 10.99.0.{host}/24 dev slow0", f"address add fd99::{host}/64 dev slow0 nodad"]
            netns.batch(name, [*addresses, "link set slow0 up"])
        yield
    finally:
        end(process)


def _device(name: str) -> int:
    """The TUN device of a namespace, as a descriptor that gives and takes its packets."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}") as place:
        if libc.setns(place.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), name)
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"slow0", _IFF_TUN_NO_PI))
    return device


def _carry(one: int, other: int, delay: float) -> None:
    """Hand on each packet after the delay, for ever."""
    waiting: list[tuple[float, int, bytes]] = []
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for device in select.select([one, other], [], [], patience)[0]:
            heapq.heappush(waiting, (time.monotonic() + delay, one + other - device, os.read(device, _PACKET)))
        while waiting and waiting[0][0] <= time.monotonic():
            _, device, packet = heapq.heappop(waiting)
            os.write(device, packet)


if __name__ == "__main__":
    ends = [_device(x) for x in sys.argv[1:3]]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _carry(*ends, float(sys.argv[3]) / 2)
