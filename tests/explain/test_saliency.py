"""Gradients of scores with respect to their input."""

from __future__ import annotations

import torch

from attentive_rnn import SequenceClassifier
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


def test_integrated_gradients_are_captums():
    from captum.attr import IntegratedGradients, Saliency

    torch.manual_seed(0)
    model = SequenceClassifier(5, 3, hidden_size=6, num_layers=2, bidirectional=True).double().eval()
    x, lengths, target = torch.randn(4, 9, 5).double(), torch.tensor([9, 4, 7, 1]), torch.tensor([0, 2, 1, 2])
    baseline = torch.randn(5).double()
    own = integrated_gradients(model, x, lengths, target, baseline, steps=20)
    theirs = IntegratedGradients(model).attribute(
        x,
        baselines=baseline.expand_as(x),
        target=target,
        additional_forward_args=(lengths,),
        n_steps=20,
        method="riemann_middle",
    )
    torch.testing.assert_close(own, theirs)
    given = x.clone().requires_grad_()
    slopes = Saliency(model).attribute(given, target=target, abs=False, additional_forward_args=(lengths,))
    torch.testing.assert_close(gradients(model, x, lengths, target), slopes)
