"""GPUs: what this machine can run, Triton kernels or CUDA graphs, and what keeps a call from Triton kernels."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..errors import installed
from . import native

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def interpreted() -> bool:
    """Whether Triton runs kernels as NumPy programs on the CPU, as TRITON_INTERPRET=1 asks it to."""
    return os.environ.get("TRITON_INTERPRET", "0") == "1"


def machine() -> tuple[bool, str]:
    """Whether this machine can run the kernels, and where."""
    if not installed("triton"):
        return False, "the package triton is not installed; it comes with torch's builds for GPUs"
    if interpreted():
        return True, "Triton's interpreter, on the CPU, for tests (TRITON_INTERPRET=1)"
    if not torch.cuda.is_available():
        return False, "PyTorch sees no GPU"
    return True, f"Triton kernels on {torch.cuda.get_device_name()}"


# What torch.compiler.assume_constant_result does, which would import all of torch._dynamo with the package.
machine._dynamo_marked_constant = True  # type: ignore[attr-defined]


def graphs() -> tuple[bool, str]:
    """Whether this machine can record CUDA graphs."""
    if not torch.cuda.is_available():
        return False, "PyTorch sees no GPU"
    return True, f"the loop of 'hoisted' recorded as CUDA graphs on {torch.cuda.get_device_name()}"


def why_not(tensors: Iterable[Tensor | None], dtype: torch.dtype, operator: bool = False) -> str | None:
    """What keeps tensors of a call from the kernels; None: nothing. In a graph they must be an operator."""
    given = [tensor for tensor in tensors if tensor is not None]
    device = given[0].device
    if device.type != "cuda" and not interpreted():
        return f"tensors are on {device}"
    available, reason = machine()
    if not available:
        return reason
    if operator and torch.compiler.is_compiling():
        transformed = native.why_not_functional()
    else:
        transformed = native.why_not_transformed() or native.why_not_plain(given)
    if transformed is not None:
        return transformed
    if dtype not in DTYPES:
        return f"its kernels do not know {dtype}"
    for tensor in given:
        if tensor.device != device:
            return f"tensors on {device} and {tensor.device} are mixed"
        if tensor.dtype is not dtype:
            return f"tensors of {dtype} and {tensor.dtype} are mixed"
    return None


def precision() -> str:
    """How a product of float32 matrices rounds its factors: as `torch.set_float32_matmul_precision` says."""
    return "ieee" if torch.get_float32_matmul_precision() == "highest" else "tf32"


def operand(dtype: torch.dtype) -> Any:
    """Triton's type for the factors of a product; the interpreter's products are NumPy's, which has no bfloat16."""
    import triton.language as tl

    types = {torch.float32: tl.float32, torch.float16: tl.float16, torch.bfloat16: tl.bfloat16}
    return tl.float32 if interpreted() and dtype is torch.bfloat16 else types[dtype]
