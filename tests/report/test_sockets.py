"""The table of listening sockets, in words."""

import json

from msgspec.structs import replace

from dualstack.model.sockets import Listeners, Process, Runtime
from dualstack.report.verbs.sockets import as_json, as_text
from dualstack.testing.incident import snapshot

WORLD = snapshot("""
target: []
listeners: ["[::]:4317 go otelcol", "[::]:4318 v6only rust rotel", "127.0.0.1:55679", "udp [::]:8125"]
""")
FOUND = WORLD.having(Listeners) or Listeners()


def test_each_socket_is_a_line_that_says_what_it_accepts() -> None:
    assert as_text(FOUND).splitlines() == [
        f"tcp  [::]:4317        accepts IPv4 and IPv6              otelcol (go, pid {FOUND.items[0].processes[0].pid})",
        f"tcp  [::]:4318        accepts IPv6 only                  rotel (rust, pid {FOUND.items[1].processes[0].pid})",
        "tcp  127.0.0.1:55679  accepts IPv4 on the loopback only",
        "udp  [::]:8125        accepts IPv4 and IPv6",
    ]


def test_no_socket_is_said_in_words() -> None:
    assert as_text(Listeners()) == "No such listening socket here.\n"


def test_owners_that_could_not_be_read_are_no_absence_of_owners() -> None:
    last = as_text(replace(FOUND, owners_known=False)).splitlines()[-1]

    assert last == "Some owners are not in sight: root sees all users, and the host all containers."


def test_a_socket_of_several_processes_counts_them_and_a_name_cannot_steer_the_terminal() -> None:
    owners = (Process(1, "\x1b[2Jsh", runtime=Runtime.POSIX), Process(2, "sh"), Process(3, "sh"))
    shown = as_text(Listeners((replace(FOUND.items[0], processes=owners),)))

    assert shown.endswith("\\x1b[2Jsh (posix, pid 1) and 2 more\n")


def test_the_same_for_programs() -> None:
    unread = replace(FOUND.items[0], v6only=None)
    document = json.loads(as_json(Listeners((*FOUND.items, unread))))

    assert document["schema"] == "dualstack.sockets/1"
    assert document["owners_known"] is True
    assert [x["accepts"] for x in document["sockets"]] == [
        ["ipv4", "ipv6"],
        ["ipv6"],
        ["ipv4"],
        ["ipv4", "ipv6"],
        None,
    ]
    assert [x["owner"] for x in document["sockets"]] == ["otelcol", "rotel", "", "", "otelcol"]
    assert document["sockets"][2]["pids"] == []
