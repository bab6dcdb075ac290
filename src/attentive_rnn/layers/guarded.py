"""A module that refuses tools from outside that would fail later, or compute something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle


class Guarded(nn.Module):
    """The base of all layers with a recurrence: an nn.Module that knows what Opacus and torch.onnx.export ask of it."""

    def register_forward_hook(self, hook: Callable[..., Any], **options: Any) -> RemovableHandle:
        """As of any module, but Opacus's hooks are refused: they know one input and one output, and no state."""
        if type(getattr(hook, "__self__", None)).__module__.startswith("opacus."):
            raise NotImplementedError(
                f"Opacus's hooks have no gradients of single sequences for {type(self).__name__}; use "
                'make_private(grad_sample_mode="no_op") and torch.func.vmap, as examples/with_opacus.py does'
            )
        return super().register_forward_hook(hook, **options)

    def _slow_forward(self, *input: Any, **options: Any) -> Any:
        """What nn.Module calls for forward while it is traced; for ONNX that would hold for one length alone."""
        if torch.jit.is_tracing() and torch.onnx.is_in_onnx_export():
            raise NotImplementedError(
                f"torch.onnx.export cannot write {type(self).__name__} with dynamo=False; use dynamo=True"
            )
        return super()._slow_forward(*input, **options)
