"""`dualstack diagnose`: the main job."""

import importlib
from typing import Any

import click

from dualstack.cli import complete, options
from dualstack.cli.app import INTERRUPTED
from dualstack.cli.cluster_request import cluster_request, is_of_cluster, teller
from dualstack.cli.request import announcer, request_of
from dualstack.report import formats

_WIDE = "wide"
"""What `-o` says to kubectl, too; a file of that name is `./wide`."""
_SEVERITIES = ("info", "warning", "error", "never")
_FAILED = ("broken", "degraded")


@click.command(name="diagnose")
@click.argument("targets", metavar="[TARGET]...", nargs=-1, shell_complete=complete.target)
@options.text("--config", default="", metavar="FILE", help="Compare with this Collector configuration.")
@options.text("--collector-version", default="", metavar="X.Y.Z", help="Read the configuration as this Collector does.")
@click.option("--expect", type=click.Choice(list(options.EXPECTED)), help="Insist on these families.")
@options.text("--client", default="", metavar="RUNTIME[@VERSION]", help="Judge for this client, such as node@18.")
@options.text(
    "--server", default="", metavar="RUNTIME[@VERSION]", help="Runtime of the receiver, where it is out of sight."
)
@options.vantage
@options.cluster
@options.inside
@options.text("--from", "stored", default="", metavar="SNAPSHOT", help="Ask a snapshot, or a folder of objects.")
@options.probing
@click.option("--no-probe", is_flag=True, help="Make no connection; predict from what can be observed.")
@options.text("--select", default="", metavar="CODES", help="Only these rules, such as DS201,DS3.")
@options.text("--ignore", default="", metavar="CODES", help="Not these rules.")
@click.option(
    "--fail-on", type=click.Choice(_SEVERITIES), default="error", show_default=True, help="Exit 1 from here on."
)
@click.option("--format", "form", type=click.Choice(formats()), default="text", show_default=True)
@options.output
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Find why a client cannot send telemetry to TARGET, over IPv4 and IPv6.

    TARGET is http(s)://host:port, grpc(s)://host:port or host[:port]; without a
    port both OTLP ports are tried. Without a TARGET every OTLP listener of this
    host is looked at.

    svc/NAME, pod/NAME, deploy/NAME, ds/NAME, sts/NAME, job/NAME, cronjob/NAME
    and collector/NAME are objects of a Kubernetes cluster, reached as kubectl
    reaches it.

    `-o wide` shows all of the table: addresses, nodes, and nothing cut off.

    Exit status: 0 nothing wrong, 1 findings or a way that fails, 2 bad usage or
    input, 3 not enough evidence, 130 interrupted.
    """
    found = _of_facts(given) or (_of_cluster(given) if is_of_cluster(given) else _of_host(given))
    options.write(_rendered(found, given), None if given["path"] == _WIDE else given["path"])
    return _status(found, given["fail_on"])


def _of_facts(given: dict[str, Any]) -> Any:  # noqa: ANN401 -- model.diagnosis.Diagnosis, or None
    """The diagnosis of stored evidence of a host; None where `--from` names anything else."""
    if not given["stored"]:
        return None
    from dualstack.gather.errors import BadInput
    from dualstack.gather.facts import is_facts, stored
    from dualstack.pipeline import conclude

    try:
        return conclude(stored(given["stored"]), request_of(given).chosen) if is_facts(given["stored"]) else None
    except BadInput as error:
        options.refuse(error)


def _of_host(given: dict[str, Any]) -> Any:  # noqa: ANN401 -- model.diagnosis.Diagnosis
    from dualstack.gather.errors import BadInput
    from dualstack.pipeline import diagnose
    from dualstack.probe.run import BadProbe

    request = request_of(given)
    try:
        return diagnose(request, announcer(given))
    except (BadInput, BadProbe) as error:
        options.refuse(error)


def _of_cluster(given: dict[str, Any]) -> Any:  # noqa: ANN401 -- model.diagnosis.Diagnosis
    from dualstack.cluster import diagnose
    from dualstack.gather.errors import BadInput

    request = cluster_request(given)
    try:
        return diagnose(request, teller(given))
    except BadInput as error:
        options.refuse(error)


def _rendered(found: Any, given: dict[str, Any]) -> str:  # noqa: ANN401 -- model.diagnosis.Diagnosis
    render = importlib.import_module(f"dualstack.report.{given['form']}").render
    look: dict[str, Any] = {}
    if given["form"] == "text":
        wide = given["path"] == _WIDE
        look["depth"] = "verbose" if given["verbose"] else "quiet" if given["quiet"] else "wide" if wide else "normal"
        look["color"] = options.color_wanted(given["color"], None if wide else given["path"])
    return str(render(found, **look))


def _status(found: Any, fail_on: str) -> int:  # noqa: ANN401 -- model.diagnosis.Diagnosis
    if found.interrupted:
        return INTERRUPTED
    counted = _SEVERITIES[_SEVERITIES.index(fail_on) :]
    if any(x.severity in counted for x in found.findings) or (found.verdict in _FAILED and fail_on != "never"):
        return 1
    return 3 if found.verdict == "unknown" else 0
