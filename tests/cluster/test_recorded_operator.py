"""The Services that the real Operator made of resources, recorded with version 0.153.0 on kube-apiserver 1.34.4.

Each line of the file has a resource as it was `written` and as its webhook left it, and the Services.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from dualstack.gather.as_files import declared
from dualstack.model.deployed import Deployments
from dualstack.model.question import Question
from dualstack.model.world import World
from dualstack.rules.registry import judged, rules
from tests.cluster.test_operator import CR

Object = dict[str, Any]
RECORDED = [
    json.loads(x) for x in (Path(__file__).parents[1] / "data/operator.jsonl").read_text(encoding="utf-8").splitlines()
]
REFUSED = ("zone", "twice", "named-twice")
"""Those of which it would make a Service with one port twice."""


def each(*forms: str) -> pytest.MarkDecorator:
    held = [pytest.param(x, form, id=f"{x['name']}-{form}") for x in RECORDED for form in forms]
    return pytest.mark.parametrize(("recorded", "form"), held)


def read(recorded: Object, form: str) -> Any:
    about = {"name": recorded["name"], "namespace": "obs"}
    resource = {"apiVersion": "opentelemetry.io/v1beta1", "kind": CR, "metadata": about, "spec": recorded[form]}
    said, _ = declared(World(objects={CR: [resource]}), Question())
    return said


@each("written", "stored")
def test_its_services_have_the_ports_and_the_policy_that_are_foreseen(recorded: Object, form: str) -> None:
    made = [y for x in read(recorded, form).having(Deployments).items for y in x.services if y.ports]
    told = {
        x.meta.name: (
            {(int(y.number.text), y.protocol, int((y.target or y.number).text)) for y in x.ports},
            x.policy.text if x.policy else "SingleStack",
        )
        for x in made
    }
    really = {x["name"]: ({(*y,) for y in x["ports"]}, x["ipFamilyPolicy"]) for x in recorded["services"]}
    ours = {k: v for k, v in really.items() if not k.endswith(("-monitoring", "-extension"))}

    assert told == ours or (recorded["name"] in REFUSED and not ours)


@each("written", "stored")
def test_a_port_that_it_reads_wrongly_is_told(recorded: Object, form: str) -> None:
    found, _ = judged(read(recorded, form), [x for x in rules() if x.code == "DS516"], files=True)

    wrong = {"literals": 2, "zone": 2, "twice": 2, "named-twice": 2, "health": 1}
    assert len(found) == wrong.get(recorded["name"], 0)
    assert all(("twice, which the API server refuses" in x.detail) == (recorded["name"] in REFUSED) for x in found)


def test_protocols_are_advised_as_kubectl_sends_them_on() -> None:
    """It leaves out what has no value, and `protocols` is empty then."""
    config = {**RECORDED[0]["written"]["config"], "receivers": {"otlp": {"protocols": {}}}}
    found, _ = judged(read({"name": "bare", "written": {"config": config}}, "written"), rules(), files=True)

    hints = [x.hint for x in found if x.code == "DS122"]
    assert hints == ["Write `grpc: {}` or `http: {}` under `protocols`."]
