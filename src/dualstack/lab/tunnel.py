"""One end of a VPN over a long way: `python -m dualstack.lab.tunnel 10.231.7.1 51820 10.231.7.2 0.2 10.231.99.1/24 …`.

Its device `tun0` has the addresses of the last words. Each packet goes by UDP to the same port of the other end, after
the seconds before them. It writes `ready` once the device is up.
"""

import asyncio
import fcntl
import os
import struct
import sys

from dualstack.lab.topology import run

_DEVICE = "tun0"
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN_NO_PI = 0x1001
_MTU = 1400
_PACKET = 65536


class _End(asyncio.DatagramProtocol):
    """What comes from the other end goes to the device."""

    def __init__(self, device: int) -> None:
        self.device = device

    def datagram_received(self, data: bytes, _: object) -> None:
        os.write(self.device, data)


async def _main(address: str, port: str, other: str, seconds: str, *held: str) -> None:
    loop = asyncio.get_running_loop()
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN_NO_PI))
    way, _ = await loop.create_datagram_endpoint(lambda: _End(device), (address, int(port)), (other, int(port)))
    loop.add_reader(device, lambda: loop.call_later(float(seconds), way.sendto, os.read(device, _PACKET)))
    run("ip", "link", "set", _DEVICE, "mtu", str(_MTU), "addrgenmode", "none", "up")
    for each in held:
        run("ip", "address", "add", each, "dev", _DEVICE, *(("nodad",) if ":" in each else ()))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
