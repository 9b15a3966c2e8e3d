"""A cluster under diagnosis: what its API server says, what the configurations in its pods make of it, and the answer.

    target -> objects -> what they declare -> places (pods) -> forward (traces) -> rules (findings) -> diagnosis

Beside `pipeline.py`, which looks at a host, and `review.py`, which looks at files: the objects of a cluster are judged
as files, too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from dualstack.gather.cluster import Asker, of_service
from dualstack.gather.kube_api import Api
from dualstack.gather.kubeconfig import access
from dualstack.gather.objects import declared
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding, Skipped
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Trace, Traces
from dualstack.model.world import World
from dualstack.reach.forward import forward
from dualstack.reach.pods import Place, place
from dualstack.reach.verdict import verdict
from dualstack.rules.registry import Rule, evaluate, rules, static_rules

Tell = Callable[[str], None]


class ClusterRequest(msgspec.Struct, frozen=True):
    """One call for a diagnosis of a cluster: the target, how the API server is reached, and the rules, None for all.

    `namespace` is empty for that of the context.
    """

    target: KubeTarget
    question: Question = Question()
    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    environ: Mapping[str, str] = {}
    seconds: float = 10.0
    chosen: tuple[Rule, ...] | None = None


def diagnose(request: ClusterRequest, tell: Tell = lambda _: None) -> Diagnosis:
    """Gather, predict and judge. Raises BadInput where there is no such target, no kubeconfig or no API server."""
    found = access(request.kubeconfig, request.context, request.environ)
    ask = Asker(Api(found, request.seconds, tell), request.namespace or found.namespace)
    return conclude(of_service(ask, request.target.name), request.question, request.chosen)


def conclude(world: World, question: Question, chosen: Sequence[Rule] | None = None) -> Diagnosis:
    """The diagnosis that the evidence allows: the same for a stored world, whoever gathered it and when."""
    cluster = world.cluster()
    question = replace(question, place="cluster", cluster=question.cluster or cluster.families)
    said, _ = declared(world, question)
    places = {(x.metadata.namespace, x.metadata.name): place(x, _runs(x, said)) for x in cluster.pods}
    traces = Traces(tuple(forward(cluster, places, question)))
    question = replace(question, targets=tuple(dict.fromkeys(x.target for x in traces.items)))
    findings = tuple(_judged(said, cluster, places, traces, question, chosen))
    gaps = tuple(Skipped(x.needs, x.why) for x in (*world.gaps, *said.gaps))
    return Diagnosis(question, verdict(traces, findings), traces.items, findings, gaps)


def _runs(pod: Pod, said: Snapshot) -> Iterator[Deployed]:
    """The configurations that a pod's containers read: those of the workloads whose template its labels come from."""
    deployments = said.having(Deployments) or Deployments()
    labels = (pod.metadata.labels or {}).items()
    for item in deployments.items:
        work = item.workload
        if work and work.meta.namespace == pod.metadata.namespace and work.labels.items() <= labels and work.labels:
            yield item


def _judged(
    said: Snapshot,
    cluster: Cluster,
    places: Mapping[tuple[str, str], Place],
    traces: Traces,
    question: Question,
    chosen: Sequence[Rule] | None,
) -> Iterator[Finding]:
    wanted = rules() if chosen is None else chosen
    configs = [y.endpoint for x in places.values() for y in x.opened]
    every = (x for item in (said.having(Deployments) or Deployments()).items for x in (item.config,))
    config = next((x for x in every if x.endpoints), Declared())
    live = said.adding(
        question,
        cluster,
        traces,
        Listeners(tuple(y for x in places.values() for y in x.sockets), tuple(x.name for x in places.values())),
        Namespaces(tuple(x.space for x in places.values())),
        config,
    )
    usable = [x for x in wanted if x.check and set(x.check.needs) <= set(live.facts)]
    found, _ = evaluate(live, usable)
    yield from found
    spoken = {x.code for x in found}
    static = [x for x in static_rules() if x in wanted and x.code not in spoken]
    more, _ = evaluate(said, static, files=True)
    yield from more
