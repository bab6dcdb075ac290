"""One autograd function for every recurrence whose forward and backward passes are written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import native


class Kernels(NamedTuple):
    """A recurrence's forward and backward passes, each over all steps at once, on one kind of device.

    CALL is the recurrence's `Call`: it has `tensors` and `options`, of which `of(options, tensors)` makes it again; its
    `inputs`, the last ones of the tensors, which have gradients; `differentiable`, `empty`, `to(dtype)` and
    `result(tensors)`.
    """

    name: str  # the backend's
    why_not: Callable[[Iterable[Tensor | None], torch.dtype], str | None]  # what keeps tensors from the kernels
    forward: Callable[[Any, Any], tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]]
    # (CALL, keep) -> results, saved. keep: False; True, with what `backward` needs in `saved`; a tensor to hold it.
    backward: Callable[..., tuple[Tensor | None, ...]]  # (CALL, saved, gradients, needed) -> the inputs' gradients
    by_operators: Callable[[Any], Sequence[Tensor | None]]  # (CALL) -> the results, by PyTorch's operators
    history_bytes: Callable[[Any], Any] | None = None  # (CALL): of what it keeps; a symbol where a size is one
    halves: bool = True  # whether bfloat16 and float16 are computed in as they are; False: in float32
    copied: Callable[[Any], Any] = lambda call: call  # (CALL) -> the same with copies of what `backward` reads of it
    for_bfloat16: Callable[[], Kernels | None] = lambda: None  # for a call in float32 that was one in bfloat16


def run(kernels: Kernels, operator: Callable[..., tuple[Tensor, ...]] | None, call: Any) -> Any:
    """The result of a call by kernels; gradients can be asked for.

    Args:
        kernels: see :class:`Kernels`.
        operator: (name of the backend, call) -> results, for a graph of torch.compile or torch.export.
        call: the call.
    """
    if call.empty:  # the kernels have no programs for no rows
        return call.result(kernels.by_operators(call))
    dtype = call.dtype
    if not kernels.halves and (dtype is torch.bfloat16 or dtype is torch.float16):
        rounded = kernels.for_bfloat16() if dtype is torch.bfloat16 else None
        return run(rounded or kernels, operator, call.to(torch.float32)).to(dtype)
    if operator is not None and torch.compiler.is_compiling():
        return call.result(operator(kernels.name, call))
    if call.differentiable:
        return call.result(HandWritten.apply(kernels, type(call), call.options, *call.tensors))
    return call.result(kernels.forward(call, False)[0])


class HandWritten(torch.autograd.Function):
    """A call of a recurrence by kernels; what its own backward cannot give is that of PyTorch's operators.

    Autograd notices what its own operators change between forward and backward, but not what NumPy changes, or `.data`.
    The kernels read copies, where NumPy can reach a tensor; PyTorch's operators are refused tensors that have changed.
    """

    @staticmethod
    def forward(ctx: Any, kernels: Kernels, kind: Any, options: Any, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        ctx.kernels, ctx.kind, ctx.options = kernels, kind, options
        own = kernels.copied(kind.of(options, tensors))
        results, saved = kernels.forward(own, True)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*saved, *own.tensors, *tensors)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        kernels, kept = ctx.kernels, ctx.saved_tensors  # torch.utils.checkpoint lets them be asked for once
        count = len(ctx.needs_input_grad) - 3  # without kernels, kind and options
        saved, own, tensors = kept[: -2 * count], kept[-2 * count : -count], kept[-count:]
        call = ctx.kind.of(ctx.options, tensors)
        needed = ctx.needs_input_grad[-len(call.inputs) :]
        if torch.is_grad_enabled() or native.batched(grads) or kernels.why_not(grads, call.dtype) is not None:
            _check_unchanged(own, tensors)
            found = double_backward(lambda: kernels.by_operators(call), call.inputs, grads, needed)
        else:
            found = kernels.backward(ctx.kind.of(ctx.options, own), saved, grads, needed)
        return (*[None] * (len(ctx.needs_input_grad) - len(needed)), *found)


def _check_unchanged(copies: Sequence[Tensor | None], tensors: Sequence[Tensor | None]) -> None:
    """Refuse tensors that are no longer what they were in the forward pass."""
    for copy, now in zip(copies, tensors, strict=True):
        if copy is None or now is None or copy is now:
            continue
        if now.shape != copy.shape or not torch.allclose(now, copy, rtol=0, atol=0, equal_nan=True):
            raise RuntimeError(
                "a tensor that this gradient needs was changed after the forward pass, through NumPy or .data; "
                "change it after backward, or give the layer a copy"
            )


def double_backward(
    run: Callable[[], Sequence[Tensor | None]],
    inputs: Sequence[Tensor | None],
    grads: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    """The gradients of a call, run once more by PyTorch's operators: differentiable again under create_graph=True.

    Args:
        run: makes the results from the inputs.
        inputs: of the call.
        grads: of the results, in their order; None where there is none.
        needed: which inputs need a gradient.
    """
    twice = torch.is_grad_enabled()
    with torch.enable_grad():
        returned = run()
    used: list[Any] = [(r, g) for r, g in zip(returned, grads, strict=False) if g is not None]
    wanted: list[Any] = [t for t, need in zip(inputs, needed, strict=True) if need]
    results, weights = [r for r, _ in used], [g for _, g in used]
    found = iter(torch.autograd.grad(results, wanted, weights, create_graph=twice, allow_unused=True))
    return tuple(next(found) if need else None for need in needed)


def differentiable(tensors: Iterable[Tensor | None]) -> bool:
    """Whether gradients of a call on these tensors can be asked for."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def without_gradient(tensor: Tensor | None) -> Tensor | None:
    """A tensor for the loop of a graph, which has no gradients: of a loop over tensors that want them ONNX has none."""
    return tensor.detach().clone() if tensor is not None and tensor.requires_grad else tensor
