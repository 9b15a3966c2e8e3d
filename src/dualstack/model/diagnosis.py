"""The answer."""

import enum

import msgspec

from dualstack.model.client import Outlook
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Finding, Skipped
from dualstack.model.question import Question
from dualstack.model.trace import Trace

SCHEMA = "dualstack.diagnosis/1"


class Verdict(enum.StrEnum):
    """The answer in one word: every required flow works, some do, none does, or the evidence does not say."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class Diagnosis(msgspec.Struct, frozen=True):
    """The verdict with the traces, findings and gaps that it rests on; causes come before symptoms.

    `outlooks` say what the named client, or those found at work, make of the targets. `exporters` are the pods of a
    cluster that say that they export to a target.
    """

    question: Question
    verdict: Verdict
    traces: tuple[Trace, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    interrupted: bool = False
    outlooks: tuple[Outlook, ...] = ()
    exporters: tuple[Exporter, ...] = ()
