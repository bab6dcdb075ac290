"""Saliency by gradients, to compare attention with: the change of a class's score with each element of the input."""

from __future__ import annotations

import torch
from torch import Tensor

from ..models import SequenceClassifier

STEPS = 16  # of the sum that stands for the integral, unless another number is asked for


def gradients(model: SequenceClassifier, x: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
    """The gradient of each sequence's logit of one class, or of its number, with respect to its input.

    Args:
        model: in evaluation mode, so that rows do not depend on one another.
        x: (B, T, D).
        lengths: int64 (B,).
        target: the class of each row, int64 (B,); of a regressor its answers, floating point (B,).

    Returns:
        (B, T, D), 0 past a row's length.

    Source: Simonyan, Vedaldi & Zisserman, "Deep inside convolutional networks", 2013, section 3.
    """
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(x, lengths)
        chosen = (logits if target.is_floating_point() else logits.gather(1, target[:, None])).sum()
        (gradient,) = torch.autograd.grad(chosen, x)
    return gradient


def integrated_gradients(
    model: SequenceClassifier, x: Tensor, lengths: Tensor, target: Tensor, baseline: Tensor, steps: int = STEPS
) -> Tensor:
    """The contribution of each element to the logit of a class, on the straight way from a baseline to the input.

    .. math:: (x - x') \\odot \\frac{1}{S} \\sum_{s=1}^{S} \\nabla f\\big(x' + \\tfrac{s - 1/2}{S} (x - x')\\big)

    Args:
        model, x, lengths, target: as in :func:`gradients`.
        baseline: x', (D,) or (B, T, D), the input that says nothing.
        steps: S; the sum tends to the integral as it grows.

    Returns:
        (B, T, D); the sum over a row is f(x) - f(x') up to the error of the sum.

    Source: Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks", ICML 2017, equations (1), (3).

    Example:
        >>> _ = torch.manual_seed(0)
        >>> model = SequenceClassifier(input_size=3, num_classes=2, hidden_size=4).double().eval()
        >>> x, lengths, target = torch.randn(1, 5, 3).double(), torch.tensor([5]), torch.tensor([1])
        >>> added = integrated_gradients(model, x, lengths, target, torch.zeros(3).double(), steps=64)
        >>> torch.allclose(added.sum(), (model(x) - model(0 * x))[0, 1], rtol=1e-2)
        True
    """
    difference = x - baseline
    total = torch.zeros_like(x)
    for step in range(steps):
        total += gradients(model, baseline + (step + 0.5) / steps * difference, lengths, target)
    # Past a row's length the gradient is zero, whatever the difference there is.
    return difference * total / steps
