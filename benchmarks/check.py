"""Checks before a measurement: every layer against its reference in float64."""

from __future__ import annotations

import copy
import sys

import numpy as np
import torch
from torch import Tensor, nn

from .loops import JAX, NaiveEleAttGRU, jax_scan


def output_of(layer: nn.Module, x: Tensor) -> Tensor:
    result = layer(x)
    return result[0] if isinstance(result, tuple) else result


def check(layers: dict[str, nn.Module], x: Tensor, tolerance: float = 1e-4, calls: int = 1) -> dict[str, float]:
    """Refuse to go on unless every layer of ours, and every loop, computes what the reference computes in float64.

    Args:
        layers: by name; loops have the parameters of "EleAttGRU, reset after".
        x: the input (T, B, D), of which a part is used.
        tolerance: of the relative error of the output and of each gradient.
        calls: how often a layer is called; the last call counts.

    Returns:
        the largest relative error of each layer.
    """
    part, worst = x.detach()[:20, :5], {}
    for name, layer in layers.items():
        if name.startswith("nn."):
            continue
        is_loop = isinstance(layer, NaiveEleAttGRU)
        exact = copy.deepcopy(layers["EleAttGRU, reset after"] if is_loop else layer).double()
        exact.backend = "reference"
        exact.zero_grad()
        expected = output_of(exact, part.double())
        weight = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64, device=x.device).view_as(expected)
        (expected * weight).sum().backward()
        for _ in range(calls):
            layer.zero_grad()
            output = output_of(layer, part)
            (output * weight.to(output.dtype)).sum().backward()
        pairs = [(output, expected, "output")]
        if not is_loop:
            pairs += [
                (p.grad, q.grad, key)
                for (key, p), (_, q) in zip(layer.named_parameters(), exact.named_parameters(), strict=True)
            ]
        worst[name] = _worst(name, pairs, tolerance)
    return worst


def check_jax(layer: nn.Module, x: Tensor, tolerance: float = 1e-4) -> float:
    """The same of :func:`jax_scan`, with the parameters of a layer (EleAttGRU with reset_after=True)."""
    part = x.detach()[:20, :5].clone().requires_grad_()
    exact, right_x = copy.deepcopy(layer).double(), part.detach().double().requires_grad_()
    exact.backend = "reference"
    exact.zero_grad()
    expected = output_of(exact, right_x)
    weight = torch.linspace(-1, 1, expected.numel()).view_as(expected)
    (expected * weight).sum().backward()
    forward, training = jax_scan(layer, part, weight)
    _, (gradients, by_x) = training()
    pairs = [(forward(), expected, "output"), (by_x, right_x.grad, "x")]
    pairs += [(gradients[name], p.grad, name) for name, p in exact.named_parameters()]
    return _worst(JAX, [(torch.from_numpy(np.array(found)), right, what) for found, right, what in pairs], tolerance)


def _worst(name: str, pairs: list[tuple[Tensor, Tensor, str]], tolerance: float) -> float:
    """The largest relative error of what was found and what is right; the end where one is above the tolerance."""
    worst = 0.0
    for found, right, what in pairs:
        error = float((found.double() - right).detach().norm() / right.detach().norm())
        if not error < tolerance:
            sys.exit(f"no speed is measured: {name}, {what}: relative error {error:.1e}")
        worst = max(worst, error)
    return worst
