"""From the options of a verb to a request of the pipeline."""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from dualstack.cli import options

if TYPE_CHECKING:
    from dualstack.model.probe import Options, ProbeTask
    from dualstack.model.question import Client
    from dualstack.model.sockets import Runtime
    from dualstack.pipeline import Request


def request_of(given: Mapping[str, Any]) -> "Request":
    """The request that the options of a verb make; refuses what cannot be used."""
    from dualstack.model.question import Question
    from dualstack.model.target import BadTarget, parse_target
    from dualstack.pipeline import Request
    from dualstack.rules.registry import UnknownCode, choose

    try:
        targets = tuple(x for text in given["targets"] for x in parse_target(text))
        chosen = choose(given.get("select", ""), given.get("ignore", ""))
    except (BadTarget, UnknownCode) as error:
        options.refuse(error)
    question = Question(
        targets=tuple({(x.endpoint, x.scheme, x.path): x for x in reversed(targets)}.values())[::-1],
        expect=options.EXPECTED.get(given.get("expect") or "", ()),
        client=_client(given.get("client", "")),
        server=_server(given.get("server", "")),
        probing=not given.get("no_probe", False),
    )
    return Request(
        question,
        netns=given["netns"],
        config=given.get("config", ""),
        environ=dict(os.environ),
        collector_version=version_of(given.get("collector_version", "")),
        options=probing(given),
        chosen=chosen,
    )


def probing(given: Mapping[str, Any]) -> "Options":
    """What the probes may use, whether or not this run will need it."""
    from dualstack.model.probe import Options

    if given["key"] and not given["cert"]:
        options.refuse("`--key` is given without a certificate. Add `--cert FILE`.")
    chosen = Options(
        given["timeout"],
        options.readable(given["ca_file"], "--ca-file"),
        options.readable(given["cert"], "--cert"),
        options.readable(given["key"], "--key"),
        given["insecure"],
        options.header_pairs(given["headers"]),
    )
    if not (chosen.ca_file or chosen.cert or chosen.headers):
        return chosen
    from dualstack.probe.run import BadProbe, check

    try:
        check(chosen)
    except BadProbe as error:
        options.refuse(error)
    return chosen


def _client(text: str) -> "Client | None":
    if not text:
        return None
    from dualstack.reach.dial import parse_client

    try:
        return parse_client(text)
    except ValueError as error:
        options.refuse(error)


def _server(text: str) -> "Runtime | None":
    from dualstack.model.sockets import SERVERS

    if not text:
        return None
    name, at, version = text.strip().lower().partition("@")
    if name not in SERVERS:
        options.refuse(f"`--server {text}` is no runtime of a receiver; known are {', '.join(SERVERS)}.")
    if at and not re.fullmatch(r"v?\d{1,8}(\.\d{1,8})*", version, re.ASCII):
        options.refuse(f"`--server {text}` has no version behind the @. Write `{name}@1.2.3`, or `{name}`.")
    return SERVERS[name]


def version_of(text: str) -> str:
    """A version of the Collector as the user wrote it; refuses what is none."""
    if text and not re.fullmatch(r"v?\d{1,4}(\.\d{1,5}){1,2}", text, re.ASCII):
        options.refuse(f"`--collector-version {text[:40]}` is no version. Write it as `0.161.0`.")
    return text.removeprefix("v")


def announcer(given: Mapping[str, Any]) -> "Callable[[ProbeTask], None]":
    """Says on stderr what is about to be probed: to a terminal, or where `-v` asks for it."""
    wanted = given["verbose"] or (sys.stderr.isatty() and not given["quiet"])
    return _say if wanted else lambda _: None


def _say(task: "ProbeTask") -> None:
    spoken = f"{task.protocol}{' over TLS' if task.tls else ''}"
    with contextlib.suppress(OSError):  # a stderr that takes nothing is no reason not to probe
        click.echo(f"probing {task.endpoint} ({spoken}, exports without telemetry)", err=True)
