"""What holds for every test: nothing is skipped where `DUALSTACK_REQUIRE=all`, and random examples repeat in CI."""

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # what a shell starts in the background ignores it
    signal.signal(signal.SIGINT, signal.default_int_handler)

EVERYTHING = os.environ.get("DUALSTACK_REQUIRE") == "all"


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if EVERYTHING and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"DUALSTACK_REQUIRE=all and yet: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that skips fails where everything is required."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So does a module that skips itself as a whole."""
    report = yield
    _refuse_skip(report)
    return report
