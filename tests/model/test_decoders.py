"""Several threads decode what nobody decoded before."""

import subprocess
import sys

SCRIPT = """
import sys, threading
import msgspec
from dualstack.model.decoders import decoder

sys.setswitchinterval(1e-6)

def kinds():
    held = int
    for depth in range(6):
        held = msgspec.defstruct(f"S{depth}", [(f"f{x}", held | None, None) for x in range(8)])
    return [msgspec.defstruct(f"O{x}", [("a", held | None, None)]) for x in range(6)]

def read(kind, ready):
    ready.wait()
    decoder(kind).decode(b'{"a": {"f7": {"f7": {"f7": {"f7": {"f7": {"f7": 1}}}}}}}')

for number in range(100):
    ready = threading.Barrier(6)
    threads = [threading.Thread(target=read, args=(x, ready)) for x in kinds()]
    for x in threads: x.start()
    for x in threads: x.join()
"""


def test_structs_that_threads_share_are_learned_by_one_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False)

    assert (done.returncode, done.stderr) == (0, "")
