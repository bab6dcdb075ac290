"""Capture of the attention of a model's layers while it runs, without touching the model's code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

from ..layers import AttentionRNN2d, CBAMSpatialGate, ConvMask2d, LocalAttention2d
from ..ops.recurrence import Attention

SPATIAL = (AttentionRNN2d, CBAMSpatialGate, ConvMask2d, LocalAttention2d)  # which return their mask at every call


class CapturedCall(NamedTuple):
    """The input and the attention of a layer in one call.

    Args:
        input: the layer's first argument; (T, B, D) or as the layer is laid out, or maps (B, C, H, W).
        attention: exactly what the layer returns last when it is asked. Of stacked recurrent layers a list with one
            for each of them: a tensor (T, B, D), None without a gate, or the pair of lags and inputs of an RRA layer;
            of a cell a tensor (B, D); of a spatial layer the mask (B, 1, H, W).
    """

    input: Any
    attention: Any


def attentive_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The modules of a model that can return their attention, by name, in the order of the model.

    A module can if its `forward` takes `need_attention`, or if it is a spatial layer; of a module and one inside it,
    the inner one is meant.

    Example:
        >>> from attentive_rnn import SequenceClassifier
        >>> list(attentive_layers(SequenceClassifier(input_size=4, num_classes=2, hidden_size=3)))
        ['layers']
    """
    able = {name: module for name, module in model.named_modules() if _can_be_asked(module)}
    return {name: module for name, module in able.items() if not any(_is_inside(other, name) for other in able)}


@contextmanager
def capture(model: nn.Module) -> Iterator[dict[str, list[CapturedCall]]]:
    """Keep the attention of every attentive layer of a model, call by call; the model's own results are unchanged.

    Args:
        model: any module; :func:`attentive_layers` finds the layers in it.

    Yields:
        for each layer, by name, a list with one :class:`CapturedCall` a call, detached.

    Outside the context nothing is left behind and nothing is slower.

    Example:
        >>> import torch
        >>> from attentive_rnn import SequenceClassifier
        >>> model = SequenceClassifier(input_size=4, num_classes=2, hidden_size=3, num_layers=2)
        >>> with capture(model) as captured:
        ...     logits = model(torch.randn(5, 7, 4))
        >>> [tuple(a.shape) for a in captured["layers"][0].attention]
        [(7, 5, 4), (7, 5, 3)]
    """
    taps = {name: _Tap(layer) for name, layer in attentive_layers(model).items()}
    try:
        yield {name: tap.kept for name, tap in taps.items()}
    finally:
        for tap in taps.values():
            tap.remove()


class _Tap:
    """The hooks on a layer: one asks for the attention, one keeps it and hands on what the caller wanted."""

    def __init__(self, layer: nn.Module) -> None:
        self.kept: list[CapturedCall] = []
        self.wanted = True  # by the caller of the layer
        self.hooks = [layer.register_forward_hook(self.keep, with_kwargs=True)]
        if not isinstance(layer, SPATIAL):
            self.hooks.append(layer.register_forward_pre_hook(self.ask, with_kwargs=True))

    def ask(self, layer: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        self.wanted = kwargs.get("need_attention", False)
        return args, kwargs | {"need_attention": True}

    def keep(self, layer: nn.Module, args: Any, kwargs: dict[str, Any], output: tuple[Any, ...]) -> Any:
        given = args[0] if args else next(iter(kwargs.values()))
        self.kept.append(CapturedCall(_detached(given), _detached(output[-1])))
        if self.wanted:
            return output
        return output[0] if len(output) == 2 else output[:-1]

    def remove(self) -> None:
        for hook in self.hooks:
            hook.remove()


def _can_be_asked(module: nn.Module) -> bool:
    return isinstance(module, SPATIAL) or "need_attention" in inspect.signature(module.forward).parameters


def _is_inside(name: str, other: str) -> bool:
    """Whether the module `name` is a part, at any depth, of the module `other`."""
    return name != other and (other == "" or name.startswith(other + "."))


def _detached(attention: Any) -> Any:
    if isinstance(attention, Tensor):
        return attention.detach()
    if isinstance(attention, list):
        return [_detached(part) for part in attention]
    if isinstance(attention, Attention):
        return Attention(*map(_detached, attention))
    return attention
