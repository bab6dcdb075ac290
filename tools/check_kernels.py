"""Random calls of the CPU kernels against the reference in float64, forward and backward.

    PYTHONPATH=tests python tools/check_kernels.py --count 20000

Cells, gates and their ranks, lags, sizes to 300, strides, lengths of 0 to T, directions, zoneout, instruction sets
and 1 to 4 threads are drawn. Each draw is called four times, twice in float32 and twice in float64, with strides,
threads and instruction sets of their own. The bound is that of the tests (tests/helpers.py). A draw is made of its
number and the seed alone, so that ``--case`` repeats it. With ``--record``, a line of JSON is added to a file when the
calls have ended; ``--write`` puts the sums of the file's lines into a page. The exit status is 1 if any call differs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin take the time of the others

import torch
from pages import write_between
from torch import Tensor

from attentive_rnn.ops import native
from attentive_rnn.ops.recurrence import Lags, Spec, Weights
from helpers import ALL_CELLS, ALL_GATES, Call, compare, in_double, poison_pool, random_call, results


def usable() -> list[str]:
    """The instruction sets that this machine has, the one in use first."""
    found = []
    for name in ("avx512", "avx2", "generic"):
        with contextlib.suppress(ValueError):
            native.kernels.select_isa(name)
            found.append(name)
    return found


ISAS = usable()


def size(rng: random.Random, most: int) -> int:
    """Mostly small, so that many can be tried; the sizes about those of a vector are the likeliest to be wrong."""
    return rng.choice((1, 2, 3, rng.randrange(1, 20), rng.randrange(1, 40), rng.randrange(1, most + 1)))


def drawn(number: int, seed: int) -> tuple[Call, Iterator[tuple[Call, str]], str]:
    """A call in float32, the same numbers in four ways, each with what is special about it, and the call in words.

    The threads and the instruction set are set when a way is asked for.
    """
    rng = random.Random(f"{seed} {number}")
    steps = rng.choice((1, 2, 3, rng.randrange(1, 6), rng.randrange(1, 12)))  # each costs the reference a millisecond
    steps = rng.randrange(1, 301) if rng.random() < 0.005 else steps
    rows, inputs, units = size(rng, 300), size(rng, 300), size(rng, 300)
    most = 1e7 if rng.random() < 0.1 else 1e6  # products
    while steps * rows * (inputs + units) > 100_000 or steps * rows * units * (inputs + units) > most:
        steps, rows = (max(1, steps // 2), rows) if steps > rows else (steps, max(1, rows // 2))
    rows *= rng.random() > 0.02
    lags = Lags(rng.randrange(1, 6), rng.choice(("sum", "softmax", "mean")), rng.randrange(1, 4))
    spec = Spec(
        rng.choice(ALL_CELLS), rng.choice(ALL_GATES), rng.choice((1.0, 2.0)), lags if rng.random() < 0.3 else None
    )
    if spec.gate is not None:
        rank = rng.choice((1, 5, rng.randrange(1, 40))) if rng.random() < 0.2 else None
        spec = spec._replace(gate_reads=rng.choice(("both", "both", "state")), gate_rank=rank)
    if spec.gate == "softmax" and rng.random() < 0.9:  # the softmax of one number is 1 and has no gradient
        inputs = max(inputs, 2)
    generator = torch.Generator().manual_seed(number)
    options: dict[str, object] = {"reverse": rng.random() < 0.5, "need_attention": rng.random() < 0.5}
    if rng.random() < 0.6:
        options["lengths"] = torch.randint(0, steps + 1, (rows,), generator=generator)
    if rng.random() < 0.2:
        options["zoneout"] = torch.rand((spec.cell_states, steps, rows, units), generator=generator)
    bias, dtype = rng.random() < 0.8, torch.float32
    call = random_call(spec, steps, rows, inputs, units, dtype=dtype, bias=bias, seed=number, **options)

    def ways() -> Iterator[tuple[Call, str]]:
        for one in (call, call, in_double(call), in_double(call)):
            threads, isa, strides = (
                rng.choice((1, 1, 1, 2, 3, 4)),
                rng.choice((*ISAS[:1] * 2, *ISAS)),
                rng.random() < 0.5,
            )
            torch.set_num_threads(threads)
            native.kernels.select_isa(isa)
            words = f"{one.x.dtype}, {threads} threads, {isa}, {'other' * strides or 'plain'} strides"
            yield strided(one, rng) if strides else one, words
        torch.set_num_threads(1)

    return call, ways(), f"{spec}, {steps} steps, {rows} rows, {inputs} inputs, {units} units, {', '.join(options)}"


def strided(call: Call, rng: random.Random) -> Call:
    """The call with tensors that are no whole blocks of memory."""

    def edit(tensor: Tensor) -> Tensor:
        plain = tensor.detach()
        if rng.random() < 0.5:
            made = plain.transpose(0, -1).contiguous().transpose(0, -1)
        else:
            made = torch.stack([plain] * 2, -1)[..., 1]
        return made.requires_grad_()

    weights = Weights(*(None if w is None else edit(w) for w in call.weights))
    return Call(edit(call.x), tuple(map(edit, call.state)), weights, call.spec, call.options)


def table(lines: list[str]) -> str:
    """The sums of recorded lines as a table of Markdown."""
    calls, differ, sets = Counter[str](), Counter[str](), dict[str, str]()
    for line in lines:
        part = json.loads(line)
        name = "address, undefined behaviour" if part["sanitizers"] else "none"
        calls[name] += part["calls"]
        differ[name] += part["differ"]
        sets[name] = ", ".join(part["instructions"])
    rows = ["| sanitizers | instruction sets | calls | differ |", "|---|---|--:|--:|"]
    return "\n".join([*rows, *(f"| {name} | {sets[name]} | {calls[name]:,} | {differ[name]} |" for name in calls)])


def main() -> int:
    parser = argparse.ArgumentParser(description="Random calls of the CPU kernels against the reference.")
    parser.add_argument("--count", type=int, default=20000, help="of calls, four for each draw (default 20000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only the draw of this number")
    parser.add_argument("--record", type=Path, help="add a line of JSON to this file at the end")
    parser.add_argument("--write", type=Path, help="put the sums of the recorded lines into this page")
    arguments = parser.parse_args()
    began, calls, differ = time.monotonic(), 0, 0
    for number in range(arguments.count // 4) if arguments.case is None else [arguments.case]:
        call, ways, words = drawn(number, arguments.seed)
        exact = results(in_double(call), "reference")
        if number % 4 == 0:
            poison_pool()
        for one, way in ways:
            calls += 1
            try:
                compare(one, exact)
            except (AssertionError, RuntimeError, ValueError) as error:
                differ += 1
                print(f"draw {number}: {words}, {way}: {str(error).splitlines()[0]}", flush=True)
        if calls % 1000 == 0:
            print(f"{calls:,} calls in {time.monotonic() - began:.0f} s, {differ} differ", flush=True)
    print(f"{calls:,} calls in {time.monotonic() - began:.0f} s, {differ} differ")
    if arguments.record is not None:
        sanitized = "libasan" in Path("/proc/self/maps").read_text(encoding="utf-8")
        line = {"calls": calls, "differ": differ, "seed": arguments.seed, "sanitizers": sanitized, "instructions": ISAS}
        with arguments.record.open("a", encoding="utf-8") as file:
            print(json.dumps(line), file=file)
        if arguments.write is not None:
            text = table(arguments.record.read_text(encoding="utf-8").splitlines())
            write_between(arguments.write, "check-kernels", text)
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
