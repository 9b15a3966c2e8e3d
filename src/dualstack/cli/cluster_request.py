"""From the options of a verb to a request about a cluster."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from dualstack.cli import options

if TYPE_CHECKING:
    from dualstack.cluster import ClusterRequest
    from dualstack.gather.inside import Inside
    from dualstack.model.target import KubeTarget


def is_of_cluster(given: Mapping[str, Any]) -> bool:
    """Whether the user asks about a cluster."""
    return any(_targets(given)) or any(
        given.get(x) for x in ("everything", "namespace", "context", "kubeconfig", "stored")
    )


def _targets(given: Mapping[str, Any]) -> "list[KubeTarget | None]":
    from dualstack.model.target import BadTarget, kube_target

    try:
        return [kube_target(x) for x in given["targets"]]
    except BadTarget as error:
        options.refuse(error)


def cluster_request(given: Mapping[str, Any]) -> "ClusterRequest":
    """The request that the options of a verb make; refuses what cannot be used."""
    from dualstack.cli.request import probing
    from dualstack.cluster import ClusterRequest
    from dualstack.model.question import Question
    from dualstack.model.target import EVERYTHING
    from dualstack.rules.registry import UnknownCode, choose, codes

    targets = [x for x in _targets(given) if x]
    stored = given.get("stored", "")
    if len(targets) != len(given["targets"]) or len(targets) > 1:
        options.refuse(_misnamed(given["targets"]))
    if targets and given.get("everything"):
        options.refuse(f"`--all` and `{targets[0]}` exclude each other. Leave one out.")
    if given.get("everything") or not (targets or stored):
        targets = [EVERYTHING]
    if targets == [EVERYTHING] and (given.get("inspect") or given.get("matrix")):
        options.refuse("`--inspect` and `--matrix` look at one object. Name it, such as `svc/otel-collector`.")
    try:
        for spelled in (select := given.get("select", ""), ignore := given.get("ignore", "")):
            codes(spelled)
    except UnknownCode as error:
        options.refuse(error)
    return ClusterRequest(
        next(iter(targets), None),
        Question(expect=options.EXPECTED.get(given.get("expect") or "", ()), probing=not given.get("no_probe", False)),
        kubeconfig=given["kubeconfig"],
        context=given["context"],
        namespace=given["namespace"],
        environ=dict(os.environ),
        options=probing(given),
        chosen=lambda: choose(select, ignore),
        stored=stored,
        inside=_inside(given),
    )


def _misnamed(words: Sequence[str]) -> str:
    """Why these are not one object of a cluster."""
    from dualstack.model.target import kind_of, kube_target

    kind, *names = words
    if len(names) == 1 and kind_of(kind) and "/" not in names[0]:
        return f"`{kind} {names[0]}` is written with a slash: `{kind}/{names[0]}`."
    foreign = next((x for x in words if not kube_target(x)), "")
    if foreign and len(words) == 1:
        kinds = "svc, pod, deploy, ds, sts, job, cronjob and collector"
        return (
            f"`{foreign}` is no object of a cluster. Write KIND/NAME, such as `svc/otel-collector`; kinds are {kinds}."
        )
    return "Name one object of the cluster, such as `svc/otel-collector`, or none for all."


def _inside(given: Mapping[str, Any]) -> "Inside | None":
    """What may be started inside of the cluster, None for nothing."""
    nodes, hosts = (tuple(x.strip() for x in given[y].split(",") if x.strip()) for y in ("nodes", "hosts"))
    if hosts and not given["inspect"]:
        options.refuse("`--node` says what `--inspect` looks at. Add `--inspect`, or leave it out.")
    if nodes and not given["matrix"]:
        options.refuse("`--nodes` says from where `--matrix` exports. Add `--matrix`, or leave it out.")
    if not (given["inspect"] or given["matrix"]):
        return None
    from dualstack.gather.inside import Inside

    pods = given["inspect"] and not hosts
    allowed = Inside(pods, given["matrix"], nodes=nodes, most=given["max_nodes"], hosts=hosts)
    return msgspec.structs.replace(allowed, image=given["image"]) if given["image"] else allowed


def teller(given: Mapping[str, Any]) -> Callable[[str], None]:
    """Says on stderr what is being asked: to a terminal, or where `-v` asks for it."""
    wanted = given["verbose"] or (sys.stderr.isatty() and not given["quiet"])
    return _say if wanted else lambda _: None


def _say(said: str) -> None:
    with contextlib.suppress(OSError):  # a stderr that takes nothing is no reason not to ask
        click.echo(f"asking for {said}", err=True)
