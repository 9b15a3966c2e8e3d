"""The resolver's files as glibc reads them; most cases were first seen to hold for glibc 2.36 in a namespace."""

import errno
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.gather import resolver
from dualstack.gather.env import Env
from dualstack.model.address import is_address
from dualstack.model.names import HostsEntry, ResolverFiles


def world(files: dict[str, bytes], found: list[str] | Exception | None = None) -> Env:
    """An Env that holds these files; getaddrinfo gives `found`, or raises it."""

    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return files[path]

    def getaddrinfo(_name: str) -> list[str]:
        if isinstance(found, Exception):
            raise found
        return found or []

    def nothing(*_: object) -> NoReturn:
        raise OSError(errno.ENOSYS, "not here")

    return Env("host", read, nothing, nothing, nothing, getaddrinfo, nothing, nothing)


def resolv(text: bytes) -> ResolverFiles:
    """What a resolv.conf says."""
    return resolver.files(world({resolver.RESOLV: text}))


def test_no_files_gives_the_defaults_of_the_manual() -> None:
    found = resolver.files(world({}))
    assert found.nameservers == ("127.0.0.1",)
    assert (found.sources, found.search, found.ndots, found.options, found.hosts) == (("files", "dns"), (), 1, (), ())


def test_a_pod_of_kubernetes() -> None:
    found = resolv(b"search default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n")
    assert found.search == ("default.svc.cluster.local", "svc.cluster.local")
    assert (found.nameservers, found.ndots, found.options) == (("10.96.0.10",), 5, ("ndots:5",))


@pytest.mark.parametrize(
    ("text", "nameservers"),
    [
        (b"nameserver 127.0.0.2\r\n", ("127.0.0.1",)),
        (b"nameserver 127.0.0.2 \r\n", ("127.0.0.2",)),
        (b" nameserver 127.0.0.2\nnameserver 127.0.0.3\n", ("127.0.0.3",)),
        (b"nameserver 127.0.0.2#x\nnameserver ::1#x\n", ("127.0.0.1",)),
        (b"nameserver 127.0.0.2 # x\n", ("127.0.0.2",)),
        (b"nameserver junk\nnameserver 127.0.0.4", ("127.0.0.4",)),
        (b"nameserver fe80::1%eth0\nnameserver\tFD00:0::1\n", ("fe80::1%eth0", "fd00::1")),
        (b"nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n", None),
        (b"nameserver 127.0.0.2\0\r\n", ("127.0.0.2",)),
        (b"nameservers 10.0.0.1\nnameserver\n", ("127.0.0.1",)),
        (b"; nameserver 10.0.0.1\n#nameserver 10.0.0.1\n", ("127.0.0.1",)),
    ],
)
def test_nameservers(text: bytes, nameservers: tuple[str, ...] | None) -> None:
    assert resolv(text).nameservers == (nameservers or ("10.0.0.1", "10.0.0.2", "10.0.0.3"))


@pytest.mark.parametrize(
    ("text", "search"),
    [
        (b"search x.y\ndomain z\n", ("z",)),
        (b"domain z w\n", ("z",)),
        (b"domain z\nsearch a b\n", ("a", "b")),
        (b"search\nsearch \n", ("example.org",)),
        (b"", ("example.org",)),
    ],
)
def test_search_is_the_last_line_or_the_domain_of_the_host(text: bytes, search: tuple[str, ...]) -> None:
    found = resolver.files(world({resolver.RESOLV: text, resolver.HOSTNAME: b"node1.example.org\n"}))
    assert found.search == search


@pytest.mark.parametrize(
    ("text", "ndots"),
    [
        (b"options ndots:2\toptions ndots:0\n", 0),
        (b"options ndots:99\n", 15),
        (b"options ndots:" + b"9" * 5000, 15),
        (b"options ndots:x\n", 0),
        (b"options ndots\n", 1),
        (b"options ndots:3\noptions rotate\n", 3),
    ],
)
def test_ndots(text: bytes, ndots: int) -> None:
    assert resolv(text).ndots == ndots


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        (b"passwd: files\nhosts: files mdns4_minimal [NOTFOUND=return] dns # x\n", None),
        (
            b"hosts:files [ !UNAVAIL=return  NOTFOUND=continue ] dns",
            ("files", "[ !UNAVAIL=return  NOTFOUND=continue ]", "dns"),
        ),
        (b"#hosts: dns\n", ("files", "dns")),
        (b"hosts: dns files\r\n", ("dns", "files")),
    ],
)
def test_sources(text: bytes, sources: tuple[str, ...] | None) -> None:
    found = resolver.files(world({resolver.NSSWITCH: text}))
    assert found.sources == (sources or ("files", "mdns4_minimal", "[NOTFOUND=return]", "dns"))


HOSTS = b"\n".join([
    b"# a remark", b"127.0.0.1 localhost", b"::1\tlocalhost ip6-localhost", b"fe80::1%lo zoned", b"10.0.0.1 crlf\r",
    b"  10.0.0.2 indented", b"10.4 short", b"10.0.0.5 nul\0x", b"10.0.0.6 remark#x", b"10.0.0.7 CaSe", b"10.0.0.8",
    b"FD00:0::9 vt\x0bb", b"10.0.0.10 caf\xe9",
])  # fmt: skip


def test_hosts_keeps_line_numbers_and_skips_what_the_c_library_skips() -> None:
    found = resolver.files(world({resolver.HOSTS: HOSTS}))
    assert found.hosts == (
        HostsEntry(2, "127.0.0.1", ("localhost",)),
        HostsEntry(3, "::1", ("localhost", "ip6-localhost")),
        HostsEntry(5, "10.0.0.1", ("crlf",)),
        HostsEntry(6, "10.0.0.2", ("indented",)),
        HostsEntry(8, "10.0.0.5", ("nul",)),
        HostsEntry(9, "10.0.0.6", ("remark",)),
        HostsEntry(10, "10.0.0.7", ("CaSe",)),
        HostsEntry(12, "fd00::9", ("vt", "b")),
        HostsEntry(13, "10.0.0.10", ("caf\ufffd",)),
    )
    assert found.hosts_of("case.") == (HostsEntry(10, "10.0.0.7", ("CaSe",)),)


def test_a_huge_file_is_read_up_to_its_last_whole_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "MAX_BYTES", 40)
    found = resolver.files(world({resolver.HOSTS: b"10.0.0.1 first\n10.0.0.2 second\n10.0.0.3 third\n"}))
    assert [x.names for x in found.hosts] == [("first",), ("second",)]


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=100), st.binary(max_size=60))
def test_junk_never_breaks_it(hosts: bytes, conf: bytes, nsswitch: bytes, gai: bytes) -> None:
    junk = {
        resolver.HOSTS: hosts,
        resolver.RESOLV: b"nameserver " + conf + b"\noptions ndots:" + conf,
        resolver.NSSWITCH: b"hosts: " + nsswitch,
        resolver.GAI: b"label ::/" + gai + b"\nprecedence ::" + gai,
    }
    found = resolver.files(world(junk))
    assert all(x.value >= 0 for x in found.policy)
    assert 1 <= len(found.nameservers) <= 3
    assert all(map(is_address, (*found.nameservers, *(x.address for x in found.hosts))))
    assert 0 <= found.ndots <= 15


def test_lookup_keeps_order_and_zones() -> None:
    found = resolver.lookup(world({}, ["fe80::1%eth0", "10.0.0.1"]), "x")
    assert (found.addresses, found.error) == (("fe80::1%eth0", "10.0.0.1"), "")


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "EAI_NONAME"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "EAI_AGAIN"),
        (socket.gaierror(-99, "?"), "EAI_FAIL"),
        (UnicodeError("label too long"), "EAI_NONAME"),
        (ValueError("embedded null character"), "EAI_NONAME"),
        (OSError(errno.EMFILE, "Too many open files"), "EAI_SYSTEM"),
    ],
)
def test_lookup_names_the_error(raised: Exception, error: str) -> None:
    assert resolver.lookup(world({}, raised), "x").error == error


@pytest.fixture(scope="module")
def netns() -> Iterator[str]:
    """A namespace with loopback and files of its own under /etc/netns."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("needs root and iproute2 for a network namespace")
    name = f"ds-names-{os.getpid()}-{time.monotonic_ns() % 10**6}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    Path("/etc/netns", name).mkdir(parents=True)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)
    shutil.rmtree(Path("/etc/netns", name))


@pytest.mark.parametrize("name", ["zoned", "crlf", "indented", "short", "nul", "remark", "case", "vt", "b", "absent"])
def test_glibc_reads_the_hosts_file_so(netns: str, name: str) -> None:
    Path("/etc/netns", netns, "hosts").write_bytes(HOSTS)
    Path("/etc/netns", netns, "nsswitch.conf").write_bytes(b"hosts: files\n")
    argv = ["ip", "netns", "exec", netns, "getent", "ahosts", name]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    given_ = {x.split()[0] for x in done.stdout.splitlines()}
    assert {x.address for x in resolver.files(world({resolver.HOSTS: HOSTS})).hosts_of(name)} == given_
