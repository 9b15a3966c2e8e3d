"""The answer in one word, from the traces."""

from dualstack.model.diagnosis import Verdict
from dualstack.model.trace import Disposition, Traces


def verdict(traces: Traces) -> Verdict:
    """Broken where all required flows are known to fail, degraded where some are; else unknown unless all work."""
    required = [x for x in traces.items if x.required]
    failed = [x for x in required if x.failed]
    if failed:
        return Verdict.BROKEN if failed == required else Verdict.DEGRADED
    unclear = any(x.disposition is Disposition.INSUFFICIENT_INFO for x in required)
    return Verdict.UNKNOWN if unclear or not required else Verdict.HEALTHY
