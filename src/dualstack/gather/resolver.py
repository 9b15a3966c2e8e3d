"""What the C library is told about names, and what it makes of one.

The files are read as glibc reads them, junk and all: a line that glibc ignores is ignored here. Sources: glibc
`resolv/res_init.c` (res_vinit_1), `nss/nss_files/files-hosts.c`, `nss/nss_database.c`, `sysdeps/posix/getaddrinfo.c`
(gaiconf_init); resolv.conf(5), hosts(5), nsswitch.conf(5) and gai.conf(5).
"""

import ipaddress
import re
import socket
from collections.abc import Iterator

from dualstack.gather.env import Env
from dualstack.model.address import canonical, is_address, zone
from dualstack.model.names import HostsEntry, Lookup, PolicyEntry, ResolverFiles

HOSTS = "/etc/hosts"
RESOLV = "/etc/resolv.conf"
NSSWITCH = "/etc/nsswitch.conf"
GAI = "/etc/gai.conf"
HOSTNAME = "/proc/sys/kernel/hostname"

MAX_BYTES = 16 << 20
"""What is read of one file. The longest block lists that people put into hosts files have 5 MB."""

MAX_NAMESERVERS = 3  # MAXNS, resolv.h
MAX_NDOTS = 15  # RES_MAXNDOTS, resolv.h
DEFAULT_NAMESERVER = "127.0.0.1"  # resolv.conf(5): "the default is to use the name server on the local machine"

_SOURCE = re.compile(rb"\[[^\]]*\]|[^\s\[\]]+")
_POLICY = re.compile(
    r"\s*(?P<kind>precedence|label)\s+(?P<address>[0-9a-fA-F:.]+)/(?P<bits>\d{0,9})(\s+(?P<value>\d{1,9})(\s.*)?)?\s*",
    re.ASCII | re.DOTALL,
)
_NUMBER = re.compile(r"\d*", re.ASCII)
_EAI = {getattr(socket, x): x for x in dir(socket) if x.startswith("EAI_")}


def lookup(env: Env, name: str) -> Lookup:
    """What getaddrinfo gives for `name`, in its order and with zones, or the EAI_ name of its error."""
    try:
        return Lookup(name, tuple(env.getaddrinfo(name)))
    except socket.gaierror as error:
        return Lookup(name, error=_EAI.get(error.errno or 0, "EAI_FAIL"))
    except ValueError:  # a NUL, or a label that no encoding of a name holds: the C library is not even asked
        return Lookup(name, error="EAI_NONAME")
    except OSError:
        return Lookup(name, error="EAI_SYSTEM")


def files(env: Env) -> ResolverFiles:
    """The resolver's files. One that cannot be read counts as empty, as it does for glibc, and gives the defaults."""
    lines = list(_lines(env, RESOLV))
    options = tuple(word for line in lines for word in _values(line, b"options"))
    return ResolverFiles(
        hosts=tuple(_hosts(env)),
        sources=_sources(env),
        nameservers=_nameservers(lines) or (DEFAULT_NAMESERVER,),
        search=_search(env, lines),
        ndots=_ndots(options),
        options=options,
        policy=tuple(_policy(env)),
        hosts_path=HOSTS,
        resolv_path=RESOLV,
    )


def _lines(env: Env, path: str) -> Iterator[bytes]:
    """The lines of a file as C strings: a NUL ends the line. A line that `MAX_BYTES` cuts in two is left out."""
    try:
        data = env.read(path)
    except OSError:
        return
    if len(data) > MAX_BYTES:
        data = data[: data.rfind(b"\n", 0, MAX_BYTES) + 1]
    for line in data.split(b"\n"):
        yield line.partition(b"\0")[0]


def _hosts(env: Env) -> Iterator[HostsEntry]:
    for number, line in enumerate(_lines(env, HOSTS), start=1):
        words = [x.decode(errors="replace") for x in line.partition(b"#")[0].split()]
        if len(words) > 1 and is_address(words[0]) and not zone(words[0]):  # inet_pton takes no zone
            yield HostsEntry(number, canonical(words[0]), tuple(words[1:]))


def _sources(env: Env) -> tuple[str, ...]:
    """The services of the `hosts` database with the actions between them, such as `[NOTFOUND=return]`."""
    found = ResolverFiles().sources  # nss_database_select_default: "files dns"
    for line in _lines(env, NSSWITCH):
        key, _, services = line.partition(b"#")[0].partition(b":")
        if key.strip() == b"hosts":
            found = tuple(x.decode(errors="replace") for x in _SOURCE.findall(services))
    return found


def _policy(env: Env) -> Iterator[PolicyEntry]:
    """The `precedence` and `label` lines. One of a kind takes the place of all that the C library has of that kind.

    A prefix without its length is passed over, a length or value that is not there is 0 (glibc 2.36, measured).
    """
    for number, line in enumerate(_lines(env, GAI), start=1):
        found = _POLICY.fullmatch(line.partition(b"#")[0].decode(errors="replace"))
        if found and is_address(found["address"]) and ":" in found["address"] and int(found["bits"] or 0) <= 128:
            network = ipaddress.IPv6Network((found["address"], int(found["bits"] or 0)), strict=False)
            yield PolicyEntry(number, found["kind"], str(network), int(found["value"] or 0))


def _values(line: bytes, keyword: bytes) -> list[str]:
    """The words after a keyword of resolv.conf. It must start the line, and only blanks and tabs part the words."""
    rest = line.removeprefix(keyword)
    if rest == line or rest[:1] not in (b" ", b"\t"):
        return []
    return [x.decode(errors="replace") for x in re.split(rb"[ \t]+", rest) if x]


def _nameservers(lines: list[bytes]) -> tuple[str, ...]:
    """The first three that are addresses. A carriage return or `#` glued to one spoils it (glibc 2.36, measured)."""
    named = [words[0] for line in lines if (words := _values(line, b"nameserver"))]
    return tuple(canonical(x) for x in named if is_address(x))[:MAX_NAMESERVERS]


def _search(env: Env, lines: list[bytes]) -> tuple[str, ...]:
    """The last `search` or `domain` line; without one, the domain of the host name."""
    found: tuple[str, ...] | None = None
    for line in lines:
        if words := _values(line, b"search"):
            found = tuple(words)
        elif words := _values(line, b"domain"):
            found = (words[0],)
    if found is not None:
        return found
    hostname = next(_lines(env, HOSTNAME), b"").decode(errors="replace")
    domain = hostname.partition(".")[2]
    return (domain,) if domain else ()


def _ndots(options: tuple[str, ...]) -> int:
    """The last `ndots:N` as atoi reads it, at most 15."""
    found = 1
    for option in options:
        key, colon, value = option.partition(":")
        if key == "ndots" and colon:
            digits = _NUMBER.match(value)
            found = min(int((digits and digits[0][:9]) or 0), MAX_NDOTS)
    return found
