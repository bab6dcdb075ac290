"""Random calls of the 2-D LSTM, and their results."""

from __future__ import annotations

import torch
from torch import Tensor

from attentive_rnn.ops.lstm2d import Weights, lstm2d


def random_weights(directions: int, n: int, feed: bool = False, up: bool = True) -> Weights:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(directions, *shape, generator=generator, dtype=torch.float64).requires_grad_()

    fed = (draw(4 * n), draw(4 * n) if up else None, draw(n), draw()) if feed else ()
    return Weights(draw(4 * n, n), draw(4 * n, n) if up else None, *fed)


def random_input(b: int, h: int, w: int, directions: int, n: int) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(b, h, w, directions, 4 * n, generator=generator, dtype=torch.float64).requires_grad_()


def results(p: Tensor, w: Weights, backend: str) -> dict[str, Tensor]:
    """h and the gradients of a fixed function that weighs every number of it differently."""
    h = lstm2d(p, w, backend=backend).h
    leaves = {"p": p} | {name: t for name, t in w._asdict().items() if t is not None}
    weight = torch.randn(h.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    gradients = torch.autograd.grad((h.double() * weight).sum(), list(leaves.values()), materialize_grads=True)
    return {"h": h} | dict(zip(leaves, gradients, strict=True))
