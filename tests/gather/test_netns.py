"""Namespaces found by name, PID and path, and entered by one thread of many."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualstack.gather.env import real
from dualstack.gather.netns import BadNamespace, Netns, find, inside, named
from tests.netns import as_nobody, etc, isolated, pair, require, sysctl
from tests.real import end

HOSTS = "127.0.0.1 localhost\nfd09::2 collector.test\n10.9.0.2 collector.test\n"


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    with pair("netns") as (client, _), etc(client, hosts=HOSTS):
        yield client


@pytest.fixture(scope="module")
def process(name: str) -> Iterator[int]:
    """A process in that namespace, with the files that `ip netns exec` shows it."""
    running = subprocess.Popen(["ip", "netns", "exec", name, "sh", "-c", "echo ready; exec sleep 60"], stdout=-1)
    assert running.stdout
    running.stdout.readline()
    yield running.pid
    end(running)


def interfaces() -> list[str]:
    return sorted(x for _, x in socket.if_nameindex())


def addresses() -> list[str]:
    return real().getaddrinfo("collector.test")


def test_a_name_a_pid_and_a_path_lead_to_the_same_namespace(name: str, process: int) -> None:
    path = f"/run/netns/{name}"
    ways = [find(x) for x in (name, str(process), path)]

    assert {x.inode for x in ways} == {os.stat(path).st_ino}
    assert [x.place for x in ways] == [f"netns {name}", f"netns {process}", f"netns {path}"]
    assert [inside(x, interfaces) for x in ways] == [["eth0", "lo"]] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no-such-name", r"There is no network namespace or process 'no-such-name'; this host has .*ds-netns-"),
        ("4194305", r"There is no network namespace or process '4194305'; this host has .*ds-netns-"),
        ("..", r"There is no network namespace or process '\.\.'; this host has "),
        ("/no/such/file", r"/no/such/file cannot be opened \(No such file or directory\); this host has "),
        ("/etc/passwd", r"/etc/passwd is no namespace file; this host has "),
        ("/", r"/ is no namespace file; this host has "),
        ("/proc/self/ns/mnt", r"/proc/self/ns/mnt is a namespace, but none of networks; this host has "),
    ],
)
def test_what_is_no_namespace_is_said_in_one_sentence(name: str, text: str, message: str) -> None:
    with pytest.raises(BadNamespace, match=message):
        find(text)


def test_the_rest_of_the_process_stays_where_it_is(name: str) -> None:
    before = interfaces()
    entered, leave = threading.Event(), threading.Event()

    def hold() -> list[str]:
        entered.set()
        leave.wait(10)
        return interfaces()

    held: list[list[str]] = []
    caller = threading.Thread(target=lambda: held.append(inside(find(name), hold)))
    caller.start()
    entered.wait(10)

    assert interfaces() == before
    assert "collector.test" not in Path("/etc/hosts").read_text()
    assert Path("/proc/self/status").exists()
    leave.set()
    caller.join()
    assert held == [["eth0", "lo"]]


def test_proc_follows_the_reading_thread_where_it_is_asked_the_right_way(name: str) -> None:
    """The reason for /proc/thread-self/net everywhere: /proc/self/net stays with the first thread."""
    sysctl(name, "net.ipv6.bindv6only", 1)

    def look() -> tuple[str, bool, bool]:
        setting = Path("/proc/sys/net/ipv6/bindv6only").read_text().strip()
        table = Path("/proc/thread-self/net/if_inet6").read_text()
        return setting, "fd090000" in table, "fd090000" in Path("/proc/self/net/if_inet6").read_text()

    assert inside(find(name), look) == ("1", True, False)
    assert Path("/proc/sys/net/ipv6/bindv6only").read_text().strip() == "0"


def test_the_c_library_reads_the_files_of_the_name(name: str) -> None:
    assert sorted(inside(find(name), addresses)) == ["10.9.0.2", "fd09::2"]
    with pytest.raises(socket.gaierror):
        addresses()


def test_the_c_library_reads_the_files_of_the_process(process: int) -> None:
    assert sorted(inside(find(str(process)), addresses)) == ["10.9.0.2", "fd09::2"]


def test_files_that_the_name_does_not_have_are_those_of_the_host(name: str) -> None:
    assert inside(find(name), lambda: real().read("/etc/nsswitch.conf")) == Path("/etc/nsswitch.conf").read_bytes()


def test_commands_see_what_the_thread_sees(name: str) -> None:
    found = inside(find(name), lambda: real().run(["sh", "-c", "cat /etc/hosts; ip -o link show eth0"]))

    assert found.startswith(HOSTS)
    assert "state UP" in found


def test_the_path_of_a_name_has_the_files_of_the_name(name: str) -> None:
    assert inside(find(f"/var/run/netns/{name}"), addresses) == inside(find(name), addresses)


def test_another_path_keeps_the_files_of_the_caller(process: int) -> None:
    with pytest.raises(socket.gaierror):
        inside(find(f"/proc/{process}/ns/net"), addresses)


@pytest.mark.parametrize("error", [PermissionError(13, "mine"), KeyError("x"), SystemExit(3)])
def test_what_the_function_raises_is_raised(name: str, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        inside(find(name), fail)

    assert caught.value is error


def test_without_privileges_the_namespace_is_named_and_the_way_out(name: str) -> None:
    with pytest.raises(BadNamespace, match=rf"netns {name} cannot be entered \(Operation not permitted\); run as root"):
        as_nobody(lambda: inside(find(name), interfaces))


def test_the_process_of_another_user_may_not_be_opened(process: int) -> None:
    with pytest.raises(BadNamespace, match=rf"/proc/{process}/ns/net may not be opened; run as root"):
        as_nobody(lambda: find(str(process)))


def test_a_namespace_that_is_gone_by_then() -> None:
    with isolated("gone") as name:
        found = find(name)

    with pytest.raises(BadNamespace, match=rf"netns {name} cannot be entered \(.*\); has it ended\?"):
        inside(found, interfaces)


def test_an_interrupt_ends_the_wait(name: str) -> None:
    script = (
        "import os, sys, time\n"
        "from dualstack.gather.netns import find, inside\n"
        "def wait():\n"
        "    os.write(1, b'inside\\n')\n"
        "    time.sleep(60)\n"
        "try:\n"
        "    inside(find(sys.argv[1]), wait)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, name], stdout=-1, env={"PYTHONPATH": "src"}) as running:
        assert running.stdout
        running.stdout.readline()
        running.send_signal(signal.SIGINT)

        assert running.wait(20) == 130


def places(seen: list[Netns]) -> list[str]:
    return [x.place for x in seen]


def test_other_namespaces_come_once_and_by_name_where_they_have_one(name: str, process: int) -> None:
    found = named(real())

    assert f"netns {name}" in places(found)
    assert f"netns {process}" not in places(found)
    assert len({x.inode for x in found}) == len(found)
    assert os.stat("/proc/self/ns/net").st_ino not in {x.inode for x in found}
    assert os.stat(f"/run/netns/{name}").st_ino not in {x.inode for x in inside(find(name), lambda: named(real()))}


def nameless() -> subprocess.Popen[bytes]:
    running = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo ready; exec sleep 60"], stdout=-1)
    assert running.stdout
    running.stdout.readline()
    return running


def test_a_namespace_without_a_name_is_found_through_its_process() -> None:
    require()
    running = nameless()
    try:
        [found] = [x for x in named(real()) if x.place == f"netns {running.pid}"]

        assert "eth0" not in inside(found, interfaces)
        assert found.place not in places(as_nobody(lambda: named(real())))
    finally:
        end(running)


def test_the_file_of_a_deleted_namespace_is_passed_over(name: str) -> None:
    leftover = Path("/run/netns", f"{name}-left")
    leftover.touch()
    try:
        assert f"netns {leftover.name}" not in places(named(real()))
    finally:
        leftover.unlink()
