"""SARIF, by the official schema: sarif-2.1.0-rtm.5.json is that of the npm package @microsoft/jest-sarif."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Applicability, Fix
from dualstack.model.source import Location
from dualstack.report.sarif import FINGERPRINT, ROOT, render
from dualstack.review import lint
from dualstack.rules.registry import rules
from dualstack.testing.files import file
from tests.cli.command import SOURCE
from tests.report.reviews import CLEAN, EVIL, SAMPLE, UNBRACKETED, hostile
from tests.report.worlds import diagnoses
from tests.rules.test_examples import FILES

SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "sarif-2.1.0-rtm.5.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
SHOWN = 1024
"""Characters of a description that GitHub code scanning shows (docs.github.com, SARIF support for code scanning)."""
ANY = list(diagnoses().values())[:: max(1, len(diagnoses()) // 80)]


def run(diagnosis: Diagnosis) -> dict[str, Any]:
    """The one run, checked."""
    document = json.loads(render(diagnosis))
    VALIDATOR.validate(document)
    (found,) = document["runs"]
    assert isinstance(found, dict)
    return found


def of(**changes: Any) -> dict[str, Any]:
    """The one result of a finding."""
    (result,) = run(replace(SAMPLE, findings=(replace(UNBRACKETED, **changes),)))["results"]
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize("diagnosis", [SAMPLE, CLEAN, *ANY])
def test_a_report_is_valid(diagnosis: Diagnosis) -> None:
    found = run(diagnosis)

    assert len(found["results"]) == len(diagnosis.findings)
    assert found["columnKind"] == "unicodeCodePoints"


@pytest.mark.parametrize(("rule", "kind", "text"), FILES, ids=[f"{r.code}-{i}" for i, (r, _, _) in enumerate(FILES)])
def test_a_review_of_a_real_file_is_valid(rule: Any, kind: str, text: str) -> None:
    answer = lint(file(text)).diagnosis

    assert [x["ruleId"] for x in run(answer)["results"]] == [x.code for x in answer.findings]


def test_the_schema_refuses_what_is_no_report() -> None:
    wrong = json.loads(render(SAMPLE))
    wrong["runs"][0]["results"][0]["level"] = "fatal"

    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(wrong)


def test_a_result_from_top_to_bottom() -> None:
    found = run(SAMPLE)

    assert found["automationDetails"] == {"id": "dualstack/lint/"}
    assert found["originalUriBaseIds"].keys() == {ROOT}
    result = found["results"][0]
    assert found["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "DS101"
    artifact = {"uri": "deploy/collector.yaml", "uriBaseId": ROOT}
    region = {"startLine": 5, "startColumn": 19, "endLine": 5, "endColumn": 31}
    assert result == {
        "ruleId": "DS101",
        "ruleIndex": 0,
        "level": "error",
        "message": {
            "text": "IPv6 address without brackets. In `fd00::5:4317` the colons of the address and that of the port "
            "cannot be told apart. Write `[fd00::5]:4317`."
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": artifact,
                    "region": {**region, "snippet": {"text": "fd00::5:4317"}},
                    "contextRegion": {"startLine": 5, "snippet": {"text": "        endpoint: fd00::5:4317"}},
                }
            }
        ],
        "partialFingerprints": {FINGERPRINT: result["partialFingerprints"][FINGERPRINT]},
        "properties": {
            "families": ["ipv6"],
            "hop": "endpoint",
            "confidence": "declared",
            "because": [],
            "evidence": ["fd00::5:4317 (declared: receivers.otlp.protocols.grpc.endpoint)"],
        },
        "fixes": [
            {
                "description": {"text": "Write `[fd00::5]:4317`"},
                "artifactChanges": [
                    {
                        "artifactLocation": artifact,
                        "replacements": [{"deletedRegion": region, "insertedContent": {"text": '"[fd00::5]:4317"'}}],
                    }
                ],
                "properties": {"applicability": "safe"},
            }
        ],
    }


def test_levels_are_those_of_the_severities() -> None:
    assert [x["level"] for x in run(SAMPLE)["results"]] == ["error", "warning", "note"]


def test_a_rule_is_documented_with_its_examples() -> None:
    first, *_ = run(SAMPLE)["tool"]["driver"]["rules"]

    assert first["shortDescription"]["text"] == "An IPv6 address with a port stands without brackets."
    assert "## Why it breaks\n" in first["help"]["markdown"]
    assert "Fires:\n\n```yaml\nreceivers:" in first["help"]["markdown"]
    assert "WHY IT BREAKS\n" in first["help"]["text"]
    assert first["defaultConfiguration"] == {"level": "error"}


INSTALLED = """\
Metadata-Version: 2.4
Name: dualstack
Version: 0
Project-URL: Homepage, https://example.org/dualstack
Project-URL: Documentation, https://example.org/docs/
"""


@pytest.mark.parametrize(
    ("text", "home", "pages"),
    [
        (INSTALLED, "https://example.org/dualstack", ["https://example.org/docs/rules/DS101.html"]),
        (INSTALLED[: INSTALLED.index("Project-URL")], None, [None]),
        ("", None, [None]),
    ],
)
def test_pages_are_those_that_the_installed_package_names(
    text: str, home: str | None, pages: list[str | None], tmp_path: Path
) -> None:
    if text:
        (tmp_path / "dualstack-0.dist-info").mkdir()
        (tmp_path / "dualstack-0.dist-info" / "METADATA").write_text(text)
    argv = [sys.executable, "-S", "-m", "dualstack", "lint", "-", "--format", "sarif"]
    libraries = [x for x in sys.path if x.endswith("-packages")] if text else [str(bare(tmp_path))]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(SOURCE), *libraries))}
    config = "receivers: {otlp: {protocols: {grpc: {endpoint: 'fd00::5:4317'}}}}\n"

    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environ, input=config)

    document = json.loads(done.stdout)
    VALIDATOR.validate(document)
    driver = document["runs"][0]["tool"]["driver"]
    assert driver.get("informationUri") == home
    assert [x.get("helpUri") for x in driver["rules"]] == pages


def bare(folder: Path) -> Path:
    """The libraries of this environment without what says that this package is installed."""
    found = folder / "libraries"
    found.mkdir()
    for place in (Path(x) for x in sys.path if x.endswith("-packages")):
        for each in place.iterdir():
            if not each.name.startswith(("dualstack", "_editable")) and not (found / each.name).exists():
                (found / each.name).symlink_to(each)
    return found


def test_every_rule_can_be_described() -> None:
    every = tuple(replace(UNBRACKETED, code=x.code) for x in rules())
    described = run(replace(SAMPLE, findings=every))["tool"]["driver"]["rules"]

    assert [x["id"] for x in described] == [x.code for x in rules()]
    assert all(x["help"]["markdown"] and x["fullDescription"]["text"] for x in described)
    assert all(len(x[y]["text"]) <= SHOWN for x in described for y in ("shortDescription", "fullDescription"))


def test_a_code_that_this_version_does_not_know_is_told_alone() -> None:
    assert run(replace(SAMPLE, findings=(replace(UNBRACKETED, code="DS999"),)))["tool"]["driver"]["rules"] == [
        {"id": "DS999"}
    ]


def test_a_fingerprint_stays_while_lines_move_and_tells_equal_lines_apart() -> None:
    moved = replace(
        UNBRACKETED, location=Location("./deploy/collector.yaml", 90, 25, 90, 37), excerpt="endpoint: fd00::5:4317"
    )
    other = replace(UNBRACKETED, location=Location("deploy/other.yaml", 5, 19, 5, 31))

    def names(*findings: Any) -> list[str]:
        return [x["partialFingerprints"][FINGERPRINT] for x in run(replace(SAMPLE, findings=findings))["results"]]

    assert names(UNBRACKETED) == names(moved)
    assert names(UNBRACKETED) != names(other)
    assert len(set(names(UNBRACKETED, moved))) == 2


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a b#c?.yaml", "a%20b%23c%3F.yaml"),
        ("./x.yaml", "x.yaml"),
        ("/srv/x.yaml", "file:///srv/x.yaml"),
        ("C:x\\y", "C%3Ax%5Cy"),
        ("caf\udce9.yaml", "caf%E9.yaml"),
        ("日.yaml", "%E6%97%A5.yaml"),
        ("x\ud800", "x%5Cud800"),
    ],
)
def test_a_file_name_is_a_uri(name: str, uri: str) -> None:
    place = of(location=Location(name, 1))["locations"][0]["physicalLocation"]["artifactLocation"]

    assert place["uri"] == uri
    assert ("uriBaseId" in place) is not name.startswith("/")


def test_what_a_person_has_to_do_is_no_fix() -> None:
    assert "fixes" not in of(fix=Fix("Think", Applicability.MANUAL, UNBRACKETED.fix.edits if UNBRACKETED.fix else ()))
    assert "fixes" not in of(fix=None)


def test_what_was_not_seen_or_read_is_told_of_the_run() -> None:
    (invocation,) = run(SAMPLE)["invocations"]

    assert invocation["executionSuccessful"] is False
    note, error = invocation["toolExecutionNotifications"]
    assert (note["level"], note["message"]["text"]) == (
        "note",
        "chart/service.yaml:4: is a template; lint what it is rendered to",
    )
    assert (error["level"], error["message"]["text"]) == ("error", "broken.yaml:3: is not YAML: a key was expected")
    assert error["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 7}
    assert run(CLEAN)["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_a_finding_of_a_system_stands_at_its_flows() -> None:
    broken = next(x for x in diagnoses().values() if any(y.flows and not y.location for y in x.findings))
    found = run(broken)

    assert found["automationDetails"] == {"id": "dualstack/diagnose/"}
    assert found["properties"]["verdict"] == broken.verdict
    assert len(found["properties"]["flows"]) == len(broken.traces)
    index = next(i for i, x in enumerate(broken.findings) if x.flows)
    told = found["results"][index]["locations"][0]["logicalLocations"]
    assert [x["fullyQualifiedName"] for x in told] == list(broken.findings[index].flows)


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_hostile_text_makes_no_other_report(evil: str) -> None:
    shown = render(hostile(SAMPLE, evil))

    assert shown.isascii()
    found = run(hostile(SAMPLE, evil))
    messages = [x["message"]["text"] for x in found["results"]]
    assert all(y.isprintable() for x in messages for y in x.split("\n"))
    assert all(x["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].isascii() for x in found["results"])
