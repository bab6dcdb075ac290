"""Memory and time of a training step over long sequences: all steps kept, in full or in bfloat16, or parts of them run
once more.

    python -m benchmarks.recomputing [--steps 10000 100000] [--write docs/benchmarks.md]

EleAttGRU of 12 inputs and 64 units, 4 rows, one thread. Each row of the table is a process of its own: memory is the
most that it had resident, less what it had before the step. Gradients are compared with those of the run that keeps
all in full, which stands first; they must be equal to within a share of their norm (`BOUNDS`), or nothing is printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import torch

from attentive_rnn import EleAttGRU
from attentive_rnn.options import Keep

from .sections import with_section
from .timing import processor

ROWS, INPUTS, UNITS = 4, 12, 64
BOUNDS = {None: 1e-4, "bf16": 2**-6}  # of the gradient's error, by what `keep` is
TITLE = "## Long sequences: memory"


def measure(steps: int, part: int | None, keep: Keep) -> dict[str, Any]:
    """Of training steps on the last state: the least seconds of three, bytes, and all parameters' gradient, a list."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layer = EleAttGRU(INPUTS, UNITS, recompute=10, keep=keep)
    x = torch.randn(steps, ROWS, INPUTS)
    layer(x[:100])[0].sum().backward()  # what a first step imports and sets up
    layer.zero_grad()
    layer.recompute = part
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(3):
        layer.zero_grad()
        start = time.process_time()
        layer(x)[1].square().mean().backward()
        times.append(time.process_time() - start)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gradient = torch.cat([p.grad.flatten() for p in layer.parameters() if p.grad is not None])
    return {"seconds": min(times), "bytes": 1024 * (most - before), "gradient": gradient.tolist()}


def in_a_process(steps: int, part: int | None, keep: Keep) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.recomputing", "--measure", str(steps), str(part or 0), keep or "full"]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def table(steps: list[int]) -> list[str]:
    """The section's lines."""
    lines = [
        TITLE,
        "",
        f"Made by `python -m benchmarks.recomputing` on {processor()}, torch {torch.__version__}: training steps of",
        f"EleAttGRU({INPUTS}, {UNITS}) over {ROWS} rows, one thread, from the last state alone; time is that of the",
        "processor, the least of three.",
        "",
        "| steps | recompute | keep | memory, MiB | time, of the first row | gradient, off by |",
        "|---|---|---|---|---|---|",
    ]
    choices: list[Keep] = [None, "bf16"]
    for number in steps:
        whole = in_a_process(number, None, None)
        for part, keep in product((None, number // 10, round(number**0.5)), choices):
            found = whole if part is keep is None else in_a_process(number, part, keep)
            ours, theirs = (torch.tensor(one["gradient"], dtype=torch.float64) for one in (found, whole))
            error = float((ours - theirs).norm() / theirs.norm())
            if not error <= BOUNDS[keep]:
                sys.exit(f"nothing is printed: recompute={part}, keep={keep} are off by {error:.1e} at {number} steps")
            share, size = found["seconds"] / whole["seconds"], found["bytes"] / 2**20
            lines.append(f"| {number:,} | {part} | {keep} | {size:.0f} | {share:.2f} | {error:.0e} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--write", type=Path, help="put the table into this file too")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        steps, part, keep = options.measure
        print(json.dumps(measure(int(steps), int(part) or None, "bf16" if keep == "bf16" else None)))
        return
    lines = table(options.steps)
    print("\n".join(lines))
    if options.write:
        options.write.write_text(with_section(options.write.read_text(), TITLE, lines))


if __name__ == "__main__":
    main()
