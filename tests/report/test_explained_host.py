"""A host explained, as text and as JSON."""

import json

from dualstack.reach.hosts import meanings
from dualstack.report.verbs.catalogue import explained_host, host_as_json


def test_each_runtime_has_a_line_and_the_unverified_is_named() -> None:
    lines = explained_host(":4317", meanings(":4317")).splitlines()
    assert lines[0].startswith(":4317, bound over TCP")
    assert "  Go                */dual-stack, accepts IPv4 and IPv6" in lines
    assert "  asyncio           0.0.0.0/ipv4-only and [::]/ipv6-only" in lines
    assert "  gRPC C core       does not start: Failed to bind to address :4317 (DS120)" in lines
    assert "  .NET              not known" in lines
    unverified = [x for x in explained_host("0.0.0.0", meanings("0.0.0.0")).splitlines() if "unverified" in x]
    assert [x.split()[0] for x in unverified] == [".NET"]


def test_json_has_the_same() -> None:
    said = json.loads(host_as_json("[::]\n", meanings("[::]")))
    assert (said["schema"], said["host"]) == ("dualstack.explanation/1", "[::]")
    found = {x["runtime"]: x for x in said["runtimes"]}
    assert found["asyncio"]["sockets"] == ["[::]/ipv6-only"]
    assert found["jvm-ipv4"]["cause"] == "DS209"
    assert found["dotnet"]["status"] == "unverified"
    unknown = {x["runtime"]: x for x in json.loads(host_as_json(":1", meanings(":1")))["runtimes"]}
    assert unknown["dotnet"] == {
        "runtime": "dotnet",
        "sockets": [],
        "error": "",
        "cause": "",
        "status": "unknown",
        "source": "",
    }
