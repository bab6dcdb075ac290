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

from attentive_rnn.ops.eleatt.triton_backward import backward_steps
from attentive_rnn.ops.eleatt.triton_forward import forward_steps
from attentive_rnn.ops.eleatt.triton_lags import lag_products
from attentive_rnn.ops.lstm2d.triton_scan import backward_diagonals, forward_diagonals

HOPPER = GPUTarget("cuda", 90, 32)
NUMBERS = dict.fromkeys(("T", "B", "D", "N", "stride", "H", "W", "R"), "i32") | {"gate_scale": "fp32"}
INDICES = {"lengths": "*i64", "order": "*i64"}


def shared_memory(kernel: Any, warps: int, **constants: Any) -> int:
    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
    signature = {
        name: "constexpr" if name in constants else NUMBERS.get(name) or INDICES.get(name, "*fp32")
        for name in kernel.arg_names
    }
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
        print(shared_memory(kernel, 8 if block >= 128 else 4, **every))


def steps(cell: str, gate: str, lags: str, size: str) -> None:
    block = max(16, int(size))
    every = {"CELL": cell, "GATE": gate, "REVERSE": True, "RAGGED": True, "ZONEOUT": True, "PRECISION": "tf32"}
    every |= {"LAGS": int(lags), "FIRST": 1, "WINDOW": int(lags), "OPERAND": tl.float32, "ROWS": 16}
    every |= {"BLOCK_D": block, "BLOCK_N": block, "BIAS": True}
    every |= dict.fromkeys(("G_OUTPUT", "G_ATTENTION", "G_WINDOW"), True)
    if size == "1":  # Triton takes such an argument for a constant
        every |= {"D": 1, "N": 1}
    for kernel in (forward_steps, backward_steps, *[lag_products] * (int(lags) > 0)):
        print(shared_memory(kernel, 8 if block >= 128 else 4, **every))


if sys.argv[1] == "lstm2d":
    maps(*sys.argv[2:])
else:
    steps(*sys.argv[1:])
