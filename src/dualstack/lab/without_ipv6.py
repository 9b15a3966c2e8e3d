"""Runs a command to which `socket(AF_INET6, …)` answers EAFNOSUPPORT, as a kernel booted with `ipv6.disable=1` does.

`python -m dualstack.lab.without_ipv6 COMMAND WORD…`; a seccomp filter does it, which the command's children inherit.
"""

import ctypes
import os
import struct
import sys

_SOCKET = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_ALLOW, _EAFNOSUPPORT = 0x7FFF0000, 0x00050000 | 97  # linux/seccomp.h
_PROGRAM = (
    *((_LOAD, 0, 0, 0), (_EQUAL, 0, 3, _SOCKET), (_LOAD, 0, 0, 16), (_EQUAL, 0, 1, 10)),
    *((_RETURN, 0, 0, _EAFNOSUPPORT), (_RETURN, 0, 0, _ALLOW)),
)
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2


class _Filter(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))


def forbid() -> None:
    """Let this process, and what it executes, make no IPv6 socket. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("HBBI", *step) for step in _PROGRAM)
    filtered = ctypes.byref(_Filter(len(_PROGRAM), code))
    for option, *words in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filtered)):
        if libc.prctl(option, *words):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    forbid()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 -- the command that the user of this module names
