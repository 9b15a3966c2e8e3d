"""A thousand gRPC export probes over loopback in one process, against as many through grpcio.

Each goes to an address of its own in 127.0.0.0/8, so that 64 are under way at a time; grpcio opens a new channel for
each, as a client does that connects anew, with as many calls under way. The server is grpcio's in both cases, in
another process.

    python benchmarks/probes.py [COUNT [ROUNDS]]
"""

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import grpc

from dualstack.model.address import Protocol
from dualstack.model.probe import Options, Outcome, ProbeTask
from dualstack.probe.otlp import SERVICES
from dualstack.probe.run import AT_ONCE, run

_SERVER = """
import sys
from concurrent.futures import ThreadPoolExecutor
import grpc

class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")

server = grpc.server(ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((Handler(),))
print(server.add_insecure_port("0.0.0.0:0"), flush=True)
server.start()
sys.stdin.read()
"""
_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0))


def ours(addresses: Sequence[str], port: int) -> None:
    """Every probe through this project."""
    tasks = [ProbeTask(x, port, Protocol.GRPC, x) for x in addresses]
    results = run(tasks, Options(seconds=30), lambda _: None)
    assert all(x.outcome is Outcome.ACCEPTED for x in results.items)


def theirs(addresses: Sequence[str], port: int) -> None:
    """Every export through a channel of its own."""
    waiting = list(reversed(addresses))
    under_way: list[tuple[grpc.Channel, grpc.Future]] = []
    while waiting or under_way:
        while waiting and len(under_way) < AT_ONCE:
            channel = grpc.insecure_channel(f"ipv4:{waiting.pop()}:{port}", _OPTIONS)
            under_way.append((channel, channel.unary_unary(SERVICES["traces"]).future(b"", timeout=30)))
        channel, call = under_way.pop(0)
        assert call.result() == b""
        channel.close()


def seconds(job: Callable[[Sequence[str], int], None], addresses: Sequence[str], port: int) -> float:
    """How long one round takes."""
    gc.collect()
    start = time.perf_counter()
    job(addresses, port)
    return time.perf_counter() - start


def main(count: int = 1000, rounds: int = 9) -> None:
    """Rounds alternate, so that a busy machine is busy for both; the medians count."""
    addresses = [f"127.1.{x // 250}.{x % 250 + 1}" for x in range(count)]
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        ours(addresses[:10], port)
        theirs(addresses[:10], port)
        times = [(seconds(ours, addresses, port), seconds(theirs, addresses, port)) for _ in range(rounds)]
        server.communicate()
    mine, other = (statistics.median(x) for x in zip(*times, strict=True))
    print(
        f"{count} exports, median of {rounds}: dualstack {mine:.3f} s, grpcio {other:.3f} s, ratio {mine / other:.2f}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
