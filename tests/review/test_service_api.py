"""244 operations on the real API server, each as a manifest: an error exactly where the server refused."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from dualstack.model.address import BOTH, Family
from dualstack.model.finding import Finding, Severity
from dualstack.model.question import Question
from dualstack.review import STDIN, Review, lint, mend

_Row = dict[str, Any]
_FILE = Path(__file__).parents[1] / "data" / "service-api.jsonl"
ROWS: tuple[_Row, ...] = tuple(json.loads(x) for x in _FILE.read_text(encoding="utf-8").splitlines())

CLUSTERS: Mapping[str, tuple[Family, ...]] = {
    "dual-v4first": BOTH,
    "dual-v6first": BOTH[::-1],
    "single-v4": (Family.IPV4,),
    "single-v6": (Family.IPV6,),
}

CODES = {
    "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families": "DS522",
    "Duplicate value": "DS522",
    "not configured on this cluster": "DS502",
    "this cluster is not configured for dual-stack services": "DS503",
    "value as indicated by `ipFamilies": "DS504",
    "must be 'SingleStack' to release the secondary IP family": "DS505",
}
"""Which rule speaks of which of the server's words."""


def manifest(fields: Mapping[str, object], *, headless: bool = False, kind: str = "ClusterIP") -> str:
    """A Service for OTLP with these fields, those that are None left out."""
    spec = {
        **{k: v for k, v in fields.items() if v is not None},
        **({"clusterIP": "None"} if headless else {}),
        "type": kind,
        "selector": {"app": "otel-collector"},
        "ports": [{"name": "otlp-grpc", "port": 4317}],
    }
    return block({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "otel-collector"}, "spec": spec})


def block(value: object, indent: str = "") -> str:
    """A value as YAML in block style, as people write it."""
    if isinstance(value, Mapping):
        return "".join(f"{indent}{k}:{_nested(v, indent)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(f"{indent}- {block(x, f'{indent}  ').lstrip()}" for x in value)
    return f"{value}\n"


def _nested(value: object, indent: str) -> str:
    plain = isinstance(value, str | int)
    return f" {value}\n" if plain else f"\n{block(value, f'{indent}  ')}"


def request(row: _Row) -> Review:
    """The review of what an operation hands to the server; for an update with what was there before."""
    former: dict[str, str] = {}
    if row["op"] == "update":
        former = {"service.yaml": manifest(row["start"])}
        text = manifest({**row["start"], **row["patch"]})
        if row.get("error", "").startswith("create: "):  # what the update starts from was refused already
            former, text = {}, former["service.yaml"]
    elif row["op"] == "create":
        text = manifest(
            {"ipFamilyPolicy": row["policy_in"], "ipFamilies": row["families_in"]}, headless=row["headless"]
        )
    else:
        text = manifest({"ipFamilyPolicy": "PreferDualStack"}, kind=row["op"].removeprefix("create-"))
    question = Question(cluster=CLUSTERS[row["cluster"]])
    return Review((STDIN,), text.encode(), "service.yaml", question=question, former=former)


def errors(findings: Sequence[Finding]) -> list[Finding]:
    return [x for x in findings if x.severity is Severity.ERROR]


def label(row: _Row) -> str:
    keys = ("op", "cluster", "headless", "policy_in", "families_in", "start", "patch")
    return "-".join(str(row[x]) for x in keys if row.get(x) is not None)


def test_every_operation_is_judged() -> None:
    assert len(ROWS) == 244
    assert {x["op"] for x in ROWS} == {"create", "update", "create-NodePort", "create-LoadBalancer"}


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_an_error_exactly_where_the_server_refused(row: _Row) -> None:
    found = lint(request(row))

    refused = row["status"] >= 400
    wrong = errors(found.diagnosis.findings)
    assert not found.errors
    assert bool(wrong) is refused, [x.code for x in wrong]
    wanted = {code for words, code in CODES.items() if words in row.get("error", "")}
    assert bool(wanted) is refused, "every refusal has a rule that speaks of it"
    assert wanted <= {x.code for x in wrong}


REFUSED = [x for x in ROWS if x["status"] >= 400]
_INPUTS = ("cluster", "headless", "policy_in", "families_in")
TAKEN = {tuple(map(str, (x[y] for y in _INPUTS))) for x in ROWS if x["op"] == "create" and x["status"] < 400}


@pytest.mark.parametrize("row", REFUSED, ids=label)
def test_what_is_mended_is_judged_right(row: _Row) -> None:
    asked = request(row)

    mended = mend(asked, lint(asked), unsafe=False)

    by_hand = {"DS504"}
    assert {x.code for x in errors(mended.reviewed.diagnosis.findings)} <= by_hand


@pytest.mark.parametrize("row", [x for x in REFUSED if x["op"] == "create"], ids=label)
def test_the_server_has_taken_what_a_fix_makes(row: _Row) -> None:
    asked = request(row)

    spec = yaml.safe_load(mend(asked, lint(asked), unsafe=False).after["service.yaml"])["spec"]

    made = (row["cluster"], row["headless"], spec.get("ipFamilyPolicy"), spec.get("ipFamilies"))
    assert tuple(map(str, made)) in TAKEN
