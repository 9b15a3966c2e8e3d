"""The answer in one word, from the traces."""

from dualstack.model.diagnosis import Verdict
from dualstack.model.trace import Disposition, Traces


def verdict(traces: Traces) -> Verdict:
    """Broken where no required flow works, degraded where some do; unknown where none is known to fail and one is not known to work."""
    required = [x for x in traces.items if x.required]
    failed = [x for x in required if x.failed]
    if failed:
        return Verdict.DEGRADED if any(x.accepted for x in required) else Verdict.BROKEN
    unclear = any(x.disposition is Disposition.INSUFFICIENT_INFO for x in required)
    return Verdict.UNKNOWN if unclear or not required else Verdict.HEALTHY
