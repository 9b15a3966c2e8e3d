"""The answer in one word, from the traces."""

from collections.abc import Iterable

from dualstack.model.client import Outlook
from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Disposition, Traces


def verdict(traces: Traces, findings: Iterable[Finding] = (), outlooks: Iterable[Outlook] = ()) -> Verdict:
    """Broken where all required flows are known to fail, degraded where some are; else unknown unless all work.

    A receiver that takes other signals than the one asked for is degraded, and so is what has an error that no flow
    from here met, such as a nameserver that fails other resolvers, whatever is not known beside it. What a proxy gets
    of a client may arrive or not.
    """
    required = [x for x in traces.items if x.required]
    failed = [x for x in required if x.failed]
    if failed:
        some = failed != required or any(x.signals for x in failed)
        return Verdict.DEGRADED if some else Verdict.BROKEN
    if any(x.severity is Severity.ERROR for x in findings):
        return Verdict.DEGRADED
    unclear = any(x.disposition is Disposition.INSUFFICIENT_INFO for x in required)
    if unclear or not required:
        return Verdict.UNKNOWN
    return Verdict.UNKNOWN if any(x.proxy for x in outlooks) else Verdict.HEALTHY
