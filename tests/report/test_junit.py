"""JUnit XML, as an XML parser reads it."""

from xml.etree.ElementTree import Element, fromstring

import pytest
from msgspec.structs import replace

from dualstack.model.diagnosis import Diagnosis
from dualstack.reach.trace import codes_of, line
from dualstack.report.junit import render
from tests.report.reviews import CLEAN, EVIL, SAMPLE, UNBRACKETED, UNKNOWN, UNREADABLE, hostile
from tests.report.worlds import diagnoses

WHOLE = """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites name="dualstack lint" tests="5" failures="2" errors="1" skipped="1">
  <testsuite name="dualstack lint" tests="5" failures="2" errors="1" skipped="1">
    <testcase classname="deploy/collector.yaml" name="DS101 unbracketed-ipv6-endpoint">
      <failure type="error" message="IPv6 address without brackets">\
deploy/collector.yaml:5:19: error: IPv6 address without brackets
endpoint: fd00::5:4317
In `fd00::5:4317` the colons of the address and that of the port cannot be told apart.
Write `[fd00::5]:4317`.</failure>
    </testcase>
    <testcase classname="deploy/a b.yaml" name="DS208 transport-pins-family">
      <failure type="warning" message="Transport takes one family">\
deploy/a b.yaml:2:14: warning: Transport takes one family
transport: tcp4
`tcp4` takes IPv4 alone.
Leave `transport` out.</failure>
    </testcase>
    <testcase classname="deploy/a b.yaml" name="DS511 external-name-families-elsewhere">
      <system-out>deploy/a b.yaml:9:3: info: Name of another cluster
Nobody here knows its families.</system-out>
    </testcase>
    <testcase classname="not seen" name="chart/service.yaml:4">
      <skipped message="is a template; lint what it is rendered to" />
    </testcase>
    <testcase classname="broken.yaml" name="is readable">
      <error type="unreadable" message="broken.yaml:3: is not YAML: a key was expected" />
    </testcase>
  </testsuite>
</testsuites>
"""


def suite(diagnosis: Diagnosis) -> Element:
    (found,) = fromstring(render(diagnosis))
    return found


def cases(diagnosis: Diagnosis, outcome: str) -> list[str]:
    """The names of the tests with this outcome."""
    return [x.attrib["name"] for x in suite(diagnosis) if x.find(outcome) is not None]


def test_a_report_from_top_to_bottom() -> None:
    assert render(SAMPLE) == WHOLE


def test_the_findings_of_a_rule_in_a_file_are_one_test() -> None:
    (case,) = suite(replace(SAMPLE, findings=(UNBRACKETED, replace(UNBRACKETED, detail="Again.")), skipped=()))

    (failure,) = case
    assert failure.attrib["message"] == "IPv6 address without brackets"
    assert (failure.text or "").count("deploy/collector.yaml:5:19: ") == 2


def test_without_findings_there_is_one_test_and_unknown_is_not_passed() -> None:
    assert [len(x) for x in suite(CLEAN)] == [0]
    assert cases(UNKNOWN, "skipped") == ["every rule"]


@pytest.mark.parametrize("diagnosis", diagnoses().values(), ids=diagnoses())
def test_a_flow_is_a_test(diagnosis: Diagnosis) -> None:
    found = suite(diagnosis)
    flows = list(found)[: len(diagnosis.traces)]

    counted = {x: len(cases(diagnosis, y)) for x, y in (("failures", "failure"), ("errors", "error"))}
    assert {x: int(found.attrib[x]) for x in counted} == counted
    for trace, case in zip(diagnosis.traces, flows, strict=True):
        said = [x.attrib["message"] for x in case]
        assert said == ([] if trace.accepted else [line(trace, codes_of(trace, diagnosis.findings))])
        assert (case.find("failure") is not None) == (trace.required and trace.failed)


def test_a_file_that_was_not_read_is_an_error_also_where_its_place_is_not_known() -> None:
    (case,) = suite(replace(CLEAN, skipped=(replace(UNREADABLE, location=None),)))

    assert (case.attrib["classname"], case[0].tag) == ("broken.yaml:3", "error")


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_hostile_text_makes_no_other_report(evil: str) -> None:
    given, found = suite(SAMPLE), suite(hostile(SAMPLE, evil))

    assert [x.tag for x in found.iter()] == [x.tag for x in given.iter()]
    assert render(hostile(SAMPLE, evil)).encode()
    texts = [y for x in found.iter() for y in (x.text, *x.attrib.values()) if y and y.strip()]
    assert all(z.isprintable() for x in texts for z in x.split("\n"))
