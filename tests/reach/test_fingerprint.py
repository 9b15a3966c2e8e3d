"""A fingerprint stays while lines move, and tells apart what is not the same."""

from dualstack.model.finding import Finding
from dualstack.model.source import Location
from dualstack.reach.fingerprint import fingerprints


def finding(
    line: int, *, excerpt: str = "endpoint: fd00::5:4317", code: str = "DS101", file: str = "a.yaml"
) -> Finding:
    return Finding("Wrong", "It is.", code=code, excerpt=excerpt, location=Location(file, line, 3))


def test_a_moved_and_indented_line_keeps_its_fingerprint() -> None:
    assert fingerprints([finding(3)]) == fingerprints([finding(90, excerpt="      endpoint:   fd00::5:4317 ")])


def test_code_file_and_text_tell_findings_apart() -> None:
    every = [
        finding(3),
        finding(3, code="DS102"),
        finding(3, file="b.yaml"),
        finding(3, excerpt="endpoint: fd00::6:4317"),
        Finding("Wrong", "It is.", code="DS101"),
    ]

    assert len({fingerprints([x])[0] for x in every}) == len(every)


def test_equal_lines_are_counted_in_the_order_of_the_file() -> None:
    later, first = finding(20), finding(3)

    assert fingerprints([later, first]) == fingerprints([first, later])[::-1]
    assert len(set(fingerprints([later, first]))) == 2


def test_a_file_can_be_named_otherwise() -> None:
    assert fingerprints([finding(3, file="/repo/a.yaml")], lambda x: x.removeprefix("/repo/")) == fingerprints(
        [finding(3)]
    )
