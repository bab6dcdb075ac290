"""Compile the Triton kernels of a cell for a GPU that need not be there; print their shared memory in bytes.

python compile_for_gpu.py gru sigmoid
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

HOPPER = GPUTarget("cuda", 90, 32)
SIZES = {"T": "i32", "B": "i32", "D": "i32", "N": "i32", "gate_scale": "fp32", "lengths": "*i64"}


def shared_memory(kernel: Any, **constants: Any) -> int:
    signature = {
        name: "constexpr" if name in constants else SIZES.get(name, "*fp32")  # a tensor is float32
        for name in kernel.arg_names
    }
    values = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    options = {"num_warps": 8, "num_stages": 1}
    compiled = triton.compile(ASTSource(kernel, signature, values), target=HOPPER, options=options)
    assert compiled.asm["cubin"]
    return int(compiled.metadata.shared)


def main(cell: str, gate: str) -> None:
    every = {"CELL": cell, "GATE": gate, "REVERSE": True, "RAGGED": True, "ZONEOUT": True, "PRECISION": "tf32"}
    every |= {"OPERAND": tl.float32, "ROWS": 16, "BLOCK_D": 128, "BLOCK_N": 128}
    print(shared_memory(forward_steps, BIAS=True, **every))
    print(shared_memory(backward_steps, G_OUTPUT=True, G_ATTENTION=True, **every))


main(*sys.argv[1:])
