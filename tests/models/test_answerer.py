"""Answers to questions about an image."""

from __future__ import annotations

import pytest
import torch

from image_networks import ATTENTIONS, NETWORKS


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_answer_depends_on_the_question(attention):
    for name in ("progressive", "answerer", "editor"):
        model = NETWORKS[name][0](attention).eval()
        x = torch.rand(2, 3, model.image_size, model.image_size)
        one, other = (model(x, torch.tensor([[word, 0], [word, 0]])) for word in (1, 2))
        assert (one - other).abs().max() > 1e-7
