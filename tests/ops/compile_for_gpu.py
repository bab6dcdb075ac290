"""Compile the Triton kernels of a recurrence for a GPU that need not be there; print their shared memory in bytes.

python compile_for_gpu.py CELL GATE LAGS SIZE, of as many inputs as units: python compile_for_gpu.py gru sigmoid 0 128
python compile_for_gpu.py lstm2d SIZE
"""

from __future__ import annotations

import sys
from typing import Any

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from attentive_rnn.ops.lstm2d.triton_kernels import backward_diagonals, forward_diagonals
from attentive_rnn.ops.recurrence.triton_kernels import backward_steps, forward_steps
from attentive_rnn.ops.recurrence.triton_lags import lag_products

HOPPER = GPUTarget("cuda", 90, 32)
SIZES = ("T", "B", "D", "N", "stride", "H", "W", "R")
TYPES = dict.fromkeys(SIZES, "i32") | {"lengths": "*i64", "order": "*i64", "gate_scale": "fp32", "products": "*fp32"}


def shared_memory(kernel: Any, warps: int, dtype: str, **constants: Any) -> int:
    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
    signature = {name: "constexpr" if name in constants else TYPES.get(name, dtype) for name in kernel.arg_names}
    values = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    options = {"num_warps": warps, "num_stages": 1}
    compiled = triton.compile(ASTSource(kernel, signature, values), target=HOPPER, options=options)
    assert compiled.asm["cubin"]
    return int(compiled.metadata.shared)


def maps(size: str) -> None:
    block = max(16, int(size))
    every = {"UP": True, "KEEP": True, "ROWS_FLIPPED": 10, "COLUMNS_FLIPPED": 6, "PRECISION": "tf32"}
    every |= {"OPERAND": tl.float32, "ROWS": 16, "BLOCK_N": block}
    if size == "1":  # Triton takes such an argument for a constant
        every |= {"H": 1, "W": 1, "R": 1, "N": 1}
    for kernel in (forward_diagonals, backward_diagonals):
        print(shared_memory(kernel, 8 if block >= 128 else 4, "*fp32", **every))


def steps(cell: str, gate: str, lags: str, size: str) -> None:
    """Everything that a call may have, or for size 1 nothing of it, in bfloat16."""
    smallest = size == "1"
    block, dtype = max(16, int(size)), "*bf16" if smallest else "*fp32"
    every: dict[str, Any] = {"CELL": cell, "GATE": gate, "LAGS": int(lags), "FIRST": 1, "WINDOW": int(lags), "ROWS": 16}
    every |= dict.fromkeys(("REVERSE", "RAGGED", "ZONEOUT", "BIAS"), not smallest)
    every |= dict.fromkeys(("G_OUTPUT", "G_ATTENTION", "G_WINDOW"), not smallest)
    every |= {"BLOCK_D": block, "BLOCK_N": block, "PRECISION": "tf32", "OPERAND": tl.float32}
    if smallest:  # Triton takes a size of 1 for a constant
        every |= {"D": 1, "N": 1, "OPERAND": tl.bfloat16}
    for kernel in (forward_steps, backward_steps, *[lag_products] * (int(lags) > 0)):
        print(shared_memory(kernel, 8 if block >= 128 else 4, dtype, **every))


if __name__ == "__main__":
    if sys.argv[1] == "lstm2d":
        maps(*sys.argv[2:])
    else:
        steps(*sys.argv[1:])
