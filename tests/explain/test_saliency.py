"""Gradients of scores with respect to their input."""

from __future__ import annotations

import torch

from attentive_rnn.explain.saliency import gradients, integrated_gradients


def test_gradients_of_a_linear_score_are_its_weights_and_integrated_ones_add_up(planted):
    model, x, lengths, target = planted
    gradient = gradients(model, x, lengths, target)
    expected = torch.zeros_like(x)
    for row, steps in enumerate(lengths.tolist()):
        expected[row, :steps, 0] = 10 / steps
    torch.testing.assert_close(gradient, expected)
    baseline = torch.full((5,), 0.5).double()
    torch.testing.assert_close(integrated_gradients(model, x, lengths, target, baseline, steps=1), expected * 0.5)
