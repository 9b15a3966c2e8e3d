"""`dualstack diagnose` against kubectl on a cluster of 5,000 nodes, 150,000 pods and 10,000 Services.

Both ask the same API server over the same loopback and take turns, so that a busy machine is busy for both; each ratio
is the median of those of the rounds. A lone Service is asked for by name, as `kubectl get service NAME` does; all of
the cluster is listed once, as `kubectl get pods -A` does. The peak of the memory is that of the one process.

    python benchmarks/cluster.py [ROUNDS]
"""

import os
import statistics
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from big_cluster import NAMESPACES, OTLP_EVERY, big_cluster, lacking
from lint import Cost, Verdict, at_most, ratio, run

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.real import kubernetes

MEMORY = 600
ALONE, WHOLE = 8, 1.2
UNKNOWN = 3
"""The exit status where no export was made: nothing is broken as far as it is known."""


def kubectl(*words: str) -> list[str]:
    return [kubernetes.place("kubectl"), *words, "--output=name"]


def dualstack(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("dualstack")), "diagnose", *words, "--no-probe", "--quiet"]


def pairs(mine: list[str], theirs: list[str], rounds: int, environ: Mapping[str, str]) -> list[tuple[Cost, Cost]]:
    return [
        (run(mine, environ=dict(environ), good=(0, 1, UNKNOWN)), run(theirs, environ=dict(environ)))
        for _ in range(rounds)
    ]


def told(name: str, costs: Iterable[Cost]) -> None:
    print(f"{1000 * statistics.median(x.seconds for x in costs):10.0f} ms  {name}", flush=True)


def alone(rounds: int, environ: Mapping[str, str]) -> Verdict:
    """One Service, the first of those that take OTLP."""
    app = OTLP_EVERY
    place = ("--namespace", f"team-{app % NAMESPACES}")
    mine, theirs = zip(
        *pairs(dualstack(f"svc/svc-{app}", *place), kubectl("get", "service", f"svc-{app}", *place), rounds, environ)[
            1:
        ],
        strict=True,
    )
    told("kubectl get service NAME", theirs)
    told("dualstack diagnose svc/NAME", mine)
    return at_most("one Service", ratio(mine, theirs), ALONE, "times kubectl get service")


def whole(rounds: int, environ: Mapping[str, str]) -> list[Verdict]:
    """Everything there is."""
    mine, theirs = zip(*pairs(dualstack("--all"), kubectl("get", "pods", "-A"), rounds, environ), strict=True)
    told("kubectl get pods -A", theirs)
    told("dualstack diagnose --all", mine)
    return [
        at_most("all of the cluster", ratio(mine, theirs), WHOLE, "times kubectl get pods -A"),
        at_most("all of the cluster", max(x.memory for x in mine) / 1024, MEMORY, "MB"),
    ]


def main(rounds: int = 1) -> int:
    """Print the report; 1 where a goal is missed by more than noise."""
    if lacks := lacking():
        print(f"skipped: {lacks}")
        return 0
    with TemporaryDirectory() as name, big_cluster(Path(name)) as made:
        environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "KUBECONFIG")}
        environ |= {"PYTHONPYCACHEPREFIX": f"{name}/bytecode", "KUBECONFIG": made.kubeconfig, "HOME": name}
        found = [alone(10 * rounds + 1, environ), *whole(rounds, environ)]
    print(*(x.text for x in found), sep="\n")
    return int(any(x.missed for x in found))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
