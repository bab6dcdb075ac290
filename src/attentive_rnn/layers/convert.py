"""Weights from and to torch.nn's layers, keeping the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import nn

from ..ops.recurrence import Gate
from .base import RecurrentBase
from .options import gates_per_layer

Layer = TypeVar("Layer", bound=RecurrentBase)
TorchLayer = TypeVar("TorchLayer", bound=nn.RNNBase)


def take(cls: Callable[..., Layer], kind: type[nn.RNNBase], layer: nn.RNNBase, gate: Gate, **options: Any) -> Layer:
    """A layer of class `cls` that computes what torch's `layer` computes, with a gate that can learn from there.

    The gate starts open: its weights are zero and gate_scale is 2, so that a_t = 2 sigmoid(0) = 1, a hard gate's
    likewise, and its gradient is not zero. torch's two biases are added where this layer has one.

    Raises:
        TypeError: `layer` is not of class `kind`.
        ValueError: it has a projection (proj_size), or the gate is "softmax", which cannot be open.
    """
    if not isinstance(layer, kind):
        raise TypeError(f"{cls.__name__}.from_torch takes a torch.nn.{kind.__name__}, got {type(layer).__name__}")
    if layer.proj_size:
        raise ValueError(f"{cls.__name__} has no projection, but the layer has proj_size={layer.proj_size}")
    if "softmax" in gates_per_layer(gate, layer.num_layers):
        raise ValueError("a softmax gate sums to one and so cannot start open; use gate='sigmoid', 'hard' or None")
    weight = cast(torch.Tensor, layer.weight_ih_l0)
    ours = cls(
        layer.input_size,
        layer.hidden_size,
        layer.num_layers,
        layer.bias,
        layer.batch_first,
        layer.dropout,
        layer.bidirectional,
        gate=gate,
        gate_scale=1.0 if gate is None else 2.0,
        device=weight.device,
        dtype=weight.dtype,
        **options,
    )
    theirs = dict(layer.named_parameters())
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if name.startswith(("weight_ia", "weight_ha", "bias_a")):
                parameter.zero_()
            else:
                parameter.copy_(theirs[name])
            if name.startswith("bias_ih") and not hasattr(ours, name.replace("bias_ih", "bias_hh")):
                parameter.add_(theirs[name.replace("bias_ih", "bias_hh")])
    return ours.train(layer.training)


def give(ours: RecurrentBase, kind: Callable[..., TorchLayer], **options: Any) -> TorchLayer:
    """torch's layer that computes what `ours` computes.

    Raises:
        ValueError: torch has no such layer: one of ours has a gate, zoneout, locked dropout or residual connections,
            or is a GRU whose reset gate acts before the product.
    """
    name = type(ours).__name__
    if any(gate is not None for gate in ours.gates):
        raise ValueError(f"torch.nn has no attention gate: only an {name} with gate=None can become a torch layer")
    if ours.specs[0].lags is not None:
        raise ValueError(f"torch.nn has no residual attention: only an {name} with lags=0 can become a torch layer")
    if ours.specs[0].cell == "gru":
        raise ValueError("torch.nn.GRU resets after the recurrent product: only a layer with reset_after=True fits")
    if ours.zoneout or ours.locked_dropout:
        raise ValueError("torch.nn's layers have neither zoneout nor locked dropout: set both to 0")
    if ours.residual and ours.num_layers > 1:
        raise ValueError("torch.nn's layers have no residual connections: only a layer with residual=False fits")
    weight = cast(torch.Tensor, ours.weight_ih_l0)
    theirs = kind(
        ours.input_size,
        ours.hidden_size,
        ours.num_layers,
        bias=ours.bias,
        batch_first=ours.batch_first,
        dropout=ours.dropout,
        bidirectional=ours.bidirectional,
        device=weight.device,
        dtype=weight.dtype,
        **options,
    )
    known = dict(ours.named_parameters())
    with torch.no_grad():
        for parameter_name, parameter in theirs.named_parameters():
            if parameter_name in known:
                parameter.copy_(known[parameter_name])
            else:
                parameter.zero_()
    return theirs.train(ours.training)
