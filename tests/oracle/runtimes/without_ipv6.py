"""Runs a command to which `socket(AF_INET6, …)` answers EAFNOSUPPORT, as a kernel booted with `ipv6.disable=1` does."""

import ctypes
import os
import struct
import sys

SOCKET = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, EAFNOSUPPORT = 0x7FFF0000, 0x00050000 | 97
PROGRAM = [(LOAD, 0, 0, 0), (EQUAL, 0, 3, SOCKET), (LOAD, 0, 0, 16), (EQUAL, 0, 1, 10)]
PROGRAM += [(RETURN, 0, 0, EAFNOSUPPORT), (RETURN, 0, 0, ALLOW)]


class Filter(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))


libc = ctypes.CDLL(None, use_errno=True)
code = b"".join(struct.pack("HBBI", *step) for step in PROGRAM)
for option, *arguments in ((38, 1, 0, 0, 0), (22, 2, ctypes.byref(Filter(len(PROGRAM), code)))):
    if libc.prctl(option, *arguments):
        raise OSError(ctypes.get_errno(), "prctl")
os.execvp(sys.argv[1], sys.argv[1:])
