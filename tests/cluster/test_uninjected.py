"""Pods that ask the Operator for an agent and got none: what they wait for, and what to do."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.model.question import Question
from tests.cluster.test_survey import client, of_cart, service
from tests.cluster.test_unaimed import asked, of, why

Object = dict[str, Any]
KEY = "instrumentation.opentelemetry.io/inject-java"
RESTART = "`kubectl rollout restart deploy/cart -n shop`"
CREATED = {"creationTimestamp": "2026-03-01T10:00:00Z"}


def asking(said: str | None, env: list[Object] | None = None, **spec: Any) -> Object:
    """A pod of a workload with a port of its own, as most have, that asks for an agent."""
    found = client("a", "n1", env or [], **spec)
    found["metadata"] |= {**CREATED, "annotations": {KEY: said} if said else {}}
    found["spec"]["containers"][0]["ports"] = [{"containerPort": 8080}]
    return found


def resource(name: str, namespace: str = "shop", created: str = "2026-02-01T10:00:00Z") -> Object:
    about = {"name": name, "namespace": namespace, "creationTimestamp": created}
    return {"apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation", "metadata": about}


def told(pod: Object, *resources: Object, known: bool = True, more: tuple[Object, ...] = (), **about: Any) -> str:
    """Why nothing was tried of this pod, in a cluster with these Instrumentations, where they are `known`."""
    world = asked("deploy/cart", pods=[pod], services=[], slices=[], workloads=[], more=more, **about)
    if known:
        world.keep("Instrumentation", *resources)
    return of(world, "these pods got no agent")


HEAD = f"`{KEY}: true` asks the Operator for an agent in the pods of `deploy/cart`, and they have none"


@pytest.mark.parametrize(
    ("said", "resources", "end"),
    [
        (
            "true",
            [resource("java", "obs")],
            (
                "there is no Instrumentation in the namespace shop among what was stored, but `obs/java`. "
                f"Make one, or write `obs/java` in the place of `true`, and then {RESTART}."
            ),
        ),
        (
            "true",
            [],
            f"there is no Instrumentation in the namespace shop among what was stored. Make one, and then {RESTART}.",
        ),
        (
            "mine",
            [resource("other")],
            (
                "there is no Instrumentation shop/mine among what was stored, but `shop/other`. "
                f"Make one, or write `shop/other` in the place of `mine`, and then {RESTART}."
            ),
        ),
        (
            "True",
            [resource("a"), resource("b")],
            "`True` does not say which Instrumentation of the namespace shop. Name one of `a`, `b`.",
        ),
        (
            "obs/java",
            [resource("java", "obs", "2026-04-01T10:00:00Z")],
            (
                "they are older than the Instrumentation obs/java, and pods get an agent while they are made. "
                f"Let them: {RESTART}."
            ),
        ),
    ],
)
def test_what_they_ask_for_and_is_not_there_is_named(said: str, resources: list[Object], end: str) -> None:
    assert told(asking(said), *resources) == f"{HEAD.replace('true', said)}: {end}"


def test_where_it_was_there_before_the_operator_may_tell() -> None:
    assert told(asking("true"), resource("java")) == (
        f"{HEAD}, though the Instrumentation in the namespace shop is there. See what the Operator says of it "
        f"(its log, events of the pods), then {RESTART}."
    )


def test_where_nobody_looked_for_any_that_is_said() -> None:
    assert told(asking("true"), known=False) == (
        f"{HEAD}: whether there is an Instrumentation in the namespace shop is not known here, `kubectl get "
        "instrumentations -n shop` shows it. Pods get an agent while they are made: if it is there by now, "
        f"{RESTART}."
    )


@pytest.mark.parametrize(
    ("own", "said"), [(None, "true"), (None, "obs/java"), ("true", "obs/java"), ("true", "false"), ("mine", "other")]
)
def test_a_namespace_may_ask_for_its_pods(own: str | None, said: str) -> None:
    space = {"kind": "Namespace", "metadata": {"name": "shop", "annotations": {KEY: said}}}
    meant = said if own is None else "true" if said == "false" else own if own != "true" else said

    assert told(asking(own), more=(space,)).startswith(HEAD.replace("true", meant))


def test_an_annotation_of_the_workload_itself_is_none_of_its_pods() -> None:
    about = {"name": "cart", "namespace": "shop", "annotations": {KEY: "true"}}
    world = asked(
        "deploy/cart",
        pods=[asking(None)],
        services=[],
        slices=[],
        workloads=[{"kind": "Deployment", "metadata": about}],
    )

    assert of(world, "these pods got no agent") == (
        f"`{KEY}: true` asks the Operator for an agent in the pods of `deploy/cart`, but stands in the annotations of "
        "Deployment cart itself, where the Operator does not look. Write it into `spec.template.metadata.annotations`."
    )


def test_pods_that_are_no_deployment_are_made_anew() -> None:
    world = asked("pod/a", pods=[asking("true")], services=[], slices=[], workloads=[])
    world.keep("Instrumentation")

    assert of(world, "these pods got no agent").endswith("Make one, and then make the pods anew.")


@pytest.mark.parametrize(
    "pod",
    [
        asking("false"),
        asking("true", initContainers=[{"name": "opentelemetry-auto-instrumentation-java", "image": "a"}]),
        asking("true", [{"name": "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "value": "a"}]),
    ],
)
def test_pods_that_have_one_or_ask_for_none_are_not_told_of_it(pod: Object) -> None:
    said = why(conclude(asked("deploy/cart", pods=[pod], services=[], slices=[], workloads=[]), Question()))

    assert not any("asks the Operator" in x for x in said)


@pytest.mark.parametrize(
    ("resources", "end"), [([], "is not known here"), ([resource("java", "obs")], "but `obs/java`")]
)
def test_of_stored_objects_it_counts_whether_there_are_any(resources: list[Object], end: str) -> None:
    serving = service("cart", name="http")

    assert end in "".join(why(of_cart(asking("true"), more=[*resources, serving])))
