"""Answers to questions about an image."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.models import AttentiveResNet, ImageEditor, ProgressiveAttention, QuestionAnswerer

ATTENTIONS = ["arnn", "pan-context", "pan", "cbam", "conv", "none"]


NETWORKS = {
    "resnet": (lambda a: AttentiveResNet(32, 4, (1, 1), (6, 8), a, hidden_size=3), (2, 4), [(32, 32), (16, 16)]),
    "progressive": (
        lambda a: ProgressiveAttention(40, 5, 4, (6, 8, 8), a, hidden_size=3),
        (2, 5),
        [(19, 19), (8, 8), (3, 3)],
    ),
    "answerer": (
        lambda a: QuestionAnswerer(32, 7, 4, (6, 6, 8), a, "gru", 10, hidden_size=3),
        (2, 7),
        [(8, 8)],
    ),
    "editor": (lambda a: ImageEditor(32, 4, (6, 8, 8), a, hidden_size=3), (2, 3, 32, 32), [(32, 32)]),
}


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_answer_depends_on_the_question(attention):
    for name in ("progressive", "answerer", "editor"):
        model = NETWORKS[name][0](attention).eval()
        x = torch.rand(2, 3, model.image_size, model.image_size)
        one, other = (model(x, torch.tensor([[word, 0], [word, 0]])) for word in (1, 2))
        assert (one - other).abs().max() > 1e-7
