"""The compiled CPU kernels, where the package was installed with them, and what keeps a call from them."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from . import dispatch

WORDS = 53  # of a call, as native/abi.h has them
kernels: Any = None
missing = ""
try:
    kernels = importlib.import_module("attentive_rnn._native")
    if getattr(kernels, "WORDS", None) != WORDS:  # their addresses would be taken for others
        kernels, missing = None, "the compiled kernels are of another version of the package: install it again"
except ModuleNotFoundError:
    missing = "the package was installed without its compiled kernels: no C++17 compiler was found then"
except ImportError as error:
    missing = f"the compiled kernels do not load: {error}"

_PLAIN = (Tensor, torch.nn.Parameter)
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def machine() -> tuple[bool, str]:
    """Whether this machine has the kernels, and the instruction set they use."""
    if kernels is None:
        return False, missing
    return True, f"compiled kernels for {kernels.isa()}, threads as torch.get_num_threads()"


dispatch.register_machine_check("cpu", machine)


def why_not_transformed() -> str | None:
    """What keeps a backward of our own from a call: a transform that follows PyTorch's own operators; None: nothing."""
    if torch.compiler.is_compiling():
        return "torch.compile and torch.export follow PyTorch's own operators"
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "torch.func transforms follow PyTorch's own operators"
    if torch._C._len_torch_dispatch_stack() > 0:
        return "a TorchDispatchMode is active, which follows PyTorch's own operators"
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation follows PyTorch's own operators"
    if torch.jit.is_tracing():
        return "torch.jit.trace follows PyTorch's own operators"
    return None


def why_not_functional() -> str | None:
    """What keeps an operator of our own from a graph that is being recorded; None: nothing."""
    if torch._C._functorch.get_dynamic_layer_stack_depth() > 0:
        return "torch.func transforms follow PyTorch's own operators"
    return None


def why_not_plain(tensors: Iterable[Tensor | None]) -> str | None:
    """Which tensor is of a class with operators of its own; None: none is."""
    for tensor in tensors:
        if tensor is not None and type(tensor) not in _PLAIN:
            return f"{type(tensor).__name__} is a subclass of Tensor"
    return None


def batched(tensors: Iterable[Tensor | None]) -> bool:
    """Whether a gradient stands for several at once, as with `torch.autograd.grad(is_grads_batched=True)`."""
    wrapped = torch._C._functorch.is_legacy_batchedtensor
    return any(tensor is not None and wrapped(tensor) for tensor in tensors)


def why_not(tensors: Iterable[Tensor | None], dtype: torch.dtype) -> str | None:
    """What keeps tensors of a call from being handed to compiled code by their addresses; None: nothing."""
    if kernels is None:
        return missing
    if torch.compiler.is_compiling():
        return _why_not_compiled(tensors, dtype)
    transformed = why_not_transformed()
    if transformed is not None:
        return transformed
    if dtype not in DTYPES:
        return f"its kernels do not know {dtype}"
    for tensor in tensors:
        if tensor is not None and (
            type(tensor) not in _PLAIN
            or tensor.dtype is not dtype
            or not tensor.is_cpu
            or tensor.layout is not torch.strided
        ):
            return _why_not_tensor(tensor, dtype)
    return None


def _why_not_compiled(tensors: Iterable[Tensor | None], dtype: torch.dtype) -> str | None:
    """The same for a graph that is being recorded, with stand-ins for tensors; it calls the kernels as an operator."""
    transformed = why_not_functional()
    if transformed is not None:
        return transformed
    if dtype not in DTYPES:
        return f"its kernels do not know {dtype}"
    for tensor in tensors:
        if tensor is not None and (tensor.dtype is not dtype or tensor.device.type != "cpu"):
            return f"tensors of {dtype} and of {tensor.dtype} on {tensor.device} are mixed"
    return None


def _why_not_tensor(tensor: Tensor, dtype: torch.dtype) -> str:
    other_class = why_not_plain((tensor,))
    if other_class is not None:
        return other_class
    if not tensor.is_cpu:
        return f"a tensor is on {tensor.device}"
    if tensor.dtype is not dtype:
        return f"tensors of {dtype} and {tensor.dtype} are mixed"
    return f"a tensor's layout is {tensor.layout}"


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """An uninitialised tensor, of pooled memory where it is large.

    The C library returns blocks over 32 MiB to the system at once, and fresh pages cost more than the arithmetic.
    """
    count = math.prod(shape)
    if count * dtype.itemsize < 1 << 25:
        return torch.empty(shape, dtype=dtype)
    return buffer(count, dtype).view(shape)


def buffer(count: int, dtype: torch.dtype = torch.uint8) -> Tensor:
    """`count` uninitialised numbers of pooled memory, which goes back to the pool with its last tensor."""
    memory: Any = kernels.Buffer(count * dtype.itemsize)
    return torch.frombuffer(memory, dtype=dtype, count=count)


def beside(like: Tensor, count: int) -> Tensor:
    """`count` uninitialised bytes of pooled memory, where the tensor `like` is: on the CPU."""
    return buffer(count)
