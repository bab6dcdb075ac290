"""Helpers of the tests of the Triton kernels: calls where the kernels run, and their comparison with the reference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attentive_rnn.ops.recurrence import Spec, Weights
from helpers import Call, assert_near, random_call, relative_error, results

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"  # where the kernels run
TOLERANCE = {torch.float32: 2e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
SHARED_MEMORY = 96 << 10  # bytes that a program may have on any GPU since Volta


def on_device(call: Call, dtype: torch.dtype | None = None) -> Call:
    """The call where the kernels run, or in another type on the CPU."""

    def moved(tensor: Any) -> Any:
        if not isinstance(tensor, Tensor):
            return tensor
        there = tensor.detach().to(DEVICE if dtype is None else "cpu", dtype if tensor.is_floating_point() else None)
        return there.requires_grad_(tensor.requires_grad)

    weights = Weights(*map(moved, call.weights))
    options = {name: moved(option) for name, option in call.options.items()}
    return Call(moved(call.x), tuple(map(moved, call.state)), weights, call.spec, options)


def compare(call: Call) -> None:
    """Within rounding of the reference in float64, or a few times the error of the reference in the call's own type.

    Memory that nobody has written is NaN.
    """
    torch.use_deterministic_algorithms(True)
    tolerance = TOLERANCE[call.x.dtype]
    exact, usual = results(on_device(call, torch.float64), "reference"), results(call, "reference")
    out = results(on_device(call), "triton")
    assert out.keys() == exact.keys()
    for name, expected in exact.items():
        assert_near(out[name], expected, max(tolerance, 4 * relative_error(usual[name], expected)), name)


def padding_is_not_read(spec: Spec) -> None:
    """A call with NaN past a row's length gives the same bits as one without, and no gradient there."""
    options: dict[str, Any] = {"lengths": torch.tensor([2, 3]), "need_attention": True}
    call = on_device(random_call(spec, 3, 2, 3, 5, dtype=torch.float32, **options))
    clean = results(call, "triton")
    with torch.no_grad():
        call.x[2, 0] = torch.nan
    dirty = results(call, "triton")
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    assert (dirty["grad_x"][2, 0] == 0).all()


def compiled_shared_memory(*arguments: str) -> list[int]:
    """The shared memory of kernels compiled for a GPU that need not be there, as ops/compile_for_gpu.py prints it."""
    program = [sys.executable, str(Path(__file__).parent / "ops" / "compile_for_gpu.py"), *arguments]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]
