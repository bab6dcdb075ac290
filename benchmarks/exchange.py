"""Times of an all-reduce of gloo between two processes, on a loopback with the bandwidth of a network.

Needs the programs `unshare`, `ip` and `tc`, and no rights: the loopback is that of a network of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import distributed

PORT = 29_400  # in a network where there is nobody else


def throttled(counts: list[int], gbit: float) -> list[float]:
    """The shortest seconds of all-reduces of so many float32 numbers between two processes with so much bandwidth each.

    The loopback carries what both send, and is given the bandwidth of both.
    """
    limit = f"tc qdisc add dev lo root tbf rate {2 * gbit}gbit burst {max(128, 25 * gbit):.0f}kb latency 200ms"
    one = f"{sys.executable} -m benchmarks.exchange RANK {' '.join(map(str, counts))}"
    script = f"ip link set lo up && {limit} && ({one.replace('RANK', '1')} & {one.replace('RANK', '0')}; wait)"
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", script], stdout=subprocess.PIPE, text=True, check=True, cwd=root
    )
    return [float(word) for word in done.stdout.split()]


def exchange(rank: int, counts: list[int]) -> None:
    """One of the two processes; the first prints the seconds of each size."""
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{PORT}", rank=rank, world_size=2)
    for count in counts:
        tensor, times = torch.zeros(count), list[float]()
        for _ in range(20):
            distributed.barrier()
            start = time.perf_counter()
            distributed.all_reduce(tensor)
            times.append(time.perf_counter() - start)
        if rank == 0:
            print(min(times), flush=True)
    distributed.destroy_process_group()


if __name__ == "__main__":
    exchange(int(sys.argv[1]), [int(word) for word in sys.argv[2:]])
