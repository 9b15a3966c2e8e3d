"""What a host means to each runtime that binds it: the rows of `knowledge/bind.table` for one host, side by side."""

import re

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import is_address, join
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.names import Lookup
from dualstack.reach.bind import BindRequest, Bound, bind, rows

_PORT = 4317
_ENDPOINT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w-]{2,60}\]|[0-9.]{7,15}|localhost|\*|)(:(?P<port>[0-9]{1,5}))?")
_LOOPBACK = ("127.0.0.1", "::1")
_NAMES = (Lookup("localhost", ("::1", "127.0.0.1")),)


class Meaning(msgspec.Struct, frozen=True):
    """What a runtime makes of a host over TCP, and the status and source of the row that says so.

    `runtime` is a word of the table. A row whose status is `unverified` comes from documents or source, not from a run.
    """

    runtime: str
    bound: Bound
    status: str
    source: str


def meanings(text: str) -> tuple[Meaning, ...]:
    """What each runtime makes of `host` or `host:port`; empty where the text is neither a literal nor `localhost`.

    The place is a host with both families, that has the address, with the sysctls as Linux sets them and both lines of
    localhost in its hosts file.
    """
    address = _address(text.strip())
    runtimes = dict.fromkeys(x for row in table("bind") for x in row["runtime"].split(","))
    return tuple(_meaning(x, address) for x in runtimes) if address else ()


def _address(text: str) -> str:
    """`host:port` as a program gets it."""
    if is_address(text):
        return join(text, _PORT)
    found = _ENDPOINT.fullmatch(text)
    if not text or not found or not (is_address(found["host"].strip("[]")) or found["host"] in ("localhost", "*", "")):
        return ""
    return f"{found['host']}:{found['port'] or _PORT}"


def _meaning(runtime: str, address: str) -> Meaning:
    host = address.rpartition(":")[0].strip("[]")
    held = (host.partition("%")[0],) if is_address(host) else ()
    interfaces = (_interface("lo", 1, _LOOPBACK), _interface(host.partition("%")[2] or "eth0", 2, held))
    space = Namespace("", interfaces, bindv6only=False)
    request = BindRequest(address, runtime=runtime, namespace=space, names=_NAMES)
    row = next(iter(rows(request)), {"status": "", "source": ""})
    return Meaning(runtime, bind(request), row["status"], row["source"])


def _interface(name: str, index: int, addresses: tuple[str, ...]) -> Interface:
    found = tuple(InterfaceAddress(x, 64) for x in addresses)
    return Interface(name, index, up=True, loopback=name == "lo", disable_ipv6=False, addresses=found)
