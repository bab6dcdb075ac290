"""The compiled CPU kernels, where the package was installed with them: the structures of their calls, the check that
both sides agree on them, and what keeps a call from the kernels.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_type_hints

import torch
from torch import Tensor
from torch.autograd import forward_ad

Address = int | None  # of a tensor's first number; None: no tensor


class RecurrenceInputs(NamedTuple):
    """What a call of a recurrence is given; see native/abi.h for each field."""

    cell: int
    gate: int
    gate_scale: float
    steps: int
    rows: int
    inputs: int
    units: int
    lags: int
    first_lag: int
    gate_rank: int
    is_double: int
    reverse: int
    threads: int
    x: Address = None
    x_step: int = 0
    x_row: int = 0
    h: Address = None
    c: Address = None
    window: Address = None
    ih: Address = None
    hh: Address = None
    b_ih: Address = None
    b_hh: Address = None
    ia: Address = None
    ha: Address = None
    ua: Address = None
    b_a: Address = None
    lag: Address = None
    lengths: Address = None
    zoneout: Address = None
    short_products: int = 0
    short_history: int = 0


class RecurrenceResults(NamedTuple):
    """Where a call writes its results, and what a backward pass needs; a backward pass reads `output` and `history`."""

    output: Address = None
    h_last: Address = None
    c_last: Address = None
    window_last: Address = None
    attention: Address = None
    history: Address = None


class RecurrenceGradients(NamedTuple):
    """The gradients of the results, and where a backward pass writes those of the inputs."""

    g_output: Address
    g_output_step: int
    g_output_row: int
    g_h_last: Address
    g_c_last: Address
    g_window_last: Address
    g_attention: Address
    g_x: Address
    g_h: Address
    g_c: Address
    g_window: Address
    g_ih: Address
    g_hh: Address
    g_b_ih: Address
    g_b_hh: Address
    g_ia: Address
    g_ha: Address
    g_ua: Address
    g_b_a: Address
    g_lag: Address


class Lstm2dCall(NamedTuple):
    """A call of the 2-D LSTM."""

    maps: int
    height: int
    width: int
    directions: int
    units: int
    is_double: int
    threads: int
    p: Address = None
    left: Address = None
    up: Address = None
    h: Address = None
    history: Address = None
    g_h: Address = None
    g_p: Address = None
    g_left: Address = None
    g_up: Address = None


# By the names under which the compiled module lists its fields; a call is the fields of all parts, one after the other.
STRUCTURES: Mapping[str, tuple[type, ...]] = {
    "RECURRENCE_FIELDS": (RecurrenceInputs, RecurrenceResults, RecurrenceGradients),
    "LSTM2D_FIELDS": (Lstm2dCall,),
}
_KINDS = {int: "int", float: "float", Address: "Address"}


GATES = 4  # kinds of gate that a call can name: none and three


def agrees(module: Any, structures: Mapping[str, tuple[type, ...]] = STRUCTURES) -> bool:
    """Whether the compiled module's calls have the fields of ours, by name and kind, in their order, and its gates."""
    if getattr(module, "RECURRENCE_GATES", None) != GATES:  # it would take one that it does not know for another
        return False
    for name, parts in structures.items():
        ours = (f"{field}: {_KINDS[kind]}" for part in parts for field, kind in get_type_hints(part).items())
        if getattr(module, name, None) != tuple(ours):
            return False
    return True


def load() -> tuple[Any, str]:
    """The compiled module, or None and the reason for which there is none."""
    try:
        module = importlib.import_module("attentive_rnn._native")
    except ModuleNotFoundError:
        return None, "the package was installed without its compiled kernels: no C++17 compiler was found then"
    except ImportError as error:
        return None, f"the compiled kernels do not load: {error}"
    if not agrees(module):  # addresses would be taken for others
        return None, "the compiled kernels are of another version of the package: install it again"
    return module, ""


kernels, missing = load()
_PLAIN = (Tensor, torch.nn.Parameter)
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def machine() -> tuple[bool, str]:
    """Whether this machine has the kernels, and the instruction set they use."""
    if kernels is None:
        return False, missing
    short = ", bfloat16 by AVX512-BF16" if kernels.short_products() else ""
    return True, f"compiled kernels for {kernels.isa()}{short}, threads as torch.get_num_threads()"


def short_products() -> bool:
    """Whether products of bfloat16 numbers, summed in float32, are faster here than those of float32 numbers."""
    return kernels is not None and bool(kernels.short_products())


short_products._dynamo_marked_constant = True  # type: ignore[attr-defined]  # as in gpu.py


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


def own(tensor: Tensor | None) -> Tensor | None:
    """A contiguous copy, which nobody else can change."""
    if tensor is None:
        return None
    if tensor.numel() < 1 << 20:
        return tensor.clone(memory_format=torch.contiguous_format)
    return empty(tuple(tensor.shape), tensor.dtype).copy_(tensor)


def address(tensor: Tensor | None) -> Address:
    """Where a tensor's first number is."""
    return None if tensor is None else tensor.data_ptr()
