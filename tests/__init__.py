"""The tests. Each says what should be true; what a machine lacks is skipped by name.

What they compile is kept in the checkout, unless the user has another place for it.
"""

import os
from pathlib import Path

os.environ.setdefault("DUALSTACK_CACHE", str(Path(__file__).parents[1] / ".cache"))
