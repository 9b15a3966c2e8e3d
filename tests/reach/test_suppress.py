"""Comments that silence a rule."""

from dualstack.model.finding import Finding
from dualstack.model.review import Suppression
from dualstack.model.source import Location, Written
from dualstack.reach.suppress import annotation, comments, silenced

TEXT = """\
a: 1  # dualstack: ignore[DS101, ds2] we know
# dualstack: ignore
# because of this
b: 2
c: "no # dualstack: ignorance"
# dualstack: ignore[DS301]
"""


def finding(code: str, line: int, file: str = "a.yaml") -> Finding:
    return Finding("It fails", "It fails.", code=code, location=Location(file, line, 1, line, 2))


def test_a_comment_silences_its_line_or_the_next_that_is_no_comment() -> None:
    found = [(x.codes, x.first, x.last) for x in comments("a.yaml", TEXT.splitlines())]

    assert found == [(("DS101", "DS2"), 1, 1), ((), 2, 4), (("DS301",), 6, 6)]
    assert next(comments("a.yaml", TEXT.splitlines())).at == Location("a.yaml", 1, 7, 1, 46)


def test_what_is_silenced_and_what_silences_nothing() -> None:
    told = tuple(comments("a.yaml", TEXT.splitlines()))
    findings = [finding("DS101", 1), finding("DS103", 1), finding("DS999", 4), finding("DS999", 5)]
    findings += [finding("DS101", 1, "b.yaml"), Finding("It fails", "It fails.", code="DS101")]

    kept, spare = silenced(findings, told)

    assert [x.code for x in kept] == ["DS103", "DS999", "DS101", "DS101"]
    assert [(x.first, y) for x, y in spare] == [(1, ("DS2",)), (6, ("DS301",))]


def test_an_annotation_silences_the_lines_of_its_object() -> None:
    at = Location("a.yaml", 4, 7, 4, 20)

    found = annotation(Written("ds501, DS1", at), Location("a.yaml", 1, 1, 9, 1))

    assert (found.codes, found.at, found.first, found.last) == (("DS501", "DS1"), at, 1, 9)
    assert "annotation" in found.said


def test_of_a_rule_that_has_not_judged_nothing_is_known() -> None:
    told = [Suppression((), Location("a.yaml", 1), 1, 1), Suppression(("DS10", "DS2"), Location("a.yaml", 2), 2, 2)]

    assert [x[1] for x in silenced([], told)[1]] == [("",), ("DS10", "DS2")]
    assert [x[1] for x in silenced([], told, ["DS101", "DS302"])[1]] == [("DS10",)]
    assert silenced([], told, ["DS302"])[1] == ()
