"""A question about a workload of which no pod runs: the way of the pod that it would make."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.address import BOTH
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop
from dualstack.model.world import World
from dualstack.overview import conclude_all
from dualstack.report.json import render
from dualstack.report.verbs.flows import clients
from tests.cluster import worlds as w
from tests.cluster.test_pseudonyms import veil
from tests.cluster.test_survey import KINDS, Object, client, variables

OTEL = "http://otel.obs.svc:4317"
GRPC = variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")


def template(endpoint: str, **spec: Any) -> Object:
    made = client("a", "n1", [*variables(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint), *GRPC])["spec"]
    made.pop("nodeName", None)
    return {"metadata": {"labels": {"app": "load"}}, "spec": {**made, **spec}}


def pod(name: str, on: str, endpoint: str, phase: str = "Running") -> Object:
    made = client(name, on, [*variables(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint), *GRPC])
    made["metadata"] |= {"labels": {"app": "load"}, "ownerReferences": [{"kind": "Job", "name": "load"}]}
    made["status"]["phase"] = phase
    return made


def workload(kind: str, endpoint: str, **spec: Any) -> Object:
    about = {"name": "load", "namespace": "shop"}
    group = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    body: Object = {"template": template(endpoint, **spec), "selector": {"matchLabels": {"app": "load"}}}
    held = {"jobTemplate": {"spec": {"template": body["template"]}}} if kind == "CronJob" else body
    return {"apiVersion": group, "kind": kind, "metadata": about, "spec": held, "status": {}}


def gathered(target: str, *more: Object, **instead: Any) -> World:
    held = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), *more)])
    for kind in (*KINDS, "Job", "CronJob"):
        held.objects.setdefault(kind, [])
    found = of(Asker(Stored(held, complete=True), "shop"), KubeTarget(target, "load"))
    found.namespace, found.target = "shop", f"{target}/load"
    return found


def told(target: str, *more: Object, **instead: Any) -> Diagnosis:
    return conclude(gathered(target, *more, **instead), Question())


def errors(found: Diagnosis) -> list[str]:
    return [x.code for x in found.findings if x.severity is Severity.ERROR and not x.because]


EACH = pytest.mark.parametrize(
    ("target", "kind"), [("cronjob", "CronJob"), ("job", "Job"), ("deploy", "Deployment"), ("sts", "StatefulSet")]
)


@EACH
def test_the_way_of_the_pod_that_would_be_made_is_followed(target: str, kind: str) -> None:
    found = told(target, workload(kind, OTEL))

    assert errors(found) == []
    assert [(x.vantage, x.family, x.nodes) for x in found.traces] == [
        (f"pods of {kind} load", x, ("n1", "n2")) for x in BOTH
    ]
    assert not any(x.failed for x in found.traces)


@EACH
def test_what_it_would_send_to_is_judged(target: str, kind: str) -> None:
    found = told(target, workload(kind, "http://none.obs.svc:4317"))

    assert errors(found) == ["DS408"]
    assert [(x.fact, x.source) for x in found.findings[0].evidence] == [
        ("OTEL_EXPORTER_OTLP_ENDPOINT=http://none.obs.svc:4317", f"{kind} load")
    ]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
@pytest.mark.parametrize("target", ["job", "pod"])
def test_of_pods_that_have_ended_it_is_the_way_of_one_like_them(target: str, phase: str) -> None:
    """Their addresses may be those of others by now."""
    done = pod("load", "n1", "http://none.obs.svc:4317", phase=phase)

    found = told(target, workload("Job", "http://none.obs.svc:4317"), done)

    assert errors(found) == ["DS408"]
    assert {x.nodes for x in found.traces} == {("n1", "n2")}


def test_pods_that_run_count_alone() -> None:
    done = pod("load-1", "n1", OTEL, phase="Succeeded")
    runs = pod("load-2", "n2", OTEL)

    found = told("job", workload("Job", OTEL), done, runs)

    assert {x.nodes for x in found.traces} == {("n2",)}


def test_a_cron_job_is_asked_by_the_pods_of_its_jobs_that_run() -> None:
    cron, job = workload("CronJob", OTEL), workload("Job", OTEL)
    job["metadata"]["name"] = "load-1"
    cron["status"] = {"active": [{"kind": "Job", "name": "load-1"}]}

    found = told("cronjob", cron, job, pod("load-1-x", "n2", OTEL))

    assert {x.nodes for x in found.traces} == {("n2",)}


AFFINITY = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}


@pytest.mark.parametrize(
    ("spec", "about", "nodes"),
    [
        ({}, {}, {"n1", "n2"}),
        ({"nodeSelector": {"pool": "a"}}, {}, {"n1"}),
        ({"nodeSelector": {"pool": "b"}}, {}, set()),
        ({}, {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}, {"n1"}),
        ({"tolerations": [{"key": "gpu"}]}, {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}, {"n1", "n2"}),
        ({"tolerations": [{"key": "tpu"}]}, {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}, {"n1"}),
        ({"affinity": AFFINITY}, {}, set()),
    ],
)
def test_nodes_that_take_no_such_pod_do_not_count(spec: Object, about: Object, nodes: set[str]) -> None:
    first, second = w.node("n1", 1), w.node("n2", 2)
    first["metadata"]["labels"] = {"pool": "a"}
    second["spec"] |= about

    found = told("job", workload("Job", OTEL, **spec), nodes=[first, second])

    assert {y for x in found.traces for y in x.nodes} == nodes


def test_a_policy_that_lets_others_in_shuts_it_out() -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "only-agents", "namespace": "obs"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"],
                 "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "agent"}}}]}]},
    }  # fmt: skip
    inside = deepcopy(policy)
    inside["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"] = {"app": "load"}

    shut, let = (told("cronjob", workload("CronJob", OTEL), x) for x in (policy, inside))

    assert {x.at(Hop.POLICY).mark for x in shut.traces} != {x.at(Hop.POLICY).mark for x in let.traces}
    assert [x.code for x in shut.findings if x.code == "DS701"]
    assert not [x.code for x in let.findings if x.code == "DS701"]


def test_a_collector_that_is_scaled_to_nothing_is_asked_about_as_before() -> None:
    idle = deepcopy(w.deployment())
    idle["spec"]["replicas"] = 0
    held = w.world([{"apiVersion": "v1", **x} for x in w.healthy(pods=[], workloads=[idle])])
    for kind in KINDS:
        held.objects.setdefault(kind, [])

    found = conclude(of(Asker(Stored(held, complete=True), "obs"), KubeTarget("deploy", "otel")), Question())

    assert found.verdict is Verdict.BROKEN
    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}


def test_a_snapshot_gives_the_same_answer_and_hides_the_names() -> None:
    world = gathered("cronjob", workload("CronJob", "http://none.obs.svc:4317"))
    kept, hidden = unpacked("s", packed(world, "test")), unpacked("v", veil(world))

    assert render(conclude(kept, Question())) == render(conclude(world, Question()))
    assert errors(conclude(hidden, Question())) == ["DS408"]
    assert hidden.asking
    assert "load" not in (hidden.asking.template, hidden.asking.owner)
    assert hidden.asking.template.startswith("CronJob/")


@pytest.mark.parametrize(
    ("target", "kind", "held", "said"),
    [
        ("cronjob", "CronJob", {"suspend": True}, "CronJob load is suspended and makes no Jobs."),
        ("job", "Job", {"suspend": True}, "Job load is suspended and makes no pods."),
        ("deploy", "Deployment", {"replicas": 0}, "Deployment load has `replicas: 0`."),
        ("deploy", "Deployment", {"paused": True}, "Deployment load is paused, and makes no pods of the template"),
        ("ds", "DaemonSet", {}, "DaemonSet load is for none of the nodes."),
    ],
)
def test_what_makes_no_pods_of_a_client_says_so(target: str, kind: str, held: Object, said: str) -> None:
    resting = workload(kind, OTEL)
    resting["spec"] |= held
    resting["status"] = {"desiredNumberScheduled": 0} if kind == "DaemonSet" else {}

    found = told(target, resting)

    (one,) = [x for x in found.findings if x.summary == "Nothing makes pods of the client"]
    assert (one.code, one.severity, errors(found)) == ("DS507", Severity.WARNING, [])
    assert one.detail.startswith(said)
    assert (one.fix is None) is (kind == "DaemonSet")


def test_pods_of_its_that_run_are_there() -> None:
    cron, job = workload("CronJob", OTEL), workload("Job", OTEL)
    job["metadata"]["name"] = "load-1"
    cron["spec"]["suspend"] = True
    cron["status"] = {"active": [{"kind": "Job", "name": "load-1"}]}

    assert "DS507" not in w.codes(told("cronjob", cron, job, pod("load-1-x", "n2", OTEL)))


def test_cron_jobs_that_wait_are_clients_of_a_whole_cluster() -> None:
    runs = workload("CronJob", "http://runs.obs.svc:4317")
    runs["metadata"]["name"] = "runs"
    runs["status"] = {"active": [{"kind": "Job", "name": "runs-1"}]}
    off = workload("CronJob", "http://off.obs.svc:4317")
    off["metadata"]["name"], off["spec"]["suspend"] = "off", True
    waits = workload("CronJob", "http://none.obs.svc:4317")
    works = pod("runs-1-x", "n2", "http://localhost:4317")
    works["spec"]["containers"][0]["env"] = []
    works["metadata"] |= {"namespace": "shop", "ownerReferences": [{"kind": "Job", "name": "runs-1"}]}
    held = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(), waits, runs, off, works)])

    world = survey(Asker(Stored(held, complete=True), ""))

    assert [(x.owner, x.pods, x.pod) for x in world.clients] == [("CronJob load", 0, "")]
    assert [x.owner for x in world.lost] == ["CronJob load"]

    found = conclude_all(world, Question())
    assert errors(found) == ["DS408"]
    assert [(x.vantage, x.family) for x in found.traces if x.failed] == [("pods of CronJob shop/load", x) for x in BOTH]


def test_nobody_counts_pods_that_were_not_stored() -> None:
    held = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(), workload("Deployment", "http://otel.obs:4317"))])
    del held.objects["Pod"]
    found = conclude_all(survey(Asker(Stored(held), "")), Question())

    shown = "\n".join(x.text for x in clients(found.exporters, found.traces, found.skipped))
    assert "- otel.obs: Deployment load in shop" in shown
    assert "no pod now" in "\n".join(x.text for x in clients(found.exporters, found.traces, ()))
