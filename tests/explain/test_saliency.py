"""Gradients of scores with respect to their input."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attentive_rnn.explain.saliency import gradients, integrated_gradients


class FirstElement(nn.Module):
    """The logit of class 1 is ten times the mean over time of element 0; nothing else matters."""

    def forward(self, x, lengths):
        known = torch.arange(x.shape[1]) < lengths[:, None]
        score = (10 * x[..., 0] * known).sum(1) / lengths
        return torch.stack([torch.zeros_like(score), score], dim=1)


@pytest.fixture
def planted():
    x, lengths = torch.ones(3, 4, 5).double(), torch.tensor([4, 2, 3])
    return FirstElement(), x, lengths, torch.tensor([1, 1, 1])


def test_gradients_of_a_linear_score_are_its_weights_and_integrated_ones_add_up(planted):
    model, x, lengths, target = planted
    gradient = gradients(model, x, lengths, target)
    expected = torch.zeros_like(x)
    for row, steps in enumerate(lengths.tolist()):
        expected[row, :steps, 0] = 10 / steps
    torch.testing.assert_close(gradient, expected)
    baseline = torch.full((5,), 0.5).double()
    torch.testing.assert_close(integrated_gradients(model, x, lengths, target, baseline, steps=1), expected * 0.5)
