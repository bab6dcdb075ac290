"""Random calls of the CPU kernels against the reference in float64, forward and backward.

    PYTHONPATH=tests python tools/check_kernels.py --count 20000

Cells, gates, lags, sizes to 300, strides, lengths of 0 to T, directions, zoneout, both types and 1 to 4 threads are
drawn. The bound is that of the tests (tests/helpers.py). A call is made of its number and the seed alone, so that
``--case`` repeats it; the exit status is 1 if any differs.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin take the time of the others

import torch
from torch import Tensor

from attentive_rnn.ops.recurrence import Lags, Spec, Weights
from helpers import ALL_CELLS, ALL_GATES, Call, compare, poison_pool, random_call


def size(rng: random.Random, most: int) -> int:
    """Mostly small, so that many can be tried; the sizes about those of a vector are the likeliest to be wrong."""
    return rng.choice((1, 2, 3, rng.randrange(1, 20), rng.randrange(1, 40), rng.randrange(1, most + 1)))


def drawn(number: int, seed: int) -> tuple[Call, str]:
    """A call and what it is, in words."""
    rng = random.Random(f"{seed} {number}")
    steps, rows, inputs, units = size(rng, 30), size(rng, 300), size(rng, 300), size(rng, 300)
    while steps * rows * (inputs + units) > 200_000 or steps * rows * units * (inputs + units) > 2e7:
        steps, rows = max(1, steps // 2), max(1, rows // 2)
    rows *= rng.random() > 0.02
    lags = Lags(rng.randrange(1, 6), rng.choice(("sum", "softmax", "mean")), rng.randrange(1, 4))
    spec = Spec(
        rng.choice(ALL_CELLS), rng.choice(ALL_GATES), rng.choice((1.0, 2.0)), lags if rng.random() < 0.3 else None
    )
    if spec.gate == "softmax":  # that of one number is 1: its gradient is zero, to which no error is relative
        inputs = max(inputs, 2)
    dtype = rng.choice((torch.float32, torch.float64))
    generator = torch.Generator().manual_seed(number)
    options: dict[str, object] = {"reverse": rng.random() < 0.5, "need_attention": rng.random() < 0.5}
    if rng.random() < 0.6:
        options["lengths"] = torch.randint(0, steps + 1, (rows,), generator=generator)
    if rng.random() < 0.2:
        shape = (spec.cell_states, steps, rows, units)
        options["zoneout"] = torch.rand(shape, generator=generator, dtype=torch.float64).to(dtype)
    call = random_call(spec, steps, rows, inputs, units, dtype=dtype, bias=rng.random() < 0.8, seed=number, **options)
    if rng.random() < 0.4:
        call = strided(call, rng)
    threads = rng.choice((1, 1, 1, 2, 3, 4))
    torch.set_num_threads(threads)
    sizes = f"{steps} steps, {rows} rows, {inputs} inputs, {units} units"
    return call, f"{spec}, {sizes}, {dtype}, {threads} threads, {', '.join(map(str, options))}"


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


def main() -> int:
    parser = argparse.ArgumentParser(description="Random calls of the CPU kernels against the reference.")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only the call of this number")
    arguments = parser.parse_args()
    began, differ = time.monotonic(), 0
    numbers = range(arguments.count) if arguments.case is None else [arguments.case]
    for done, number in enumerate(numbers, 1):
        call, words = drawn(number, arguments.seed)
        poison_pool()
        try:
            compare(call)
        except (AssertionError, RuntimeError, ValueError) as error:
            differ += 1
            print(f"call {number}: {words}: {str(error).splitlines()[0]}", flush=True)
        if done % 500 == 0:
            print(f"{done:,} calls in {time.monotonic() - began:.0f} s, {differ} differ", flush=True)
    print(f"{len(numbers):,} calls in {time.monotonic() - began:.0f} s, {differ} differ")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
