"""`dualstack gather`: the evidence of a cluster, or of this host, for somebody else or for later."""

import os
import sys
from typing import Any

import click

from dualstack.cli import complete, options
from dualstack.cli.app import INTERRUPTED
from dualstack.cli.cluster_request import cluster_request, is_of_cluster, teller
from dualstack.cli.request import announcer, request_of
from dualstack.reach.rights import features, role


@click.command(name="gather")
@click.argument("targets", metavar="[TARGET]...", nargs=-1, shell_complete=complete.target)
@options.cluster
@options.inside
@options.vantage
@options.probing
@options.text("-o", "--output", "path", default="", metavar="FILE", help="Default: world.tar.zst, or facts.json.")
@options.text("--from-troubleshoot", "stored", default="", metavar="FILE", help="Read a bundle of troubleshoot.sh.")
@options.privacy
@click.option("--print-rbac", "role", is_flag=True, help="Print the ClusterRole that a diagnosis needs.")
@click.option(
    "--feature",
    "features",
    multiple=True,
    type=click.Choice(features()),
    metavar="FEATURE",
    help=f"For this alone; may be repeated: {', '.join(features())}.",
)
@click.option("--no-probe", is_flag=True, help="Make no export; store what can be observed.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr.")
@click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is being asked.")
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Store what a diagnosis of TARGET needs, with what could not be had and why.

    TARGET is svc/NAME, pod/NAME, deploy/NAME, ds/NAME, sts/NAME, job/NAME,
    cronjob/NAME or collector/NAME of a cluster; Secrets are never read. With
    any other target, or none, it is the evidence of this host. `dualstack
    diagnose --from FILE` gives the same answer on another machine.

    Exit status: 0 stored, 2 bad usage or input, 130 interrupted.
    """
    if given["reveal"]:
        return _reveal(given)
    if given["role"]:
        wanted = [x for x in features() if x in given["features"] or not given["features"]]
        _write(given["path"] or "-", role(wanted).encode())
        return 0
    if given["features"]:
        options.refuse("`--feature` says for what `--print-rbac` prints rights. Add `--print-rbac`, or leave it out.")
    return _of_cluster(given) if is_of_cluster(given) else _of_host(given)


def _of_cluster(given: dict[str, Any]) -> int:
    from dualstack import __version__
    from dualstack.cluster import gather, stored
    from dualstack.gather.archive import packed
    from dualstack.gather.dumps import read_world
    from dualstack.gather.errors import BadInput

    path = given["path"] or "world.tar.zst"
    if path == "-" and sys.stdout.isatty():
        options.refuse("The archive is no text. Name a file with `-o FILE`, or send it on with a pipe.")
    bundle = given["stored"]
    request = cluster_request(given)
    try:
        if bundle:
            world = stored(request) if request.target else read_world(bundle)
        else:
            world = gather(request, teller(given))
    except BadInput as error:
        options.refuse(error)
    world = _veiled(given, world)
    _write(path, packed(world, __version__))
    counts = ", ".join(f"{len(v)} {k}" for k, v in world.objects.items() if v)
    gaps = len(world.gaps)
    missing = f"{gaps} kind{'s' * (gaps > 1)} of evidence could not be had" if gaps else "nothing is missing"
    _say(given, f"{path}: {counts}; {missing}.")
    return 0


def _of_host(given: dict[str, Any]) -> int:
    from dualstack.gather.errors import BadInput
    from dualstack.gather.facts import encoded
    from dualstack.pipeline import gather
    from dualstack.probe.run import BadProbe

    path = given["path"] or "facts.json"
    request = request_of(given)
    try:
        snapshot, interrupted = gather(request, announcer(given))
    except (BadInput, BadProbe) as error:
        options.refuse(error)
    _write(path, encoded(_veiled(given, snapshot)))
    _say(given, f"{path}: the evidence of this host.")
    return INTERRUPTED if interrupted else 0


def _veiled(given: dict[str, Any], evidence: Any) -> Any:  # noqa: ANN401 -- a World or a Snapshot
    """The evidence with pseudonyms, where they are asked for; what stands for what is noted beside the key."""
    if not given["pseudonymise"]:
        return evidence
    from dualstack.gather import keys
    from dualstack.gather.errors import BadInput
    from dualstack.gather.pseudonyms import Pseudonyms
    from dualstack.gather.veil import inside, translated, veiled_snapshot, veiled_world
    from dualstack.model.world import World

    path = given["key_file"]
    try:
        key = keys.opened(path, create=True)
        whole = isinstance(evidence, World)
        names = Pseudonyms(key.secret, translated(*(map(inside, evidence.inspections) if whole else (evidence,))))
        found = veiled_world(evidence, names) if whole else veiled_snapshot(evidence, names)
        key.known.update(names.known)
        keys.save(path, key)
    except BadInput as error:
        options.refuse(error)
    _say(given, f"{path}: the key of the pseudonyms. Keep it; who has it can undo them.")
    return found


def _reveal(given: dict[str, Any]) -> int:
    from dualstack.gather import keys
    from dualstack.gather.errors import BadInput

    text = given["reveal"] if given["reveal"] != "-" else sys.stdin.read()
    try:
        known = keys.opened(given["key_file"], create=False).known
    except BadInput as error:
        options.refuse(error)
    click.echo(keys.revealed(text.removesuffix("\n"), known))
    return 0


def _say(given: dict[str, Any], said: str) -> None:
    if not given["quiet"] and given["path"] != "-":
        click.echo(said, err=True)


def _write(path: str, body: bytes) -> None:
    if path == "-":
        sys.stdout.buffer.write(body)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it tells much of a cluster
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
    except OSError as error:
        options.refuse(f"`-o {path}` cannot be written: {error.strerror}.")
